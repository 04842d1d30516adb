"""A small fleet with a past, and a Prometheus to ask about it: what the tests of the demo's past stand on."""

import json
import math
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tools import packages
from tools.ready import wait_until_ready

RULES = packages.REPOSITORY / "prometheus" / "rules"
FLEET = """
defaults: {web_port: 8080, tariff: day-night}
tariffs:
  day-night: {currency: USD, price_per_kwh: 0.05, zones: [{days: [mon-sun], from: "23:00", to: "07:00", price_per_kwh: 0.03}]}
containers:
  - name: Контейнер "1"
    timezone: Asia/Irkutsk
    client: volga
    power_limit: 40 kW
    pools: [{url: "stratum+tcp://*.pool.example:3333", user: "farm.*"}]
    simulate:
      pools: [{url: "stratum+tcp://eu.pool.example:3333", user: "farm.{miner}"}]
      faults:
        - {fault: board_dead, board: 2, miners: [a1]}
        - {fault: silent, miners: [a2]}
        - {fault: foreign_pool, url: "stratum+tcp://elsewhere.example:3333", user: stranger.1, miners: [a3]}
        - {fault: chip_loss, chips: 40, after_s: 60, miners: [a4]}
        - {fault: pool_dead, pool: all, miners: [a5]}
        - {fault: chip_loss, chips: 40, miners: [a6]}
    miners:
      - {name: "a{n}", addresses: 127.71.1.1-3, manufacturer: AntMiner, model: S19}
      - {name: "a{n}", number: 4, addresses: 127.71.1.4-6, manufacturer: Whatsminer, model: M30S+}
      - {name: a7, address: 127.71.1.7, manufacturer: AntMiner, model: L7}
  - name: Second
    timezone: America/Chicago
    control: enforce
    schedule: default
    miners:
      - {name: "v{n}", addresses: 127.71.2.1-2, manufacturer: Avalon, model: "1246"}
      - {name: v3, address: 127.71.2.3, manufacturer: Avalon, model: "741"}
"""


def make_past(folder: Path, *more: str, days: float = 1.0, hours: float = 3.0) -> tuple[int, str]:
    """Make the past of the small fleet in `folder`/data; return the exit code and what was said."""
    targets = folder / "targets.yml"
    targets.write_text(FLEET, encoding="utf-8")
    command = [sys.executable, "-m", "tools.history", "--targets", targets, "--data", folder / "data"]
    command += ["--days", str(days), "--hours", str(hours), *more]
    done = subprocess.run(command, cwd=packages.REPOSITORY, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def about(folder: Path) -> dict[str, int]:
    """Return what the record says of the past: begin, fine_from, until (unix seconds)."""
    found: dict[str, int] = json.loads((folder / "data" / "hashyard-history.json").read_bytes())
    return found


@contextmanager
def prometheus(folder: Path, config: str = "global: {}", retention: str = "30d") -> Iterator[str]:
    """Run a Prometheus on `folder`/data; give its URL. `retention`: how long before its newest sample it keeps any."""
    program = packages.find_program("prometheus")
    assert program is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "prometheus.yml").write_text(config.replace("ADDRESS", address), encoding="utf-8")
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--storage.tsdb.retention.time={retention}",
        f"--web.listen-address={address}",
        *packages.page_flags(program),
    ]
    with (
        (folder / "prometheus.log").open("ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as running,
    ):
        try:
            assert wait_until_ready(f"http://{address}/-/ready")
            yield f"http://{address}"
        finally:
            running.terminate()


def ask(url: str, query: str, at: float | None = None) -> dict[tuple[tuple[str, str], ...], float]:
    """Return the values of an instant query by their labels, without the name."""
    given = {"query": query, **({} if at is None else {"time": str(at)})}
    with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode(given)}", timeout=30) as reply:
        result: list[dict[str, Any]] = json.load(reply)["data"]["result"]
    return {
        tuple(sorted((key, value) for key, value in one["metric"].items() if key != "__name__")): float(
            one["value"][1]
        )
        for one in result
    }


def recording_rules() -> Iterator[tuple[str, str, str]]:
    """Yield group, name and expression of every recording rule."""
    for path in sorted(RULES.glob("record-*.yml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield group["name"], rule["record"], rule["expr"]


def are_alike(one: float, other: float, least: float = 1e-6) -> bool:
    """Return whether two figures differ by no more than what an increase is stretched by, or by `least`."""
    return math.isclose(one, other, rel_tol=0.03, abs_tol=least)


def until(condition: Any, seconds: float) -> bool:
    """Wait until something is so; return whether it came to be."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(1.0)
    return True
