"""The routes of the runbooks. Nobody signs in for them: they are read beside a container, on a phone, in a hurry."""

import asyncio
from collections.abc import Mapping
from functools import cache

from controller.api.route import ANYBODY, Answer, Call, Handler, NoQuery, Route
from controller.pages import runbooks
from controller.pages.alert_words import ALERTS
from controller.pages.frame import HTML, page
from controller.pages.runbooks import Runbook


async def get_runbooks(call: Call[None, NoQuery]) -> Answer:
    """Answer the list of all runbooks."""
    found = await asyncio.to_thread(_all)
    return _list(call, found)


async def get_runbook(call: Call[None, NoQuery]) -> Answer:
    """Answer one runbook; for an alert that has none, 404 with those that there are."""
    found = await asyncio.to_thread(_all)
    alert = call.path["alert"]
    if alert not in found:
        return _list(call, found, unknown=alert)
    return page(call, "runbook", runbook=found[alert], phrase=ALERTS.get(alert))


def _list(call: Call[None, NoQuery], found: Mapping[str, Runbook], unknown: str | None = None) -> Answer:
    return page(
        call,
        "runbooks",
        status=404 if unknown is not None else None,
        groups=list(runbooks.grouped(found)),
        unknown=unknown,
        phrases=ALERTS,
    )


@cache
def _all() -> dict[str, Runbook]:
    return runbooks.read(runbooks.folder())


def _route(path: str, summary: str, handler: Handler) -> Route:
    return Route(
        method="GET",
        path=path,
        roles=ANYBODY,
        scopes=(),
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
    )


ROUTES: tuple[Route, ...] = (
    _route("/runbooks", "What to do about each alert", get_runbooks),
    _route("/runbooks/{alert}", "What to do about one alert", get_runbook),
)
