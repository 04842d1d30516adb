"""The JSON side, for the controller: the live state by cursor, polls on demand, and leases."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
from aiohttp import web

from exporter.changes import BadCursor
from exporter.fleet import Fleet, MinerState
from exporter.leases import MAX_MINERS, MAX_SECONDS, AlreadyLeased, Leases, PollDoesNotEnd
from exporter.poller import Leased, Poller
from exporter.problems import Mistake, Problem
from exporter.streaming import JSON, stream
from miners.model import Reading, to_json

DEFAULT_LIMIT = 1_000
MAX_LIMIT = 10_000
POLL_WITHIN_S = 10.0

_READINGS_A_PIECE = 50
_PARAMETERS = frozenset(("container", "cursor", "limit"))

T = TypeVar("T")


class MinerName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A miner by the names that the inventory gives."""

    container: str
    miner: str


class LeaseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Miners to be left alone for some seconds."""

    miners: Annotated[list[MinerName], msgspec.Meta(min_length=1, max_length=MAX_MINERS)]
    seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)]


class Api:
    """Handlers of `/api/v1`."""

    def __init__(self, fleet: Fleet, poller: Poller[MinerState], leases: Leases) -> None:
        """Answer from the live state, and change what is polled when."""
        self._fleet = fleet
        self._poller = poller
        self._leases = leases

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/v1/fleet", self._get_fleet),
            web.post("/api/v1/poll", self._post_poll),
            web.post("/api/v1/lease", self._post_lease),
            web.delete("/api/v1/lease/{id}", self._delete_lease),
        ]

    async def _get_fleet(self, request: web.Request) -> web.StreamResponse:
        """Answer what changed since the cursor: readings and failures, and miners that are gone.

        `reset` true says that everything is given anew, and what the asker holds is to be forgotten. An answer with
        as many entries as `limit` may not be the last: ask on with its cursor.
        """
        container, cursor, limit = self._fleet_question(request)
        changes = self._fleet.changes
        try:
            sequence, reset = changes.begin(cursor)
        except BadCursor:
            raise _bad_value(
                "cursor", "give back a cursor as this exporter gave it, or none at all"
            ) from None
        items: list[Reading] = []
        removed: list[MinerName] = []
        last: int | None = None
        for state in changes.since(sequence):
            if container is not None and state.container.name != container:
                continue
            if len(items) + len(removed) == limit:
                break
            last = state.sequence
            if not state.removed and state.reading is not None:
                items.append(state.reading)
            elif state.removed and not reset:
                removed.append(MinerName(state.container.name, state.miner.name))
        else:
            last = None  # all of it: the latest change, also of other containers
        head = {"as_of": _rfc3339(time.time()), "cursor": changes.cursor(last), "reset": reset}
        return await stream(request, _fleet_json(head, items, removed), JSON)

    def _fleet_question(self, request: web.Request) -> tuple[str | None, str | None, int]:
        mistakes = [
            Mistake(f"?{key}", "unknown", "there is no such parameter; there are container, cursor and limit")
            for key in request.query
            if key not in _PARAMETERS
        ]
        mistakes += [
            Mistake(f"?{key}", "repeated", "give it once")
            for key in _PARAMETERS
            if len(request.query.getall(key, [])) > 1
        ]
        text = request.query.get("limit", str(DEFAULT_LIMIT))
        limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if not 1 <= limit <= MAX_LIMIT:
            mistakes.append(Mistake("?limit", "range", f"it is a whole number from 1 to {MAX_LIMIT}"))
        if mistakes:
            raise Problem("malformed", _said(mistakes), mistakes)
        container = request.query.get("container") or None
        if container is not None and container not in self._fleet.containers:
            raise Problem(
                "not-found", "this exporter has no container of that name", [_no_container("?container")]
            )
        return container, request.query.get("cursor"), limit

    async def _post_poll(self, request: web.Request) -> web.Response:
        """Read a miner now, so that the reading enters history, and answer it: a Snapshot or a PollFailure."""
        name = await _body(request, MinerName)
        state = self._find(name, "")
        try:
            async with asyncio.timeout(POLL_WITHIN_S):
                await self._poller.poll_now(state)
        except Leased:
            raise Problem("busy", "the miner is leased: it is polled again when the lease ends") from None
        except KeyError:
            raise Problem("not-found", "the miner has just left the inventory") from None
        except TimeoutError:
            detail = f"the poll has not ended within {POLL_WITHIN_S:.0f} s; it goes on"
            raise Problem("starting", detail, headers={"Retry-After": "5"}) from None
        if state.reading is None:
            raise Problem("starting", "the poll gave nothing; ask again", headers={"Retry-After": "1"})
        return _json(to_json(state.reading))

    async def _post_lease(self, request: web.Request) -> web.Response:
        """Lease miners: none of them is polled until the lease is released or lapses."""
        wanted = await _body(request, LeaseRequest)
        states = self._find_all(wanted.miners)
        try:
            lease = await self._leases.take(states, wanted.seconds)
        except AlreadyLeased as error:
            raise Problem("busy", str(error), headers={"Retry-After": "5"}) from None
        except PollDoesNotEnd:
            raise Problem(
                "starting", "a poll under way has not ended in time", headers={"Retry-After": "5"}
            ) from None
        until = datetime.now(UTC) + timedelta(seconds=lease.until_s - asyncio.get_running_loop().time())
        names = [MinerName(state.container.name, state.miner.name) for state in states]
        return _json(msgspec.json.encode({"lease": lease.id, "until": until, "miners": names}))

    async def _delete_lease(self, request: web.Request) -> web.Response:
        """Release a lease before it lapses."""
        if not self._leases.release(request.match_info["id"]):
            raise Problem("not-found", "there is no such lease; it may have lapsed")
        return web.Response(status=204)

    def _find_all(self, names: list[MinerName]) -> tuple[MinerState, ...]:
        """Return the miners, each once. Raises Problem with every one that is not there."""
        found: dict[MinerState, None] = {}
        mistakes: list[Mistake] = []
        for at, name in enumerate(names):
            try:
                found[self._find(name, f"/miners/{at}")] = None
            except Problem as problem:
                mistakes += problem.mistakes
        if mistakes:
            raise Problem("not-found", _said(mistakes), mistakes)
        return tuple(found)

    def _find(self, name: MinerName, at: str) -> MinerState:
        state = self._fleet.find(name.container, name.miner)
        if state is not None:
            return state
        if name.container not in self._fleet.containers:
            mistake = _no_container(f"{at}/container")
        else:
            mistake = Mistake(
                f"{at}/miner", "not-found", "the container has no miner of that name that is polled"
            )
        raise Problem("not-found", mistake.detail, [mistake])


async def _body(request: web.Request, kind: type[T]) -> T:
    if request.content_type != "application/json":
        raise Problem("media-type", "send the body as application/json")
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$")
        at = path.removesuffix("`").replace("[", "/").replace("]", "").replace(".", "/")
        raise Problem("invalid", detail, [Mistake(at, "invalid", detail)]) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem("malformed", "the body is not JSON") from None


def _fleet_json(head: dict[str, object], items: list[Reading], removed: list[MinerName]) -> Iterator[bytes]:
    yield msgspec.json.encode(head)[:-1] + b',"items":['
    for start in range(0, len(items), _READINGS_A_PIECE):
        comma = b"," if start else b""
        yield comma + b",".join(to_json(item) for item in items[start : start + _READINGS_A_PIECE])
    yield b'],"removed":' + msgspec.json.encode(removed) + b"}"


def _bad_value(parameter: str, detail: str) -> Problem:
    return Problem("malformed", detail, [Mistake(f"?{parameter}", "invalid", detail)])


def _no_container(at: str) -> Mistake:
    return Mistake(at, "not-found", "this exporter has no container of that name")


def _said(mistakes: list[Mistake]) -> str:
    return mistakes[0].detail if len(mistakes) == 1 else f"{len(mistakes)} values need attention"


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=JSON, headers={"Cache-Control": "no-store"})


def _rfc3339(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
