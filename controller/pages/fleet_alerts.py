"""The firing alerts as the page of the fleet lists them: those of one name together, the grave ones first.

They come from Prometheus, which may be slow: a page waits for it a moment, and then takes what was said last, while that is
not too old to be of now.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from controller.api.route import Call
from controller.api.stats_routes import alerts_seen, own_alerts
from controller.history import FiringAlert, History, HistoryAway
from controller.pages.alert_words import alert_words
from controller.pages.container_alerts import gravity
from controller.pages.formats import plain
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.page_paths import alerts_path, container_path
from miners.inventory.fleet import Container

MOST: Final = 6
"""So many names of alerts have a line."""

WAIT_S: Final = 0.04
LATE_S: Final = 120.0
"""Alerts that were heard of longer ago than this are not shown as what fires."""

ALWAYS_FIRING: Final = "Watchdog"
"""It fires as long as alerts work, which is no news."""


class AlertLine(msgspec.Struct, frozen=True, kw_only=True):
    """The firing alerts of one name. `place`: where it fires, where that is one place; `path`: where to look."""

    name: str
    severity: str
    number: int
    place: str
    path: str


def alerts_judged(call: Call[Any, Any]) -> bool:
    """Return whether there is a Prometheus, which keeps the history and judges what fires."""
    history = call.services.get(History)
    return history is not None and history.configured


async def alerts_soon(call: Call[Any, Any]) -> list[FiringAlert] | None:
    """Return the alerts that one may see; None where they are not known now, or nobody judges them."""
    if not alerts_judged(call):
        return None
    history = call.service(History)
    try:
        async with asyncio.timeout(WAIT_S):
            return await alerts_seen(call)
    except (HistoryAway, TimeoutError):
        last = history.alerts_lately()
        return own_alerts(call, last[0]) if last is not None and last[1] < LATE_S else None


def alert_lines(alerts: Sequence[FiringAlert], containers: Sequence[Container]) -> list[AlertLine]:
    """Return a line for each name of a firing alert, the gravest first, then those that fire in most places."""
    by_name: dict[str, list[FiringAlert]] = {}
    for alert in alerts:
        if alert.state == "firing" and alert.name != ALWAYS_FIRING:
            by_name.setdefault(alert.name, []).append(alert)
    ids = {container.name: container.id for container in containers}
    lines = [_line(name, found, ids) for name, found in by_name.items()]
    return sorted(lines, key=lambda line: (gravity(line.severity), -line.number, line.name))


def alerts_state(lines: Sequence[AlertLine], words: Words) -> LiveState:
    """Return the places of the alerts: there are MOST of them, and one that says how many more there are."""
    texts, hidden, links, states = {}, {}, {}, {}
    for at in range(MOST):
        key = f"f.alert.{at}"
        line = lines[at] if at < len(lines) else None
        texts[key] = "" if line is None else _words(line, words)
        hidden[key] = line is None
        links[key] = alerts_path() if line is None else line.path
        states[key] = "" if line is None else line.severity
    more = max(0, len(lines) - MOST)
    texts["f.alert.more"] = words.ngettext("%(num)s more kind of alert", "%(num)s more kinds of alerts", more)
    hidden["f.alert.more"] = not more
    return LiveState(texts=texts, hidden=hidden, links=links, states=states)


def _words(line: AlertLine, words: Words) -> str:
    name = plain(alert_words(line.name, words))
    if line.number > 1:
        return words.ngettext("%(alert)s: %(num)s time", "%(alert)s: %(num)s times", line.number, alert=name)
    return words.gettext("%(alert)s: %(place)s", alert=name, place=plain(line.place)) if line.place else name


def _line(name: str, alerts: Sequence[FiringAlert], ids: dict[str, str]) -> AlertLine:
    places = {alert.labels.get("container") for alert in alerts}
    severity = min((alert.labels.get("severity", "") for alert in alerts), key=gravity)
    place, path = "", alerts_path(name)
    container = places.pop() if len(places) == 1 else None
    if len(alerts) == 1 and container is not None and container in ids:
        place, path = container, container_path(ids[container])
        miner = alerts[0].labels.get("miner")
        if miner is not None:
            place = f"{container}, {miner}"
            path = f"/miners/by-name?{urlencode({'container': container, 'miner': miner})}"
    return AlertLine(name=name, severity=severity, number=len(alerts), place=place, path=path)
