"""A server that answers Prometheus' question for alerts, in the form of its HTTP API, and can fall silent."""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

ALERTS = "/api/v1/alerts"


class PrometheusOfAlerts:
    """Answers `alerts`; while `answer` is set, that in its place; after `slow_s` seconds.

    While `refusal` is set, every question gets that as an error.
    """

    def __init__(self) -> None:
        self.alerts: list[Any] = []
        self.answer: web.Response | None = None
        self.refusal: str | None = None
        self.asked = 0
        self.slow_s = 0.0
        app = web.Application()
        app.router.add_get(ALERTS, self._alerts)
        app.router.add_post("/api/v1/query_range", self._range)
        self._server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return str(self._server.make_url("/")).rstrip("/")

    async def start(self) -> None:
        await self._server.start_server()

    async def stop(self) -> None:
        await self._server.close()

    def fires(self, name: str, state: str = "firing", **labels: str) -> None:
        """Have an alert fire, with the annotations that every rule has."""
        self.alerts.append(
            {
                "labels": {"alertname": name, "severity": "warning", **labels},
                "annotations": {
                    "summary": f"{name} of {labels.get('miner', 'all')}",
                    "description": f"It is at {labels.get('instance', 'no address')}.",
                    "runbook_url": f"runbooks/{name}",
                    "dashboard_url": "/d/hashyard-miner?var-container=Container%201",
                },
                "state": state,
                "activeAt": "2026-03-02T11:30:00.123456789Z",
                "value": "1e+00",
            }
        )

    async def _alerts(self, _request: web.Request) -> web.Response:
        self.asked += 1
        await asyncio.sleep(self.slow_s)
        if self.refusal is not None:
            refused = {"status": "error", "errorType": "execution", "error": self.refusal}
            return web.json_response(refused, status=422)
        if self.answer is not None:
            return self.answer
        return web.json_response({"status": "success", "data": {"alerts": self.alerts}})

    async def _range(self, request: web.Request) -> web.Response:
        return await self._alerts(request)
