"""Hours of the week as forms take them: times and dates as typed, rows that hold the same hours, and how hours are named. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from controller.pages.formats import plain
from controller.pages.language import Words
from controller.pages.schedule_page import days_words
from miners.inventory.coverage import hours_of
from miners.inventory.fleet import Window
from miners.inventory.hours import DAY_END, DAYS, span_text

_MOST_NAMED: Final = 4
_MOST_OVERLAPS: Final = 50
"""Pairs of rows that are named at once."""

_TIME: Final = re.compile(r"(\d{1,2})(?:[:.]?([0-5]\d))?")


def overlaps(
    windows: Sequence[tuple[int, Window]], words: Words, on: str | None
) -> Iterator[tuple[int, str]]:
    """Return pairs of rows that hold the same hours: the later one's number, and words that name both."""
    spans = sorted((*hours, number) for number, window in windows for hours in hours_of(window))
    shared: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    holding: list[tuple[int, int, int, int]] = []
    for day, begin, end, number in spans:
        if len(shared) > _MOST_OVERLAPS:
            break
        holding = [one for one in holding if one[0] == day and one[2] > begin]
        for _, _, until, other in holding:
            if other != number:
                pair = min(number, other), max(number, other)
                shared.setdefault(pair, []).append((day, begin, min(end, until)))
        holding.append((day, begin, end, number))
    for (earlier, later), hours in sorted(shared.items()):
        yield (
            later,
            words.gettext(
                "Rows %(first)s and %(second)s both hold %(hours)s",
                first=earlier + 1,
                second=later + 1,
                hours=hours_words(hours, words, on),
            ),
        )


def hours_words(hours: Iterable[tuple[int, int, int]], words: Words, on: str | None) -> str:
    """Return hours with their days: 06:00–07:00 (Mon, Tue); 09:00–10:00 (Sun)."""
    by_span: dict[tuple[int, int], list[int]] = {}
    for day, begin, end in hours:
        by_span.setdefault((begin, end), []).append(day)
    texts = [
        f"{span_text(*span)} ({on if on is not None else days_words([DAYS[day] for day in sorted(set(days))], words)})"
        for span, days in list(by_span.items())[:_MOST_NAMED]
    ]
    return "; ".join(texts) + ("; …" if len(by_span) > _MOST_NAMED else "")


def no_time(text: str, row: int, words: Words) -> str:
    """Return what is said of a row's time that is none."""
    if not text:
        return words.gettext("Row %(row)s: give a time such as 06:00", row=row)
    return words.gettext(
        "Row %(row)s: %(text)s is no time such as 06:00 (24:00 is the end of the day)",
        row=row,
        text=plain(text[:20]),
    )


def typed_time(text: str) -> str:
    """Return a time as schedules write it, 6 and 6.30 as 06:00 and 06:30; what is none as it was typed."""
    found = _TIME.fullmatch(text.strip())
    if found is None or (len(text.strip()) == 3 and ":" not in text and "." not in text):
        return text.strip()
    return f"{int(found[1]):02}:{found[2] or '00'}"


def minute_of(text: str) -> int | None:
    """Return the minute of the day of a time as schedules write it, 1440 for 24:00; None for what is none."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)|24:00", text)
    if found is None:
        return None
    return DAY_END if found[1] is None else int(found[1]) * 60 + int(found[2])


def number_of(text: str | None) -> int | None:
    """Return the number that a text of digits names; None for None."""
    return None if text is None else int(text)


def day_of(text: str) -> date | None:
    """Return a date of this century, 2026-12-31; None for what is none."""
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
