"""The credential of the program that scrapes: a token from a file, good for `/metrics` and for nothing else.

Prometheus cannot sign in, and is there before the first administrator could make it a token of the API. Whoever sends
this one is no browser that a stranger's name could have led here, so the Host header is not looked at: Prometheus asks
under whatever name the network has for the controller.
"""

import hmac

from aiohttp import hdrs, web

from controller.api.gate import SAFE_METHODS, bearer_of

PATH = "/metrics"


class MetricsReader:
    """Knows the token, if there is one."""

    def __init__(self, token: str | None) -> None:
        """`token`: as `read_metrics_token` returned it; None lets nobody in."""
        self._token = None if token is None else token.encode()

    def is_asking(self, request: web.Request) -> bool:
        """Return whether a request is for `/metrics` and carries the token; compared in constant time."""
        if self._token is None or request.path != PATH or request.method not in SAFE_METHODS:
            return False
        given = bearer_of(request.headers.getall(hdrs.AUTHORIZATION, []))
        return given is not None and hmac.compare_digest(given.encode(errors="replace"), self._token)
