"""A month of a small farm, minute by minute: what was so, and what an exporter told Prometheus of it, as blocks.

Everything follows from the time alone, so it is the same at every run. Power and hash rate of a miner stand still within
a minute; so the truth of an hour is a sum. The exporter here polls each miner twice a minute and integrates what it read;
it can be away (its counters begin at 0 again), and so can Prometheus (they go on).
"""

import math
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from controller.accounting.periods import hour_at

MINUTE = 60
SPAN_S = 54 * 3600
"""What one block holds: one of the sizes that promtool makes."""
STANDBY_W = 40.0
POLL_S = 30
LONGEST_GAP_S = 75
SCRAPED_AT_S = 45
CLASSED_AT_S = 17
PROFILES = (1.15, 1.0, 0.75, 0.0)
"""Share of nominal power by quarter of the local day."""


@dataclass(frozen=True)
class Away:
    """Something is away from `begins` up to `ends` (unix seconds)."""

    begins: int
    ends: int

    def holds(self, at: float) -> bool:
        return self.begins <= at < self.ends


@dataclass(frozen=True)
class FarmMiner:
    """A miner: `measured` says how it knows its power; `dead`: it does not answer, and does nothing, and starts anew after."""

    name: str
    nominal_w: float
    nominal_hs: float
    measured: bool = True
    dead: Sequence[Away] = ()


@dataclass(frozen=True)
class FarmContainer:
    """A container: `owners` are clients from a moment on, in order."""

    name: str
    timezone: str
    miners: Sequence[FarmMiner]
    owners: Sequence[tuple[int, str | None]]
    exporter_away: Sequence[Away] = ()


@dataclass
class Truth:
    """What was so in an hour of a container: all miners together."""

    joules: float = 0.0
    megahashes: float = 0.0
    readable_s: float = 0.0
    readable_j: float = 0.0
    readable_megahashes: float = 0.0
    seconds: float = 0.0
    classes: dict[str, float] = field(default_factory=lambda: defaultdict(float))


@dataclass
class Told:
    """The counters of a miner as the exporter and the miner itself have them."""

    joules: float = 0.0
    observed_s: float = 0.0
    hashes: float = 0.0
    polled_at: float | None = None
    power_w: float = 0.0


class Farm:
    """The farm from `begins` up to `ends` (unix seconds, whole minutes)."""

    def __init__(
        self,
        containers: Sequence[FarmContainer],
        begins: int,
        ends: int,
        prometheus_away: Sequence[Away] = (),
    ) -> None:
        self.containers, self.begins, self.ends = containers, begins, ends
        self.prometheus_away = prometheus_away
        self.truth: dict[str, dict[datetime, Truth]] = {one.name: defaultdict(Truth) for one in containers}

    def write(self, promtool: str, folder: Path) -> None:
        """Write the blocks into `folder`, and come to know the truth."""
        folder.mkdir(parents=True, exist_ok=True)
        lines: list[str] = []
        told = {(one.name, miner.name): Told() for one in self.containers for miner in one.miners}
        for minute in range(self.begins, self.ends, MINUTE):
            if lines and minute % SPAN_S == 0:
                _make_block(promtool, folder, lines)
                lines = []
            for container in self.containers:
                lines += self._minute(container, minute, told)
        _make_block(promtool, folder, lines)

    def _minute(
        self, container: FarmContainer, minute: int, told: dict[tuple[str, str], Told]
    ) -> Iterator[str]:
        ratio = _profile(container.timezone, minute)
        truth = self.truth[container.name][_hour(container.timezone, minute)]
        away = any(one.holds(minute) for one in container.exporter_away)
        unseen = any(one.holds(minute) for one in self.prometheus_away)
        owner = next(
            (name for since, name in reversed(container.owners) if since <= minute + SCRAPED_AT_S), None
        )
        labels = f'container="{container.name}"' + (f',client="{owner}"' if owner else "")
        at = f"{minute + SCRAPED_AT_S}.125"
        scraped = not (away or unseen)
        if scraped:
            yield f'container_info{{{labels},timezone="{container.timezone}"}} 1 {at}'
            yield f"container_miners{{{labels}}} {len(container.miners)} {at}"
        power: dict[str, float] = defaultdict(float)
        for number, miner in enumerate(container.miners):
            dead = any(one.holds(minute) for one in miner.dead)
            watts = 0.0 if dead else _power(miner, number, ratio, minute)
            rate = 0.0 if dead or not ratio else miner.nominal_hs * watts / miner.nominal_w
            own = told[container.name, miner.name]
            own.hashes = 0.0 if dead else own.hashes + rate * MINUTE
            truth.joules += watts * MINUTE
            truth.megahashes += rate * MINUTE / 1e6
            truth.seconds += MINUTE
            if not dead and not away:
                truth.readable_s += MINUTE
                truth.readable_j += watts * MINUTE
                truth.readable_megahashes += rate * MINUTE / 1e6
            kind = "unreachable" if dead else "hashing" if ratio else "curtailed"
            if away:
                own.joules, own.observed_s, own.polled_at = 0.0, 0.0, None
            else:
                truth.classes["nobody" if unseen else kind] += MINUTE
            polls = [minute + number % POLL_S, minute + POLL_S + number % POLL_S]
            if not away and not dead:
                for poll in (one for one in polls if one <= minute + SCRAPED_AT_S):
                    _poll(own, poll, watts)
            if scraped:
                yield from _scrape(labels, miner, own, at, dead=dead)
                power["measured" if miner.measured else "estimated"] += watts
                clock = f"{minute + CLASSED_AT_S}.000"
                yield f'miner:time_class:bool{{{labels},miner="{miner.name}",class="{kind}"}} 1 {clock}'
            if not away and not dead:
                for poll in (one for one in polls if one > minute + SCRAPED_AT_S):
                    _poll(own, poll, watts)
        for source, watts in power.items():
            yield f'container:power_watts:sum{{{labels},source="{source}"}} {watts} {minute + CLASSED_AT_S}.000'


def _poll(own: Told, at: float, watts: float) -> None:
    if own.polled_at is not None and at - own.polled_at <= LONGEST_GAP_S:
        own.joules += (own.power_w + watts) / 2 * (at - own.polled_at)
        own.observed_s += at - own.polled_at
    own.polled_at, own.power_w = at, watts


def _scrape(labels: str, miner: FarmMiner, own: Told, at: str, *, dead: bool) -> Iterator[str]:
    whose = f'{labels},miner="{miner.name}"'
    measured, estimated = (own.joules, 0.0) if miner.measured else (0.0, own.joules)
    yield f"miner_up{{{whose}}} {int(not dead)} {at}"
    yield f'miner_inventory_info{{{whose},algorithm="sha256d"}} 1 {at}'
    yield f"miner_nominal_power_watts{{{whose}}} {miner.nominal_w} {at}"
    yield f'miner_energy_joules_total{{{whose},source="measured"}} {measured:.3f} {at}'
    yield f'miner_energy_joules_total{{{whose},source="estimated"}} {estimated:.3f} {at}'
    yield f"miner_observed_seconds_total{{{whose}}} {own.observed_s:.3f} {at}"
    if not dead:
        yield f"miner_hashes_total{{{whose}}} {own.hashes:.0f} {at}"


def _power(miner: FarmMiner, number: int, ratio: float, minute: int) -> float:
    if not ratio:
        return STANDBY_W
    return miner.nominal_w * ratio * (1 + 0.02 * math.sin(minute / 971 + number))


@lru_cache(maxsize=100_000)
def _profile(timezone: str, minute: int) -> float:
    return PROFILES[datetime.fromtimestamp(minute, ZoneInfo(timezone)).hour // 6]


@lru_cache(maxsize=100_000)
def _hour(timezone: str, minute: int) -> datetime:
    return hour_at(timezone, datetime.fromtimestamp(minute, UTC))[0]


def _make_block(promtool: str, folder: Path, lines: list[str]) -> None:
    text = folder / "span.txt"
    text.write_text("\n".join(lines) + "\n# EOF\n", encoding="utf-8")
    subprocess.run(
        [
            promtool,
            "tsdb",
            "create-blocks-from",
            f"--max-block-duration={SPAN_S}s",
            "openmetrics",
            "-q",
            text,
            folder,
        ],
        check=True,
        capture_output=True,
    )
    text.unlink()
