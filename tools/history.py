"""The demo's past: gives a Prometheus that has just begun a week to look at, made by the same simulator and marked as made.

`python -m tools.history --targets FILE --data PROMETHEUS_FOLDER --prometheus URL` runs beside the demo, prints one line
when it is done, and ends. It does nothing where there is history already.
"""

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from miners.errors import HashyardError
from simulator.errors import SimulatorError
from tools import packages
from tools.history_blocks import (
    BlocksFailed,
    begin_staging,
    finish_moving,
    first_sample,
    has_blocks,
    is_made,
    make_block,
    move_in,
    was_moving,
)
from tools.history_fleet import DAY_S, HOUR_S, SEED
from tools.history_pages import Span, spans
from tools.history_runs import MINUTE_S, Plan
from tools.ready import end_with_parent

DAYS, HOURS = 7, 6
"""How far back the containers' series go, and how far every series does."""
NICE = 10
CONTROLLER = "127.0.0.1:8000"
_LOOK_S = 0.3


def start(
    targets: Path,
    data: Path,
    prometheus: str,
    log: Path,
    environment: Mapping[str, str],
    *,
    controller: str = CONTROLLER,
) -> "subprocess.Popen[bytes]":
    """Begin to make the past, in a process that ends with this one; what it says goes to the file `log`. Raises OSError.

    `data`: the folder of the Prometheus that answers at the URL `prometheus`; it has to be ready. `controller`: HOST:PORT.
    """
    command = [sys.executable, "-m", "tools.history", "--targets", str(targets), "--data", str(data)]
    command += ["--prometheus", prometheus, "--controller", controller]
    with log.open("wb") as said:
        return subprocess.Popen(  # noqa: S603  # a fixed command, no shell
            command,
            cwd=packages.REPOSITORY,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def main(arguments: list[str] | None = None) -> int:
    """Make the past where there is none; exit 0 also where nothing was to be done, 1 where it could not be made."""
    parser = argparse.ArgumentParser(prog="tools.history", description=__doc__)
    parser.add_argument("--targets", type=Path, required=True, help="the simulated fleet")
    parser.add_argument("--data", type=Path, required=True, help="the data folder of Prometheus")
    parser.add_argument(
        "--prometheus", help="its URL: the past ends before its first sample, and its counters in that one's"
    )
    parser.add_argument("--until", type=float, help="unix seconds before which the past ends (default: now)")
    parser.add_argument(
        "--controller", default=CONTROLLER, metavar="HOST:PORT", help="whose series to continue"
    )
    parser.add_argument("--rules", type=Path, default=packages.REPOSITORY / "prometheus" / "rules")
    parser.add_argument("--seed", type=int, default=SEED, help="of the simulated fleet (default %(default)s)")
    parser.add_argument("--days", type=float, default=DAYS, help="of containers (default %(default)s)")
    parser.add_argument("--hours", type=float, default=HOURS, help="of everything (default %(default)s)")
    asked = parser.parse_args(arguments)
    end_with_parent(signal.SIGTERM)
    os.nice(NICE)
    try:
        print(_fill(asked), flush=True)
    except (BlocksFailed, HashyardError, SimulatorError, ValueError) as error:
        print(f"The demo's past could not be made: {' '.join(str(error).split())}", flush=True)
        return 1
    except OSError as error:
        print(
            f"The demo's past could not be made: {error.filename or asked.data}: {error.strerror}", flush=True
        )
        return 1
    return 0


def _fill(asked: argparse.Namespace) -> str:
    """Make the past if there is none; return what is to be said of it."""
    data: Path = asked.data
    data.mkdir(parents=True, exist_ok=True)
    with (data / "hashyard-history.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return f"Another process makes the past in {data} already."
        if was_moving(data):
            finish_moving(data)
            return "The demo's past, finished before, was put into Prometheus."
        if is_made(data) or has_blocks(data):
            return "Prometheus has history already; no past was made."
        promtool = packages.find_program("promtool")
        if promtool is None:
            return "The demo goes on without a past: promtool, which comes with Prometheus, is not there."
        began = time.monotonic()
        plan = _plan(asked, begin_staging(data))
        blocks = _make(plan, promtool)
        move_in(data, {"begin": plan.begin, "fine_from": plan.fine_from, "until": plan.until})
        return (
            f"The demo's past is made, {asked.days:g} days in {blocks} blocks, in {time.monotonic() - began:.0f} s; "
            "Prometheus shows it within a minute."
        )


def _plan(asked: argparse.Namespace, folder: Path) -> Plan:
    """Return what is to be made, all of it before the first sample that Prometheus has."""
    end = min(time.time(), asked.until or float("inf"))
    first = first_sample(asked.prometheus) if asked.prometheus else None
    if first is not None:
        end = min(end, first)
    until = int((end - 1) // MINUTE_S * MINUTE_S)
    begin = int((until - asked.days * DAY_S) // HOUR_S * HOUR_S)
    # A full hour: so each hour is summed up in one of the two runs.
    fine_from = max(begin, int((until - asked.hours * HOUR_S) // HOUR_S * HOUR_S))
    return Plan(
        targets=str(asked.targets.resolve()),
        folder=str(folder.resolve()),
        rules=str(asked.rules.resolve()),
        begin=begin,
        fine_from=fine_from,
        until=until,
        blocks=tuple(spans(begin, fine_from, until)),
        seed=asked.seed,
        controller=asked.controller,
        prometheus=asked.prometheus,
    )


def _make(plan: Plan, promtool: Path) -> int:
    """Run both runs, and make each block as soon as it is written; return how many blocks there are."""
    folder = Path(plan.folder)
    blocks = {"hours": plan.fine_blocks + plan.counter_blocks, "week": plan.coarse_blocks}
    runs = {name: _run(name, plan) for name in blocks}
    try:
        waiting = [(name, place) for name, own in blocks.items() for place in range(len(own))]
        while waiting:
            ready = [
                (name, place)
                for name, place in waiting
                if _is_written(folder, runs[name], blocks[name], place)
            ]
            for name, place in ready:
                make_block(promtool, folder, blocks[name][place])
                waiting.remove((name, place))
            if not ready:
                time.sleep(_LOOK_S)
    finally:
        for run in runs.values():
            run.kill()
            run.communicate()
    return sum(map(len, blocks.values()))


def _run(name: str, plan: Plan) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tools.history_runs", name, msgspec.json.encode(plan).decode()]
    return subprocess.Popen(  # noqa: S603  # a fixed command, no shell
        command,
        cwd=packages.REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _is_written(folder: Path, run: "subprocess.Popen[str]", blocks: Sequence[Span], place: int) -> bool:
    """Return whether a run is through with a block: it has ended, or begun the next. Raises BlocksFailed if it failed."""
    code = run.poll()
    if code:
        said = (run.stdout.read() if run.stdout else "").strip().splitlines()
        raise BlocksFailed(said[-1] if said else f"a run over it ended with {code}")
    return code == 0 or (place + 1 < len(blocks) and blocks[place + 1].file(folder).exists())


if __name__ == "__main__":
    sys.exit(main())
