"""The stage of a bench: simulated miners in a process of their own, exporters beside them, each on its core.

A bench holds two networks of 127.64.0.0/10, so that several can run side by side. Whatsminers M30S+ stand for the
fleet: their firmware joins commands, so that a poll is one connection.
"""

import os
import socket
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
sys.path.append(str(REPOSITORY))  # for tools/, which is not installed
CONTAINER_SIZE = 200
PATIENCE_S = 300.0
_NETWORKS = range(64, 128, 2)
_HOLD_PORT = 40_404

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Size(NamedTuple):
    """How much to measure: miners of a fleet, rounds of what is short, seconds of what goes by the clock.

    `interval_s`: between two polls of a miner. `network`: the second number of the addresses that are ours.
    """

    miners: int = 10_000
    rounds: int = 7
    seconds: float = 120.0
    interval_s: int = 15
    network: int = _NETWORKS[0]

    @property
    def sampled(self) -> int:
        """Miners that are enough where each is asked by itself."""
        return min(self.miners, 1000)

    def address(self, number: int) -> str:
        """Return the address of a miner by its number from 0: 250 a network, for up to 125,000."""
        network, place = divmod(number, 250)
        return f"127.{self.network + network // 250}.{network % 250}.{place + 1}"

    def place(self, number: int, port: int) -> str:
        """Return where a process of the bench listens."""
        return f"127.{self.network + 1}.255.{number}:{port}"


CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHERS = CORES[:1], CORES[-1:]
"""The core of what is measured, and that of all else."""


def take_core() -> None:
    """Keep this process to the core of what is measured."""
    os.sched_setaffinity(0, MEASURED)


@contextmanager
def held_network() -> Iterator[int]:
    """Hold a network that no other bench holds; give the second number of its addresses."""
    for network in _NETWORKS:
        with socket.socket() as hold:
            try:
                hold.bind((f"127.{network}.255.254", _HOLD_PORT))
            except OSError:
                continue
            yield network
            return
    raise RuntimeError("every loopback network is held by another bench")


def targets(
    size: Size, miners: int, *, first: int = 0, interval_s: int | None = None, dead: float = 0.0
) -> str:
    """Return an inventory of this many miners, CONTAINER_SIZE a container.

    `first`: number of the first one. `dead`: the part of each container that does not answer, half of it refusing
    connections, half of it taking them and saying nothing.
    """
    lines = [
        f"defaults: {{interval: {interval_s or size.interval_s}s, web_port: null, v3_port: null}}",
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
            f"      - {{name: m{number}, address: {size.address(number)}, manufacturer: Whatsminer, model: M30S+}}"
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


class Idle:
    """A process that does nothing on the core of what is measured: how late it wakes is what others do to all there."""

    _SOURCE = """
import select, sys, time
worst, pause = 0.0, 0.05
while True:
    began = time.monotonic()
    if select.select([sys.stdin], [], [], pause)[0]:
        break
    worst = max(worst, time.monotonic() - began - pause)
print(worst)
"""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", self._SOURCE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        os.sched_setaffinity(self._process.pid, MEASURED)

    def end(self) -> float:
        """End it; return how many seconds late it woke at most."""
        return float(self._process.communicate()[0])


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder for inventories and logs."""
    with tempfile.TemporaryDirectory(prefix="hashyard-bench-") as path:
        yield Path(path)


@contextmanager
def simulator(
    size: Size, file: Path, place: int = 1, cores: list[int] | None = None, *, static: bool = False
) -> Iterator[Program]:
    """Simulate the miners of an inventory as long as the context lasts. `place`: which of several.

    `static`: replies are kept until the miner is told something, which it then does at once.
    """
    flags = ("--static",) if static else ()
    program = Program("simulate", file, size.place(place, 9429), *flags, cores=cores or OTHERS)
    try:
        program.wait("simulated miners")
        yield program
    finally:
        program.end()


@contextmanager
def exporter(
    size: Size, file: Path, *flags: str, place: int = 1, cores: list[int] | None = None, ready: bool = True
) -> Iterator[Program]:
    """Run an exporter, with `ready` waiting for it. `place`: which of several."""
    program = Program("exporter", file, size.place(place, 9428), *flags, cores=cores or MEASURED)
    try:
        if ready:
            program.wait()
        yield program
    finally:
        program.end()
