"""Which profile the clock asks for: a pure function of a schedule, a time zone and a moment.

A schedule goes by the clock on the wall of its container. Where that clock is put forward, the hour that is left out does
not come: what should begin within it begins when the clock has jumped, what lies wholly inside it falls out, what spans it
is shorter by it. Where the clock is put back, the hour that comes twice is lived twice: a boundary inside it holds each
time the wall shows it. So a window of 24 hours lasts 23 or 25 on those days, and at any moment exactly one profile holds.

A window belongs to the day on which it begins and may run over midnight. A date of exception has windows of its own from
00:00 to 24:00 of that date, and nothing of the days beside it reaches into it; the windows which the week would begin on
that date still hold after its midnight, so that the day after is as in any week.

All moments that come in are aware datetimes of any zone, all that go out are in UTC.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

from miners.clocks import changed_between, in_utc, stretches, zone_of
from miners.inventory.fleet import Schedule, Window

DAY_MINUTES = 1440
_DAY = timedelta(days=1)
_WHOLE_WEEKS = timedelta(days=15)
"""What a week asks for shows within it: two whole weeks, were the hour in question left out in one of them."""
_AROUND = timedelta(days=12)
"""How far around a date of exception the week that it hides is looked for."""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A stretch of time with one profile: from `begin` up to, not including, `end`."""

    begin: datetime
    end: datetime
    profile: str


def profile_at(schedule: Schedule, zone: str, at: datetime) -> str:
    """Return the profile that holds at a moment: exactly one, always.

    `zone`: IANA name. Raises ValueError for a moment without a zone, and for a schedule that has a gap and no
    `otherwise` (the inventory refuses those).
    """
    return _course(schedule, zone).profile(in_utc(at))


def next_change(schedule: Schedule, zone: str, after: datetime) -> tuple[datetime, str] | None:
    """Return the first moment later than `after` at which another profile holds, and which; None if that never comes.

    Boundaries between windows of the same profile are no change. It may be days or, with dates of exception, years off.
    """
    course = _course(schedule, zone)
    end = course.run(in_utc(after)).end
    return None if end is None else (end, course.profile(end))


def change_before(schedule: Schedule, zone: str, at: datetime) -> datetime | None:
    """Return since when the profile of a moment has held without a break; None if it always has."""
    return _course(schedule, zone).run(in_utc(at)).begin


def pieces(schedule: Schedule, zone: str, begin: datetime, end: datetime) -> list[Piece]:
    """Return the time from `begin` to `end` cut where the profile changes: no gaps, no two alike side by side."""
    return list(_course(schedule, zone).pieces(in_utc(begin), in_utc(end)))


def moment(zone: str, wall: datetime) -> datetime:
    """Return the first moment at which the wall's clock shows `wall` (a datetime without a zone) or, if it never does, more."""
    there = zone_of(zone)
    found = wall.replace(tzinfo=there, fold=0).astimezone(UTC)
    if _wall(there, found) == wall:
        return found
    return changed_between(there, wall.replace(tzinfo=there, fold=1).astimezone(UTC), found)


def day_begin(zone: str, day: date) -> datetime:
    """Return the moment at which a day begins on the wall's clock."""
    return moment(zone, datetime(day.year, day.month, day.day))  # noqa: DTZ001  # the wall's clock has no zone


def day_length_s(zone: str, day: date) -> float:
    """Return how long a day lasts: 86400 s, an hour less or more where the clock changes, 0 if it is left out whole."""
    return (day_begin(zone, day + _DAY) - day_begin(zone, day)).total_seconds()


class _Run(msgspec.Struct, frozen=True, gc=False):
    """How long one profile holds: None where it has always held, or always will."""

    begin: datetime | None
    end: datetime | None
    profile: str

    def holds(self, at: datetime) -> bool:
        return (self.begin is None or self.begin <= at) and (self.end is None or at < self.end)


_Parts = tuple[tuple[int, str], ...]
"""A day as (first minute, profile), in order, beginning with minute 0, no two neighbours alike."""


class _Course:
    """A schedule in a zone, its days written out once. Keeps the run that was asked for last: the next question is near."""

    def __init__(self, schedule: Schedule, zone: str) -> None:
        self.zone = zone_of(zone)
        self.week = _week(schedule)
        self.dates = {
            date.fromisoformat(one.date): _parts(
                [(*_span(window)[:2], window.profile) for window in one.windows], schedule
            )
            for one in schedule.exceptions
        }
        self.dates_in_order = sorted(self.dates)
        self._last: _Run | None = None

    def run(self, at: datetime) -> _Run:
        """Return the run that holds at a moment."""
        last = self._last
        if last is None or not last.holds(at):
            profile = self.profile(at)
            last = _Run(self._begin_of(profile, at), self._end_of(profile, at), profile)
            self._last = last
        return last

    def pieces(self, begin: datetime, end: datetime) -> Iterator[Piece]:
        """Return the pieces from `begin` to `end`, made as they are asked for."""
        since, profile = begin, None
        for at, name in self._boundaries(begin, end):
            if name != profile:
                if profile is not None:
                    yield Piece(since, at, profile)
                since, profile = at, name
        if profile is not None:
            yield Piece(since, end, profile)

    def _boundaries(self, begin: datetime, end: datetime) -> Iterator[tuple[datetime, str]]:
        for first, last, offset in stretches(self.zone, begin, end):
            wall, until = (first + offset).replace(tzinfo=None), (last + offset).replace(tzinfo=None)
            midnight = wall.replace(hour=0, minute=0, second=0, microsecond=0)
            while midnight < until:
                parts = self._day(midnight.date())
                for index, (minute, profile) in enumerate(parts):
                    ends = parts[index + 1][0] if index + 1 < len(parts) else DAY_MINUTES
                    at = max(wall, midnight + timedelta(minutes=minute))
                    if at < until and at < midnight + timedelta(minutes=ends):
                        yield at.replace(tzinfo=UTC) - offset, profile
                midnight += _DAY

    def profile(self, at: datetime) -> str:
        """Return the profile that holds at a moment."""
        if self._last is not None and self._last.holds(at):
            return self._last.profile
        wall = _wall(self.zone, at)
        parts = self._day(wall.date())
        return parts[bisect_right(parts, wall.hour * 60 + wall.minute, key=lambda part: part[0]) - 1][1]

    def _day(self, day: date) -> _Parts:
        return self.dates.get(day) or self.week[day.weekday()]

    def _end_of(self, profile: str, at: datetime) -> datetime | None:
        """Return the first moment after `at` with another profile.

        What two whole weeks do not show, the week does not hold; then only the dates of exception are left, each with
        the days around it that it may have hidden.
        """
        if self._never_changes():
            return None
        spans = [(at, at + _WHOLE_WEEKS)]
        for day in self.dates_in_order:
            middle = datetime(day.year, day.month, day.day, tzinfo=UTC)
            if middle + _AROUND > at:
                spans.append((max(at, middle - 2 * _DAY), middle + _AROUND))
        for begin, end in spans:
            for piece in self.pieces(begin, end):
                if piece.profile != profile:
                    return piece.begin
        return None

    def _begin_of(self, profile: str, at: datetime) -> datetime | None:
        """Return the last moment up to `at` before which another profile held: as `_end_of`, backwards."""
        if self._never_changes():
            return None
        spans = [(at - _DAY, at), (at - 7 * _DAY, at - _DAY), (at - _WHOLE_WEEKS, at - 7 * _DAY)]
        for day in reversed(self.dates_in_order):
            middle = datetime(day.year, day.month, day.day, tzinfo=UTC)
            if middle - _AROUND < at:
                spans.append((middle - _AROUND, min(at, middle + 2 * _DAY)))
        for begin, end in spans:
            for piece in reversed(list(self.pieces(begin, end))):
                if piece.profile != profile:
                    return piece.end
        return None

    def _never_changes(self) -> bool:
        return len({profile for parts in (*self.week, *self.dates.values()) for _, profile in parts}) == 1


@lru_cache(maxsize=1024)
def _course(schedule: Schedule, zone: str) -> _Course:
    return _Course(schedule, zone)


def _week(schedule: Schedule) -> tuple[_Parts, ...]:
    spans: list[list[tuple[int, int, str]]] = [[] for _ in range(7)]
    for window in schedule.windows:
        begin, end, after_midnight = _span(window)
        for day in window.days:
            spans[day].append((begin, end, window.profile))
            if after_midnight:
                spans[(day + 1) % 7].append((0, after_midnight, window.profile))
    return tuple(_parts(day, schedule) for day in spans)


def _span(window: Window) -> tuple[int, int, int]:
    """Return the first minute of a window, its end on the day it begins, and its end on the day after (0: not there)."""
    if window.to_minute > window.from_minute:
        return window.from_minute, window.to_minute, 0
    return window.from_minute, DAY_MINUTES, window.to_minute


def _parts(spans: Sequence[tuple[int, int, str]], schedule: Schedule) -> _Parts:
    cuts = sorted(
        {0, *(minute for begin, end, _ in spans for minute in (begin, end) if minute < DAY_MINUTES)}
    )
    parts: list[tuple[int, str]] = []
    for minute in cuts:
        profile = next((name for begin, end, name in spans if begin <= minute < end), schedule.otherwise)
        if profile is None:
            raise ValueError(
                f"the schedule {schedule.name} says nothing for {minute // 60:02}:{minute % 60:02}: "
                "give it a window there, or `otherwise`"
            )
        if not parts or parts[-1][1] != profile:
            parts.append((minute, profile))
    return tuple(parts)


def _wall(zone: ZoneInfo, at: datetime) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)
