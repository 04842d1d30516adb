"""The routes of a container's page: the page, the parts that it fetches behind its first byte, and what is chosen on its map."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from aiohttp import hdrs

from controller.api.control_shapes import holds_seen
from controller.api.figures import shown_miner
from controller.api.forms import FORM, fields_of
from controller.api.problems import Problem
from controller.api.record_routes import container_events
from controller.api.route import ADMINISTRATORS, EVERYBODY, Answer, Call, Handler, NoQuery, Route
from controller.api.timeline_routes import timeline_of
from controller.pages.alert_words import alert_words, severity_words
from controller.pages.alerts_soon import LONG_S, SOON_S, Alerts, alerts_soon
from controller.pages.chart_routes import PART
from controller.pages.container_alerts import AlertGroup, grouped
from controller.pages.container_live import (
    BY_NEED,
    CELL,
    LISTED,
    TABLE,
    ContainerQuery,
    clock_of,
    gathered,
)
from controller.pages.container_page import chosen_words, miners_link, row_name
from controller.pages.deed_links import deed_link
from controller.pages.event_words import outcome_words, said
from controller.pages.frame import HTML, page, words_of
from controller.pages.grid_ramps import COLOURS, sample
from controller.pages.miner_columns import COLUMNS
from controller.pages.page_paths import container_path
from controller.pages.rendering import rendered
from controller.pages.timeline_picture import timeline_picture
from controller.pages.trouble import is_words
from controller.pages.zones import reading_zone, zone_of
from controller.wording import worded

EVENTS: Final = 8
EVENT_KINDS: Final = (
    "operation.started", "operation.cancelled", "operation.ended", "override.created", "override.changed",
    "override.ended", "override.lapsed", "hold.begun", "hold.ended", "interlock.begun", "interlock.ended",
    "schedule.period_begun", "container.created", "container.changed", "service.begun", "service.ended",
)  # fmt: skip
"""What is told of a container as a whole: each miner's own part in it stands on the miner's page."""

COMMANDS: Final = ("curtail", "wake", "profile", "reboot", "locate", "poll")
"""What can be done with chosen miners."""


class CardQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Of which miner."""

    miner: str


async def get_container(call: Call[None, ContainerQuery]) -> Answer:
    """Answer the page of a container."""
    words, query = words_of(call), call.query
    found = _container(call)
    clock = clock_of(call, found, words)
    shown, (alerts, known), events = await asyncio.gather(
        gathered(call, found, query),
        _alerts(call, within_s=SOON_S),
        container_events(call, found.id, EVENT_KINDS, EVENTS),
    )
    of = query.address(found.id).removeprefix("/containers/")
    targets = {name: one.target_percent for name, one in call.deeds.inventory.profiles.items()}
    here = query.address(found.id)
    return page(
        call,
        "container",
        section="/",
        crumbs=[("/", words.gettext("Fleet"))],
        live=shown.live,
        live_page=f"container:{of}",
        container=shown.container,
        shown=shown,
        query=query,
        here=here,
        cell=CELL,
        row_name=row_name,
        listed=LISTED,
        columns=TABLE,
        heads={name: COLUMNS[name] for name in TABLE},
        by_need=BY_NEED,
        colours=COLOURS,
        sample=sample,
        strip=timeline_picture(timeline_of(call, found, None, 1), targets=targets, words=words, now=call.now),
        alerts=alerts,
        known=known,
        alert_words=lambda name: alert_words(name, words),
        severity_words=lambda severity: severity_words(severity, words),
        events=events,
        said=lambda event: said(event, words, clock),
        outcome=lambda event: outcome_words(event.outcome, words),
        held=[hold for hold in holds_seen(call) if hold.container in (None, found.id)],
        commands=_commands(call),
        kinds=COMMANDS,
        deed=lambda kind, **more: deed_link(kind, back=here, **more),
        miners_link=miners_link,
        clock=clock,
        is_words=lambda view: is_words(view, words, clock),
        zone=words.formats.zone_words(call.now, zone_of(found.timezone)),
        read_in=words.formats.zone_words(call.now, reading_zone(call, found)),
    )


async def get_alerts(call: Call[None, NoQuery]) -> Answer:
    """Answer the firing alerts of a container as a part of its page, or, without scripts, as a page of their own."""
    words = words_of(call)
    found = _container(call)
    alerts, known = await _alerts(call, within_s=LONG_S)
    values: dict[str, Any] = {
        "container": found,
        "alerts": alerts,
        "known": known,
        "clock": clock_of(call, found, words),
        "alert_words": lambda name: alert_words(name, words),
        "severity_words": lambda severity: severity_words(severity, words),
    }
    if PART in call.request.headers:
        return _part(call, rendered("container_alerts", words, **values))
    crumbs = [("/", words.gettext("Fleet")), (container_path(found.id), found.name)]
    return page(call, "container_alerts_page", section="/", crumbs=crumbs, **values)


async def get_card(call: Call[None, CardQuery]) -> Answer:
    """Answer one miner of a container in a few lines, as a part of the page. Raises Problem: 404."""
    found, words = _container(call), words_of(call)
    view = call.miner(call.query.miner)
    if view.container.id != found.id:
        raise Problem("not-found", worded("there is no such miner"))
    clock = clock_of(call, found, words)
    miner = shown_miner(view, call.now, editable=False, private=call.person.role == "client")
    values = {
        "miner": miner,
        "view": view,
        "told": is_words(view, words, clock),
        "clock": clock,
        "actions": call.deeds.actions_of(view.id) if _commands(call) else (),
        "commands": _commands(call),
        "deed": lambda kind: deed_link(kind, miners=(view.id,), back=container_path(found.id)),
    }
    return _part(call, rendered("container_card", words, **values))


async def post_chosen(call: Call[bytes, NoQuery]) -> Answer:
    """Answer how many miners a form names, and what they draw. Nothing is changed: it is posted since it may be long."""
    found = _container(call)
    wanted = set(fields_of(call.body).getall("miner", []))
    views = [view for view in call.deeds.views(found.id) if view.id in wanted]
    return _part(call, chosen_words(views, words_of(call)), "text/plain; charset=utf-8")


def _container(call: Call[Any, Any]) -> Any:
    return call.container(call.path["id"])


def _commands(call: Call[Any, Any]) -> bool:
    """Return whether the person may command this container's miners, and the container lets itself be commanded."""
    return call.person.role == "administrator" and bool(_container(call).control == "enforce")


async def _alerts(call: Call[Any, Any], *, within_s: float) -> tuple[Sequence[AlertGroup], Alerts]:
    """Return what fires in the container, and whether that is known."""
    found, words = _container(call), words_of(call)
    alerts = await alerts_soon(call, words, within_s=within_s)
    ids = {view.miner.name: view.id for view in call.deeds.views(found.id)}
    return grouped(alerts.found or (), found.name, ids), alerts


def _part(call: Call[Any, Any], text: str, media: str = HTML) -> Answer:
    headers = {hdrs.CONTENT_TYPE: media, hdrs.VARY: f"Accept-Language, Cookie, {PART}", PART: call.route.path}
    return Answer(body=text, headers=headers)


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
    _route(
        "/containers/{id}",
        "Which miners of a container need hands, and what runs",
        get_container,
        ContainerQuery,
    ),
    _route("/containers/{id}/alerts", "What fires in a container", get_alerts),
    _route("/containers/{id}/card", "One miner of a container in a few lines", get_card, CardQuery),
    Route(
        method="POST",
        path="/containers/{id}/chosen",
        roles=ADMINISTRATORS,
        scopes=("read",),
        body=bytes,
        body_media=(FORM,),
        summary="What miners chosen on the map draw",
        handler=post_chosen,
        reply_media="text/plain; charset=utf-8",
        page=True,
    ),
)
