"""The page of all that fires in the fleet: each alert with the containers and miners it concerns, and what to do first.

The page of the fleet counts alerts by name; here stands who is meant, and where he stands.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from controller.api.route import EVERYBODY, Answer, Call, Route
from controller.deeds import MinerView
from controller.history import FiringAlert
from controller.pages.alert_words import alert_words, severity_words
from controller.pages.alerts_soon import LONG_S, alerts_soon
from controller.pages.container_alerts import gravity, runbook_path
from controller.pages.container_page import place_name
from controller.pages.fleet_alerts import ALWAYS_FIRING
from controller.pages.frame import HTML, page, words_of
from controller.pages.page_paths import alerts_path, container_path, miner_path
from controller.pages.zones import reading_zone
from miners.inventory.fleet import Container

SOME: Final = 12
"""As many of an alert's places stand on the page of all alerts."""

MOST: Final = 500
"""As many stand on the page of one alert; the others are counted."""


class AlertsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which alerts, by the name of their rule; all of them without it."""

    name: str = ""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The page of a container or a miner; `turn`: of its container in the inventory; `stands`: row and column, such as "A6"."""

    turn: int
    path: str
    stands: str = ""


Places = dict[tuple[str, str], Place]
"""By the names of container and miner, "" for the container itself."""


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """One alert: whom it concerns. `container` and `miner`: (path, name), None where there is none; a path of "" leads nowhere.

    `stands`: row and column, such as "A6"; "" where that is not known. `summary`: of the rule.
    """

    container: tuple[str, str] | None
    miner: tuple[str, str] | None
    stands: str
    since: datetime | None
    summary: str


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """The alerts of one name. `wheres`: some of them; `more`: so many besides. `runbook`: a path of ours, or a whole address."""

    name: str
    severity: str
    number: int
    runbook: str | None
    wheres: Sequence[Where]
    more: int


async def get_alerts(call: Call[None, AlertsQuery]) -> Answer:
    """Answer the page: waiting for Prometheus as long as it takes, since there is nothing else to show."""
    words, zone = words_of(call), reading_zone(call)
    known = await alerts_soon(call, words, within_s=LONG_S)
    wanted = call.query.name
    fires = [
        alert
        for alert in known.found or ()
        if alert.state == "firing" and alert.name != ALWAYS_FIRING and wanted in ("", alert.name)
    ]
    named = {alert.labels.get("container") for alert in fires}
    containers = [container for container in call.containers() if container.name in named]
    places = places_of(containers, {container.id: call.deeds.views(container.id) for container in containers})
    return page(
        call,
        "fleet_alerts",
        section="/",
        crumbs=[("/", words.gettext("Fleet"))] + ([("/alerts", words.gettext("Alerts"))] if wanted else []),
        known=known,
        kinds=kinds_of(fires, places, MOST if wanted else SOME),
        wanted=wanted,
        path_of=alerts_path,
        alert_words=lambda name: alert_words(name, words),
        severity_words=lambda severity: severity_words(severity, words),
        clock=lambda moment: words.formats.clock(moment, call.now, zone),
        made_at=call.now,
        zone=words.formats.zone_words(call.now, zone),
    )


def places_of(containers: Sequence[Container], views: Mapping[str, Sequence[MinerView]]) -> Places:
    """Return where containers and their miners are to be found, by their names. `views`: of the miners, by the container's id."""
    places: Places = {}
    for turn, container in enumerate(containers):
        places[container.name, ""] = Place(turn=turn, path=container_path(container.id))
        for view in views[container.id]:
            row, column = view.miner.row, view.miner.column
            stands = "" if row is None or column is None else place_name(row, column)
            places[container.name, view.miner.name] = Place(
                turn=turn, path=miner_path(view.id), stands=stands
            )
    return places


def kinds_of(alerts: Sequence[FiringAlert], places: Places, most: int) -> list[Kind]:
    """Return these alerts by their names, the gravest first.

    `most`: so many of a name stand there, in the order of the inventory, those of no container of ours first.
    """
    by_name: dict[str, list[FiringAlert]] = {}
    for alert in alerts:
        by_name.setdefault(alert.name, []).append(alert)
    kinds = [_kind(name, found, places, most) for name, found in by_name.items()]
    return sorted(kinds, key=lambda kind: (gravity(kind.severity), -kind.number, kind.name))


def _kind(name: str, alerts: Sequence[FiringAlert], places: Places, most: int) -> Kind:
    ordered = sorted(alerts, key=lambda alert: _turn(alert, places))
    gravest = min(alerts, key=lambda alert: gravity(alert.labels.get("severity", "")))
    return Kind(
        name=name,
        severity=gravest.labels.get("severity", ""),
        number=len(ordered),
        runbook=runbook_path(gravest.annotations.get("runbook_url", "")),
        wheres=[_where(alert, places) for alert in ordered[:most]],
        more=max(0, len(ordered) - most),
    )


def _turn(alert: FiringAlert, places: Places) -> tuple[int, str, str]:
    container, miner = alert.labels.get("container", ""), alert.labels.get("miner", "")
    place = places.get((container, ""))
    return -1 if place is None else place.turn, container, miner


def _where(alert: FiringAlert, places: Places) -> Where:
    container, miner = alert.labels.get("container"), alert.labels.get("miner")
    of_container = places.get((container or "", ""))
    of_miner = None if miner is None else places.get((container or "", miner))
    return Where(
        container=None
        if container is None
        else ("" if of_container is None else of_container.path, container),
        miner=None if miner is None else ("" if of_miner is None else of_miner.path, miner),
        stands="" if of_miner is None else of_miner.stands,
        since=alert.active_at,
        summary=alert.annotations.get("summary", ""),
    )


ROUTES: tuple[Route, ...] = (
    Route(
        method="GET",
        path="/alerts",
        roles=EVERYBODY,
        scopes=("read",),
        query=AlertsQuery,
        summary="What fires in the fleet, and where",
        handler=get_alerts,
        reply_media=HTML,
        page=True,
    ),
)
