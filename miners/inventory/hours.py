"""Days of the week, times of day and dates, as tariffs and schedules write them.

A time of day is a text: some YAML readers take an unquoted 06:00 for the number 360 and pass that on, so a number is refused
with the reason.
"""

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

from miners.inventory.kinds import ListOf, One, Parsed, Schema
from miners.inventory.nodes import Node, Scalar, number, said, shortened
from miners.inventory.report import Wrong

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_END: Final = 1440

_GROUPS: Final = {
    "weekdays": (0, 1, 2, 3, 4),
    "weekend": (5, 6),
    "every day": (0, 1, 2, 3, 4, 5, 6),
}
_DAY = f"({'|'.join(DAYS)})"
_CLOCK_PATTERN = "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
_CLOCK = re.compile(_CLOCK_PATTERN)
# Schedules look years ahead for dates of exception; further than this nobody plans.
_DATE = re.compile("20[0-9]{2}-[0-9]{2}-[0-9]{2}")


class TimeOfDay(One):
    """A time of day as `HH:MM`; `24:00` is the day's end. Its value: minutes since midnight."""

    words = "a time of day such as 06:00 (24:00 is the day's end)"

    def take(self, node: Node) -> int:
        """Return the minutes since midnight. Raises Wrong."""
        if type(node) is not Scalar:
            raise self.no(node)
        found = number(node)
        if found is not None:
            meant = "06:00"
            if isinstance(found, int) and 0 <= found <= DAY_END:
                meant = f"{found:02}:00" if found <= 24 else time_text(found)
            raise Wrong(
                f'{said(node)} is a number and not {self.words}: write "{meant}", in quotes; '
                "without them some writers of YAML make a number of it"
            )
        if not _CLOCK.fullmatch(node.text):
            raise Wrong(f"{shortened(node.text)} is not {self.words}")
        return int(node.text[:2]) * 60 + int(node.text[3:])

    def schema(self) -> Schema:
        """Return the JSON schema."""
        return {"type": "string", "pattern": _CLOCK_PATTERN}


def time_text(minute: int) -> str:
    """Return a minute of the day as `HH:MM`, 1440 as 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


def span_text(begin: int, end: int) -> str:
    """Return some hours as `06:00–06:30`."""
    return f"{time_text(begin)}–{time_text(end)}"


def day_names(days: Iterable[int]) -> str:
    """Return days in order, in words: `Mon, Tue`, or `every day`."""
    found = sorted(set(days))
    if len(found) == len(DAYS):
        return "every day"
    return ", ".join(DAYS[day].capitalize() for day in found)


def joined_days(listed: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the days of a list of days and ranges of days, each once, in order."""
    return tuple(sorted({day for some in listed for day in some}))


def _days(text: str) -> tuple[int, ...]:
    if text in _GROUPS:
        return _GROUPS[text]
    first, dash, last = text.partition("-")
    if first not in DAYS or (dash and last not in DAYS):
        raise Wrong(f"{shortened(text)} is not {DAY_WORDS}")
    begin = DAYS.index(first)
    count = (DAYS.index(last) - begin) % 7 + 1 if dash else 1
    return tuple((begin + step) % 7 for step in range(count))


def _date(text: str) -> str:
    if not _DATE.fullmatch(text):
        raise Wrong(f"{shortened(text)} is not a date such as 2026-12-31")
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise Wrong(f"{text} is not in the calendar") from error
    return text


DAY_WORDS: Final = "a day such as mon, or days such as mon-fri, weekdays, weekend or every day"

DAYS_KIND: Final = ListOf(
    "days such as [mon, tue], mon-fri or weekdays",
    Parsed(DAY_WORDS, _days, f"^({_DAY}(-{_DAY})?|{'|'.join(_GROUPS)})$"),
    alone=True,
)
TIME_OF_DAY: Final = TimeOfDay()
DATE: Final = Parsed("a date such as 2026-12-31", _date, "^20[0-9]{2}-[0-9]{2}-[0-9]{2}$")
