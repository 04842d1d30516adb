"""What Prometheus answers is what is so: the simulator's truth, through exporter and scrape, to the query API."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.system.stack import Miner, Program, Sample, Stack, by_miner, query, truth, until

INTERVAL_S = 2.0
POOLS = (
    "stratum+tcp://one.example:3333",
    "stratum+tcp://two.example:3333",
    "stratum+tcp://three.example:443",
)

# Rate and power of a simulated miner move by a percent or two between a poll and the question about the truth.
DRIFT = 0.05

TARGETS = """
defaults: {interval: 2s, web_port: 8080, connect_timeout: 4s, timeout: 5s}
containers:
  - name: Контейнер 1
    client: volga
    simulate: &usual
      pools:
        - {url: "stratum+tcp://one.example:3333", user: "volga.{miner}"}
        - {url: "stratum+tcp://two.example:3333", user: "volga.{miner}"}
        - {url: "stratum+tcp://three.example:443", user: "volga.{miner}"}
      faults:
        - {fault: board_dead, board: 2, miners: [a2, w2]}
        - {fault: board_dead, board: 1, miners: [v2]}
        - {fault: chip_loss, board: 1, chips: 31, miners: [a3, w3, v3]}
        - {fault: refused, miners: [a4]}
        - {fault: pool_dead, pool: 1, miners: [w4]}
        - {fault: pool_dead, pool: all, miners: [a5]}
    miners:
      - {name: "a{n}", addresses: 127.N.1.1-7, manufacturer: AntMiner, model: S19 Pro}
      - {name: "w{n}", addresses: 127.N.1.11-17, manufacturer: Whatsminer, model: M50}
      - {name: "v{n}", addresses: 127.N.1.21-23, manufacturer: Avalon, model: "1246"}
      - {name: "x{n}", addresses: 127.N.1.31-32, manufacturer: Whatsminer, model: M60S}
  - name: Container "2" \\ {север}
    simulate:
      faults:
        - {fault: sleeping, miners: ["z*"]}
    miners:
      - {name: z1, address: 127.N.2.1, manufacturer: Whatsminer, model: M50}
      - {name: z2, address: 127.N.2.2, manufacturer: AntMiner, model: S19 Pro}
      - {name: z3, address: 127.N.2.3, manufacturer: Avalon, model: "1246"}
      - {name: z4, address: 127.N.2.4, manufacturer: AntMiner, model: S19k Pro, simulate: {device: luxos}}
      - {name: z5, address: 127.N.2.5, manufacturer: Elphapex, model: DG1+}
      - {name: z6, address: 127.N.2.6, manufacturer: AntMiner, model: S19j Pro, simulate: {device: vnish}}
      - {name: woken, address: 127.N.2.7, manufacturer: Whatsminer, model: M50, simulate: {setting: {asleep: true}}}
      - {name: lux, address: 127.N.2.11, manufacturer: AntMiner, model: S19k Pro, simulate: {device: luxos}}
      - {name: vnish, address: 127.N.2.12, manufacturer: AntMiner, model: S19j Pro, simulate: {device: vnish}}
      - {name: other, address: 127.N.2.13, manufacturer: AntMiner, model: S19, simulate: {device: cgminer}}
      - {name: dog, address: 127.N.2.14, manufacturer: Elphapex, model: DG1+}
      - {name: l7, address: 127.N.2.15, manufacturer: AntMiner, model: L7}
      - {name: s9, address: 127.N.2.16, manufacturer: AntMiner, model: S9}
      - {name: q, address: 127.N.2.17, manufacturer: Avalon, model: Q}
"""
FIRST, SECOND = "Контейнер 1", 'Container "2" \\ {север}'
# These say themselves what they draw; the others do not, and their power is estimated.
MEASURE = {"whatsminer_v2", "whatsminer_v3", "avalon", "luxos", "elphapex"}


class Running(NamedTuple):
    """The three processes."""

    simulator: Program
    exporter: Program
    prometheus: Program

    def miner(self, name: str, container: str = FIRST) -> Miner:
        return Miner(self.simulator, container, name)

    def reached(self, moment: float) -> bool:
        """Whether Prometheus has of every miner that answers a reading from after the moment."""
        seen = query(self.prometheus, "miner_last_seen_timestamp_seconds and miner_up == 1")
        return bool(seen) and min(one.value for one in seen) > moment

    def values(self, expression: str, at: float | None = None) -> dict[str, float]:
        return by_miner(query(self.prometheus, expression, at))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, prometheus: Path) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("truth")
    with Stack(folder) as stack:
        targets = stack.write_targets(TARGETS)
        simulator = stack.start_simulator(targets)
        exporter = stack.start_exporter(targets)
        running = Running(simulator, exporter, stack.start_prometheus(prometheus, exporter))
        until(lambda: len(query(running.prometheus, "miner_up")) == 33, "33 miners in Prometheus")
        until(
            lambda: len(query(running.prometheus, "up")) == 4,
            "two containers, the exporter and Prometheus itself",
        )
        yield running


def answering(running: Running) -> dict[str, dict[str, Any]]:
    """Return the truth of those that answer."""
    return {name: one for name, one in truth(running.simulator).items() if one["faults"] != ["refused"]}


def answering_now(running: Running) -> dict[str, dict[str, Any]]:
    """Return the truth of those that answer, with Prometheus brought to the same time."""
    now = time.time()
    until(lambda: running.reached(now), "a reading of each miner from after the question")
    return answering(running)


def test_every_miner_is_there_once_and_up_unless_it_refuses(running: Running) -> None:
    so = truth(running.simulator)
    up = {name: 0.0 if one["faults"] == ["refused"] else 1.0 for name, one in so.items()}
    until(lambda: running.values("miner_up") == up, "each is up unless it refuses")
    assert {
        (one.labels["container"], one.value) for one in query(running.prometheus, "container_miners")
    } == {
        (FIRST, 19.0),
        (SECOND, 14.0),
    }


def test_each_container_is_a_target_under_its_own_name(running: Running) -> None:
    until(
        lambda: all(one.value == 1.0 for one in query(running.prometheus, "up")),
        "each target has been scraped",
    )
    targets = query(running.prometheus, 'up{job="hashyard"}')
    assert {(one.labels["container"], one.labels["instance"]) for one in targets} == {
        (FIRST, FIRST),
        (SECOND, SECOND),
    }
    assert len(query(running.prometheus, 'up{job="hashyard-exporter"}')) == 1
    # The series' own labels hold: none was moved out of the way for the target's.
    assert query(running.prometheus, '{exported_container!=""}') == []
    assert query(running.prometheus, '{exported_client!=""}') == []
    owned = query(running.prometheus, 'count by (client, container) (miner_up{client!=""})')
    assert [(one.labels, one.value) for one in owned] == [({"client": "volga", "container": FIRST}, 19.0)]


def test_states(running: Running) -> None:
    running.miner("woken", SECOND).order(asleep=False)  # it starts for a minute at least
    so = answering(running)
    assert {one["state"] for one in so.values()} == {"mining", "sleeping", "starting", "fault"}

    def agree() -> bool:
        found = query(running.prometheus, "miner_state == 1")
        states = {f"{one.labels['container']}/{one.labels['miner']}": one.labels["state"] for one in found}
        assert states == {name: one["state"] for name, one in so.items()}
        return True

    until(agree, "the states are those of the truth")
    assert set(running.values("sum by (container, miner) (miner_state)").values()) == {1.0}
    # Back to sleep: while it gathers speed, its rate is another one at every look.
    running.miner("woken", SECOND).order(asleep=True)


def test_hash_rates(running: Running) -> None:
    so = answering_now(running)
    found = running.values("miner_hashrate_hashes_per_second")
    assert found == pytest.approx({name: one["hashrate_hs"] for name, one in so.items()}, rel=DRIFT)
    of_containers = query(running.prometheus, "sum by (container) (miner_hashrate_hashes_per_second)")
    assert {one.labels["container"]: one.value for one in of_containers} == pytest.approx(
        {
            container: sum(one["hashrate_hs"] for one in so.values() if one["container"] == container)
            for container in (FIRST, SECOND)
        },
        rel=DRIFT,
    )
    boards = running.values("sum by (container, miner) (miner_board_hashrate_hashes_per_second)")
    assert boards == pytest.approx({name: found[name] for name in boards}, rel=DRIFT)


def test_power_is_measured_where_the_make_measures_it_and_estimated_elsewhere(running: Running) -> None:
    so = answering_now(running)
    measured = running.values('miner_power_watts{source="measured"}')
    assert set(measured) >= {name for name, one in so.items() if one["device"] in MEASURE}
    assert measured == pytest.approx({name: so[name]["power_w"] for name in measured}, rel=DRIFT, abs=1.0)
    estimated = running.values('miner_power_watts{source="estimated"}')
    assert not set(estimated) & set(measured)
    hashing = {name: value for name, value in estimated.items() if so[name]["state"] == "mining"}
    assert f"{FIRST}/a1" in hashing
    assert hashing == pytest.approx({name: so[name]["power_w"] for name in hashing}, rel=2 * DRIFT)


def test_boards_and_chips(running: Running) -> None:
    so = answering(running)
    boards = running.values("miner_boards")
    assert boards == {name: float(one["boards"]) for name, one in so.items()}
    expected = running.values("miner_expected_boards")
    assert expected == {name: float(one["expected_boards"]) for name, one in so.items()}
    chips = running.values("sum by (container, miner) (miner_board_chips)")
    assert chips == {name: float(one["chips"]) for name, one in so.items()}
    missing = running.values("miner_boards < miner_expected_boards")
    assert set(missing) == {f"{FIRST}/{name}" for name in ("a2", "w2", "v2")}


def test_models_and_drivers(running: Running) -> None:
    so = answering(running)
    told: dict[str, dict[str, str]] = {}
    for one in query(running.prometheus, "miner_info"):
        told[f"{one.labels['container']}/{one.labels['miner']}"] = one.labels
    assert set(told) == set(so)
    for name, one in so.items():
        # VNish writes its own name behind the model's.
        assert told[name]["model"].removesuffix(" (Vnish 1.2.6)") == one["model"]
        assert told[name]["address"] == one["address"]
        assert one["device"].removesuffix("_new").removesuffix("_old") == told[name]["driver"]


def test_the_pool_that_gets_the_work(running: Running) -> None:
    so = answering(running)
    active = query(
        running.prometheus,
        "(miner_pool_active == 1) * on (container, miner, pool) group_left (url) miner_pool_info",
    )
    urls = {f"{one.labels['container']}/{one.labels['miner']}": one.labels["url"] for one in active}
    assert urls[f"{FIRST}/w4"] == POOLS[1]
    assert {name: url for name, url in urls.items() if FIRST in name} == {
        name: POOLS[one["active_pool"]]
        for name, one in so.items()
        if FIRST in name and one["active_pool"] is not None
    }
    users = {
        one.labels["user"] for one in query(running.prometheus, f'miner_pool_info{{container="{FIRST}"}}')
    }
    assert users == {f"volga.{one['miner']}" for one in so.values() if one["container"] == FIRST}


def test_shares_lie_between_the_truth_before_and_the_truth_after(running: Running) -> None:
    before = truth(running.simulator)
    now = time.time()
    until(lambda: running.reached(now), "a reading of each miner from after the first truth")
    results = ("accepted", "rejected", "stale")
    shares = {result: running.values(f'miner_shares_total{{result="{result}"}}') for result in results}
    after = truth(running.simulator)
    for result, found in shares.items():
        assert len(found) > len(before) / 2
        for name, value in found.items():
            assert before[name][result] <= value <= after[name][result], (name, result)
    # What the fee pools of a firmware get is beside the owner's shares.
    by_pools = running.values('sum by (container, miner) (miner_pool_shares_total{result="accepted"})')
    for name, value in by_pools.items():
        if after[name]["device"] != "vnish":
            assert before[name]["accepted"] <= value, name


def test_energy_over_a_window_is_the_power_that_was_drawn(running: Running) -> None:
    """Of miners that measure. Allowed: for each end of the window what is drawn in two polls and a scrape, for sampling."""
    first = answering(running)
    began = time.time()
    counted = running.values('miner_energy_joules_total{source="measured"}', began)
    observed = running.values("miner_observed_seconds_total", began)
    half = running.miner("w6")

    def covered() -> bool:
        now = running.values("miner_observed_seconds_total")
        return min(now[name] - observed[name] for name in observed if now[name]) >= 10.0

    until(lambda: time.time() > began + 6.0, "the half of the window")
    half.order(asleep=True)
    until(covered, "ten seconds of every miner that answers have been observed")
    last = truth(running.simulator)
    ended = time.time()
    counted_then = running.values('miner_energy_joules_total{source="measured"}', ended)
    observed_then = running.values("miner_observed_seconds_total", ended)
    slack_s = 2 * (2 * INTERVAL_S + 1.0)
    compared = [name for name, one in first.items() if one["device"] in MEASURE]
    assert len(compared) >= 15
    for name in compared:
        watts = max(first[name]["power_w"], last[name]["power_w"])
        energy = counted_then[name] - counted[name]
        drawn = last[name]["energy_joules"] - first[name]["energy_joules"]
        seconds = observed_then[name] - observed[name]
        assert seconds <= ended - began + slack_s, name
        assert energy == pytest.approx(drawn, abs=watts * slack_s), name
        if name != f"{FIRST}/w6" and first[name]["state"] == last[name]["state"] != "starting":
            assert energy / seconds == pytest.approx(
                drawn / (last[name]["at"] - first[name]["at"]), rel=DRIFT
            ), name
    slept = f"{FIRST}/w6"
    mean_w = (counted_then[slept] - counted[slept]) / (observed_then[slept] - observed[slept])
    assert last[slept]["power_w"] * 2 < mean_w < first[slept]["power_w"] * 0.9


# Only what the exporter itself knows of a miner stays while it does not answer.
STAYS = {
    "miner_up",
    "miner_last_seen_timestamp_seconds",
    "miner_poll_failures_total",
    "miner_energy_joules_total",
    "miner_observed_seconds_total",
    "miner_nominal_hashrate_hashes_per_second",
    "miner_nominal_power_watts",
    "miner_inventory_info",
}


def series(running: Running, miner: str) -> list[Sample]:
    return query(running.prometheus, f'{{container="{FIRST}", miner="{miner}"}}')


@pytest.mark.parametrize(
    ("name", "fault", "reason"),
    [
        ("a6", {"fault": "refused"}, "refused"),
        ("x2", {"fault": "silent"}, "timeout"),
        ("w7", {"fault": "hostile", "kind": "html"}, "malformed"),
    ],
)
def test_a_miner_that_dies_is_down_at_once_and_its_readings_end(
    running: Running, name: str, fault: dict[str, str], reason: str
) -> None:
    miner, key = running.miner(name), f"{FIRST}/{name}"
    until(lambda: running.values("miner_up").get(key) == 1.0, f"{name} is up")
    until(
        lambda: running.values("sum by (container, miner) (miner_energy_joules_total)")[key] > 0,
        f"energy of {name} is counted",
    )
    alive = {one.name for one in series(running, name)}
    assert alive > STAYS | {
        "miner_hashrate_hashes_per_second",
        "miner_power_watts",
        "miner_info",
        "miner_state",
    }
    before = {
        counter: running.values(f"sum by (container, miner) ({counter})")[key]
        for counter in ("miner_energy_joules_total", "miner_observed_seconds_total")
    }

    miner.spoil(**fault)

    def ended() -> bool:
        now = series(running, name)
        assert {one.name for one in now} == STAYS
        assert [one.value for one in now if one.name == "miner_up"] == [0.0]
        return True

    until(ended, f"{name} is down and has no readings")
    failures = f'miner_poll_failures_total{{reason="{reason}"}}'
    assert running.values(failures)[key] >= 1.0
    for counter, value in before.items():
        assert running.values(f"sum by (container, miner) ({counter})")[key] >= value
    others = set(running.values("miner_up == 1"))
    assert {f"{FIRST}/a1", f"{FIRST}/w1", f"{FIRST}/v1", f"{FIRST}/x1"} <= others

    miner.mend()
    until(
        lambda: {one.name for one in series(running, name)} >= alive, f"{name} is back with all its readings"
    )
    assert running.values("miner_up")[key] == 1.0
    assert running.values(failures)[key] >= 1.0, "its failures go on counting"
    again = running.values("sum by (container, miner) (miner_energy_joules_total)")[key]
    assert again >= before["miner_energy_joules_total"]
    assert running.values("sum by (container, miner) (resets(miner_energy_joules_total[5m]))")[key] == 0.0


def test_what_was_recorded_before_a_death_is_still_history(running: Running) -> None:
    running.miner("a7").spoil(fault="refused")
    key = f"{FIRST}/a7"
    until(lambda: running.values("miner_up").get(key) == 0.0, "a7 is down")
    assert key not in running.values("miner_hashrate_hashes_per_second")
    recorded = running.values("last_over_time(miner_hashrate_hashes_per_second[5m])")
    assert recorded[key] == pytest.approx(truth(running.simulator)[key]["hashrate_hs"], rel=DRIFT)
