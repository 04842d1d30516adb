"""The routes of a miner's page: by its id, and by the names that dashboards and alerts know; its alerts as a part of it."""

from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode

import msgspec
from aiohttp import hdrs, web

from controller.api import fleet_routes
from controller.api.control_shapes import holds_seen, running_in
from controller.api.figures import shown_miner
from controller.api.problems import Problem
from controller.api.route import EVERYBODY, Answer, Call, Handler, NoQuery, Route
from controller.api.shapes import Miner, MinerDetail
from controller.deeds import MinerView
from controller.model import Result
from controller.pages import formats
from controller.pages.alert_words import alert_words, severity_words
from controller.pages.alerts_soon import LONG_S, SOON_S, alerts_soon
from controller.pages.chart_routes import PART, ChartQuery
from controller.pages.container_page import place_name
from controller.pages.deed_links import deed_link
from controller.pages.event_words import actor_words, said
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.miner_boards import board_rows, pool_rows
from controller.pages.miner_deeds import offers_of
from controller.pages.miner_live import miner_state
from controller.pages.miner_page import concerning, shown
from controller.pages.page_paths import container_path, miner_path
from controller.pages.page_route import led
from controller.pages.rendering import rendered
from controller.pages.zones import reading_zone
from controller.wording import worded

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]

_LOG_SHOWN: Final = 12


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
                    return led(miner_path(view.id))
            raise Problem(
                "not-found",
                worded(
                    "there is no miner of the name %(name)s in this container", name=formats.plain(wanted)
                ),
            )
    raise Problem("not-found", worded("there is no such container"))


async def get_miner(call: Call[None, ChartQuery]) -> Answer:
    """Answer the page of a miner. The query is that of the chart on it."""
    view = call.miner(call.path["id"])
    detail = await fleet_routes.miner_detail(call, view)
    words = words_of(call)
    clock, ago = _times(call, view, words)
    miner = shown(detail, _last(call, view), view.container.name)
    path = miner_path(view.id)
    history = urlencode({"metric": call.query.metric, "hours": call.query.hours})
    return page(
        call,
        "miner",
        section="/miners",
        crumbs=[
            ("/", words.gettext("Fleet")),
            (container_path(view.container.id), view.container.name),
        ],
        live=miner_state(miner, view, words, clock=clock, ago=ago),
        live_page=f"miner:{view.id}",
        miner=miner,
        container=view.container,
        place_name=place_name,
        named_driver=view.miner.driver is not None,
        boards=board_rows(miner.reading),
        pools=range(pool_rows(miner.reading)),
        offers=offers_of(view, detail, words) if call.person.role == "administrator" else None,
        override_links=_override_links(call, detail, path),
        running=_running(call, view),
        held=[hold for hold in holds_seen(call) if hold.container in (None, view.container.id)],
        events=[
            (event, said(event, words, clock), actor_words(event.actor, words))
            for event in detail.recent_events[:_LOG_SHOWN]
        ],
        log=f"/log?{urlencode({'miner': view.id})}",
        chart=f"/charts/miner/{quote(view.id)}?{history}",
        zone=words.formats.zone_words(call.now, reading_zone(call, view.container)),
        path=path,
        clock=clock,
        ago=ago,
        **await _alerts(call, view, words, within_s=SOON_S),
    )


async def get_miner_alerts(call: Call[None, NoQuery]) -> Answer:
    """Answer the firing alerts of a miner: as a part, or in a page of their own."""
    view = call.miner(call.path["id"])
    words = words_of(call)
    clock, _ = _times(call, view, words)
    values = await _alerts(call, view, words, within_s=LONG_S) | {"clock": clock}
    vary: dict[str, str] = {hdrs.VARY: f"Accept-Language, Cookie, {PART}"}
    if PART in call.request.headers:
        headers = {**vary, str(hdrs.CONTENT_TYPE): HTML, PART: "alerts"}
        return Answer(body=rendered("alerts_part", words, **values), headers=headers)
    name = view.miner.name
    above = [("/", words.gettext("Fleet")), (miner_path(view.id), name)]
    found = page(call, "alerts_page", section="/miners", crumbs=above, name=name, **values)
    return replace(found, headers={**found.headers, **vary})


async def live_miner(call: Call[Any, Any], of: str) -> LiveState:
    """Return the places of a miner's page as they are now. Raises Problem: 404."""
    view = call.miner(of)
    detail = await fleet_routes.miner_detail(call, view)
    clock, ago = _times(call, view, words := words_of(call))
    miner = shown(detail, _last(call, view), view.container.name)
    return miner_state(miner, view, words, clock=clock, ago=ago)


def _times(call: Call[Any, Any], view: MinerView, words: Words) -> tuple[Any, Any]:
    """Return what writes a moment, and how long ago one was, for this miner's page."""
    zone, written = reading_zone(call, view.container), words.formats
    return (
        lambda moment: written.clock(moment, call.now, zone),
        lambda moment: written.duration((call.now - moment).total_seconds()),
    )


async def _alerts(call: Call[Any, Any], view: MinerView, words: Words, *, within_s: float) -> dict[str, Any]:
    """Return what a template shows of the alerts of a miner and its container."""
    alerts = await alerts_soon(call, words, within_s=within_s)
    found = None if alerts.found is None else concerning(alerts.found, view.container.name, view.miner.name)
    return {
        "alerts": found,
        "why_no_alerts": alerts.why,
        "alerts_late": alerts.late,
        "alert_words": lambda name: alert_words(name, words),
        "severity_words": lambda severity: severity_words(severity, words),
    }


def _last(call: Call[Any, Any], view: MinerView) -> Miner | None:
    """Return the figures of the last good reading, for those who are given it."""
    if call.person.role == "client" or view.last_snapshot is None:
        return None
    return shown_miner(
        msgspec.structs.replace(view, reading=view.last_snapshot), call.now, editable=False, private=False
    )


def _running(call: Call[Any, Any], view: MinerView) -> tuple[str, Result] | None:
    """Return the operation that is under way on the miner, and how far it is with it."""
    operation_id = running_in(call, view.container.id)
    operation = None if operation_id is None else call.deeds.operation(operation_id)
    if operation is None or operation.ended_at is not None:
        return None
    results = call.deeds.results_in(operation.id, view.container.id)
    own = next((result for result in results if result.miner == view.id), None)
    return None if own is None else (operation.id, own)


def _override_links(call: Call[Any, Any], detail: MinerDetail, back: str) -> tuple[str, str] | None:
    """Return where the override that holds can be changed and ended, for those who may."""
    if detail.override is None or call.person.role != "administrator":
        return None
    held = detail.override.id
    return (
        deed_link("change-override", override=held, back=back),
        deed_link("end-override", override=held, back=back),
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
    _route("/miners/{id}", "What is wrong with a miner, and what was done to it", get_miner, ChartQuery),
    _route("/miners/{id}/alerts", "What fires for a miner", get_miner_alerts),
)
