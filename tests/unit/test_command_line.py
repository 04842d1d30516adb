"""The command line from outside: wrong use is one line and exit 2, older tools' names are answered, a scan can be cut."""

import asyncio
import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import hashyard
from tests.replay.server import ReplayServer

VERSION = {
    "STATUS": [{"STATUS": "S", "Code": 22, "Description": "cgminer 4.9.0"}],
    "VERSION": [{"Type": "Antminer S9", "Miner": "16.8.1.3"}],
    "id": 1,
}
SUMMARY = {
    "STATUS": [{"STATUS": "S", "Code": 11}],
    "SUMMARY": [{"GHS 5s": 13500.0, "Elapsed": 5000}],
    "id": 1,
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "hashyard: the following arguments are required: COMMAND; `hashyard --help`"),
        (
            ["exporter", "--nonsense"],
            "hashyard exporter: unrecognized arguments: --nonsense; `hashyard exporter --help`",
        ),
        (["exporter", "--no"], "hashyard exporter: unrecognized arguments: --no;"),
        (
            ["read"],
            "hashyard read: the following arguments are required: HOST[:PORT]; `hashyard read --help`",
        ),
        (["look"], "hashyard: argument COMMAND: invalid choice: 'look'"),
    ],
)
def test_wrong_use_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        hashyard.main(arguments)
    assert ended.value.code == 2
    errors = capsys.readouterr().err
    assert errors.startswith(said)
    assert errors.count("\n") == 1


def test_a_new_password_is_made_only_where_a_controller_has_worked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert hashyard.main(["controller", "--reset-admin", "--data", "dat"]) == 2
    assert capsys.readouterr().err.startswith(
        "--data: no controller has worked with dat yet; name its folder"
    )
    assert not (tmp_path / "dat").exists()


def test_help_shows_an_example_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        hashyard.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for command in hashyard.COMMANDS:
        assert f"\n  {command.examples[0]}\n" in shown


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *(("exporter", name) for name in ("DEFAULT_MINER_PORT", "CONNECTION_TIMEOUT", "POLLING_INTERVAL")),
        *(("controller", name) for name in ("POLLING_INTERVAL", "SECRET_KEY")),
    ],
)
def test_a_server_says_what_takes_the_place_of_an_older_tools_variable(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    assert hashyard.main([command]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"{name} is set, and Hashyard does not read it: ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("name", ["API_HOST", "API_PORT", "SECRET_KEY", "DATABASE_URL"])
def test_the_exporter_takes_no_notice_of_what_it_shares_with_the_controller(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv(name, "1")
    assert hashyard.main(["exporter", "--targets", str(tmp_path / "none.yml")]) == 2
    assert name not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["controller"], "MAX_WORKERS"),
        (["controller"], "API_PORT"),
        (["exporter"], "MAX_WORKERS"),
        (["scan", "127.0.0.1"], "MAX_WORKERS"),
        (["read", "127.0.0.1"], "CONNECTION_TIMEOUT"),
        (["read", "127.0.0.1"], "DEFAULT_MINER_PORT"),
    ],
)
def test_an_older_tools_variable_is_read_where_there_is_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str], name: str
) -> None:
    monkeypatch.setenv(name, "many")
    assert hashyard.main(command) == 2
    errors = capsys.readouterr().err
    assert name in errors
    assert "'many' is not a " in errors or "many' is not HOST:PORT" in errors


async def test_a_scan_that_is_interrupted_prints_what_it_has_found() -> None:
    screen, terminal = pty.openpty()
    async with ReplayServer({"version": VERSION, "summary": SUMMARY}, joins=True, host="127.0.58.1") as miner:
        with socket.create_server(("127.0.58.2", miner.port)):  # takes connections and never answers
            scan = await asyncio.create_subprocess_exec(
                *(
                    "env",
                    "--default-signal=INT",  # tests that run in the background have been told to ignore it
                    sys.executable,
                    "-m",
                    "hashyard",
                    "scan",
                    "127.0.58.1-3",
                    "--yaml",
                    "--port",
                    str(miner.port),
                    "--timeout",
                    "100",  # the silent one must still be waited for when the signal comes
                ),
                cwd=Path(hashyard.__file__).parent,
                env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
                stdout=asyncio.subprocess.PIPE,
                stderr=terminal,
            )
            os.close(terminal)
            shown = ""
            while "1 miners" not in shown:
                shown += (await asyncio.to_thread(os.read, screen, 4096)).decode(errors="replace")
            scan.send_signal(signal.SIGINT)
            out, _ = await scan.communicate()
    with contextlib.suppress(OSError):  # the end of a terminal whose last writer has gone
        while more := os.read(screen, 4096):
            shown += more.decode(errors="replace")
    os.close(screen)
    assert scan.returncode == 1
    assert "interrupted: 1 miners at 2 of 3 addresses" in shown
    assert re.findall("address: (.*)", out.decode()) == ["127.0.58.1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "targets.yml"], rb"\u0421\u043a\u043b\u0430\u0434"),
        (["scan", "127.0.0.1", "--port", "1", "--yaml", "--container", "Склад"], "name: Склад".encode()),
    ],
)
def test_names_in_any_script_are_printed_where_only_ascii_is_shown(
    arguments: list[str], said: bytes, tmp_path: Path
) -> None:
    targets = "containers: [{name: Склад, miners: [{name: a, address: 127.0.0.1}]}]"
    (tmp_path / "targets.yml").write_text(targets, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "hashyard", *arguments],
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(Path(hashyard.__file__).parent)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
