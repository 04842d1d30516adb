"""The routes of charts: a metric over hours as a part that pages fetch behind their first byte, or as a page of its own.

A script that puts a part into a page says so in the header X-Part; whoever follows a link without scripts gets the same
chart in a page. Prometheus away is said in the chart's place, which keeps its size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import hdrs

from controller.api import stats_routes
from controller.api.problems import Problem
from controller.api.route import EVERYBODY, Answer, Call, Handler, Route
from controller.api.stats_routes import Metric, Series, Stats, StatsQuery
from controller.history import History
from controller.pages.chart import HEIGHT, WIDTH, charts, sparkline, together
from controller.pages.frame import HTML, page, words_of
from controller.pages.language import Words
from controller.pages.measures import HOURS, hours_words, measure, metric_titles
from controller.pages.page_paths import container_path, miner_path
from controller.pages.rendering import rendered
from controller.pages.zones import reading_zone

PART: Final = "X-Part"
POINTS: Final = 240
"""Of a line: more than a screen shows apart."""

SPARK: Final = (120.0, 24.0)
"""Width and height of a small line's drawing."""

_SPARK_POINTS: Final = 96
_OF_ONE: Final[tuple[Metric, ...]] = (
    "hashrate",
    "power",
    "chip_max",
    "inlet",
    "efficiency",
    "shares",
    "state",
)
_OF_MANY: Final[tuple[Metric, ...]] = (*_OF_ONE, "reachable")


class ChartQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which metric over how many hours. `choice`: whether the way to other metrics and hours stands with it."""

    metric: Metric = "hashrate"
    hours: Literal[1, 6, 24, 72, 168] = 24
    choice: bool = True


class SparklinesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which metric over how many hours, for each container."""

    metric: Literal["power", "hashrate", "chip_max"] = "power"
    hours: Literal[1, 6, 24, 72, 168] = 24


class Sparklines(msgspec.Struct, frozen=True, kw_only=True):
    """Small lines by the container's id: the `d` of a path in a drawing of SPARK, and the same in words."""

    paths: Mapping[str, str]
    texts: Mapping[str, str]


class _Away(msgspec.Struct, frozen=True):
    """That there is no history now. `why`: None where that is no business of the person's."""

    configured: bool
    since: datetime | None
    why: str | None


async def get_miner_chart(call: Call[None, ChartQuery]) -> Answer:
    """Answer the chart of a miner. Raises Problem: 404."""
    view = call.miner(call.path["id"])
    found = await _stats(call, stats_routes.get_miner_stats)
    above = [
        ("/", words_of(call).gettext("Fleet")),
        (container_path(view.container.id), view.container.name),
        (miner_path(view.id), view.miner.name),
    ]
    zone = reading_zone(call, view.container)
    return _answer(
        call, found, name=view.miner.name, crumbs=above, zone=zone, metrics=_OF_ONE, section="/miners"
    )


async def get_container_chart(call: Call[None, ChartQuery]) -> Answer:
    """Answer the chart of a container. Raises Problem: 404."""
    container = call.container(call.path["id"])
    found = await _stats(call, stats_routes.get_container_stats)
    above = [
        ("/", words_of(call).gettext("Fleet")),
        (container_path(container.id), container.name),
    ]
    zone = reading_zone(call, container)
    return _answer(call, found, name=container.name, crumbs=above, zone=zone, metrics=_OF_MANY, section="/")


async def get_fleet_chart(call: Call[None, ChartQuery]) -> Answer:
    """Answer the chart of all that one may see."""
    words = words_of(call)
    found = await _stats(call, stats_routes.get_overview_stats)
    above = [("/", words.gettext("Fleet"))]
    zone = reading_zone(call)
    name = words.gettext("Fleet")
    return _answer(call, found, name=name, crumbs=above, zone=zone, metrics=_OF_MANY, section="/")


async def get_sparklines(call: Call[None, SparklinesQuery]) -> Answer:
    """Answer a small line for each container that one may see, in one question; none where Prometheus is away."""
    stats = await _stats(call, stats_routes.get_containers_stats, points=_SPARK_POINTS)
    found = Sparklines(paths={}, texts={}) if isinstance(stats, _Away) else _sparklines(call, stats)
    return Answer(body=msgspec.json.encode(found))


def _sparklines(call: Call[None, SparklinesQuery], stats: Stats) -> Sparklines:
    words, metric = words_of(call), call.query.metric
    ids = {container.name: container.id for container in call.containers()}
    by_name: dict[str, list[Series]] = {}
    for series in stats.series:
        by_name.setdefault(series.labels.get("container", ""), []).append(series)
    paths, texts = {}, {}
    for name, found in by_name.items():
        points = together(found) if metric == "power" else max(found, key=_largest).points
        known = [value for _, value in points if value is not None]
        if name not in ids or not known:
            continue
        told = measure(metric, max(known), words)
        paths[ids[name]] = sparkline(points, *SPARK)
        texts[ids[name]] = words.gettext(
            "%(metric)s over %(time)s: lowest %(low)s, highest %(high)s, last %(last)s",
            metric=told.title,
            time=hours_words(words, call.query.hours),
            low=told.text(min(known)),
            high=told.text(max(known)),
            last=told.text(known[-1]),
        )
    return Sparklines(paths=paths, texts=texts)


def _largest(series: Series) -> float:
    return max((value for _, value in series.points if value is not None), default=-1.0)


async def _stats(call: Call[None, Any], handler: Handler, *, points: int = POINTS) -> Stats | _Away:
    """Return what the API's route gives for this query, or that there is no history now."""
    history = call.services.get(History)
    if history is None or not history.configured:
        return _Away(configured=False, since=None, why=None)
    query = StatsQuery(metric=call.query.metric, hours=float(call.query.hours), limit=points)
    try:
        found: Stats = await handler(replace(call, query=query))
    except Problem as problem:
        if problem.kind != "prometheus-away":
            raise
        # How Prometheus is set up is no business of a client's.
        why = None if call.person.role == "client" else problem.detail
        return _Away(configured=True, since=history.since, why=why)
    return found


def _answer(
    call: Call[None, ChartQuery],
    stats: Stats | _Away,
    *,
    name: str,
    crumbs: Sequence[tuple[str, str]],
    zone: ZoneInfo,
    metrics: Sequence[Metric],
    section: str,
) -> Answer:
    """Return the chart as a part, or in a page of its own."""
    words, query = words_of(call), call.query
    away = stats if isinstance(stats, _Away) else None
    values: dict[str, Any] = {
        "away": away,
        "charts": []
        if isinstance(stats, _Away)
        else _drawn(call, stats, words, zone, one=metrics == _OF_ONE),
        "title": metric_titles(words)[query.metric],
        "time": hours_words(words, query.hours),
        "metrics": _metrics(call, words, metrics) if query.choice else [],
        "times": _times(call, words) if query.choice else [],
        "clock": lambda moment: words.formats.clock(moment, call.now, zone),
        "zone": words.formats.zone_words(call.now, zone),
        "width": WIDTH,
        "height": HEIGHT,
    }
    vary = f"Accept-Language, Cookie, {PART}"
    if PART in call.request.headers:
        headers = {hdrs.CONTENT_TYPE: HTML, hdrs.VARY: vary, PART: "chart"}
        return Answer(body=rendered("chart_part", words, **values), headers=headers)
    found = page(
        call,
        "chart_page",
        status=200 if away is None else 503,
        section=section,
        crumbs=crumbs,
        name=name,
        **values,
    )
    return replace(found, headers={**found.headers, hdrs.VARY: vary})


def _drawn(
    call: Call[None, ChartQuery], stats: Stats, words: Words, zone: ZoneInfo, *, one: bool
) -> list[Any]:
    return list(charts(stats, call.query.metric, words, zone, call.now, one=one))


def _metrics(
    call: Call[None, ChartQuery], words: Words, metrics: Sequence[Metric]
) -> list[tuple[str, str, bool]]:
    """Return the way to each metric: (address, its name, whether it is this one)."""
    titles = metric_titles(words)
    return [
        (_address(call, metric, call.query.hours), titles[metric], metric == call.query.metric)
        for metric in metrics
    ]


def _times(call: Call[None, ChartQuery], words: Words) -> list[tuple[str, str, bool]]:
    return [
        (_address(call, call.query.metric, hours), hours_words(words, hours), hours == call.query.hours)
        for hours in HOURS
    ]


def _address(call: Call[None, ChartQuery], metric: Metric, hours: int) -> str:
    return f"{quote(call.request.path)}?{urlencode({'metric': metric, 'hours': hours})}"


def _route(
    path: str, summary: str, handler: Handler, query: type[msgspec.Struct] = ChartQuery, media: str = HTML
) -> Route:
    return Route(
        method="GET",
        path=path,
        roles=EVERYBODY,
        scopes=("read",),
        query=query,
        summary=summary,
        handler=handler,
        reply_media=media,
        page=True,
    )


ROUTES: tuple[Route, ...] = (
    _route("/charts/fleet", "A metric of all that I may see, drawn", get_fleet_chart),
    _route("/charts/container/{id}", "A metric of a container, drawn", get_container_chart),
    _route("/charts/miner/{id}", "A metric of a miner, drawn", get_miner_chart),
    _route(
        "/charts/sparklines",
        "A small line for each container",
        get_sparklines,
        SparklinesQuery,
        "application/json; charset=utf-8",
    ),
)
