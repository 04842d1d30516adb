"""The rules are right by promtool's judgement, and do what their tests in prometheus/tests/ say."""

import subprocess
from pathlib import Path

import pytest

from tests.unit.prometheus.rule_files import RULES
from tests.unit.prometheus.written_alerts import RULE_TESTS, rule_tests


def judged(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("path", sorted(RULES.glob("*.yml")), ids=lambda path: path.name)
def test_promtool_accepts_the_rules(promtool: Path, path: Path) -> None:
    done = judged(promtool, "check", "rules", "--lint-fatal", path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", rule_tests(), ids=lambda path: path.name)
def test_the_rules_do_what_their_tests_say(promtool: Path, path: Path) -> None:
    done = judged(promtool, "test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_of_the_folder_is_a_test() -> None:
    assert [path.name for path in RULE_TESTS.iterdir() if path.suffix != ".yml"] == []


def test_a_test_that_expects_something_else_fails(promtool: Path, tmp_path: Path) -> None:
    """Else all of the above would pass whatever the rules say."""
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(
        f"rule_files: [{RULES / 'alert-prometheus.yml'}]\n"
        "evaluation_interval: 1m\n"
        "tests:\n"
        "  - interval: 1m\n"
        "    alert_rule_test: [{alertname: Watchdog, eval_time: 1m, exp_alerts: []}]\n"
    )
    done = judged(promtool, "test", "rules", wrong)
    assert done.returncode == 1
    assert "Watchdog" in done.stdout + done.stderr
