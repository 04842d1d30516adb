"""The HTTP application: the table of routes behind one boundary, where errors become answers and headers are set."""

import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler
from ulid import ULID

from controller.api.dispatch import ASKER, REQUEST_ID, ROUTE, Dispatch
from controller.api.gate import network_of
from controller.api.metrics_reader import MetricsReader
from controller.api.own_routes import Own, Process
from controller.api.passwords import Passwords
from controller.api.problems import Kind, Problem, problem_of
from controller.api.rates import Rates
from controller.api.route import Route
from controller.api.routes import ROUTES
from controller.api.signing_in import SigningIn
from controller.deeds import Deeds
from controller.gateway.proxy import Gateway
from controller.model import SYSTEM, Event, new_id
from controller.pages import rendering
from controller.pages.problem_page import answers_page, problem_response
from controller.pages.routes import PAGES
from controller.settings import Settings
from controller.sign_on.provider import FOR_PROGRAMS, WITH_FORMS, SignOn
from controller.storage.faults import StorageAway
from controller.storage.storage import Storage
from controller.wording import worded

MAX_BODY = 1024 * 1024
STRANGERS_REFUSALS_A_MINUTE = 10
"""So many refusals of one stranger's requests are recorded a minute: nobody fills the record from outside."""

_log = structlog.get_logger(__name__)

_KINDS: dict[int, Kind] = {404: "not-found", 405: "method", 413: "too-large"}

_FORMS_HERE = "form-action 'self'"

_HEADERS = {
    "Content-Security-Policy": f"default-src 'self'; frame-ancestors 'none'; {_FORMS_HERE}; base-uri 'none'; "
    "object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def application(
    settings: Settings,
    deeds: Deeds,
    storage: Storage,
    *,
    process: Process,
    services: Mapping[type[Any], Any] | None = None,
    passwords: Passwords | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
    routes: Sequence[Route] = ROUTES,
    pages: Sequence[Route] = PAGES,
    metrics_token: str | None = None,
    gateway: Gateway | None = None,
) -> web.Application:
    """Return the application; its `cleanup` ends what it began.

    `process`: the running controller, for health and metrics. `services`: what routes ask for by `Call.service(type)`;
    `process` is among them by its own type. `passwords`: with other costs, for tests. `sleep`: how to slow down guessing.
    `metrics_token`: good for `/metrics`, and for nothing else. `gateway`: answers what is below /gateway, by rules of its own.
    """
    keeper = passwords or Passwords()
    signing_in = (
        SigningIn(storage, deeds, keeper) if sleep is None else SigningIn(storage, deeds, keeper, sleep=sleep)
    )
    reader = MetricsReader(metrics_token)
    parts: dict[type[Any], Any] = {
        Own: Own(routes, process),
        MetricsReader: reader,
        type(process): process,
        **(services or {}),
    }
    dispatch = Dispatch(settings, deeds, storage, signing_in, parts, reader)
    rendering.prepare()
    app = web.Application(
        client_max_size=MAX_BODY, middlewares=[_boundary(dispatch, settings, deeds, storage, gateway)]
    )
    for route in (*routes, *pages):
        handler = dispatch.handler(route)
        app.router.add_route(route.method, route.path, handler, expect_handler=_expect)
        if route.method == "GET" and route.reply_media != "text/event-stream":
            app.router.add_route("HEAD", route.path, handler, expect_handler=_expect)
    app.on_response_prepare.append(_headers(settings, parts.get(SignOn)))

    async def close(_app: web.Application) -> None:
        keeper.close()

    app.on_cleanup.append(close)
    return app


def _boundary(
    dispatch: Dispatch, settings: Settings, deeds: Deeds, storage: Storage, gateway: Gateway | None
) -> Any:
    """Return the middleware that gives every request its id and every error its answer."""
    strangers = Rates(lambda: deeds.now, STRANGERS_REFUSALS_A_MINUTE)

    async def record(request: web.Request, problem: Problem) -> None:
        """Put a refusal into the record; an answer is given whether that works or not."""
        asker = request.get(ASKER)
        visit = dispatch.visit(request)
        if asker is None:
            try:
                strangers.count(network_of(visit.address))
            except Problem:
                return
        route = request.get(ROUTE)
        event = Event(
            id=new_id("evt"),
            at=deeds.now,
            category="auth",
            kind="auth.refused",
            actor=SYSTEM if asker is None else asker.actor,
            params={
                "type": problem.kind,
                "method": request.method,
                "path": None if route is None else route.path,
                "detail": problem.detail,
            },
            outcome="refused",
            request_id=visit.request_id,
            address=visit.address,
        )
        try:
            await storage.events.add(event)
        except StorageAway as error:
            _log.warning("refusal not recorded", reason=str(error))

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = request[REQUEST_ID] = str(ULID())
        for_gateway = gateway is not None and gateway.is_asked(request)
        try:
            if gateway is not None and for_gateway:
                return await gateway.answer(request)
            if request.path not in FOR_PROGRAMS and not dispatch.metrics_reader.is_asking(request):
                dispatch.gate.check_host(request.host)
            return await handler(request)
        except web.HTTPException as error:
            problem = _translated(error, request)
        except ConnectionError:
            raise
        except web.RequestPayloadError:
            problem = Problem(
                "malformed", worded("the body cannot be read: its coding or its chunks are wrong")
            )
        except Exception as error:  # noqa: BLE001  # the edge: whatever is wrong becomes an answer, and stands in the log
            known = problem_of(error)
            if known is None:
                _log.error("request failed", request_id=request_id, **_where(request, error))
                known = Problem("internal", worded("this is a mistake of the controller; its log says more"))
            elif isinstance(error, StorageAway):
                _log.warning("database away", reason=str(error), request_id=request_id)
            problem = known
        if (
            request.writer.output_size > 0
        ):  # half an answer has left: a second one into it would be read as its rest
            _log.warning("answer broken off", request_id=request_id, reason=problem.detail)
            raise ConnectionError("half an answer has left")
        if gateway is not None and for_gateway:
            return gateway.refusal(problem)
        if problem.status == 401:
            problem.headers.setdefault(hdrs.WWW_AUTHENTICATE, 'Bearer realm="hashyard"')
        if problem.status == 403:
            await record(request, problem)
        route, asker = request.get(ROUTE), request.get(ASKER)
        if answers_page(request, route):
            if route is None:
                asker = await dispatch.known(request)
            return await problem_response(problem, request, settings, asker, request_id)
        return problem.response(request.path, request_id)

    return middleware


async def _expect(request: web.Request) -> None:
    """Ask for the body where that is waited for; what else may be expected is not looked at (RFC 9110 10.1.1)."""
    if request.headers.get(hdrs.EXPECT, "").strip().lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def _where(request: web.Request, error: Exception) -> dict[str, Any]:
    """Return where a mistake of ours lies: its type and the lines on the way there.

    Neither its words nor the variables there, as a traceback would show them: either may hold a password or a token.
    """
    route = request.get(ROUTE)
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "method": request.method,
        "path": None if route is None else route.path,
        "error": type(error).__name__,
        "lines": [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _headers(
    settings: Settings, sign_on: SignOn | None
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    fixed = dict(_HEADERS)
    policy = fixed["Content-Security-Policy"]
    to_grafana = (
        policy if sign_on is None else policy.replace(_FORMS_HERE, f"{_FORMS_HERE} {sign_on.client.origin}")
    )
    if settings.tls:
        fixed["Strict-Transport-Security"] = "max-age=31536000"

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        if request.path in WITH_FORMS:
            response.headers.setdefault("Content-Security-Policy", to_grafana)
        for name, value in fixed.items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = request.get(REQUEST_ID, "")
        response.headers[hdrs.SERVER] = "Hashyard"

    return prepare


def _translated(error: web.HTTPException, request: web.Request) -> Problem:
    kind = _KINDS.get(error.status, "malformed")
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem(
            kind,
            worded("%(method)s is not possible here; %(allowed)s is", method=request.method, allowed=allowed),
            headers={"Allow": allowed},
        )
    if error.status == 404:
        return Problem(kind, worded("there is no such path; /api lists those that there are"))
    if error.status == 413:
        return Problem(kind, worded("the body is larger than 1 MiB"))
    return Problem(kind, worded("the request cannot be understood"))
