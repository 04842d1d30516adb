"""A Chromium of the system is taken as it is; an unpacked one is told where its libraries and fonts lie."""

from pathlib import Path

import pytest

from tools import packages


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(packages, "TOOLS", tmp_path / "tools")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "tools"


def test_a_browser_of_the_system_is_started_as_it_is(tools: Path) -> None:
    program = tools.parent / "bin" / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert packages.find_browser() == program
    assert "LD_LIBRARY_PATH" not in packages.browser_environment(program)


def test_an_unpacked_browser_is_told_of_its_libraries_and_fonts(tools: Path) -> None:
    tree = tools / "chromium-headless-shell"
    program = tree / "usr" / "lib" / "chromium" / "chromium-headless-shell"
    libraries = tree / "usr" / "lib" / "x86_64-linux-gnu"
    for folder in (program.parent, libraries):
        folder.mkdir(parents=True)
    program.touch()
    assert packages.find_browser() == program
    given = packages.browser_launch()["env"]
    assert str(libraries) in given["LD_LIBRARY_PATH"].split(":")
    assert str(tree / "usr" / "share" / "fonts") in Path(given["FONTCONFIG_FILE"]).read_text()


def test_where_there_is_none_a_line_says_so(tools: Path) -> None:
    assert packages.find_browser() is None
    with pytest.raises(packages.PackagesError, match="make prometheus"):
        packages.browser_launch()
