"""The page of `/metrics`, from figures to the text formats of Prometheus, as prometheus_client would write it.

A miner's lines are made when its figures change and kept; a page joins what is there, in pieces, with the event loop's
turn between them.
"""

import asyncio
import math
import platform
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TypeAlias

from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import CollectorRegistry
from prometheus_client.utils import floatToGoString

from controller.figures import DURATION_BUCKETS_S, ContainerFigures, FleetFigures, MinerFigures
from controller.metrics import CONTAINER, CONTROLS, MINER, OWN, Metric
from miners.actions import ACTIONS, STATUSES, action_name

Row: TypeAlias = tuple[bytes, ...]
"""The lines of one miner, or one container, for each metric of the table; empty where it has none."""

_ROWS_A_PIECE = 256
_MADE_AT_ONCE = 100
_PIECE_BYTES = 128 * 1024
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_ACTION_NAMES = tuple(sorted(action_name(action) for action in ACTIONS))
_number: Callable[[float], str] = floatToGoString
_BOUNDS = (*(_number(bound) for bound in DURATION_BUCKETS_S), "+Inf")
_WRITE: dict[bool, Callable[[CollectorRegistry], bytes]] = {
    False: generate_latest,
    True: generate_openmetrics,
}


def wants_openmetrics(accept: str) -> bool:
    """Return whether an Accept header asks for OpenMetrics."""
    return any(part.split(";")[0].strip() == "application/openmetrics-text" for part in accept.split(","))


def content_type(*, openmetrics: bool) -> str:
    """Return the content type of a page."""
    return _OPENMETRICS if openmetrics else _TEXT


class MetricsPage:
    """Writes pages, and keeps the lines of miners from page to page."""

    def __init__(self) -> None:
        """Begin without lines."""
        self._rows: dict[int, tuple[MinerFigures, Row]] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    async def pieces(self, figures: FleetFigures, *, openmetrics: bool) -> AsyncIterator[bytes]:
        """Give the page in pieces, with the event loop's turn after each; all of it is of the figures' moment."""
        miners = await self._miner_rows(figures.miners)
        containers: list[Row] = []
        for container in figures.containers:
            containers.append(_container_row(container, figures))
            await asyncio.sleep(0)
        own = [_own_row(figures)]
        held: list[bytes] = []
        size = 0
        for table, rows in ((MINER, miners), (CONTAINER, containers), (OWN, own)):
            for piece in _table_pieces(table, rows, openmetrics=openmetrics):
                held.append(piece)
                size += len(piece)
                if size >= _PIECE_BYTES:
                    yield b"".join(held)
                    held, size = [], 0
                    await asyncio.sleep(0)
        held.append(_WRITE[openmetrics](self._registry))  # in OpenMetrics with its end
        yield b"".join(held)

    async def _miner_rows(self, miners: Iterable[MinerFigures]) -> list[Row]:
        kept: dict[int, tuple[MinerFigures, Row]] = {}
        made = 0
        for figures in tuple(miners):
            key = id(figures)
            found = self._rows.get(key)
            if found is None or found[0] is not figures:
                found = (figures, _miner_row(figures))
                made += 1
                if made % _MADE_AT_ONCE == 0:
                    await asyncio.sleep(0)
            kept[key] = found
        self._rows = kept  # each holds its figures, so no other object can have their id
        return [row for _, row in kept.values()]


def _table_pieces(table: tuple[Metric, ...], rows: list[Row], *, openmetrics: bool) -> Iterator[bytes]:
    for at, metric in enumerate(table):
        header = metric.header(openmetrics=openmetrics)
        for start in range(0, len(rows), _ROWS_A_PIECE):
            piece = b"".join([row[at] for row in rows[start : start + _ROWS_A_PIECE]])
            if piece:
                yield header + piece
                header = b""


def _miner_row(figures: MinerFigures) -> Row:
    labels = _usual(figures.client, figures.container) | {"miner": figures.miner}
    values = (
        figures.desired_ratio,
        figures.applied_ratio,
        figures.planned_ratio,
        figures.desired_since,
        figures.desired_hashrate_hs,
        figures.power_target_w,
        None if figures.drifting is None else float(figures.drifting),
        1.0 if figures.in_service else None,
    )
    own = _labels(labels)
    numbers = [
        b"" if value is None else _line(metric.name, own, value)
        for metric, value in zip(MINER, values, strict=False)
    ]
    words = (figures.desired_profile, figures.applied_profile, figures.control)
    return (
        *numbers,
        *(
            b"" if word is None else _line(metric.name, _labels({**labels, metric.labels[0]: word}), 1)
            for metric, word in zip(MINER[len(values) :], words, strict=True)
        ),
    )


def _container_row(figures: ContainerFigures, fleet: FleetFigures) -> Row:
    usual = _usual(figures.client, figures.container)
    own = _labels(usual)
    names = [metric.name for metric in CONTAINER]

    def one(at: int, value: float | None) -> bytes:
        return b"" if value is None else _line(names[at], own, value)

    return (
        one(0, figures.miners),
        b"".join(
            _line(names[1], _labels({**usual, "control": control}), control == figures.control)
            for control in CONTROLS
        ),
        one(2, figures.power_target_w),
        one(3, figures.drifting),
        one(4, figures.in_service),
        one(5, figures.held),
        one(6, figures.next_change),
        b"".join(
            _line(
                names[7],
                _labels({**usual, "action": action, "status": status}),
                fleet.commands.outcomes(figures.client, figures.container, action, status),
            )
            for action in _ACTION_NAMES
            for status in STATUSES
        ),
        b"".join(_histogram(names[8], usual, action, figures, fleet) for action in _ACTION_NAMES),
    )


def _histogram(
    name: str, usual: Mapping[str, str], action: str, figures: ContainerFigures, fleet: FleetFigures
) -> bytes:
    durations = fleet.commands.durations(figures.client, figures.container, action)
    counts = list(accumulate(durations.buckets))
    lines = [
        _line(f"{name}_bucket", _labels({**usual, "action": action, "le": bound}), count)
        for bound, count in zip(_BOUNDS, counts, strict=True)
    ]
    own = _labels({**usual, "action": action})
    lines += [_line(f"{name}_count", own, counts[-1]), _line(f"{name}_sum", own, durations.sum_s)]
    return b"".join(lines)


def _own_row(figures: FleetFigures) -> Row:
    build = {"python": platform.python_version(), "version": figures.version}
    values = (
        figures.schedule_last_run,
        figures.events_written,
        figures.event_write_failures,
        figures.reload_successful,
        figures.last_good_reload,
        figures.holds,
        figures.held_everywhere,
        figures.doubts,
        figures.clock_synchronised,
    )
    first, second, *middle, exporters, gateway, booked_until, booked, book_failures = OWN
    return (
        _line(first.name, _labels(build), 1),
        b"" if figures.address is None else _line(second.name, _labels({"url": figures.address}), 1),
        *(
            b"" if value is None else _line(metric.name, "", value)
            for metric, value in zip(middle, values, strict=True)
        ),
        b"".join(
            _line(exporters.name, _labels({"exporter": url}), up) for url, up in figures.exporters.items()
        ),
        b"".join(
            _line(gateway.name, _labels({"code": str(code)}), count)
            for code, count in figures.gateway_requests.items()
        ),
        b"".join(
            _line(booked_until.name, _labels(_usual(client, container)), until)
            for (client, container), until in figures.ledger.booked_until.items()
        ),
        _line(booked.name, "", figures.ledger.booked),
        _line(book_failures.name, "", figures.ledger.failures),
    )


def _usual(client: str | None, container: str) -> dict[str, str]:
    return {"container": container} if client is None else {"client": client, "container": container}


def _labels(labels: Mapping[str, str]) -> str:
    """Return labels between braces, in the order in which prometheus_client writes them."""
    return "{" + ",".join(f'{name}="{_escaped(labels[name])}"' for name in sorted(labels)) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _line(series: str, labels: str, value: float) -> bytes:
    """Return one sample; nothing for what is no number: NaN is never exposed."""
    number = float(value)
    return f"{series}{labels} {_number(number)}\n".encode() if math.isfinite(number) else b""
