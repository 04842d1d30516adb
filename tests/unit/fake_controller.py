"""A small controller that answers as the API does, and somebody at a terminal who runs `hashyard set` against it."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import pytest
from aiohttp import web

import hashyard

TOKEN = "hy_planted9TokenOfNobody"
PASSWORD = "planted-password-of-nobody"


async def call(*arguments: str) -> int:
    """Run `hashyard set` in a thread of its own, for it has an event loop of its own."""
    return await asyncio.to_thread(hashyard.main, ["set", *arguments])


class Terminal(io.StringIO):
    """A terminal at which somebody types; nothing typed is the end of input."""

    def isatty(self) -> bool:
        return True


def typed(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(words))


CONTAINERS = [
    {"id": "north", "name": "North", "profile": {"name": "normal", "override_id": None}},
    {"id": "north-7", "name": "North/7", "profile": {"name": "curtail", "override_id": "ov_7"}},
    {"id": "yug", "name": "Юг", "profile": {"name": "normal", "override_id": "ov_all"}},
]
MINERS = [
    {"id": "north.a1", "name": "a1", "container": "north", "profile": {"override_id": None}},
    {"id": "north.7-x", "name": "7/x", "container": "north", "profile": {"override_id": None}},
    {"id": "north-7.a-1", "name": "a/1", "container": "north-7", "profile": {"override_id": "ov_7"}},
    {"id": "north-7.a-11", "name": "a/11", "container": "north-7", "profile": {"override_id": "ov_m"}},
    {"id": "yug.b1", "name": "б1", "container": "yug", "profile": {"override_id": "ov_all"}},
]
OVERRIDES = {
    "ov_7": {"id": "ov_7", "containers": ["north-7"], "miners": []},
    "ov_m": {"id": "ov_m", "containers": [], "miners": ["north-7.a-11"]},
    "ov_all": {"id": "ov_all", "containers": ["north", "yug"], "miners": []},
}
PLAN = {
    "fingerprint": "print-1",
    "miners": {"targeted": 5, "will_change": 3, "already": 1, "skipped": 1},
    "skipped": [
        {"reason": "inactive", "miners": 1, "model": None, "firmware": None, "detail": "switch it on"}
    ],
    "power_change_w": -9750.0,
    "warnings": [{"code": "ramp", "detail": "it takes 4 minutes"}],
}


def problem(status: int, detail: str, *errors: tuple[str, str], **more: Any) -> tuple[int, Any]:
    listed = [{"at": at, "code": "x", "detail": said} for at, said in errors]
    return status, {
        "type": "/problems/x",
        "title": "T",
        "status": status,
        "detail": detail,
        "errors": listed,
        **more,
    }


class FakeController:
    """Answers as the controller's API does. `answers`: by method and path, in place of its own. `sent`: what it was told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.answers: dict[str, Callable[[], tuple[int, Any]]] = {}
        self.looks = 0
        self.results: list[dict[str, Any]] = [
            {"miner": "north.a1", "state": "applied", "detail": "it shows sleeping"}
        ]
        self.page = 2
        self.url = ""

    def deeds(self) -> list[tuple[str, str, Any]]:
        return [one for one in self.sent if one[0] != "GET"]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = unquote(request.rel_url.raw_path).removeprefix("/api/v1")
        body = await request.json() if request.method == "POST" and request.can_read_body else None
        self.sent.append((request.method, path, body))
        self.headers.append(dict(request.headers))
        if path == "/auth/login":
            right = request.query_string == "as=token" and body == {"username": "admin", "password": PASSWORD}
            status, answer = (
                (200, {"access_token": TOKEN}) if right else problem(401, "Name or password is not right")
            )
        elif request.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, answer = problem(401, "nobody is signed in")
        else:
            own = self.answers.get(f"{request.method} {path}")
            status, answer = own() if own is not None else self._answer(request, path)
        if isinstance(answer, bytes):
            return web.Response(status=status, body=answer)
        kind = "application/problem+json" if status >= 400 else "application/json"
        return web.json_response(answer, status=status, content_type=kind)

    def _answer(self, request: web.BaseRequest, path: str) -> tuple[int, Any]:
        query = request.rel_url.query
        if request.method == "GET" and path == "/containers":
            return 200, self._page_of(CONTAINERS, query)
        if request.method == "GET" and path == "/miners":
            found = [
                one
                for one in MINERS
                if one["container"] == query["container"] and query["q"].casefold() in str(one).casefold()
            ]
            return 200, self._page_of(found, query)
        if path == "/operations/op_1/results":
            return 200, self._page_of(self.results, query)
        if path == "/operations/op_1":
            self.looks += 1
            state = "running" if self.looks < 3 else "done"
            return 200, {
                "id": "op_1",
                "state": state,
                "total": 3,
                "counts": {"waiting": 1, "applied": 2, "skipped": 0},
            }
        if (request.method, path) == ("POST", "/plans"):
            return 200, PLAN
        if (request.method, path) == ("POST", "/overrides"):
            return 201, {"id": "ov_9", "ends": "manual", "operation_id": "op_1", "operation": {"id": "op_1"}}
        if (request.method, path) == ("POST", "/operations") or request.method == "DELETE":
            return 202, {"id": "op_1"}
        if path == "/auth/logout":
            return 200, {}
        if path.endswith("/actions"):
            return 200, self.results[0]
        kind, _, identifier = path.removeprefix("/").partition("/")
        things: dict[str, Any] = {
            "containers": {one["id"]: one for one in CONTAINERS},
            "miners": {one["id"]: one for one in MINERS},
            "overrides": OVERRIDES,
        }
        if identifier in things.get(kind, {}):
            return 200, things[kind][identifier]
        return problem(404, "there is no such thing")

    def _page_of(self, items: list[Any], query: Mapping[str, str]) -> dict[str, Any]:
        """Return a page of two items, so that cursors are followed."""
        begin = int(query.get("cursor", "0"))
        end = begin + self.page
        return {
            "items": items[begin:end],
            "next": str(end) if end < len(items) else None,
            "total": len(items),
        }


@asynccontextmanager
async def running() -> AsyncIterator[FakeController]:
    fake = FakeController()
    runner = web.ServerRunner(web.Server(fake.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield fake
    finally:
        await runner.cleanup()
