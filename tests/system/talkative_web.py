"""Web servers that repeat whatever they are told in confidence: a miner's pages with Basic authentication, a farm's gateway,
an exporter. They answer errors, so that what they say stands in outcomes, in the record and in logs.
"""

import base64
import json
from typing import Any, Self

from aiohttp import web

GATEWAY_TOKEN = "planted-gateway-token-7d1"
POOL_PASSWORD = "planted-pool-pass-40c"


class TalkativeWeb:
    """Listens on one port of one address while the context lasts. `heard`: what came as Authorization. `asked`: how often."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.port = 0
        self.heard: list[str] = []
        self.asked = 0
        self.redirect: str | None = None
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, 0).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *about: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        given = request.headers.get("Authorization", "")
        body = await request.text()
        self.heard += [given] if given else []
        if self.redirect is not None:
            return web.Response(status=307, headers={"Location": self.redirect + request.path})
        return self.answer(request, given, body)

    def answer(self, request: web.Request, given: str, body: str) -> web.Response:
        """Return the answer to a request that carried this Authorization and this body."""
        del request
        return told(500, f"{given} {body}")


class TalkativeMiner(TalkativeWeb):
    """An Antminer's pages: the configuration with its pools' passwords, and a refusal that repeats all it was sent."""

    def answer(self, request: web.Request, given: str, body: str) -> web.Response:
        if not given.startswith("Basic "):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="antMiner"'})
        clear = base64.b64decode(given.removeprefix("Basic ")).decode()
        if request.path.endswith("get_miner_conf.cgi"):
            pools = [{"url": "stratum+tcp://p.example:3333", "user": "farm.1", "pass": POOL_PASSWORD}]
            return web.json_response({"pools": pools, "miner-mode": 0})
        if request.method == "POST":
            posted = [pool["pass"] for pool in json.loads(body or "{}").get("pools", ())]
            return told(200, f"{clear} {given} {' '.join(posted)}", stats="error", code="M001")
        return told(500, f"{clear} {given}")


class TalkativeGateway(TalkativeWeb):
    """A gateway that gives a token, and refuses every command with the token and its credentials in its words."""

    def answer(self, request: web.Request, given: str, body: str) -> web.Response:
        if request.path == "/api/login":
            return web.json_response({"token": GATEWAY_TOKEN})
        clear = base64.b64decode(given.removeprefix("Basic ")).decode()
        return told(422, f"{GATEWAY_TOKEN} {given} {clear} {body}")


def told(status: int, words: str, **more: Any) -> web.Response:
    """Return an error with these words in every field that anybody may read them from."""
    return web.json_response(
        {"msg": words, "error": words, "message": words, "detail": words, **more}, status=status
    )
