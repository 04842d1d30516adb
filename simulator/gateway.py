"""A farm's own service in front of its miners: HTTP, a token for each miner, four calls that write and none that reads.

Source: `docs/protocols.md`, section 8. Success is 200 with `message` (or `token`), anything that is wrong is 400 with
`error`. The commands go to the miners of one container, and stand in their journals under the gateway's own paths.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
import orjson
from aiohttp import web
from msgspec import Meta

from simulator.errors import SimulatorError
from simulator.miner import SimulatedMiner
from simulator.orders import NoAnswerError
from simulator.setting import Change

TOKEN_LIVES_S = 600.0
MODES = {"sleep": True, "active": False}
PROFILES = ("underclock", "normal", "overclock")
BAD_TOKEN = "invalid or expired token"  # noqa: S105  # what it says, no secret


class GatewayWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a container's gateway listens (loopback; a port of 0 is any free one), and how long its tokens live."""

    port: Annotated[int, Meta(ge=0, le=65_535)]
    address: str = "127.0.0.1"
    token_s: Annotated[float, Meta(ge=0, le=86_400)] = TOKEN_LIVES_S


class _Token(NamedTuple):
    miner: SimulatedMiner
    given_at: float


class Gateway:
    """The gateway of one container while it runs. `token_s` may be changed meanwhile."""

    def __init__(
        self, container: str, wish: GatewayWish, miners: Sequence[SimulatedMiner], now: Callable[[], float]
    ) -> None:
        self.container = container
        self.token_s = wish.token_s
        self._wish = wish
        self._now = now
        self._miners = {miner.spec.address: miner for miner in miners}
        self._tokens: dict[str, _Token] = {}
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is reached; empty while it is closed."""
        if self._runner is None or not self._runner.addresses:
            return ""
        host, port = self._runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def start(self) -> None:
        """Open its port. Raises SimulatorError where it is taken."""
        app = web.Application()
        app.router.add_post("/api/login", self._log_in)
        app.router.add_post("/api/logout", self._log_out)
        app.router.add_post("/api/profileset", self._set_profile)
        app.router.add_post("/api/curtail", self._curtail)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._wish.address, self._wish.port).start()
        except OSError as error:
            await runner.cleanup()
            place = f"container {self.container}: simulate.gateway"
            reason = error.strerror or error
            raise SimulatorError(
                [f"{place}: cannot listen on {self._wish.address}:{self._wish.port}: {reason}"]
            ) from None
        self._runner = runner

    async def stop(self) -> None:
        """Close its port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _log_in(self, request: web.Request) -> web.Response:
        body = await _body(request)
        miner = self._miners.get(str(body.get("miner_ip")))
        if miner is None:
            return _answer(400, error="unknown miner_ip")
        self._note(miner, request)
        token = secrets.token_urlsafe(16)
        self._tokens[token] = _Token(miner, self._now())
        miner.orders.session(request.path, self._now())
        return _answer(200, token=token)

    async def _log_out(self, request: web.Request) -> web.Response:
        body = await _body(request)
        miner = self._miners.get(str(body.get("miner_ip")))
        if miner is None:
            return _answer(400, error="unknown miner_ip")
        self._note(miner, request)
        self._tokens = {token: given for token, given in self._tokens.items() if given.miner is not miner}
        miner.orders.session(request.path, self._now())
        return _answer(200, message="logged out")

    async def _set_profile(self, request: web.Request) -> web.Response:
        body = await _body(request)
        profile = body.get("profile")

        def change(miner: SimulatedMiner) -> Change | None:
            return miner.device.profile_change(profile) if profile in PROFILES else None

        return await self._tell(request, body, "profile", change)

    async def _curtail(self, request: web.Request) -> web.Response:
        body = await _body(request)
        asleep = MODES.get(str(body.get("mode")))
        return await self._tell(
            request, body, "mode", lambda _miner: None if asleep is None else Change({"asleep": asleep})
        )

    async def _tell(
        self,
        request: web.Request,
        body: Mapping[str, Any],
        field: str,
        change_of: Callable[[SimulatedMiner], Change | None],
    ) -> web.Response:
        now = self._now()
        token = self._tokens.get(str(body.get("token")))
        if token is None or now - token.given_at >= self.token_s:
            return _answer(400, error=BAD_TOKEN)
        miner = token.miner
        self._note(miner, request)
        asked = {field: body.get(field)}
        change = change_of(miner)
        miner.physics.advance(now)
        if change is None:
            miner.orders.refuse(request.path, asked, f"400 invalid {field}", now)
            return _answer(400, error=f"invalid {field}")
        obedience = miner.orders.obedience
        if miner.physics.down or obedience.read_only or obedience.no_writing:
            miner.orders.refuse(request.path, asked, "400 miner does not take it", now)
            return _answer(400, error="the miner does not take commands")
        try:
            with miner.afresh():
                taken = miner.orders.obey(request.path, asked, change, now)
        except NoAnswerError as lost:
            if lost.how == "silent":
                await asyncio.Event().wait()
            if request.transport is not None:
                request.transport.abort()
            return _answer(400, error="lost")
        return _answer(200, message="ok") if taken else _answer(400, error="the miner refused")

    def _note(self, miner: SimulatedMiner, request: web.Request) -> None:
        miner.orders.source = request.remote or ""


async def _body(request: web.Request) -> Mapping[str, Any]:
    try:
        document = orjson.loads(await request.read())
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}


def _answer(status: int, **content: str) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
