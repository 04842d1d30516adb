"""A miner's web port that keeps what was sent to it."""

import json
from typing import Any

from aiohttp import web

from miners.model import Credentials, Target
from tests.replay.server import WebReplayServer

SECRET = "s3cret-of-the-farm"
GIVEN = Credentials("root", SECRET)


class WrittenWeb(WebReplayServer):
    """Keeps each request that got past the password: method, path, body, content type. `statuses`: by path, instead."""

    def __init__(self, replies: Any, *, password: str = SECRET, **more: Any) -> None:
        super().__init__(replies, password=password, **more)
        self.sent: list[tuple[str, str, str, str]] = []
        self.statuses: dict[str, int] = {}

    async def _handle(self, request: web.Request) -> web.Response:
        answer = await super()._handle(request)
        if answer.status != 401:
            self.sent.append((request.method, request.path, await request.text(), request.content_type))
        status = self.statuses.get(request.path)
        return web.Response(status=status, text="{}") if status and answer.status != 401 else answer

    def posted(self, path: str) -> list[Any]:
        """The JSON documents that were posted to a path."""
        return [json.loads(body) for method, at, body, _ in self.sent if (method, at) == ("POST", path)]

    def target(self, **more: Any) -> Target:
        """Return this server as a miner."""
        given = {"credentials": GIVEN, "model": "Antminer S19 Pro", **more}
        return Target(
            container="c", miner="m", address="127.0.0.1", port=None, web_port=self.port, v3_port=None,
            connect_timeout_s=1.0, timeout_s=2.0, **given,
        )  # fmt: skip
