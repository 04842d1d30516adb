"""The HTTP side for Prometheus and for people: metrics, service discovery, health, reload and the landing page."""

import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import chain

import msgspec
from aiohttp import hdrs, web

from exporter import landing
from exporter.api import Api
from exporter.gate import gate
from exporter.own_metrics import OwnMetrics
from exporter.polling import Polling
from exporter.problems import Mistake, Problem
from exporter.scrape import END_OF_OPENMETRICS, content_type, fleet_pieces, wants_openmetrics
from exporter.settings import Settings
from exporter.streaming import JSON, stream
from miners.errors import InventoryError

READY_WITHIN_S = 15.0
"""The exporter calls itself ready once every miner was polled, and at the latest after so long: the rest is silent."""

MAX_BODY = 256 * 1024


class Server:
    """Handlers of everything but `/api/v1`."""

    def __init__(
        self,
        settings: Settings,
        version: str,
        polling: Polling,
        own: OwnMetrics,
        reload: Callable[[], Awaitable[InventoryError | None]],
    ) -> None:
        """`reload` reads the inventory again, and returns why it was refused, if it was."""
        self._settings = settings
        self._version = version
        self._fleet = polling.fleet
        self._poller = polling.poller
        self._polling = polling
        self._own = own
        self._reload = reload
        self._began = time.monotonic()

    def application(self, api: Api, token: bytes | None) -> web.Application:
        """Return the application with all routes behind the gate."""
        application = web.Application(client_max_size=MAX_BODY, middlewares=[gate(self._settings, token)])
        application.add_routes(
            [
                web.get("/", self._get_landing),
                web.get("/metrics", self._get_metrics),
                web.get("/metrics/own", self._get_own),
                web.get("/sd", self._get_targets),
                web.get("/-/healthy", self._get_healthy),
                web.get("/-/ready", self._get_ready),
                web.post("/-/reload", self._post_reload),
                *api.routes(),
            ]
        )
        return application

    async def _get_metrics(self, request: web.Request) -> web.StreamResponse:
        """Answer the series of one container, or of all and the exporter's own."""
        openmetrics = wants_openmetrics(request.headers.get(hdrs.ACCEPT, ""))
        names = request.query.getall("container", [])
        if not names:
            containers = list(self._fleet.containers.values())
            end = self._own.page(openmetrics=openmetrics)
        else:
            if len(names) > 1:
                raise Problem(
                    "malformed", "give one container", [Mistake("?container", "repeated", "give it once")]
                )
            live = self._fleet.containers.get(names[0])
            if live is None:
                detail = "this exporter has no container of that name; / lists those that it polls"
                raise Problem("not-found", detail, [Mistake("?container", "not-found", detail)])
            containers = [live]
            end = END_OF_OPENMETRICS if openmetrics else b""
        pieces: Iterator[bytes] = fleet_pieces(containers, time.time(), openmetrics=openmetrics)
        return await stream(
            request, chain(pieces, (end,) if end else ()), content_type(openmetrics=openmetrics)
        )

    async def _get_own(self, request: web.Request) -> web.StreamResponse:
        """Answer the exporter's own series."""
        openmetrics = wants_openmetrics(request.headers.get(hdrs.ACCEPT, ""))
        page = self._own.page(openmetrics=openmetrics)
        return await stream(request, iter((page,)), content_type(openmetrics=openmetrics))

    async def _get_targets(self, request: web.Request) -> web.Response:
        """Answer what Prometheus' HTTP service discovery asks: a target for each container of this share."""
        # Where nobody could connect to what we listen on, the name under which we were just reached is the right one.
        address = self._settings.advertised or request.host
        groups = [
            {"targets": [address], "labels": {"__param_container": name, "container": name}}
            for name in self._fleet.containers
        ]
        return web.Response(
            body=msgspec.json.encode(groups), content_type=JSON, headers={"Cache-Control": "no-store"}
        )

    async def _get_healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def _get_ready(self, _request: web.Request) -> web.Response:
        """Answer whether the first sweep is over: before that, a miner without a series was not asked yet."""
        ready, words = self._readiness()
        headers = {} if ready else {"Retry-After": "1"}
        return web.Response(status=200 if ready else 503, text=words + "\n", headers=headers)

    def _readiness(self) -> tuple[bool, str]:
        left = self._poller.unpolled
        if not self._polling.begun:
            return False, "not ready: the inventory is being taken over"
        if left == 0:
            return True, "ready: every miner was polled"
        if time.monotonic() - self._began >= READY_WITHIN_S:
            return True, "ready, though some miners were not polled yet"
        return False, "not ready: the first sweep is under way"

    async def _post_reload(self, _request: web.Request) -> web.Response:
        """Read the inventory again; answer what is in it, or every mistake of it."""
        refused = await self._reload()
        if refused is not None:
            mistakes = [Mistake("", "inventory", line) for line in refused.mistakes]
            raise Problem("invalid", "the inventory was refused; the last good one stays in use", mistakes)
        body = {"containers": len(self._fleet.containers), "miners": self._poller.miners}
        return web.Response(body=msgspec.json.encode(body), content_type=JSON)

    async def _get_landing(self, _request: web.Request) -> web.Response:
        words = self._readiness()[1].capitalize() + "."
        error = self._own.reload_error
        text = landing.page(
            self._fleet.containers.values(), self._version, words, None if error is None else str(error)
        )
        return web.Response(text=text, content_type="text/html", headers=landing.HEADERS)
