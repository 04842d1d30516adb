"""The front door: where a demo runs, how its parts are watched, what is got from packages, and CI's own gate."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import venv
from datetime import datetime
from pathlib import Path

import psutil
import pytest
from honcho.printer import Message

import hashyard_start
from tools import __main__ as tools_start
from tools import environment, packages, place
from tools.parts import LogFiles, PartsFailed
from tools.ready import wait_until_ready

REPOSITORY = Path(__file__).parents[2]

pytest_plugins = ["pytester"]


def listening(address: str, port: int = 0) -> socket.socket:
    server = socket.socket()
    server.bind((address, port))
    server.listen()
    return server


def test_a_busy_port_is_named_and_the_next_free_one_taken() -> None:
    said: list[str] = []
    with listening("127.0.0.1") as server:
        busy = server.getsockname()[1]
        taken: set[int] = set()
        found = place.take_port(busy, "the exporter", taken, said.append)
    assert found > busy
    assert taken == {found}
    assert said == [f"Port {busy} is busy: the exporter takes {found}."]


def test_a_port_taken_for_one_part_is_not_given_to_the_next() -> None:
    said: list[str] = []
    with listening("127.0.0.1") as server:
        start = server.getsockname()[1]
    taken = {start}
    assert place.take_port(start, "Prometheus", taken, said.append) > start
    assert len(said) == 1


def test_a_second_demo_gets_a_folder_of_its_own_and_the_first_comes_free_again(tmp_path: Path) -> None:
    said: list[str] = []
    first = place.take_folder(tmp_path, said.append)
    second = place.take_folder(tmp_path, said.append)
    assert (first.path.name, second.path.name) == ("1", "2")
    assert said == [f"Another demo (process {os.getpid()}) runs in {first.path}."]
    first.lock.close()
    third = place.take_folder(tmp_path, said.append)
    assert third.path == first.path
    for hold in (second, third):
        hold.lock.close()


def test_too_many_demos_are_refused_in_one_line(tmp_path: Path) -> None:
    held = [place.take_folder(tmp_path, lambda _: None) for _ in range(9)]
    with pytest.raises(place.NoPlace, match=r"^9 demos run in \S+ already$"):
        place.take_folder(tmp_path, lambda _: None)
    for hold in held:
        hold.lock.close()


def test_a_fleet_moves_out_of_the_way_of_another() -> None:
    with listening("127.113.4.5") as server:
        port = server.getsockname()[1]
        fleet = [("127.113.4.5", port), ("127.113.4.6", port), ("127.0.0.1", 1)]
        assert place.network_of(fleet) == 113
        assert place.free_network(113, fleet) == 114
    assert place.free_network(113, fleet) == 113


def test_a_fleet_anywhere_in_the_loopback_network_has_room() -> None:
    assert place.free_network(177, [("127.177.4.5", 4028)]) == 177
    with (
        listening("127.255.4.5") as server,
        pytest.raises(place.NoPlace, match=r"busy from 127\.255\.0\.0/16 to the end"),
    ):
        place.free_network(255, [("127.255.4.5", server.getsockname()[1])])


def test_a_fleet_outside_of_loopback_is_left_where_it_is() -> None:
    assert (
        place.network_of([("10.1.7.4", 4028), ("miner.example", 4028), ("127.0.0.1", 4028), ("::1", 4028)])
        is None
    )


def test_a_fleet_in_two_networks_is_refused_in_one_line() -> None:
    with pytest.raises(place.NoPlace, match=r"127\.10\.0\.0/16 and 127\.12\.0\.0/16"):
        place.network_of([("127.10.0.1", 1), ("127.12.0.1", 1)])


def test_moving_changes_the_fleets_addresses_and_nothing_else() -> None:
    text = "a: 127.10.1.1-60\nb: [127.10.0.0/24, 127.100.1.1, 10.127.10.1, 1127.10.1.1]\nc: 127.10 miners"
    assert place.moved(text, 10, 11) == (
        "a: 127.11.1.1-60\nb: [127.11.0.0/24, 127.100.1.1, 10.127.10.1, 1127.10.1.1]\nc: 127.10 miners"
    )


def test_the_pages_libraries_and_promtool_come_along_and_the_rest_stays_away() -> None:
    printed = textwrap.dedent("""\
        'http://deb.example/pool/libc6_2.36-9_amd64.deb' libc6_2.36-9_amd64.deb 2759320 SHA256:00
        'http://deb.example/pool/libjs-d3_3.5.17-4_all.deb' libjs-d3_3.5.17-4_all.deb 131800 SHA256:00
        'http://deb.example/pool/fonts-x_1%3a1_all.deb' fonts-x_1%3a1_all.deb 1 SHA256:00
        'http://deb.example/pool/promtool_2.53.3_amd64.deb' promtool_2.53.3_amd64.deb 15000000 SHA256:00
        'http://deb.example/pool/prometheus_2.53.3_amd64.deb' prometheus_2.53.3_amd64.deb 19257088 SHA256:00
    """)
    assert packages.companions("prometheus", printed) == ["libjs-d3", "fonts-x", "promtool"]
    assert packages.companions("python3-pip-whl", printed) == []


def test_postgresqls_server_and_its_libraries_come_along_but_neither_libc_nor_perl() -> None:
    names = [
        "libc6",
        "libllvm14",
        "libperl5.36",
        "libjson-perl",
        "libicu72",
        "libpq5",
        "libcap2",
        "postgresql-15",
        "postgresql-client-15",
        "postgresql-common",
        "postgresql",
        "libc-bin",
        "libc-l10n",
        "locales",
        "libstdc++6",
    ]
    printed = "\n".join(
        f"'http://deb.example/{name}_1_all.deb' {name}_1_all.deb 1 SHA256:00" for name in names
    )
    assert packages.companions("postgresql", printed) == [
        "libicu72",
        "libpq5",
        "libcap2",
        "postgresql-15",
        "libstdc++6",
    ]


def test_without_apt_the_reason_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(packages, "TOOLS", tmp_path / "tools")
    with pytest.raises(
        packages.PackagesError,
        match=r"^prometheus is not installed, .* no apt-get or dpkg-deb to get it with$",
    ):
        packages.get_prometheus()


def test_a_failing_apt_leaves_nothing_half_unpacked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("apt-get", "dpkg-deb"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho 'E: Unable to fetch some archives' >&2\nexit 100\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    monkeypatch.setattr(packages, "TOOLS", tmp_path / "tools")
    with pytest.raises(
        packages.PackagesError, match=r"^apt-get failed \(100\): E: Unable to fetch some archives$"
    ):
        packages.unpack("prometheus", tmp_path / "tools" / "prometheus")
    assert [found.name for found in (tmp_path / "tools").iterdir()] == ["lock"]


def test_an_environment_hangs_on_the_dependencies_and_not_on_a_linters_rules() -> None:
    project = {"project": {"dependencies": ["a"]}, "tool": {"ruff": {"line-length": 80}}}
    other_rules = {**project, "tool": {"ruff": {"line-length": 90}}}
    other_dependency = {**project, "project": {"dependencies": ["a", "b"]}}
    assert environment.fingerprint(project) == environment.fingerprint(other_rules)
    assert environment.fingerprint(project) != environment.fingerprint(other_dependency)


INSTALLING = """
import sys
from tools import environment

environment.install = lambda extras: environment._call([sys.executable, "-c", script])
script, sys.argv[1:] = sys.argv[1], ["demo"]
sys.exit(environment.main())
"""

# Two generations, as `python -m venv` starts pip: both would show a traceback, and the second would go on by itself.
INSTALLER = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(300)"])
"""


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_installation_that_is_interrupted_says_one_line_and_leaves_nothing_running(
    ending: signal.Signals,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INSTALLING, INSTALLER],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as installing:
        assert installing.stdout is not None
        grandchild = int(installing.stdout.readline())
        os.killpg(installing.pid, ending)  # as a terminal does
        _, said = installing.communicate(timeout=60)
    assert (installing.returncode, said) == (130, "Interrupted; the next start takes it up again.\n")
    assert not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE


def test_pip_that_was_cut_off_is_not_taken_for_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment_folder = tmp_path / "environment"
    venv.create(environment_folder, with_pip=False)
    python = environment_folder / "bin" / "python"
    monkeypatch.setattr(environment, "PYTHON", python)
    (packages_folder,) = environment_folder.glob("lib/python*/site-packages")
    (packages_folder / "pip").mkdir()
    (packages_folder / "pip" / "__init__.py").touch()
    record = packages_folder / "pip-26.0.dist-info"
    record.mkdir()
    (record / "METADATA").write_text("Name: pip\nVersion: 26.0\n")
    (record / "RECORD").write_text("pip/__init__.py,,\n")  # comes with the archive, and says nothing
    assert not environment._usable()
    (record / "INSTALLER").write_text("pip\n")
    assert environment._usable()
    (environment_folder / "pyvenv.cfg").unlink()
    assert not environment._usable()  # the Python behind it answers then, and has a pip of its own


def test_an_old_environment_goes_at_once_however_often_that_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packages, "TOOLS", tmp_path / "tools")
    monkeypatch.setattr(environment, "ENVIRONMENT", tmp_path / "environment")
    environment._put_away()
    for folder in ("tools/old-environment/left", "environment/bin"):
        (tmp_path / folder).mkdir(parents=True)
    environment._put_away()
    assert not (tmp_path / "environment").exists()
    assert list((tmp_path / "tools").iterdir()) == []
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "environment").symlink_to(elsewhere)
    environment._put_away()
    assert elsewhere.exists()
    assert not (tmp_path / "environment").is_symlink()


LOADED = ("hashyard", "tools.welcome")


class InterruptedLoading:
    """Finds modules as a person does who presses Ctrl-C while they are being loaded."""

    def find_spec(self, name: str, *_: object) -> None:
        if name in LOADED:
            raise KeyboardInterrupt


def test_what_is_interrupted_while_it_loads_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "meta_path", [InterruptedLoading(), *sys.meta_path])
    for name in LOADED:  # another test may have loaded it
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(sys, "argv", ["tools", "welcome"])
    assert hashyard_start.main() == 1
    assert capsys.readouterr().err == "interrupted\n"
    assert tools_start.main() == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize("typed", [[], ["nothing"], ["__init__"], ["../hashyard"]])
def test_a_program_that_is_not_there_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tools", *typed])
    assert tools_start.main() == 2
    assert capsys.readouterr().err.startswith("tools: there is no program ")


PARTS = """
import os, sys
from pathlib import Path
from tools.parts import Part, run_parts

server = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "{port}")
if __name__ == "__main__":
    death = run_parts(
        [Part("server", server, "http://127.0.0.1:{port}/"),
         Part("other", ("sh", "-c", "{script}"), "http://127.0.0.1:{port}/", after="http://127.0.0.1:{port}/")],
        Path("logs"), os.environ, lambda: print("started", flush=True))
    print(death)
"""


@pytest.fixture
def free_port() -> int:
    with listening("127.0.0.1") as server:
        port: int = server.getsockname()[1]
    return port


def start_parts(folder: Path, port: int, script: str) -> subprocess.Popen[str]:
    program = folder / "program.py"
    program.write_text(PARTS.format(port=port, script=script))
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(
        [sys.executable, program], cwd=folder, env=environ, stdout=subprocess.PIPE, text=True
    )


def test_a_part_that_dies_is_named_with_its_last_lines_and_ends_the_rest(
    tmp_path: Path, free_port: int
) -> None:
    program = start_parts(tmp_path, free_port, "echo first; echo last words >&2; exit 3")
    printed, _ = program.communicate(timeout=60)
    assert "Death(name='other', code=3, lines=['first', 'last words'])" in printed
    assert place.is_free("127.0.0.1", free_port)
    assert (tmp_path / "logs" / "other.log").read_text().endswith("last words\n")


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_part_with_its_children(
    tmp_path: Path, free_port: int, sent: signal.Signals
) -> None:
    program = start_parts(tmp_path, free_port, "sleep 600 & echo $! > child; touch up; wait")
    assert program.stdout is not None
    assert program.stdout.readline() == "started\n"
    while not (tmp_path / "up").exists():
        assert program.poll() is None
    program.send_signal(sent)
    printed, _ = program.communicate(timeout=60)
    assert printed == "None\n"
    assert place.is_free("127.0.0.1", free_port)
    child = Path("/proc", (tmp_path / "child").read_text().strip(), "stat")
    assert not child.exists() or child.read_text().rpartition(")")[2].split()[0] == "Z"


def test_parts_end_with_a_watcher_that_is_killed_outright(tmp_path: Path, free_port: int) -> None:
    program = start_parts(tmp_path, free_port, "echo $$ > other; exec sleep 600")
    while not (tmp_path / "other").exists() or not (tmp_path / "other").read_text():
        assert program.poll() is None
    program.kill()
    program.communicate(timeout=60)
    other = Path("/proc", (tmp_path / "other").read_text().strip())
    end = time.monotonic() + 60
    while other.exists() or not place.is_free("127.0.0.1", free_port):
        assert time.monotonic() < end, "a part lives on"
        time.sleep(0.05)


def test_who_is_asked_to_end_before_all_parts_have_started_ends_when_they_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append(f"{pid == os.getpid()} {number}"))
    printer = LogFiles(tmp_path, 2, lambda: told.append("all started"))
    for line in ("SIGINT received\n", "simulator started (pid=1)\n", "exporter started (pid=2)\n"):
        assert not told
        printer.write(Message("line", line, datetime.now(), "system", None))  # noqa: DTZ005  # honcho's own form
    assert told == ["all started", f"True {signal.SIGTERM}"]


def test_logs_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    printer = LogFiles(tmp_path / "gone", 1, lambda: None)
    with pytest.raises(
        PartsFailed, match=r"/gone/exporter\.log cannot be written: No such file or directory$"
    ):
        printer.write(Message("line", b"hello\n", datetime.now(), "exporter", None))  # noqa: DTZ005  # honcho's own form


def test_a_part_that_is_never_ready_is_waited_for_only_so_long(free_port: int) -> None:
    assert not wait_until_ready(f"http://127.0.0.1:{free_port}/", patience_s=0.3)


def test_make_alone_lists_what_there_is_to_make() -> None:
    # A make within a make says where it is: this one is asked as from a terminal, also under `make test`.
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    printed = subprocess.run(
        ["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True, env=surroundings
    ).stdout
    listed = {line.split()[1] for line in printed.splitlines()}
    assert listed == {"help", "demo", "test", "test-long", "bench", "check", "screenshots", "clean"}


@pytest.mark.parametrize(("ci", "outcome"), [("true", "failed"), ("", "skipped")])
def test_a_test_skipped_for_a_missing_tool_fails_in_ci_only(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, ci: str, outcome: str
) -> None:
    pytester.makeconftest((REPOSITORY / "tests" / "conftest.py").read_text())
    pytester.makepyfile("""
        import pytest
        def test_tool():
            pytest.skip("missing tool: frobnicate")
        def test_replies():
            pytest.skip("no captured replies beside the checkout")
    """)
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    counts = {"failed": 1, "skipped": 1} if outcome == "failed" else {"skipped": 2}
    result.assert_outcomes(**counts)
