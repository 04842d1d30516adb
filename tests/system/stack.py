"""Hashyard as people run it: simulator, exporter and Prometheus as processes, in a loopback network of their own.

A Stack holds one 127.N.0.0/16 as long as it lives, so that any number of them run side by side with the ports that
everybody knows. Whatever it started it ends, and it fails the test if one of its exporters has written a traceback.
"""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

import psutil
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from stack.prometheus_config import Places, rendered

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 60.0
_PAUSE_S = 0.2

# Tests write 127.N. for the network that the stack will have.
PLACEHOLDER = "127.N."
_NETWORKS = range(130, 250)
_HOLD_PORT = 40_404

HASHYARD = (sys.executable, "-m", "hashyard")
EXPORTER = (*HASHYARD, "exporter")

# What a program writes when it has stumbled, or has left something behind.
_STUMBLES = re.compile(r"Traceback|Task was destroyed|was never (awaited|retrieved)|Unclosed|ResourceWarning")

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

T = TypeVar("T")


class Sample(NamedTuple):
    """One series of an answer: its labels without the name, and its value."""

    name: str
    labels: dict[str, str]
    value: float


class Answer(NamedTuple):
    """What an HTTP request came to."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str, *, method: str = "GET", body: object = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send a request, an object as its JSON body; errors of HTTP are answers too."""
    given = dict(headers or {})
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        given["Content-Type"] = "application/json"
    request = urllib.request.Request(url, data=data, method=method, headers=given)
    try:
        with _opener.open(request, timeout=30) as reply:
            return Answer(reply.status, reply.headers, reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read())


def until(what: Callable[[], T | None], meaning: str, *, patience_s: float = PATIENCE_S) -> T:
    """Call `what` until it gives something that is true, and return that; an AssertionError in it means not yet."""
    end = time.monotonic() + patience_s
    last: object = None
    while time.monotonic() < end:
        try:
            found = what()
        except (AssertionError, OSError) as error:
            last = error
        else:
            if found:
                return found
            last = found
        time.sleep(_PAUSE_S)
    pytest.fail(f"not within {patience_s:.0f} s: {meaning}; at last: {last!r}")


def samples_of(page: bytes) -> list[Sample]:
    """Parse a page of metrics with prometheus_client."""
    return [
        Sample(sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    ]


def by_miner(samples: list[Sample]) -> dict[str, float]:
    """Return the values by `container/miner`; each may be there once."""
    found: dict[str, float] = {}
    for sample in samples:
        name = f"{sample.labels['container']}/{sample.labels['miner']}"
        assert name not in found, f"{name} twice: {samples}"
        found[name] = sample.value
    return found


class Program:
    """One process with its log. `url`: where it serves."""

    def __init__(self, name: str, command: list[str], log: Path, url: str) -> None:
        self.name = name
        self.command = command
        self.log = log
        self.url = url
        self._file = log.open("ab")
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            # Nothing of the surroundings: a HASHYARD_… of the machine has no business in a test. What Python finds
            # wrong only at the very end (a task left behind) is to be in the log.
            env={
                **{key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ},
                "PYTHONWARNINGS": "default::ResourceWarning,default::RuntimeWarning",
            },
        )

    @property
    def said(self) -> str:
        """What it has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def rss(self) -> int:
        """Its resident memory, bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def wait_ready(self, path: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until it serves the path."""

        def answers() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"{self.name} ended with {self.process.returncode}:\n{self.said}")
            return ask(self.url + path).status == 200

        until(answers, f"{self.name} serves {path}", patience_s=patience_s)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; return the exit code (negative: by which signal)."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            pytest.fail(f"{self.name} does not end by {number.name}:\n{self.said[-4000:]}")
        finally:
            self._file.close()


class Stack:
    """The processes of one test, or of one module's tests. A context manager."""

    def __init__(self, folder: Path) -> None:
        """Work in the folder."""
        self.folder = folder
        self.network = 0
        self.programs: list[Program] = []
        self._hold: socket.socket | None = None

    def __enter__(self) -> Self:
        for network in random.sample(_NETWORKS, len(_NETWORKS)):
            hold = socket.socket()
            try:
                hold.bind((f"127.{network}.255.254", _HOLD_PORT))
            except OSError:
                hold.close()
                continue
            self._hold, self.network = hold, network
            return self
        pytest.fail("every loopback network is held by another test")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for program in reversed(self.programs):
                program.end()
        finally:
            for program in self.programs:
                if program.process.poll() is None:
                    program.process.kill()
                    program.process.wait()
            assert self._hold is not None
            self._hold.close()
        if error is None:
            self.assert_no_stumble()

    def assert_no_stumble(self) -> None:
        """Fail if a part of ours has written a traceback, or that it left something behind."""
        for program in self.programs:
            if program.name == "prometheus":
                continue
            found = _STUMBLES.search(program.said)
            if found:
                around = program.said[max(0, found.start() - 1000) : found.end() + 3000]
                pytest.fail(f"{program.name} stumbled:\n{around}")

    # The files.

    def write_targets(self, text: str, name: str = "targets.yml") -> Path:
        """Write an inventory as an editor does, beside it and then in its place; return its path."""
        path = self.folder / name
        beside = path.with_suffix(".new")
        beside.write_text(text.replace(PLACEHOLDER, f"127.{self.network}."), encoding="utf-8")
        beside.replace(path)
        return path

    # The programs.

    def start_simulator(self, targets: Path, *flags: str) -> Program:
        """Start the simulator, and wait until all its miners listen."""
        where = f"127.{self.network}.255.1:9429"
        program = self.start_program(
            "simulator", [*HASHYARD, "simulate", *_flags(targets, where), *flags], where
        )
        program.wait_ready("/fleet", patience_s=2 * PATIENCE_S)
        return program

    def start_exporter(
        self,
        targets: Path,
        *flags: str,
        place: int = 1,
        wait_for: str = "/-/ready",
        command: Sequence[str] = EXPORTER,
    ) -> Program:
        """Start an exporter; wait until it serves the path `wait_for`, if any. `place`: which of several."""
        where = f"127.{self.network}.254.{place}:9428"
        program = self.start_program(f"exporter-{place}", [*command, *_flags(targets, where), *flags], where)
        if wait_for:
            program.wait_ready(wait_for)
        return program

    def start_prometheus(self, prometheus: Path, *exporters: Program) -> Program:
        """Start Prometheus with the project's own configuration, made to look every second."""
        where = f"127.{self.network}.255.3:9090"
        config = self.folder / "prometheus.yml"
        config.write_text(
            prometheus_config([one.url.removeprefix("http://") for one in exporters], where), encoding="utf-8"
        )
        program = self.start_program(
            "prometheus",
            [
                str(prometheus),
                f"--config.file={config}",
                f"--storage.tsdb.path={self.folder / 'prometheus'}",
                f"--web.listen-address={where}",
            ],
            where,
        )
        program.wait_ready("/-/ready")
        return program

    def start_program(self, name: str, command: list[str], where: str) -> Program:
        """Start a program that will serve on HOST:PORT."""
        program = Program(name, command, self.folder / f"{name}.log", f"http://{where}")
        self.programs.append(program)
        return program


def _flags(targets: Path, where: str) -> tuple[str, ...]:
    return ("--env-file", os.devnull, "--targets", str(targets), "--listen", where)


class Miner(NamedTuple):
    """A simulated miner, as the simulator's own interface knows it."""

    simulator: Program
    container: str
    name: str

    @property
    def _url(self) -> str:
        quoted = [urllib.parse.quote(name, safe="") for name in (self.container, self.name)]
        return f"{self.simulator.url}/miners/{'/'.join(quoted)}"

    def spoil(self, **fault: object) -> None:
        """Give it a fault."""
        answer = ask(f"{self._url}/faults", method="POST", body=fault)
        assert answer.status == 201, answer

    def mend(self) -> None:
        """Take its faults away."""
        assert ask(f"{self._url}/faults", method="DELETE").status == 200

    def order(self, **setting: object) -> None:
        """Let it do something, such as sleep."""
        answer = ask(f"{self._url}/state", method="POST", body=setting)
        assert answer.status == 200, answer


def truth(simulator: Program) -> dict[str, dict[str, Any]]:
    """Return what is so, by `container/miner`."""
    return {
        f"{one['container']}/{one['miner']}": one for one in ask(f"{simulator.url}/truth").json()["miners"]
    }


def query(prometheus: Program, expression: str, at: float | None = None) -> list[Sample]:
    """Ask Prometheus for the value of an expression now, or at a time (unix seconds)."""
    asked = {"query": expression} | ({} if at is None else {"time": f"{at:.3f}"})
    answer = ask(f"{prometheus.url}/api/v1/query?{urllib.parse.urlencode(asked)}")
    assert answer.status == 200, answer.body.decode()
    return [
        Sample(
            one["metric"].get("__name__", ""),
            {key: value for key, value in one["metric"].items() if key != "__name__"},
            float(one["value"][1]),
        )
        for one in answer.json()["data"]["result"]
    ]


def metrics(exporter: Program, container: str | None = None) -> list[Sample]:
    """Return the samples of the exporter's page."""
    asked = "" if container is None else f"?{urllib.parse.urlencode({'container': container})}"
    answer = ask(f"{exporter.url}/metrics{asked}")
    assert answer.status == 200, answer.body.decode()
    return samples_of(answer.body)


def prometheus_config(exporters: list[str], prometheus: str, interval: str = "1s") -> str:
    """Return prometheus/prometheus.yml with these addresses and this interval, without rules and other programs.

    Nobody runs a controller, Alertmanager or Grafana here, and whatever else listens on their usual ports is not to be asked.
    """
    template = (REPOSITORY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    places = Places(exporters=[f"http://{one}" for one in exporters], prometheus=f"http://{prometheus}")
    config = yaml.safe_load(rendered(template, places))
    for key in ("scrape_interval", "scrape_timeout", "evaluation_interval"):
        assert key in config["global"]
        config["global"][key] = interval
    del config["rule_files"]
    for job in config["scrape_configs"]:
        for discovery in job.get("http_sd_configs", ()):
            discovery["refresh_interval"] = interval
    text: str = yaml.safe_dump(config, allow_unicode=True)
    return text
