"""The committed rules in a hurry: every time in them a sixth of what it is.

For the live tests of alerts alone: 30 minutes of settling become 5. What is scaled are intervals, `for`, `keep_firing_for`,
ranges, and the seconds that an expression compares with; nothing else about a rule changes.
"""

import re
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "prometheus" / "rules"
TIMES_FASTER = 6

_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_RANGE = re.compile(r"\[(\d+(?:ms|s|m|h|d))\]")
# The only figures of this size that a rule compares with, or adds, are seconds; a test holds them to it.
COMPARED = re.compile(r"(?P<sign>(?:[<>]=?(?: bool)?|\+)\s*)(?P<seconds>300|600|1800|3600)\b")
# sum_over_time of a rule of each minute, in seconds.
_A_MINUTE = re.compile(r"\* 60\b")


def shorter(duration: str) -> str:
    """Return a duration of Prometheus' scaled, in whole milliseconds."""
    seconds = sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))
    return f"{max(round(seconds * 1000 / TIMES_FASTER), 1)}ms" if seconds else "0s"


def hurried_expression(expression: str) -> str:
    """Return an expression with its ranges and its seconds scaled."""
    scaled = _RANGE.sub(lambda found: f"[{shorter(found[1])}]", expression)
    scaled = COMPARED.sub(lambda found: f"{found['sign']}{int(found['seconds']) / TIMES_FASTER:g}", scaled)
    return _A_MINUTE.sub(f"* {60 / TIMES_FASTER:g}", scaled)


def write_rules(folder: Path, every: str | None = None) -> None:
    """Write all rule files, in a hurry, into a folder. `every`: how often each group is evaluated, if not a sixth as long."""
    folder.mkdir()
    for file in sorted(RULES.glob("*.yml")):
        rules = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in rules["groups"]:
            group["interval"] = every or shorter(group["interval"])
            for rule in group["rules"]:
                rule["expr"] = hurried_expression(str(rule["expr"]))
                for key in ("for", "keep_firing_for"):
                    if key in rule:
                        rule[key] = shorter(str(rule[key]))
        (folder / file.name).write_text(
            yaml.safe_dump(rules, sort_keys=False, allow_unicode=True, width=1000), encoding="utf-8"
        )
