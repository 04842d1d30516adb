"""The live state: what is known of every miner of the inventory now, and its row of `/metrics`.

Readings come in through `Fleet.take`, inventories through `Fleet.apply`; pages and the API read. A miner is known by
its container and name: its counters go on when anything else about it changes in the inventory.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

import msgspec
import structlog

from exporter.changes import Changes
from exporter.container_rows import container_row
from exporter.device import Device, nominal
from exporter.energy import EnergyMeter
from exporter.exposition import NotFinite, clean
from exporter.pool_rules import compile_rules
from exporter.render import (
    Labels,
    Row,
    failed_row,
    known_chunks,
    miner_labels,
    read_row,
    said_chunks,
    said_of,
    says_the_same,
)
from exporter.soundness import each_once, finite_only
from miners.driver import Memory
from miners.inventory.fleet import Container, Inventory, Miner
from miners.model import FAILURE_REASONS, FailureReason, PollFailure, Pool, Reading, Snapshot, Target

STALE_INTERVALS = 3.0
"""A reading older than this many poll intervals is not shown as current."""

_PIECE = 100  # miners of an inventory taken over before the event loop has its turn

_log = structlog.get_logger(__name__)

TargetOf = Callable[[Container, Miner], Target]


class MinerState(msgspec.Struct, eq=False):
    """Everything that the exporter holds of one miner.

    `taken_s`: when the latest reading was begun, on the loop's clock; `last_seen`: unix seconds at its end.
    `failures`: polls without a reading, in the order of FAILURE_REASONS. `sequence`, `removed`: see Changes.
    """

    container: Container
    miner: Miner
    target: Target
    labels: Labels
    memory: Memory
    device: Device
    meter: EnergyMeter
    failures: list[int]
    known: Row
    row: Row
    reading: Reading | None = None
    taken_s: float = 0.0
    last_seen: float | None = None
    active_pool: tuple[int, str | None] | None = None
    pool_switches: int = 0
    sequence: int = 0
    removed: bool = False

    def __repr__(self) -> str:
        """Name the miner alone: what hangs on it is half a fleet, which no log nor traceback should spell out."""
        return f"<{self.container.name} / {self.miner.name}>"


class ContainerState(msgspec.Struct, eq=False):
    """A container of this exporter's share, its miners by name, and its own row with the minute it holds for."""

    container: Container
    inventory: Inventory
    miners: dict[str, MinerState]
    row: Row = ()
    row_minute: int = -1

    def __repr__(self) -> str:
        """Name the container alone."""
        return f"<{self.container.name}>"

    def current_row(self, now: float) -> Row:
        """Return the container's chunks as of `now` (unix seconds); prices change by the minute at most."""
        minute = int(now // 60)
        if minute != self.row_minute:
            self.row = container_row(
                self.container, len(self.miners), self.inventory, datetime.fromtimestamp(now, UTC)
            )
            self.row_minute = minute
        return self.row

    def answering(self) -> int:
        """Return how many miners gave a reading at their last poll."""
        return sum(type(state.reading) is Snapshot for state in self.miners.values())


class FleetChange(msgspec.Struct, frozen=True):
    """What an inventory changed: miners that are new, that are gone, and whose address or interval is another."""

    added: list[MinerState]
    removed: list[MinerState]
    changed: list[MinerState]

    def __repr__(self) -> str:
        """Say how many, not which."""
        return f"<{len(self.added)} added, {len(self.removed)} removed, {len(self.changed)} changed>"


class Fleet:
    """The live state of all containers of one exporter."""

    def __init__(self) -> None:
        """Begin empty."""
        self.containers: dict[str, ContainerState] = {}
        self.changes: Changes[MinerState] = Changes()
        self._gone: dict[tuple[str, str], MinerState] = {}
        self._applying = asyncio.Lock()

    def miners(self) -> Iterator[MinerState]:
        """Yield every miner, container by container."""
        for container in self.containers.values():
            yield from container.miners.values()

    def find(self, container: str, miner: str) -> MinerState | None:
        """Return a miner by the names that the inventory gives, or None."""
        state = self.containers.get(container)
        return None if state is None else state.miners.get(miner)

    async def apply(
        self,
        inventory: Inventory,
        containers: Iterable[Container],
        target_of: TargetOf,
        restore: Callable[[MinerState], None] = lambda _state: None,
    ) -> FleetChange:
        """Take over an inventory: `containers` of it are this exporter's share.

        `restore` is called once for each miner that is new, before its first row is made.
        """
        async with self._applying:
            change = FleetChange([], [], [])
            fleet: dict[str, ContainerState] = {}
            for container in containers:
                fleet[container.name] = await self._apply_container(
                    container, inventory, target_of, restore, change
                )
            for name, old in self.containers.items():
                now = fleet[name].miners if name in fleet else {}
                for miner, state in old.miners.items():
                    if miner not in now:
                        self._remove(state)
                        change.removed.append(state)
            self.containers = fleet
            self._gone = {key: state for key, state in self._gone.items() if state.sequence}
            return change

    async def _apply_container(
        self,
        container: Container,
        inventory: Inventory,
        target_of: TargetOf,
        restore: Callable[[MinerState], None],
        change: FleetChange,
    ) -> ContainerState:
        old = self.containers.get(container.name)
        known = old.miners if old is not None else {}
        miners: dict[str, MinerState] = {}
        for count, miner in enumerate(container.miners, start=1):
            if not miner.active:
                continue
            target = target_of(container, miner)
            state = known.get(miner.name)
            if state is None:
                state = _new_state(container, miner, target)
                restore(state)
                _render_known(state)
                _render(state)
                change.added.append(state)
            elif _update(state, container, miner, target):
                change.changed.append(state)
            miners[miner.name] = state
            if count % _PIECE == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        return ContainerState(container, inventory, miners)

    def _remove(self, state: MinerState) -> None:
        state.removed = True
        if state.reading is not None:
            self.changes.note(state)
            self._gone[state.container.name, state.miner.name] = state

    def take(self, state: MinerState, reading: Reading, taken_s: float) -> None:
        """Take over a reading, or a failure to read. `taken_s`: when the poll began, on the loop's clock."""
        if state.removed:
            return
        before = state.reading
        if before is None and self._gone:
            gone = self._gone.pop((reading.container, reading.miner), None)
            if gone is not None:  # it is back: whoever follows the changes must not be told that it is gone
                self.changes.drop(gone)
        if isinstance(reading, Snapshot):
            reading = _take_snapshot(state, each_once(reading), taken_s)
        else:
            _take_failure(state, reading)
        self.changes.note(state)
        _log_change(before, reading)

    def expire(self, now_s: float, now: float) -> int:
        """Turn readings that are too old into failures; return how many. A stuck poll must not look current.

        `now_s`: on the loop's clock; `now`: unix seconds.
        """
        expired = 0
        for container in self.containers.values():
            longest_s = STALE_INTERVALS * container.container.interval_s
            for state in container.miners.values():
                if now_s - state.taken_s > longest_s and type(state.reading) is Snapshot:
                    detail = (
                        f"no poll has ended for {longest_s:.0f} s; the reading before is too old to be shown"
                    )
                    self.take(state, poll_failure(state, detail, now), now_s)
                    expired += 1
        return expired


def poll_failure(
    state: MinerState,
    detail: str,
    now: float,
    duration_s: float = 0.0,
    reason: FailureReason = "timeout",
) -> PollFailure:
    """Return the failure of a poll of which the reading side itself said nothing. `now`: unix seconds."""
    return PollFailure(
        container=state.container.name,
        miner=state.miner.name,
        address=state.miner.address,
        taken_at=datetime.fromtimestamp(now, UTC),
        duration_s=duration_s,
        reason=reason,
        detail=detail,
        driver=state.memory.driver,
    )


def _new_state(container: Container, miner: Miner, target: Target) -> MinerState:
    return MinerState(
        container=container,
        miner=miner,
        target=target,
        labels=miner_labels(container, miner),
        memory=Memory(),
        device=Device(),
        meter=EnergyMeter(),
        failures=[0] * len(FAILURE_REASONS),
        known=(),
        row=(),
    )


def _update(state: MinerState, container: Container, miner: Miner, target: Target) -> bool:
    """Take over what the inventory says now; return whether the miner must be polled in another way."""
    was_container, was, was_target = state.container, state.miner, state.target
    state.container, state.miner, state.target = container, miner, target
    if was == miner and was_target == target and _shown(was_container) == _shown(container):
        return was_container.interval_s != container.interval_s
    if (was_target.address, was_target.port, was_target.driver) != (
        target.address,
        target.port,
        target.driver,
    ):
        state.memory = Memory()
    state.labels = miner_labels(container, miner)
    _render_known(state)
    _render(state)
    return was_target != target or was_container.interval_s != container.interval_s


def _shown(container: Container) -> tuple[object, ...]:
    """Return what of a container stands in the series of its miners."""
    return (container.client, dict(container.temperature_limits_c))


def _take_snapshot(state: MinerState, snapshot: Snapshot, taken_s: float) -> Snapshot:
    before = state.reading
    if state.device.notice(snapshot):
        _render_known(state)
    state.meter.add(snapshot, taken_s, state.container.interval_s)
    state.taken_s = taken_s
    state.last_seen = snapshot.taken_at.timestamp() + snapshot.duration_s
    _count_switch(state, snapshot.pools)
    state.reading = snapshot
    if isinstance(before, Snapshot) and says_the_same(before, snapshot):
        _render(state, said_of(state.row))
    else:
        _render(state)
    return snapshot


def _take_failure(state: MinerState, failure: PollFailure) -> None:
    state.failures[FAILURE_REASONS.index(failure.reason)] += 1
    state.reading = failure
    _render_known(state)
    _render(state)


def _count_switch(state: MinerState, pools: tuple[Pool, ...]) -> None:
    """Count a change of the active pool. A reading that names none (asleep, cut) is no change."""
    for pool in pools:
        if pool.active:
            active = (pool.index, pool.url)
            if state.active_pool is not None and active != state.active_pool:
                state.pool_switches += 1
            state.active_pool = active
            return


def _render_known(state: MinerState) -> None:
    figures = nominal(state.container, state.miner, state.device)
    state.known = known_chunks(state.labels, state.miner, state.failures, figures)


def _render(state: MinerState, said: Row | None = None) -> None:
    """Make the row. `said`: the chunks of the row before, if the reading says the same."""
    reading = state.reading
    if not isinstance(reading, Snapshot) or state.last_seen is None:
        state.row = failed_row(state.known, state.labels, state.last_seen, state.meter)
        return
    if said is None:
        rules = state.miner.pools
        said = said_chunks(state.labels, reading, None if rules is None else compile_rules(rules))
    known, labels, seen, meter = state.known, state.labels, state.last_seen, state.meter
    try:
        state.row = read_row(known, said, labels, reading, seen, meter, state.pool_switches)
    except NotFinite:
        state.reading = reading = finite_only(reading)
        state.row = read_row(known, said, labels, reading, seen, meter, state.pool_switches)


def _log_change(before: Reading | None, reading: Reading) -> None:
    """Say it once when a miner stops or begins to answer, not at every poll."""
    where = {"container": reading.container, "miner": reading.miner, "address": reading.address}
    if isinstance(reading, PollFailure):
        if not isinstance(before, PollFailure) or before.reason != reading.reason:
            _log.warning("miner not read", **where, reason=reading.reason, detail=clean(reading.detail))
    elif isinstance(before, PollFailure):
        _log.info("miner read again", **where, driver=reading.driver)
