"""`hashyard set` from outside: wrong use, and straight to a simulated miner. Through the controller: test_set_remotely.py."""

import io
import re
from pathlib import Path
from typing import Any

import pytest

import hashyard
from tests.system.writing_stage import SECRET, stage
from tests.unit.fake_controller import TOKEN, call, typed


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "token").write_text(f"{TOKEN}\n")


WISHES = (
    "--profile, --end, --sleep, --wake, --power-percent, --power-limit, --mode, --preset, --reboot, --locate"
)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["C/m"], f"say one of {WISHES}"),
        (["C/m", "--sleep", "--wake"], f"--sleep and --wake are too many: say one of {WISHES}"),
        (["--sleep"], "say which miner: CONTAINER/MINER, or CONTAINER for all of it"),
        (
            ["C/m", "--sleep"],
            "say who you are: --token-file with a token of the scope control",
        ),
        (["C/m", "--sleep", "--until", "18:00"], "--until says when a profile ends: give it with --profile"),
        (["C/m", "--profile", "x", "--until", "soon"], "'soon' is not an end"),
        (["C/m", "--mode", "fast"], "'fast' is none of low, normal, high"),
        (["C/m", "--locate", "yes"], "'yes' is none of on, off"),
        (["C/m", "--power-percent", "0"], "'0' is not a number of percent from 1 to 200"),
        (["C/m", "--power-limit", "nan"], "'nan' is not a number of watts"),
        (
            ["C/m", "--sleep", "--token-file", "none"],
            "--token-file: none cannot be read: No such file or directory",
        ),
        (["C/m", "--sleep", "--token-file", "empty"], "--token-file: empty holds no token: one line"),
        (["C/m", "--sleep", "--token-file", "two"], "--token-file: two holds no token: one line"),
        (["C/m", "--sleep", "--token-file", "token", "--url", "farm"], "--url: say a URL such as http://"),
        (
            ["C/m", "--sleep", "--token-file", "token", "--url", "http://h:0"],
            "--url: say a URL such as http://",
        ),
        (
            ["C/m", "--sleep", "--token-file", "token", "--url", f"http://a:{SECRET}@h"],
            "--url: user and password never stand in a URL",
        ),
        (["C/m", "--direct", "127.0.0.1", "--sleep"], "--direct HOST takes the place of CONTAINER/MINER"),
        (
            ["--direct", "127.0.0.1", "--profile", "curtail"],
            "--profile is the controller's business: --direct takes",
        ),
        (
            ["--direct", "127.0.0.1", "--end"],
            "--end is the controller's business: --direct takes --sleep, --wake,",
        ),
        (["--direct", "127.0.0.1:x", "--sleep"], "--direct: '127.0.0.1:x': 'x' is not a TCP port"),
        (
            ["--direct", "127.0.0.1", "--sleep", "--driver", "abacus"],
            "--driver: no driver is called 'abacus'",
        ),
        (
            ["--direct", "127.0.0.1", "--sleep", "--credentials-file", "none"],
            "--credentials-file: none cannot be read: No such file or directory",
        ),
    ],
)
def test_wrong_use_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text(f"{TOKEN}\n{TOKEN}\n")
    assert hashyard.main(["set", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert TOKEN not in printed.err
    assert SECRET not in printed.err


def luxos(number: int, **more: Any) -> Any:
    return stage(f"127.77.5.{number}", "S19k Pro", web_port=None, device="luxos", **more)


async def test_a_miner_on_a_bench_is_told_after_saying_what(capsys: pytest.CaptureFixture[str]) -> None:
    async with luxos(1) as on:
        assert await call("--direct", "127.77.5.1:24028", "--sleep", "--yes") == 0
        printed = capsys.readouterr().out
        assert printed.index("127.77.5.1 is Antminer S19k Pro, read by luxos; it is mining.") < printed.index(
            "It will be told: sleep (`curtail sleep`: boards and power supply off)"
        )
        assert re.search(
            r'^applied: the miner said yes \("Curtail command sent"\); it shows sleeping',
            printed,
            re.MULTILINE,
        )
        assert [order.accepted for order in on.received] == [True]
        assert await call("--direct", "127.77.5.1:24028", "--sleep", "--yes") == 0
        assert "unchanged: it shows that already" in capsys.readouterr().out
        assert len(on.received) == 1


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("Yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
async def test_it_asks_first(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    typed(monkeypatch, answer)
    async with luxos(2) as on:
        assert await call("--direct", "127.77.5.2:24028", "--locate", "on") == code
        assert len(on.received) == (code == 0)
    assert ("nothing was sent" in capsys.readouterr().err) is bool(code)


async def test_where_nobody_can_be_asked_yes_has_to_be_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    async with luxos(3) as on:
        assert await call("--direct", "127.77.5.3:24028", "--reboot") == 2
        assert on.received == []
    printed = capsys.readouterr()
    assert "It stops hashing for some minutes by that." in printed.out
    assert printed.err == "nothing was sent: say --yes where nobody can be asked\n"


@pytest.mark.parametrize(
    ("held", "host"), [("127.77.5.4", "127.77.5.4"), ("127.0.0.1", "localhost"), ("localhost", "127.0.0.1")]
)
async def test_an_address_of_the_inventory_is_the_controllers(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, held: str, host: str
) -> None:
    targets = f"containers:\n- name: North 7\n  miners:\n  - name: a/1\n    address: {held}\n"
    (tmp_path / "targets.yml").write_text(targets)
    async with luxos(4) as on:
        assert await call("--direct", f"{host}:24028", "--sleep", "--yes") == 2
        assert on.received == []
    said = capsys.readouterr().err
    assert f"{host} is North 7/a/1 (" in said
    assert (
        "targets.yml:4): say `hashyard set 'North 7/a/1' …`, so that it is recorded and not put back" in said
    )


async def test_what_was_created_through_the_api_is_the_controllers_too(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    managed = tmp_path / "data" / "targets.managed.yml"
    managed.write_text("containers:\n- name: New\n  miners:\n  - {name: n, address: 127.77.4.4}\n")
    async with luxos(4) as on:
        assert await call("--direct", "127.77.4.4:24028", "--sleep", "--yes") == 2
        assert on.received == []
    assert "127.77.4.4 is New/n (data/targets.managed.yml:4)" in capsys.readouterr().err


async def test_an_inventory_with_mistakes_tells_nothing_so_nothing_is_sent(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "targets.yml").write_text("containers: 7\n")
    async with luxos(5) as on:
        assert await call("--direct", "127.77.5.5:24028", "--sleep", "--yes") == 2
        assert on.received == []
    assert (
        "whether 127.77.5.5 belongs to the fleet cannot be told, so nothing is sent:"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--mode", "low"], "luxos does not know set_mode; it knows sleep, wake,"),
        (["--power-limit", "3000"], "luxos does not know set_power_limit"),
    ],
)
async def test_what_the_make_does_not_know_is_not_asked_for(
    capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    async with luxos(6) as on:
        assert await call("--direct", "127.77.5.6:24028", *flags) == 1
        assert on.received == []
    assert said in capsys.readouterr().err


async def test_a_number_out_of_range_is_refused_before_asking(capsys: pytest.CaptureFixture[str]) -> None:
    async with stage("127.77.5.7", "M30S+", password=SECRET, web_port=None) as on:
        assert await call("--direct", "127.77.5.7:24028", "--power-percent", "150") == 1
        assert on.received == []
    assert "150 % is out of range: whatsminer_v2 takes from 1 to 100 %" in capsys.readouterr().err


async def test_a_miner_that_does_not_answer_is_not_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert await call("--direct", "127.77.5.8:24028", "--sleep", "--yes") == 1
    assert capsys.readouterr().err.startswith(
        "nothing was sent, for it cannot be read: 127.77.5.8:24028 refuses"
    )


@pytest.mark.parametrize(
    ("password", "code", "said"),
    [
        (SECRET, 0, "applied: "),
        ("another-secret-9", 1, "auth_failed: "),
        (None, 1, "auth_failed: 127.77.5.9: no password is configured"),
    ],
)
async def test_passwords_come_from_a_file_and_go_nowhere_else(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, password: str | None, code: int, said: str
) -> None:
    given: list[str] = []
    if password is not None:
        (tmp_path / "given").write_text(f"admin:{password}")
        given = ["--credentials-file", "given"]
    async with stage("127.77.5.9", "M30S+", password=SECRET, web_port=None) as on:
        assert await call("--direct", "127.77.5.9:24028", "--locate", "on", "--yes", *given) == code
        assert sum(order.accepted for order in on.received) == (code == 0)
    printed = capsys.readouterr()
    assert said in printed.out
    assert ("--credentials-file names a file with the miner's user:password." in printed.out) is (
        password is None
    )
    assert SECRET not in printed.out + printed.err
    assert "another-secret-9" not in printed.out + printed.err
