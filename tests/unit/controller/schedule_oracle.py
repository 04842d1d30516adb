"""What a schedule means, said slowly and plainly: look at the wall's clock in one minute, then at every window in turn."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from miners.inventory.fleet import Schedule, Window

MINUTE = timedelta(minutes=1)


def profile_in_minute(schedule: Schedule, zone: ZoneInfo, at: datetime) -> str:
    wall = at.astimezone(zone)
    minute = wall.hour * 60 + wall.minute
    today = f"{wall.year:04}-{wall.month:02}-{wall.day:02}"
    for exception in schedule.exceptions:
        if exception.date == today:
            for window in exception.windows:
                if window.from_minute <= minute < (window.to_minute or 1440):
                    return window.profile
            assert schedule.otherwise is not None
            return schedule.otherwise
    for window in schedule.windows:
        if _holds(window, wall.weekday(), minute):
            return window.profile
    assert schedule.otherwise is not None
    return schedule.otherwise


def _holds(window: Window, weekday: int, minute: int) -> bool:
    over_midnight = window.to_minute <= window.from_minute
    if (
        weekday in window.days
        and minute >= window.from_minute
        and (over_midnight or minute < window.to_minute)
    ):
        return True
    yesterday = weekday - 1 if weekday else 6
    return over_midnight and yesterday in window.days and minute < window.to_minute


def minutes(schedule: Schedule, zone: ZoneInfo, begin: datetime, count: int) -> list[str]:
    """The profile of each minute from `begin` (a whole minute, UTC)."""
    assert begin.tzinfo is UTC
    return [profile_in_minute(schedule, zone, begin + MINUTE * index) for index in range(count)]
