"""The routes of closed months: a month's report as it was billed, whole or one client's part, on paper too."""

from decimal import Decimal
from typing import Any, Final

from controller.accounting.model import Closing, Report
from controller.accounting.own_wish import NOBODY, as_seen, client_of, closing_as_seen, sees_costs
from controller.api.problems import Problem
from controller.api.route import EVERYBODY, Answer, Call, NoQuery, Route
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.money_words import month_name, price
from controller.pages.report_data import clients_of
from controller.pages.report_page import PATH
from controller.pages.report_page_routes import clocks_of, dated, first_head, metered_words
from controller.pages.report_rows import (
    columns,
    hour_heads,
    missing_words,
    rounding_words,
    shown_gaps,
    shown_row,
    shown_rows,
)
from controller.pages.zones import reading_zone
from controller.wording import worded

_MOST_DIGITS: Final = 9


async def get_closed(call: Call[None, NoQuery]) -> Answer:
    """Answer a closed month: of all to those who see all, else one's own part. Raises Problem: not-found."""
    words, zone = words_of(call), reading_zone(call)
    closing, report, client = await _found(call)
    names = {} if call.person.role == "client" else {one.slug: one.name for one in await clients_of(call)}
    parts = await _parts(call, closing, names)
    wish = report.wish
    return page(
        call,
        "report_closed",
        section=PATH,
        crumbs=[(PATH, words.gettext("Reports"))],
        closing=closing,
        client=client,
        whose=_whose(call, client, names),
        parts=parts,
        period=month_name(closing.month, words),
        first_day=words.formats.day(wish.begins),
        last_day=words.formats.day(wish.ends),
        closed_at=dated(closing.closed_at, call, words),
        closed_by="" if call.person.role == "client" else closing.closed_by,
        made_at=dated(report.made_at, call, words),
        tariffs=tariffs_of(report, words),
        costs=sees_costs(call),
        none_there=not report.rows,
        total=shown_row(report.total, words, zone),
        rows=shown_rows(report, report.rows, [None] * len(report.rows), words, zone, names, clocks_of(call)),
        missing=missing_words(report.total, words),
        metered=metered_words(report, words),
        columns=columns(words),
        heads=hour_heads(words),
        first=first_head(wish.by, words),
        rounding=rounding_words(report, words),
        gaps=shown_gaps(report.gaps, words, zone, clocks_of(call)),
        gaps_in_all=len(report.gaps),
    )


def tariffs_of(report: Report, words: Words) -> list[str]:
    """Return the tariffs that the report rests on, each with its prices, the cheapest first."""
    found: dict[str, set[tuple[str, Decimal, str]]] = {}
    for row in (*report.rows, report.total):
        for one in row.charges:
            prices = found.setdefault(one.tariff, set())
            prices.add((one.currency, Decimal(one.price_per_kwh), one.price_per_kwh))
    return [
        f"{tariff} " + ", ".join(price(text, currency, words) for currency, _, text in sorted(prices))
        for tariff, prices in sorted(found.items())
    ]


async def _found(call: Call[None, NoQuery]) -> tuple[Closing, Report, str]:
    """Return the closing, the report in it, and whose part that is; "" for all."""
    text = call.path["number"]
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
    missing = Problem("not-found", worded("there is no such report"))
    if call.person.narrow:
        # A closed report is of all containers, and a token for some of them is not.
        raise missing
    own = client_of(call)
    client = call.request.query.get("client", "")[:100] if own is None else own
    if own == NOBODY:
        raise missing
    closing = await call.storage.closings.get(number)
    report = await (
        call.storage.closings.report(number, client) if client else call.storage.closings.report(number)
    )
    if closing is None or report is None:
        raise missing
    return closing_as_seen(call, closing, report), as_seen(call, report), client


async def _parts(call: Call[Any, Any], closing: Closing, names: dict[str, str]) -> list[tuple[str, str]]:
    """Return the clients of whom there is a part."""
    found = []
    for slug, name in names.items():
        if any(one.number == closing.number for one in await call.storage.closings.find(slug)):
            found.append((slug, name))
    return found


def _whose(call: Call[Any, Any], client: str, names: dict[str, str]) -> str:
    if call.person.client is not None:
        return call.person.client.name
    return names.get(client, client)


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/reports/{number}",
        roles=EVERYBODY,
        scopes=("reports",),
        summary="A closed month, as it was billed",
        handler=get_closed,
        reply_media=HTML,
        page=True,
    ),
)
