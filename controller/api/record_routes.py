"""The routes of the record: events by who, what, where and when, as JSON and as CSV.

An accountant sees no sign-ins and no people; a client sees what was done to his own containers while they were his, without
the operator's addresses and names.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, get_args

import msgspec
from aiohttp import web

from controller.api.paging import from_cursor, to_cursor
from controller.api.piecewise import sent_in_pieces
from controller.api.problems import Mistake, Problem
from controller.api.route import EVERYBODY, Call, ListQuery, Moment, Page, Route
from controller.events import BadPosition, EventFilter, to_csv
from controller.model import Actor, Category, Event, Role
from controller.wording import worded

_TAGS = ("record",)
_KIND = "events"
RECENT = 20
PIECE: Final = 500
OPERATOR: Final = Actor("user", "operator")

CATEGORIES: Final[dict[Role, tuple[Category, ...]]] = {
    "administrator": get_args(Category),
    "accountant": tuple(one for one in get_args(Category) if one not in ("auth", "people")),
    "client": ("command", "schedule", "state", "fault", "inventory"),
}
"""What a role sees of the record."""

_SHOWN_TO_CLIENTS: Final = frozenset(("action", "profile", "ends", "until", "state", "from", "to"))
"""What is told to a client of an event's figures: the rest may hold addresses and words of the operator's."""

Text = Annotated[str, msgspec.Meta(max_length=200)]


class EventsQuery(ListQuery, frozen=True, kw_only=True):
    """Filters of the record. `actor`: id or name; `address`: of the miner; `q`: text in names and figures."""

    category: tuple[Category, ...] = ()
    kind: tuple[Text, ...] = ()
    actor: tuple[Text, ...] = ()
    container: tuple[Text, ...] = ()
    miner: tuple[Text, ...] = ()
    address: tuple[Text, ...] = ()
    client: tuple[Text, ...] = ()
    operation: tuple[Text, ...] = ()
    outcome: tuple[Text, ...] = ()
    from_: Moment | None = msgspec.field(default=None, name="from")
    to: Moment | None = None
    q: Text | None = None


async def get_events(call: Call[None, EventsQuery]) -> Page[Event] | web.StreamResponse:
    """Return events, newest first; as CSV where the request asks for text/csv."""
    if _wants_csv(call.request):
        return await stream_csv(call)
    wanted = filter_of(call, call.query)
    position = from_cursor(_KIND, call.query.cursor)
    try:
        # Side by side: a search for words goes through the whole record.
        (found, after), total = await asyncio.gather(
            call.storage.events.find(wanted, after=position, limit=call.query.limit),
            call.storage.events.count(wanted),
        )
    except BadPosition:
        detail = worded("give back a cursor as it was given, or none at all")
        raise Problem("malformed", detail, [Mistake("?cursor", "cursor", detail)]) from None
    return Page(items=[seen(call, event) for event in found], next=to_cursor(_KIND, after), total=total)


async def get_events_csv(call: Call[None, EventsQuery]) -> web.StreamResponse:
    """Return all events that pass the filters, as CSV."""
    return await stream_csv(call)


async def stream_csv(call: Call[None, EventsQuery]) -> web.StreamResponse:
    """Write the events out piece by piece: the record may be larger than memory."""
    headers = {
        "Content-Type": "text/csv; charset=utf-8; header=present",
        "Content-Disposition": 'attachment; filename="events.csv"',
    }

    async def written() -> AsyncIterator[bytes]:
        yield "".join(to_csv((), header=True)).encode()
        async for piece in _pieces(call):
            yield "".join(to_csv(piece, header=False)).encode()

    return await sent_in_pieces(call.request, headers, written())


async def container_events(
    call: Call[Any, Any], container_id: str, kinds: tuple[str, ...], limit: int
) -> list[Event]:
    """Return what was last done in a container, of these kinds, as far as the person may know it."""
    wanted = EventFilter(
        containers=(container_id,),
        kinds=kinds,
        categories=CATEGORIES[call.person.role],
        clients=_clients(call),
    )
    found, _ = await call.storage.events.find(wanted, limit=limit)
    return [seen(call, event) for event in found]


async def recent_events(call: Call[Any, Any], miner_id: str) -> list[Event]:
    """Return what was last done to a miner, as far as the person may know it."""
    wanted = EventFilter(miners=(miner_id,), categories=CATEGORIES[call.person.role], clients=_clients(call))
    found, _ = await call.storage.events.find(wanted, limit=RECENT)
    return [seen(call, event) for event in found]


def filter_of(call: Call[Any, Any], query: EventsQuery) -> EventFilter:
    """Return what is asked for, cut to what the person may see."""
    allowed = CATEGORIES[call.person.role]
    clients = _clients(call)
    if query.client:
        clients = query.client if clients is None else tuple(set(query.client) & set(clients))
    containers: tuple[str, ...] | None = query.container or None
    if call.person.token is not None and call.person.token.containers:
        own = set(call.person.token.containers)
        containers = tuple(own if containers is None else own & set(containers))
    return EventFilter(
        categories=tuple(one for one in allowed if not query.category or one in query.category),
        kinds=query.kind or None,
        actors=query.actor or None if call.person.role != "client" else None,
        containers=containers,
        miners=query.miner or None,
        miner_addresses=query.address or None if call.person.role != "client" else None,
        clients=clients,
        operations=query.operation or None,
        outcomes=query.outcome or None,
        since=query.from_,
        until=query.to,
        # The words of an event hold what a client is not shown.
        q=query.q if call.person.role != "client" else None,
    )


def seen(call: Call[Any, Any], event: Event) -> Event:
    """Return an event as the person may see it."""
    if call.person.role != "client":
        return event
    return msgspec.structs.replace(
        event,
        actor=event.actor if event.actor.type in ("schedule", "system") else OPERATOR,
        params={name: value for name, value in event.params.items() if name in _SHOWN_TO_CLIENTS},
        miner_address=None,
        address=None,
        request_id=None,
        before=None,
        after=None,
    )


def _clients(call: Call[Any, Any]) -> tuple[str, ...] | None:
    if call.person.role != "client":
        return None
    return (call.person.client.slug,) if call.person.client is not None else ()


async def _pieces(call: Call[Any, EventsQuery]) -> AsyncIterator[list[Event]]:
    piece: list[Event] = []
    async for event in call.storage.events.rows(filter_of(call, call.query)):
        piece.append(seen(call, event))
        if len(piece) == PIECE:
            yield piece
            piece = []
    if piece:
        yield piece


def _wants_csv(request: web.Request) -> bool:
    return request.headers.get("Accept", "").split(";")[0].strip().lower() == "text/csv"


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/events",
        roles=EVERYBODY,
        scopes=("read",),
        query=EventsQuery,
        reply=Page[Event],
        summary="The record, newest first",
        description="`total` counts up to 10,000. With `Accept: text/csv` all that passes the filters, as CSV.",
        tags=_TAGS,
        handler=get_events,
    ),
    Route(
        method="GET",
        path="/api/v1/events.csv",
        roles=EVERYBODY,
        scopes=("read",),
        query=EventsQuery,
        reply=str,
        reply_media="text/csv",
        summary="The record as CSV",
        description="All events that pass the filters; `limit` and `cursor` are not looked at.",
        tags=_TAGS,
        handler=get_events_csv,
    ),
)
