"""The `simulate:` mappings of a container and of a miner, read strictly: every mistake in one line of its own."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from simulator.catalogue import Figures, figures_of, known_models
from simulator.devices.makes import DEVICES, MANUFACTURERS
from simulator.devices.whatsminer_v3_orders import ModeCommand
from simulator.fault import Fault
from simulator.faults import read_fault
from simulator.gateway import GatewayWish
from simulator.incidents import Wear
from simulator.pools import PoolAccount
from simulator.setting import Setting

Static = bool | Annotated[float, Meta(gt=0)]
Password = Annotated[str, Meta(min_length=1, max_length=64)]
CONTAINER_KEYS: Mapping[str, Any] = {
    "weather": Any,
    "wear": Wear,
    "pools": Any,
    "static": Static,
    "password": Password,
    "gateway": GatewayWish | Annotated[int, Meta(ge=0, le=65_535)],
}
MINER_KEYS: Mapping[str, Any] = {
    "device": str,
    "model": str,
    "setting": Setting,
    "pools": Any,
    "static": Static,
    "password": Password,
    "mode_command": ModeCommand,
}
DEFAULT_POOLS = (
    PoolAccount("stratum+tcp://eu.pool.example:3333", "farm.{container}x{miner}"),
    PoolAccount("stratum+tcp://us.pool.example:3333", "farm.{container}x{miner}"),
    PoolAccount("stratum+tcp://backup.example:443", "farm.{container}x{miner}"),
)
# the model of a miner whose inventory entry names only its driver or maker
USUAL_MODELS = {
    "antminer": "S19 Pro",
    "luxos": "S19k Pro",
    "vnish": "S19j Pro",
    "cgminer": "S19",
    "whatsminer_v2": "M30S+",
    "whatsminer_v3": "M60S",
    "whatsminer": "M30S+",
    "avalon": "1246",
    "elphapex": "DG1+",
}


class WeatherWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The season at a place: its mean, and half of the way between the day's coldest and warmest hour, in °C."""

    mean_c: Annotated[float, Meta(ge=-50, le=55)] = 21.0
    daily_c: Annotated[float, Meta(ge=0, le=25)] = 6.0


class FaultWish(msgspec.Struct, frozen=True):
    """A fault for the miners of a container whose names match one of the shell patterns, or for all."""

    fault: Fault
    miners: tuple[str, ...] | None
    place: str

    def concerns(self, name: str) -> bool:
        """Whether the miner of this name is to have it."""
        return self.miners is None or any(fnmatchcase(name, pattern) for pattern in self.miners)


class ContainerWish(msgspec.Struct, frozen=True, kw_only=True):
    """What the file wishes of a container's simulation."""

    weather: WeatherWish = WeatherWish()
    wear: Wear | None = None
    pools: tuple[PoolAccount, ...] = DEFAULT_POOLS
    static: bool | float = False
    password: str | None = None
    gateway: GatewayWish | None = None
    faults: tuple[FaultWish, ...] = ()


class MinerWish(msgspec.Struct, frozen=True, kw_only=True):
    """What the file wishes of one miner's simulation."""

    device: str | None = None
    model: str | None = None
    setting: Setting = Setting()
    pools: tuple[PoolAccount, ...] | None = None
    static: bool | float | None = None
    password: str | None = None
    mode_command: ModeCommand | None = None
    faults: tuple[Fault, ...] = ()


def read_container(value: Mapping[str, Any], place: str, mistakes: list[str]) -> ContainerWish:
    """Return what a container's mapping wishes; every mistake is added, each begun with `place`."""
    found = _read_keys(value, CONTAINER_KEYS, place, mistakes)
    if "weather" in found:
        found["weather"] = (
            _converted(found["weather"], WeatherWish, f"{place}.weather", mistakes) or WeatherWish()
        )
    if "pools" in found:
        found["pools"] = _read_pools(found["pools"], f"{place}.pools", mistakes) or DEFAULT_POOLS
    if isinstance(found.get("gateway"), int):
        found["gateway"] = GatewayWish(found["gateway"])
    wishes = []
    for entry, where in _fault_entries(value, CONTAINER_KEYS, place, mistakes):
        miners = None
        if isinstance(entry, Mapping) and "miners" in entry:
            miners = _converted(entry["miners"], tuple[str, ...], f"{where}.miners", mistakes)
            entry = {key: given for key, given in entry.items() if key != "miners"}  # noqa: PLW2901  # the rest of it
        fault = read_fault(entry, where, mistakes)
        if fault is not None:
            wishes.append(FaultWish(fault, miners, where))
    return ContainerWish(**found, faults=tuple(wishes))


def read_miner(value: Mapping[str, Any], place: str, mistakes: list[str]) -> MinerWish:
    """Return what a miner's mapping wishes; every mistake is added, each begun with `place`."""
    found = _read_keys(value, MINER_KEYS, place, mistakes)
    if "pools" in found:
        found["pools"] = _read_pools(found["pools"], f"{place}.pools", mistakes)
    if found.get("device", "antminer_old") not in DEVICES:
        mistakes.append(
            f"{place}.device: {found.pop('device')!r} is no device; there are {', '.join(DEVICES)}"
        )
    faults = [
        read_fault(entry, where, mistakes)
        for entry, where in _fault_entries(value, MINER_KEYS, place, mistakes)
    ]
    return MinerWish(**found, faults=tuple(fault for fault in faults if fault is not None))


def choose_figures(
    *, model: str | None, driver: str | None, manufacturer: str | None, place: str, mistakes: list[str]
) -> Figures | None:
    """Return the figures of the model named, else of the usual model of the driver or maker."""
    named = model or USUAL_MODELS.get((driver or manufacturer or "").casefold())
    if named is None:
        mistakes.append(f"{place}: no model: name one of {known_models()}")
        return None
    figures = figures_of(named)
    if figures is None:
        mistakes.append(f"{place}: model {named!r} cannot be simulated: name one of {known_models()}")
    return figures


def choose_device(
    *, device: str | None, driver: str | None, figures: Figures, place: str, mistakes: list[str]
) -> str:
    """Return the name of the device: the one wished, else the driver's, else the model's usual one."""
    chosen = device or (driver if driver in DEVICES else figures.device)
    if chosen not in MANUFACTURERS[figures.manufacturer]:
        fitting = ", ".join(sorted(MANUFACTURERS[figures.manufacturer]))
        mistakes.append(
            f"{place}: {figures.manufacturer} {figures.name} cannot be simulated as {chosen}: name one of {fitting}"
        )
        return figures.device
    return chosen


def _read_keys(
    value: Mapping[str, Any], kinds: Mapping[str, Any], place: str, mistakes: list[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    short_form = "fault" in value
    for key, given in value.items():
        if key in kinds:
            converted = _converted(given, kinds[key], f"{place}.{key}", mistakes)
            if converted is not None:
                found[key] = converted
        elif key != "faults" and not short_form:
            mistakes.append(f"{place}.{key}: unknown; there are {', '.join(kinds)}, fault and faults")
    return found


def _fault_entries(
    value: Mapping[str, Any], kinds: Mapping[str, Any], place: str, mistakes: list[str]
) -> list[tuple[Any, str]]:
    """Return the faults' mappings with their places: the short form `{fault: …}` beside the list `faults`."""
    entries: list[tuple[Any, str]] = []
    if "fault" in value:
        short = {key: given for key, given in value.items() if key not in kinds and key != "faults"}
        entries.append((short, place))
    listed = value.get("faults", [])
    if not isinstance(listed, list | tuple):
        mistakes.append(f"{place}.faults: a list of faults is wanted, such as [{{fault: silent}}]")
        return entries
    return entries + [(entry, f"{place}.faults[{number}]") for number, entry in enumerate(listed)]


def _read_pools(value: Any, place: str, mistakes: list[str]) -> tuple[PoolAccount, ...]:
    pools: tuple[PoolAccount, ...] | None = _converted(value, tuple[PoolAccount, ...], place, mistakes)
    if pools is None:
        return ()
    if not 1 <= len(pools) <= 3:
        mistakes.append(f"{place}: one to three pools are wanted, not {len(pools)}")
        return ()
    return pools


def _converted(value: Any, kind: Any, place: str, mistakes: list[str]) -> Any:
    if kind is Any:
        return value
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        mistakes.append(f"{place}: {error}")
        return None
