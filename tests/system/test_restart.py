"""The exporter killed and started again goes on: what it remembered is there, and its counters make sense to Prometheus."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.system.stack import Miner, Program, Stack, ask, by_miner, metrics, query, truth, until

# No model is named: what is nominal is known from the devices alone.
TARGETS = """
defaults: {interval: 1s, web_port: null, connect_timeout: 1s, timeout: 2s}
containers:
  - name: Контейнер 1
    miners:
      - {name: whats, address: 127.N.1.1, simulate: {model: M50}}
      - {name: newer, address: 127.N.1.2, simulate: {model: M60S}}
      - {name: ant, address: 127.N.1.3, simulate: {model: S19 Pro}}
      - {name: ava, address: 127.N.1.4, simulate: {model: "1246"}}
      - {name: lux, address: 127.N.1.5, simulate: {model: S19k Pro, device: luxos}}
"""
DRIVERS = {
    "whats": "whatsminer_v2",
    "newer": "whatsminer_v3",
    "ant": "antminer",
    "ava": "avalon",
    "lux": "luxos",
}
ALL = {f"Контейнер 1/{name}" for name in DRIVERS}
NOMINAL = "miner_nominal_hashrate_hashes_per_second"


class Running(NamedTuple):
    stack: Stack
    targets: Path
    simulator: Program

    @property
    def data(self) -> Path:
        return self.stack.folder / "data"

    def start(self, wait_for: str = "/-/ready") -> Program:
        return self.stack.start_exporter(self.targets, "--data", str(self.data), wait_for=wait_for)

    def miner(self, name: str) -> Miner:
        return Miner(self.simulator, "Контейнер 1", name)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Stack(tmp_path) as stack:
        targets = stack.write_targets(TARGETS)
        yield Running(stack, targets, stack.start_simulator(targets))


def values(exporter: Program, name: str) -> dict[str, float]:
    return by_miner([one for one in metrics(exporter) if one.name == name])


def until_all_up(exporter: Program) -> None:
    until(lambda: values(exporter, "miner_up") == dict.fromkeys(ALL, 1.0), "all are up")


def readings(exporter: Program) -> dict[str, dict[str, Any]]:
    items = ask(f"{exporter.url}/api/v1/fleet").json()["items"]
    return {item["miner"]: item for item in items}


def test_drivers_and_nominal_rates_are_remembered_over_a_kill(running: Running) -> None:
    exporter = running.start()
    until_all_up(exporter)
    nominal = values(exporter, NOMINAL)
    assert set(nominal) == ALL
    assert exporter.end(signal.SIGTERM) == 0  # what is known is written down at the latest now

    exporter = running.start()
    until_all_up(exporter)
    assert exporter.end(signal.SIGKILL) == -signal.SIGKILL

    for name in DRIVERS:
        running.miner(name).spoil(fault="silent")
    exporter = running.start()
    until(lambda: len(readings(exporter)) == len(DRIVERS), "each was polled")
    assert values(exporter, "miner_up") == dict.fromkeys(ALL, 0.0)
    assert values(exporter, NOMINAL) == nominal, "known, though no miner has said anything since the start"
    silent = readings(exporter)
    assert {name: item["driver"] for name, item in silent.items()} == DRIVERS
    assert {item["kind"] for item in silent.values()} == {"poll_failure"}
    for name in DRIVERS:
        running.miner(name).mend()
    until_all_up(exporter)


def test_another_device_at_the_address_is_not_taken_for_the_remembered_one(running: Running) -> None:
    exporter = running.start()
    until_all_up(exporter)
    assert exporter.end() == 0
    # Two miners change places while nobody looks.
    whats, ava = "model: M50", 'model: "1246"'
    running.stack.write_targets(
        TARGETS.replace(whats, "model: ?").replace(ava, whats).replace("model: ?", ava)
    )
    assert running.simulator.end() == 0
    running.stack.start_simulator(running.targets)
    exporter = running.start()
    until_all_up(exporter)

    def found() -> bool:
        now = readings(exporter)
        assert {name: now[name]["driver"] for name in ("whats", "ava")} == {
            "whats": "avalon",
            "ava": "whatsminer_v2",
        }
        return True

    until(found, "the drivers are found anew")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 4096,
        b'{"format":1,"miners":[{"container":"\xd0\x9a',
        b'{"format":99,"miners":[]}',
        b'{"format":1,"miners":[{"container":1}]}',
        b"[]",
    ],
    ids=["empty", "noughts", "cut", "another format", "wrong types", "a list"],
)
def test_a_damaged_memory_costs_a_warning_and_nothing_else(running: Running, content: bytes) -> None:
    running.data.mkdir()
    remembered = running.data / "exporter-remembers.json"
    remembered.write_bytes(content)
    remembered.with_suffix(".new").write_bytes(content)
    exporter = running.start()
    until_all_up(exporter)
    assert exporter.said.count("beginning afresh") == 1
    assert exporter.end() == 0
    kept = json.loads(remembered.read_bytes())
    assert {memo["miner"]: memo["driver"] for memo in kept["miners"]} == DRIVERS
    assert not remembered.with_suffix(".new").exists()


def test_prometheus_sees_a_reset_of_our_counters_and_none_of_the_miners(
    running: Running, prometheus: Path
) -> None:
    exporter = running.start()
    history = running.stack.start_prometheus(prometheus, exporter)

    def observed() -> dict[str, float]:
        return by_miner(query(history, "miner_observed_seconds_total"))

    def over(expression: str) -> dict[str, float]:
        return by_miner(query(history, f"sum by (container, miner) ({expression})"))

    until(lambda: set(observed()) == ALL and min(observed().values()) >= 6.0, "six seconds are observed")
    first = truth(running.simulator)
    assert exporter.end(signal.SIGKILL) == -signal.SIGKILL
    until(lambda: query(history, "miner_up") == [], "with the exporter gone, its series end")
    assert [one.value for one in query(history, 'up{job="hashyard"}')] == [0.0]
    began_again = time.time()
    running.start()
    until(lambda: set(observed()) == ALL and min(observed().values()) >= 6.0, "six seconds again")
    assert max(observed().values()) <= time.time() - began_again + 2.0, "they began at 0"

    assert over("resets(miner_observed_seconds_total[5m])") == dict.fromkeys(ALL, 1.0)
    # One of the two sources stays at 0.
    assert over("resets(miner_energy_joules_total[5m])") == dict.fromkeys(ALL, 1.0)
    counted_by_the_miner = over('resets(miner_shares_total{result="accepted"}[5m])')
    assert len(counted_by_the_miner) >= 4
    assert set(counted_by_the_miner.values()) == {0.0}
    energy, drawn = over("increase(miner_energy_joules_total[5m])"), truth(running.simulator)
    for name in ALL:
        # Counted: some seconds on either side of the kill. Not more than was drawn, and the scrapes' extrapolation.
        assert 0.0 < energy[name] <= drawn[name]["energy_joules"] * 1.25, name
        assert drawn[name]["energy_joules"] > first[name]["energy_joules"]
