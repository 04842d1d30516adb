"""A container of a hundred miners of which 31, or 29, fall silent at once: the container is told, or each miner.

It needs a hundred series, so it is made here rather than written in prometheus/tests/.
"""

import json
import subprocess
from pathlib import Path

from tests.unit.prometheus.promtool_files import question, series
from tests.unit.prometheus.rule_files import RULES

MINUTES = 60
SILENT_FROM = 5


def container_of_100(away: int) -> list[dict[str, str]]:
    """The series of a container of which so many miners answer no more from minute 5 on."""
    place = {"container": "Container 5", "instance": "Container 5", "job": "hashyard"}
    return [
        series("container_miners", place, [100] * MINUTES),
        series("container_alert_down_max_ratio", place, [0.3] * MINUTES),
        *(one for number in range(100) for one in miner(place | {"miner": f"{number:03}"}, number < away)),
    ]


def miner(labels: dict[str, str], goes_away: bool) -> list[dict[str, str]]:
    """A miner that mines, and that answers no more from minute 5 on if it goes away: then its readings end."""
    rest = MINUTES - SILENT_FROM
    up: list[float | None] = [1] * SILENT_FROM + [0 if goes_away else 1] * rest
    mining: list[float | None] = [1] * SILENT_FROM + [None if goes_away else 1] * rest
    return [series("miner_up", labels, up), series("miner_state", labels | {"state": "mining"}, mining)]


def judged(
    promtool: Path, folder: Path, away: int, fired: dict[int, dict[str, int]]
) -> subprocess.CompletedProcess[str]:
    """What promtool says to these alerts, and no others, firing at these minutes, each for so many."""
    asked = [
        question(
            'count by (alertname) (ALERTS{alertstate="firing"})',
            f"{minute}m",
            [(f'{{alertname="{name}"}}', count) for name, count in alerts.items()],
        )
        for minute, alerts in fired.items()
    ]
    document = {
        "rule_files": [
            str(RULES / f"{name}.yml") for name in ("record-1m", "alert-miner", "alert-container")
        ],
        "evaluation_interval": "1m",
        "group_eval_order": ["hashyard-1m", "hashyard-miner", "hashyard-miner-pools", "hashyard-container"],
        "tests": [{"interval": "1m", "input_series": container_of_100(away), "promql_expr_test": asked}],
    }
    path = folder / "made.yml"
    path.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
    return subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, check=False)


def test_the_container_is_told_before_any_of_its_miners_when_31_fall_silent(
    promtool: Path, tmp_path: Path
) -> None:
    container = {minute: {"ContainerDown": 1} for minute in range(8, 15)}
    both = {15: {"ContainerDown": 1, "MinerDown": 31}}
    done = judged(promtool, tmp_path, 31, {7: {}} | container | both)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_miner_is_told_by_itself_when_29_fall_silent(promtool: Path, tmp_path: Path) -> None:
    miners = {15: {"MinerDown": 29}, 50: {"MinerDown": 29}}
    done = judged(promtool, tmp_path, 29, {8: {}, 14: {}} | miners)
    assert done.returncode == 0, done.stdout + done.stderr
