"""What the exporter works out itself: energy, nominal figures, prices, allowed pools, pool switches, the log of changes."""

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from exporter.changes import MAX_REMOVED, BadCursor, Changes
from exporter.device import Device, nominal
from exporter.energy import EnergyMeter
from exporter.fleet import Fleet, MinerState
from exporter.pool_rules import compile_rules
from exporter.scrape import wants_gzip, wants_openmetrics
from miners.inventory.fleet import PoolRule
from miners.model import Identity, PollFailure, Pool, Snapshot


def metered(build: Any, *readings: tuple[float, float | None, str | None]) -> EnergyMeter:
    meter = EnergyMeter()
    for taken_s, power_w, source in readings:
        meter.add(build.snapshot(power_w=power_w, power_source=source), taken_s, 30.0)
    return meter


def joules(meter: EnergyMeter) -> tuple[float, float, float]:
    return meter.measured_j, meter.estimated_j, meter.observed_s


def test_energy_is_the_area_under_the_power(build: Any) -> None:
    meter = metered(build, (0.0, 1000.0, "measured"), (30.0, 2000.0, "measured"), (60.0, 2000.0, "measured"))
    assert joules(meter) == (1500.0 * 30 + 2000.0 * 30, 0.0, 60.0)


def test_each_half_of_the_time_belongs_to_the_source_that_is_nearer(build: Any) -> None:
    meter = metered(build, (0.0, 3000.0, "measured"), (30.0, 40.0, "estimated"))
    assert joules(meter) == (3000.0 * 15, 40.0 * 15, 30.0)


@pytest.mark.parametrize(("gap", "observed"), [(75.0, 75.0), (75.1, 0.0), (3600.0, 0.0)])
def test_nothing_is_counted_across_a_gap_of_more_than_two_and_a_half_intervals(
    build: Any, gap: float, observed: float
) -> None:
    meter = metered(build, (0.0, 1000.0, "measured"), (gap, 1000.0, "measured"))
    assert joules(meter) == (1000.0 * observed, 0.0, observed)


@pytest.mark.parametrize("power", [None, math.nan, math.inf, -5.0, 10**400])
def test_time_without_a_figure_of_power_is_not_observed(build: Any, power: float | None) -> None:
    meter = metered(build, (0.0, 1000.0, "measured"), (30.0, power, "measured"), (60.0, power, "measured"))
    assert joules(meter) == (15_000.0, 0.0, 15.0)


@given(st.lists(st.tuples(st.floats(0, 200), st.none() | st.floats(0, 1e5)), max_size=20))
def test_energy_never_shrinks_and_never_covers_more_than_the_time(
    build: Any, steps: list[tuple[float, float | None]]
) -> None:
    meter, now = EnergyMeter(), 0.0
    for step, power in steps:
        before = joules(meter)
        now += step
        meter.add(build.snapshot(power_w=power), now, 30.0)
        assert all(after >= was for after, was in zip(joules(meter), before, strict=True))
    assert meter.observed_s <= now + 1e-6


def test_the_highest_nominal_hash_rate_counts_while_it_is_the_same_device(build: Any) -> None:
    miner, container, device = build.miner(), build.container(), Device()
    device.notice(build.snapshot(nominal_hashrate_hs=100e12))
    device.notice(build.snapshot(nominal_hashrate_hs=60e12))
    device.notice(build.snapshot(nominal_hashrate_hs=200e12, estimated=("nominal_hashrate_hs",)))
    assert nominal(container, miner, device).hashrate_hs == 100e12
    cut = replace(build.snapshot(nominal_hashrate_hs=None), identity=Identity())
    device.notice(cut)
    assert nominal(container, miner, device).hashrate_hs == 100e12
    assert nominal(container, replace(miner, nominal_hashrate_hs=90e12), device).hashrate_hs == 90e12
    other = replace(build.snapshot().identity, mac="02:00:00:00:00:99")
    device.notice(build.snapshot(nominal_hashrate_hs=60e12, identity=other))
    assert nominal(container, miner, device).hashrate_hs == 60e12


def test_the_model_table_fills_what_nobody_says(build: Any) -> None:
    miner = build.miner(manufacturer="Whatsminer", model="M50S")
    from_table = nominal(build.container(), miner, Device())
    assert from_table.hashrate_hs is not None
    assert from_table.power_w is not None
    half = nominal(build.container(), miner, Device(nominal_hashrate_hs=from_table.hashrate_hs / 2))
    assert half.power_w == pytest.approx(from_table.power_w / 2)
    assert nominal(build.container(), replace(miner, nominal_power_w=5000.0), Device()).power_w == 5000.0
    unknown = nominal(build.container(), build.miner(), Device())
    assert (unknown.hashrate_hs, unknown.power_w, unknown.limits_c) == (None, None, ())


def test_temperature_limits_are_the_containers_before_the_tables(build: Any) -> None:
    miner = build.miner(manufacturer="Avalon", model="841")
    assert nominal(build.container(), miner, Device()).limits_c == (("chip_max", 105.0),)
    own = build.container(temperature_limits_c={"inlet": 40.0, "chip_max": 90.0})
    assert nominal(own, miner, Device()).limits_c == (("chip_max", 90.0), ("inlet", 40.0))


@pytest.mark.parametrize(
    ("url", "user", "allowed"),
    [
        ("stratum+tcp://btc.pool.example:3333", "farm.worker1", True),
        ("STRATUM+TCP://BTC.pool.example:3333", "farm.worker1", True),
        ("stratum+tcp://btc.pool.example:3333", "thief.worker1", False),
        ("stratum+tcp://evil.example:3333", "farm.worker1", False),
        ("stratum+tcp://btc.pool.example:3333", None, False),
        ("stratum+tcp://fee.example:1", None, True),
        ("", "", True),
        (None, None, True),
        ("stratum+tcp://btc.pool.example:3333" + "x" * 600, "farm.w", False),
    ],
)
def test_pools_are_allowed_by_shell_patterns(url: str | None, user: str | None, allowed: bool) -> None:
    rules = (PoolRule("stratum+tcp://btc.pool.example:*", "farm.*"), PoolRule("stratum+tcp://fee.example:1"))
    assert compile_rules(rules)(url, user) is allowed


def filled(build: Any, *readings: Snapshot | PollFailure) -> tuple[Fleet, MinerState]:
    async def fill() -> Fleet:
        fleet = Fleet()
        inventory = build.inventory()
        await fleet.apply(inventory, inventory.containers, build.target)
        return fleet

    fleet = asyncio.run(fill())
    state = fleet.find("Контейнер 1", "A3-12")
    assert state is not None
    for at, reading in enumerate(readings):
        fleet.take(state, reading, 30.0 * at)
    return fleet, state


def test_changes_of_the_active_pool_are_counted(build: Any) -> None:
    def on(index: int | None) -> Snapshot:
        pools = tuple(Pool(number, f"pool{number}", active=number == index) for number in range(3))
        reading: Snapshot = build.snapshot(pools=pools)
        return reading

    _, state = filled(build, on(0), on(0), on(None), on(0), on(1), build.failure(), on(1), on(0))
    assert state.pool_switches == 2


def test_a_reading_that_is_too_old_is_not_shown_as_current(build: Any) -> None:
    fleet, state = filled(build, build.snapshot())
    assert fleet.expire(90.0, 1e9) == 0
    assert fleet.expire(90.1, 1e9) == 1
    assert isinstance(state.reading, PollFailure)
    assert any(b"miner_up{" in chunk and chunk.endswith(b" 0.0\n") for chunk in state.row)
    assert not any(b"miner_hashrate_hashes" in chunk for chunk in state.row)
    assert fleet.expire(500.0, 1e9) == 0


def test_names_in_tracebacks_are_short(build: Any) -> None:
    fleet, state = filled(build, build.snapshot())
    assert repr(state) == "<Контейнер 1 / A3-12>"
    assert repr(fleet.containers["Контейнер 1"]) == "<Контейнер 1>"


class Thing:
    def __init__(self) -> None:
        self.sequence = 0
        self.removed = False


@given(st.lists(st.integers(0, 9), max_size=200), st.integers(0, 200))
def test_whoever_follows_the_changes_misses_none(order: list[int], asked_at: int) -> None:
    changes: Changes[Thing] = Changes()
    things = [Thing() for _ in range(10)]
    cursor, after = changes.cursor(), set(order)
    for at, index in enumerate(order):
        if at == asked_at:
            cursor, after = changes.cursor(), set(order[at:])
        changes.note(things[index])
    sequence, _reset = changes.begin(cursor)
    told = list(changes.since(sequence))
    if asked_at >= len(order):
        after = set(order)
    assert {things.index(thing) for thing in told} == after
    assert [thing.sequence for thing in told] == sorted(thing.sequence for thing in told)


def test_the_log_of_changes_stays_small_and_forgets_the_oldest_removals() -> None:
    changes: Changes[Thing] = Changes()
    begin = changes.cursor()
    for _ in range(MAX_REMOVED + 500):
        thing = Thing()
        thing.removed = True
        changes.note(thing)
    old = changes.cursor(1)
    living = Thing()
    for _ in range(3 * MAX_REMOVED):
        changes.note(living)
    assert len(list(changes.since(0))) <= MAX_REMOVED + 1001
    assert changes.begin(old) == (0, True)
    assert changes.begin(begin) == (0, True)
    assert changes.begin(changes.cursor())[1] is False


@pytest.mark.parametrize("cursor", ["x", "0-0", "-", "٣" * 8 + "-1", "zzzzzzzz-1"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    changes: Changes[Thing] = Changes()
    with pytest.raises(BadCursor):
        changes.begin(cursor)
    with pytest.raises(BadCursor):
        changes.begin(f"{changes.epoch}-1")


@pytest.mark.parametrize(
    ("accept", "openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain", False),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text;version=0.0.1", False),
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain",
            True,
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3",
            True,
        ),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.9", False),
        ("application/openmetrics-text;q=nonsense", False),
    ],
)
def test_the_accept_header_decides(accept: str, openmetrics: bool) -> None:
    assert wants_openmetrics(accept) is openmetrics


@pytest.mark.parametrize(
    ("given_header", "wanted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZIP;q=0.5", True),
        ("gzip;q=0", False),
        ("br", False),
        ("*", True),
    ],
)
def test_gzip_is_used_when_asked_for(given_header: str, wanted: bool) -> None:
    assert wants_gzip(given_header) is wanted
