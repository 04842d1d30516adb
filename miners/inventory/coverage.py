"""Whether windows of a schedule, or zones of a tariff, fill their days: hours that two hold, and hours that none does, by name.

Both are mistakes: of two profiles at once none could be right, and a gap needs a word for what holds in it.
"""

from collections.abc import Iterable, Sequence

import msgspec

from miners.inventory.fleet import TariffZone, Window
from miners.inventory.hours import DAY_END, day_names, span_text
from miners.inventory.sections import Entry

_MOST_NAMED = 4

_Hours = tuple[int, int, int]
"""Some hours of one day: the day, the first minute, the minute after the last."""


class Laid(msgspec.Struct, frozen=True):
    """A window and where it was written."""

    entry: Entry
    window: Window


def hours_of(window: Window | TariffZone) -> list[_Hours]:
    """Return the hours of a window or zone, each part in its day: over midnight it reaches into the next."""
    found: list[_Hours] = []
    for day in window.days:
        if window.to_minute > window.from_minute:
            found.append((day, window.from_minute, window.to_minute))
        else:
            found.append((day, window.from_minute, DAY_END))
            if window.to_minute:
                found.append(((day + 1) % 7, 0, window.to_minute))
    return found


def check_overlaps(laid: Sequence[Laid], *, on: str | None = None) -> None:
    """Report each window that shares hours with an earlier one, naming both and the hours.

    `on`: the date that they are all of; None: the days of the week.
    """
    earlier: list[tuple[Laid, list[_Hours]]] = []
    for one in laid:
        mine = hours_of(one.window)
        for other, theirs in earlier:
            shared = [
                (day, max(begin, first), min(end, last))
                for day, begin, end in mine
                for other_day, first, last in theirs
                if day == other_day and begin < last and first < end
            ]
            if shared:
                spans, many = named(shared, on)
                verb = "are" if many else "is"
                one.entry.mistake(None, f"{spans} {verb} in {other.entry.item} and {one.entry.item}")
                break
        earlier.append((one, mine))


def gaps(windows: Iterable[Window | TariffZone], days: Iterable[int] = range(7)) -> list[_Hours]:
    """Return the hours of these days that none of them holds."""
    covered: dict[int, list[tuple[int, int]]] = {day: [] for day in days}
    for window in windows:
        for day, begin, end in hours_of(window):
            if day in covered:
                covered[day].append((begin, end))
    found: list[_Hours] = []
    for day, spans in covered.items():
        reached = 0
        for begin, end in sorted(spans):
            if begin > reached:
                found.append((day, reached, begin))
            reached = max(reached, end)
        if reached < DAY_END:
            found.append((day, reached, DAY_END))
    return found


def check_gaps(entry: Entry, key: str, found: Sequence[_Hours], *, on: str | None = None) -> None:
    """Report hours that no window holds, at one key of an entry."""
    if found:
        spans, _ = named(found, on)
        entry.mistake(
            key, f"no profile holds {spans}: add a window, or write `otherwise` with the profile for the gaps"
        )


def named(hours: Sequence[_Hours], on: str | None = None) -> tuple[str, bool]:
    """Return some hours in words, and whether they are more than one span: `06:00–07:00 on Mon, Tue; 09:00–10:00 on Sun`."""
    by_span: dict[tuple[int, int], list[int]] = {}
    for day, begin, end in hours:
        by_span.setdefault((begin, end), []).append(day)
    texts = [f"{span_text(*span)} {_when(days, on)}" for span, days in list(by_span.items())[:_MOST_NAMED]]
    more = len(by_span) - len(texts)
    return "; ".join(texts) + (f" and {more} more" if more else ""), len(by_span) > 1


def _when(days: Sequence[int], on: str | None) -> str:
    if on is not None:
        return f"on {on}"
    names = day_names(days)
    return names if names == "every day" else f"on {names}"
