"""The query gateway: what a client's data source asks, answered from Prometheus with that client's series alone.

It stands before the table of routes: whoever asks is a program with a token of its own kind, no person, so that roles,
cookies, names of hosts and other sites do not matter here. Nothing but the token says who asks.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from aiohttp import hdrs, web

from controller.api.problems import Problem
from controller.api.signing_in import sum_of
from controller.figures import GatewayCounts
from controller.gateway.answers import (
    Failed,
    alerts_of,
    build_info,
    json_response,
    rules_of,
    success,
)
from controller.gateway.asking import (
    MAX_BODY,
    PREFIX,
    Pairs,
    Path,
    Question,
    is_only,
    pairs_of,
    path_of,
    question_of,
)
from controller.gateway.turns import Turns
from controller.gateway.upstream import Upstream
from controller.history import History, HistoryAway
from controller.storage.faults import StorageAway
from controller.storage.storage import Storage

TOKEN_PREFIX: Final = "hg_"  # noqa: S105  # what every token of the gateway begins with
_TOKEN_LENGTH: Final = len(TOKEN_PREFIX) + 43
BODY_WITHIN_S: Final = 10.0
_MOST_KEPT: Final = 200
_MAX_KEPT_BYTES: Final = 64 * 1024
_TOUCH_EVERY: Final = timedelta(minutes=1)
_FORM: Final = "application/x-www-form-urlencoded"

_log = structlog.get_logger(__name__)


class Gateway:
    """Answers everything below /gateway."""

    def __init__(
        self,
        storage: Storage,
        history: History,
        url: str | None,
        now: Callable[[], datetime],
        *,
        counts: GatewayCounts | None = None,
        turns: Turns | None = None,
    ) -> None:
        """`url`: of Prometheus; `history`: the same, for its alerts. `counts`: of what was answered, for the metrics."""
        self._storage = storage
        self._history = history
        self._upstream = Upstream(url)
        self._now = now
        self._counts = counts or GatewayCounts()
        self._turns = turns or Turns()
        self._kept: OrderedDict[tuple[str, Question], tuple[float, bytes]] = OrderedDict()

    async def close(self) -> None:
        """Let go of connections."""
        await self._upstream.close()

    @staticmethod
    def is_asked(request: web.Request) -> bool:
        """Return whether a request is for the gateway; by the path as it was sent."""
        raw = _raw_path(request)
        return raw == PREFIX or raw.startswith(f"{PREFIX}/")

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request. Every error of ours is in Prometheus' form; what else is raised, `refusal` makes one of."""
        try:
            response = json_response(await self._answered(request))
        except Failed as failed:
            response = failed.response()
        except HistoryAway:
            response = Failed(502, "Prometheus does not answer: ask again later").response()
        self._counts.count(response.status)
        return response

    def refusal(self, problem: Problem) -> web.Response:
        """Return the answer to a request that a problem ended."""
        response = Failed(problem.status, problem.detail).response()
        self._counts.count(response.status)
        return response

    async def _answered(self, request: web.Request) -> bytes:
        name, path = path_of(_raw_path(request))
        client = await self._client(request)
        pairs = await _parameters(request, path)
        question = question_of(name, path, pairs, client)
        if path.source == "nothing":
            return success({} if path.empty == "map" else [])
        if path.source == "alerts":
            return success({"alerts": alerts_of(await self._history.alerts(), client)})
        if path.source == "rules":
            wanted = is_only(pairs, "alert")
            return success({"groups": rules_of(await self._history.alerts(), client) if wanted else []})
        return await self._asked(client, question, path)

    async def _asked(self, client: str, question: Question, path: Path) -> bytes:
        key = (client, question)
        loop = asyncio.get_running_loop()
        kept = self._kept.get(key)
        if kept is not None and loop.time() < kept[0]:
            return kept[1]
        async with self._turns.turn(client):
            if path.source == "build":
                body = success(build_info(await self._upstream.data(question)))
            else:
                body = await self._upstream.ask(question)
        if question.kept_s and len(body) <= _MAX_KEPT_BYTES:
            self._kept[key] = (loop.time() + question.kept_s, body)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return body

    async def _client(self, request: web.Request) -> str:
        """Return the slug of the client whose token was sent. Raises Failed."""
        sent = request.headers.getall(hdrs.AUTHORIZATION, [])
        scheme, _, text = sent[0].partition(" ") if len(sent) == 1 else ("", "", "")
        found = None
        if scheme.lower() == "bearer" and text.startswith(TOKEN_PREFIX) and len(text) == _TOKEN_LENGTH:
            found = await self._storage.gateway_tokens.by_hash(sum_of(text))
        if found is None:
            raise Failed(401, "send Authorization: Bearer with a token of the gateway that is in force")
        token, client = found
        now = self._now()
        if token.last_used_at is None or now - token.last_used_at >= _TOUCH_EVERY:
            try:
                await self._storage.gateway_tokens.touch(token.id, now)
            except StorageAway as error:  # what can be read is still to be read
                _log.warning("a use of a gateway token is not noted", reason=str(error))
        return client.slug


def _raw_path(request: web.Request) -> str:
    return request.raw_path.partition("?")[0]


async def _parameters(request: web.Request, path: Path) -> Pairs:
    """Return what stands in the address of a GET, or in the form of a POST; never both. Raises Failed."""
    query = request.raw_path.partition("?")[2]
    if request.method == "GET":
        if request.can_read_body:
            raise Failed(400, "a GET has no body here: send its parameters in the address")
        if len(query) > MAX_BODY:
            raise Failed(413, f"the parameters are longer than {MAX_BODY} bytes")
        return pairs_of(query)
    if request.method != "POST" or not path.post:
        raise Failed(405, "this cannot be done here", Allow="GET, POST" if path.post else "GET")
    if query:
        raise Failed(400, "a POST has its parameters in the form, and none in the address")
    if request.content_type != _FORM or hdrs.CONTENT_ENCODING in request.headers:
        raise Failed(415, f"send the parameters as {_FORM}")
    raw = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for piece in request.content.iter_any():
                raw += piece
                if len(raw) > MAX_BODY:
                    raise Failed(413, f"the parameters are longer than {MAX_BODY} bytes")
    except TimeoutError:
        raise Failed(408, "the parameters did not arrive in time", Connection="close") from None
    try:
        return pairs_of(raw.decode("ascii"))
    except UnicodeDecodeError:
        raise Failed(
            400, "the parameters cannot be read: a form is ASCII, all else is written as %.."
        ) from None
