"""A server in Prometheus' place: writes down what it is asked, and answers what it was told to."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer


@dataclass
class Asked:
    """One question: path below /api/v1/, its parameters in their order, and the headers."""

    method: str
    path: str
    pairs: list[tuple[str, str]]
    headers: dict[str, str]

    @property
    def query(self) -> str:
        return dict(self.pairs)["query"]


@dataclass
class Listening:
    """Answers everything with `answer`, `status`; `raw` in its place where it is set; after `open` was set."""

    answer: Any = field(default_factory=lambda: {"status": "success", "data": {"resultType": "vector"}})
    status: int = 200
    raw: bytes | None = None
    asked: list[Asked] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self.open.set()
        app = web.Application()
        app.router.add_route("*", "/api/v1/{path:.*}", self._answered)
        self.server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return str(self.server.make_url("/")).rstrip("/")

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    async def _answered(self, request: web.Request) -> web.Response:
        form = await request.post() if request.method == "POST" else request.query
        pairs = [(name, str(value)) for name, value in form.items()]
        self.asked.append(Asked(request.method, request.match_info["path"], pairs, dict(request.headers)))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.open.wait()
        self.at_once -= 1
        if self.raw is not None:
            return web.Response(body=self.raw, content_type="application/json", status=self.status)
        return web.json_response(self.answer, status=self.status)
