"""`make demo` as a newcomer would: started, seen working, interrupted, started again, two at once, a part killed."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from tools import place, ready

REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 90.0
PARTS = ("pages", "exporter", "Prometheus", "Alertmanager", "simulator")

# The demo in small: the real one's fleet would take a minute of two cores from the other tests.
TARGETS = """
containers:
  - name: Контейнер 1
    miners:
      - {name: a1, address: 127.77.1.1, web_port: 8077, manufacturer: AntMiner, model: S19 Pro}
      - {name: a2, address: 127.77.1.2, web_port: 8077, manufacturer: AntMiner, model: S19 Pro, simulate: {faults: [{fault: refused}]}}
  - name: Container 2
    control: enforce
    schedule: default
    miners:
      - {name: b1, address: 127.77.2.1, web_port: 8077, manufacturer: Avalon, model: "1246"}
"""


class Running:
    """A demo under test: what it has printed, and where it says that its parts are."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.screen = ""

    def read_until(self, pattern: str) -> re.Match[str]:
        """Read what it prints until the pattern stands in it; fail when it ends before."""
        assert self.process.stdout is not None
        while True:
            found = re.search(pattern, self.screen)
            if found:
                return found
            line = self.process.stdout.readline()
            assert line, f"ended without saying {pattern!r}; it said:\n{self.screen}"
            self.screen += line

    def address(self, part: str) -> str:
        """Return the URL that the first screen gives for a part."""
        return self.read_until(rf"(?m)^  {part} +(http://[\d.:]+)/")[1]

    def parts(self) -> dict[str, psutil.Process]:
        """Return the processes of the parts by name, from the manager's own log."""
        log = (self.folder() / "logs" / "system.log").read_text()
        return {
            name: psutil.Process(int(pid)) for name, pid in re.findall(r"(\S+) started \(pid=(\d+)\)", log)
        }

    def folder(self) -> Path:
        """Return the folder that the demo has taken for itself."""
        return Path(self.read_until(r"  logs +(/\S+)/logs/")[1])

    def end(self, sent: signal.Signals = signal.SIGINT) -> int:
        """Send a signal as a terminal would; return the exit code."""
        self.process.send_signal(sent)
        rest, _ = self.process.communicate(timeout=PATIENCE_S)
        self.screen += rest
        return self.process.returncode


@contextmanager
def demo(targets: Path) -> Iterator[Running]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tools.demo",
            "--targets",
            targets,
            "--folder",
            targets.parent / "demo",
            "--no-past",
        ],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "DATABASE_URL": "sqlite://", "HASHYARD_SHARD": "nonsense"},
    )
    try:
        yield Running(process)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE_S)


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    path = tmp_path / "targets.yml"
    path.write_text(TARGETS, encoding="utf-8")
    return path


def query(prometheus: str, expression: str) -> dict[str, str]:
    """Return the value of each miner, by `container/miner`."""
    reply = json.loads(ready.get(f"{prometheus}/api/v1/query?query={urllib.parse.quote(expression)}"))
    return {
        f"{one['metric']['container']}/{one['metric']['miner']}": one["value"][1]
        for one in reply["data"]["result"]
    }


def query_until(prometheus: str, expression: str, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """Ask until the answer is as it is to be, and return it."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        answer = query(prometheus, expression)
        if holds(answer):
            return answer
        time.sleep(0.5)
    pytest.fail(f"{expression}: {answer}")


def endpoint(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


def gone(processes: dict[str, psutil.Process]) -> bool:
    return not any(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes.values()
    )


def test_a_newcomers_demo(targets: Path, prometheus: Path, alertmanager: Path) -> None:
    with demo(targets) as running:
        running.read_until("Ctrl-C ends everything")
        assert "3 simulated miners in 2 containers" in running.screen
        so = {"Контейнер 1/a1": "1", "Контейнер 1/a2": "0", "Container 2/b1": "1"}
        query_until(running.address("Prometheus"), "miner_up", lambda up: up == so)
        scraped = query(running.address("Prometheus"), "timestamp(miner_up)")
        then = f"miner_up @ {max(map(float, scraped.values()))}"
        up = query(running.address("Prometheus"), then)
        parts = running.parts()
        assert set(parts) == {"simulator", "exporter", "prometheus", "alertmanager", "controller"}
        addresses = [running.address(part) for part in PARTS]
        ordered = query_until(running.address("Prometheus"), "hashyard_controller_desired_power_ratio", bool)
        assert set(ordered) == {"Container 2/b1"}
        assert running.end() == 0
        assert "has ended" in running.screen
        assert all(place.is_free(*endpoint(address)) for address in addresses)
        assert gone(parts)
        folder = running.folder()

    with demo(targets) as again:
        again.read_until("Ctrl-C ends everything")
        assert again.folder() == folder
        assert set(up) == set(so)
        assert query(again.address("Prometheus"), then) == up, "the history of the first run is kept"
        assert again.end(signal.SIGTERM) == 0


def test_two_demos_run_side_by_side(targets: Path, prometheus: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(demo(targets))
        first.read_until("Ctrl-C ends everything")
        second = stack.enter_context(demo(targets))
        second.read_until("Ctrl-C ends everything")
        assert {first.folder().name, second.folder().name} == {"1", "2"}
        assert len({one.address(part) for one in (first, second) for part in PARTS}) == 2 * len(PARTS)
        parts = second.parts()
        assert first.end() == 0
        assert not gone(parts), "ending the one ends nothing of the other"
        assert second.end() == 0
        assert gone(parts)


def test_a_part_that_dies_is_named_and_the_rest_is_ended(targets: Path, prometheus: Path) -> None:
    with demo(targets) as running:
        running.read_until("Ctrl-C ends everything")
        parts = running.parts()
        parts["exporter"].kill()
        running.read_until(r"The exporter ended by SIGKILL, so the rest was ended too")
        assert running.process.wait(PATIENCE_S) == 1
        assert gone(parts)


def test_without_prometheus_the_demo_goes_on_and_says_so(targets: Path, tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    (empty / "sh").symlink_to("/bin/sh")
    code = (
        "from pathlib import Path; from tools import packages, demo\n"
        f"packages.TOOLS = Path({str(tmp_path / 'tools')!r})\n"
        "raise SystemExit(demo.main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--targets", targets, "--folder", targets.parent / "demo"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PATH": str(empty)},
    )
    running = Running(process)
    try:
        running.read_until("goes on without history")
        assert b"miner_up" in ready.get(f"{running.address('exporter')}/metrics")
        assert "Ask Prometheus" not in running.screen
    finally:
        assert running.end() == 0


def test_a_wrong_fleet_stops_the_demo_with_its_mistakes(tmp_path: Path) -> None:
    wrong = tmp_path / "targets.yml"
    wrong.write_text(
        "containers:\n  - name: A\n    miners:\n      - {name: a, address: 127.0.0.1, port: 70000}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo", "--targets", wrong, "--folder", tmp_path / "demo"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{wrong}:4: containers[0].miners[0].port: 70000 is not" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("fleet", "folder", "said", "code"),
    [
        ("флот.yml", "demo", r"\u0444\u043b\u043e\u0442.yml: does not exist", 2),
        ("targets.yml", "targets.yml/demo", "The demo cannot run: ", 1),
    ],
)
def test_what_stops_the_demo_is_one_line_even_where_only_ascii_is_shown(
    targets: Path, fleet: str, folder: str, said: str, code: int
) -> None:
    place = targets.parent
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo", "--targets", place / fleet, "--folder", place / folder],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == code
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize("last_seen", [b"/fleet", b"simulator is ready"])
def test_a_terminal_that_goes_away_ends_the_demo(targets: Path, prometheus: Path, last_seen: bytes) -> None:
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.demo", "--targets", targets, "--folder", targets.parent / "demo"],
        cwd=REPOSITORY,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,  # no signal of the terminal reaches it, as under a make that is the first process there
    )
    os.close(inside)
    try:
        screen = b""
        while last_seen not in screen:
            screen += os.read(terminal, 4096)
        os.close(terminal)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
    for url in re.findall(rb"http://[\d.:]+", screen):
        assert place.is_free(*endpoint(url.decode()))
