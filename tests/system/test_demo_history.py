"""The demo's past in a real Prometheus: what is recorded there is what the rules say of it, and it joins the present."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.past_of_a_fleet import (
    FLEET,
    about,
    are_alike,
    ask,
    make_past,
    prometheus,
    recording_rules,
    until,
)
from tests.system.stack import Stack
from tools import packages
from tools.history_blocks import first_sample

# Of these nothing is known in the past: no miner in service or over its limit, no meter.
EMPTY = {
    "miner:in_service:hold",
    "container:meter_energy_joules:increase1h",
    "miner:over_temperature_celsius:max",
    "container:over_temperature:ratio",
}
# These count events that come now and then.
FEW = {"container:hardware_errors:increase30m", "container:shares:increase30m", "miner:shares:increase30m"}
# These depend on the hour at which the test runs: whether an order is young, or one that a miner cannot follow.
BY_THE_HOUR = {"miner:settling:bool", "container:settling:count", "container:control_drift:count"}

# An order of the past restarts the mining program of these, from which they count their uptime.
ORDERED = ("v1", "v2", "v3")
# A minute after the start of the present: what its boards count is shared out anew among those that are left.
LOSES_CHIPS = "a4"

pytestmark = pytest.mark.skipif(
    not (packages.find_program("prometheus") and packages.find_program("promtool")),
    reason="missing tool: prometheus or promtool is not on the PATH; `make prometheus` gets them",
)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, int]]]:
    folder = tmp_path_factory.mktemp("past")
    code, said = make_past(folder)
    assert code == 0, said
    with prometheus(folder) as url:
        yield url, about(folder)


@pytest.mark.parametrize(
    ("group", "name", "rule"), list(recording_rules()), ids=[name for _, name, _ in recording_rules()]
)
def test_what_is_recorded_is_what_its_rule_gives(
    past: tuple[str, dict[str, int]], group: str, name: str, rule: str
) -> None:
    url, record = past
    # A second after the full hour: then an hour's window holds the samples of one hour, as it does in earnest.
    by_the_hour = group == "hashyard-1h"
    at = record["until"] // 3600 * 3600 + 1 if by_the_hour else calm(record["until"] - 60)
    wanted, found = ask(url, rule, at), ask(url, name, at)
    assert set(found) == set(wanted)
    # Of few shares or errors, one more of each miner at the window's edge is much; and it is stretched with the rest.
    least, part = (3.5, 0.05) if name in FEW else (1e-6, 0.0)
    # A miner that fell asleep at the full hour did something in the sample before it, and nothing in the hour after.
    before = ask(url, rule, at - 30) if by_the_hour else wanted
    off = {
        key: (found[key], value)
        for key, value in wanted.items()
        if not (
            are_alike(found[key], value, least + part * abs(value))
            or lies_between(found[key], value, before.get(key, value))
        )
    }
    assert not off
    assert name in BY_THE_HOUR or bool(found) != (name in EMPTY)


def calm(at: int) -> int:
    """Return the end of the hour before that moment: then no profile has changed for at least 59 minutes.

    Profiles change at full hours. Made series end without a mark, so for five minutes what was recorded before stands beside
    what is so since; and a mean of fifteen minutes over a change is another one at every second.
    """
    return at // 3600 * 3600 - 50


def lies_between(found: float, one: float, other: float) -> bool:
    """Return whether a figure lies between two others."""
    return min(one, other) <= found <= max(one, other)


def test_the_week_has_the_series_of_containers_and_the_hours_have_all(
    past: tuple[str, dict[str, int]],
) -> None:
    url, record = past
    early, late = record["begin"] + 3 * 3600 + 1, record["until"]
    for group, name, _ in recording_rules():
        if not name.startswith("miner:") and name not in EMPTY | BY_THE_HOUR:
            seen = ask(url, f"last_over_time({name}[1h])", early)
            assert seen, name
            # What is labelled early is labelled so late; where all sleep in one of the hours, some have no series then.
            early_labels, late_labels = (
                labels_by_container(seen),
                labels_by_container(ask(url, f"last_over_time({name}[1h])", late)),
            )
            common = early_labels.keys() & late_labels.keys()
            assert common, (group, name)
            assert {one: early_labels[one] for one in common} == {one: late_labels[one] for one in common}, (
                group,
                name,
            )
    assert not ask(url, "miner_up", early)
    assert len(ask(url, "miner_up", late)) == 10
    assert ask(url, "hashyard_simulated_history", early) == {(): 1.0}
    assert ask(url, "hashyard_simulated_history", late) == {(): 1.0}
    assert not ask(url, "hashyard_simulated_history", record["begin"] - 1)


def labels_by_container(series: dict[tuple[tuple[str, str], ...], float]) -> dict[str, set[tuple[str, ...]]]:
    """Return the names of the labels that the series of each container have; "" for those of none."""
    found: dict[str, set[tuple[str, ...]]] = {}
    for labels in series:
        found.setdefault(dict(labels).get("container", ""), set()).add(tuple(key for key, _ in labels))
    return found


def test_a_series_of_the_exporter_has_the_labels_that_a_scrape_would_give_it(
    past: tuple[str, dict[str, int]],
) -> None:
    url, record = past
    labels = {
        "client": "volga",
        "container": 'Контейнер "1"',
        "instance": 'Контейнер "1"',
        "job": "hashyard",
        "miner": "a2",
    }
    assert ask(url, 'miner_up{miner="a2"}', record["until"]) == {tuple(sorted(labels.items())): 0.0}
    assert ask(url, 'miner_hashrate_hashes_per_second{miner="a2"}', record["until"]) == {}
    assert ask(url, 'up{job="hashyard"}', record["until"])


def test_the_four_profiles_of_a_day_are_ordered_and_drawn(past: tuple[str, dict[str, int]]) -> None:
    url, record = past
    end = record["fine_from"]
    targets = ask(
        url,
        'count_values("watts", round(container:desired_power_watts:sum{container="Second"})) by (container)',
        end,
    )
    assert targets
    day = f"[1d:10m] @ {end}"
    series = 'container:desired_power_watts:sum{container="Second"} / container:nominal_power_watts:sum'
    ratios = ask(url, f"max_over_time(({series}){day}) / min_over_time(({series}){day})")
    assert min(ratios.values()) > 2
    drawn = 'sum by (container) (container:power_watts:sum{container="Second"})'
    swing = ask(url, f"max_over_time(({drawn}){day}) / min_over_time(({drawn}){day})")
    assert min(swing.values()) > 1.5
    curtailed = ask(url, f'max_over_time(container:miner_time_class:sum{{class="curtailed"}}[1d] @ {end})')
    assert list(curtailed.values()) == [2.0]  # the 741 knows no sleep


def test_alerts_fired_for_what_was_broken_with_the_labels_of_their_rules(
    past: tuple[str, dict[str, int]],
) -> None:
    url, record = past
    for at in (record["begin"] + 7200, record["until"] - 120):
        firing = ask(url, 'ALERTS{alertstate="firing"}', at)
        by_miner = {(dict(key).get("miner"), dict(key)["alertname"]) for key in firing}
        assert {("a1", "MinerBoardLost"), ("a2", "MinerDown"), ("a3", "MinerPoolUserUnknown")} <= by_miner
        assert {("a5", "MinerNotHashing"), ("a5", "MinerPoolsDead")} <= by_miner
        assert not {one for one in by_miner if one[0] == "a4"}  # its fault begins after the start
        for key in firing:
            assert dict(key)["scope"] == ("miner" if "miner" in dict(key) else "container")
            assert dict(key)["severity"] in ("warning", "critical")


def test_a_second_time_nothing_is_made(tmp_path: Path) -> None:
    assert make_past(tmp_path, days=0.1, hours=1)[0] == 0
    blocks = sorted(path.name for path in (tmp_path / "data").iterdir())
    code, said = make_past(tmp_path, days=0.1, hours=1)
    assert (code, said) == (0, "Prometheus has history already; no past was made.\n")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == blocks


def test_one_that_was_killed_leaves_nothing_broken_and_the_next_makes_it_whole(tmp_path: Path) -> None:
    targets = tmp_path / "targets.yml"
    targets.write_text(FLEET, encoding="utf-8")
    data = tmp_path / "data"
    command = [sys.executable, "-m", "tools.history", "--targets", targets, "--data", data, "--days", "2"]
    with subprocess.Popen(command, cwd=packages.REPOSITORY, stdout=subprocess.DEVNULL) as running:
        assert until(lambda: any((data / "hashyard-history").glob("*.txt")), 30)
        running.send_signal(signal.SIGKILL)
    with prometheus(tmp_path) as url:
        assert ask(url, "up") == {}
    assert make_past(tmp_path, days=0.1, hours=1)[0] == 0
    assert not (data / "hashyard-history").exists()


def test_without_promtool_one_line_says_so(tmp_path: Path) -> None:
    targets = tmp_path / "targets.yml"
    targets.write_text(FLEET, encoding="utf-8")
    program = (
        "import sys; from tools import packages; packages.find_program = lambda name: None; "
        "from tools import history; sys.exit(history.main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "--targets", targets, "--data", tmp_path / "data"],
        cwd=packages.REPOSITORY,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert "promtool" in done.stdout


COUNTERS = (
    "miner_hashes_total",
    "miner_shares_total",
    "miner_pool_shares_total",
    "miner_hardware_errors_total",
    "miner_board_hardware_errors_total",
)
PRESENT = f"""{FLEET.replace("127.71.", "127.N.").replace("defaults: {", "defaults: {interval: 5s, ")}
  - name: Third
    simulate:
      faults:
        - {{fault: hardware_errors, ratio: 0.04, miners: [e1]}}
        - {{fault: reject_shares, ratio: 0.1, miners: [e2]}}
        - {{fault: board_dead, board: 1, miners: [e3]}}
        - {{fault: reboot_loop, every_s: 900, miners: [e4]}}
    miners:
      - {{name: "e{{n}}", addresses: 127.N.3.1-5, manufacturer: AntMiner, model: S19}}
"""


def errors_of(folder: Path) -> list[str]:
    """Return the errors in Prometheus' log, without what it was just doing when it was ended."""
    lines = (folder / "prometheus.log").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "level=error" in line and "context canceled" not in line]


@pytest.mark.long
def test_it_joins_what_a_running_prometheus_scrapes(tmp_path: Path) -> None:
    program = packages.find_program("prometheus")
    assert program is not None
    with Stack(tmp_path) as stack:
        targets = stack.write_targets(PRESENT)
        stack.start_simulator(targets)
        url = stack.start_prometheus(program, stack.start_exporter(targets)).url
        assert until(lambda: bool(ask(url, "miner_up")), 60)
        first = first_sample(url)
        assert first is not None
        command = [sys.executable, "-m", "tools.history", "--targets", targets, "--prometheus", url]
        command += ["--data", tmp_path / "prometheus", "--days", "0.5", "--hours", "2"]
        done = subprocess.run(command, cwd=packages.REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        end = json.loads((tmp_path / "prometheus" / "hashyard-history.json").read_bytes())["until"]
        assert end < first
        # Prometheus looks for new blocks every minute.
        assert until(lambda: bool(ask(url, "miner_hashes_total", end)), 90)
        for name in COUNTERS:
            before = ask(url, f"increase({name}[30m])", end)
            over = ask(url, f"increase({name}[30m])", first + 60)
            assert len(before) > 10, name
            # It has hashed with other noise and for two minutes more; errors and stale shares come one by one.
            jumped = {
                labels: (value, over[labels])
                for labels, value in before.items()
                if labels in over and over[labels] > 1.3 * value + 5 and dict(labels)["miner"] != LOSES_CHIPS
            }
            assert not jumped, name
        restarted = ask(url, "resets(miner_uptime_seconds[2h]) > 0", first + 60)
        assert {dict(labels)["miner"] for labels in restarted} - set(ORDERED) == {"e4"}
        shares = ask(url, 'resets(miner_shares_total{miner="e4",result="accepted"}[1h])', end)
        assert min(shares.values()) >= 3
    assert not errors_of(tmp_path)
    (tmp_path / "prometheus").rename(tmp_path / "data")
    with prometheus(tmp_path) as url:
        assert ask(url, "miner_up", end)
    assert not errors_of(tmp_path)
