"""The routes of reports: energy and money of any days as JSON or CSV, and the months that are closed.

Who may see what is in controller/accounting/own_wish.py: a client gets his own time of containers and hears of no other.
"""

from collections.abc import AsyncIterator, Iterable
from datetime import date
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web

from controller.accounting.closing import NotComplete, NotOver, close_month
from controller.accounting.model import Basis, By, Closing, Gap, Report, ReportWish
from controller.accounting.own_wish import as_seen, client_of, closing_as_seen, own_closings, own_report
from controller.accounting.periods import FIRST_YEAR, LAST_YEAR
from controller.accounting.report_csv import lines_of
from controller.accounting.reporting import MOST_DAYS
from controller.api.problems import Mistake, Problem
from controller.api.route import EVERYBODY, OFFICE, Call, NoQuery, Route
from controller.pages.csv_file import Cell, CsvForm, send_csv
from controller.storage.closings import ALL
from controller.wording import english, text_of, worded

_TAGS = ("reports",)
_PIECE: Final = 200
_MOST_DIGITS: Final = 9

Id = Annotated[str, msgspec.Meta(max_length=300)]


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which days, both included, of each container's own calendar; by what; and of which containers, clients, miners."""

    from_: date = msgspec.field(name="from")
    to: date
    by: By = "container"
    container: tuple[Id, ...] = ()
    client: tuple[Id, ...] = ()
    miner: tuple[Id, ...] = ()
    basis: Basis = "readings"
    format: Literal["json", "csv", "excel"] | None = None


class NewClosing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which month is to be closed, `2026-10`. `incomplete`: also where hours of it are missing."""

    month: Annotated[str, msgspec.Meta(pattern="^[0-9]{4}-[0-9]{2}$")]
    basis: Basis = "readings"
    incomplete: bool = False


class ClosedReport(msgspec.Struct, frozen=True, kw_only=True):
    """A closed month with the report that it was closed with."""

    closing: Closing
    report: Report


async def get_energy(call: Call[None, ReportQuery]) -> Report | web.StreamResponse:
    """Return a report, as CSV where the request asks for it."""
    query = call.query
    if not 0 <= (query.to - query.from_).days < MOST_DAYS:
        detail = (
            worded("it is before from")
            if query.to < query.from_
            else worded("a report is of ten years at most: choose fewer days")
        )
        raise Problem("malformed", detail, [Mistake("?to", "range", detail)])
    for at, day in (("?from", query.from_), ("?to", query.to)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            detail = worded("it is not within the years 1970 to 2200, of which there can be books")
            raise Problem("malformed", detail, [Mistake(at, "range", detail)])
    wish = ReportWish(
        begins=query.from_,
        ends=query.to,
        by=query.by,
        containers=query.container or None,
        clients=query.client or None,
        miners=query.miner or None,
        basis=query.basis,
    )
    report = await own_report(call, wish)
    asked = query.format or ("csv" if _wants_csv(call.request) else "json")
    if asked == "json":
        return report
    form = CsvForm(excel=asked == "excel", language=call.person.user.language)
    name = f"energy-{query.from_}-{query.to}"
    return await send_csv(call.request, name, form, _pieces(report))


async def get_closings(call: Call[None, NoQuery]) -> list[Closing]:
    """Return the closed months, the newest first."""
    return await own_closings(call)


async def post_closing(call: Call[NewClosing, NoQuery]) -> Closing:
    """Close a month."""
    body = call.body
    try:
        closing = await close_month(
            call.storage,
            call.deeds.inventory,
            body.month,
            basis=body.basis,
            by=call.actor.name,
            now=call.now,
            incomplete=body.incomplete,
        )
    except ValueError:
        detail = worded("it is no month such as 2026-10")
        raise Problem("invalid", detail, [Mistake("/month", "month", detail)]) from None
    except NotOver as error:
        raise Problem("invalid", text_of(error), [Mistake("/month", "range", text_of(error))]) from None
    except NotComplete as error:
        gaps: list[Gap] = list(error.gaps)
        raise Problem(
            "in-use", text_of(error), more={"gaps": msgspec.to_builtins(gaps, enc_hook=english)}
        ) from None
    params = {
        "number": closing.number,
        "month": closing.month,
        "basis": closing.basis,
        "incomplete": closing.incomplete,
    }
    await call.record("money", "report.closed", params=params, outcome="ok")
    return closing


async def get_closed(call: Call[None, NoQuery]) -> ClosedReport:
    """Return a closed month's report, as far as it is the person's."""
    text = call.path["number"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
    client = client_of(call)
    closing = await call.storage.closings.get(number)
    report = await call.storage.closings.report(number, ALL if client is None else client)
    # A client who is gone has the empty slug, under which the report of all is kept.
    if closing is None or report is None or client == ALL:
        raise Problem("not-found", worded("there is no such report"))
    return ClosedReport(closing=closing_as_seen(call, closing, report), report=as_seen(call, report))


async def _pieces(report: Report) -> AsyncIterator[Iterable[Iterable[Cell]]]:
    """Return the lines some at a time: others get their turn meanwhile."""
    piece: list[list[Cell]] = []
    for line in lines_of(report):
        piece.append(line)
        if len(piece) == _PIECE:
            yield piece
            piece = []
    yield piece


def _wants_csv(request: web.Request) -> bool:
    return request.headers.get("Accept", "").split(";")[0].strip().lower() == "text/csv"


def _route(method: Any, path: str, summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        method=method,
        path=f"/api/v1/reports{path}",
        scopes=("reports",),
        summary=summary,
        handler=handler,
        tags=_TAGS,
        **({"roles": EVERYBODY} | more),
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "GET",
        "/energy",
        "Energy and money of some days",
        get_energy,
        query=ReportQuery,
        reply=Report,
        reply_also=("text/csv",),
        description="Made of the books (docs/books.md). A client gets the time in which a container was his. `format=csv`, or "
        "`Accept: text/csv`: a table with points and commas; `format=excel`: as the spreadsheets of one's language open it.",
    ),
    _route(
        "GET",
        "",
        "The closed months",
        get_closings,
        reply=list[Closing],
        everywhere=True,
        description="Newest first; a client gets those that hold a report for him.",
    ),
    _route(
        "POST",
        "",
        "Close a month",
        post_closing,
        body=NewClosing,
        reply=Closing,
        status=201,
        roles=OFFICE,
        everywhere=True,
        idempotent=True,
        problems=("exists", "in-use"),
        description="Of all containers. Nothing of it changes afterwards. Where hours are not booked it is refused with `gaps`, "
        "unless `incomplete` says that this is known.",
        body_example={"month": "2026-10", "basis": "readings"},
    ),
    _route(
        "GET",
        "/{number}",
        "A closed month's report",
        get_closed,
        reply=ClosedReport,
        everywhere=True,
        problems=("not-found",),
    ),
)
