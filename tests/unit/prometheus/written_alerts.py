"""The alerts as they are written, with their annotations, and what the promtool tests expect of them, as plain values."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import yaml

from tests.unit.prometheus.rule_files import ROOT, RULES

RULE_TESTS = ROOT / "prometheus" / "tests"

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# A query in an annotation: {{ with printf "container_miners{container=%q}" $labels.container | query }}.
_ASKED = re.compile(r'printf\s+(`[^`]*`|"(?:[^"\\]|\\.)*")[^}]*\|\s*query\b')


class Alert(msgspec.Struct, frozen=True):
    """An alert of a file. `for_s`, `keep_s` (keep_firing_for) and `interval_s`, its group's, are seconds."""

    file: str
    group: str
    interval_s: int
    name: str
    expr: str
    for_s: int
    keep_s: int
    labels: dict[str, str]
    annotations: dict[str, str]

    @property
    def asked(self) -> list[str]:
        """The expressions that its annotations ask, with a text in place of each label's value."""
        found = (_ASKED.finditer(text) for text in self.annotations.values())
        return [match[1][1:-1].replace("%q", '"x"') for matches in found for match in matches]


class Expectation(msgspec.Struct, frozen=True):
    """What a promtool test expects of an alert at a time: the labels of each that fires then."""

    test: str
    alert: str
    at_s: int
    evaluation_s: int
    fires: frozenset[frozenset[tuple[str, str]]]


def seconds(duration: str) -> int:
    """Seconds of a duration as Prometheus writes them: 90s, 1h30m, 7d. Raises ValueError."""
    parts = re.findall(r"(\d+)([smhd])", duration)
    if "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f"{duration!r} is no duration")
    return sum(int(number) * _UNITS_S[unit] for number, unit in parts)


@cache
def alerts() -> tuple[Alert, ...]:
    """The alerts of all files, in order."""
    return tuple(
        Alert(
            file=path.name,
            group=group["name"],
            interval_s=seconds(group["interval"]),
            name=rule["alert"],
            expr=rule["expr"],
            for_s=seconds(rule.get("for", "0s")),
            keep_s=seconds(rule.get("keep_firing_for", "0s")),
            labels=rule.get("labels", {}),
            annotations=rule.get("annotations", {}),
        )
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
        if "alert" in rule
    )


def rule_tests() -> list[Path]:
    """The files of promtool tests."""
    return sorted(RULE_TESTS.glob("*.yml"))


@cache
def expectations() -> tuple[Expectation, ...]:
    """What all promtool tests expect of alerts."""
    return tuple(one for path in rule_tests() for one in _expectations_of(path))


def _expectations_of(path: Path) -> Iterator[Expectation]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    for number, test in enumerate(document["tests"]):
        for case in test.get("alert_rule_test", ()):
            expected = case.get("exp_alerts") or ()
            yield Expectation(
                test=f"{path.name} {number}",
                alert=case["alertname"],
                at_s=seconds(case["eval_time"]),
                evaluation_s=seconds(document["evaluation_interval"]),
                fires=frozenset(frozenset(alert["exp_labels"].items()) for alert in expected),
            )
