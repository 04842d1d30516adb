"""The paths by which older tools ask for history: rows, a time each, in TH/s, °C, rpm and W, and the sums of now."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import msgspec

from controller.api.alias_control_routes import alias_route, canonical
from controller.api.alias_fleet_routes import older_container, older_view
from controller.api.figures import SHA256, figures_of
from controller.api.problems import Kind
from controller.api.route import EVERYBODY, Answer, Call, Handler, Route
from controller.api.small_numbers import numbers
from controller.api.stats_routes import SCRAPE_S, matchers, no_history
from controller.deeds import MinerView
from controller.history import History, HistoryAway, Line, quoted


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What was so at a time. `hash_rate` in TH/s, of SHA-256 where there are several algorithms; null: not known."""

    timestamp: datetime
    hash_rate: float | None = None
    accepted_shares: float | None = None
    rejected_shares: float | None = None
    pool_switches: float | None = None
    temperature: float | None = None
    fan_speed: float | None = None
    power_consumption: float | None = None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of now. `hash_rate`: TH/s of SHA-256; of other algorithms beside it, never added."""

    miners: int
    running: int
    idle: int
    starting: int
    error: int
    offline: int
    unknown: int
    hash_rate: float | None
    hash_rate_by_algorithm: Mapping[str, float]
    power_consumption: float | None
    temperature: float | None


class HoursQuery(msgspec.Struct, frozen=True):
    """How far back."""

    hours: Annotated[int, msgspec.Meta(ge=1, le=8760)] = 24


class RowsQuery(HoursQuery, frozen=True):
    """How far back, and how many rows at most."""

    limit: Annotated[int, msgspec.Meta(ge=2, le=2000)] = 300


class OlderTotals(msgspec.Struct, frozen=True, kw_only=True):
    """The sums of now, and rows of the hours before."""

    container_id: int | None
    now: Totals
    rows: Sequence[Row]


_ALGORITHM: Final = "on (container, miner) group_left (algorithm) miner_info{{{m}}}"
_ASKED: Final[Mapping[str, str]] = {
    "hash_rate": "sum by (algorithm) (miner_hashrate_hashes_per_second{{{m}}} * " + _ALGORITHM + ") / 1e12",
    "accepted_shares": 'sum(miner_shares_total{{{m},result="accepted"}})',
    "rejected_shares": 'sum(miner_shares_total{{{m},result="rejected"}})',
    "pool_switches": "sum(miner_pool_switches_total{{{m}}})",
    "temperature": 'max(miner_temperature_celsius{{{m},sensor="chip_max"}})',
    "fan_speed": 'avg(miner_fan_speed_rpm{{{m},fan!="psu"}})',
    "power_consumption": "sum(miner_power_watts{{{m}}})",
}
"""What is asked for each column. Shares are the miners' own counters, as the older tools show them."""


async def get_miner_stats(call: Call[None, RowsQuery]) -> Answer:
    """Return what a miner did over the last hours, row by row."""
    view = await older_view(call)
    matching = f"{matchers(call, [view.container])},miner={quoted(view.miner.name)}"
    rows = await rows_of(call, matching, call.query.hours, call.query.limit)
    return Answer(body=rows, headers=canonical(f"/api/v1/stats/miners/{view.id}"))


async def get_container_stats(call: Call[None, HoursQuery]) -> Answer:
    """Return the sums of a container now, and rows of the hours before."""
    container = await older_container(call)
    known = await numbers(call, "containers", [container.id])
    body = OlderTotals(
        container_id=known[container.id],
        now=_totals(call.deeds.views(container.id)),
        rows=await rows_of(call, matchers(call, [container]), call.query.hours, RowsQuery().limit),
    )
    return Answer(body=body, headers=canonical(f"/api/v1/stats/containers/{container.id}"))


async def get_overview_stats(call: Call[None, HoursQuery]) -> Answer:
    """Return the sums of all that one may see now, and rows of the hours before."""
    containers = call.containers()
    views = [view for container in containers for view in call.deeds.views(container.id)]
    body = OlderTotals(
        container_id=None,
        now=_totals(views),
        rows=await rows_of(call, matchers(call, containers), call.query.hours, RowsQuery().limit),
    )
    return Answer(body=body, headers=canonical("/api/v1/stats/overview"))


async def rows_of(call: Call[Any, Any], matching: str, hours: float, limit: int) -> list[Row]:
    """Return the rows of the last hours, oldest first, without those of which nothing is known. Raises Problem."""
    step = max(SCRAPE_S, math.ceil(timedelta(hours=hours).total_seconds() / limit))
    last = math.floor(call.now.timestamp() / step) * step
    first = last - math.floor(timedelta(hours=hours).total_seconds() / step) * step
    history = call.service(History)
    try:
        answers = await asyncio.gather(
            *(
                history.over_range(expression.format(m=matching), first, last, step)
                for expression in _ASKED.values()
            )
        )
    except HistoryAway as error:
        raise no_history(call, error) from None
    rows: dict[int, dict[str, float]] = {}
    for column, lines in zip(_ASKED, answers, strict=True):
        for at, value in _points(lines):
            rows.setdefault(round(at), {})[column] = value
    return [Row(timestamp=datetime.fromtimestamp(at, UTC), **rows[at]) for at in sorted(rows)]


def _points(lines: Sequence[Line]) -> Sequence[tuple[float, float]]:
    """Return the points of the one line that is shown: the SHA-256 one where there are several."""
    shown = next((line for line in lines if line.labels.get("algorithm") == SHA256), None)
    return (shown or lines[0]).points if lines else ()


def _totals(views: Sequence[MinerView]) -> Totals:
    figures = figures_of(views)
    counts = figures.miners
    by_algorithm = {rate.algorithm: rate.hs / 1e12 for rate in figures.hashrate}
    return Totals(
        miners=counts.total,
        running=counts.mining,
        idle=counts.sleeping,
        starting=counts.starting,
        error=counts.fault,
        offline=counts.unreachable + counts.inactive,
        unknown=counts.unknown,
        hash_rate=by_algorithm.get(SHA256),
        hash_rate_by_algorithm=by_algorithm,
        power_consumption=figures.power_w,
        temperature=figures.chip_max_c,
    )


def _route(path: str, handler: Handler, summary: str, **more: Any) -> Route:
    problems: tuple[Kind, ...] = ("prometheus-away",)
    return alias_route(
        "GET", path, handler, summary, roles=EVERYBODY, scopes=("read",), problems=problems, **more
    )


ROUTES: tuple[Route, ...] = (
    _route(
        "/api/stats/miners/{id}",
        get_miner_stats,
        "What a miner did, row by row",
        query=RowsQuery,
        reply=list[Row],
    ),
    _route(
        "/api/stats/containers/{id}",
        get_container_stats,
        "Sums of a container now, and rows",
        query=HoursQuery,
        reply=OlderTotals,
    ),
    _route(
        "/api/stats/overview",
        get_overview_stats,
        "Sums of all that I may see now, and rows",
        query=HoursQuery,
        reply=OlderTotals,
    ),
)
