"""The routes of history: one metric over hours, for a miner, a container, each container or all, and the alerts of now.

What a person may ask about is cut by matchers that are put into the query here; nothing of a request gets into PromQL but
names that the inventory knows, quoted.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from controller.api.links import whole_address
from controller.api.paging import page_of
from controller.api.problems import KINDS, Mistake, Problem
from controller.api.route import EVERYBODY, Call, Handler, ListQuery, Moment, Page, Route
from controller.history import FiringAlert, History, HistoryAway, Line, quoted
from controller.settings import Settings
from controller.wording import figure, text_of, worded
from miners.inventory.fleet import Container

_TAGS = ("history",)
SCRAPE_S = 30
HOUR_S = 3600.0
MOST_HOURS = 8760.0
PRIVATE_LABELS = frozenset(("instance", "job", "address", "driver", "mac"))

Metric: TypeAlias = Literal[
    "hashrate", "power", "chip_max", "inlet", "efficiency", "shares", "state", "reachable"
]


class Told(msgspec.Struct, frozen=True):
    """How a metric is asked for: of one miner, and over many. `{m}` stands for the matchers, `{w}` for a rate's window."""

    unit: str
    miner: str
    many: str


_BY_ALGORITHM = "* on (container, miner) group_left (algorithm) miner_info{{{m}}}"
METRICS: Mapping[Metric, Told] = {
    "hashrate": Told(
        "H/s",
        "miner_hashrate_hashes_per_second{{{m}}}",
        "sum by (algorithm{by}) (miner_hashrate_hashes_per_second{{{m}}} " + _BY_ALGORITHM + ")",
    ),
    "power": Told(
        "W", "sum by (source) (miner_power_watts{{{m}}})", "sum by (source{by}) (miner_power_watts{{{m}}})"
    ),
    "chip_max": Told(
        "°C",
        'miner_temperature_celsius{{{m},sensor="chip_max"}}',
        'max by (sensor{by}) (miner_temperature_celsius{{{m},sensor="chip_max"}})',
    ),
    "inlet": Told(
        "°C",
        'miner_temperature_celsius{{{m},sensor="inlet"}}',
        'max by (sensor{by}) (miner_temperature_celsius{{{m},sensor="inlet"}})',
    ),
    "efficiency": Told(
        "J/TH",
        'sum(miner_power_watts{{{m}}} and on (container, miner) miner_info{{{m},algorithm="SHA-256"}})'
        ' / (sum(miner_hashrate_hashes_per_second{{{m}}} and on (container, miner) miner_info{{{m},algorithm="SHA-256"}})'
        " > 0) * 1e12",
        "sum by (algorithm{by}) (miner_power_watts{{{m}}} "
        + _BY_ALGORITHM.replace("{{{m}}}", '{{{m},algorithm="SHA-256"}}')
        + ") / (sum by (algorithm{by}) (miner_hashrate_hashes_per_second{{{m}}} "
        + _BY_ALGORITHM.replace("{{{m}}}", '{{{m},algorithm="SHA-256"}}')
        + ") > 0) * 1e12",
    ),
    "shares": Told(
        "1/s",
        "sum by (result) (rate(miner_shares_total{{{m}}}[{w}s]))",
        "sum by (result{by}) (rate(miner_shares_total{{{m}}}[{w}s]))",
    ),
    "state": Told("miners", "sum by (state) (miner_state{{{m}}})", "sum by (state{by}) (miner_state{{{m}}})"),
    "reachable": Told("ratio", "miner_up{{{m}}}", "avg by (job{by}) (miner_up{{{m}}})"),
}


class StatsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which metric over which time: the last `hours`, or `from` and `to`. `limit`: points of a series."""

    metric: Metric = "hashrate"
    hours: Annotated[float, msgspec.Meta(ge=1, le=MOST_HOURS)] | None = None
    from_: Moment | None = msgspec.field(default=None, name="from")
    to: Moment | None = None
    limit: Annotated[int, msgspec.Meta(ge=2, le=2000)] = 300


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """One series: (unix seconds, value), null where there was none."""

    metric: str
    unit: str
    labels: Mapping[str, str]
    points: Sequence[tuple[int, float | None]]


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Series over a time. `coverage_ratio`: share of the points at which any of them had a value."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    step_s: int
    coverage_ratio: float
    series: Sequence[Series]


async def get_overview_stats(call: Call[None, StatsQuery]) -> Stats:
    """Return a metric over all that one may see."""
    return await stats_of(call, METRICS[call.query.metric].many, matchers(call, call.containers()))


async def get_containers_stats(call: Call[None, StatsQuery]) -> Stats:
    """Return a metric for each container that one may see, in one question."""
    expression = METRICS[call.query.metric].many
    return await stats_of(call, expression, matchers(call, call.containers()), by=", container")


async def get_container_stats(call: Call[None, StatsQuery]) -> Stats:
    """Return a metric over one container."""
    container = call.container(call.path["id"])
    return await stats_of(call, METRICS[call.query.metric].many, matchers(call, [container]))


async def get_miner_stats(call: Call[None, StatsQuery]) -> Stats:
    """Return a metric of one miner."""
    view = call.miner(call.path["id"])
    matching = f"{matchers(call, [view.container])},miner={quoted(view.miner.name)}"
    return await stats_of(call, METRICS[call.query.metric].miner, matching)


async def get_alerts(call: Call[None, ListQuery]) -> Page[FiringAlert]:
    """Return the alerts of the containers that one may see; those of no container are the operator's."""
    try:
        found = await alerts_seen(call)
    except HistoryAway as error:
        raise no_history(call, error) from None
    shown = [_with_addresses(alert, call.settings) for alert in found]
    return page_of(shown, call.query, "alerts", lambda alert: f"{alert.name} {sorted(alert.labels.items())}")


async def alerts_seen(call: Call[Any, Any]) -> list[FiringAlert]:
    """Return the alerts that the person may see, as the rules give them, firing ones first. Raises HistoryAway."""
    return own_alerts(call, await call.service(History).alerts())


def own_alerts(call: Call[Any, Any], found: Sequence[FiringAlert]) -> list[FiringAlert]:
    """Return those of these alerts that the person may see, firing ones first."""
    names = {container.name for container in call.containers()}
    client = call.person.client.slug if call.person.client is not None else None
    seen = [
        without_private(alert) if call.person.role == "client" else alert
        for alert in found
        if (call.person.sees_all and "container" not in alert.labels)
        or (
            alert.labels.get("container") in names
            and (client is None or alert.labels.get("client", client) == client)
        )
    ]
    seen.sort(key=lambda alert: (alert.state != "firing", alert.name, sorted(alert.labels.items())))
    return seen


async def stats_of(call: Call[Any, StatsQuery], expression: str, matching: str, *, by: str = "") -> Stats:
    """Return the series of an expression over the time that is asked for. Raises Problem when Prometheus is away."""
    query = call.query
    begin, end = _time(query, call.now)
    step = max(SCRAPE_S, math.ceil((end - begin).total_seconds() / query.limit))
    # On the grid of the step: what is asked again a moment later is the same question.
    last = math.floor(end.timestamp() / step) * step
    first = math.ceil(begin.timestamp() / step) * step
    asked = expression.format(m=matching, by=by, w=max(4 * SCRAPE_S, 2 * step))
    try:
        lines = await call.service(History).over_range(asked, first, last, step)
    except HistoryAway as error:
        raise no_history(call, error) from None
    times = range(first, last + 1, step)
    series = [_series(line, query.metric, times) for line in lines]
    known = {at for line in lines for at, _ in line.points}
    return Stats(
        from_=begin,
        to=end,
        step_s=step,
        coverage_ratio=len(known) / len(times) if times else 0.0,
        series=series,
    )


def no_history(call: Call[Any, Any], error: HistoryAway) -> Problem:
    """Return that there is no history now. Why is told to the house alone: Prometheus' words name labels of series, addresses too."""
    why = KINDS["prometheus-away"].text if call.person.role == "client" else text_of(error)
    return Problem("prometheus-away", why, headers={"Retry-After": "10"})


def matchers(call: Call[Any, Any], containers: Sequence[Container]) -> str:
    """Return the label matchers that cut a query to these containers and, for a client, to his time with them."""
    names = "|".join(re.escape(container.name) for container in containers)
    cut = f"container=~{quoted(names)}" if containers else 'container=""'
    if call.person.role == "client":
        slug = call.person.client.slug if call.person.client is not None else "\0"
        cut += f",client={quoted(slug)}"
    return cut


def _time(query: StatsQuery, now: datetime) -> tuple[datetime, datetime]:
    if query.hours is not None and (query.from_ or query.to):
        raise _wrong("hours", worded("give hours, or from and to"))
    end = query.to or now
    begin = query.from_ or end - timedelta(hours=query.hours or 24)
    if begin >= end:
        raise _wrong("from", worded("it is before to"))
    if (end - begin) > timedelta(hours=MOST_HOURS):
        raise _wrong(
            "from",
            worded("at most %(most_hours)s hours are shown at once", most_hours=figure(MOST_HOURS, ".0f")),
        )
    return begin.astimezone(UTC), end.astimezone(UTC)


def _wrong(name: str, detail: str) -> Problem:
    return Problem("malformed", detail, [Mistake(f"?{name}", "range", detail)])


def _series(line: Line, metric: Metric, times: Sequence[int]) -> Series:
    values = {round(at): value for at, value in line.points}
    labels = {
        name: value
        for name, value in line.labels.items()
        if name not in PRIVATE_LABELS and name != "__name__"
    }
    return Series(
        metric=metric,
        unit=METRICS[metric].unit,
        labels=labels,
        points=[(at, values.get(at)) for at in times],
    )


def without_private(alert: FiringAlert) -> FiringAlert:
    """Return an alert as a client is shown it: without what is the house's own."""
    labels = {name: value for name, value in alert.labels.items() if name not in PRIVATE_LABELS}
    summary = {name: value for name, value in alert.annotations.items() if name == "summary"}
    return msgspec.structs.replace(alert, labels=labels, annotations=summary)


def _with_addresses(alert: FiringAlert, settings: Settings) -> FiringAlert:
    whole = {name: whole_address(name, value, settings) for name, value in alert.annotations.items()}
    return msgspec.structs.replace(alert, annotations=whole)


def _route(
    path: str,
    handler: Handler,
    summary: str,
    *,
    query: type[msgspec.Struct],
    reply: Any,
    description: str = "",
) -> Route:
    return Route(
        method="GET",
        path=f"/api/v1{path}",
        roles=EVERYBODY,
        scopes=("read",),
        query=query,
        reply=reply,
        problems=("not-found", "prometheus-away"),
        summary=summary,
        description=description,
        tags=_TAGS,
        handler=handler,
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "/stats/overview",
        get_overview_stats,
        "A metric over all that I may see",
        query=StatsQuery,
        reply=Stats,
    ),
    _route(
        "/stats/containers",
        get_containers_stats,
        "A metric for each container",
        query=StatsQuery,
        reply=Stats,
    ),
    _route(
        "/stats/containers/{id}",
        get_container_stats,
        "A metric of one container",
        query=StatsQuery,
        reply=Stats,
    ),
    _route("/stats/miners/{id}", get_miner_stats, "A metric of one miner", query=StatsQuery, reply=Stats),
    _route(
        "/alerts",
        get_alerts,
        "The alerts of now",
        query=ListQuery,
        reply=Page[FiringAlert],
        description="Those of the containers that one may see, firing ones first; those of no container are the operator's. "
        "`runbook_url` and `dashboard_url` are whole addresses where the controller knows its own (--public-url, "
        "--listen) and Grafana's (--grafana), else the paths that the rules give. A client gets the summary alone.",
    ),
)
