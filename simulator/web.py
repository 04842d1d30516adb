"""The web ports of the simulated miners: one aiohttp server for all of them, digest authentication as the makers do it.

Source: RFC 7616 (MD5, qop=auth), which lighttpd on these devices speaks. The user is root; the password is the maker's
unless the file, or a fault, says another. Writing wants the digest as reading does.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from urllib.request import parse_http_list, parse_keqv_list

from aiohttp import web

from simulator.hostility import hostile_reply
from simulator.miner import SimulatedMiner
from simulator.orders import NoAnswerError
from simulator.server import Hub

USER = "root"
NONCE_LIVES_S = 300.0


class WebPorts:
    """All web ports. Which miner is meant follows from the address and port that the client has reached."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._miners: dict[tuple[str, int], SimulatedMiner] = {}
        self._secret = secrets.token_hex(16)
        # without cancellation the silent would keep a task for every client that gave up
        self.server = web.Server(self._handle, access_log=None, handler_cancellation=True)

    def add(self, miner: SimulatedMiner, port: int) -> None:
        """Let a miner answer on its web port."""
        address = miner.spec.address
        self._miners["127.0.0.1" if address == "localhost" else address, port] = miner

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        if transport is None:
            raise web.HTTPServiceUnavailable
        miner = self._miners[transport.get_extra_info("sockname")[:2]]
        now = self._hub.clock.now()
        physics = miner.physics
        physics.advance(now)
        if physics.down:
            transport.abort()
            raise web.HTTPServiceUnavailable
        body = await request.read() if request.method == "POST" else b""
        try:
            if not physics.manners.plain:
                return await self._misbehave(request, miner, body)
            return self._answer(request, miner, body, now)
        except NoAnswerError as lost:
            if lost.how == "silent":
                await asyncio.Event().wait()
            transport.abort()
            raise web.HTTPServiceUnavailable from None

    def _answer(
        self, request: web.BaseRequest, miner: SimulatedMiner, body: bytes, now: float
    ) -> web.Response:
        realm = miner.device.realm
        fresh, right = self._check(request, realm, miner.orders.password)
        source = request.remote or ""
        writes = request.method == "POST" or request.path in miner.device.pressed
        if not (fresh and right):
            if fresh and writes:
                miner.orders.source = source
                miner.orders.refuse(request.path, {}, "401 wrong password", now)
            stale = ", stale=true" if right else ""
            challenge = f'Digest realm="{realm}", nonce="{self._nonce()}", qop="auth"{stale}'
            return web.Response(
                status=401,
                headers={"WWW-Authenticate": challenge},
                content_type="text/html",
                text="<html><head><title>401 - Unauthorized</title></head></html>",
            )
        match request.method:
            case "GET" if writes:
                page = miner.press(request.path, now, source)
            case "GET":
                page = miner.web(request.path, now, source)
            case "POST":
                page = miner.post(request.path, body, now, source)
            case _:
                page = None
        if page is None:
            return web.Response(status=404, content_type="text/html", text="<h1>404 - Not Found</h1>")
        # the makers' CGI scripts say so, though they send JSON
        return web.Response(body=page, content_type="text/html")

    async def _misbehave(
        self, request: web.BaseRequest, miner: SimulatedMiner, body: bytes
    ) -> web.StreamResponse:
        manners = miner.physics.manners
        if manners.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(manners.delay_s)
        if manners.hostility:
            return web.Response(body=hostile_reply(manners.hostility), content_type="text/html")
        answer = self._answer(request, miner, body, self._hub.clock.now())
        page = answer.body if isinstance(answer.body, bytes) else b""
        if answer.status != 200 or (manners.cut_ratio is None and manners.drip_s is None):
            return answer
        spoilt = web.StreamResponse(headers={"Content-Length": str(len(page)), "Content-Type": "text/html"})
        await spoilt.prepare(request)
        if manners.drip_s is not None:
            for place in range(len(page)):
                await spoilt.write(page[place : place + 1])
                await asyncio.sleep(manners.drip_s)
            return spoilt
        await spoilt.write(page[: int(len(page) * (manners.cut_ratio or 0))])
        if request.transport is not None:
            request.transport.close()
        return spoilt

    def _nonce(self) -> str:
        made_at = f"{self._hub.loop.time():.3f}"
        return f"{made_at}-{_md5(made_at, self._secret)}"

    def _check(self, request: web.BaseRequest, realm: str, password: str) -> tuple[bool, bool]:
        """Return whether the nonce is one of ours and young, and whether the answer to it is right."""
        header = request.headers.get("Authorization", "")
        if not header.startswith("Digest "):
            return False, False
        given: Mapping[str, str] = parse_keqv_list(
            [part for part in parse_http_list(header.removeprefix("Digest ")) if part.partition("=")[2]]
        )
        nonce = given.get("nonce", "")
        made_at, _, proof = nonce.partition("-")
        if proof != _md5(made_at, self._secret):
            return False, False
        ours = _md5(USER, realm, password)
        asked = _md5(request.method, given.get("uri", ""))
        wanted = _md5(ours, nonce, given.get("nc", ""), given.get("cnonce", ""), given.get("qop", ""), asked)
        right = given.get("response") == wanted and given.get("uri") == request.path_qs
        return self._hub.loop.time() - float(made_at) < NONCE_LIVES_S, right and given.get("username") == USER


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()
