"""A small fleet with a past and a present, watched as in earnest: what the tests of the dashboards' queries stand on.

Simulator, exporters, controller, Alertmanager and Prometheus as processes. The past, a day of containers and two hours of
everything, is made as the demo's is. Every part of it has something to show: faults, orders, alerts, limits passed.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import yaml

from stack.prometheus_config import Places, rendered
from tests.system.alertmanager_stage import Sinks
from tests.system.alertmanager_stage import start as start_alertmanager
from tests.system.stack import HASHYARD, REPOSITORY, Program, Stack, ask, query, until
from tools.packages import page_flags

SCRAPED_S = 5
"""Between two scrapes, two polls, and two evaluations of every group: so the present is there at once."""
LEAST_LIVE_S = 4 * SCRAPED_S

POOLS = 'pools: [{url: "stratum+tcp://*.pool.example:3333", user: "farm.*"}]'
MINES = 'pools: [{url: "stratum+tcp://eu.pool.example:3333", user: "farm.{miner}"}]'
QUARTERS = ("overclock", "curtail", "underclock", "curtail")
"""Never what a miner does that nobody told anything, so that one which disobeys shows."""


def _windows() -> str:
    """Return the windows of a day in which the profile changes every quarter of an hour."""
    clock = [f"{at // 60:02}:{at % 60:02}" for at in range(0, 24 * 60 + 1, 15)]
    return ", ".join(
        f'{{from: "{begin}", to: "{end}", profile: {QUARTERS[place % len(QUARTERS)]}}}'
        for place, (begin, end) in enumerate(pairwise(clock))
    )


FLEET = f"""
defaults: {{interval: {SCRAPED_S}s, web_port: 8080, timezone: UTC, tariff: flat, connect_timeout: 2s, timeout: 4s}}
tariffs:
  flat: {{currency: USD, price_per_kwh: 0.05}}
schedules:
  quarters: {{windows: [{_windows()}]}}
containers:
  - name: Контейнер "1"
    client: volga
    rows: 4
    columns: 5
    power_limit: 60 kW
    temperature_limits: {{chip_max: 45}}
    {POOLS}
    simulate:
      {MINES}
      faults:
        - {{fault: board_dead, board: 2, miners: [a1]}}
        - {{fault: chip_loss, chips: 40, miners: [a2]}}
        - {{fault: foreign_pool, url: "stratum+tcp://elsewhere.example:3333", user: stranger.1, miners: [a3]}}
        - {{fault: reject_shares, ratio: 0.2, miners: [a5]}}
        - {{fault: pool_dead, pool: all, miners: [w6]}}
        - {{fault: silent, miners: [w7]}}
        - {{fault: sleeping, miners: [w8]}}
        - {{fault: hardware_errors, ratio: 0.04, miners: [w9]}}
    miners:
      - {{name: "a{{n}}", addresses: 127.N.1.1-4, manufacturer: AntMiner, model: S19, row: 1, column: 1}}
      - {{name: a5, address: 127.N.1.5, manufacturer: AntMiner, model: S19}}
      - {{name: "w{{n}}", number: 6, addresses: 127.N.1.6-11, manufacturer: Whatsminer, model: M30S+, row: 2, column: 1}}
      - {{name: l12, address: 127.N.1.12, manufacturer: AntMiner, model: L7, row: 4, column: 1}}
      - {{name: h13, address: 127.N.1.13, manufacturer: AntMiner, model: S21 Hyd, row: 4, column: 2}}
      - {{name: x14, address: 127.N.1.14, manufacturer: AntMiner, model: S19k Pro, row: 4, column: 3, simulate: {{device: luxos}}}}
      - {{name: n15, address: 127.N.1.15, manufacturer: AntMiner, model: S19j Pro, row: 4, column: 4, simulate: {{device: vnish}}}}
  - name: Second
    client: steppe
    control: enforce
    schedule: quarters
    rows: 1
    columns: 5
    power_limit: 20 kW
    {POOLS}
    simulate:
      {MINES}
      faults:
        - {{fault: disobeys, miners: [v4]}}
    miners:
      - {{name: "v{{n}}", addresses: 127.N.2.1-5, manufacturer: Avalon, model: "1246", row: 1, column: 1}}
"""
SHARDS = ("1/2", "2/2")
"""By which the containers are divided between two exporters; a name decides where one goes."""


class Past(NamedTuple):
    """How far back the containers' series go, and how far every series does."""

    days: float = 1.1
    hours: float = 2


USUAL_PAST = Past()


@dataclass
class Watched:
    """The running fleet. `past_until`: the last moment of the made past, unix seconds."""

    prometheus: Program
    past_until: int
    exporters: Sequence[Program]
    controller: Program

    def label_values(self, selector: str, label: str) -> list[str]:
        """Return the values that a label has in the series of a selector, sorted."""
        found = query(self.prometheus, f"group by ({label}) ({selector})")
        return sorted(one.labels[label] for one in found if label in one.labels)


def write_quick_rules(folder: Path) -> None:
    """Write all rule files with nothing changed but how often they are evaluated."""
    folder.mkdir()
    for file in sorted((REPOSITORY / "prometheus" / "rules").glob("*.yml")):
        rules = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in rules["groups"]:
            group["interval"] = f"{SCRAPED_S}s"
        (folder / file.name).write_text(
            yaml.safe_dump(rules, sort_keys=False, allow_unicode=True, width=1000), encoding="utf-8"
        )


@contextmanager
def watched_fleet(
    folder: Path,
    prometheus: Path,
    alertmanager: Path,
    *,
    fleet: str = FLEET,
    past: Past = USUAL_PAST,
    shards: Sequence[str] = (),
    remote_write: Sequence[str] = (),
) -> Iterator[Watched]:
    """Make the past, run everything, and give it once the present has been looked at a few times.

    `fleet`: the inventory, at addresses 127.N. `shards`: of the exporters, one for each; none for one exporter of all.
    """
    with Stack(folder) as stack, Sinks(f"127.{stack.network}.255.5").open() as sinks:
        yield _start(stack, sinks, prometheus, alertmanager, fleet, past, shards, remote_write)


def _start(
    stack: Stack,
    sinks: Sinks,
    prometheus: Path,
    alertmanager: Path,
    fleet: str,
    length: Past,
    shards: Sequence[str],
    remote_write: Sequence[str],
) -> Watched:
    targets = stack.write_targets(fleet)
    data = stack.folder / "prometheus"
    controller = f"127.{stack.network}.255.2:8000"
    command = [sys.executable, "-m", "tools.history", "--targets", str(targets), "--data", str(data)]
    command += ["--controller", controller, "--days", str(length.days), "--hours", str(length.hours)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as past:
        stack.start_simulator(targets)
        exporters = [
            stack.start_exporter(targets, *(("--shard", shard) if shard else ()), place=place, wait_for="")
            for place, shard in enumerate(shards or ("",), 1)
        ]
        told = stack.start_program(
            "controller",
            [
                *(*HASHYARD, "controller", "--env-file", "/dev/null", "--targets", str(targets)),
                *("--data", str(stack.folder / "data"), "--listen", controller),
                *(word for exporter in exporters for word in ("--exporter", exporter.url)),
                *("--restarts-a-day", "1000", "--cool-down", "5"),
            ],
            controller,
        )
        told.wait_ready("/-/ready")
        teller = start_alertmanager(
            stack, alertmanager, sinks, group_wait="1s", group_interval="10s", repeat_interval="4h"
        )
        said, _ = past.communicate()
        assert past.returncode == 0, said
    where = f"127.{stack.network}.255.3:9090"
    write_quick_rules(stack.folder / "rules")
    config = yaml.safe_load(
        rendered(
            (REPOSITORY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"),
            Places(
                exporters=[exporter.url for exporter in exporters],
                prometheus=f"http://{where}",
                controller=f"http://{controller}",
                alertmanager=teller.url,
                rules=[str(stack.folder / "rules" / "*.yml")],
                remote_write=remote_write,
            ),
        )
    )
    config["global"] |= dict.fromkeys(("scrape_interval", "scrape_timeout"), f"{SCRAPED_S}s")
    for discovery in config["scrape_configs"][0]["http_sd_configs"]:
        discovery["refresh_interval"] = f"{SCRAPED_S}s"
    path = stack.folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    program = stack.start_program(
        "prometheus",
        [
            *(str(prometheus), f"--config.file={path}", f"--storage.tsdb.path={data}"),
            *(f"--web.listen-address={where}", *page_flags(prometheus)),
        ],
        where,
    )
    program.wait_ready("/-/ready")
    about = yaml.safe_load((data / "hashyard-history.json").read_text(encoding="utf-8"))
    found = Watched(program, about["until"], exporters, told)
    seen = f"count_over_time(up[{LEAST_LIVE_S}s])"
    until(
        lambda: _is_seen(program, seen),
        "everything was scraped a few times, and each rule evaluated",
        patience_s=240,
    )
    return found


def _is_seen(prometheus: Program, seen: str) -> bool:
    counts = query(prometheus, seen)
    jobs = {one.labels["job"] for one in counts}
    answer = ask(f"{prometheus.url}/api/v1/rules?{urlencode({'type': 'record'})}").json()
    rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
    return (
        {"hashyard", "hashyard-exporter", "hashyard-controller", "alertmanager", "prometheus"} <= jobs
        and all(one.value >= LEAST_LIVE_S / SCRAPED_S - 1 for one in counts)
        and bool(rules)
        and all(not rule["lastEvaluation"].startswith("0001") for rule in rules)
    )
