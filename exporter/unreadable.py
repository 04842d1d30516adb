"""What is no HTTP request: answered as a problem, and logged without a byte of it.

aiohttp answers and logs such a request with the line at which it stumbled, and that line may hold the token.
"""

import secrets
from typing import Any

import structlog
from aiohttp import web

from exporter.problems import Problem

_log = structlog.get_logger(__name__)


class Runner(web.AppRunner):
    """Runs an application whose connections answer so."""

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, access_log=None)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)


class _Connection(web.RequestHandler):
    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to what cannot be read, or to what went wrong outside the application."""
        del message
        request_id = secrets.token_hex(8)
        _log.warning("request not readable", request_id=request_id, status=status, error=type(exc).__name__)
        if request.writer is not None and request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        problem = (
            Problem("malformed", "this is no HTTP request, or its head has more than 8 KiB in a line")
            if status < 500
            else Problem(
                "internal", "this is a mistake of the exporter; its log says more", request_id=request_id
            )
        )
        response = problem.response(request.path)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log that a connection broke, and how, without what was on it."""
        error = kw.get("exc_info")
        _log.warning("connection broke", error=type(error).__name__ if error is not None else args[0])
