"""What the page of reports was asked for, and where its figures lead: periods, filters, and what a row is made of. Pure.

Whatever stands in the address, there is a page: what cannot be used is named above the figures, and the rest is used.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from multidict import MultiMapping

from controller.accounting.model import BYS, Basis, By, ReportRow, ReportWish
from controller.accounting.periods import FIRST_YEAR, LAST_YEAR
from controller.pages.formats import cut, plain
from controller.pages.language import Words
from controller.pages.money_words import month_name, period_words
from controller.pages.week_hours import day_of

PATH: Final = "/reports"
MOST_DAYS: Final = 3660
MONTHS_OFFERED: Final = 24
ROWS: Final = 100
"""Rows of a part of the page."""

DAYS_DRAWN: Final = 92
"""Up to so many days are drawn by day, more by month."""

_MONTH: Final = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])")
_FINER: Final[Mapping[By, By]] = {"client": "container", "container": "day", "month": "day", "day": "miner"}
"""What the rows of a report are made of, by what it is by."""


class Wrong(msgspec.Struct, frozen=True):
    """A value in the address that is not used, and why."""

    name: str
    value: str
    why: str


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """What can be asked for: names by id or slug, in the order in which they are offered. `today`: of the reader's zone.

    `clients` is empty for a client, who has nothing to choose among.
    """

    today: date
    containers: Mapping[str, str]
    clients: Mapping[str, str]
    bys: Sequence[By] = BYS


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a page was asked for. `month`: where a whole one was chosen, else None. `part`: of its rows, from 1."""

    wish: ReportWish
    month: str | None
    part: int = 1
    wrong: tuple[Wrong, ...] = ()

    def address(self, path: str = PATH, **changed: Any) -> str:
        """Return the address of the same report, or of one that differs in some fields of the wish; `part` besides."""
        part = changed.pop("part", 1)
        more = changed.pop("more", ())
        wish = msgspec.structs.replace(self.wish, **changed)
        pairs = [*period_pairs(wish.begins, wish.ends), ("by", wish.by)]
        for name, values in (
            ("container", wish.containers),
            ("client", wish.clients),
            ("miner", wish.miners),
        ):
            pairs += [(name, value) for value in values or ()]
        if wish.basis != "readings":
            pairs.append(("basis", wish.basis))
        if part > 1:
            pairs.append(("page", str(part)))
        return f"{path}?{urlencode([*pairs, *more])}"


def period_pairs(begins: date, ends: date) -> list[tuple[str, str]]:
    """Return a period as an address has it: its month where it is a whole one, else its days."""
    following = date.fromordinal(ends.toordinal() + 1)
    if begins.day == 1 and following.day == 1 and (begins.year, begins.month) == (ends.year, ends.month):
        return [("month", f"{begins:%Y-%m}")]
    return [("from", begins.isoformat()), ("to", ends.isoformat())]


def asked(given: MultiMapping[str], choices: Choices, words: Words) -> Asked:
    """Return what an address asks for: without a period the month of today, by container without another word."""
    wrong: list[Wrong] = []
    begins, ends, month = _period(given, choices.today, wrong, words)
    by: By = next((one for one in choices.bys if one == given.get("by", "container")), "container")
    if given.get("by", "container") not in choices.bys:
        wrong.append(Wrong("by", given.get("by", ""), words.gettext("nothing is added up by this")))
    containers = _known(
        given, "container", choices.containers, wrong, words.gettext("there is no such container")
    )
    clients = _known(given, "client", choices.clients, wrong, words.gettext("there is no such client"))
    miners = []
    for one in dict.fromkeys(text.strip() for text in given.getall("miner", []) if text.strip()):
        if one.partition(".")[0] in choices.containers and len(one) <= 200:
            miners.append(one)
        else:
            wrong.append(Wrong("miner", one, words.gettext("there is no such miner")))
    basis: Basis = "meter" if given.get("basis") == "meter" else "readings"
    if given.get("basis", "readings") not in ("readings", "meter", ""):
        wrong.append(Wrong("basis", given.get("basis", ""), words.gettext("it is readings or meter")))
    part, text = 1, given.get("page", "").strip()
    if re.fullmatch(r"[1-9]\d{0,6}", text):
        part = int(text)
    elif text:
        wrong.append(Wrong("page", text, words.gettext("it is a number from 1")))
    wish = ReportWish(
        begins=begins,
        ends=ends,
        by=by,
        containers=tuple(containers) or None,
        clients=tuple(clients) or None,
        miners=tuple(miners) or None,
        basis=basis,
    )
    return Asked(wish=wish, month=month, part=part, wrong=tuple(wrong))


def _period(
    given: MultiMapping[str], today: date, wrong: list[Wrong], words: Words
) -> tuple[date, date, str | None]:
    first, last, month = (given.get(name, "").strip() for name in ("from", "to", "month"))
    if first or last:
        begins, ends = day_of(first) if first else None, day_of(last) if last else None
        for name, text, day in (("from", first, begins), ("to", last, ends)):
            if text and day is None:
                wrong.append(Wrong(name, text, words.gettext("it is no date such as 2026-10-31")))
        begins, ends = begins or ends, ends or begins
        if begins is not None and ends is not None:
            if begins > ends:
                wrong.append(
                    Wrong("to", last, words.gettext("it is before the first day, so both are exchanged"))
                )
                begins, ends = ends, begins
            early, late = begins.year < FIRST_YEAR, ends.year > LAST_YEAR
            if not early and not late and (ends - begins).days < MOST_DAYS:
                return begins, ends, None
            wrong.append(
                Wrong("from", first, words.gettext("a report is of the years 1970 to 2200"))
                if early or late
                else Wrong("from", first, words.gettext("a report holds ten years at most"))
            )
    if month and not _MONTH.fullmatch(month):
        wrong.append(Wrong("month", month, words.gettext("it is no month such as 2026-10")))
        month = ""
    month = month or f"{today:%Y-%m}"
    begins = date.fromisoformat(f"{month}-01")
    return begins, last_of_month(begins), month


def last_of_month(day: date) -> date:
    """Return the last day of the month that a day lies in."""
    following = (day.replace(day=28).toordinal()) + 4
    return date.fromordinal(date.fromordinal(following).replace(day=1).toordinal() - 1)


def month_before(month: str, back: int = 1) -> str:
    """Return the month so many before another; a negative number leads on."""
    number = int(month[:4]) * 12 + int(month[5:7]) - 1 - back
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _known(
    given: MultiMapping[str], name: str, there: Mapping[str, str], wrong: list[Wrong], why: str
) -> list[str]:
    """Return what is asked for, each by its id or by what it is called: dashboards know names alone."""
    called = {title: id_ for id_, title in there.items()}
    texts = list(dict.fromkeys(text.strip() for text in given.getall(name, []) if text.strip()))
    found = {text: text if text in there else called.get(text) for text in texts}
    wrong += [Wrong(name, text, why) for text, id_ in found.items() if id_ is None]
    return list(dict.fromkeys(id_ for id_ in found.values() if id_ is not None))


def months_offered(today: date, chosen: str | None, words: Words) -> list[tuple[str, str]]:
    """Return the months to choose from, the newest first: the last two years, and the chosen one."""
    month = f"{today:%Y-%m}"
    found = [month_before(month, back) for back in range(MONTHS_OFFERED)]
    if chosen is not None and chosen not in found:
        found = sorted((*found, chosen), reverse=True)
    return [(one, month_name(one, words)) for one in found]


def by_words(words: Words) -> Mapping[By, str]:
    """Return what a report is by, as it is chosen."""
    return {
        "container": words.gettext("container"),
        "client": words.gettext("client"),
        "miner": words.gettext("miner"),
        "day": words.gettext("day"),
        "month": words.gettext("month"),
    }


def inside(wanted: Asked, row: ReportRow, bys: Collection[By]) -> str | None:
    """Return the report of what a row is made of: client → its containers → days → miners; None where it is made of no less.

    A row of a miner leads to its days; a day of one miner leads to nothing.
    """
    wish = wanted.wish
    finer = "day" if wish.by == "miner" else _FINER.get(wish.by)
    if finer is None or finer not in bys or not row.key or (wish.by == "day" and wish.miners):
        return None
    changed: dict[str, Any] = {"by": finer}
    if wish.by == "client":
        changed["clients"] = (row.key,)
    elif wish.by == "container":
        changed["containers"] = (row.key,)
    elif wish.by == "miner":
        changed["miners"] = (row.key,)
    elif wish.by == "day":
        day = day_of(row.key)
        if day is None:
            return None
        changed |= {"begins": day, "ends": day}
    else:
        begins = day_of(f"{row.key}-01")
        if begins is None:
            return None
        changed |= {"begins": max(begins, wish.begins), "ends": min(last_of_month(begins), wish.ends)}
    return wanted.address(**changed)


def drawn_by(wish: ReportWish) -> By:
    """Return whether the chart of a period is by day or by month."""
    return "day" if (wish.ends - wish.begins).days < DAYS_DRAWN else "month"


def title_of(wanted: Asked, words: Words) -> str:
    """Return the period in words."""
    return period_words(wanted.wish.begins, wanted.wish.ends, words)


class Chip(msgspec.Struct, frozen=True):
    """A filter that is in force: its words, and the address of the report without it."""

    text: str
    away: str


def chips(wanted: Asked, choices: Choices, words: Words) -> list[Chip]:
    """Return the filters in force."""
    wish = wanted.wish
    found = []
    for name, values, names, said in (
        ("containers", wish.containers, choices.containers, words.gettext("Container")),
        ("clients", wish.clients, choices.clients, words.gettext("Client")),
        ("miners", wish.miners, {}, words.gettext("Miner")),
    ):
        for one in values or ():
            left: Any = tuple(other for other in values or () if other != one) or None
            shown = cut(plain(names.get(one, one)), 40)
            found.append(Chip(f"{said}: {shown}", wanted.address(**{name: left})))
    return found
