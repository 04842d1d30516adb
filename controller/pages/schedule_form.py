"""The form of a schedule: what was typed, rows added and taken away, every mistake at its row, and the order it makes. Pure.

What was typed is kept as it is, right or wrong, so that nothing is lost on the way. Fields are named by the place of their
row: `w-0-from` of the week, `x-1-date` and `x-1-w-0-from` of a date of its own.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Final

import msgspec
from multidict import MultiDict

from controller.api.problems import Mistake
from controller.api.schedule_orders import (
    DayWindow,
    ScheduleOrder,
    ShownException,
    ShownSchedule,
    ShownWindow,
)
from controller.pages.formats import plain
from controller.pages.language import Words
from controller.pages.week_hours import (
    day_of,
    hours_words,
    minute_of,
    no_time,
    number_of,
    overlaps,
    typed_time,
)
from miners.inventory.coverage import gaps
from miners.inventory.fleet import Window
from miners.inventory.hours import DAY_END, DAYS

MOST_NAME: Final = 64
MOST_ROWS: Final = 500
"""Of the week, and dates of their own."""

_LONGEST: Final = 200
"""What is kept of a field that should hold a time or a date."""

_FIELD: Final = re.compile(r"(?:x-(\d{1,4})-)?(?:w-(\d{1,4})-(days|from|to|profile)|(date))")
_PRESSED: Final = re.compile(r"(add-row|remove-row|add-date|remove-date)(?::(\d{1,4}))?(?::(\d{1,4}))?")

Found = list[tuple[str, str]]
"""Mistakes: (id of the field, words)."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Some hours and their profile, as typed. `days`: as schedules write them; of a date of its own, none."""

    days: tuple[str, ...] = ()
    from_: str = ""
    to: str = ""
    profile: str = ""

    @property
    def blank(self) -> bool:
        """Return whether no time was typed."""
        return not (self.from_ or self.to)


class DateRows(msgspec.Struct, frozen=True, kw_only=True):
    """A date of its own, as typed."""

    date: str = ""
    rows: tuple[Row, ...] = ()


class ScheduleForm(msgspec.Struct, frozen=True, kw_only=True):
    """The form. `containers`: ids of those ticked. `etag`: of what was read; `plan`: the fingerprint of what was looked at.

    `typed`: the number typed to confirm.
    """

    name: str = ""
    otherwise: str = ""
    rows: tuple[Row, ...] = ()
    dates: tuple[DateRows, ...] = ()
    containers: tuple[str, ...] = ()
    etag: str = ""
    plan: str = ""
    typed: str = ""


FOUR_SHIFTS: Final = tuple(
    Row(days=DAYS, from_=f"{begin:02}:00", to=f"{begin + 6:02}:00", profile=profile)
    for begin, profile in ((0, "overclock"), (6, "normal"), (12, "underclock"), (18, "curtail"))
)
"""What a new schedule begins with."""


def form_of(schedule: ShownSchedule, etag: str = "") -> ScheduleForm:
    """Return the form of a schedule that is there."""
    return ScheduleForm(
        name=schedule.name,
        otherwise=schedule.otherwise or "",
        rows=tuple(
            Row(days=tuple(one.days), from_=one.from_, to=one.to, profile=one.profile)
            for one in schedule.windows
        ),
        dates=tuple(
            DateRows(
                date=one.date.isoformat(),
                rows=tuple(Row(from_=row.from_, to=row.to, profile=row.profile) for row in one.windows),
            )
            for one in schedule.exceptions
        ),
        containers=tuple(schedule.containers),
        etag=etag,
    )


def read_form(fields: MultiDict[str]) -> ScheduleForm:
    """Return what was sent, rows in the order of their numbers; fields that the form does not have are not looked at."""
    week: dict[int, dict[str, str]] = {}
    dates: dict[int, tuple[dict[str, str], dict[int, dict[str, str]]]] = {}
    days: dict[tuple[str | None, str], list[str]] = {}
    for name, value in fields.items():
        found = _FIELD.fullmatch(name)
        if found is None:
            continue
        on, row, key, dated = found.groups()
        if on is not None:
            of_date, rows = dates.setdefault(int(on), ({}, {}))
        if dated:
            if on is not None:
                of_date["date"] = value[:_LONGEST]
            continue
        if key == "days":
            days.setdefault((on, row), []).append(value)
        of_row = (rows if on is not None else week).setdefault(int(row), {})
        of_row[key] = value[:_LONGEST]

    def rows_of(found: Mapping[int, Mapping[str, str]], on: str | None) -> tuple[Row, ...]:
        return tuple(
            Row(
                days=tuple(day for day in DAYS if day in days.get((on, str(number)), ())),
                from_=typed_time(row.get("from", "")),
                to=typed_time(row.get("to", "")),
                profile=row.get("profile", ""),
            )
            for number, row in sorted(found.items())
        )

    return ScheduleForm(
        name=fields.get("name", "").strip(),
        otherwise=fields.get("otherwise", ""),
        rows=rows_of(week, None),
        dates=tuple(
            DateRows(date=of_date.get("date", "").strip(), rows=rows_of(rows, str(number)))
            for number, (of_date, rows) in sorted(dates.items())
        ),
        containers=tuple(fields.getall("container", [])),
        etag=fields.get("etag", ""),
        plan=fields.get("plan", ""),
        typed=fields.get("typed", "").strip(),
    )


def pressed(form: ScheduleForm, button: str) -> ScheduleForm | None:
    """Return the form with a row more or less, by the button that was pressed; None for a button that is not of rows."""
    found = _PRESSED.fullmatch(button)
    if found is None:
        return None
    deed, first, second = found[1], number_of(found[2]), number_of(found[3])
    replaced = msgspec.structs.replace
    if deed == "add-date":
        return replaced(form, dates=(*form.dates, DateRows())[:MOST_ROWS])
    if deed == "remove-date":
        return replaced(form, dates=_without(form.dates, first))
    if deed == "add-row" and first is None:
        return replaced(form, rows=_with_row(form.rows, Row(days=DAYS)))
    if deed == "remove-row" and second is None:
        return replaced(form, rows=_without(form.rows, first))
    dates = tuple(
        one
        if number != first
        else replaced(
            one, rows=_with_row(one.rows, Row()) if deed == "add-row" else _without(one.rows, second)
        )
        for number, one in enumerate(form.dates)
    )
    return replaced(form, dates=dates)


def without_blanks(form: ScheduleForm) -> ScheduleForm:
    """Return the form without rows in which no time was typed."""
    return msgspec.structs.replace(
        form,
        rows=tuple(row for row in form.rows if not row.blank),
        dates=tuple(
            msgspec.structs.replace(one, rows=tuple(row for row in one.rows if not row.blank))
            for one in form.dates
            if one.date or any(not row.blank for row in one.rows)
        ),
    )


def order_of(form: ScheduleForm) -> ScheduleOrder:
    """Return what a form without mistakes orders."""
    return ScheduleOrder(
        name=form.name,
        windows=tuple(
            ShownWindow(days=row.days, from_=row.from_, to=row.to, profile=row.profile)  # type: ignore[arg-type]  # only DAYS stand there
            for row in form.rows
        ),
        otherwise=form.otherwise or None,
        exceptions=tuple(
            ShownException(
                date=date.fromisoformat(one.date),
                windows=tuple(DayWindow(from_=row.from_, to=row.to, profile=row.profile) for row in one.rows),
            )
            for one in form.dates
        ),
        plan=form.plan or None,
    )


def mistakes_in(form: ScheduleForm, profiles: Collection[str], words: Words) -> Found:
    """Return what is wrong, each at its field, rows by their numbers from 1. `profiles`: the names that there are."""
    found: Found = []
    if not form.name:
        found.append(("name", words.gettext("Give the schedule a name")))
    elif len(form.name) > MOST_NAME:
        found.append(("name", words.gettext("A name has at most %(most)s characters", most=MOST_NAME)))
    if form.otherwise and form.otherwise not in profiles:
        found.append(("otherwise", _no_profile(form.otherwise, words)))
    if not form.rows and not form.otherwise:
        found.append(("otherwise", words.gettext("Add a row, or choose the profile that holds otherwise")))
    windows: list[tuple[int, Window]] = []
    for number, row in enumerate(form.rows):
        at_row, window = _row_mistakes(row, f"w-{number}", number, profiles, words, dated=False)
        found += at_row
        if window is not None:
            windows.append((number, window))
    found += [(f"w-{later}-from", text) for later, text in overlaps(windows, words, None)]
    if form.rows and len(windows) == len(form.rows) and not form.otherwise:
        found += [
            ("otherwise", text) for text in _gap_words(gaps(window for _, window in windows), words, None)
        ]
    return found + _mistakes_in_dates(form, profiles, words)


def field_of(pointer: str) -> str:
    """Return the id of the field that a JSON pointer into the order means; "" for none."""
    found = re.fullmatch(r"/(?:exceptions/(\d+)/?)?(?:windows/(\d+)/?)?(\w*)", pointer)
    if found is None:
        return ""
    on, row, key = found.groups()
    before = "" if on is None else f"x-{on}-"
    if row is not None:
        return f"{before}w-{row}-{key if key in ('days', 'from', 'to', 'profile') else 'from'}"
    if on is not None:
        return f"{before}date"
    return key if key in ("name", "otherwise") else "otherwise" if key == "windows" else ""


def told_mistakes(mistakes: Iterable[Mistake], words: Words) -> Found:
    """Return mistakes that the inventory found, each at its field."""
    return [(field_of(one.at), words.told(one.detail)) for one in mistakes]


def _mistakes_in_dates(form: ScheduleForm, profiles: Collection[str], words: Words) -> Found:
    found: Found = []
    seen: dict[str, int] = {}
    for place, one in enumerate(form.dates):
        at = f"x-{place}-date"
        day = day_of(one.date)
        if day is None:
            found.append((at, words.gettext("Give a date such as 2026-12-31")))
        elif one.date in seen:
            found.append((at, words.gettext("%(day)s is given already", day=words.formats.day(day))))
        seen.setdefault(one.date, place)
        windows: list[tuple[int, Window]] = []
        for number, row in enumerate(one.rows):
            at_row, window = _row_mistakes(row, f"x-{place}-w-{number}", number, profiles, words, dated=True)
            found += at_row
            if window is not None:
                windows.append((number, window))
        named = words.formats.day(day) if day is not None else one.date
        found += [(f"x-{place}-w-{later}-from", text) for later, text in overlaps(windows, words, named)]
        if len(windows) == len(one.rows) and not form.otherwise:
            missing = gaps((window for _, window in windows), days=(0,))
            found += [(at, text) for text in _gap_words(missing, words, named)]
    return found


def _row_mistakes(
    row: Row, at: str, number: int, profiles: Collection[str], words: Words, *, dated: bool
) -> tuple[Found, Window | None]:
    found: Found = []
    begin, end = minute_of(row.from_), minute_of(row.to)
    row_number = number + 1
    if not dated and not row.days:
        found.append((f"{at}-days", words.gettext("Row %(row)s: choose at least one day", row=row_number)))
    if begin is None:
        found.append((f"{at}-from", no_time(row.from_, row_number, words)))
    elif begin == DAY_END:
        text = words.gettext("Row %(row)s: 24:00 is the end of a day; it can begin at 00:00", row=row_number)
        found.append((f"{at}-from", text))
    if end is None:
        found.append((f"{at}-to", no_time(row.to, row_number, words)))
    if dated and begin is not None and end is not None:
        end = end or DAY_END
        if begin != DAY_END and end <= begin:
            text = words.gettext(
                "Row %(row)s: it ends before it begins, and a date of its own ends at 24:00", row=row_number
            )
            found.append((f"{at}-to", text))
    if row.profile not in profiles:
        found.append((f"{at}-profile", _no_profile(row.profile, words)))
    if found or begin is None or end is None:
        return found, None
    days = (0,) if dated else tuple(DAYS.index(day) for day in row.days)
    return found, Window(days, begin, end, row.profile)


def _gap_words(missing: Sequence[tuple[int, int, int]], words: Words, on: str | None) -> list[str]:
    if not missing:
        return []
    hours = hours_words(missing, words, on)
    pattern = words.gettext(
        "No row holds %(hours)s: add one, or choose the profile that holds otherwise", hours=hours
    )
    return [pattern]


def _no_profile(name: str, words: Words) -> str:
    return words.gettext("There is no profile %(name)s", name=plain(name[:MOST_NAME]))


def _with_row(rows: tuple[Row, ...], new: Row) -> tuple[Row, ...]:
    """Return the rows and one more, which begins where the last one ends and has its days and profile."""
    if rows:
        new = Row(
            days=rows[-1].days, from_=rows[-1].to if rows[-1].to != "24:00" else "", profile=rows[-1].profile
        )
    return (*rows, new)[:MOST_ROWS]


def _without(rows: tuple, place: int | None) -> tuple:  # type: ignore[type-arg]  # of rows, or of dates
    return tuple(one for number, one in enumerate(rows) if number != place)
