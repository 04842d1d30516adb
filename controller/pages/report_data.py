"""What the pages about money ask of the books: reports cut to the reader, what there is to choose from, and who sees costs.

A report is made anew each time it is looked at. What other pages only mention is remembered, with the time at which it was
made, and made anew behind them: no page waits for it longer than a moment.
"""

import asyncio
from datetime import date
from typing import Any, Final
from weakref import WeakKeyDictionary

from controller.accounting.model import BYS, By, Closing, Report, ReportWish
from controller.accounting.own_wish import own_closings, own_report, sees_costs, wish_for
from controller.api.route import Call
from controller.model import Client
from controller.pages.report_page import Choices
from controller.pages.zones import reading_zone
from controller.storage.storage import Storage

SOON_S: Final = 0.05
"""How long the first byte of a page may wait for sums that it only mentions."""

FRESH_S: Final = 60.0
"""How long such sums are shown before they are added up anew."""

REMEMBERED_S: Final = 3600.0
"""How old sums may be that are shown, with their time, while they are added up anew: hours are booked once an hour."""

_MOST_REMEMBERED: Final = 200
_PIECE: Final = 500


def today_of(call: Call[Any, Any]) -> date:
    """Return the day on the reader's clock."""
    return call.now.astimezone(reading_zone(call)).date()


async def choices_of(call: Call[Any, Any]) -> Choices:
    """Return what the reader can ask for: containers that are, or that the books still know; clients where he sees several."""
    containers = {one.id: one.name for one in call.containers()}
    if call.person.client is not None:
        known = {one.id: one.name for one in await call.storage.ledger.containers()}
        for owned in await call.storage.people.assignments.of_client(call.person.client.id):
            if owned.begins <= call.now:
                containers.setdefault(owned.container, known.get(owned.container, owned.container))
        bys: tuple[By, ...] = tuple(by for by in BYS if by != "client")
        return Choices(today=today_of(call), containers=containers, clients={}, bys=bys)
    if call.person.sees_all:
        for kept in await call.storage.ledger.containers():
            containers.setdefault(kept.id, kept.name)
    clients = {one.slug: one.name for one in await clients_of(call)}
    if call.person.narrow:
        # A token for some containers knows only of those whose these were.
        of = [await call.storage.people.assignments.of_container(one.id) for one in call.containers()]
        had = {assignment.client_id for known in of for assignment in known.assignments}
        clients = {one.slug: one.name for one in await clients_of(call) if one.id in had}
    return Choices(today=today_of(call), containers=containers, clients=clients)


async def clients_of(call: Call[Any, Any]) -> list[Client]:
    """Return all clients by name, those of the past as well."""
    found, after = await call.storage.people.clients.find(limit=_PIECE)
    while after is not None:
        more, after = await call.storage.people.clients.find(after=after, limit=_PIECE)
        found += more
    return sorted(found, key=lambda one: one.name.casefold())


async def closing_of(call: Call[Any, Any], month: str) -> Closing | None:
    """Return the closing of a month, None while it is open."""
    return next((one for one in await closings_of(call) if one.month == month), None)


async def closings_of(call: Call[Any, Any]) -> list[Closing]:
    """Return the closed months, the newest first."""
    return sorted(await own_closings(call), key=lambda one: one.month, reverse=True)


class _Kept:
    """A report as it was last made, when, and its making, where that is under way."""

    __slots__ = ("at", "making", "report")

    def __init__(self) -> None:
        self.report: Report | None = None
        self.at = 0.0
        self.making: asyncio.Task[Report] | None = None


_Remembered = dict[tuple[ReportWish, bool], _Kept]
_remembered: Final[WeakKeyDictionary[Storage, _Remembered]] = WeakKeyDictionary()


async def report_soon(call: Call[Any, Any], wish: ReportWish, within_s: float) -> Report | None:
    """Return a report that a page only mentions, at most an hour old; None where it takes longer than `within_s`.

    `made_at` says of when it is. Making it anew goes on, for whoever asks next.
    """
    narrowed, costs = wish_for(call, wish), sees_costs(call)
    known = _remembered.setdefault(call.storage, {})
    now = asyncio.get_running_loop().time()
    for key, one in list(known.items()):
        if one.making is None and now - one.at > REMEMBERED_S:
            del known[key]
    if (narrowed, costs) not in known and len(known) >= _MOST_REMEMBERED:
        known.clear()
    kept = known.setdefault((narrowed, costs), _Kept())
    if kept.making is None and (kept.report is None or now - kept.at > FRESH_S):
        kept.making = asyncio.create_task(own_report(call, wish))
    if kept.making is not None:
        await asyncio.wait([kept.making], timeout=within_s)
        _take(kept)
    return kept.report


def _take(kept: _Kept) -> None:
    """Take what was made, if it is. Raises what its making did, once; whoever asks next has it made anew."""
    task = kept.making
    if task is None or not task.done():
        return
    kept.making = None
    if not task.cancelled():
        kept.report, kept.at = task.result(), asyncio.get_running_loop().time()
