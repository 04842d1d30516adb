"""The live stream: what has changed of what one looks at, as server-sent events, at most once a second a topic.

Each topic begins with its whole state; then only what changed is sent. The record resumes after Last-Event-ID. Rights are
looked at again every 15 s, and an ended session ends the stream with words.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Final, TypeVar

import msgspec
from aiohttp import web

from controller.api.control_shapes import operation_of, shown_operation
from controller.api.fleet_routes import get_overview, miner_detail, shown_container
from controller.api.problems import Mistake, Problem
from controller.api.record_routes import CATEGORIES, EventsQuery, filter_of, seen
from controller.api.route import EVERYBODY, Call, Route
from controller.events import Subscription
from controller.model import Event
from controller.wording import english, worded

RETRY_MS: Final = 3000
QUIET_S: Final = 15.0
STILL_HERE: Final = b": still here\n\n"
PAUSE_S: Final = 1.0
LEFT_S: Final = 0.2
"""How soon it is seen that a reader has gone, so that whoever goes from page to page holds no place of pages that he left."""
MOST_OF_ONE: Final = 4
MOST_OF_ALL: Final = 200
MOST_TOPICS: Final = 50
MOST_MISSED: Final = 1000

T = TypeVar("T")
_State = Callable[[], Awaitable[Mapping[str, Any]]]
_Parts = Mapping[str, bytes]


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Topics, parted by commas: overview, containers, container:ID, miner:ID, operation:ID, events."""

    topics: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]


class Streams:
    """The streams that are open, counted: a browser that reconnects in a loop must not fill memory.

    What several of them show to people of the same rights is worked out once for all.
    """

    def __init__(self) -> None:
        """None is open."""
        self._open: Counter[str] = Counter()
        self._kept: dict[tuple[Hashable, str], tuple[int, float, asyncio.Task[Any]]] = {}
        self._forgot = -math.inf

    async def shown(self, rights: Hashable, name: str, version: int, state: _State) -> _Parts:
        """Return a topic's parts as JSON: as another of these rights was given them in the last second, if nothing changed.

        Raises what `state` raises.
        """

        async def work_out() -> _Parts:
            return {key: msgspec.json.encode(part, enc_hook=english) for key, part in (await state()).items()}

        return await self.shared(rights, name, version, work_out)

    async def shared(
        self, rights: Hashable, name: str, version: int, made: Callable[[], Coroutine[Any, Any, T]]
    ) -> T:
        """Return what `made` gives, or gave another of these rights under this name, as `shown` does. Raises what it raises."""
        now = asyncio.get_running_loop().time()
        found = self._kept.get((rights, name))
        if found is not None and found[0] == version and now - found[1] < PAUSE_S:
            return await asyncio.shield(found[2])
        # A task of its own: who asked first may leave before it is done.
        task: asyncio.Task[T] = asyncio.create_task(made())
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        if now - self._forgot > PAUSE_S:
            self._forget_old()
        self._kept[rights, name] = version, now, task
        return await asyncio.shield(task)

    def _forget_old(self) -> None:
        """Let go of what is shared no more: those who ask again and again without a stream have nothing that ends."""
        self._forgot = asyncio.get_running_loop().time()
        oldest = self._forgot - PAUSE_S
        self._kept = {key: kept for key, kept in self._kept.items() if kept[1] > oldest}

    @contextmanager
    def one(self, whose: str) -> Iterator[None]:
        """Count a stream as long as the context lasts. Raises Problem (too-many)."""
        if self._open[whose] >= MOST_OF_ONE or self._open.total() >= MOST_OF_ALL:
            detail = (
                f"at most {MOST_OF_ONE} streams of one session, and {MOST_OF_ALL} in all, are open at once"
            )
            raise Problem("too-many", detail, headers={"Retry-After": "5"})
        self._open[whose] += 1
        try:
            yield
        finally:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]
            self._forget_old()


async def get_stream(call: Call[None, StreamQuery]) -> web.StreamResponse:
    """Send what changes of the topics until the asker leaves or may no longer see it."""
    names = [name.strip() for name in call.query.topics.split(",") if name.strip()]
    topics = {name: _topic(call, name) for name in names if name != "events"}
    if len(names) > MOST_TOPICS:
        raise _wrong(f"at most {MOST_TOPICS} topics in one stream")
    for state in topics.values():
        await state()  # what one may not see is refused before anything is sent
    with call.service(Streams).one(whose(call)), call.storage.events.subscribe() as new:
        sender = await opened(call)
        if "events" in names:
            await _send_missed(call, sender)
        tasks = [asyncio.create_task(_follow(call, topics, sender))]
        if "events" in names:
            tasks.append(asyncio.create_task(_follow_events(call, new, sender)))
        try:
            await until_over(call, sender, tasks)
        except ConnectionError:  # the reader has gone: nothing is left to say
            return sender.response
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return sender.response


class Sender:
    """One stream's bytes: an event is whole, whoever sends it."""

    def __init__(self, response: web.StreamResponse) -> None:
        """`response`: prepared."""
        self.response = response
        self._lock = asyncio.Lock()
        self.quiet_since = asyncio.get_running_loop().time()

    async def write(self, raw: bytes) -> None:
        """Send bytes as they are. Raises ConnectionError when the reader has gone."""
        async with self._lock:
            self.quiet_since = asyncio.get_running_loop().time()
            await self.response.write(raw)

    async def send(self, name: str, data: bytes, id_: str | None = None) -> None:
        """Send an event. Raises ConnectionError when the reader has gone."""
        head = f"id: {id_}\n" if id_ is not None else ""
        await self.write(f"{head}event: {name}\ndata: ".encode() + data + b"\n\n")


def whose(call: Call[Any, Any]) -> str:
    """Return by what the streams of one session, or of one token, are counted together."""
    person = call.person
    return person.session.id if person.session is not None else person.sha256


async def opened(call: Call[Any, Any]) -> Sender:
    """Begin the answer of a stream, and return what sends its events."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(call.request)
    sender = Sender(response)
    await sender.write(f"retry: {RETRY_MS}\n\n".encode())
    return sender


async def until_over(
    call: Call[Any, Any], sender: Sender, tasks: list[asyncio.Task[None]], *, alive: bytes = STILL_HERE
) -> None:
    """Keep the line alive and look at the rights, until they end, the reader leaves, a follower fails or all have ended.

    `alive`: what is sent meanwhile.
    """
    left = asyncio.create_task(_left(call.request))
    try:
        following = set(tasks)
        while following:
            done, _ = await asyncio.wait(
                {*following, left}, timeout=QUIET_S, return_when=asyncio.FIRST_COMPLETED
            )
            if left in done:
                return
            for task in done:
                task.result()
            following -= done
            if not await call.still_allowed():
                await sender.send("session-ended", b"{}")
                return
            await sender.write(alive)
    finally:
        left.cancel()


async def _left(request: web.Request) -> None:
    """Return when the reader has closed the connection: writing would tell only the next time that there is something to say."""
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110  # aiohttp tells of it by nothing to wait for
        await asyncio.sleep(LEFT_S)


async def _follow(call: Call[Any, Any], topics: Mapping[str, _State], sender: Sender) -> None:
    """Send each part of each topic whenever it is not what was sent last; null, and no more, when it is gone."""
    sent: dict[tuple[str, str], bytes] = {}
    version = -1
    left = dict(topics)
    streams, rights = call.service(Streams), rights_of(call)
    while True:
        version = await call.deeds.changed(version, QUIET_S)
        for name, state in list(left.items()):
            try:
                found = await streams.shown(rights, name, version, state)
            except Problem:  # it is gone, or not his to see any more
                del left[name]
                await sender.send(name, b"null")
                continue
            for key, data in found.items():
                if sent.get((name, key)) != data:
                    sent[name, key] = data
                    await sender.send(name, data)
        await asyncio.sleep(PAUSE_S)


async def _follow_events(call: Call[Any, Any], new: Subscription, sender: Sender) -> None:
    async for event in new:
        await _send_event(call, sender, event)


async def _send_missed(call: Call[Any, Any], sender: Sender) -> None:
    last = call.request.headers.get("Last-Event-ID")
    if last:
        # Cut to what he sees before it is counted: what is others' pushes nothing of his out.
        for event in await call.storage.events.since(last, MOST_MISSED, filter_of(call, EventsQuery())):
            await _send_event(call, sender, event)


async def _send_event(call: Call[Any, Any], sender: Sender, event: Event) -> None:
    person = call.person
    if event.category not in CATEGORIES[person.role]:
        return
    if person.role == "client" and (person.client is None or event.client != person.client.slug):
        return
    if (
        person.token is not None
        and person.token.containers
        and event.container not in person.token.containers
    ):
        return
    await sender.send("events", msgspec.json.encode(seen(call, event), enc_hook=english), event.id)


def rights_of(call: Call[Any, Any]) -> Hashable:
    """Return what decides what a person sees of a topic: equal for those who see the same."""
    person = call.person
    token = None if person.token is None else (person.token.containers, person.token.miner)
    return person.role, person.client, person.scopes, token


def _topic(call: Call[Any, Any], name: str) -> _State:
    """Return what gives a topic's parts by key, without what changes by itself (the time of asking)."""
    kind, _, id_ = name.partition(":")

    async def overview() -> Mapping[str, Any]:
        return {"": _timeless(await get_overview(call))}

    async def containers() -> Mapping[str, Any]:
        return {one.id: _timeless(await shown_container(call, one, grid=False)) for one in call.containers()}

    async def container() -> Mapping[str, Any]:
        return {"": _timeless(await shown_container(call, call.container(id_), grid=True))}

    async def miner() -> Mapping[str, Any]:
        return {"": _timeless(await miner_detail(call, call.miner(id_)))}

    async def operation() -> Mapping[str, Any]:
        found = await operation_of(call, id_)
        if found is None:
            raise Problem("not-found", worded("there is no such operation"))
        return {"": msgspec.to_builtins(await shown_operation(call, found), enc_hook=english)}

    whole: dict[str, _State] = {"overview": overview, "containers": containers}
    part: dict[str, _State] = {"container": container, "miner": miner, "operation": operation}
    found = part.get(kind) if id_ else whole.get(name)
    if found is None:
        raise _wrong(
            f"there is no topic {name[:60]!r}; there are overview, containers, container:ID, miner:ID, operation:ID, events"
        )
    return found


def _timeless(shown: msgspec.Struct) -> dict[str, Any]:
    """Return what is shown without the times that change though nothing has happened."""
    data: dict[str, Any] = msgspec.to_builtins(shown, enc_hook=english)
    data.pop("as_of", None)
    data.pop("age_s", None)
    return data


def _wrong(detail: str) -> Problem:
    return Problem("malformed", detail, [Mistake("?topics", "choice", detail)])


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/api/v1/stream",
        roles=EVERYBODY,
        scopes=("read",),
        query=StreamQuery,
        reply=str,
        reply_media="text/event-stream",
        problems=("not-found", "too-many"),
        summary="What changes, as server-sent events",
        description="Topics: overview, containers, container:ID, miner:ID, operation:ID, events. Each begins with its "
        "whole state; `events` resumes after Last-Event-ID. A topic that is gone ends with null.",
        tags=("fleet",),
        handler=get_stream,
    ),
)
