"""From plain words to simulated miners: every wish checked, every mistake named, nothing opened yet."""

import ipaddress
import re
from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from simulator.devices.makes import DEVICES
from simulator.devices.whatsminer_v3 import WhatsminerV3
from simulator.errors import SimulatorError
from simulator.fault import Fault
from simulator.gateway import Gateway
from simulator.incidents import CALM, Wear
from simulator.miner import SimulatedMiner
from simulator.physics import STEP_S, Physics
from simulator.pools import PoolAccount
from simulator.specs import ContainerSpec, MinerSpec
from simulator.weather import Weather
from simulator.wishes import (
    ContainerWish,
    MinerWish,
    choose_device,
    choose_figures,
    read_container,
    read_miner,
)

FOREVER_S = float("inf")
MOST_MISTAKES = 50


def build_miners(
    containers: Sequence[ContainerSpec],
    *,
    seed: int | str,
    start: float,
    static: bool | float = False,
    just_up: bool = False,
    step_s: float = STEP_S,
) -> list[SimulatedMiner]:
    """Return the fleet's miners as of `start` (seconds since the epoch), with no socket open: `at(time)` asks them.

    The same specs, seed, start and step give the same run. `static`: replies stand for so many seconds, or for ever.
    `just_up`: they came up just now, and have not run for days. Raises SimulatorError with every mistake.
    """
    mistakes: list[str] = []
    _refuse_foreign_addresses(containers, mistakes)
    built = []
    for container in containers:
        place = f"container {container.name}: simulate"
        wish = read_container(container.simulate, place, mistakes)
        try:
            ZoneInfo(container.timezone)
        except (ValueError, OSError, LookupError):
            mistakes.append(
                f"container {container.name}: timezone: {container.timezone!r} is no IANA time zone"
            )
            continue
        weather = Weather(
            f"{seed}/{container.name}",
            mean_c=wish.weather.mean_c,
            daily_c=wish.weather.daily_c,
            timezone=container.timezone,
        )
        mistakes.extend(
            f"{fault.place}.miners: no miner of the container has such a name"
            for fault in wish.faults
            if not any(fault.concerns(miner.name) for miner in container.miners)
        )
        for spec in container.miners:
            miner = _build_miner(
                spec,
                wish,
                weather,
                seed=seed,
                start=start,
                static=static,
                just_up=just_up,
                step_s=step_s,
                mistakes=mistakes,
            )
            if miner is not None:
                built.append(miner)
    _refuse_shared_ports(built, mistakes)
    if mistakes:
        more = len(mistakes) - MOST_MISTAKES
        raise SimulatorError(mistakes[:MOST_MISTAKES] + ([f"and {more} mistakes more"] if more > 0 else []))
    return built


def build_gateways(
    containers: Sequence[ContainerSpec], miners: Sequence[SimulatedMiner], now: Callable[[], float]
) -> list[Gateway]:
    """Return the gateways that containers wish for, in front of their own miners; not listening yet.

    `now`: simulated time, seconds since the epoch. Raises SimulatorError for one that would listen outside loopback.
    """
    gateways = []
    mistakes: list[str] = []
    for container in containers:
        wish = read_container(container.simulate, "", []).gateway
        if wish is None:
            continue
        if not on_loopback(wish.address):
            place = f"container {container.name}: simulate.gateway.address"
            mistakes.append(f"{place}: {wish.address} is not on loopback: take 127.0.0.1")
        own = [miner for miner in miners if miner.spec.container == container.name]
        gateways.append(Gateway(container.name, wish, own, now))
    if mistakes:
        raise SimulatorError(mistakes)
    return gateways


def _build_miner(
    spec: MinerSpec,
    container: ContainerWish,
    weather: Weather,
    *,
    seed: int | str,
    start: float,
    static: bool | float,
    just_up: bool,
    step_s: float,
    mistakes: list[str],
) -> SimulatedMiner | None:
    place = f"container {spec.container}, miner {spec.name}"
    wish = read_miner(spec.simulate, f"{place}: simulate", mistakes)
    figures = choose_figures(
        model=wish.model or spec.model,
        driver=spec.driver,
        manufacturer=spec.manufacturer,
        place=place,
        mistakes=mistakes,
    )
    if figures is None:
        return None
    device = choose_device(
        device=wish.device, driver=spec.driver, figures=figures, place=place, mistakes=mistakes
    )
    faults: list[Fault] = [entry.fault for entry in container.faults if entry.concerns(spec.name)]
    faults += wish.faults
    for fault in faults:
        misfit = fault.misfit(figures, device)
        if misfit:
            mistakes.append(f"{place}: simulate: {fault.name}: {misfit}")
    if mistakes:
        return None
    static_s = _static_s(wish, container, static)
    key = f"{seed}/{spec.container}/{spec.name}"
    physics = Physics(
        key,
        figures,
        weather,
        _accounts(wish.pools or container.pools, spec),
        start=start,
        # a bench measures polls, not restarts
        wear=container.wear or (Wear() if static_s is None else CALM),
        setting=wish.setting,
        step_s=step_s,
        prompt=static_s is not None,
        just_up=just_up,
    )
    if faults:
        physics.add_faults(faults, start)
    if wish.password is not None and DEVICES[device].default_password is None:
        mistakes.append(f"{place}: simulate.password: {device} asks for none: leave it out")
    miner = SimulatedMiner(
        spec, key, device, physics, static_s=static_s, password=wish.password or container.password
    )
    if wish.mode_command is not None:
        if isinstance(miner.device, WhatsminerV3):
            miner.device.mode_command = wish.mode_command
        else:
            mistakes.append(f"{place}: simulate.mode_command: {device} has none: it is for whatsminer_v3")
    if not miner.ports:
        mistakes.append(f"{place}: every port that {device} answers on is null: name one")
    return miner


def _static_s(wish: MinerWish, container: ContainerWish, fleet: bool | float) -> float | None:
    for asked in (wish.static, container.static or None, fleet):
        if asked is not None:
            return (FOREVER_S if asked else None) if isinstance(asked, bool) else asked
    return None


def _accounts(pools: tuple[PoolAccount, ...], spec: MinerSpec) -> tuple[PoolAccount, ...]:
    """Return three accounts with the names put in; where fewer are configured, the first one fills the places."""
    filled = (*pools, *(pools[0] for _ in range(3 - len(pools))))
    names = {"{container}": _worker(spec.container), "{miner}": _worker(spec.name)}
    accounts = []
    for pool in filled:
        user = pool.user
        for placeholder, name in names.items():
            user = user.replace(placeholder, name)
        accounts.append(PoolAccount(pool.url, user))
    return tuple(accounts)


def _worker(name: str) -> str:
    """Return a name as pools accept it in a worker's: letters and digits of any script."""
    return re.sub(r"[^\w]|_", "", name)


def _refuse_foreign_addresses(containers: Sequence[ContainerSpec], mistakes: list[str]) -> None:
    foreign = [spec for container in containers for spec in container.miners if not on_loopback(spec.address)]
    if foreign:
        first = foreign[0]
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        mistakes.append(
            f"{first.address} (container {first.container}, miner {first.name}){more}: simulated miners listen on "
            "loopback only: give them addresses such as 127.10.1.10"
        )


def on_loopback(address: str) -> bool:
    """Whether the address is one of this machine's own that nobody else can reach."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _refuse_shared_ports(miners: Sequence[SimulatedMiner], mistakes: list[str]) -> None:
    taken: dict[tuple[str, int], MinerSpec] = {}
    for miner in miners:
        for port in miner.ports.values():
            first = taken.setdefault((miner.spec.address, port), miner.spec)
            if first is not miner.spec:
                mistakes.append(
                    f"container {miner.spec.container}, miner {miner.spec.name}: {miner.spec.address}:{port} belongs "
                    f"to miner {first.name} of container {first.container} already"
                )
