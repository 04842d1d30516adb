"""A clock on a wall: when it is put forward or back, and which moments lie between two such changes.

One reading of the time zones for everybody: schedules, prices and the hours of the books are cut by it. Moments come in as
aware datetimes of any zone and go out in UTC, on whole seconds.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

_STRIDE = timedelta(hours=6)
"""No zone changes its offset twice within so short a time."""


class ClockChange(msgspec.Struct, frozen=True, gc=False):
    """The clock on the wall is put forward (`shift_s` above 0) or back at a moment."""

    at: datetime
    shift_s: float


def clock_changes(zone: str, begin: datetime, end: datetime) -> list[ClockChange]:
    """Return when the wall's clock is put forward or back, from `begin` up to, not including, `end`."""
    found = stretches(zone_of(zone), in_utc(begin), in_utc(end))
    return [
        ClockChange(later[0], (later[2] - earlier[2]).total_seconds()) for earlier, later in pairwise(found)
    ]


def stretches(
    zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Return the time from `begin` to `end` cut where the zone's offset changes: (begin, end, offset)."""
    since, offset, looked = begin, _offset(zone, begin), begin
    while looked < end:
        ahead = min(looked + _STRIDE, end)
        if _offset(zone, ahead) != offset:
            changed = changed_between(zone, looked, ahead)
            if changed >= end:
                break
            yield since, changed, offset
            since, offset, looked = changed, _offset(zone, changed), changed
        else:
            looked = ahead
    if since < end:
        yield since, end, offset


def changed_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the moment, on a whole second, from which the offset of `before` does not hold any more."""
    offset = _offset(zone, before)
    low, high = int(before.timestamp()), -int(-after.timestamp() // 1)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == offset:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return a zone by its IANA name."""
    return ZoneInfo(name)


def in_utc(at: datetime) -> datetime:
    """Return a moment in UTC. Raises ValueError for one without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone, so it is no moment")
    return at.astimezone(UTC)
