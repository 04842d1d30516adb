"""The rules in a hurry, as the live tests run them, are the rules: valid, all of them, and with every time scaled."""

import re
import subprocess
from pathlib import Path

import yaml

from tests.system.hurried import COMPARED, RULES, hurried_expression, shorter, write_rules


def test_promtool_accepts_the_rules_in_a_hurry(promtool: Path, tmp_path: Path) -> None:
    write_rules(tmp_path / "rules")
    written = sorted((tmp_path / "rules").glob("*.yml"))
    assert [one.name for one in written] == [one.name for one in sorted(RULES.glob("*.yml"))]
    done = subprocess.run([promtool, "check", "rules", *written], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_figure_that_may_be_a_time_escapes() -> None:
    found = 0
    for file in RULES.glob("*.yml"):
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                bare = re.sub(r'"[^"]*"', "", str(rule["expr"]))
                found += len(COMPARED.findall(bare))
                left = re.findall(r"(?<![\w.\[])[2-9]\d\d+|(?<![\w.\[])\d{4,}", COMPARED.sub("", bare))
                assert left == [], rule.get("alert") or rule.get("record")
    assert found >= 8


def test_durations_are_scaled_to_the_millisecond() -> None:
    assert shorter("30m") == "300000ms"
    assert shorter("1h30m") == "900000ms"
    assert shorter("10s") == "1667ms"
    assert shorter("0s") == "0s"
    assert hurried_expression("sum_over_time(x[1h]) * 60 and time() - y > 600") == (
        "sum_over_time(x[600000ms]) * 10 and time() - y > 100"
    )
