"""What changes on a page while it is looked at: as server-sent events, and for those whose line breaks, asked for again.

The first event holds all places of the page, each later one those that changed, at most once a second. Readers of the same
rights and language share what is worked out for them.
"""

import asyncio
from collections.abc import Hashable
from typing import Annotated, Final

import msgspec
from aiohttp import web

from controller.api import stream_routes
from controller.api.conditions import etag_of
from controller.api.problems import Problem
from controller.api.route import EVERYBODY, Answer, Call, Handler, Route
from controller.api.stream_routes import Sender, Streams, opened, rights_of, until_over, whose
from controller.pages.frame import words_of
from controller.pages.live_pages import live_state
from controller.pages.live_state import LiveState

JSON: Final = "application/json"
ALIVE: Final = b"event: alive\ndata: {}\n\n"
"""What is sent when nothing changes. A browser keeps comments to itself, and a line may die without a word."""

LOOK_S: Final = 5.0
"""How long nothing is looked at when nothing changes: what follows from the time alone (a reading grows old) is seen then."""


class LiveQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which page, by its kind and what it is of: `container:konteiner-1`, `miners:state=fault`."""

    page: Annotated[str, msgspec.Meta(min_length=1, max_length=6000)]


async def get_live(call: Call[None, LiveQuery]) -> web.StreamResponse:
    """Send what changes on a page until the reader leaves or may no longer see it."""
    version = call.deeds.version()
    first = await _shared(call, version)  # what one may not see is refused before anything is sent
    with call.service(Streams).one(whose(call)):
        sender = await opened(call)
        task = asyncio.create_task(_follow(call, sender, version, first))
        try:
            await until_over(call, sender, [task], alive=ALIVE)
        except ConnectionError:  # the reader has gone: nothing is left to say
            return sender.response
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    return sender.response


async def get_now(call: Call[None, LiveQuery]) -> Answer:
    """Answer all places of a page as they are now; with the ETag of what the reader has, only that nothing changed."""
    state = await _shared(call, call.deeds.version())
    return Answer(body=state, etag=etag_of(state))


async def _follow(call: Call[None, LiveQuery], sender: Sender, version: int, sent: LiveState) -> None:
    """Send the whole state, then what changes of it; when the page is gone, that, and no more."""
    await sender.send("places", msgspec.json.encode(sent))
    while True:
        await asyncio.sleep(stream_routes.PAUSE_S)
        version = await call.deeds.changed(version, LOOK_S)
        try:
            now = await _shared(call, version)
        except Problem:  # it is gone, or not his to see any more
            await sender.send("gone", b"{}")
            return
        changed = now.since(sent)
        if changed != LiveState():
            await sender.send("places", msgspec.json.encode(changed))
        sent = now


async def _shared(call: Call[None, LiveQuery], version: int) -> LiveState:
    """Return the state of the page, made once in a second for all readers of the same rights and language. Raises Problem."""
    name = call.query.page
    person = call.person
    # What decides what is written for a reader, beside the page: his rights, and how he likes to be told of it.
    reader: Hashable = (
        rights_of(call),
        words_of(call).code,
        call.preferences.time_zone,
        person.user.password_change_needed,
    )
    return await call.service(Streams).shared(reader, f"page {name}", version, lambda: live_state(call, name))


def _route(path: str, summary: str, handler: Handler, media: str) -> Route:
    return Route(
        method="GET",
        path=path,
        roles=EVERYBODY,
        scopes=("read",),
        query=LiveQuery,
        summary=summary,
        handler=handler,
        reply_media=media,
        problems=("not-found", "too-many"),
        page=True,
    )


ROUTES: tuple[Route, ...] = (
    _route("/live", "What changes on a page, as server-sent events", get_live, "text/event-stream"),
    _route("/live/now", "What stands at the changing places of a page", get_now, JSON),
)
