"""From the clock and the overrides to each miner's order: who has a new one, in which operation, and what lapsed.

It runs when a boundary of a schedule, the start or the end of an override has come, or when somebody has changed one. A
new order of many miners is one operation for each container and cause; what a restart finds unchanged is no new order.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from controller.desire import containers_of
from controller.desk import Desk
from controller.model import (
    OPEN_STATES,
    SCHEDULE,
    SYSTEM,
    Cause,
    Operation,
    Override,
    Result,
    Wanted,
    new_id,
)
from controller.operations import Running
from controller.powers import expected_w, nominal_w, present_w
from controller.sending import Sender
from controller.steps import Steps
from controller.watched import Watched, moment
from controller.wording import worded
from miners.inventory.fleet import Container

NEWER: Final = worded("a newer order has come in its place")

LAPSED: Final = worded("the override ended before its turn came")

A_PIECE: Final = 200
"""Miners whose order is worked out without the event loop's turn in between."""


class _Group(msgspec.Struct, frozen=True):
    """New orders that make one operation."""

    container: str
    cause: Cause
    override_id: str | None


class Ordering:
    """Works out the orders. `next_moment`: when they may change by themselves next, None: not before somebody acts.

    `lock`: held while orders are worked out, and by whoever changes an intention in more than one step.
    """

    def __init__(self, desk: Desk, steps: Steps, sender: Sender) -> None:
        """`sender` is told to wait no longer for what is not wanted any more."""
        self._desk, self._steps, self._sender = desk, steps, sender
        self._enforced: set[str] | None = None
        self._resumed: dict[str, str] = {}
        self.lock = asyncio.Lock()
        self.next_moment: datetime | None = None
        self._as_of: datetime | None = None

    def resume(self, running: Iterable[Running]) -> None:
        """Go on with operations that an earlier process began; called before orders are worked out first."""
        for one in sorted(running, key=lambda found: found.operation.id):
            self._resumed.update(dict.fromkeys(self._desk.operations.open_of(one), one.operation.id))

    def due(self) -> bool:
        """Return whether orders are to be worked out now."""
        now = self._desk.now
        if self._as_of is not None and now < self._as_of:  # the clock was set back, maybe over a boundary
            return True
        return self._desk.ordering_due or (self.next_moment is not None and now >= self.next_moment)

    async def work_out(self) -> None:
        """Work out every miner's order. Raises StorageAway; then it is still due."""
        async with self.lock:
            await self._work_out()

    async def _work_out(self) -> None:
        desk = self._desk
        desk.ordering_due = True
        now = self._as_of = desk.now
        lapsed = await self._lapse(now)
        desk.ordering_due = False
        inventory, fresh = desk.inventory, self._newly_enforced()
        groups: dict[_Group, list[Watched]] = {}
        changed: list[Watched] = []
        for at, watched in enumerate(tuple(desk.roster), start=1):
            wanted = desk.intentions.wanted(inventory, watched.container, watched.id, now)
            anew = watched.container.id in fresh
            if anew or not watched.ordered or not _same(wanted, watched.wanted):
                changed.append(watched)
                group = self._take(watched, wanted)
                if group is not None:
                    groups.setdefault(group, []).append(watched)
            if at % A_PIECE == 0:
                await asyncio.sleep(0)
        self.next_moment = desk.intentions.next_moment(inventory, now)
        for miner, operation_id in self._resumed.items():
            desk.operations.mark(operation_id, miner, "skipped", detail=NEWER)
        self._resumed = {}
        for override in lapsed:
            self._close(override)
        await asyncio.gather(*(self._begin(group, miners) for group, miners in groups.items()))
        desk.operations.end_if_done()
        if changed:
            desk.views.touch(changed)
            desk.look(changed)

    def _newly_enforced(self) -> set[str]:
        """Return the containers that have come to say `enforce` since the last time; none at the start."""
        enforced = {id_ for id_, one in self._desk.roster.containers.items() if one.control == "enforce"}
        fresh = set() if self._enforced is None else enforced - self._enforced
        self._enforced = enforced
        return fresh

    def _take(self, watched: Watched, wanted: Wanted) -> _Group | None:
        """Give a miner its new order; return which operation it belongs to, None if it belongs to none that is new."""
        desk, before, record = self._desk, watched.wanted, watched.record
        first, watched.ordered = not watched.ordered, True
        override = self._override(wanted.override_id)
        watched.emergency = override is not None and override.emergency
        if first and record.desired_since is not None and record.desired_profile == wanted.profile:
            watched.wanted = _since(wanted, record.desired_since)
            watched.operation_id = self._resumed.pop(watched.id, None)
            return None
        watched.wanted = _since(wanted, wanted.since if first else desk.now)
        if watched.operation_id is not None:
            desk.operations.mark(watched.operation_id, watched.id, "skipped", detail=NEWER)
            watched.operation_id = None
        watched.confirmed, watched.not_before_s = False, 0.0
        if before.profile != wanted.profile:
            self._sender.cut(watched)
        soon = moment(desk.clock.now() + desk.settings.cool_down_s)
        desk.note(
            watched,
            desired_profile=wanted.profile,
            desired_since=watched.wanted.since,
            attempts=0,
            not_before=None if record.not_before is None else min(record.not_before, soon),
            last_outcome=None,
            last_detail=None,
            unverified_at=None,
        )
        if wanted.profile is None or not watched.known.miner.active:
            return None
        over = before.override_id is not None and before.override_id != wanted.override_id
        if over and self._override(before.override_id) is None:
            return _Group(watched.container.id, "override_end", wanted.override_id)
        return _Group(
            watched.container.id, "override" if wanted.override_id else "schedule", wanted.override_id
        )

    def _override(self, override_id: str | None) -> Override | None:
        return None if override_id is None else self._desk.intentions.override(override_id)

    async def _begin(self, group: _Group, miners: list[Watched]) -> None:
        """Put new orders into their operation: the one of their override, or one of their own."""
        desk = self._desk
        container = miners[0].container
        running = self._begun(group, container)
        if running is None and container.control == "enforce":
            running = await desk.operations.begin(
                self._operation(group, miners), [Result(miner=watched.id) for watched in miners]
            )
        operation_id = None if running is None else running.operation.id
        if group.cause == "schedule":
            desk.tell(
                "schedule",
                "schedule.period_begun",
                SCHEDULE,
                container=container,
                operation_id=operation_id,
                params={
                    "profile": miners[0].wanted.profile,
                    "schedule": container.schedule,
                    "miners": len(miners),
                    "control": container.control,
                },
            )
        if running is None:
            return
        for watched in miners:
            found = running.results.get(watched.id)
            if found is not None and found.state in OPEN_STATES:
                watched.operation_id = running.operation.id

    def _begun(self, group: _Group, container: Container) -> Running | None:
        """Return the operation that somebody has begun for these orders already."""
        override = self._override(group.override_id)
        if group.cause == "override" and override is not None:
            found = self._desk.operations.get(override.operation_id)
            if found is not None:
                return found
        ending = self._desk.ending.get(container.id)
        return self._desk.operations.get(ending) if group.cause == "override_end" else None

    def _operation(self, group: _Group, miners: list[Watched]) -> Operation:
        desk = self._desk
        profile = miners[0].wanted.profile
        override = self._override(group.override_id)
        before = [present_w(one.known.miner, one.known.snapshot, one.record) for one in miners]
        steps = [self._steps.of(desk.inventory, one, profile)[0] for one in miners]
        after = [
            None
            if step is None
            else expected_w(step, nominal_w(one.known.miner, one.known.snapshot, one.record))
            for one, step in zip(miners, steps, strict=True)
        ]
        return Operation(
            id=new_id("op"),
            cause=group.cause,
            action=f"profile {profile}",
            state="queued",
            created_by=SCHEDULE if override is None else override.created_by,
            created_at=desk.now,
            profile=profile,
            override_id=group.override_id,
            intent=True,
            power_before_w=total(before),
            power_expected_w=total(after),
        )

    def _close(self, override: Override) -> None:
        """Wait no longer for the miners that never came to follow an override, for a newer one held them all its time."""
        running = self._desk.operations.get(override.operation_id)
        for miner in () if running is None else self._desk.operations.open_of(running):
            watched = self._desk.roster.get(miner)
            if watched is None or watched.task is None:
                self._desk.operations.mark(override.operation_id, miner, "skipped", detail=LAPSED)

    async def _lapse(self, now: datetime) -> list[Override]:
        """End the overrides whose time is over; return them."""
        lapsed = self._desk.intentions.lapsed(now)
        for override in lapsed:
            ended = msgspec.structs.replace(override, ended_at=now, ended_by=SYSTEM)
            await self._desk.intentions.replace(ended)
            self._desk.tell(
                "command",
                "override.lapsed",
                SYSTEM,
                operation_id=override.operation_id,
                params=told_override(override),
                container=where(self._desk, override),
            )
        return lapsed


def told_override(override: Override) -> dict[str, object]:
    """Return what stands in an event of an override."""
    return {
        "override_id": override.id,
        "profile": override.profile,
        "ends": override.ends,
        "until": None if override.until is None else override.until.isoformat(),
        "reason": override.reason,
        "containers": list(override.containers),
        "miners": len(override.miners),
        "emergency": override.emergency,
    }


def where(desk: Desk, override: Override) -> Container | None:
    """Return the container of an event about an override, where it is about one container only."""
    found = containers_of(override)
    return desk.roster.containers.get(next(iter(found))) if len(found) == 1 else None


def total(powers: Iterable[float | None]) -> float | None:
    """Return the sum of the powers that are known, None if none is."""
    known = [power for power in powers if power is not None]
    return sum(known) if known else None


def _same(one: Wanted, other: Wanted) -> bool:
    """Return whether two orders are one: the same profile by the same will, whenever it began."""
    return (
        one.profile == other.profile and one.source == other.source and one.override_id == other.override_id
    )


def _since(wanted: Wanted, since: datetime | None) -> Wanted:
    return msgspec.structs.replace(wanted, since=None if wanted.profile is None else since)
