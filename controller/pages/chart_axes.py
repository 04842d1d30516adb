"""Round labels for the axes of charts: numbers that people say, and times on the clock of a place, also on its odd days.

Pure. A clock that is put forward or back in the middle of a chart shifts the labels behind, never their words: each stands
where that place's clock showed it, and an hour that the clock left out has none.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

import msgspec
from babel.dates import format_date

from controller.pages.language import Words

MOST: Final = 4
"""Labels on an axis."""

_MINUTES: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS: Final = (1, 2, 4, 7, 14, 28, 56, 112)

_CHARACTER: Final = 3.2
"""How wide a character is, in percent of the drawing's width on the narrowest phone."""


class Label(msgspec.Struct, frozen=True):
    """A label: where it stands, and its text; "" for a line alone."""

    at: float
    text: str


def round_numbers(low: float, high: float) -> tuple[list[float], int]:
    """Return two to four round numbers within a range, evenly apart, and the digits that they need behind the point."""
    exponent = math.floor(math.log10(high - low)) - 1
    for power in (exponent, exponent + 1, exponent + 2):
        for part in (1.0, 2.0, 2.5, 5.0):
            step = part * 10.0**power
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first < MOST:
                digits = max(0, -power) + (1 if part == 2.5 and power <= 0 else 0)
                return [number * step for number in range(first, last + 1)], digits
    return [low, high], max(0, -exponent)


def round_times(begin: datetime, end: datetime, zone: tzinfo, words: Words, *, now: bool) -> list[Label]:
    """Return at most four round times of a place between two moments, in percent of the way; `now`: the end is the present."""
    span = (end - begin).total_seconds()
    if span <= 0:
        return []
    moments: list[tuple[datetime, str]] = []
    for minutes in _MINUTES:
        if span > minutes * 60 * (MOST + 2):
            continue
        moments = [(at, _clock(at, words)) for at in _within(begin, end, zone, minutes)]
        if len(moments) <= MOST:
            break
    else:
        for days in _DAYS:
            moments = [(at, _day(at, words)) for at in _midnights(begin, end, zone, days)]
            if len(moments) <= MOST:
                break
    labels = [Label(round((at - begin).total_seconds() / span * 100, 2), text) for at, text in moments]
    if not now:
        return labels
    last = words.gettext("now")
    free = 100.0 - _CHARACTER * (len(last) + 0.5)  # it ends at the edge; the others stand around their line
    kept = [
        label if label.at + _CHARACTER * len(label.text) / 2 < free else Label(label.at, "")
        for label in labels
    ]
    return [*kept, Label(100.0, last)]


def _within(begin: datetime, end: datetime, zone: tzinfo, minutes: int) -> Iterator[datetime]:
    """Return the moments between two at which the place's clock shows a multiple of so many minutes since midnight."""
    day = begin.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        for minute in range(0, 1440, minutes):
            found = _moment(datetime.combine(day, time(minute // 60, minute % 60)), zone)
            if found is not None and begin <= found <= end:
                yield found
        day += timedelta(days=1)


def _midnights(begin: datetime, end: datetime, zone: tzinfo, days: int) -> Iterator[datetime]:
    day = begin.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        if day.toordinal() % days == 1 % days:
            found = _moment(datetime.combine(day, time()), zone)
            if found is not None and begin <= found <= end:
                yield found
        day += timedelta(days=1)


def _moment(wall: datetime, zone: tzinfo) -> datetime | None:
    """Return when a place's clock shows this, the first time of two; None in an hour that the clock leaves out."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    local = moment.astimezone(zone)
    return local if local.replace(tzinfo=None, fold=0) == wall else None


def _clock(at: datetime, words: Words) -> str:
    return _day(at, words) if (at.hour, at.minute) == (0, 0) else f"{at:%H:%M}"


def _day(at: datetime, words: Words) -> str:
    return str(format_date(at.date(), "d MMM", locale=words.formats.locale))
