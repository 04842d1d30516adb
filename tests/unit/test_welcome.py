"""The demo's first screen: it names what runs, and only metrics that there are."""

import re
from pathlib import Path

import pytest
import yaml

from controller import metrics
from exporter.metrics import MINER
from miners.inventory.load import load
from tools import compressed, welcome

REPOSITORY = Path(__file__).parents[2]

TARGETS = """
containers:
  - name: Контейнер 1
    miners:
      - {name: a1, address: 127.10.1.1, manufacturer: AntMiner}
      - {name: a2, address: 127.10.1.2, manufacturer: AntMiner}
  - name: Container 2
    control: enforce
    schedule: default
    miners:
      - {name: b1, address: 127.10.2.1, manufacturer: Whatsminer}
"""


FLEET = """{"now": 1.0, "miners": [
  {"container": "Контейнер 1", "miner": "a1", "faults": []},
  {"container": "Контейнер 1", "miner": "a2", "faults": [{"fault": "board_dead", "board": 2}]},
  {"container": "Container 2", "miner": "b1", "faults": [{"fault": "silent"}, {"fault": "fan_dead", "after_s": 900.0}]},
  {"container": "Container 2", "miner": "b2", "faults": [{"fault": "board_dead", "board": 1}]}
]}""".encode()


def screen(tmp_path: Path, history: str | None) -> str:
    targets = tmp_path / "targets.yml"
    targets.write_text(TARGETS, encoding="utf-8")
    fleet = welcome.read_fleet(targets)
    demo = welcome.Demo(
        folder=tmp_path,
        targets=targets,
        fleet=fleet,
        simulator="127.0.0.1:1",
        exporter="127.0.0.1:2",
        controller="127.0.0.1:4",
        history=history,
    )
    return "\n".join(welcome.lines(demo, welcome.broken_now(FLEET)))


def test_the_screen_says_what_runs_and_what_is_broken(tmp_path: Path) -> None:
    shown = screen(tmp_path, "127.0.0.1:3")
    assert "3 simulated miners in 2 containers" in shown
    for number in range(1, 5):
        assert f"http://127.0.0.1:{number}/" in shown
    assert "Container 2 follows the clock: another profile every 6 minutes" in shown
    assert "hashyard set 'Container 2/b1' --profile curtail" in shown
    assert re.search(r"board dead +Контейнер 1 / a2\n", shown)
    assert re.search(r"silent +Container 2 / b1\n", shown)
    assert "all 3 are in http://127.0.0.1:1/fleet" in shown
    assert "b2" not in shown, "one of each fault is enough"
    assert "fan dead" not in shown, "it breaks only later"
    assert "hashyard read 127.10.1.1\n" in shown
    assert "/metrics?container=%D0%9A" in shown


def test_the_readme_shows_the_screen_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = REPOSITORY / "targets.demo.yml"
    monkeypatch.chdir(tmp_path)
    first = Path(".demo/1/data") / welcome.FIRST_PASSWORD
    first.parent.mkdir(parents=True)
    first.touch()
    Path(".demo/1", welcome.PEOPLE).touch()
    demo = welcome.Demo(
        folder=Path(".demo/1"),
        targets=Path(targets.name),
        fleet=welcome.read_fleet(targets),
        simulator="127.0.0.1:9429",
        exporter="127.0.0.1:9428",
        controller="127.0.0.1:8000",
        history="127.0.0.1:9090",
        alerts="127.0.0.1:9093",
        grafana="127.0.0.1:3000",
        past=True,
    )
    shown = list(welcome.lines(demo, []))
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()
    begin = next(at for at, line in enumerate(readme) if line.endswith("Ctrl-C ends everything."))
    end = next(at for at, line in enumerate(readme) if "follows the clock" in line)
    told = readme[begin : end + 1]
    assert len(told) > 10
    assert told == shown[1 : 1 + len(told)]


def test_the_screen_names_the_file_of_the_first_password_only_while_it_is_there(tmp_path: Path) -> None:
    shown = screen(tmp_path, None)
    assert "  password   the one you chose;" in shown
    assert "--password-file A-FILE-WITH-IT" in shown
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / welcome.FIRST_PASSWORD).write_text("first")
    assert f"in {tmp_path / 'data' / welcome.FIRST_PASSWORD}\n" in screen(tmp_path, None)


def test_without_prometheus_the_screen_says_so_and_asks_it_nothing(tmp_path: Path) -> None:
    shown = screen(tmp_path, None)
    assert "no history" in shown
    assert "Ask Prometheus" not in shown


def test_the_queries_name_metrics_that_the_exporter_serves() -> None:
    known = {metric.name for metric in (*MINER, *metrics.MINER, *metrics.CONTAINER)}
    for _, query in welcome.QUERIES:
        assert set(re.findall(r"(?:hashyard_|miner_)\w+", query)) <= known


def test_the_compressed_schedule_is_right_and_is_not_written_over_what_somebody_has_made_of_it(
    tmp_path: Path,
) -> None:
    targets, managed = tmp_path / "targets.yml", tmp_path / "data" / "targets.managed.yml"
    targets.write_text(TARGETS, encoding="utf-8")
    compressed.write_schedule(managed)
    (container,) = (one for one in load([targets], managed=managed).containers if one.control == "enforce")
    schedule = load([targets], managed=managed).schedules[container.schedule or ""]
    assert len(schedule.windows) == 24 * 60 // compressed.MINUTES
    assert {window.profile for window in schedule.windows} == set(compressed.PROFILES)
    managed.write_text(yaml.safe_dump({"schedules": {"default": {"otherwise": "normal"}}}))
    compressed.write_schedule(managed)
    assert load([targets], managed=managed).schedules["default"].windows == ()
