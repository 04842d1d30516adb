"""The routes about Hashyard itself: health, metrics, the document of the API, and pages about problems."""

from collections.abc import AsyncIterator, Sequence
from functools import cached_property
from typing import Any, Protocol

from aiohttp import hdrs, web

from controller.api import document_page
from controller.api.metrics_reader import MetricsReader
from controller.api.openapi import document_json
from controller.api.piecewise import sent_in_pieces
from controller.api.problems import KINDS, Problem
from controller.api.route import ANYBODY, Answer, Call, NoQuery, Route
from controller.metrics_page import content_type, wants_openmetrics
from controller.settings import is_loopback

_OF_PROXIES = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"


class Process(Protocol):
    """The running controller, as far as these routes ask it."""

    def ready(self) -> tuple[bool, str]:
        """Return whether it does its work yet, and a line on it."""
        ...

    def metrics(self, *, openmetrics: bool) -> AsyncIterator[bytes] | None:
        """Return the text of its series in pieces; None when there are none yet."""
        ...


class Own:
    """What these routes answer from."""

    def __init__(self, routes: Sequence[Route], process: Process) -> None:
        """`routes`: all of the application."""
        self.routes = routes
        self.process = process

    @cached_property
    def document(self) -> bytes:
        """The OpenAPI document."""
        return document_json(self.routes)

    @cached_property
    def page(self) -> str:
        """The document for people."""
        return document_page.page(self.routes)


async def get_healthy(_call: Call[None, NoQuery]) -> Answer:
    """Answer that the process runs."""
    return Answer(body="healthy\n")


async def get_ready(call: Call[None, NoQuery]) -> Answer:
    """Answer whether the controller does its work."""
    ready, words = call.service(Own).process.ready()
    if not ready:
        raise Problem("starting", words, headers={"Retry-After": "1"})
    return Answer(body=words + "\n")


async def get_metrics(call: Call[None, NoQuery]) -> web.StreamResponse:
    """Answer the controller's own series: to this machine, to --metrics-token-file, to tokens with the scope read."""
    if not _is_local(call) and not call.service(MetricsReader).is_asking(call.request):
        person = call.person
        if person.role == "client" or person.lacks("read") or _is_narrow(call):
            raise Problem("not-allowed", "this needs a token with the scope read, for all containers")
    openmetrics = wants_openmetrics(call.request.headers.get(hdrs.ACCEPT, ""))
    pieces = call.service(Own).process.metrics(openmetrics=openmetrics)
    if pieces is None:
        raise Problem("starting", "there are no metrics yet", headers={"Retry-After": "1"})
    headers: dict[str, str] = {hdrs.CONTENT_TYPE: content_type(openmetrics=openmetrics)}
    return await sent_in_pieces(call.request, headers, pieces)


async def get_document(call: Call[None, NoQuery]) -> Answer:
    """Answer the OpenAPI document."""
    document = call.service(Own).document
    return Answer(body=document, headers={"Content-Type": "application/json"})


async def get_page(call: Call[None, NoQuery]) -> Answer:
    """Answer the document as a page."""
    return Answer(body=call.service(Own).page)


async def get_problem(call: Call[None, NoQuery]) -> Answer:
    """Answer what a type of problem means."""
    for kind, about in KINDS.items():
        if kind == call.path["type"]:
            return Answer(body=document_page.problem_page(kind, about))
    raise Problem("not-found", "there is no such type of problem")


def _is_local(call: Call[Any, Any]) -> bool:
    """Return whether this machine itself asks. What a proxy here passes on comes from somewhere else."""
    forwarded = any(name in call.request.headers for name in _OF_PROXIES)
    return is_loopback(call.address) and not (forwarded and call.address == call.request.remote)


def _is_narrow(call: Call[Any, Any]) -> bool:
    token = call.person.token
    return token is not None and (bool(token.containers) or token.miner is not None)


def _route(path: str, summary: str, handler: Any, media: str, **more: Any) -> Route:
    return Route(
        method="GET",
        path=path,
        roles=ANYBODY,
        scopes=(),
        summary=summary,
        handler=handler,
        reply=str,
        reply_media=media,
        tags=("Hashyard itself",),
        **more,
    )


ROUTES: tuple[Route, ...] = (
    _route("/-/healthy", "Whether the process runs", get_healthy, TEXT),
    _route("/-/ready", "Whether the controller does its work", get_ready, TEXT, problems=("starting",)),
    _route(
        "/metrics",
        "The controller's own series, for Prometheus",
        get_metrics,
        content_type(openmetrics=False),
        problems=("sign-in-needed", "not-allowed", "starting"),
        description="Open to this machine; from others it needs the token of --metrics-token-file, or one with the scope "
        "read, of an administrator or accountant and not narrowed to containers.",
    ),
    _route("/api/openapi.json", "This document", get_document, "application/json; charset=utf-8"),
    _route("/api", "This document as a page", get_page, HTML),
    _route("/problems/{type}", "What a type of problem means", get_problem, HTML, problems=("not-found",)),
)
