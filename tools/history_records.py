"""What the recording rules of `prometheus/rules/` say of moments of the past, worked out from figures without PromQL.

Prometheus' own evaluation would need a raw week. A test holds each series made here against what its rule gives on the
raw series, names and labels with it. The groups' order and names are those of the rule files.
"""

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from exporter.exposition import label
from miners.model import STATES
from tools.history_figures import Figures, Subject

Key: TypeAlias = tuple[str, str]
"""Labels as wire text: those of the level (client, container, miner), and those beside them; each may be empty."""
Series: TypeAlias = dict[Key, float]
Records: TypeAlias = dict[str, Series]
Each: TypeAlias = Sequence[tuple["Watched", Figures]]

CLASSES = ("hashing", "curtailed", "sleeping", "settling", "fault", "unreachable")
SETTLING_S = 1_800.0
MEAN_S, HALF_HOUR_S, TWO_HOURS_S = 900.0, 1_800.0, 7_200.0
LOOP_RESTARTS = 4
"""As many in two hours are a loop: of what restarts so often it is not waited for that it settles."""
ENOUGH_SHARES = 100.0
COLDEST_C = -100.0
NOT_COUNTED_AWAY = frozenset(("measured", "estimated", "observed"))
"""Counters of the exporter's own: what passes while the miner is not read is not counted."""
RESULTS = ("accepted", "rejected", "stale")


class Watched:
    """One miner with its labels and what has to be remembered of it: hash rates, counters, restarts."""

    def __init__(self, subject: Subject) -> None:
        """Begin without a memory."""
        container, miner = subject.container, subject.miner
        self.know(subject)
        client = "" if container.client is None else f'client="{label(container.client)}",'
        self.place = f'{client}container="{label(container.name)}"'
        self.labels = f'{self.place},miner="{label(miner.name)}"'
        self.model = f'manufacturer="{label(miner.manufacturer)}",model="{label(miner.model)}"'
        self.rejected: tuple[float, float | None] | None = None
        self._rates: deque[tuple[float, float]] = deque()
        self._restarts: deque[float] = deque()
        self._uptime: tuple[float, float] | None = None
        self._last: dict[str, float] = {}
        self._grown: dict[str, float] = {}
        self._times: list[float] = []
        self._before: list[dict[str, float]] = []

    def know(self, subject: Subject) -> None:
        """Take over what is nominal for the miner now."""
        self.subject = subject
        self.limits_c = subject.limits_c
        self.algorithm = f'algorithm="{label(subject.nominal.algorithm)}"'

    def remember(self, figures: Figures, now: float, longest_s: float) -> None:
        """Take up a moment. `longest_s`: how far back `increase` will be asked."""
        if figures.hashrate_hs is not None:
            self._rates.append((now, figures.hashrate_hs))
        while self._rates and self._rates[0][0] <= now - MEAN_S:
            self._rates.popleft()
        if figures.uptime_s is not None:
            if self._uptime is not None and figures.uptime_s < self._uptime[1]:
                self._restarts.append(now)
            self._uptime = now, figures.uptime_s
        for name in NOT_COUNTED_AWAY.difference(figures.counters):
            self._last.pop(name, None)
        for name, value in figures.counters.items():
            last = self._last.get(name)
            if last is not None:
                more = value - last if value >= last else value  # less than before: it began anew
                self._grown[name] = self._grown.get(name, 0.0) + more
            else:
                self._grown.setdefault(name, 0.0)
            self._last[name] = value
        self._times.append(now)
        self._before.append(dict(self._grown))
        if self._times[0] < now - 2 * longest_s:
            gone = bisect_left(self._times, now - longest_s)
            del self._times[:gone], self._before[:gone]

    def mean_hashrate(self) -> float | None:
        """Return the mean hash rate of 15 minutes, H/s."""
        rates = self._rates
        return sum(rate for _, rate in rates) / len(rates) if rates else None

    def restarts(self, now: float) -> int | None:
        """Return how often it restarted in two hours; None if its uptime was not read in that time."""
        while self._restarts and self._restarts[0] <= now - TWO_HOURS_S:
            self._restarts.popleft()
        if self._uptime is None or self._uptime[0] <= now - TWO_HOURS_S:
            return None
        return len(self._restarts)

    def increase(self, name: str, now: float, seconds: float) -> float | None:
        """Return by how much a counter grew in so many seconds until now, stretched over gaps at the window's begin."""
        grown = self._grown.get(name)
        if grown is None:
            return None
        place = bisect_left(self._times, now - seconds)
        while place < len(self._times) - 1 and name not in self._before[place]:
            place += 1
        passed = now - self._times[place]
        return (grown - self._before[place][name]) * seconds / passed if passed > 0 else None


def class_of(figures: Figures, now: float) -> str:
    """Return what the moment of a miner is worth: the first class that fits."""
    if not figures.up:
        return "unreachable"
    if figures.hashing:
        return "hashing"
    if figures.order is not None and figures.order.ratio == 0:
        return "curtailed"
    if figures.state == "sleeping" and figures.order is None:
        return "sleeping"
    return "settling" if is_settling(figures, now) else "fault"


def is_settling(figures: Figures, now: float) -> bool:
    """Return whether its order or its start is younger than half an hour."""
    started = figures.uptime_s is not None and figures.uptime_s < SETTLING_S
    return started or is_ordered_anew(figures, now)


def is_ordered_anew(figures: Figures, now: float) -> bool:
    """Return whether its order is younger than half an hour."""
    return figures.order is not None and now - figures.order.since < SETTLING_S


def desired_ratio(figures: Figures) -> float:
    """Return the share of nominal power that the miner should draw."""
    if figures.order is not None:
        return figures.order.ratio
    return 0.0 if figures.state == "sleeping" else 1.0


def expected_hashrate(watched: Watched, figures: Figures) -> float | None:
    """Return the hash rate that its order promises, H/s."""
    if figures.order is not None and figures.order.step.hashrate_hs is not None:
        return figures.order.step.hashrate_hs
    nominal = watched.subject.nominal.hashrate_hs
    return None if nominal is None else nominal * desired_ratio(figures)


def too_hot(watched: Watched, figures: Figures) -> dict[str, float]:
    """Return the sensors at or over their limits."""
    limits = watched.limits_c
    return {
        sensor: value
        for sensor, value in figures.temperatures_c.items()
        if sensor in limits and value >= limits[sensor]
    }


def chips_ratio(figures: Figures) -> float | None:
    """Return chips found of chips expected, where a hashing miner lacks some."""
    if not figures.hashing or figures.chips is None or not figures.expected_chips:
        return None
    ratio = figures.chips / figures.expected_chips
    return ratio if ratio < 1 else None


def rejected_ratio(watched: Watched, now: float) -> float | None:
    """Return the ratio of rejected and stale shares in half an hour; None below 100 shares."""
    if watched.rejected is None or watched.rejected[0] != now:
        watched.rejected = now, _rejected(watched, now)
    return watched.rejected[1]


def _rejected(watched: Watched, now: float) -> float | None:
    shares = {result: watched.increase(result, now, HALF_HOUR_S) for result in RESULTS}
    told = [grown for grown in shares.values() if grown is not None]
    bad = [grown for result, grown in shares.items() if grown is not None and result != "accepted"]
    return sum(bad) / sum(told) if bad and sum(told) > ENOUGH_SHARES else None


def minute_records(each: Each, now: float) -> Records:
    """Return the series of the group hashyard-1m."""
    found: Records = defaultdict(dict)
    hot: Series = {}
    for watched, figures in each:
        miner, place, algorithm = (
            (watched.labels, ""),
            (watched.place, ""),
            (watched.place, watched.algorithm),
        )
        nominal, order = watched.subject.nominal, figures.order
        ratio = desired_ratio(figures)
        if order is not None:
            found["miner:ordered_power_ratio:hold"][miner] = order.ratio
            if figures.applied is not None:
                drift = found["container:control_drift:count"]
                _add(drift, place, order.ratio != figures.applied.ratio)
        found["miner:desired_power_ratio:max"][miner] = ratio
        if is_settling(figures, now):
            found["miner:settling:bool"][miner] = 1.0
            if is_ordered_anew(figures, now) or (watched.restarts(now) or 0) < LOOP_RESTARTS:
                _add(found["container:settling:count"], place, 1)
        if figures.hashing:
            found["miner:hashing:bool"][miner] = 1.0
        found["miner:algorithm:info"][watched.labels, watched.algorithm] = 1.0
        expected = expected_hashrate(watched, figures)
        if expected is not None:
            found["miner:expected_hashrate_hashes_per_second:max"][miner] = expected
            _add(found["container:expected_hashrate_hashes_per_second:sum"], algorithm, expected)
        if figures.power_w is not None:
            source = f'source="{"measured" if figures.measured else "estimated"}"'
            _add(found["container:power_watts:sum"], (watched.place, source), figures.power_w)
            if figures.measured and nominal.power_w:
                found["miner:measured_power_ratio:max"][miner] = figures.power_w / nominal.power_w
        mean = watched.mean_hashrate()
        if mean is not None:
            found["miner:hashrate_hashes_per_second:avg15m"][miner] = mean
        kind = f'class="{class_of(figures, now)}"'
        found["miner:time_class:bool"][watched.labels, kind] = 1.0
        _add(found["container:miner_time_class:sum"], (watched.place, kind), 1)
        _add(found["container:miner_up:sum"], place, figures.up)
        _add(found["container:miner_series:count"], place, 1)
        if figures.hashrate_hs is not None:
            _add(found["container:hashrate_hashes_per_second:sum"], algorithm, figures.hashrate_hs)
        if nominal.hashrate_hs is not None:
            _add(found["container:nominal_hashrate_hashes_per_second:sum"], algorithm, nominal.hashrate_hs)
        if nominal.power_w is not None:
            _add(found["container:nominal_power_watts:sum"], place, nominal.power_w)
            _add(found["container:desired_power_watts:sum"], place, nominal.power_w * ratio)
        over = too_hot(watched, figures)
        for sensor, value in over.items():
            found["miner:over_temperature_celsius:max"][watched.labels, f'sensor="{sensor}"'] = value
        if over:
            _add(hot, place, 1)
        if figures.last_seen is not None:
            seen = found["container:last_seen_timestamp_seconds:max"]
            seen[place] = max(seen.get(place, 0.0), figures.last_seen)
    up, miners = found["container:miner_up:sum"], found["container:miner_series:count"]
    found["container:miner_up:ratio"] = _divided(up, miners)
    found["container:over_temperature:ratio"] = _divided(hot, up)
    drifts = found["container:control_drift:count"]
    found["container:control_drift:count"] = {key: count for key, count in drifts.items() if count}
    found["container:hashrate_attainment:ratio"] = _divided(
        found["container:hashrate_hashes_per_second:sum"],
        found["container:expected_hashrate_hashes_per_second:sum"],
    )
    return found


def two_minute_records(each: Each, now: float) -> Records:
    """Return the series of the group hashyard-2m."""
    found: Records = defaultdict(dict)
    joules: Series = {}
    hashes: Series = {}
    degrees: dict[Key, list[float]] = defaultdict(list)
    did: Series = {}
    should: Series = {}
    for watched, figures in each:
        place, algorithm = (watched.place, ""), (watched.place, watched.algorithm)
        if figures.state is not None:
            for state in STATES:
                _add(
                    found["container:miner_state:sum"],
                    (watched.place, f'state="{state}"'),
                    state == figures.state,
                )
        if figures.hashing and figures.hashrate_hs and figures.power_w:
            _add(joules, algorithm, figures.power_w)
            _add(hashes, algorithm, figures.hashrate_hs)
        for sensor, value in figures.temperatures_c.items():
            degrees[watched.place, f'sensor="{sensor}"'].append(value)
        if figures.hashing and figures.boards is not None and (figures.expected_boards or 0) > figures.boards:
            missing = (figures.expected_boards or 0) - figures.boards
            _add(found["container:boards_missing:sum"], place, missing)
        ratio = chips_ratio(figures)
        if ratio is not None:
            found["miner:board_chips:ratio"][watched.labels, ""] = ratio
            _add(found["container:miners_with_chips_missing:count"], place, 1)
        if figures.order is not None:
            since = found["container:desired_since_timestamp_seconds:max"]
            key = watched.place, f'profile="{label(figures.order.profile)}"'
            since[key] = max(since.get(key, 0.0), figures.order.since)
        _count_shares(found, watched, now)
        restarts = watched.restarts(now)
        if restarts is not None:
            found["miner:uptime_seconds:resets2h"][watched.labels, ""] = restarts
        for pool in figures.pools:
            if pool.active:
                account = (pool.user or "").partition(".")[0]
                who = f'account="{label(account)}",url="{label(pool.url)}"'
                _add(found["container:pool_miners:count"], (watched.place, who), 1)
        errors = watched.increase("hardware_errors", now, HALF_HOUR_S)
        if errors is not None:
            _add(found["container:hardware_errors:increase30m"], place, errors)
        mean, expected = watched.mean_hashrate(), expected_hashrate(watched, figures)
        if expected:
            _add(should, ("", watched.model), expected)
            if mean is not None:
                _add(did, ("", watched.model), mean)
    found["container:efficiency_joules_per_hash:ratio"] = _divided(joules, hashes)
    found["container:temperature_celsius:max"] = {key: max(values) for key, values in degrees.items()}
    found["container:temperature_celsius:avg"] = {
        key: sum(known) / len(known)
        for key, values in degrees.items()
        if (known := [value for value in values if value >= COLDEST_C])
    }
    found["model:hashrate_attainment:ratio"] = _divided(did, should)
    return found


def _count_shares(found: Records, watched: Watched, now: float) -> None:
    for result in RESULTS:
        grown = watched.increase(result, now, HALF_HOUR_S)
        if grown is not None:
            found["miner:shares:increase30m"][watched.labels, f'result="{result}"'] = grown
            _add(found["container:shares:increase30m"], (watched.place, f'result="{result}"'), grown)
    ratio = rejected_ratio(watched, now)
    if ratio is not None:
        found["miner:shares_rejected:ratio30m"][watched.labels, ""] = ratio


def fleet_records(minute: Records, two: Records) -> Records:
    """Return the series of the group hashyard-fleet-1m. `two`: the latest of the group hashyard-2m."""
    rate, expected = (
        _of_fleet(minute[f"container:{name}_hashes_per_second:sum"])
        for name in ("hashrate", "expected_hashrate")
    )
    return {
        "fleet:miners:sum": _of_fleet(minute["container:miner_series:count"]),
        "fleet:miner_up:sum": _of_fleet(minute["container:miner_up:sum"]),
        "fleet:miner_state:sum": _of_fleet(two["container:miner_state:sum"]),
        "fleet:miner_time_class:sum": _of_fleet(minute["container:miner_time_class:sum"]),
        "fleet:hashrate_hashes_per_second:sum": rate,
        "fleet:expected_hashrate_hashes_per_second:sum": expected,
        "fleet:hashrate_attainment:ratio": _divided(rate, expected),
        "fleet:power_watts:sum": _of_fleet(minute["container:power_watts:sum"]),
        "fleet:desired_power_watts:sum": _of_fleet(minute["container:desired_power_watts:sum"]),
        "fleet:efficiency_joules_per_hash:ratio": _efficiency(minute, two),
    }


def _efficiency(minute: Records, two: Records) -> Series:
    rates = minute["container:hashrate_hashes_per_second:sum"]
    each = {
        key: (ratio, rates[key])
        for key, ratio in two["container:efficiency_joules_per_hash:ratio"].items()
        if key in rates
    }
    joules: Mapping[Key, float] = {key: ratio * rate for key, (ratio, rate) in each.items()}
    return _divided(_of_fleet(joules), _of_fleet({key: rate for key, (_, rate) in each.items()}))


def _add(series: Series, key: Key, value: float) -> None:
    series[key] = series.get(key, 0.0) + value


def _divided(above: Mapping[Key, float], below: Mapping[Key, float]) -> Series:
    return {key: value / below[key] for key, value in above.items() if below.get(key)}


def _of_fleet(series: Mapping[Key, float]) -> Series:
    found: Series = {}
    for (_, beside), value in series.items():
        _add(found, ("", beside), value)
    return found
