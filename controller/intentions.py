"""What people have asked for and what stands against writing: overrides, holds, service marks, kept and looked up.

Each is durable before it counts. Which override a miner falls under is found by look-up, so that ten thousand miners
under some overrides cost one decision for each group of them that is in the same case.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from controller.desire import lapsed, next_turn, wanted
from controller.model import Hold, Override, ServiceMark, Wanted
from controller.schedule import next_change
from controller.storage.storage import Storage
from miners.inventory.fleet import Container, Inventory


class _Reach(msgspec.Struct, frozen=True):
    """Whom an override holds for, as sets."""

    override: Override
    containers: frozenset[str]
    miners: frozenset[str]
    exempt: frozenset[str]

    def covers(self, container_id: str, miner_id: str) -> bool:
        return (container_id in self.containers or miner_id in self.miners) and miner_id not in self.exempt


class Intentions:
    """The overrides that wait or are in force, the holds, the service marks."""

    def __init__(self, storage: Storage) -> None:
        """Begin empty: `load` fetches what there is."""
        self._storage = storage
        self._reaches: list[_Reach] = []
        self._memo: dict[tuple[str, tuple[str, ...]], Wanted] = {}
        self._memo_of: tuple[datetime, int] | None = None
        self.overrides: tuple[Override, ...] = ()
        self.holds: tuple[Hold, ...] = ()
        self.marks: Mapping[str, ServiceMark] = {}

    async def load(self) -> None:
        """Fetch what is in force from the database."""
        self._take(await self._storage.overrides.live())
        self.holds = tuple(await self._storage.holds.live())
        self.marks = {mark.miner: mark for mark in await self._storage.marks.live()}

    def _take(self, overrides: Sequence[Override]) -> None:
        self.overrides = tuple(sorted(overrides, key=lambda one: (one.created_at, one.id), reverse=True))
        self._reaches = [
            _Reach(one, frozenset(one.containers), frozenset(one.miners), frozenset(one.except_miners))
            for one in self.overrides
        ]
        self._memo_of = None

    def override(self, override_id: str) -> Override | None:
        """Return an override that waits or is in force."""
        return next((one for one in self.overrides if one.id == override_id), None)

    def adding(self, override: Override) -> Callable[[Connection], None]:
        """Return what keeps a new override in the database; `changed` puts it in force then."""
        return self._storage.overrides.adding(override)

    def replacing(self, override: Override) -> Callable[[Connection], None]:
        """Return what keeps a changed one; it counts with `changed`."""
        return self._storage.overrides.replacing(override)

    async def replace(self, override: Override) -> None:
        """Keep a changed override; one that has ended is in force no longer."""
        await self._storage.overrides.replace(override)
        self.changed(override)

    def changed(self, override: Override) -> None:
        """Count an override as it is kept now: one that has ended is in force no longer."""
        others = [one for one in self.overrides if one.id != override.id]
        self._take(others if override.ended_at is not None else [override, *others])

    def covering(self, container_id: str, miner_id: str) -> tuple[Override, ...]:
        """Return the overrides that hold for a miner or will, newest first."""
        return tuple(one.override for one in self._reaches if one.covers(container_id, miner_id))

    def wanted(self, inventory: Inventory, container: Container, miner_id: str, at: datetime) -> Wanted:
        """Return what a miner should be doing at a moment. The same moment asked for many miners costs little."""
        if self._memo_of != (at, id(inventory)):
            self._memo, self._memo_of = {}, (at, id(inventory))
        covering = self.covering(container.id, miner_id) if self._reaches else ()
        key = (container.id, tuple([one.id for one in covering]))
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._decided(inventory, container, miner_id, covering, at)
        return found

    def wanted_of(self, inventory: Inventory, container: Container, miner_id: str, at: datetime) -> Wanted:
        """Return the same for another inventory or moment than the present, without a trace of it."""
        covering = self.covering(container.id, miner_id) if self._reaches else ()
        return self._decided(inventory, container, miner_id, covering, at)

    def wanted_without(
        self, inventory: Inventory, container: Container, miner_id: str, override_id: str, at: datetime
    ) -> Wanted:
        """Return what would be wanted of a miner at a moment if an override were not there."""
        covering = [one for one in self.covering(container.id, miner_id) if one.id != override_id]
        return self._decided(inventory, container, miner_id, covering, at)

    @staticmethod
    def _decided(
        inventory: Inventory,
        container: Container,
        miner_id: str,
        covering: Sequence[Override],
        at: datetime,
    ) -> Wanted:
        schedule = inventory.schedules.get(container.schedule) if container.schedule else None
        return wanted(container.id, miner_id, schedule, container.timezone, covering, at)

    def next_moment(self, inventory: Inventory, after: datetime) -> datetime | None:
        """Return when what is wanted may next change by itself: a boundary, an override's start or end."""
        moments: list[datetime] = []
        for container in inventory.containers:
            schedule = inventory.schedules.get(container.schedule) if container.schedule else None
            change = None if schedule is None else next_change(schedule, container.timezone, after)
            if change is not None:
                moments.append(change[0])
        turn = next_turn(self.overrides, after)
        if turn is not None:
            moments.append(turn)
        return min(moments, default=None)

    def lapsed(self, at: datetime) -> list[Override]:
        """Return the overrides that hold nowhere any more at a moment, nor will."""
        return lapsed(self.overrides, at)

    async def add_hold(self, hold: Hold) -> None:
        """Keep a hold. It counts at once; when this returns it is durable."""
        self.holds = (*self.holds, hold)
        await self._storage.holds.add(hold)

    async def end_hold(self, hold: Hold) -> None:
        """End a hold: it counts until its end is durable."""
        await self._storage.holds.end(hold.id)
        self.holds = tuple(one for one in self.holds if one.id != hold.id)

    def hold_on(self, container_id: str) -> Hold | None:
        """Return a hold that stops writing in a container, None if there is none."""
        return next((one for one in self.holds if one.container in (None, container_id)), None)

    def mark_of(self, miner_id: str) -> ServiceMark | None:
        """Return the service mark of a miner, None if it has none."""
        return self.marks.get(miner_id)

    async def add_mark(self, mark: ServiceMark) -> None:
        """Keep a service mark. It counts at once; when this returns it is durable."""
        self.marks = {**self.marks, mark.miner: mark}
        await self._storage.marks.add(mark)

    async def end_mark(self, miner_id: str) -> None:
        """End a service mark: it counts until its end is durable."""
        await self._storage.marks.end(miner_id)
        self.marks = {id_: mark for id_, mark in self.marks.items() if id_ != miner_id}
