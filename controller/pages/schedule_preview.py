"""What a schedule would do before it is saved: today and the coming seven days before and after, and what changes now. Pure.

The plan, which says how many miners change at once and by what power, is the controller's own; here it is put beside what
the clock asks for in each container, with the schedule as it is and as it would be.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from controller.api.timeline_routes import laid_out
from controller.deeds import Plan
from controller.desire import wanted
from controller.model import Override
from controller.pages.language import Words
from controller.pages.schedule_page import changes_of, holds_words
from controller.pages.timeline_picture import LegendEntry, TimelinePicture, legend, timeline_picture
from miners.inventory.fleet import Container, Schedule

DAYS_SHOWN: Final = 8
"""Today and the coming seven days."""


class Strips(msgspec.Struct, frozen=True, kw_only=True):
    """Days before and after, of containers in one time zone that follow one schedule now; None: nothing is ordered."""

    zone: str
    containers: tuple[Container, ...]
    before: TimelinePicture
    after: TimelinePicture

    @property
    def same(self) -> bool:
        """Return whether nothing of it changes."""
        return self.before.rows == self.after.rows


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """Miners of which another profile is wanted at once; None: nothing is wanted."""

    before: str | None
    after: str | None
    miners: int


class NextLine(msgspec.Struct, frozen=True, kw_only=True):
    """What holds in a container and what comes next, in words: as it is, and as it would be."""

    container: Container
    before: str
    after: str


class SchedulePreview(msgspec.Struct, frozen=True, kw_only=True):
    """The whole preview."""

    plan: Plan
    moves: tuple[Move, ...]
    strips: tuple[Strips, ...]
    nexts: tuple[NextLine, ...]
    legend: tuple[LegendEntry, ...]


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be compared. `followers`: ids of the containers that would follow `after`; `concerned`: also those that do now.

    `before` None: the schedule is new.
    """

    before: Schedule | None
    after: Schedule
    concerned: tuple[Container, ...]
    followers: Collection[str]
    schedules: Mapping[str, Schedule]
    overrides: Sequence[Override]
    targets: Mapping[str, float]
    zone: str
    now: datetime

    def was(self, container: Container) -> Schedule | None:
        """Return the schedule that a container follows now."""
        return self.schedules.get(container.schedule or "")

    def would_be(self, container: Container) -> Schedule | None:
        """Return the schedule that it would follow."""
        return self.after if container.id in self.followers else None


def preview_of(coming: Coming, plan: Plan, words: Words) -> SchedulePreview:
    """Return the preview of a change."""
    strips = tuple(_strips(coming, words))
    used = {row.profile for one in strips for side in (one.before, one.after) for row in side.rows}
    return SchedulePreview(
        plan=plan,
        moves=tuple(_moves(coming)),
        strips=strips,
        nexts=tuple(_next_line(coming, one, words) for one in coming.concerned),
        legend=tuple(legend(used, coming.targets)),
    )


def _strips(coming: Coming, words: Words) -> list[Strips]:
    alike: dict[tuple[str, Schedule | None, Schedule | None], list[Container]] = {}
    for container in coming.concerned:
        sides = coming.was(container), coming.would_be(container)
        alike.setdefault((container.timezone, *sides), []).append(container)
    if not alike:
        alike[coming.zone, coming.before, coming.after] = []

    def picture(zone: str, schedule: Schedule | None) -> TimelinePicture:
        first = coming.now.astimezone(ZoneInfo(zone)).date()
        timeline = laid_out("", zone, schedule, (), first, DAYS_SHOWN)
        return timeline_picture(timeline, targets=coming.targets, words=words, now=coming.now)

    return [
        Strips(
            zone=words.formats.zone_words(coming.now, ZoneInfo(zone)),
            containers=tuple(containers),
            before=picture(zone, before),
            after=picture(zone, after),
        )
        for (zone, before, after), containers in alike.items()
    ]


def _moves(coming: Coming) -> list[Move]:
    """Return how many miners go from which profile to which at once; only those that are commanded."""
    found: Counter[tuple[str | None, str | None]] = Counter()
    for container in coming.concerned:
        if container.control != "enforce":
            continue
        before = _wanted(coming, container, coming.was(container))
        after = _wanted(coming, container, coming.would_be(container))
        if before != after:
            found[before, after] += sum(miner.active for miner in container.miners)
    return [Move(before=before, after=after, miners=number) for (before, after), number in found.items()]


def _wanted(coming: Coming, container: Container, schedule: Schedule | None) -> str | None:
    own = [one for one in coming.overrides if container.id in one.containers]
    return wanted(container.id, "", schedule, container.timezone, own, coming.now).profile


def _next_line(coming: Coming, container: Container, words: Words) -> NextLine:
    def said(schedule: Schedule | None) -> str:
        change = next(changes_of(container, schedule, coming.overrides, coming.now), None)
        return holds_words(container, _wanted(coming, container, schedule), change, coming.now, words)

    return NextLine(
        container=container, before=said(coming.was(container)), after=said(coming.would_be(container))
    )
