"""`hashyard prepare` as people and compose run it: again and again, interrupted, and given what is wrong."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
SECRETS = ("tokens/exporter", "tokens/controller-metrics", "grafana/admin-password", "grafana/client-secret")
FILES = (*SECRETS, "prometheus/prometheus.yml", "alertmanager/alertmanager.yml")


def prepare(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "hashyard", "prepare", "--env-file", os.devnull),
            *("--folder", str(folder), "--templates", str(REPOSITORY / "prometheus"), *arguments),
        ],
        cwd=REPOSITORY,
        env={"PATH": os.environ["PATH"], **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_the_first_run_makes_everything_and_the_second_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    first = prepare(folder)
    assert (first.returncode, first.stderr) == (0, "")
    before = contents(folder)
    assert set(before) == set(FILES)
    assert len({before[name] for name in SECRETS}) == len(SECRETS)
    for name in FILES:
        assert (folder / name).stat().st_mode & 0o777 == 0o640
    for name in SECRETS:
        assert before[name].strip() not in first.stdout
    second = prepare(folder)
    assert second.returncode == 0
    assert second.stdout.count("kept\n") == len(SECRETS)
    assert second.stdout.count("unchanged\n") == 2
    assert contents(folder) == before


def test_another_place_rewrites_the_configuration_and_keeps_the_secrets(tmp_path: Path) -> None:
    prepare(tmp_path)
    before = contents(tmp_path)
    done = prepare(
        tmp_path,
        *("--scrape", "exporter=http://exporter:9428", "--scrape", "prometheus=http://127.0.0.1:9090"),
        *("--tokens-at", "/run/credentials/prometheus.service"),
        environment={"HASHYARD_REMOTE_WRITE": "http://vm:8428/api/v1/write"},
    )
    assert done.returncode == 0, done.stderr
    after = contents(tmp_path)
    assert {name: after[name] for name in SECRETS} == {name: before[name] for name in SECRETS}
    config = yaml.safe_load(after["prometheus/prometheus.yml"])
    assert [job["job_name"] for job in config["scrape_configs"]] == [
        "hashyard",
        "hashyard-exporter",
        "prometheus",
    ]
    assert config["scrape_configs"][0]["authorization"] == {
        "type": "Bearer",
        "credentials_file": "/run/credentials/prometheus.service/exporter",
    }
    assert config["remote_write"] == [{"url": "http://vm:8428/api/v1/write"}]
    assert config["rule_files"] == [str(REPOSITORY / "prometheus" / "rules" / "*.yml")]


def test_who_is_told_comes_from_the_environment_and_a_file(tmp_path: Path) -> None:
    url = tmp_path / "url"
    url.touch(mode=0o600)
    url.write_text("https://hook.example/opensesame\n")
    done = prepare(tmp_path / "etc", environment={"HASHYARD_ALERT_WEBHOOK_URL_FILE": str(url)})
    assert done.returncode == 0, done.stderr
    config = yaml.safe_load((tmp_path / "etc" / "alertmanager" / "alertmanager.yml").read_text())
    people = next(one for one in config["receivers"] if one["name"] == "people")
    assert people["webhook_configs"][0]["url"] == "https://hook.example/opensesame"
    assert config["templates"] == [str(REPOSITORY / "prometheus" / "templates" / "*.tmpl")]
    assert "opensesame" not in done.stdout + done.stderr


def test_half_a_receiver_writes_nothing(tmp_path: Path) -> None:
    done = prepare(tmp_path / "etc", environment={"HASHYARD_ALERT_EMAIL_TO": "shift@example.com"})
    assert done.returncode == 2
    assert "HASHYARD_ALERT_EMAIL_TO is set and HASHYARD_ALERT_EMAIL_SMARTHOST is not" in done.stderr
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--scrape", "exporter"), "--scrape: say NAME=URL"),
        (("--scrape", "router=http://a:1"), "--scrape: say NAME=URL"),
        (("--scrape", "exporter=http://a:1"), "--scrape: say where the prometheus is"),
        (("--scrape", "prometheus=http://a:1"), "--scrape: say where the exporter is"),
        (
            (
                "--scrape",
                "exporter=http://a:1",
                "--scrape",
                "prometheus=http://a:2",
                "--scrape",
                "prometheus=http://a:3",
            ),
            "--scrape: prometheus is given twice",
        ),
        (("--scrape", "exporter=a:1", "--scrape", "prometheus=http://a:2"), "exporter: 'a:1' is no address"),
        (("--templates", "/nowhere"), "--templates: /nowhere is not a folder"),
        (("--templates", "docs"), "--templates: .*docs/prometheus.yml cannot be read: No such file"),
        (("--tokens-at", "tokens"), "--tokens-at: tokens is no path from the root"),
        (("--remote-write", "http://vm:8428"), "remote write: http://vm:8428 has no path"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_written(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = prepare(tmp_path / "etc", *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert said.rsplit(".*", maxsplit=1)[-1] in done.stderr
    assert not (tmp_path / "etc").exists()


def test_a_folder_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "etc").touch()
    done = prepare(tmp_path / "etc")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{tmp_path}/etc: cannot be made: File exists\n"


# Root may write everywhere, so somebody else does it, once all is imported: he may not reach the interpreter.
_AS_NOBODY = """
import os, sys
import hashyard
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
sys.exit(hashyard.main(sys.argv[1:]))
"""


def test_a_folder_that_may_not_be_written_is_named() -> None:
    with tempfile.TemporaryDirectory() as made:  # pytest's own are closed to others
        top = Path(made)
        shutil.copytree(REPOSITORY / "prometheus", top / "prometheus")
        folder = top / "etc"
        for name in ("tokens", "grafana", "prometheus", "alertmanager"):
            (folder / name).mkdir(parents=True)
            (folder / name).chmod(0o555)
        top.chmod(0o755)
        done = subprocess.run(
            [
                *(sys.executable, "-c", _AS_NOBODY, "prepare", "--env-file", os.devnull),
                *("--folder", str(folder), "--templates", str(top / "prometheus")),
            ],
            cwd=REPOSITORY,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        for name in ("tokens", "grafana", "prometheus", "alertmanager"):
            (folder / name).chmod(0o755)
    assert done.returncode == 1
    assert done.stderr == (
        f"{folder}/tokens/exporter: cannot be written: Permission denied; its folder must belong to who runs this\n"
    )


@pytest.mark.parametrize(("content", "mode"), [("", 0o640), ("0123456789abcdef\n", 0o644)])
def test_a_secret_that_does_not_do_ends_it_before_any_configuration(
    tmp_path: Path, content: str, mode: int
) -> None:
    token = tmp_path / "tokens" / "exporter"
    token.parent.mkdir()
    token.write_text(content)
    token.chmod(mode)
    done = prepare(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{token}: ")
    assert len(done.stderr.splitlines()) == 1
    assert token.read_text() == content
    assert not (tmp_path / "prometheus" / "prometheus.yml").exists()


def test_after_an_interruption_the_next_run_goes_on(tmp_path: Path) -> None:
    """What a kill can leave: a secret made, one half written beside its place, and a configuration half written."""
    for name in ("tokens", "grafana", "prometheus"):
        (tmp_path / name).mkdir()
    kept = tmp_path / "tokens" / "exporter"
    kept.touch(mode=0o640)
    kept.write_text("0123456789abcdefghij\n")
    (tmp_path / "tokens" / ".controller-metrics.new").write_text("012")
    (tmp_path / "prometheus" / ".prometheus.yml.new").write_text("global:\n  scra")
    done = prepare(tmp_path)
    assert done.returncode == 0, done.stderr
    assert set(contents(tmp_path)) == set(FILES)
    assert kept.read_text() == "0123456789abcdefghij\n"
    assert len((tmp_path / "tokens" / "controller-metrics").read_text()) > 20


def test_prometheus_accepts_what_was_prepared(tmp_path: Path, promtool: Path) -> None:
    prepare(tmp_path)
    config = tmp_path / "prometheus" / "prometheus.yml"
    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
