"""The renderer's text is what prometheus_client writes for the same families, and promtool accepts it."""

import asyncio
import math
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector, CollectorRegistry

from exporter import metrics
from exporter.fleet import Fleet, MinerState
from exporter.scrape import END_OF_OPENMETRICS, fleet_pieces
from miners.inventory.fleet import Container, Inventory
from miners.inventory.secrets import target_of
from miners.model import (
    FAILURE_REASONS,
    STATES,
    Board,
    Fan,
    Fault,
    Identity,
    Pool,
    Psu,
    Reading,
    Shares,
    Snapshot,
    Temperatures,
)
from miners.models import find_model

NOW = 1_772_366_400.5  # 2026-03-01 12:00:00.5 UTC, 20:00 in Irkutsk: the dear hours of the tariff

TABLE = {metric.name: metric for metric in (*metrics.CONTAINER, *metrics.MINER)}


class Reference(Collector):
    """The same series, made with prometheus_client's families straight from the readings."""

    def __init__(self, fleet: Fleet) -> None:
        self.families: dict[str, Any] = {}
        for name, metric in TABLE.items():
            kind = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily, "info": InfoMetricFamily}
            self.families[name] = kind[metric.kind](metric.family, metric.help)
        for live in fleet.containers.values():
            self.container(live.container, len(live.miners))
            for state in live.miners.values():
                self.miner(state)

    def collect(self) -> Iterable[Metric]:
        return [family for family in self.families.values() if family.samples]

    def add(self, name: str, labels: dict[str, str], value: float | None) -> None:
        if value is None:
            return
        family = self.families[name]
        family.add_sample(name, labels, float(value))

    def container(self, container: Container, miners: int) -> None:
        own = {"container": clean(container.name)}
        if container.client is not None:
            own["client"] = clean(container.client)
        texts = {
            "location": clean(container.location),
            "description": clean(container.description),
            "timezone": clean(container.timezone),
        }
        self.add("container_info", own | texts, 1)
        self.add("container_miners", own, miners)
        self.add("container_alert_hashrate_min_ratio", own, container.alerts.hashrate_min_ratio)
        self.add("container_alert_reject_max_ratio", own, container.alerts.reject_max_ratio)
        self.add("container_alert_down_max_ratio", own, container.alerts.down_max_ratio)
        self.add("container_power_limit_watts", own, container.power_limit_w)
        if container.tariff is not None:
            self.add("container_energy_price_per_kilowatt_hour", own | {"currency": "RUB"}, 4.20)

    def miner(self, state: MinerState) -> None:
        container, miner, reading = state.container, state.miner, state.reading
        own = {"container": clean(container.name), "miner": clean(miner.name)}
        if container.client is not None:
            own["client"] = clean(container.client)
        row = "" if miner.row is None else f"{miner.row:02d}"
        column = "" if miner.column is None else f"{miner.column:02d}"
        self.add(
            "miner_inventory_info",
            own
            | {
                "address": clean(miner.address),
                "algorithm": algorithm_of(state),
                "manufacturer": clean(miner.manufacturer or ""),
                "model": clean(miner.model or ""),
                "row": row,
                "column": column,
            },
            1,
        )
        for reason, count in zip(FAILURE_REASONS, state.failures, strict=True):
            self.add("miner_poll_failures_total", own | {"reason": reason}, count)
        nominal_hs = miner.nominal_hashrate_hs
        if nominal_hs is None and isinstance(reading, Snapshot):
            nominal_hs = reading.nominal_hashrate_hs
        self.add("miner_nominal_hashrate_hashes_per_second", own, nominal_hs)
        self.add("miner_nominal_power_watts", own, miner.nominal_power_w)
        for sensor, limit in sorted(container.temperature_limits_c.items()):
            self.add("miner_temperature_limit_celsius", own | {"sensor": sensor}, limit)
        self.add("miner_up", own, isinstance(reading, Snapshot))
        self.add("miner_last_seen_timestamp_seconds", own, state.last_seen)
        self.add("miner_observed_seconds_total", own, state.meter.observed_s)
        self.add("miner_energy_joules_total", own | {"source": "measured"}, state.meter.measured_j)
        self.add("miner_energy_joules_total", own | {"source": "estimated"}, state.meter.estimated_j)
        if isinstance(reading, Snapshot):
            position = f"{row}-{column}" if row and column else ""
            self.identity(own, reading, position)
            self.reading(own, reading, state.pool_switches)
            self.boards(own, reading)
            self.pools(own, reading)

    def identity(self, own: dict[str, str], s: Snapshot, position: str) -> None:
        who = s.identity
        texts = {
            "address": s.address,
            "manufacturer": who.manufacturer,
            "model": who.model,
            "algorithm": who.algorithm,
            "firmware": who.firmware,
            "firmware_version": who.firmware_version,
            "mac": who.mac,
            "serial": who.serial,
            "driver": s.driver,
        }
        labels = {key: clean(text or "") for key, text in texts.items()}
        self.add("miner_info", own | labels | {"position": position}, 1)

    def reading(self, own: dict[str, str], s: Snapshot, switches: int) -> None:
        for state in STATES:
            self.add("miner_state", own | {"state": state}, s.state == state)
        self.add("miner_poll_duration_seconds", own, s.duration_s)
        self.add("miner_uptime_seconds", own, s.uptime_s)
        self.add("miner_hashrate_hashes_per_second", own, s.hashrate_hs)
        self.add("miner_hashrate_average_hashes_per_second", own, s.hashrate_average_hs)
        self.add("miner_hashes_total", own, s.hashes_total)
        if s.power_source is not None:
            self.add("miner_power_watts", own | {"source": s.power_source}, s.power_w)
        self.add("miner_power_limit_watts", own, s.power_limit_w)
        for sensor in ("inlet", "outlet", "board_max", "chip_max", "chip_avg", "psu"):
            value = getattr(s.temperatures_c, sensor)
            self.add("miner_temperature_celsius", own | {"sensor": sensor}, value)
        for fan in s.fans:
            self.add("miner_fan_speed_rpm", own | {"fan": str(fan.index)}, fan.speed_rpm)
        if s.psu is not None:
            self.add("miner_fan_speed_rpm", own | {"fan": "psu"}, s.psu.fan_rpm)
        self.add("miner_fan_duty_ratio", own, s.fan_duty_ratio)
        if s.boards or s.expected_boards is not None:
            self.add("miner_boards", own, len(s.boards))
        self.add("miner_expected_boards", own, s.expected_boards)
        self.shares("miner_shares_total", own, s.shares)
        self.add("miner_hardware_errors_total", own, s.hardware_errors)
        self.add("miner_pool_switches_total", own, switches)
        for fault in s.faults:
            self.add("miner_fault", own | {"code": clean(fault.code)}, 1)

    def boards(self, own: dict[str, str], s: Snapshot) -> None:
        for board in s.boards:
            place = own | {"board": str(board.index)}
            self.add("miner_board_hashrate_hashes_per_second", place, board.hashrate_hs)
            self.add("miner_board_nominal_hashrate_hashes_per_second", place, board.nominal_hashrate_hs)
            for sensor in ("inlet", "outlet", "board", "chip_max", "chip_avg"):
                value = getattr(board, f"{sensor}_c")
                self.add("miner_board_temperature_celsius", place | {"sensor": sensor}, value)
            self.add("miner_board_chips", place, board.chips)
            self.add("miner_board_expected_chips", place, board.expected_chips)
            self.add("miner_board_frequency_hertz", place, board.frequency_hz)
            self.add("miner_board_voltage_volts", place, board.voltage_v)
            self.add("miner_board_hardware_errors_total", place, board.hardware_errors)

    def pools(self, own: dict[str, str], s: Snapshot) -> None:
        for pool in s.pools:
            place = own | {"pool": str(pool.index)}
            self.add(
                "miner_pool_info", place | {"url": clean(pool.url or ""), "user": clean(pool.user or "")}, 1
            )
            self.add("miner_pool_up", place, pool.alive)
            self.add("miner_pool_active", place, pool.active)
            self.shares("miner_pool_shares_total", place, pool)
            seen = pool.last_share_at
            self.add("miner_pool_last_share_timestamp_seconds", place, seen and seen.timestamp())

    def shares(self, name: str, labels: dict[str, str], shares: Shares | Pool) -> None:
        for result in ("accepted", "rejected", "stale"):
            self.add(name, labels | {"result": result}, getattr(shares, result))


def algorithm_of(state: MinerState) -> str:
    """What the model table says of the model that the device names, else of the inventory's."""
    facts = find_model(
        state.device.manufacturer or state.miner.manufacturer, state.device.model or state.miner.model
    )
    return facts.algorithm or "" if facts else ""


def clean(text: str) -> str:
    kept = "\t\n"
    shown = "".join(
        "\ufffd"
        if (ord(c) < 0x20 and c not in kept) or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000
        else c
        for c in text
    )
    return shown[:200]


def fleet_of(inventory: Inventory, *readings: Reading) -> Fleet:
    """Return a fleet whose miners, in order, have taken the readings, 30 s apart from one another."""

    async def fill() -> Fleet:
        fleet = Fleet()
        await fleet.apply(inventory, inventory.containers, target)
        for at, reading in enumerate(readings):
            state = fleet.find(reading.container, reading.miner)
            assert state is not None
            fleet.take(state, reading, 1000.0 + 30.0 * at)
        return fleet

    def target(container: Container, miner: Any) -> Any:
        return target_of(container, miner, None)

    return asyncio.run(fill())


def page(fleet: Fleet, *, openmetrics: bool) -> bytes:
    pieces = fleet_pieces(list(fleet.containers.values()), NOW, openmetrics=openmetrics)
    return b"".join(pieces) + (END_OF_OPENMETRICS if openmetrics else b"")


def reference(fleet: Fleet, *, openmetrics: bool) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Reference(fleet))
    return bytes(generate_openmetrics(registry) if openmetrics else generate_latest(registry))


def assert_same(fleet: Fleet) -> None:
    for openmetrics in (False, True):
        ours = page(fleet, openmetrics=openmetrics).decode()
        theirs = reference(fleet, openmetrics=openmetrics).decode()
        assert ours.split("\n") == theirs.split("\n")


def test_a_realistic_miner(build: Any) -> None:
    inventory = build.inventory()
    fleet = fleet_of(inventory, build.snapshot(), build.snapshot(hashrate_hs=0.0, state="fault"))
    assert_same(fleet)
    assert 'miner_up{client="acme",container="Контейнер 1",miner="A3-12"} 1.0' in page(
        fleet, openmetrics=False
    ).decode().split("\n")


def test_several_containers_of_several_miners_in_all_conditions(build: Any) -> None:
    first = build.container(
        miners=(build.miner("a"), build.miner("b", row=None), build.miner("never", nominal_power_w=3400.0)),
        temperature_limits_c={"inlet": 40.0, "chip_max": 95.0},
    )
    second = build.container(
        'the "second"\\',
        (build.miner("a", 'the "second"\\', nominal_hashrate_hs=1e14),),
        id="second",
        client=None,
        tariff=None,
        power_limit_w=None,
    )
    inventory = build.inventory(first, second)
    targets = {(c.name, m.name): build.target(c, m) for c in inventory.containers for m in c.miners}
    fleet = fleet_of(
        inventory,
        build.snapshot(targets["Контейнер 1", "a"]),
        build.failure(targets["Контейнер 1", "b"]),
        build.snapshot(
            targets['the "second"\\', "a"],
            boards=(),
            expected_boards=None,
            pools=(),
            psu=None,
            power_w=None,
            power_source=None,
            nominal_hashrate_hs=None,
            identity=Identity(),
        ),
    )
    assert_same(fleet)


def test_a_miner_that_stops_answering_leaves_what_the_exporter_knows(build: Any) -> None:
    fleet = fleet_of(build.inventory(), build.snapshot(), build.snapshot(), build.failure())
    text = page(fleet, openmetrics=False).decode()
    series = {line.split("{")[0] for line in text.splitlines() if line.startswith("miner_")}
    assert series == {
        "miner_up",
        "miner_inventory_info",
        "miner_poll_failures_total",
        "miner_last_seen_timestamp_seconds",
        "miner_energy_joules_total",
        "miner_observed_seconds_total",
        "miner_nominal_hashrate_hashes_per_second",
    }
    assert 'miner_up{client="acme",container="Контейнер 1",miner="A3-12"} 0.0\n' in text
    assert 'miner="A3-12",source="measured"} 99630.0\n' in text
    assert 'miner="A3-12",reason="timeout"} 1.0\n' in text


def test_what_a_miner_hashes_is_told_from_the_first_scrape_and_while_it_is_down(build: Any) -> None:
    litecoin = build.miner(manufacturer="AntMiner", model="L7")
    fleet = fleet_of(build.inventory(build.container(miners=(litecoin,))))
    assert 'algorithm="Scrypt"' in page(fleet, openmetrics=False).decode()
    seen = build.snapshot(identity=Identity("Whatsminer", "M30S+_VE40"))
    for reading in (seen, build.failure()):
        fleet = fleet_of(build.inventory(), seen, reading)
        line = next(
            one for one in page(fleet, openmetrics=False).decode().splitlines() if "inventory_info{" in one
        )
        assert 'algorithm="SHA-256"' in line, line


FIGURES = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70)
COUNTS = st.integers(0, 2**63)
TEXTS = st.text(st.characters(), max_size=250) | st.text(alphabet='"\\\n\t\0\x85é\u2028\ud800', max_size=20)
TIMES = st.datetimes(timezones=st.just(UTC)).filter(lambda t: t.year > 1970)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


BOARDS = st.builds(
    Board,
    st.integers(0, 300),
    maybe(TEXTS),
    *[maybe(FIGURES)] * 2,
    *[maybe(COUNTS)] * 2,
    *[maybe(FIGURES)] * 7,
    maybe(COUNTS),
)
POOLS = st.builds(
    Pool,
    st.integers(0, 5),
    maybe(TEXTS),
    maybe(TEXTS),
    maybe(st.booleans()),
    maybe(st.booleans()),
    *[maybe(COUNTS)] * 4,
    maybe(TIMES),
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    source = draw(st.sampled_from((None, "measured", "estimated")))
    return Snapshot(
        container="Контейнер 1",
        miner="A3-12",
        address="10.1.7.12",
        taken_at=draw(TIMES),
        duration_s=draw(st.floats(0, 20)),
        driver="cgminer",
        state=draw(st.sampled_from(STATES)),
        identity=draw(st.builds(Identity, *[maybe(TEXTS)] * 8)),
        uptime_s=draw(maybe(FIGURES)),
        hashrate_hs=draw(maybe(FIGURES)),
        hashrate_average_hs=draw(maybe(FIGURES)),
        nominal_hashrate_hs=draw(maybe(st.floats(1, 1e18))),
        hashes_total=draw(maybe(COUNTS)),
        power_w=None if source is None else draw(st.floats(0, 1e9)),
        power_source=source,
        power_limit_w=draw(maybe(FIGURES)),
        temperatures_c=draw(st.builds(Temperatures, *[maybe(FIGURES)] * 6)),
        boards=tuple(draw(st.lists(BOARDS, max_size=4, unique_by=lambda board: board.index))),
        expected_boards=draw(maybe(COUNTS)),
        fans=tuple(
            draw(
                st.lists(
                    st.builds(Fan, st.integers(0, 9), FIGURES), max_size=4, unique_by=lambda fan: fan.index
                )
            )
        ),
        fan_duty_ratio=draw(maybe(FIGURES)),
        psu=draw(maybe(st.builds(Psu, maybe(TEXTS), maybe(TEXTS), *[maybe(FIGURES)] * 5))),
        pools=tuple(draw(st.lists(POOLS, max_size=3, unique_by=lambda pool: pool.index))),
        shares=draw(st.builds(Shares, *[maybe(COUNTS)] * 3)),
        hardware_errors=draw(maybe(COUNTS)),
        faults=tuple(
            draw(st.lists(st.builds(Fault, TEXTS), max_size=3, unique_by=lambda fault: clean(fault.code)))
        ),
    )


@settings(max_examples=40, deadline=None)
@given(one=snapshots(), other=snapshots())
def test_whatever_a_miner_reports(build: Any, one: Snapshot, other: Snapshot) -> None:
    inventory = build.inventory(build.container(miners=(build.miner(nominal_hashrate_hs=1e14, model=None),)))
    assert_same(fleet_of(inventory, one, other))


SPOILT = st.sampled_from((math.nan, math.inf, -math.inf, 10**400, -(10**400)))


@settings(max_examples=30, deadline=None)
@given(reading=snapshots(), value=SPOILT, data=st.data())
def test_no_sample_is_ever_nan_or_infinite(build: Any, reading: Snapshot, value: float, data: Any) -> None:
    field = data.draw(
        st.sampled_from(
            ("hashrate_hs", "uptime_s", "power_w", "nominal_hashrate_hs", "hardware_errors", "fans", "boards")
        )
    )
    whole: Any = {
        "fans": (Fan(0, value), Fan(1, 5040.0)),
        "boards": (Board(0, hashrate_hs=value, chips=111),),
    }
    spoilt = replace(reading, **{field: whole.get(field, value), "power_source": "measured"})
    fleet = fleet_of(build.inventory(), reading, spoilt, spoilt)
    for family in families(page(fleet, openmetrics=True)):
        for sample in family.samples:
            assert math.isfinite(sample.value), sample
    text = page(fleet, openmetrics=False).decode()
    assert 'miner_up{client="acme",container="Контейнер 1",miner="A3-12"} 1.0\n' in text
    if field == "fans":
        assert 'fan="0"' not in text
        assert 'fan="1"' in text
    if field == "boards":
        assert re.search(r'miner_board_chips{board="0",.*} 111.0\n', text)


def families(content: bytes) -> Iterator[Metric]:
    yield from text_string_to_metric_families(content.decode())


def test_the_parsers_read_back_what_was_meant(build: Any) -> None:
    nasty = 'a"b\\c\nd\te' + "é" * 300
    fleet = fleet_of(build.inventory(), build.snapshot(identity=Identity(model=nasty, serial="\x00\x1b[31m")))
    info = next(family for family in families(page(fleet, openmetrics=True)) if family.name == "miner")
    labels = info.samples[0].labels
    assert labels["model"] == nasty[:200]
    assert labels["serial"] == "\ufffd\ufffd[31m"


def test_boards_fans_and_pools_stand_once_however_often_a_miner_names_them(build: Any) -> None:
    reading = build.snapshot(
        boards=(Board(1, chips=100), Board(1, chips=50)),
        fans=(Fan(0, 1.0), Fan(0, 2.0)),
        pools=tuple(Pool(0, "u", str(n)) for n in range(50)),
        faults=tuple(Fault(f"code {n}") for n in range(500)),
    )
    text = page(fleet_of(build.inventory(), reading), openmetrics=False).decode()
    lines = [line.rsplit(" ", 1)[0] for line in text.splitlines()]
    assert len(lines) == len(set(lines))
    assert 'miner_boards{client="acme",container="Контейнер 1",miner="A3-12"} 1.0' in text
    assert text.count("miner_fault{") == 64


@pytest.mark.parametrize("openmetrics", [False, True])
def test_an_empty_fleet_is_an_empty_page(openmetrics: bool) -> None:
    assert page(Fleet(), openmetrics=openmetrics) == (END_OF_OPENMETRICS if openmetrics else b"")


def test_promtool_accepts_the_page(build: Any) -> None:
    promtool = shutil.which("promtool")
    assert promtool is not None, "promtool is not installed: it comes with the system's package prometheus"
    inventory = build.inventory(
        build.container(
            temperature_limits_c={"chip_max": 95.0},
            miners=(build.miner(pools=build.rules("stratum+tcp://pool0.*"), nominal_power_w=3400.0),),
        )
    )
    text = page(fleet_of(inventory, build.snapshot(), build.snapshot()), openmetrics=False)
    assert {f"# TYPE {metric.name} " in text.decode() for metric in TABLE.values()} == {True}
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, "", "")
