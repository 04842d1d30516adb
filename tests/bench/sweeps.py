"""What a fleet costs while it is polled by the clock: real exporters, and simulated miners in processes of their own."""

import gzip
import resource
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from figures import Figure, median
from stage import CONTAINER_SIZE, CORES, Idle, Program, Size, exporter, folder, simulator, targets

SHARDS = 2
DEAD = 0.05
SPARE_FILES = 1000


def one_exporter(size: Size) -> list[Figure]:
    """Measure a fleet of which 5 % are dead, polled and scraped by container every 15 s, in steady state."""
    with folder() as path:
        file = path / "targets.yml"
        file.write_text(targets(size, size.miners, dead=DEAD), encoding="utf-8")
        with simulator(size, file), exporter(size, file) as program:
            _wait_for_sweep([program])
            fresh = program.memory
            time.sleep(2 * size.interval_s)  # the dead have to be found out first, and polled less often
            plain, packed, page = _whole_scrapes(program, size.rounds)
            idle = Idle()
            began, cpu_s, before = time.monotonic(), program.cpu_s, program.own()
            sweeps, lags, memory = _scrape_on(program, size)
            woke_s = idle.end()
            lasted_s, used_s, after = time.monotonic() - began, program.cpu_s - cpu_s, program.own()
    polls = after["polls_total"] - before["polls_total"]
    return [
        Figure(
            "polls begun over a second late", after["polls_late_total"] - before["polls_late_total"], "", 0
        ),
        Figure("longest sweep, spread over the interval", round(max(sweeps), 1), "s", size.interval_s),
        Figure("largest lag of a poll", max(lags), "s"),
        Figure("part of one core, polls and scrapes", used_s / lasted_s, "", 0.125),
        Figure("CPU a poll, with its share of the scrapes and all else", used_s / polls * 1e6, "µs"),
        Figure("polls a second", polls / lasted_s),
        Figure("memory at most", memory / 2**20, "MiB", 250),
        Figure("memory after the first sweep", fresh / 2**20, "MiB"),
        Figure("longest stall of the event loop", after["event_loop_stall_seconds"] * 1e3, "ms", 20),
        Figure("the same of an idle process on that core", woke_s * 1e3, "ms"),
        Figure("wall time of a scrape of all miners, plain", median(plain) * 1e3, "ms"),
        Figure("wall time of a scrape of all miners, gzip", median(packed) * 1e3, "ms"),
        Figure("its page, plain", page / 1e6, "MB"),
    ]


def _whole_scrapes(program: Program, rounds: int) -> tuple[list[float], list[float], int]:
    plain, packed, size = [], [], 0
    for _ in range(rounds):
        began = time.perf_counter()
        size = len(program.get("/metrics"))
        plain.append(time.perf_counter() - began)
        began = time.perf_counter()
        page = program.get("/metrics", **{"Accept-Encoding": "gzip"})
        packed.append(time.perf_counter() - began)
        assert abs(len(gzip.decompress(page)) - size) < size / 10
    return plain, packed, size


def _scrape_on(program: Program, size: Size) -> tuple[list[float], list[float], int]:
    """Scrape as Prometheus does, one container after the other; return sweeps, lags and the most memory."""
    containers = -(-size.miners // CONTAINER_SIZE)
    pause_s = size.interval_s / containers
    sweeps, lags, memory = [], [], 0
    begin = time.monotonic()
    turn = 0
    while time.monotonic() - begin < size.seconds:
        program.get(
            f"/metrics?container={quote(f'Container {turn % containers + 1}')}", **{"Accept-Encoding": "gzip"}
        )
        turn += 1
        if turn % containers == 0:
            own = program.own()
            lags.append(own["poll_lag_seconds"])
            sweeps.append(own.get("sweep_duration_seconds", 0.0))
            memory = max(memory, program.memory)
        time.sleep(max(0.0, begin + turn * pause_s - time.monotonic()))
    return sweeps, lags, memory


def shards(size: Size) -> list[Figure]:
    """Measure ten fleets polled every 30 s by two exporters, a shard each, beside their simulated miners."""
    miners, interval_s = 10 * size.miners, 2 * size.interval_s
    with folder() as path, ExitStack() as stack:
        whole = path / "targets.yml"
        whole.write_text(targets(size, miners, interval_s=interval_s), encoding="utf-8")
        simulators = [
            stack.enter_context(simulator(size, file, place, CORES))
            for place, file in enumerate(_parts(size, path, miners), start=1)
        ]
        exporters = [
            stack.enter_context(
                exporter(size, whole, "--shard", f"{part}/{SHARDS}", place=part, cores=CORES, ready=False)
            )
            for part in range(1, SHARDS + 1)
        ]
        for program in exporters:
            program.wait()
        _wait_for_sweep(exporters)
        began, before = time.monotonic(), [program.own() for program in exporters]
        used = sum(program.cpu_s for program in exporters)
        simulated = sum(program.cpu_s for program in simulators)
        time.sleep(size.seconds)
        after = [program.own() for program in exporters]
        lasted_s = time.monotonic() - began
        used = sum(program.cpu_s for program in exporters) - used
        simulated = sum(program.cpu_s for program in simulators) - simulated
        memory = max(program.memory for program in exporters)
    late = sum(
        one["polls_late_total"] - two["polls_late_total"] for one, two in zip(after, before, strict=True)
    )
    polls = sum(one["polls_total"] - two["polls_total"] for one, two in zip(after, before, strict=True))
    return [
        Figure("polls begun over a second late", late, "", 0),
        Figure(
            "part of the polls that were due",
            polls / (miners * lasted_s / interval_s),
            "",
            0.99,
            at_least=True,
        ),
        Figure("miners", miners),
        Figure("polls a second", polls / lasted_s),
        Figure("cores that the exporters use", used / lasted_s),
        Figure("cores that the simulated miners use", simulated / lasted_s),
        Figure("memory of the largest exporter", memory / 2**20, "MiB"),
        Figure(
            "longest stall of an event loop",
            max(one["event_loop_stall_seconds"] for one in after) * 1e3,
            "ms",
        ),
    ]


def _parts(size: Size, path: Path, miners: int) -> list[Path]:
    """Write the inventories of as many simulators as the limit of open files makes necessary."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = miners if hard == resource.RLIM_INFINITY else hard - SPARE_FILES
    share = min(most, miners) // CONTAINER_SIZE * CONTAINER_SIZE or miners
    files = []
    for first in range(0, miners, share):
        file = path / f"simulated-{first}.yml"
        file.write_text(targets(size, min(share, miners - first), first=first), encoding="utf-8")
        files.append(file)
    return files


def _wait_for_sweep(programs: list[Program]) -> None:
    """Wait until every miner has been polled twice: then nothing is new any more."""
    for program in programs:
        polled = 0.0
        while polled < 2 * _miners(program):
            time.sleep(1.0)
            polled = program.own()["polls_total"]


def _miners(program: Program) -> float:
    """Return how many miners the exporter has in its share."""
    page = program.get("/metrics").decode()
    return sum(
        float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith("container_miners{")
    )
