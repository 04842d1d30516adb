"""The keys of a schedule: windows of the week, dates of exception, and the profile for the gaps; and the one built in."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from miners.inventory import coverage
from miners.inventory.coverage import Laid
from miners.inventory.fleet import DayException, Origin, Schedule, Window
from miners.inventory.hours import DATE, DAY_END, DAYS_KIND, TIME_OF_DAY, joined_days
from miners.inventory.kinds import MISSING, ListOf, nearest
from miners.inventory.nodes import shortened
from miners.inventory.sections import Entry, Field, Section
from miners.inventory.shared_keys import NAME, SLUG
from miners.inventory.slugs import slug

MAX_WINDOWS: Final = 500
MAX_EXCEPTIONS: Final = 1000

_EVERY_DAY: Final = tuple(range(7))

BUILT_IN: Final[Mapping[str, Schedule]] = {
    "default": Schedule(
        id="default",
        name="default",
        windows=tuple(
            Window(_EVERY_DAY, begin * 60, begin * 60 + 360, profile)
            for begin, profile in ((0, "overclock"), (6, "normal"), (12, "underclock"), (18, "curtail"))
        ),
    )
}


class _Exception(msgspec.Struct, frozen=True):
    """Some dates with windows of their own, and where they were written."""

    entry: Entry
    dates: list[str]
    laid: list[Laid]
    whole: bool


def _window(entry: Entry) -> Any:
    values = entry.values
    begin, end = values["from"], values["to"]
    if begin == DAY_END:
        entry.mistake("from", "24:00 is the end of a day: a window begins at 00:00 of the next")
        return MISSING
    listed = values.get("days", [_EVERY_DAY])
    if MISSING in listed:
        return MISSING
    days = joined_days(listed)
    if not days:
        entry.mistake("days", "names no day: leave the key out for every day")
        return MISSING
    return Laid(entry, Window(days, begin, end, values["profile"]))


def _window_of_exception(entry: Entry) -> Any:
    begin, end = entry.values["from"], entry.values["to"] or DAY_END
    if begin >= end:
        words = "24:00 is the end of the date" if begin == DAY_END else "it would run over midnight"
        entry.mistake("to", f"an exception holds from 00:00 to 24:00 of its date, and {words}")
        return MISSING
    return Laid(entry, Window((0,), begin, end, entry.values["profile"]))


def _exception(entry: Entry) -> Any:
    listed = [entry.values["date"]] if "date" in entry.values else entry.values["dates"]
    if not listed:
        entry.mistake("dates", "names no date: give one such as 2026-12-31")
        return MISSING
    windows = entry.values.get("windows", [])
    laid = [window for window in windows if window is not MISSING]
    dates = [date for date in listed if date is not MISSING]
    return _Exception(entry, dates, laid, whole=len(laid) == len(windows))


_FROM = Field(
    kind=TIME_OF_DAY,
    meaning="Time of day it begins, in the container's time zone.",
    example='"06:00"',
    required=True,
)
_PROFILE = Field(kind=NAME, meaning="Name of the profile that holds.", example="normal", required=True)

WINDOW = Section(
    "a window: a mapping with from, to and profile",
    {
        "days": Field(
            kind=DAYS_KIND,
            meaning="Days on which it begins: mon, tue, wed, thu, fri, sat, sun, mon-fri, weekdays, weekend, every day.",
            example="[mon, tue]",
            default="every day",
        ),
        "from": _FROM,
        "to": Field(
            kind=TIME_OF_DAY,
            meaning="Time of day it ends; `24:00` is the day's end, and not after `from` means on the next day.",
            example='"12:00"',
            required=True,
        ),
        "profile": _PROFILE,
    },
    elsewhere={"day": "did you mean days?", "begin": "did you mean from?", "end": "did you mean to?"},
    build=_window,
)

EXCEPTION_WINDOW = Section(
    "a window: a mapping with from, to and profile",
    {
        "from": _FROM,
        "to": Field(
            kind=TIME_OF_DAY,
            meaning="Time of day it ends, on the same date; `24:00` is its end.",
            example='"12:00"',
            required=True,
        ),
        "profile": _PROFILE,
    },
    elsewhere={"days": "an exception is for its dates: leave days out"},
    build=_window_of_exception,
)

EXCEPTION = Section(
    "an exception: a mapping with date, or dates, and windows",
    {
        "date": Field(
            kind=DATE, meaning="The date, in the container's time zone: year-month-day.", example="2026-12-31"
        ),
        "dates": Field(
            kind=ListOf("a list of dates", DATE),
            meaning="Several dates, instead of `date`.",
            example="[2026-12-31, 2027-01-01]",
        ),
        "windows": Field(
            kind=ListOf("a list of windows", EXCEPTION_WINDOW),
            meaning="What holds on it from 00:00 to 24:00, instead of the week's windows.",
            example='[{from: "00:00", to: "24:00", profile: normal}]',
            default="none: `otherwise` holds all day",
        ),
    },
    one_of=("date", "dates"),
    build=_exception,
)

SCHEDULE = Section(
    "a schedule: a mapping with windows, or otherwise",
    {
        "id": Field(
            kind=SLUG, meaning="Its name in URLs.", example="quarters", default="the slug of the name"
        ),
        "windows": Field(
            kind=ListOf("a list of windows", WINDOW),
            meaning="Hours of the week and the profile that holds in them; no two may hold at once.",
            example='[{from: "00:00", to: "24:00", profile: normal}]',
            default="none",
        ),
        "otherwise": Field(
            kind=NAME,
            meaning="Name of the profile for every hour that no window holds; without it there may be no such hour.",
            example="normal",
            default="no gaps",
        ),
        "exceptions": Field(
            kind=ListOf("a list of exceptions", EXCEPTION),
            meaning="Dates with windows of their own.",
            example="[{date: 2026-12-31, windows: []}]",
            default="none",
        ),
    },
    elsewhere={
        "timezone": "the time zone is the container's",
        "time_zone": "the time zone is the container's",
        "default": "did you mean otherwise?",
        "profile": "profiles belong to windows, or to `otherwise`",
    },
)


def schedule_of(name: str, entry: Entry, profiles: Collection[str]) -> Schedule | None:
    """Return the schedule that was written; None if something of it is wrong (which has been reported).

    `profiles`: the names that there are.
    """
    before = len(entry.report.mistakes)
    windows, exceptions = entry.values.get("windows", []), entry.values.get("exceptions", [])
    laid = [window for window in windows if window is not MISSING]
    otherwise = entry.values.get("otherwise")
    if otherwise is not None:
        _check_profile(entry, "otherwise", otherwise, profiles)
    for one in laid:
        _check_profile(one.entry, "profile", one.window.profile, profiles)
    gaps_matter = otherwise is None and "otherwise" not in entry.wrong
    if len(laid) > MAX_WINDOWS:
        entry.mistake("windows", f"are {len(laid)}, more than {MAX_WINDOWS}")
    else:
        coverage.check_overlaps(laid)
        if gaps_matter and len(laid) == len(windows) and "windows" not in entry.wrong:
            coverage.check_gaps(entry, "windows", coverage.gaps(one.window for one in laid))
    found = _exceptions(entry, exceptions, profiles, gaps_matter=gaps_matter)
    if entry.wrong or MISSING in windows or len(entry.report.mistakes) > before:
        return None
    return Schedule(
        id=entry.values.get("id") or slug(name),
        name=name,
        windows=tuple(one.window for one in laid),
        otherwise=otherwise,
        exceptions=tuple(found),
        origin=Origin(entry.report.file, entry.line),
    )


def _exceptions(
    entry: Entry, listed: list[Any], profiles: Collection[str], *, gaps_matter: bool
) -> list[DayException]:
    found: dict[str, DayException] = {}
    given: dict[str, str] = {}
    for one in listed:
        if one is MISSING:
            continue
        on = one.dates[0] if one.dates else "its date"
        for laid in one.laid:
            _check_profile(laid.entry, "profile", laid.window.profile, profiles)
        if len(one.laid) > MAX_WINDOWS:
            one.entry.mistake("windows", f"are {len(one.laid)}, more than {MAX_WINDOWS}")
            continue
        coverage.check_overlaps(one.laid, on=on)
        if gaps_matter and one.whole:
            missing = coverage.gaps((laid.window for laid in one.laid), days=(0,))
            coverage.check_gaps(one.entry, "windows", missing, on=on)
        for date in one.dates:
            if date in found:
                one.entry.mistake(None, f"{date} is an exception already, in {given[date]}")
                continue
            found[date] = DayException(date, tuple(laid.window for laid in one.laid))
            given[date] = one.entry.item
    if len(found) > MAX_EXCEPTIONS:
        entry.mistake("exceptions", f"name {len(found)} dates, more than {MAX_EXCEPTIONS}")
    return list(found.values())


def _check_profile(entry: Entry, key: str, name: str, profiles: Collection[str]) -> None:
    if name not in profiles:
        near = nearest(name, tuple(sorted(profiles)))
        advice = (
            f"did you mean {shortened(near)}?" if near else f"there are {', '.join(sorted(profiles)[:20])}"
        )
        entry.mistake(key, f"there is no profile {shortened(name)}; {advice}")
