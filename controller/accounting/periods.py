"""Hours, days and months by the clock on a container's wall: where the books are cut.

An hour begins when that clock shows a full hour, and when it is put forward or back. So a day has 23 or 25 hours where
the clock changes by one, and where it changes by half an hour (Lord Howe) one of them lasts 30 minutes. Each hour lies in
one day, each day in one month, and none leaves a gap. What comes in are aware datetimes of any zone, what goes out is UTC.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from controller.schedule import day_begin
from miners.clocks import clock_changes

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIRST_YEAR, LAST_YEAR = 1970, 2200
"""Of what reports and months there can be: within them no zone leads out of the calendar."""
_INSTANT = timedelta(microseconds=1)
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")


def hour_at(timezone: str, moment: datetime) -> tuple[datetime, datetime]:
    """Return the hour that holds a moment: from when, and until when it no longer does. Never longer than 60 minutes.

    `timezone`: IANA name. Raises ValueError for a moment without a zone, ZoneInfoNotFoundError for an unknown name.
    """
    at = _utc(moment)
    zone = _zone(timezone)
    begin = at - _since_full_hour(zone, at)
    end = begin + HOUR
    if _offset(zone, begin) != _offset(zone, at):
        begin = clock_changes(timezone, begin, at + _INSTANT)[-1].at
    if _offset(zone, at) != _offset(zone, end):
        changes = clock_changes(timezone, at, end)
        end = changes[0].at if changes else end
    return begin, end


def hours_between(timezone: str, begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Return the whole hours that have something of the time from `begin` up to, not including, `end`; in order."""
    at, last = _utc(begin), _utc(end)
    while at < last:
        hour = hour_at(timezone, at)
        yield hour
        at = hour[1]


def day_of(timezone: str, moment: datetime) -> date:
    """Return the day that a moment lies in.

    It is the date on the wall, but for a clock that is put back over midnight: a day that has begun has begun.
    """
    at = _utc(moment)
    day = at.astimezone(_zone(timezone)).date()
    following = day + DAY
    return following if day_begin(timezone, following) <= at else day


def day_bounds(timezone: str, day: date) -> tuple[datetime, datetime]:
    """Return when a day begins, and when the next does: twice the same for a day that a zone left out."""
    return day_begin(timezone, day), day_begin(timezone, day + DAY)


def month_bounds(timezone: str, month: str) -> tuple[datetime, datetime]:
    """Return when a month (`2026-10`) begins, and when the next does. Raises ValueError for what is no month."""
    first, last = month_days(month)
    return day_begin(timezone, first), day_begin(timezone, last + DAY)


def month_days(month: str) -> tuple[date, date]:
    """Return the first and the last day of a month (`2026-10`). Raises ValueError for what is no month, or of no year that the books can have."""
    found = _MONTH.fullmatch(month)
    if found is None or not 1 <= int(found[2]) <= 12 or not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        raise ValueError(f"{month[:20]!r} is no month: write it as 2026-10")
    first = date(int(found[1]), int(found[2]), 1)
    return first, (first + 31 * DAY).replace(day=1) - DAY


def days_of_month(month: str) -> list[date]:
    """Return the days of a month (`2026-10`) in order. Raises ValueError for what is no month."""
    first, last = month_days(month)
    return [first + number * DAY for number in range((last - first).days + 1)]


def month_of(day: date) -> str:
    """Return the month of a day as `2026-10`."""
    return f"{day.year:04}-{day.month:02}"


def _since_full_hour(zone: ZoneInfo, at: datetime) -> timedelta:
    """Return how long ago the wall's clock showed a full hour, had it not been changed meanwhile."""
    wall = at.astimezone(zone)
    return timedelta(minutes=wall.minute, seconds=wall.second, microseconds=wall.microsecond)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone, so it is no moment")
    return at.astimezone(UTC)
