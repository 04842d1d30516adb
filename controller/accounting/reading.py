"""What Prometheus knows of an hour of a container: counters around the cuts, minutes by kind, and what stands beside them.

Figures are asked for at the scrapes next to each cut, a container at a time, so that replies are small; all samples only
of those miners of which something happened in between. Every figure is one that was scraped: nothing is asked for that
Prometheus would fill in, neither what it remembers of five minutes ago nor `increase()`.
"""

import asyncio
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from controller.accounting.asking import Asker, Series
from controller.accounting.counting import (
    BRIDGED_ABOVE_S,
    MINUTE_S,
    SILENT_ABOVE_S,
    MinerPoints,
    Point,
    edges_around,
    falls_between,
    gaps_in,
    unread_s,
)
from controller.accounting.model import KINDS, Kind
from controller.history import quoted

DAY_S: Final = 86400
KEPT_DAYS: Final = 1100
"""How far back the earliest data is looked for: three years, more than Prometheus keeps unless told otherwise."""
WIDER_S: Final = (BRIDGED_ABOVE_S, 3600.0, 43200.0, SILENT_ABOVE_S)
"""How far from an hour a scrape beside it is looked for, step by step."""
WITNESSES: Final = 3
"""Of how many miners all samples are asked to learn when an exporter began anew, before those of every miner are."""
MINERS_AT_ONCE: Final = 25

ENERGY, OBSERVED, HASHES = "miner_energy_joules_total", "miner_observed_seconds_total", "miner_hashes_total"
NOMINAL_POWER, NOMINAL_HASHRATE = "miner_nominal_power_watts", "miner_nominal_hashrate_hashes_per_second"
COUNTERS: Final = f'__name__=~"{ENERGY}|{OBSERVED}|{HASHES}"'


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A container that Prometheus knows. `since`: not later than its first sample, and less than a day before it."""

    name: str
    timezone: str
    since: float
    until: float


class Scrapes(msgspec.Struct, frozen=True):
    """When a container was scraped in an hour and beside it, in order, and whose its label said it was each time."""

    moments: Sequence[float]
    clients: Sequence[str | None]

    def known_after(self, moment: float) -> bool:
        """Return whether there was a scrape at a moment or later."""
        return bool(self.moments) and self.moments[-1] >= moment


class HourRead(msgspec.Struct, kw_only=True):
    """What is known of an hour: by miner its figures, nominal figures and algorithm; by piece minutes and peak.

    `dense`: miners of which all samples are there, not only those next to the cuts.
    """

    points: dict[str, MinerPoints]
    dense: set[str]
    algorithms: Mapping[str, str]
    nominal_power_w: Mapping[str, float]
    nominal_hashrate_hs: Mapping[str, float]
    minutes: Sequence[Mapping[str, Mapping[Kind, int]]]
    peaks_w: Sequence[float | None]


def selector(names: Sequence[str]) -> str:
    """Return what selects the series of a container by its names."""
    if len(names) == 1:
        return f"container={quoted(names[0])}"
    return f"container=~{quoted('|'.join(re.escape(name) for name in names))}"


async def known_containers(asker: Asker, now: float, days: int = KEPT_DAYS) -> list[Known]:
    """Return the containers that Prometheus has anything of in so many days. Raises HistoryAway."""
    last = (now // DAY_S + 1) * DAY_S
    found = await asker.over(
        f"max by (container, timezone) (count_over_time(container_info[{DAY_S}s]))",
        last - days * DAY_S,
        last,
        DAY_S,
    )
    known: dict[str, Known] = {}
    for series in found:
        name = series.labels.get("container", "")
        if not name or not series.points:
            continue
        since, until = series.points[0][0] - DAY_S, min(series.points[-1][0], now)
        other = known.get(name)
        known[name] = Known(
            name=name,
            timezone=series.labels.get("timezone", "UTC")
            if other is None or until > other.until
            else other.timezone,
            since=since if other is None else min(since, other.since),
            until=until if other is None else max(until, other.until),
        )
    return sorted(known.values(), key=lambda one: one.name)


async def first_scrape(asker: Asker, names: Sequence[str], begin: float, end: float) -> float | None:
    """Return when a container was scraped for the first time in a time; None for never. Raises HistoryAway.

    `names`: its name, and those that it had before.
    """
    while begin < end:
        until = min(begin + DAY_S, end)
        scrapes = await _scrapes(asker, names, begin, until)
        if scrapes:
            return scrapes[0][0]
        begin = until
    return None


async def scrapes_around(asker: Asker, names: Sequence[str], begin: float, end: float, now: float) -> Scrapes:
    """Return the scrapes of an hour, and at least the next one before it and after it, up to seven days away.

    Raises HistoryAway.
    """
    found = await _scrapes(asker, names, begin - BRIDGED_ABOVE_S, min(max(end + BRIDGED_ABOVE_S, begin), now))
    for near_s, far_s in pairwise(WIDER_S):
        if found and found[0][0] <= begin:
            break
        found = await _scrapes(asker, names, begin - far_s, begin - near_s) + found
    for near_s, far_s in pairwise(WIDER_S):
        if (found and found[-1][0] >= end) or end + near_s >= now:
            break
        found = found + await _scrapes(asker, names, end + near_s, min(end + far_s, now))
    moments = [at for at, _ in found]
    first = max(bisect_left(moments, begin) - (0 if begin in moments else 1), 0)
    last = bisect_left(moments, end) + 1
    return Scrapes(moments[first:last], [client for _, client in found[first:last]])


async def _scrapes(
    asker: Asker, names: Sequence[str], begin: float, end: float
) -> list[tuple[float, str | None]]:
    """Return the scrapes after `begin` (or at it) up to `end`, each with the client on its label."""
    if end <= begin:
        return []
    found: dict[float, str | None] = {}
    for series in await asker.at(f"container_miners{{{selector(names)}}}[{_ms(begin, end)}]", end):
        for at, _ in series.points:
            found[at] = series.labels.get("client") or None
    return sorted((at, client) for at, client in found.items() if begin <= at <= end)


async def read_hour(
    asker: Asker, names: Sequence[str], cuts: Sequence[float], moments: Sequence[float]
) -> HourRead:
    """Return what is known of an hour between its cuts (unix seconds). `moments`: the scrapes of `scrapes_around`.

    Raises HistoryAway.
    """
    selected = selector(names)
    spans = list(pairwise(cuts))
    points, dense = await _points(asker, selected, cuts, moments)
    nominal, algorithms = await _who(asker, selected, moments)
    minutes = await asyncio.gather(*(_minutes(asker, selected, begin, end) for begin, end in spans))
    peaks = await asyncio.gather(*(_peak(asker, selected, begin, end) for begin, end in spans))
    return HourRead(
        points=points,
        dense=dense,
        algorithms=_algorithms(algorithms),
        nominal_power_w=_by_miner(nominal, NOMINAL_POWER),
        nominal_hashrate_hs=_by_miner(nominal, NOMINAL_HASHRATE),
        minutes=minutes,
        peaks_w=peaks,
    )


async def _who(asker: Asker, selected: str, moments: Sequence[float]) -> tuple[list[Series], list[Series]]:
    """Return nominal figures and algorithms, of the scrapes beside an hour too: in the hour itself there may be none."""
    if not moments:
        return [], []
    length = _ms(moments[0] - 0.001, moments[-1])
    nominal = (
        "max by (__name__, miner) (last_over_time("
        f'{{__name__=~"{NOMINAL_POWER}|{NOMINAL_HASHRATE}",{selected}}}[{length}]))'
    )
    algorithms = " or on (miner) ".join(
        f'max by (miner, algorithm) (count_over_time({name}{{{selected},algorithm!=""}}[{length}]))'
        for name in ("miner_info", "miner_inventory_info")
    )
    first, second = await asyncio.gather(asker.at(nominal, moments[-1]), asker.at(algorithms, moments[-1]))
    return first, second


async def _points(
    asker: Asker, selected: str, cuts: Sequence[float], moments: Sequence[float]
) -> tuple[dict[str, MinerPoints], set[str]]:
    """Return by miner the figures next to the cuts; of those of whom something happened between, all, and who they are."""
    if not moments:
        return {}, set()
    edges = edges_around(cuts, moments)
    length = _ms(moments[0] - 0.001, moments[-1])
    sparse = _Sparse()
    for edge in edges:
        sparse.add(await asker.at(_at_once(selected), edge))
    begun_anew = await asyncio.gather(
        *(
            asker.at(f"max by (miner, source) (resets({counter}{{{selected}}}[{length}])) > 0", moments[-1])
            for counter in (ENERGY, OBSERVED, HASHES)
        )
    )
    present = await asker.at(
        f"count by (__name__, miner) (last_over_time({{{COUNTERS},{selected}}}[{length}]))", moments[-1]
    )
    times = _resets(begun_anew)
    doubtful = await asyncio.to_thread(_doubtful, sparse, times, present, edges, moments)
    shaken = sorted({miner for miner, *_ in times} & doubtful)
    if len(shaken) > WITNESSES:
        for edge in await _edges_of_resets(asker, selected, shaken[:WITNESSES], length, moments[-1]):
            if edge not in edges and edge in moments:
                sparse.add(await asker.at(_at_once(selected), edge))
                edges = sorted({*edges, edge})
        doubtful = await asyncio.to_thread(_doubtful, sparse, times, present, edges, moments)
    names = sorted(doubtful)
    whole = _Sparse()
    for at in range(0, len(names), MINERS_AT_ONCE):
        some = names[at : at + MINERS_AT_ONCE]
        whole.add(await asker.at(_whole(COUNTERS, selected, some, length), moments[-1]))
    return {**sparse.sorted(), **whole.sorted()}, doubtful


class _Sparse:
    """Figures as they come in, by miner and counter."""

    def __init__(self) -> None:
        self.points: dict[str, MinerPoints] = {}

    def add(self, found: Iterable[Series]) -> None:
        for series in found:
            miner = series.labels.get("miner")
            if miner is not None and series.points:
                _counter(self.points.setdefault(miner, MinerPoints()), series.labels).extend(series.points)

    def sorted(self) -> dict[str, MinerPoints]:
        for points in self.points.values():
            for counter in (points.measured, points.estimated, points.observed, points.hashes):
                counter.sort()
        return self.points


def _counter(points: MinerPoints, labels: Mapping[str, str]) -> list[Point]:
    name = labels.get("__name__")
    if name == HASHES:
        return points.hashes
    if name == OBSERVED:
        return points.observed
    return points.measured if labels.get("source") == "measured" else points.estimated


def _resets(found: Sequence[Sequence[Series]]) -> dict[tuple[str, str, str], int]:
    """Return how often each counter of a miner began anew: by miner, counter and source."""
    return {
        (series.labels.get("miner", ""), counter, series.labels.get("source", "")): int(series.points[0][1])
        for counter, all_of_it in zip((ENERGY, OBSERVED, HASHES), found, strict=True)
        for series in all_of_it
        if series.points
    }


def _doubtful(
    sparse: _Sparse,
    times: Mapping[tuple[str, str, str], int],
    present: Iterable[Series],
    edges: Sequence[float],
    moments: Sequence[float],
) -> set[str]:
    """Return the miners of which the figures next to the cuts do not tell everything."""
    known = sparse.sorted()
    gaps = gaps_in(moments)
    doubtful = set()
    for series in present:
        miner = series.labels.get("miner", "")
        points = known.get(miner)
        labels = {**series.labels, "source": "measured"}
        if (
            points is None
            or len(_counter(points, labels)) < len(edges)
            or (labels["__name__"] == HASHES and unread_s(points, moments, gaps) > BRIDGED_ABOVE_S)
        ):
            doubtful.add(miner)
    for (miner, counter, source), count in times.items():
        points = known.get(miner)
        labels = {"__name__": counter, "source": source}
        if points is None or len(falls_between(_counter(points, labels))) != count:
            doubtful.add(miner)
    return doubtful


async def _edges_of_resets(
    asker: Asker, selected: str, miners: Sequence[str], length: str, end: float
) -> list[float]:
    """Return the scrapes between which the counters of some miners began anew: an exporter's are all of them at once."""
    found = await asker.at(_whole(f'__name__="{OBSERVED}"', selected, miners, length), end)
    return sorted({edge for series in found for between in falls_between(series.points) for edge in between})


async def _minutes(asker: Asker, selected: str, begin: float, end: float) -> dict[str, dict[Kind, int]]:
    found = await asker.at(
        f"sum by (miner, class) (count_over_time(miner:time_class:bool{{{selected}}}[{_ms(begin, end)}]))",
        _last(end),
    )
    minutes: dict[str, dict[Kind, int]] = {}
    for series in found:
        kind: Any = series.labels.get("class")
        if kind in KINDS and series.points:
            minutes.setdefault(series.labels.get("miner", ""), {})[kind] = int(series.points[0][1])
    return minutes


async def _peak(asker: Asker, selected: str, begin: float, end: float) -> float | None:
    """Return the highest power of a piece, as it was at the end of each of its minutes (W)."""
    found = await asker.over(
        f"sum(max by (source) (container:power_watts:sum{{{selected}}}))",
        min(_last(begin + MINUTE_S), _last(end)),
        _last(end),
        MINUTE_S,
    )
    return max((watts for series in found for _, watts in series.points), default=None)


def _algorithms(found: Iterable[Series]) -> dict[str, str]:
    """Return what each miner hashes: of two devices that stood in its place, that which was there longer."""
    longest: dict[str, tuple[float, str]] = {}
    for series in found:
        if series.points:
            miner, seen = series.labels.get("miner", ""), (series.points[0][1], series.labels["algorithm"])
            longest[miner] = max(longest.get(miner, seen), seen)
    return {miner: algorithm for miner, (_, algorithm) in longest.items()}


def _by_miner(found: Iterable[Series], name: str) -> dict[str, float]:
    return {
        series.labels.get("miner", ""): series.points[0][1]
        for series in found
        if series.labels.get("__name__") == name and series.points
    }


def _at_once(selected: str) -> str:
    """Return the query for all counters as they were scraped at the moment at which it is asked, and at no other."""
    return f"max by (__name__, miner, source) (last_over_time({{{COUNTERS},{selected}}}[1ms]))"


def _whole(counters: str, selected: str, miners: Sequence[str], length: str) -> str:
    names = quoted("|".join(re.escape(miner) for miner in miners))
    return f"{{{counters},{selected},miner=~{names}}}[{length}]"


def _ms(begin: float, end: float) -> str:
    return f"{max(1, round((end - begin) * 1000))}ms"


def _last(end: float) -> float:
    """Return the last moment before an end: what is sampled at a cut belongs to what comes after it, and to that alone."""
    return end - 0.001
