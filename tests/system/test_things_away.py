"""What people see when one of the programs around Hashyard is away or was given something wrong, and that it heals.

docs/troubleshooting.md is the same as a table, for the person who has the symptom.
"""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from grafana.catalogue import DASHBOARDS, ROOM, path_of
from tests.system import alertmanager_stage, grafana_stage, hurried
from tests.system.alertmanager_stage import Sinks
from tests.system.stack import (
    HASHYARD,
    REPOSITORY,
    Answer,
    Program,
    Stack,
    ask,
    prometheus_config,
    query,
    until,
)
from tests.system.test_demo import TARGETS as FLEET
from tests.system.test_demo import demo, gone

TARGETS = """
containers:
  - name: Контейнер 1
    miners: [{name: a1, address: 127.N.1.1}]
"""
PROVISIONING = REPOSITORY / "grafana" / "provisioning"
SCRAPED_S = 5.0
LATER_S = 300.0
"""So long a rule may take in a hurry: 10 minutes over a mean of 10 minutes are 200 s."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path) as running:
        yield running


class Prometheus:
    """Prometheus over what a stack has, with the rules in a hurry; it can be started again."""

    def __init__(
        self,
        stack: Stack,
        program: Path,
        exporter: str,
        jobs: dict[str, str],
        teller: str | None = None,
        every: str | None = None,
    ) -> None:
        self.where = f"127.{stack.network}.255.3:9090"
        config = yaml.safe_load(prometheus_config([exporter], self.where, f"{SCRAPED_S:g}s"))
        hurried.write_rules(stack.folder / "rules", every)
        config["rule_files"] = [str(stack.folder / "rules" / "*.yml")]
        config["scrape_configs"] += [
            {"job_name": name, "static_configs": [{"targets": [where]}]} for name, where in jobs.items()
        ]
        if teller is not None:
            config["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [teller]}]}]}
        self._stack, self._file = stack, stack.folder / "prometheus.yml"
        self._file.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
        self._command = [
            str(program),
            f"--config.file={self._file}",
            f"--storage.tsdb.path={stack.folder / 'prometheus'}",
            f"--web.listen-address={self.where}",
            f"--rules.alert.resend-delay={hurried.shorter('1m')}",
        ]
        self.program: Program
        self.start()

    def start(self) -> None:
        self.program = self._stack.start_program("prometheus", self._command, self.where)
        self.program.wait_ready("/-/ready")

    def firing(self) -> set[str]:
        return {one.labels["alertname"] for one in query(self.program, 'ALERTS{alertstate="firing"}')}

    def up(self) -> dict[str, float]:
        return {one.labels["job"]: one.value for one in query(self.program, "up")}


def test_a_prometheus_that_is_away_is_said_by_the_controller_and_heals(
    stack: Stack, prometheus: Path
) -> None:
    targets = stack.write_targets(TARGETS)
    away = f"127.{stack.network}.255.6:3000"  # where Grafana would be, and nobody is
    controller = f"127.{stack.network}.255.2:8000"
    history = Prometheus(stack, prometheus, f"127.{stack.network}.254.1:9428", {}, every="1s")
    program = stack.start_program(
        "controller",
        [
            *(*HASHYARD, "controller", "--env-file", "/dev/null", "--targets", str(targets)),
            *("--data", str(stack.folder / "data"), "--listen", controller),
            *("--prometheus", f"http://{history.where}", "--grafana", f"http://{away}"),
        ],
        controller,
    )
    program.wait_ready("/-/ready")
    asked = signed_in(program, stack.folder / "data")
    until(lambda: "Watchdog" in names(asked("/alerts")), "the alert that always fires is there")
    assert asked("/stats/overview?hours=1").status == 200

    history.program.end(signal.SIGKILL)
    for path in ("/alerts", "/stats/overview?hours=2"):
        answer = until(lambda path=path: is_away(asked(path)), f"{path} says that Prometheus is away")
        assert answer.headers["Retry-After"] == "10"
        assert "Prometheus does not answer" in answer.json()["detail"]
        assert "--prometheus" in answer.json()["detail"], "what to look at first"
    overview = asked("/overview")
    assert overview.status == 200, "what does not come from Prometheus is answered all the same"
    assert overview.json()["sources"]["prometheus"] == "away"
    assert asked("/containers").status == 200

    history.start()
    until(lambda: "Watchdog" in names(asked("/alerts")), "the alerts are back by themselves")
    assert asked("/stats/overview?hours=2").status == 200
    assert asked("/overview").json()["sources"]["prometheus"] == "ok"


def signed_in(controller: Program, data: Path) -> Any:
    """Return how to ask the controller as the first administrator."""
    first = (data / "initial-admin-password").read_text(encoding="utf-8").strip()

    def token(password: str) -> dict[str, str]:
        answer = ask(
            f"{controller.url}/api/v1/auth/login?as=token",
            method="POST",
            body={"username": "admin", "password": password},
        )
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    changed = ask(
        f"{controller.url}/api/v1/me/password",
        method="PUT",
        body={"current": first, "new": "a-longer-one-5r7"},
        headers=token(first),
    )
    assert changed.status == 204, changed
    headers = token("a-longer-one-5r7")
    return lambda path: ask(f"{controller.url}/api/v1{path}", headers=headers)


def names(alerts: Answer) -> set[str]:
    assert alerts.status == 200, alerts
    return {one["name"] for one in alerts.json()["items"]}


def is_away(answer: Answer) -> Answer | None:
    return answer if answer.status == 503 and answer.json()["type"].endswith("/prometheus-away") else None


@pytest.mark.long
@pytest.mark.parametrize("part", ["prometheus", "alertmanager", "grafana"])
def test_the_demo_says_which_part_died(
    tmp_path: Path, prometheus: Path, alertmanager: Path, part: str
) -> None:
    if part == "grafana":
        grafana_stage.find_grafana()
    targets = tmp_path / "targets.yml"
    targets.write_text(FLEET, encoding="utf-8")
    with demo(targets) as running:
        running.read_until("Ctrl-C ends everything")
        parts = running.parts()
        parts[part].kill()
        said = running.read_until(
            rf"The {part} ended by SIGKILL, so the rest was ended too\. The last lines of (\S+):"
        )
        assert Path(said[1]).is_file()
        assert running.process.wait(90) == 1
        assert gone(parts)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_what_fires_while_alertmanager_is_away_is_told_when_it_is_back(
    stack: Stack, prometheus: Path, alertmanager: Path
) -> None:
    targets = stack.write_targets(TARGETS)
    times = {"group_wait": "1s", "group_interval": "5s", "repeat_interval": "4h"}
    with Sinks(f"127.{stack.network}.255.5").open() as sinks:
        teller = alertmanager_stage.start(stack, alertmanager, sinks, **times)
        exporter = stack.start_exporter(targets)
        where = teller.url.removeprefix("http://")
        history = Prometheus(
            stack, prometheus, exporter.url.removeprefix("http://"), {"alertmanager": where}, where
        )
        until(lambda: sinks.seen("dead-mans-switch"), "the dead man's switch hears its beat")
        # What was never there is not missed.
        until(lambda: history.up()["alertmanager"] == 1, "Prometheus has seen it")

        assert teller.program.end(signal.SIGKILL) == -signal.SIGKILL
        exporter.end()
        until(
            lambda: (
                {"HashyardExporterDown", "PrometheusTargetMissing", "PrometheusNotNotifying"}
                <= history.firing()
            ),
            "Prometheus goes on judging, and says that it is heard by nobody",
            patience_s=LATER_S,
        )
        assert "Error sending alert" in history.program.said
        assert where in history.program.said
        assert not sinks.seen("people")

        alertmanager_stage.start(stack, alertmanager, sinks, **times)
        until(
            lambda: "HashyardExporterDown" in {one["alertname"] for one in sinks.seen("people")},
            "what fired meanwhile is told",
        )
        until(
            lambda: not {"PrometheusTargetMissing", "PrometheusNotNotifying"} & history.firing(),
            "what was said of Alertmanager ends",
            patience_s=LATER_S,
        )
        assert "HashyardExporterDown" in history.firing()


@contextmanager
def a_grafana(
    stack: Stack, prometheus: Path, **settings: str
) -> Iterator[tuple[Prometheus, grafana_stage.Grafana]]:
    """Run Grafana over Prometheus, with dashboards that may be spoilt."""
    installed = grafana_stage.find_grafana()
    shutil.copytree(ROOM, stack.folder / "json")
    where = f"127.{stack.network}.255.6:3000"
    history = Prometheus(stack, prometheus, f"127.{stack.network}.254.1:9428", {"grafana": where})
    shown = grafana_stage.Grafana(
        stack,
        prometheus,
        installed,
        history.where,
        HASHYARD_DASHBOARDS=str(stack.folder / "json"),
        **settings,
    )
    yield history, shown


def title_of(shown: grafana_stage.Grafana, uid: str) -> str:
    answer = ask(f"{shown.url}/api/dashboards/uid/{uid}")
    return str(answer.json()["dashboard"]["title"]) if answer.status == 200 else f"HTTP {answer.status}"


def wait_until_shown(shown: grafana_stage.Grafana, uid: str, title: str) -> None:
    """Wait for a dashboard: Grafana answers before it has read its files, and looks at them twice a minute."""
    until(lambda: title_of(shown, uid) == title, f"{uid} is shown as {title}")


def check(room: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grafana", "--room", str(room), *flags],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_dashboard_edited_or_broken_by_hand_is_named_and_mended(stack: Stack, prometheus: Path) -> None:
    with a_grafana(stack, prometheus) as (_, shown):
        room = stack.folder / "json"
        file = room / path_of("hashyard-pools")
        right = file.read_text(encoding="utf-8")
        wait_until_shown(shown, "hashyard-pools", "Pools & shares")
        refused = shown.as_administrator(
            "/api/dashboards/db",
            "POST",
            {"dashboard": json.loads(right) | {"title": "Mine"}, "folderUid": "hashyard", "overwrite": True},
        )
        assert refused.status == 400
        assert "provisioned" in refused.json()["message"]

        file.write_text(json.dumps(json.loads(right) | {"title": "Mine"}), encoding="utf-8")
        wait_until_shown(shown, "hashyard-pools", "Mine")
        found = check(room, "--check")
        assert found.returncode == 1
        assert f"{file}: is not what the code makes (edited by hand, or the code changed)" in found.stderr
        assert "Run: python -m grafana" in found.stderr

        file.write_text(right[: len(right) // 2], encoding="utf-8")
        until(
            lambda: file.name in "".join(grafana_stage.complaints_of(shown.said)),
            "its log names the broken file",
        )
        assert {one["uid"] for one in ask(f"{shown.url}/api/search?type=dash-db").json()} == set(DASHBOARDS)
        assert title_of(shown, "hashyard-pools") == "Mine", "the last one that could be read stays"

        assert check(room).stdout == f"{file}: written\n"
        wait_until_shown(shown, "hashyard-pools", "Pools & shares")
        assert check(room, "--check").returncode == 0


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_grafana_that_is_away_takes_nothing_with_it(stack: Stack, prometheus: Path) -> None:
    with a_grafana(stack, prometheus) as (history, shown):
        until(lambda: history.up()["grafana"] == 1, "Prometheus reads it")
        shown.program.end(signal.SIGKILL)
        until(lambda: "PrometheusTargetMissing" in history.firing(), "that is an alert", patience_s=LATER_S)
        missing = query(history.program, 'ALERTS{alertname="PrometheusTargetMissing",alertstate="firing"}')
        assert [one.labels["job"] for one in missing] == ["grafana"]
        assert history.up()["prometheus"] == 1
        assert "Watchdog" in history.firing(), "rules are judged as before"
        shown.start()
        until(lambda: "PrometheusTargetMissing" not in history.firing(), "and ends", patience_s=LATER_S)
        wait_until_shown(shown, "hashyard-fleet", "Fleet")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_wrong_address_of_prometheus_is_said_by_the_data_source(stack: Stack, prometheus: Path) -> None:
    with a_grafana(stack, prometheus) as (history, shown):
        wrong = f"127.{stack.network}.255.3:9099"
        health, question = (
            "/api/datasources/uid/prometheus/health",
            {
                "queries": [
                    {"refId": "A", "datasource": {"uid": "prometheus"}, "expr": "vector(1)", "instant": True}
                ],
                "from": "now-5m",
                "to": "now",
            },
        )
        for address, status in ((history.where, 200), (wrong, 400), (history.where, 200)):
            shown.program.end()
            shown.data_source = address
            shown.start()
            answer = shown.as_administrator(health)
            assert answer.status == status, answer
            asked = ask(f"{shown.url}/api/ds/query", method="POST", body=question)
            assert (asked.status == 200) == (status == 200), asked
            if address == wrong:
                assert wrong in asked.json()["results"]["A"]["error"], (
                    "a panel's mark says which address it was"
                )
        assert wrong in "".join(grafana_stage.complaints_of(shown.said))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_an_organisation_that_is_missing_is_said(stack: Stack, prometheus: Path) -> None:
    shutil.copytree(PROVISIONING, stack.folder / "provisioning")
    with a_grafana(stack, prometheus, GF_PATHS_PROVISIONING=str(stack.folder / "provisioning")) as (_, shown):
        file = stack.folder / "provisioning" / "datasources" / "prometheus.yml"
        right = file.read_text(encoding="utf-8")
        shown.program.end()
        file.write_text(right.replace("orgId: 1", "orgId: 7"), encoding="utf-8")
        shown.launch()
        assert shown.program.process.wait(60) != 0, "it does not come up without what it was told to have"
        assert (
            'failed to provision "Prometheus" data source: [org.notFound] failed to get org by ID: 7'
            in shown.said
        )
        file.write_text(right, encoding="utf-8")
        shown.start()
        wait_until_shown(shown, "hashyard-fleet", "Fleet")

        renamed = shown.as_administrator("/api/orgs/1", "PUT", {"name": "Farm"})
        assert renamed.status == 200, renamed
        looked = ask(f"{shown.url}/api/dashboards/uid/hashyard-fleet")
        assert looked.status == 404
        assert looked.json()["message"] == "organization not found"
        assert 'name="Main Org."' in "".join(grafana_stage.complaints_of(shown.said))
        assert shown.as_administrator("/api/dashboards/uid/hashyard-fleet").status == 200
        shown.program.end()
        shown.settings["GF_AUTH_ANONYMOUS_ORG_NAME"] = "Farm"
        shown.start()
        wait_until_shown(shown, "hashyard-fleet", "Fleet")
