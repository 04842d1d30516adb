"""What the Schedule page shows: containers by time zone, what changes in the coming day, schedules in words. Pure.

What changes next is found by walking from boundary to boundary of a container's schedule and its overrides, so that an
override that ends, and one that waits, count as changes like any window of the schedule.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from controller.api.control_shapes import ShownOverride
from controller.api.schedule_orders import ShownSchedule, ShownWindow
from controller.deeds import MinerView
from controller.desire import end_of, wanted
from controller.model import Override
from controller.pages.language import Words
from controller.pages.timeline_picture import TimelinePicture
from controller.powers import nominal_w
from controller.schedule import next_change
from miners.inventory.fleet import Container, Schedule
from miners.inventory.hours import DAYS

AHEAD: Final = timedelta(hours=24)
"""How far ahead changes are listed."""

_MOST_TURNS: Final = 64
"""Boundaries that change nothing, walked over before the next change counts as never."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Another profile holds in a container from a moment on; None: nothing is wanted."""

    at: datetime
    before: str | None
    after: str | None


class ComingChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changes at one moment in some containers.

    `power_w`: by how much power changes, by the nominal power of the `known` of the `miners`; None where none is known.
    """

    at: datetime
    after: str | None
    containers: tuple[Container, ...]
    miners: int
    known: int
    power_w: float | None


class OverrideLine(msgspec.Struct, frozen=True, kw_only=True):
    """An override of a container as its line says it. `until`, `since`: as clocks on its wall show them; None: open."""

    override: ShownOverride
    until: str | None
    begins: str | None


class ContainerLine(msgspec.Struct, frozen=True, kw_only=True):
    """A container's line: its strip, and what stands beside it. `single`: overrides that are for single miners of it."""

    container: Container
    picture: TimelinePicture
    schedule: Schedule | None
    overrides: tuple[OverrideLine, ...]
    single: int
    held: bool


class ZoneGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The containers of one time zone. `zone`: its name and how far it is from UTC."""

    zone: str
    lines: tuple[ContainerLine, ...]

    @property
    def picture(self) -> TimelinePicture:
        """Return the picture whose scale all of them have."""
        return self.lines[0].picture


def by_zone(lines: Iterable[ContainerLine]) -> list[ZoneGroup]:
    """Return the lines by the time zones of their containers, in the order in which zones come first."""
    found: dict[str, list[ContainerLine]] = {}
    for line in lines:
        found.setdefault(line.container.timezone, []).append(line)
    return [ZoneGroup(zone=group[0].picture.zone, lines=tuple(group)) for group in found.values()]


def changes_of(
    container: Container, schedule: Schedule | None, overrides: Sequence[Override], after: datetime
) -> Iterator[Change]:
    """Return the changes of a container after a moment, the next one first, as far as they are asked for.

    `overrides`: those that wait or are in force, newest first, of whatever containers; those for single miners say
    nothing of the container as a whole.
    """
    own = [one for one in overrides if container.id in one.containers]
    zone, at, same = container.timezone, after, 0
    profile = wanted(container.id, "", schedule, zone, own, at).profile
    while same < _MOST_TURNS:
        turns = [
            turn
            for override in own
            for turn in (override.starts_at, end_of(override, container.id))
            if turn is not None and turn > at
        ]
        coming = None if schedule is None else next_change(schedule, zone, at)
        at = min([*turns, *([] if coming is None else [coming[0]])], default=at)
        if not turns and coming is None:
            return
        now = wanted(container.id, "", schedule, zone, own, at).profile
        same += 1
        if now != profile:
            yield Change(at=at, before=profile, after=now)
            profile, same = now, 0


def coming_changes(
    containers: Iterable[Container],
    schedules: Mapping[str, Schedule],
    overrides: Sequence[Override],
    targets: Mapping[str, float],
    views: Mapping[str, Sequence[MinerView]],
    now: datetime,
) -> list[ComingChange]:
    """Return what changes within a day in the containers that are commanded, those of one moment and profile together.

    `targets`: percent of nominal power, by profile. `views`: the miners of each container, by its id.
    """
    found: dict[tuple[datetime, str | None], list[tuple[Container, Change]]] = {}
    for container in containers:
        if container.control != "enforce":
            continue
        for change in changes_of(container, schedules.get(container.schedule or ""), overrides, now):
            if change.at > now + AHEAD:
                break
            found.setdefault((change.at, change.after), []).append((container, change))
    changing = {container.id for members in found.values() for container, _ in members}
    drawing = {one: _drawing(views[one]) for one in changing}
    return [
        _together(at, after, members, targets, drawing)
        for (at, after), members in sorted(found.items(), key=lambda one: (one[0][0], one[0][1] or ""))
    ]


class _Drawing(msgspec.Struct, frozen=True):
    """What the miners of a container draw by their nominal power: how many there are, of how many it is known, and watts."""

    miners: int
    known: int
    nominal_w: float


def _drawing(views: Sequence[MinerView]) -> _Drawing:
    active = [view for view in views if view.miner.active]
    nominal = [nominal_w(view.miner, view.last_snapshot, view.record) for view in active]
    known = [power for power in nominal if power is not None]
    return _Drawing(len(active), len(known), sum(known))


def _together(
    at: datetime,
    after: str | None,
    members: Sequence[tuple[Container, Change]],
    targets: Mapping[str, float],
    drawing: Mapping[str, _Drawing],
) -> ComingChange:
    power, known = 0.0, 0
    for container, change in members:
        before_percent, after_percent = targets.get(change.before or ""), targets.get(change.after or "")
        if before_percent is not None and after_percent is not None:
            known += drawing[container.id].known
            power += drawing[container.id].nominal_w * (after_percent - before_percent) / 100
    return ComingChange(
        at=at,
        after=after,
        containers=tuple(container for container, _ in members),
        miners=sum(drawing[container.id].miners for container, _ in members),
        known=known,
        power_w=power if known else None,
    )


def override_line(override: ShownOverride, container: Container, now: datetime, words: Words) -> OverrideLine:
    """Return an override as the line of a container says it."""
    zone = ZoneInfo(container.timezone)
    end = end_of(override, container.id)
    return OverrideLine(
        override=override,
        until=None if end is None else words.formats.clock(end, now, zone),
        begins=words.formats.clock(override.starts_at, now, zone) if override.starts_at > now else None,
    )


def holds_words(
    container: Container, profile: str | None, coming: Change | None, now: datetime, words: Words
) -> str:
    """Return what holds in a container now, and what comes next: normal, underclock from 12:00."""
    holds = words.gettext("nothing is ordered") if profile is None else profile
    if coming is None:
        return holds
    said = {"profile": holds, "time": words.formats.clock(coming.at, now, ZoneInfo(container.timezone))}
    if coming.after is None:
        return words.gettext("%(profile)s, nothing is ordered from %(time)s", **said)
    return words.gettext("%(profile)s, %(next)s from %(time)s", next=coming.after, **said)


def signed_power(power_w: float, words: Words) -> str:
    """Return a change of power with its sign: −798.0 kW, +1.20 MW."""
    return ("+" if power_w > 0 else "") + words.formats.power(power_w)


def schedule_words(schedule: ShownSchedule, words: Words) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the week of a schedule: its days in words, and under each its hours with their profiles."""
    found: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for window in sorted(schedule.windows, key=lambda one: (DAYS.index(one.days[0]), one.from_)):
        found.setdefault(tuple(window.days), []).append((hours_words(window), window.profile))
    return [(days_words(days, words), windows) for days, windows in found.items()]


def hours_words(window: ShownWindow) -> str:
    """Return the hours of a window: 06:00–12:00."""
    return f"{window.from_}–{window.to}"


def days_words(days: Sequence[str], words: Words) -> str:
    """Return days of the week in words: every day, weekdays, Mon, Wed."""
    if len(days) == len(DAYS):
        return words.gettext("every day")
    if tuple(days) == DAYS[:5]:
        return words.gettext("weekdays")
    if tuple(days) == DAYS[5:]:
        return words.gettext("weekends")
    names = day_names(words)
    return ", ".join(names[day] for day in days)


def day_names(words: Words) -> dict[str, str]:
    """Return the short name of each day, by how schedules write it."""
    named = words.formats.locale.days["format"]["abbreviated"]
    return {day: str(named[number]) for number, day in enumerate(DAYS)}
