"""Who may ask: the token, the Host header, requests that another site makes a browser send, and errors in one form."""

import hmac
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from exporter.problems import Kind, Problem
from exporter.settings import Settings, is_loopback

OPEN_PATHS = frozenset(("/-/healthy", "/-/ready"))
"""Paths that need no token: they say nothing of the fleet."""

_log = structlog.get_logger(__name__)

_KINDS: dict[int, Kind] = {404: "not-found", 405: "method", 413: "too-large", 400: "malformed"}


def gate(settings: Settings, token: bytes | None) -> Middleware:
    """Return the middleware that lets a request through or answers why not."""
    refuse = _checks(settings, token)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            refuse(request)
            return await handler(request)
        except Problem as problem:
            return problem.response(request.path)
        except web.HTTPException as error:
            return _translated(error, request).response(request.path)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001  # the edge: whatever is wrong becomes an answer, and stands in the log
            request_id = secrets.token_hex(8)
            _log.exception("request failed", method=request.method, path=request.path, request_id=request_id)
            detail = "this is a mistake of the exporter; its log says more"
            return Problem("internal", detail, request_id=request_id).response(request.path)

    return middleware


def _checks(settings: Settings, token: bytes | None) -> Callable[[web.Request], None]:
    names = {settings.host.lower(), urlsplit(f"//{settings.advertised or ''}").hostname or ""}

    def refuse(request: web.Request) -> None:
        if token is not None:
            if request.path not in OPEN_PATHS:
                _check_token(request, token)
        elif not settings.no_auth:
            # Without a token a browser on this machine could be led here under a stranger's name (DNS rebinding).
            host = _host(request.host)
            if not is_loopback(host) and host not in names:
                raise Problem(
                    "wrong-host", "this exporter answers to localhost only; --advertise gives it another name"
                )
        if request.method not in ("GET", "HEAD"):
            _check_site(request)

    return refuse


def _check_token(request: web.Request, token: bytes) -> None:
    scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    matches = hmac.compare_digest(given.strip().encode(errors="replace"), token)
    if scheme.lower() != "bearer" or not matches:
        detail = "the token is not the one of --token-file" if given else "send Authorization: Bearer TOKEN"
        raise Problem(
            "sign-in-needed", detail, headers={hdrs.WWW_AUTHENTICATE: 'Bearer realm="hashyard exporter"'}
        )


def _check_site(request: web.Request) -> None:
    """Refuse what a page of another site makes a browser send: it could reload or lease in the person's name."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get(hdrs.ORIGIN)
    foreign = origin is not None and urlsplit(origin).netloc.lower() != request.host.lower()
    if site not in ("none", "same-origin") or foreign:
        raise Problem("cross-site", "requests that another site sends are refused")


def _host(text: str) -> str:
    """Return the host of a Host header without its port, in lower case."""
    try:
        return (urlsplit(f"//{text}").hostname or "").lower()
    except ValueError:
        return ""


def _translated(error: web.HTTPException, request: web.Request) -> Problem:
    kind = _KINDS.get(error.status, "malformed")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem(
            kind, f"{request.method} is not possible here; {allowed} is", headers={"Allow": allowed}
        )
    if error.status == 404:
        return Problem(kind, "there is no such path; / lists those that there are")
    if error.status == 413:
        return Problem(kind, "the body is larger than 256 KiB")
    return Problem(kind, error.reason)
