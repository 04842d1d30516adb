"""The committed JSON is what the code makes, and `python -m grafana` says so, or mends it, when it is not."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grafana.__main__ import main
from grafana.catalogue import DASHBOARDS, ROOM, path_of, rendered


@pytest.fixture
def room(tmp_path: Path) -> Path:
    assert main(["--room", str(tmp_path)]) == 0
    return tmp_path


def test_what_is_committed_is_what_the_code_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install() -> None:
    hidden = "import runpy, sys; sys.modules['grafana_foundation_sdk'] = None; runpy.run_module('grafana', run_name='__main__')"
    said = subprocess.run(
        [sys.executable, "-c", hidden], cwd=ROOM.parents[1], capture_output=True, text=True, check=False
    )
    assert said.returncode == 1
    assert said.stderr.startswith("Making dashboards wants the extra `dashboards`: ")
    assert said.stderr.count("\n") == 1


def test_it_is_made_alike_each_time() -> None:
    assert all(rendered(uid) == rendered(uid) for uid in DASHBOARDS)


def test_nothing_is_said_of_a_room_in_order(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--room", str(room), "--check"]) == 0
    assert main(["--room", str(room)]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "edited",
    [
        pytest.param(lambda text: text.replace(b'"editable": false', b'"editable": true'), id="by hand"),
        pytest.param(lambda text: text[: len(text) // 2], id="cut short"),
        pytest.param(lambda _text: b"\xff\xfe", id="no text"),
        pytest.param(lambda _text: b"", id="empty"),
        pytest.param(lambda text: text.replace(b"\n", b"\r\n"), id="other ends of lines"),
    ],
)
def test_a_file_edited_by_hand_is_named_and_mended(
    room: Path, edited: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    path = room / path_of("hashyard-fleet")
    path.write_bytes(edited(path.read_bytes()))
    capsys.readouterr()

    assert main(["--room", str(room), "--check"]) == 1
    said = capsys.readouterr().err
    assert f"{path}: is not what the code makes" in said
    assert "Run: python -m grafana" in said

    assert main(["--room", str(room)]) == 0
    assert capsys.readouterr().out == f"{path}: written\n"
    assert main(["--room", str(room), "--check"]) == 0


def test_a_missing_file_is_named_and_made(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = room / path_of("hashyard-miner")
    path.unlink()
    assert main(["--room", str(room), "--check"]) == 1
    assert f"{path}: is missing" in capsys.readouterr().err
    main(["--room", str(room)])
    assert path.read_text(encoding="utf-8") == rendered("hashyard-miner")


def test_a_stray_is_named_and_taken_away_and_others_are_left(
    room: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stray = room / "hashyard" / "hashyard-gone.json"
    own = room / "hashyard" / "mine.json"
    for path in (stray, own):
        path.write_text("{}", encoding="utf-8")
    assert main(["--room", str(room), "--check"]) == 1
    assert f"{stray}: no dashboard of grafana/catalogue.py is called so" in capsys.readouterr().err
    main(["--room", str(room)])
    assert not stray.exists()
    assert own.exists()


def test_every_module_of_a_dashboard_is_in_the_table() -> None:
    modules = {path.stem for path in (ROOM.parent / "dashboards").glob("*.py")} - {"__init__"}
    assert modules == {module for module, _folder in DASHBOARDS.values()}
