"""The units: by systemd's own judgement where it is there, and against the command line, the compose file and the Dockerfile."""

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hashyard
import hashyard_flags
import hashyard_preparing
from stack import grafana_sign_on
from tests.unit.stack import compose_file
from tests.unit.stack.compose_file import REPOSITORY

FOLDER = REPOSITORY / "systemd"
OURS = sorted(path.name for path in FOLDER.glob("*.service"))
DROP_INS = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("*.d/*.conf"))
INSTALLED = "/opt/hashyard/.venv/bin/hashyard"


class Unit(dict[str, list[str]]):
    """The settings of a unit's [Service] and [Unit] by name, each with its values in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.sections: set[str] = set()
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                self.sections.add(line.strip("[]"))
            elif line and not line.startswith("#"):
                name, separator, value = line.partition("=")
                assert separator, f"{path.name}: {line}"
                self.setdefault(name, []).append(value)


def unit(name: str) -> Unit:
    return Unit(FOLDER / name)


@pytest.fixture
def systemd_analyze() -> Path:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("missing tool: systemd-analyze, which comes with systemd")
    return Path(found)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return a folder with the units as they would be installed, but for where the programs are."""
    shutil.copytree(FOLDER, tmp_path / "units")
    for path in (tmp_path / "units").rglob("*.service"):
        text = path.read_text(encoding="utf-8").replace(INSTALLED, sys.executable)
        path.write_text(text, encoding="utf-8")
    for drop_in in DROP_INS:
        other = tmp_path / "units" / Path(drop_in).parent.name.removesuffix(".d")
        other.write_text("[Service]\nExecStart=/bin/true\n", encoding="utf-8")
        path = tmp_path / "units" / drop_in
        text = re.sub(r"(?m)^ExecStart=/usr/bin/\S+", "ExecStart=/bin/true", path.read_text(encoding="utf-8"))
        path.write_text(text, encoding="utf-8")
    return tmp_path / "units"


def analyze(systemd_analyze: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [systemd_analyze, *arguments],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin", "SYSTEMD_COLORS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_systemd_finds_nothing_wrong(systemd_analyze: Path, installed: Path) -> None:
    names = [*OURS, *(Path(one).parent.name.removesuffix(".d") for one in DROP_INS)]
    done = analyze(systemd_analyze, installed, "verify", "--man=no", "--recursive-errors=no", *names)
    told = [line for line in done.stderr.splitlines() if str(installed) in line or "hashyard" in line]
    assert told == []
    assert done.returncode == 0, done.stderr


def test_systemd_would_say_what_is_wrong(systemd_analyze: Path, installed: Path) -> None:
    path = installed / "hashyard-exporter.service"
    path.write_text(path.read_text().replace("ProtectHome=yes", "ProtectHouse=yes"))
    done = analyze(systemd_analyze, installed, "verify", "--man=no", "--recursive-errors=no", path.name)
    assert "ProtectHouse" in done.stderr


@pytest.mark.parametrize("name", OURS)
def test_systemd_calls_them_little_exposed(systemd_analyze: Path, name: str) -> None:
    done = subprocess.run(
        [systemd_analyze, "security", "--offline=true", "--no-pager", "--threshold=20", FOLDER / name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_hashyard_takes(name: str) -> None:
    (command,) = unit(name)["ExecStart"]
    program, *arguments = command.split()
    assert program == INSTALLED
    here = [
        argument.replace("/opt/hashyard/prometheus", str(REPOSITORY / "prometheus")) for argument in arguments
    ]
    here = [re.sub("^(--secrets-dir)=.*", rf"\1={REPOSITORY}", argument) for argument in here]
    typed, unknown = hashyard._parser().parse_known_args(here)
    assert unknown == []
    hashyard_flags.resolve(typed.command.flags, typed, {})


@pytest.mark.parametrize("name", OURS)
def test_credentials_are_loaded_under_the_names_that_are_used(name: str) -> None:
    found = unit(name)
    loaded = {one.partition(":")[0]: one.partition(":")[2] for one in found.get("LoadCredential", ())}
    used = set(re.findall(r"\$\{CREDENTIALS_DIRECTORY\}/(\S+)", found["ExecStart"][0]))
    assert set(loaded) == used
    made = {f"/etc/hashyard/{path}" for path in hashyard_preparing.SECRETS}
    assert set(loaded.values()) <= made


@pytest.mark.parametrize("name", OURS)
def test_they_are_guarded(name: str) -> None:
    found = unit(name)
    assert found.sections == {"Unit", "Service", "Install"}
    assert found["ProtectSystem"] == ["strict"]
    assert found["CapabilityBoundingSet"] == [""]
    assert found["NoNewPrivileges"] == ["yes"]
    if name != "hashyard-prepare.service":
        assert found["User"] == ["hashyard"]
        assert found["StateDirectory"] == ["hashyard"]
        assert found["Restart"] == ["always"]
        assert found["Requires"] == ["hashyard-prepare.service"]
        assert "hashyard-prepare.service" in found["After"][0].split()
        assert "127.0.0.1:" in found["ExecStart"][0]


def test_the_controller_may_ask_after_the_clock() -> None:
    """What ProtectClock= filters is the very call by which the controller learns whether the clock is kept in time."""
    found = unit("hashyard-controller.service")
    assert "ProtectClock" not in found
    assert "adjtimex" in found["SystemCallFilter"][0].split()


def test_folders_are_for_whom_reads_them() -> None:
    rows = [
        line.split()
        for line in (FOLDER / "hashyard.tmpfiles.conf").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    folders = {path: (mode, owner, group) for kind, path, mode, owner, group, _ in rows if kind == "d"}
    assert folders["/etc/hashyard/grafana"] == ("2750", "root", "grafana")
    for name in ("tokens", "prometheus", "alertmanager"):
        assert folders[f"/etc/hashyard/{name}"] == ("2750", "root", "prometheus")
    assert "u hashyard " in (FOLDER / "hashyard.sysusers.conf").read_text(encoding="utf-8")


def test_others_programs_get_what_they_get_in_the_compose_file() -> None:
    """Grafana's settings but for paths and addresses; the flags of Prometheus and Alertmanager by name."""
    environment = dict(
        one.strip('"').split("=", 1) for one in unit("grafana-server.service.d/hashyard.conf")["Environment"]
    )
    elsewhere = compose_file.services()["grafana"]["environment"]
    files = {"GF_SECURITY_ADMIN_PASSWORD__FILE", "GF_AUTH_GENERIC_OAUTH_CLIENT_SECRET__FILE"}
    assert set(elsewhere) - set(environment) == {*files, "GF_LOG_MODE"}
    named = {name.removesuffix("__FILE") for name in files}
    assert set(environment) - set(elsewhere) == {*named, "GF_SERVER_HTTP_ADDR"}
    for name in named:
        assert environment[name] == f"$__file{{{elsewhere[f'{name}__FILE']}}}"
    assert environment.items() >= grafana_sign_on.FIXED.items()
    for name in set(environment) & set(elsewhere):
        if elsewhere[name] in ("true", "false", "admin"):
            assert environment[name] == elsewhere[name], name
    for name, drop_in in (
        ("prometheus", "prometheus.service.d/hashyard.conf"),
        ("alertmanager", "prometheus-alertmanager.service.d/hashyard.conf"),
    ):
        reset, command = unit(drop_in)["ExecStart"]
        assert reset == ""
        flags = dict(part.split("=", 1) for part in command.split() if part.startswith("--"))
        wanted = dict(part.split("=", 1) for part in compose_file.services()[name]["command"])
        assert set(wanted) - set(flags) <= {"--enable-feature"}  # Debian's 2.42 does not know it
        for flag in ("--config.file", "--storage.tsdb.retention.time", "--storage.tsdb.retention.size"):
            assert flags.get(flag) == wanted.get(flag), flag
        assert flags["--web.listen-address"].startswith("127.0.0.1:")


@pytest.mark.parametrize("name", [*OURS, *DROP_INS])
def test_a_unit_is_what_a_parser_reads(name: str) -> None:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(FOLDER / name, encoding="utf-8")
    assert {"Unit", "Service"} <= set(parser.sections())


def test_what_is_installed_comes_from_the_lock() -> None:
    told = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in told
    for name in (*OURS, *DROP_INS, "hashyard.sysusers.conf", "hashyard.tmpfiles.conf"):
        assert f"systemd/{Path(name).parent}".removesuffix("/.") in told or name in told, name
