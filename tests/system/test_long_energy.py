"""Two simulated hours in two minutes: energy and hashes against the truth while boards die, miners sleep and restart."""

import time
from pathlib import Path

import pytest

from tests.system.stack import Program, Stack, by_miner, metrics, truth, until

SPEED = 60.0
INTERVAL_S = 2.0
WATCHED_S = 120.0

# What happens falls into the two hours, between their beginning and their end.
TARGETS = """
defaults: {interval: 2s, web_port: 8080, connect_timeout: 1s, timeout: 2s}
containers:
  - name: Контейнер 1
    simulate:
      wear: {restarts_per_day: 0, pool_outages_per_day: 0, chip_deaths_per_day: 0, board_deaths_per_day: 0}
      faults:
        - {fault: board_dead, board: 2, after_s: 3000, miners: [w2, v2, l2]}
        - {fault: sleeping, after_s: 2400, for_s: 1800, miners: [w3, x2, e2]}
        - {fault: low_hashrate, ratio: 0.5, after_s: 3600, miners: [w4, v3]}
        - {fault: overheating, degrees: 40, after_s: 2700, for_s: 1200, miners: [w5]}
    miners:
      - {name: "w{n}", addresses: 127.N.1.1-5, manufacturer: Whatsminer, model: M50}
      - {name: "x{n}", addresses: 127.N.1.11-12, manufacturer: Whatsminer, model: M60S}
      - {name: "v{n}", addresses: 127.N.1.21-23, manufacturer: Avalon, model: "1246"}
      - {name: "l{n}", addresses: 127.N.1.31-32, manufacturer: AntMiner, model: S19k Pro, simulate: {device: luxos}}
      - {name: "e{n}", addresses: 127.N.1.41-42, manufacturer: Elphapex, model: DG1+}
"""
MINERS = 14


def counters(exporter: Program) -> dict[str, dict[str, float]]:
    page = metrics(exporter)
    return {
        "energy": by_miner(
            [
                one
                for one in page
                if one.name == "miner_energy_joules_total" and one.labels["source"] == "measured"
            ]
        ),
        "observed": by_miner([one for one in page if one.name == "miner_observed_seconds_total"]),
        "hashes": by_miner([one for one in page if one.name == "miner_hashes_total"]),
    }


@pytest.mark.long
@pytest.mark.timeout(600)
def test_energy_and_hashes_over_two_hours(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        targets = stack.write_targets(TARGETS)
        simulator = stack.start_simulator(targets, "--speed", f"{SPEED:g}")
        exporter = stack.start_exporter(targets)
        until(
            lambda: (
                len(counters(exporter)["energy"]) == MINERS
                and min(counters(exporter)["observed"].values()) > 2.0
            ),
            "all are read",
        )
        first, counted = truth(simulator), counters(exporter)
        time.sleep(WATCHED_S)
        last, counted_then = truth(simulator), counters(exporter)

    changed = {name for name in first if first[name]["power_w"] > 1.3 * last[name]["power_w"]}
    assert len(changed) >= 5, "enough has happened"
    # The exporter's seconds are those of the wall: in each of them the miner draws what it draws in a simulated minute.
    slack_s = SPEED * 2 * (INTERVAL_S + 1.0)
    for name in first:
        passed = last[name]["at"] - first[name]["at"]
        assert passed > 0.95 * SPEED * WATCHED_S
        seconds = SPEED * (counted_then["observed"][name] - counted["observed"][name])
        assert 0.9 * passed - slack_s <= seconds <= passed + slack_s, name
        drawn = last[name]["energy_joules"] - first[name]["energy_joules"]
        energy = SPEED * (counted_then["energy"][name] - counted["energy"][name])
        watts = first[name]["nominal_power_w"] * 1.1
        missed = max(0.0, passed - seconds)
        assert energy == pytest.approx(drawn, abs=watts * (slack_s + missed)), name
        assert energy > 0.3 * drawn
        if (
            name in counted["hashes"]
            and name in counted_then["hashes"]
            and first[name]["mining_since"] == last[name]["mining_since"]
        ):
            hashes = counted_then["hashes"][name] - counted["hashes"][name]
            made = last[name]["hashes"] - first[name]["hashes"]
            assert hashes == pytest.approx(made, abs=1.1 * first[name]["nominal_hashrate_hs"] * slack_s), name
