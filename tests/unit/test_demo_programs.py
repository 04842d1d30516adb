"""What stands around Hashyard in the demo is found where it is, and gone without in a line where it is not."""

import os
from pathlib import Path

import pytest
import yaml

from stack import grafana_sign_on
from tools import around, packages
from tools.demo import parts_of
from tools.welcome import Demo, Fleet

FLEET = Fleet(containers={"c": 1}, endpoints=[], example=("127.9.1.1", 8080), enforced=(), middle={"c": "a1"})


def home_of_grafana(folder: Path, program: str = "grafana") -> Path:
    (folder / "conf").mkdir(parents=True)
    (folder / "conf" / "defaults.ini").touch()
    (folder / "public").mkdir()
    (folder / "bin").mkdir()
    (folder / "bin" / program).write_text("#!/bin/sh\n")
    (folder / "bin" / program).chmod(0o755)
    return folder


def demo(folder: Path, *, again: bool = False, **more: str | None) -> Demo:
    given: dict[str, str | None] = {
        "history": "127.0.0.1:9090",
        "alerts": "127.0.0.1:9093",
        "grafana": "127.0.0.1:3000",
    } | more
    return Demo(
        folder=folder,
        targets=folder / "targets.yml",
        fleet=FLEET,
        simulator="127.0.0.1:1",
        exporter="127.0.0.1:2",
        controller="127.0.0.1:3",
        again=again,
        **given,
    )


@pytest.mark.parametrize("program", ["grafana", "grafana-server"])
def test_a_grafana_that_is_named_is_taken(tmp_path: Path, program: str) -> None:
    said: list[str] = []
    home = home_of_grafana(tmp_path / "home", program)
    assert around.find_grafana(str(home), said.append) == around.Grafana(home / "bin" / program, home)
    assert said == []


@pytest.mark.parametrize("lacking", ["bin/grafana", "conf/defaults.ini", "public"])
def test_a_folder_that_is_no_grafana_is_said_to_be_none(tmp_path: Path, lacking: str) -> None:
    said: list[str] = []
    home = home_of_grafana(tmp_path / "home")
    (home / lacking).rename(tmp_path / "elsewhere")
    assert around.find_grafana(str(home), said.append) is None
    (line,) = said
    assert f"GRAFANA_HOME={home} is no Grafana" in line
    assert "goes on without dashboards" in line


def test_without_a_grafana_the_demo_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    assert around.find_grafana(None, said.append) is None
    assert "GRAFANA_HOME=/where/it/is make demo" in said[0]


def test_without_prometheus_nothing_else_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise packages.PackagesError("no network")

    monkeypatch.setattr(packages, "get_prometheus", away)
    said: list[str] = []
    assert around.find_programs(said.append) == around.Programs(None, None, None)
    assert said[-1].endswith("since Prometheus cannot be had: no network.")


def test_each_part_runs_with_the_committed_files(tmp_path: Path) -> None:
    home = home_of_grafana(tmp_path / "home")
    programs = around.Programs(
        Path("/usr/bin/prometheus"),
        Path("/usr/bin/prometheus-alertmanager"),
        around.Grafana(home / "bin" / "grafana", home),
    )
    parts = {one.name: one for one in around.parts(demo(tmp_path), programs, "http://127.0.0.1:2/-/ready")}
    assert list(parts) == ["prometheus", "alertmanager", "grafana"]
    config = yaml.safe_load((tmp_path / "prometheus.yml").read_text(encoding="utf-8"))
    assert config["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": ["127.0.0.1:9093"]}]
    assert all(Path(rules).parent.is_dir() for rules in config["rule_files"])
    given = dict(word.split("=", 1) for word in parts["grafana"].command[1:] if "=" in word)
    for name in ("GF_PATHS_PROVISIONING", "HASHYARD_DASHBOARDS"):
        assert Path(given[name]).is_dir()
    assert given["GF_SERVER_ROOT_URL"] == "http://127.0.0.1:3000"
    assert given.items() >= grafana_sign_on.FIXED.items()
    assert not any("ANONYMOUS" in name for name in given), "nobody looks without an account"
    password = Path(given["GF_SECURITY_ADMIN_PASSWORD"].removeprefix("$__file{").removesuffix("}"))
    assert len(password.read_text()) >= 16
    assert password.stat().st_mode & 0o077 == 0
    before = password.read_text()
    around.parts(demo(tmp_path), programs, "http://127.0.0.1:2/-/ready")
    assert password.read_text() == before  # the database of the last start knows this one
    assert before not in " ".join(parts["grafana"].command)


def flags_of_the_controller(demo: Demo, programs: around.Programs) -> dict[str, str]:
    """Return what the demo tells its controller, by flag."""
    command = next(one for one in parts_of(demo, programs) if one.name == "controller").command
    words = command[command.index("controller") + 1 :]
    return dict(zip(words[::2], words[1::2], strict=True))


@pytest.mark.parametrize("again", [False, True])
def test_a_demo_that_goes_on_with_its_history_begins_with_miners_that_just_came_up(
    tmp_path: Path, again: bool
) -> None:
    parts = parts_of(demo(tmp_path, again=again), around.Programs(None, None, None))
    simulator = next(one for one in parts if one.name == "simulator")
    assert ("--just-up" in simulator.command) is again


def test_the_controller_signs_people_on_to_grafana_and_brings_it_in_line(tmp_path: Path) -> None:
    home = home_of_grafana(tmp_path / "home")
    programs = around.Programs(
        Path("/usr/bin/prometheus"), None, around.Grafana(home / "bin" / "grafana", home)
    )
    whole = demo(tmp_path, alerts=None)
    told = flags_of_the_controller(whole, programs)
    grafana = next(one for one in parts_of(whole, programs) if one.name == "grafana")
    given = dict(word.split("=", 1) for word in grafana.command[1:] if "=" in word)
    assert told["--prometheus"] == given["HASHYARD_PROMETHEUS_URL"] == "http://127.0.0.1:9090"
    assert told["--grafana"] == told["--grafana-api"] == given["GF_SERVER_ROOT_URL"]
    assert told["--grafana-user"] == "admin"
    assert told["--grafana-gateway"] == f"http://{told['--listen']}/gateway"
    # Both read the same files, which nobody else on this machine can.
    for flag, variable in (
        ("--grafana-password-file", "GF_SECURITY_ADMIN_PASSWORD"),
        ("--grafana-client-secret-file", "GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET"),
    ):
        assert given[variable] == f"$__file{{{told[flag]}}}"
        assert Path(told[flag]).stat().st_mode & 0o077 == 0
        assert Path(told[flag]).read_text().strip() not in " ".join([*told.values(), *given.values()])
    assert given["GF_AUTH_GENERIC_OAUTH_AUTH_URL"] == f"http://{told['--listen']}/sign-on/authorize"


def test_without_a_grafana_the_controller_is_told_of_none(tmp_path: Path) -> None:
    programs = around.Programs(Path("/usr/bin/prometheus"), None, None)
    told = flags_of_the_controller(demo(tmp_path, alerts=None, grafana=None), programs)
    assert told["--prometheus"] == "http://127.0.0.1:9090"
    assert not any("grafana" in flag for flag in told)


def test_what_is_not_there_is_not_run(tmp_path: Path) -> None:
    alone = demo(tmp_path, alerts=None, grafana=None)
    programs = around.Programs(Path("/usr/bin/prometheus"), None, None)
    assert [one.name for one in around.parts(alone, programs, "http://127.0.0.1:2/-/ready")] == ["prometheus"]
    assert "alerting" not in yaml.safe_load((tmp_path / "prometheus.yml").read_text(encoding="utf-8"))
    assert around.parts(demo(tmp_path, history=None), around.Programs(None, None, None), "") == []


def test_the_folder_of_unpacked_programs_is_looked_into(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(packages, "TOOLS", tmp_path)
    monkeypatch.setenv("PATH", "")
    assert packages.find_program("prometheus-alertmanager") is None
    program = tmp_path / "alertmanager" / "usr" / "bin" / "prometheus-alertmanager"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    assert packages.find_program("prometheus-alertmanager") == program
    assert os.access(program, os.X_OK)
