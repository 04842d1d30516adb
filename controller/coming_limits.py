"""Whether another inventory keeps within its limits: what its orders come to now, and by its schedules in the week to come.

Only what the change touches is looked at, and only against what is ordered and drawn without it: a limit that is exceeded
already does not stop a change that has nothing to do with it. Who is only observed counts with what it draws.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from controller.deeds import OVER_LIMIT, OVER_LIMIT_LATER, Warned
from controller.model import Step
from controller.powers import expected_w, nominal_w, present_w
from controller.safety import Drawn, over_container_limit, over_feed_limit, together
from controller.schedule import Piece, pieces
from controller.steps import Steps
from controller.watched import Watched
from controller.wording import worded
from miners.inventory.fleet import Container, Inventory

AHEAD: Final = timedelta(days=8)
"""How far the schedules are looked through: every day of the week, also where the clock is changed meanwhile."""

_Over: TypeAlias = Callable[[Drawn, Drawn | None], str | None]
"""Which limit is exceeded by what would be drawn, and was not by what is."""


class _Load(msgspec.Struct):
    """A container of the other inventory: its miners, and what they would draw, are ordered, and draw (W, None: unknown)."""

    container: Container
    miners: list[Watched] = msgspec.field(default_factory=list)
    after: list[float | None] = msgspec.field(default_factory=list)
    ordered: list[float | None] = msgspec.field(default_factory=list)
    drawn: list[float | None] = msgspec.field(default_factory=list)


class ComingLimits:
    """Holds what is counted of one inventory that is to come."""

    def __init__(self, present: Inventory, coming: Inventory, steps: Steps) -> None:
        """Nothing is counted yet. `steps`: worked out for the one that is to come."""
        self._coming, self._steps = coming, steps
        self._loads = {one.id: _Load(container=one) for one in coming.containers}
        before = {one.id: one for one in present.containers}
        self._touched = {
            one.id
            for one in coming.containers
            if one.control == "enforce"
            and (
                before.get(one.id) != one
                or present.profiles != coming.profiles
                or present.schedules.get(one.schedule or "") != coming.schedules.get(one.schedule or "")
            )
        }

    def count(self, watched: Watched, container: Container, step: Step | None) -> None:
        """Count a miner with the step that it would have in a container of the other inventory."""
        if not watched.known.miner.active:
            return
        load = self._loads[container.id]
        load.miners.append(watched)
        load.after.append(_under(watched, container, step))
        load.ordered.append(_under(watched, watched.container, watched.step))
        load.drawn.append(_drawn(watched))

    async def warnings(self, now: datetime) -> list[Warned]:
        """Return what is exceeded: by what would hold now (OVER_LIMIT), else by what would hold later."""
        for loads, over in self._limits():
            after = _together(load.after for load in loads)
            ordered, drawn = (
                _together(load.ordered for load in loads),
                _together(load.drawn for load in loads),
            )
            if over(after, ordered) is not None and (against := over(after, drawn)) is not None:
                return [Warned(code=OVER_LIMIT, detail=against)]
        for loads, over in self._limits():
            against = await self._later(loads, over, now)
            if against is not None:
                return [Warned(code=OVER_LIMIT_LATER, detail=against)]
        return []

    def _limits(self) -> Iterator[tuple[list[_Load], _Over]]:
        """Go through the limits that the change touches: whose loads together must keep which."""
        touched = [self._loads[id_] for id_ in self._touched]
        for load in touched:
            if load.container.power_limit_w is not None:
                yield [load], partial(over_container_limit, load.container)
        for name in dict.fromkeys(load.container.feed for load in touched):
            feed = self._coming.feeds.get(name or "")
            if feed is not None and feed.power_limit_w is not None:
                yield (
                    [one for one in self._loads.values() if one.container.feed == name],
                    partial(over_feed_limit, feed),
                )

    async def _later(self, loads: Sequence[_Load], over: _Over, now: datetime) -> str | None:
        """Return what the schedules alone come to exceed in the time ahead, and when first."""
        courses = [self._course(load.container, now) for load in loads]
        found: dict[tuple[str | None, ...], str | None] = {}
        for at in sorted({piece.begin for course in courses for piece in course}):
            held = tuple(_profile_at(course, at) for course in courses)
            if held not in found:
                found[held] = over(
                    _together(self._under(load, profile) for load, profile in zip(loads, held, strict=True)),
                    None,
                )
                await asyncio.sleep(0)
            against = found[held]
            if against is not None:
                there = max(at, now).astimezone(ZoneInfo(loads[0].container.timezone))
                return worded(
                    "from %(there)s on %(against)s", there=f"{there:%Y-%m-%d %H:%M}", against=against
                )
        return None

    def _course(self, container: Container, now: datetime) -> list[Piece]:
        schedule = self._coming.schedules.get(container.schedule or "")
        if schedule is None or container.control != "enforce":
            return []
        return pieces(schedule, container.timezone, now, now + AHEAD)

    def _under(self, load: _Load, profile: str | None) -> list[float | None]:
        """Return what the miners of a container would draw under a profile; as they do under none."""
        if profile is None:
            return load.drawn
        steps = [self._steps.of(self._coming, watched, profile)[0] for watched in load.miners]
        return [
            _under(watched, load.container, step) for watched, step in zip(load.miners, steps, strict=True)
        ]


def _profile_at(course: Sequence[Piece], at: datetime) -> str | None:
    found = bisect_right(course, at, key=lambda piece: piece.begin) - 1
    return course[found].profile if found >= 0 and at < course[found].end else None


def _under(watched: Watched, container: Container, step: Step | None) -> float | None:
    """Return what a miner would draw under a step: as now where nothing would be told it, or that is not known."""
    known = watched.known
    expected = None
    if container.control == "enforce" and step is not None and step.problem is None:
        expected = expected_w(step, nominal_w(known.miner, known.snapshot, watched.record))
    return _drawn(watched) if expected is None else expected


def _drawn(watched: Watched) -> float | None:
    known = watched.known
    present = present_w(known.miner, known.snapshot, watched.record)
    return present if present is not None else nominal_w(known.miner, known.snapshot, watched.record)


def _together(loads: Iterable[Iterable[float | None]]) -> Drawn:
    return together(power for powers in loads for power in powers)
