"""The bench itself: every part runs, at a size that says nothing, and the page about it names them all."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")
PAGE = RUN.parents[2] / "docs" / "bench.md"


def run(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, str(RUN), *arguments], capture_output=True, text=True, timeout=110, check=True
    ).stdout


@pytest.mark.long
def test_every_part_that_needs_no_other_library_runs(tmp_path: Path) -> None:
    parts = [
        part
        for part in run("--list").split()
        if part not in ("library", "curtail", "api", "pages", "prometheus", "books", "month")
    ]
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- measured -->\nof old\n<!-- end of measured -->\nAfter.\n")
    small = ("--miners", "20", "--rounds", "1", "--seconds", "2", "--interval", "1")
    said = run("--only", ",".join(parts), *small, "--docs", str(page))
    text = page.read_text()
    assert text.startswith("Before.\n")
    assert text.endswith("After.\n")
    for part in parts:
        assert f"### {part}\n" in text
        assert f"{part}\n" in said
    assert "| polls begun over a second late |" in text
    assert "| miners | 200 |" in text


def test_the_tables_of_other_parts_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    head = "Before.\n<!-- measured -->\n\nOn a machine.\n"
    page.write_text(
        f"{head}\n### sweep\n\nkept\n\n### inventory\n\nof old\n\n<!-- end of measured -->\nAfter.\n"
    )
    run("--only", "inventory", "--miners", "20", "--rounds", "1", "--docs", str(page))
    text = page.read_text()
    assert text.startswith(f"{head}\n### sweep\n\nkept\n\n### inventory\n\nMeasured on ")
    assert text.endswith("| lines of the file | 24 |  |  |\n\n<!-- end of measured -->\nAfter.\n")
    assert "of old" not in text


@pytest.mark.long
def test_control_is_measured_too() -> None:
    said = run("--only", "curtail,api,pages", "--miners", "20", "--rounds", "1")
    assert "time to curtail, sessions warm" in said
    assert "events by text" in said
    assert "demo: confirming a curtailment, sent" in said


@pytest.mark.long
def test_prometheus_is_measured_too(prometheus: Path, promtool: Path) -> None:
    said = run("--only", "prometheus", "--miners", "20", "--rounds", "1", "--seconds", "4")
    assert "memory at most" in said
    assert "CPU, of one core" in said
    assert "their queries" in said


@pytest.mark.long
def test_booking_is_measured_too(prometheus: Path, promtool: Path) -> None:
    said = run("--only", "books", "--miners", "20")
    assert "booking an hour of all containers" in said
    assert "energy in the books" in said


def test_a_months_reports_are_measured_too() -> None:
    said = run("--only", "month", "--miners", "20", "--rounds", "1")
    assert "report by miner" in said
    assert "rows by miner and day                            80" in said


def test_a_part_that_is_not_there_is_named() -> None:
    found = subprocess.run(
        [sys.executable, str(RUN), "--only", "poll,speed"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 2
    assert "there is no part speed" in found.stderr


def test_the_page_names_every_part() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for part in run("--list").split():
        assert f"### {part}\n" in text
        assert f"`{part}`" in text
