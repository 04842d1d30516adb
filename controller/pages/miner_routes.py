"""The routes of a miner's page: by its id, and by the names that dashboards and alerts know."""

from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from controller.api import fleet_routes
from controller.api.control_shapes import holds_seen
from controller.api.figures import shown_miner
from controller.api.problems import Problem
from controller.api.route import EVERYBODY, Answer, Call, Handler, NoQuery, Route
from controller.api.shapes import Miner
from controller.api.stats_routes import alerts_seen
from controller.deeds import MinerView
from controller.history import HistoryAway
from controller.pages import formats
from controller.pages.event_words import outcome_words, said
from controller.pages.frame import HTML, page, words_of
from controller.pages.miner_page import ShownAlert, concerning, failure_of, shown, zone_of

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class ByName(msgspec.Struct, frozen=True, kw_only=True):
    """A miner by the names that stand in the labels of its series."""

    container: Name
    miner: Name


async def get_by_name(call: Call[None, ByName]) -> web.Response:
    """Lead to the page of a miner. Raises Problem: 404, also for somebody else's."""
    wanted = call.query.miner.strip()
    for container in call.containers():
        if container.name == call.query.container:
            for view in call.deeds.views(container.id):
                if view.miner.name == wanted:
                    return web.Response(status=303, headers={hdrs.LOCATION: f"/miners/{quote(view.id)}"})
            raise Problem(
                "not-found", f"there is no miner of the name {formats.plain(wanted)} in this container"
            )
    raise Problem("not-found", "there is no such container")


async def get_miner(call: Call[None, NoQuery]) -> Answer:
    """Answer the page of a miner."""
    view = call.miner(call.path["id"])
    detail = await fleet_routes.miner_detail(call, view)
    alerts, why_no_alerts = await _alerts(call, view)
    zone = zone_of(view.container.timezone)
    words = words_of(call)
    figures = words.formats
    return page(
        call,
        "miner",
        miner=shown(detail, _last(call, view), view.container.name),
        container=view.container,
        failure=failure_of(detail),
        alerts=alerts,
        why_no_alerts=why_no_alerts,
        held=[hold for hold in holds_seen(call) if hold.container in (None, view.container.id)],
        said=lambda event: said(event, words, lambda moment: figures.clock(moment, call.now, zone)),
        outcome_words=lambda outcome: outcome_words(outcome, words),
        clock=lambda moment: figures.clock(moment, call.now, zone),
        ago=lambda moment: figures.duration((call.now - moment).total_seconds()),
        zone=figures.zone_words(call.now, zone),
        here=call.request.path,
    )


async def _alerts(call: Call[Any, Any], view: MinerView) -> tuple[list[ShownAlert], str | None]:
    """Return the alerts of a miner, or why they are not known."""
    try:
        found = await alerts_seen(call)
    except HistoryAway as error:
        # How Prometheus is set up is no business of a client's.
        return [], "Prometheus does not answer" if call.person.role == "client" else str(error)
    return concerning(found, view.container.name, view.miner.name), None


def _last(call: Call[Any, Any], view: MinerView) -> Miner | None:
    """Return the figures of the last good reading, for those who are given it."""
    if call.person.role == "client" or view.last_snapshot is None:
        return None
    return shown_miner(
        msgspec.structs.replace(view, reading=view.last_snapshot), call.now, editable=False, private=False
    )


def _route(path: str, summary: str, handler: Handler, query: type[msgspec.Struct] = NoQuery) -> Route:
    return Route(
        method="GET",
        path=path,
        roles=EVERYBODY,
        scopes=("read",),
        query=query,
        summary=summary,
        handler=handler,
        reply_media=HTML,
        page=True,
    )


ROUTES: tuple[Route, ...] = (
    _route("/miners/by-name", "To the page of a miner by its names", get_by_name, ByName),
    _route("/miners/{id}", "What is wrong with a miner, and what was done to it", get_miner),
)
