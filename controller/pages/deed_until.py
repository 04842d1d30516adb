"""When a deed ends, as it is typed and as it is offered: times on the clock of a place, also on its odd days. Pure.

A clock that goes forward leaves times out: those are none. A clock that goes back shows an hour twice: which of both is
meant has to be said, it is never guessed.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from controller.desire import ends_by_container
from miners.inventory.fleet import Container, Inventory

Which: TypeAlias = Literal["first", "second"]
WHICH: Final[tuple[Which, Which]] = ("first", "second")
"""Of a time that the clock shows twice: before it goes back, and behind."""

_TYPED: Final = re.compile(r"(?:(\d{4}-\d\d-\d\d)[T ])?(\d\d?:\d\d)", re.ASCII)
_WRITTEN: Final = "%Y-%m-%dT%H:%M"


def next_changes(
    containers: Sequence[Container], inventory: Inventory, now: datetime
) -> list[datetime] | None:
    """Return when the schedules of these containers change next, earliest first; None if one of them never does."""
    found = ends_by_container(containers, inventory.schedules, now)
    return sorted(set(found.values())) if containers and len(found) == len(containers) else None


def suggested_until(now: datetime, zone: ZoneInfo) -> str:
    """Return what stands in the field for a time at first: the next full hour that is at least an hour away."""
    moment = (now + timedelta(hours=1)).astimezone(UTC).replace(second=0, microsecond=0)
    while moment < now + timedelta(hours=1) or moment.astimezone(zone).minute:
        moment += timedelta(minutes=1)
    return written(moment, zone)


def written(moment: datetime, zone: ZoneInfo) -> str:
    """Return a moment as it stands in the field for a time."""
    return moment.astimezone(zone).strftime(_WRITTEN)


def which_of(moment: datetime, zone: ZoneInfo) -> Which:
    """Return which of both a moment is, where the clock shows its time twice; the first where it does not."""
    return WHICH[moment.astimezone(zone).fold]


def moments_of(text: str, now: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the moments at which the clock shows what was typed, with a date, or without one when it does next.

    None: it is no time, or one that the clock leaves out. Two: it shows it twice, and neither has passed.
    """
    found = _TYPED.fullmatch(text.strip())
    if found is None:
        return ()
    date, clock = found.groups()
    try:
        time = time_of_day.fromisoformat(clock.rjust(5, "0"))
        today = datetime.combine(
            datetime.fromisoformat(date) if date else now.astimezone(zone).replace(tzinfo=None), time
        )
        shown = _shown(today, zone)
        if date is None and not any(moment > now for moment in shown):
            shown = _shown(today + timedelta(days=1), zone)
    except (ValueError, OverflowError):
        return ()
    return tuple(moment for moment in shown if moment > now) or shown[-1:]


def until_of(text: str, which: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return the one moment that was typed; None for no time, and for one of two where it is not said `which`."""
    found = moments_of(text, now, zone)
    if len(found) == 2:
        return found[WHICH.index(which)] if which in WHICH else None
    return found[0] if found else None


def _shown(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return the moments at which a place's clock shows this, UTC, in order."""
    both = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(one for one in both if one.astimezone(zone).replace(tzinfo=None, fold=0) == wall))
