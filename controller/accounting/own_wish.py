"""What of the books a person may see: every report, page and file goes through here.

A client sees the time in which a container was his, whatever he asks for, and prices only where his entry says so; a token
that is for some containers sees those alone.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from controller.accounting.model import By, Closing, Report, ReportRow, ReportWish
from controller.accounting.reporting import make_report, make_reports
from controller.api.record_routes import OPERATOR
from controller.api.route import Call

NOBODY = ""
"""A slug that no client has."""


def client_of(call: Call[Any, Any]) -> str | None:
    """Return whose the books have to be that the person sees: a slug, NOBODY for a client who is gone; None: whoever's."""
    if call.person.role != "client":
        return None
    return NOBODY if call.person.client is None else call.person.client.slug


def wish_for(call: Call[Any, Any], wish: ReportWish) -> ReportWish:
    """Return the part of a wish that the person may see; what he may not is not in it, without a word."""
    client = client_of(call)
    if client is not None:
        clients = (client,) if wish.clients is None or client in wish.clients else (NOBODY,)
        wish = msgspec.structs.replace(wish, clients=clients)
    token = call.person.token
    if token is not None and token.containers:
        own = token.containers if wish.containers is None else set(wish.containers) & set(token.containers)
        wish = msgspec.structs.replace(wish, containers=tuple(sorted(own)))
    return wish


def sees_costs(call: Call[Any, Any]) -> bool:
    """Return whether the person is shown prices and costs."""
    if call.person.role != "client":
        return True
    return call.person.client is not None and call.person.client.shows_cost


def as_seen(call: Call[Any, Any], report: Report) -> Report:
    """Return a report without prices and costs where the person is not shown them."""
    if sees_costs(call):
        return report
    return msgspec.structs.replace(
        report, rows=tuple(map(_without_costs, report.rows)), total=_without_costs(report.total)
    )


async def own_report(call: Call[Any, Any], wish: ReportWish) -> Report:
    """Return the report of a wish as far as the person may see it. Raises what `make_report` does."""
    made = await make_report(call.storage, call.deeds.inventory, wish_for(call, wish), call.now)
    return as_seen(call, made)


async def own_closings(call: Call[Any, Any]) -> list[Closing]:
    """Return the closed months that hold a report for the person, the newest first, as he may see them."""
    client = client_of(call)
    found = await call.storage.closings.find(client)
    if client is None:
        return found
    reports = [await call.storage.closings.report(one.number, client) for one in found]
    return [
        closing_as_seen(call, one, report)
        for one, report in zip(found, reports, strict=True)
        if report is not None
    ]


def closing_as_seen(call: Call[Any, Any], closing: Closing, report: Report) -> Closing:
    """Return a closing as the person may see it. `report`: his part, which alone says to a client whether hours are missing."""
    if client_of(call) is None:
        return closing
    return msgspec.structs.replace(closing, closed_by=OPERATOR.name, incomplete=report.total.not_booked_s > 0)


async def own_reports(call: Call[Any, Any], wish: ReportWish, bys: Sequence[By]) -> list[Report]:
    """Return the same by each of these, of one state of the books."""
    made = await make_reports(call.storage, call.deeds.inventory, wish_for(call, wish), bys, call.now)
    return [as_seen(call, one) for one in made]


def _without_costs(row: ReportRow) -> ReportRow:
    return msgspec.structs.replace(row, charges=(), cost=(), unpriced_kwh=0.0)
