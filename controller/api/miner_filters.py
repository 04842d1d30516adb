"""Which miners pass a filter, and by what they can be sorted: the same for lists, for orders and for searches."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec

from controller.api.boards import lost_boards, misses_chips
from controller.api.figures import algorithm_of, model_of, state_of
from controller.api.route import Call
from controller.api.shapes import MinerState
from controller.deeds import MinerView
from miners import models
from miners.model import Snapshot

Text = Annotated[str, msgspec.Meta(max_length=200)]


class MinersFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters of miners. `below_ratio`: share of nominal hash rate; `q`: text in names, address, model, serial, MAC, pool user.

    `lost_boards`: fewer boards are found than should be there; `missing_chips`: less than 98 % of the chips of those that are
    found; `faults`: the miner reports some. Miners of which that is not known count as sound.
    """

    container: tuple[Text, ...] = ()
    state: tuple[MinerState, ...] = ()
    active: bool | None = None
    manufacturer: tuple[Text, ...] = ()
    model: tuple[Text, ...] = ()
    firmware: tuple[Text, ...] = ()
    algorithm: tuple[Text, ...] = ()
    fault: tuple[Text, ...] = ()
    faults: bool | None = None
    lost_boards: bool | None = None
    missing_chips: bool | None = None
    profile: tuple[Text, ...] = ()
    matches: bool | None = None
    stale: bool | None = None
    service: bool | None = None
    hotter_than_c: Annotated[float, msgspec.Meta(ge=-100, le=300)] | None = None
    below_ratio: Annotated[float, msgspec.Meta(ge=0, le=10)] | None = None
    q: Text | None = None


def chosen(call: Call[Any, Any], query: MinersFilter) -> list[MinerView]:
    """Return the miners that one may see and that pass the filters, in the order of the inventory."""
    tests = _tests(query, private=call.person.role == "client")
    return [
        view
        for container in call.containers()
        if not query.container or container.id in query.container or container.name in query.container
        for view in call.deeds.views(container.id)
        if all(test(view) for test in tests)
    ]


def _tests(query: MinersFilter, *, private: bool) -> list[Callable[[MinerView], bool]]:
    """Return the filters that are asked for, the cheap ones first. `private`: what is not shown is not searched."""
    tests: list[Callable[[MinerView], bool]] = []

    def one_of(names: Sequence[str], of: Callable[[MinerView], str | None]) -> None:
        if names:
            wanted = {name.casefold() for name in names}
            tests.append(lambda view: (of(view) or "").casefold() in wanted)

    one_of(query.state, state_of)
    if query.active is not None:
        tests.append(lambda view: view.miner.active is query.active)
    if query.matches is not None:
        tests.append(lambda view: view.matches is query.matches)
    if query.stale is not None:
        tests.append(lambda view: view.stale is query.stale)
    if query.service is not None:
        tests.append(lambda view: (view.service is not None) is query.service)
    one_of(query.profile, lambda view: view.wanted.profile)
    one_of(
        [models.manufacturer_name(name) or name for name in query.manufacturer],
        manufacturer_of,
    )
    one_of(query.model, model_of)
    one_of(query.firmware, firmware_of)
    one_of(query.algorithm, algorithm_of)
    if query.fault:
        codes = set(query.fault)
        tests.append(
            lambda view: (
                isinstance(view.reading, Snapshot)
                and any(fault.code in codes for fault in view.reading.faults)
            )
        )
    for wanted, found in (
        (query.faults, lambda reading: bool(reading.faults)),
        (query.lost_boards, lambda reading: lost_boards(reading) > 0),
        (query.missing_chips, misses_chips),
    ):
        if wanted is not None:
            tests.append(_finding(found, wanted=wanted))
    if (hot := query.hotter_than_c) is not None:
        tests.append(lambda view: (_chip(view) or -1000.0) > hot)
    if (below := query.below_ratio) is not None:
        tests.append(lambda view: (ratio := _ratio(view)) is not None and ratio < below)
    if query.q:
        text = query.q.casefold()
        tests.append(lambda view: text in _searched(view, private=private))
    return tests


def _finding(found: Callable[[Snapshot], bool], *, wanted: bool) -> Callable[[MinerView], bool]:
    """Return the test whether something is found in a miner's reading, or is not."""
    return lambda view: (isinstance(view.reading, Snapshot) and found(view.reading)) is wanted


def _searched(view: MinerView, *, private: bool) -> str:
    snapshot = view.last_snapshot
    parts: list[str | None] = [view.miner.name, view.id, model_of(view)]
    if not private:
        parts.append(view.miner.address)
    if snapshot is not None:
        parts += [pool.user for pool in snapshot.pools]
        if not private:
            parts += [snapshot.identity.serial, snapshot.identity.mac]
    return "\n".join(part for part in parts if part).casefold()


def manufacturer_of(view: MinerView) -> str | None:
    """Return who made it: as the device says, else as the inventory does."""
    return _identity(view, "manufacturer") or view.miner.manufacturer


def _identity(view: MinerView, name: str) -> str | None:
    found: str | None = getattr(view.last_snapshot.identity, name) if view.last_snapshot is not None else None
    return found


def firmware_of(view: MinerView) -> str | None:
    """Return the firmware with its version, as the device last said."""
    return " ".join(filter(None, (_identity(view, "firmware"), _identity(view, "firmware_version")))) or None


def _chip(view: MinerView) -> float | None:
    return view.reading.temperatures_c.chip_max if isinstance(view.reading, Snapshot) else None


def _ratio(view: MinerView) -> float | None:
    reading = view.reading
    if not isinstance(reading, Snapshot) or reading.hashrate_hs is None:
        return None
    nominal = view.miner.nominal_hashrate_hs or reading.nominal_hashrate_hs
    return reading.hashrate_hs / nominal if nominal else None


def _figure(name: str) -> Callable[[MinerView], Any]:
    return lambda view: getattr(view.reading, name) if isinstance(view.reading, Snapshot) else None


SORTS: dict[str, Callable[[MinerView], Any]] = {
    "name": lambda view: view.miner.name.casefold(),
    "container": lambda view: view.container.name.casefold(),
    "state": state_of,
    "hashrate_hs": _figure("hashrate_hs"),
    "performance_ratio": _ratio,
    "power_w": _figure("power_w"),
    "uptime_s": _figure("uptime_s"),
    "chip_max_c": _chip,
    "inlet_c": lambda view: view.reading.temperatures_c.inlet if isinstance(view.reading, Snapshot) else None,
    "taken_at": lambda view: view.reading.taken_at if view.reading is not None else None,
}
