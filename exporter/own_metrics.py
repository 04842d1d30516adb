"""The exporter's own metrics: families made of stored state when they are asked for, written by prometheus_client."""

import asyncio
import platform
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import accumulate
from typing import Protocol

from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector, CollectorRegistry

from exporter.fleet import MinerState
from exporter.metrics import DURATION_BUCKETS_S, OWN_BY_NAME
from exporter.poller import Poller

_WRITE_OPENMETRICS: Callable[[CollectorRegistry], bytes] = generate_openmetrics

_STALL_TICK_S = 0.05
_STALL_PERIOD_S = 60.0


class Inventories(Protocol):
    """What the metrics need of the inventory's store."""

    @property
    def last_good_at(self) -> datetime:
        """When an inventory was last read and right."""

    @property
    def last_error(self) -> Exception | None:
        """Why the files as they are now are not in use."""

    @property
    def taken(self) -> int:
        """How often they were read and right."""

    @property
    def refused(self) -> int:
        """How often they were read and wrong."""


class LoopWatch:
    """Measures how long the event loop is held up: a timer that notes how late it fires."""

    def __init__(self) -> None:
        """Begin to watch the running loop."""
        self._loop = asyncio.get_running_loop()
        self._now_s = self._before_s = 0.0
        self._expected_s = 0.0
        self._period_ends_s = time.monotonic() + _STALL_PERIOD_S
        self._timer = self._arm()

    def _arm(self) -> asyncio.TimerHandle:
        self._expected_s = time.monotonic() + _STALL_TICK_S
        return self._loop.call_later(_STALL_TICK_S, self._tick)

    def _tick(self) -> None:
        now = time.monotonic()
        self._now_s = max(self._now_s, now - self._expected_s)
        if now >= self._period_ends_s:
            self._before_s, self._now_s = self._now_s, 0.0
            self._period_ends_s = now + _STALL_PERIOD_S
        self._timer = self._arm()

    @property
    def longest_s(self) -> float:
        """The longest stall of the last one to two minutes."""
        return max(self._now_s, self._before_s)

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()


class OwnCollector(Collector):
    """Families of `metrics.OWN`, in its order."""

    def __init__(
        self, poller: Poller[MinerState], inventories: Inventories, watch: LoopWatch, version: str
    ) -> None:
        """`version`: of the program."""
        self._poller = poller
        self._inventories = inventories
        self._watch = watch
        self._version = version

    def collect(self) -> Iterable[Metric]:
        """Return the families as of now."""
        poller, statistics, inventories = self._poller, self._poller.statistics, self._inventories
        info = InfoMetricFamily(*_named("hashyard_exporter_build_info"))
        info.add_metric([], {"version": self._version, "python": platform.python_version()})
        yield info
        yield _gauge("hashyard_exporter_poll_interval_seconds", poller.shortest_interval_s)
        yield _gauge("hashyard_exporter_poll_lag_seconds", poller.lag_s)
        yield _gauge("hashyard_exporter_sweep_duration_seconds", statistics.sweep_s)
        yield _gauge("hashyard_exporter_polls_in_flight", poller.in_flight)
        yield _gauge("hashyard_exporter_polls_waiting", poller.waiting)
        yield _gauge("hashyard_exporter_miners_backing_off", poller.backing_off)
        yield _gauge("hashyard_exporter_miners_leased", poller.leased)
        yield _counter("hashyard_exporter_polls_total", statistics.results)
        late = CounterMetricFamily(*_named("hashyard_exporter_polls_late_total"))
        late.add_metric([], statistics.late)
        yield late
        counts = list(accumulate(statistics.durations))
        bounds = [*(str(bucket) for bucket in DURATION_BUCKETS_S), "+Inf"]
        durations = HistogramMetricFamily(*_named("hashyard_exporter_poll_duration_seconds"))
        durations.add_metric([], list(zip(bounds, counts, strict=True)), statistics.duration_sum_s)
        yield durations
        yield _gauge("hashyard_exporter_config_last_reload_successful", float(inventories.last_error is None))
        yield _gauge(
            "hashyard_exporter_config_last_reload_success_timestamp_seconds",
            inventories.last_good_at.timestamp(),
        )
        yield _counter(
            "hashyard_exporter_config_reloads_total",
            {"ok": inventories.taken, "refused": inventories.refused},
        )
        yield _gauge("hashyard_exporter_event_loop_stall_seconds", self._watch.longest_s)


class OwnMetrics:
    """The registry of the exporter's own metrics, and its pages."""

    def __init__(
        self, poller: Poller[MinerState], inventories: Inventories, watch: LoopWatch, version: str
    ) -> None:
        """Register the exporter's own, the process's and Python's."""
        self._inventories = inventories
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(OwnCollector(poller, inventories, watch, version))
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    @property
    def reload_error(self) -> Exception | None:
        """Why the inventory on disk is not in use; None if it is."""
        return self._inventories.last_error

    def page(self, *, openmetrics: bool) -> bytes:
        """Return the page; in OpenMetrics with its `# EOF`."""
        if openmetrics:
            return _WRITE_OPENMETRICS(self.registry)
        return generate_latest(self.registry)


def _named(name: str) -> tuple[str, str]:
    metric = OWN_BY_NAME[name]
    return metric.family, metric.help


def _gauge(name: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(*_named(name))
    if value is not None:
        family.add_metric([], value)
    return family


def _counter(name: str, values: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(*_named(name), labels=OWN_BY_NAME[name].labels)
    for value, count in values.items():
        family.add_metric([value], count)
    return family
