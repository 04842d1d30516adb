"""The routes of reports: what was used, how sure that is, whose it was and what it costs; and the copies of closed months."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, Final
from urllib.parse import urlencode

from controller.accounting.model import Closing, Report, ReportRow
from controller.accounting.own_wish import own_reports, sees_costs
from controller.api.route import EVERYBODY, OFFICE, Answer, Call, Handler, NoQuery, Route
from controller.pages.energy_chart import HEIGHT, BarChart, cost_charts, energy_chart, keys_between
from controller.pages.formats import isolated, plain, wall
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.money_words import month_name
from controller.pages.report_data import choices_of, closings_of, today_of
from controller.pages.report_page import (
    PATH,
    ROWS,
    Asked,
    Choices,
    asked,
    by_words,
    chips,
    drawn_by,
    inside,
    months_offered,
    title_of,
)
from controller.pages.report_rows import (
    columns,
    hour_heads,
    missing_words,
    rounding_words,
    shown_gaps,
    shown_row,
    shown_rows,
)
from controller.pages.zones import reading_zone, zone_of

API: Final = "/api/v1/reports/energy"


async def get_reports(call: Call[None, NoQuery]) -> Answer:
    """Answer the page of a report."""
    words, zone = words_of(call), reading_zone(call)
    choices = await choices_of(call)
    wanted = asked(call.request.query, choices, words)
    drawn = drawn_by(wanted.wish)
    # The lines and the chart are of one state of the books, which is read once for both.
    reports = await own_reports(call, wanted.wish, tuple(dict.fromkeys((wanted.wish.by, drawn))))
    report = reports[0]
    closings = [] if call.person.narrow else await closings_of(call)
    closed = next((one for one in closings if one.month == wanted.month), None)
    rows, insides, part = _part(report, wanted, choices)
    in_all = len(report.rows)
    zones = clocks_of(call)
    first = (part - 1) * ROWS
    return page(
        call,
        "reports",
        section=PATH,
        wanted=wanted,
        wrong=[(filter_words(one.name, words), one) for one in wanted.wrong],
        period=title_of(wanted, words),
        of_words=_of_words(wanted, choices),
        months=months_offered(choices.today, wanted.month, words),
        bys=[(one, name) for one, name in by_words(words).items() if one in choices.bys],
        containers=choices.containers,
        clients=choices.clients,
        chips=chips(wanted, choices, words),
        kept=_kept(wanted),
        csv=_api_address(wanted, "csv"),
        excel=_api_address(wanted, "excel"),
        close=_close(call, wanted, closed, words),
        closed=closed,
        closings=[(one, month_name(one.month, words), when(one.closed_at, call, words)) for one in closings],
        costs=sees_costs(call),
        none_there=not report.rows,
        total=shown_row(report.total, words, zone),
        rows=shown_rows(report, rows, insides, words, zone, choices.clients, zones),
        missing=missing_words(report.total, words),
        metered=metered_words(report, words),
        in_parts=in_all > ROWS,
        page_first=first + 1 if rows else 0,
        page_last=first + len(rows),
        rows_in_all=in_all,
        before=wanted.address(part=part - 1) if part > 1 else None,
        after=wanted.address(part=part + 1) if first + len(rows) < in_all else None,
        columns=columns(words),
        heads=hour_heads(words),
        first=first_head(wanted.wish.by, words),
        rounding=rounding_words(report, words),
        gaps=shown_gaps(report.gaps, words, zone, zones),
        gaps_in_all=len(report.gaps),
        made=dated(report.made_at, call, words),
        booked=None if report.booked_until is None else dated(report.booked_until, call, words),
        charts=charts_of(reports[-1], words) if report.rows else [],
        chart_height=HEIGHT,
        drawn_by=drawn,
    )


def metered_words(report: Report, words: Words) -> str:
    """Return of how many containers the meters beside the sums are."""
    return words.ngettext(
        "%(num)s container with a meter", "%(num)s containers with a meter", len(report.meters)
    )


def clocks_of(call: Call[Any, Any]) -> dict[str, tzinfo]:
    """Return by whose clock times of each container are said: its own."""
    return {one.id: zone_of(one.timezone) for one in call.containers()}


def filter_words(name: str, words: Words) -> str:
    """Return what a part of the address is called."""
    return {
        "from": words.gettext("First day"),
        "to": words.gettext("Last day"),
        "month": words.gettext("Month"),
        "by": words.gettext("by"),
        "container": words.gettext("Container"),
        "client": words.gettext("Client"),
        "miner": words.gettext("Miner"),
        "basis": words.gettext("Cost rests on"),
        "page": words.gettext("Page"),
    }[name]


def first_head(by: str, words: Words) -> str:
    """Return the head of the column of names."""
    return {
        "container": words.gettext("Container"),
        "client": words.gettext("Client"),
        "miner": words.gettext("Miner"),
        "day": words.gettext("Day"),
        "month": words.gettext("Month"),
    }[by]


def charts_of(report: Report, words: Words) -> list[BarChart]:
    """Return the charts of a report by day or month; none where there is one day alone."""
    keys = keys_between(report.wish.begins, report.wish.ends, report.wish.by)
    if len(keys) < 2:
        return []
    energy = energy_chart(report.rows, keys, words)
    return [*([] if energy is None else [energy]), *cost_charts(report.rows, keys, words)]


def _part(
    report: Report, wanted: Asked, choices: Choices
) -> tuple[Sequence[ReportRow], list[str | None], int]:
    """Return the rows of the part asked for, where each leads, and which part it is: the last where there are not so many."""
    part = min(wanted.part, max(1, -(-len(report.rows) // ROWS)))
    rows = report.rows[(part - 1) * ROWS : part * ROWS]
    return rows, [inside(wanted, row, choices.bys) for row in rows], part


def _of_words(wanted: Asked, choices: Choices) -> str:
    """Return whose report it is, where it is cut to some."""
    wish = wanted.wish
    named = [choices.clients.get(one, one) for one in wish.clients or ()]
    named += [choices.containers.get(one, one) for one in wish.containers or ()]
    named += list(wish.miners or ())
    return ", ".join(isolated(plain(name)) for name in named)


def _kept(wanted: Asked) -> list[tuple[str, str]]:
    """Return what stays of an address where another period is chosen."""
    wish = wanted.wish
    found: list[tuple[str, str]] = [("by", wish.by)]
    for name, values in (("container", wish.containers), ("client", wish.clients), ("miner", wish.miners)):
        found += [(name, value) for value in values or ()]
    return [*found, *([("basis", wish.basis)] if wish.basis != "readings" else [])]


def _api_address(wanted: Asked, form: str) -> str:
    """Return where the same report is had as a file."""
    wish = wanted.wish
    pairs = [
        ("from", wish.begins.isoformat()),
        ("to", wish.ends.isoformat()),
        *_kept(wanted),
        ("format", form),
    ]
    return f"{API}?{urlencode(pairs)}"


def _close(
    call: Call[Any, Any], wanted: Asked, closed: Closing | None, words: Words
) -> tuple[str, str] | None:
    """Return where a month is closed, and in what words: for whoever may, of a month that is over and open."""
    if wanted.month is None or closed is not None or call.person.role not in OFFICE:
        return None
    if call.person.narrow or wanted.month >= f"{today_of(call):%Y-%m}":
        return None
    return f"/close-month?month={wanted.month}", words.gettext("Close the month")


def when(moment: datetime, call: Call[Any, Any], words: Words) -> str:
    """Return a moment on the reader's clock, with its day."""
    return words.formats.moment(moment, call.now, reading_zone(call))


def dated(moment: datetime, call: Call[Any, Any], words: Words) -> str:
    """Return a moment as paper has to say it: the day in full, the reader's clock, and whose clock that is."""
    zone = reading_zone(call)
    at = moment.astimezone(zone)
    return f"{words.formats.day(at.date())}, {wall(at)} {zone}"


def _route(path: str, summary: str, handler: Handler) -> Route:
    return Route(
        method="GET",
        path=path,
        roles=EVERYBODY,
        scopes=("reports",),
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
    )


ROUTES: tuple[Route, ...] = (
    _route(PATH, "How much energy, how sure that is, whose, and at what price", get_reports),
)
