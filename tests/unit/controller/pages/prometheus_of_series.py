"""A server that answers Prometheus' question for series over a range, from a table of what is asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Value = Callable[[float], float | None]


class PrometheusOfSeries:
    """Has series: a piece of the query names them, and a function of the share of the time gives their values."""

    def __init__(self) -> None:
        self.series: list[tuple[str, Mapping[str, str], Value]] = []
        self.queries: list[str] = []
        app = web.Application()
        app.router.add_post("/api/v1/query_range", self._range)
        app.router.add_get("/api/v1/alerts", self._alerts)
        self._server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return str(self._server.make_url("/")).rstrip("/")

    async def start(self) -> None:
        await self._server.start_server()

    async def stop(self) -> None:
        await self._server.close()

    def has(self, piece: str, value: Value, **labels: str) -> None:
        """Have a series for every query in which this piece stands; None is a gap."""
        self.series.append((piece, labels, value))

    async def _range(self, request: web.Request) -> web.Response:
        asked: Any = await request.post()
        query, begin, end, step = (
            str(asked["query"]), float(asked["start"]), float(asked["end"]), float(asked["step"]),
        )  # fmt: skip
        self.queries.append(query)
        times = [begin + number * step for number in range(int((end - begin) / step) + 1)]
        result = [
            {
                "metric": dict(labels),
                "values": [
                    [at, str(found)]
                    for at in times
                    if (found := value((at - begin) / max(1.0, end - begin))) is not None
                ],
            }
            for piece, labels, value in self.series
            if piece in query
        ]
        return web.json_response({"status": "success", "data": {"resultType": "matrix", "result": result}})

    async def _alerts(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "success", "data": {"alerts": []}})
