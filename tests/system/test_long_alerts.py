"""The whole way of an alert: a fault in a simulated miner, rules, Alertmanager, and the webhook that people read.

Six times as fast as in earnest (`hurried`): what happens to miners does not go faster, so this is as fast as simulated ramps allow.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.system import hurried
from tests.system.alertmanager_stage import Sinks, start
from tests.system.stack import HASHYARD, Program, Stack, ask, prometheus_config, until
from tools.compressed import PROFILES

pytestmark = pytest.mark.long

SCRAPED_S = 30 / hurried.TIMES_FASTER
PROFILE_MINUTES = 8
"""How long each profile holds: longer than settling in a hurry, since only then is a miner judged."""
AWAKE_S = 300.0
"""The longest time until the simulated miners hash as they should after their start."""
RAISED_S = 900.0
QUIET_S = 400.0
"""So long after the last expected alert nothing else may come: longer than any `for` and mean in a hurry."""

CALM = "wear: {restarts_per_day: 0, pool_outages_per_day: 0, chip_deaths_per_day: 0, board_deaths_per_day: 0}"
POOLS = 'pools: [{url: "stratum+tcp://pool.example:3333", user: "farm.*"}]'
MINES = 'pools: [{url: "stratum+tcp://pool.example:3333", user: "farm.{miner}"}]'
DEFAULTS = f"{{interval: {SCRAPED_S:g}s, web_port: 8080, timezone: UTC, connect_timeout: 2s, timeout: 4s}}"
BROKEN = f"""
defaults: {DEFAULTS}
schedules:
  awake:
    windows: [{{from: "00:00", to: "24:00", profile: normal}}]
  asleep:
    windows: [{{from: "00:00", to: "24:00", profile: curtail}}]
containers:
  - name: north
    temperature_limits: {{inlet: 40}}
    {POOLS}
    simulate: {{{CALM}, {MINES}}}
    miners:
      - {{name: "a{{n}}", addresses: 127.N.1.1-12, manufacturer: AntMiner, model: S19 Pro}}
      - {{name: "w{{n}}", addresses: 127.N.1.21-32, manufacturer: Whatsminer, model: M30S+}}
  - name: south
    simulate: {{{CALM}}}
    miners:
      - {{name: "s{{n}}", addresses: 127.N.2.1-40, manufacturer: Whatsminer, model: M50}}
  - name: west
    control: enforce
    schedule: awake
    simulate: {{{CALM}}}
    miners:
      - {{name: "e{{n}}", addresses: 127.N.3.1-4, manufacturer: Avalon, model: "1246"}}
"""
# Static miners take an order at once: a ramp is minutes long in a hurry as well, and is tried by promtool.
CLOCKED = f"""
defaults: {DEFAULTS}
schedules:
  round:
    windows: WINDOWS
containers:
  - name: clock
    control: enforce
    schedule: round
    simulate: {{{CALM}, static: true}}
    miners:
      - {{name: "c{{n}}", addresses: 127.N.4.1-20, manufacturer: Avalon, model: "1246"}}
"""

FAULTS: dict[str, list[dict[str, Any]]] = {
    "north/a1": [{"fault": "board_dead", "board": 2}],
    "north/a2": [{"fault": "fan_dead", "fan": 1}],
    "north/a3": [
        {"fault": "foreign_pool", "url": "stratum+tcp://elsewhere.example:3333", "user": "stranger.1"}
    ],
    "north/w1": [{"fault": "silent"}],
    "north/w2": [{"fault": "overheating", "degrees": 20}],
    **{f"south/s{n}": [{"fault": "refused"}] for n in range(1, 41)},
    **{f"west/e{n}": [{"fault": "disobeys"}] for n in range(1, 4)},
}
# Each fault, and the one alert that people are told of it. The forty miners of south are one; so are the three of west,
# which are ordered off and do not obey.
EXPECTED = {
    ("MinerBoardLost", "north", "a1"),
    ("MinerFanFailed", "north", "a2"),
    ("MinerPoolUserUnknown", "north", "a3"),
    ("MinerDown", "north", "w1"),
    ("MinerOverTemperature", "north", "w2"),
    ("ContainerDown", "south", None),
    ("ContainerCurtailmentMissed", "west", None),
}
# Of west it may be told before that commands fail: whether they have failed often enough by then is chance.
MAY_COME = {("ContainerCommandsFailing", "west", None)}
CRITICAL = {
    found
    for found in EXPECTED
    if found[0] in ("ContainerDown", "ContainerCurtailmentMissed", "MinerPoolUserUnknown")
}

Told = tuple[str, str | None, str | None]


def windows() -> str:
    """Return the windows of a day that goes through the profiles again and again."""
    starts = range(0, 24 * 60, PROFILE_MINUTES)
    found = [
        {
            "from": f"{at // 60:02}:{at % 60:02}",
            "to": f"{(at + PROFILE_MINUTES) // 60:02}:{(at + PROFILE_MINUTES) % 60:02}",
            "profile": PROFILES[at // PROFILE_MINUTES % len(PROFILES)],
        }
        for at in starts
    ]
    return json.dumps(found)


class Yard:
    """The running stack, and what people were told."""

    def __init__(self, targets: Path, simulator: Program, prometheus: Program, sinks: Sinks) -> None:
        self.targets, self.simulator, self.prometheus, self.sinks = targets, simulator, prometheus, sinks

    def bend(self, miner: str, faults: list[dict[str, Any]]) -> None:
        answer = ask(f"{self.simulator.url}/miners/{miner}/faults", method="POST", body=faults)
        assert answer.status < 300, answer.body.decode()

    def order(self, schedule: str) -> None:
        """Give west another schedule, in the inventory as an editor does."""
        text = self.targets.read_text(encoding="utf-8")
        beside = self.targets.with_suffix(".new")
        beside.write_text(
            re.sub(r"schedule: (awake|asleep)", f"schedule: {schedule}", text), encoding="utf-8"
        )
        beside.replace(self.targets)

    def mend(self, miner: str, faults: list[dict[str, Any]]) -> None:
        for fault in faults:
            answer = ask(f"{self.simulator.url}/miners/{miner}/faults/{fault['fault']}", method="DELETE")
            assert answer.status < 300, answer.body.decode()

    def told(self, receiver: str = "people") -> set[Told]:
        return {
            (labels["alertname"], labels.get("container"), labels.get("miner"))
            for labels in self.sinks.seen(receiver)
        }

    def resolved(self) -> set[Told]:
        return {
            (labels["alertname"], labels.get("container"), labels.get("miner"))
            for one in list(self.sinks.notifications)
            if one.receiver == "people"
            for labels in one.resolved
        }

    def query(self, expression: str) -> list[dict[str, Any]]:
        answer = ask(f"{self.prometheus.url}/api/v1/query?{urlencode({'query': expression})}")
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found


@contextmanager
def yard(folder: Path, inventory: str, prometheus: Path, alertmanager: Path) -> Iterator[Yard]:
    """Run the whole stack over a fleet."""
    with Stack(folder) as stack, Sinks(f"127.{stack.network}.255.5").open() as sinks:
        targets = stack.write_targets(inventory)
        simulator = stack.start_simulator(targets)
        exporter = stack.start_exporter(targets)
        controller = f"127.{stack.network}.255.2:8000"
        stack.start_program(
            "controller",
            [
                *(*HASHYARD, "controller", "--env-file", "/dev/null", "--targets", str(targets)),
                *("--data", str(folder / "data"), "--listen", controller, "--exporter", exporter.url),
                *("--restarts-a-day", "1000", "--cool-down", "5"),
            ],
            controller,
        ).wait_ready("/-/ready")
        teller = start(
            stack, alertmanager, sinks, group_wait="10s", group_interval="100s", repeat_interval="4h"
        )
        hurried.write_rules(folder / "rules")
        where = f"127.{stack.network}.255.3:9090"
        exporters = [exporter.url.removeprefix("http://")]
        config = yaml.safe_load(prometheus_config(exporters, where, f"{SCRAPED_S:g}s"))
        config["rule_files"] = [str(folder / "rules" / "*.yml")]
        config["alerting"] = {
            "alertmanagers": [{"static_configs": [{"targets": [teller.url.removeprefix("http://")]}]}]
        }
        config["scrape_configs"].append(
            {"job_name": "hashyard-controller", "static_configs": [{"targets": [controller]}]}
        )
        path = folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        program = stack.start_program(
            "prometheus",
            [
                str(prometheus),
                f"--config.file={path}",
                f"--storage.tsdb.path={folder / 'prometheus'}",
                f"--web.listen-address={where}",
                # How long a series that is not written any more counts as current: 5 minutes, in a hurry as well.
                f"--query.lookback-delta={hurried.shorter('5m')}",
                f"--rules.alert.for-grace-period={hurried.shorter('10m')}",
                f"--rules.alert.resend-delay={hurried.shorter('1m')}",
            ],
            where,
        )
        program.wait_ready("/-/ready")
        yield Yard(targets, simulator, program, sinks)


@pytest.mark.timeout(3600)
def test_each_fault_is_told_once_with_its_cause(tmp_path: Path, prometheus: Path, alertmanager: Path) -> None:
    with yard(tmp_path, BROKEN, prometheus, alertmanager) as on:
        time.sleep(AWAKE_S)
        assert on.told() == set(), "a fleet without faults is a fleet without alerts"
        assert len(on.query("miner:hashing:bool")) == 24 + 40 + 4

        for miner, faults in FAULTS.items():
            on.bend(miner, faults)
        on.order("asleep")
        until(lambda: on.told() >= EXPECTED, "every fault is told", patience_s=RAISED_S)
        time.sleep(QUIET_S)
        assert on.told() - MAY_COME == EXPECTED
        assert on.told("pager") == CRITICAL
        assert len(on.query('ALERTS{alertstate="firing",container="south",alertname="MinerDown"}')) == 40
        of_south = [
            one for one in on.sinks.notifications if one.receiver == "people" and "south" in str(one.firing)
        ]
        assert len(of_south) == 1, "forty miners that fail together are one message"

        for miner, faults in FAULTS.items():
            on.mend(miner, faults)
        on.order("awake")
        # A foreign user is kept for an hour: a thief's firmware switches for minutes at a time.
        kept = {("MinerPoolUserUnknown", "north", "a3")}
        until(lambda: on.resolved() >= EXPECTED - kept, "all is well again", patience_s=RAISED_S)
        assert on.told() - MAY_COME == EXPECTED
        assert {one[0] for one in on.told("dead-mans-switch")} == {"Watchdog"}


@pytest.mark.timeout(3600)
def test_all_profiles_pass_in_silence(tmp_path: Path, prometheus: Path, alertmanager: Path) -> None:
    inventory = CLOCKED.replace("WINDOWS", windows())
    with yard(tmp_path, inventory, prometheus, alertmanager) as on:
        # One more than there are: it begins in the middle of one.
        time.sleep((len(PROFILES) + 1) * PROFILE_MINUTES * 60)
        seen = on.query("count by (profile) (count_over_time(hashyard_controller_desired_profile_info[1h]))")
        assert {one["metric"]["profile"] for one in seen} == set(PROFILES)
        followed = on.query(
            "count by (profile) (count_over_time(hashyard_controller_applied_profile_info[1h]))"
        )
        assert {one["metric"]["profile"] for one in followed} == set(PROFILES)
        assert on.told() == set()
        assert {one[0] for one in on.told("dead-mans-switch")} == {"Watchdog"}
