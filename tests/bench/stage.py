"""The stage of a bench: simulated miners in a process of their own, exporters beside them, each on its core.

All addresses are of 127.64.0.0/10. Whatsminers M30S+ stand for the fleet: their firmware joins commands, so that a
poll is one connection.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

REPOSITORY = Path(__file__).parents[2]
CONTAINER_SIZE = 200
PATIENCE_S = 300.0

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Size(NamedTuple):
    """How much to measure: miners of a fleet, rounds of what is short, seconds of what goes by the clock."""

    miners: int = 10_000
    rounds: int = 7
    seconds: float = 120.0

    @property
    def sampled(self) -> int:
        """Miners that are enough where each is asked by itself."""
        return min(self.miners, 1000)


CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHERS = CORES[:1], CORES[-1:]
"""The core of what is measured, and that of all else."""


def take_core() -> None:
    """Keep this process to the core of what is measured."""
    os.sched_setaffinity(0, MEASURED)


def address(number: int) -> str:
    """Return the address of a miner by its number from 0: 250 a network, for up to 700,000."""
    network, place = divmod(number, 250)
    return f"127.{64 + network // 250}.{network % 250}.{place + 1}"


def targets(
    miners: int, *, first: int = 0, interval_s: int = 15, dead: float = 0.0, connect_timeout_s: int = 3
) -> str:
    """Return an inventory of this many miners, CONTAINER_SIZE a container.

    `first`: number of the first one. `dead`: the part of each container that does not answer, half of it refusing
    connections, half of it taking them and saying nothing.
    """
    lines = [
        f"defaults: {{interval: {interval_s}s, connect_timeout: {connect_timeout_s}s, web_port: null, v3_port: null}}",
        "containers:",
    ]
    for start in range(first, first + miners, CONTAINER_SIZE):
        numbers = range(start, min(start + CONTAINER_SIZE, first + miners))
        lines.append(f"  - name: Container {start // CONTAINER_SIZE + 1}")
        faulty = [f"m{number}" for number in numbers[: round(dead * len(numbers))]]
        if faulty:
            silent, refusing = faulty[::2], faulty[1::2]
            lines.append("    simulate:\n      faults:")
            lines += [
                f"        - {{fault: {fault}, miners: [{', '.join(names)}]}}"
                for fault, names in (("silent", silent), ("refused", refusing))
                if names
            ]
        lines.append("    miners:")
        lines += [
            f"      - {{name: m{number}, address: {address(number)}, manufacturer: Whatsminer, model: M30S+}}"
            for number in numbers
        ]
    return "\n".join(lines) + "\n"


class Program:
    """A command of hashyard in a process of its own, with what it uses of the machine."""

    def __init__(self, command: str, file: Path, listen: str, *flags: str, cores: list[int]) -> None:
        """`file`: the inventory; `listen`: where it serves."""
        self.url = f"http://{listen}"
        self.log = file.parent / f"{command}-{listen.replace(':', '-')}.log"
        line = [sys.executable, "-m", "hashyard", command, "--env-file", os.devnull]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*line, "--targets", str(file), "--listen", listen, *flags],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.sched_setaffinity(self.process.pid, cores)
        self._usage = psutil.Process(self.process.pid)

    def wait(self, told: str | None = None) -> None:
        """Wait until its log says `told`, or without one until it is ready."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"it ended with {self.process.returncode}: {self._said()}")
            if told is not None:
                if told in self._said():
                    return
            elif self._is_ready():
                return
            time.sleep(0.1)
        raise RuntimeError(f"not ready after {PATIENCE_S:.0f} s: {self._said()}")

    def get(self, path: str, **headers: str) -> bytes:
        """Return the body of one of its pages, compressed if that was asked for."""
        request = urllib.request.Request(self.url + path, headers=headers)
        with _opener.open(request, timeout=60) as reply:
            return bytes(reply.read())

    def own(self) -> dict[str, float]:
        """Return the exporter's own series that have no labels, by their names without `hashyard_exporter_`."""
        found = {}
        for line in self.get("/metrics/own").decode().splitlines():
            name, _, value = line.partition(" ")
            if line.startswith("hashyard_exporter_") and "{" not in name:
                found[name.removeprefix("hashyard_exporter_")] = float(value)
            elif line.startswith("hashyard_exporter_polls_total{"):
                found["polls_total"] = found.get("polls_total", 0.0) + float(line.rpartition(" ")[2])
        return found

    @property
    def cpu_s(self) -> float:
        """CPU time it has used, user and system."""
        used = self._usage.cpu_times()
        return float(used.user + used.system)

    @property
    def memory(self) -> int:
        """Its resident memory, bytes."""
        return int(self._usage.memory_info().rss)

    def end(self) -> None:
        """End it."""
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _is_ready(self) -> bool:
        try:
            self.get("/-/ready")
        except OSError:
            return False
        return True

    def _said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")[-2000:]


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder for inventories and logs."""
    with tempfile.TemporaryDirectory(prefix="hashyard-bench-") as path:
        yield Path(path)


@contextmanager
def simulator(file: Path, place: int = 1, cores: list[int] | None = None) -> Iterator[Program]:
    """Simulate the miners of an inventory as long as the context lasts. `place`: which of several."""
    program = Program("simulate", file, f"127.127.255.{place}:9429", cores=cores or OTHERS)
    try:
        program.wait("simulated miners")
        yield program
    finally:
        program.end()


@contextmanager
def exporter(
    file: Path, *flags: str, place: int = 1, cores: list[int] | None = None, ready: bool = True
) -> Iterator[Program]:
    """Run an exporter, with `ready` waiting for it. `place`: which of several."""
    program = Program("exporter", file, f"127.127.254.{place}:9428", *flags, cores=cores or MEASURED)
    try:
        if ready:
            program.wait()
        yield program
    finally:
        program.end()
