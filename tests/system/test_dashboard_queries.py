"""Every query that a dashboard asks, asked of a real Prometheus with a fleet in it: it answers, and with something.

On a fleet in which something of everything is wrong, so that the panels that are empty on a healthy one have data as well.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from grafana.empty import EMPTY_WHEN_HEALTHY
from grafana.questions import (
    Question,
    Values,
    Variable,
    choices,
    every_question,
    every_variable,
    selector_of,
)
from tests.system.stack import PLACEHOLDER, REPOSITORY, ask, query
from tests.system.watched_fleet import Past, Watched, watched_fleet

# What this fleet has not, and why: (uid, panel, letter).
NOT_HERE = {
    ("hashyard-fleet", "In fault or unreachable", "B"): "every container is seen",
    ("hashyard-container", "In fault or unreachable", "B"): "every container is seen",
    ("hashyard-self", "Parts", "F"): "no Grafana runs",
    ("hashyard-self", "Clients' queries that fail", "A"): "no client asks through the gateway",
    ("hashyard-energy", "Against the meter", "A"): "no container has a meter",
}


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, prometheus: Path, alertmanager: Path, promtool: Path
) -> Iterator[Watched]:
    with watched_fleet(tmp_path_factory.mktemp("watched"), prometheus, alertmanager) as found:
        yield found


def answer(watched: Watched, question: Question, values: Values, now: float) -> list[dict[str, Any]]:
    """Return the series of an answer; fails where the query does."""
    path, form = question.asked(values, now)
    found = ask(f"{watched.prometheus.url}{path}?{urlencode(form)}")
    assert found.status == 200, f"{question}: {found.body.decode()}\n{form['query']}"
    said = found.json()
    assert not said.get("warnings"), f"{question}: {said['warnings']}"
    series: list[dict[str, Any]] = said["data"]["result"]
    return series


def has_figures(series: list[dict[str, Any]]) -> bool:
    """Return whether there is a value that a panel would show."""
    pairs = (pair for one in series for pair in one.get("values") or [one["value"]])
    return any(math.isfinite(float(value)) for _, value in pairs)


@pytest.mark.parametrize("question", every_question(), ids=str)
def test_a_query_has_data(watched: Watched, question: Question) -> None:
    # Graphs end at a full minute: the next one, since what is live began within this one.
    now = query(watched.prometheus, "vector(time())")[0].value + (0 if question.instant else 60)
    found = False
    for values in choices(question.uid, watched.label_values):
        found = has_figures(answer(watched, question, values, now)) or found
    absent = (question.uid, question.asker, question.letter) in NOT_HERE
    assert found != absent


@pytest.mark.parametrize("variable", every_variable(), ids=str)
def test_a_variable_has_values(watched: Watched, variable: Variable) -> None:
    values = next(choices(variable.uid, watched.label_values))
    assert watched.label_values(selector_of(variable, values), variable.label)


def test_no_rule_has_stumbled_over_a_past_that_ended_without_a_mark(watched: Watched) -> None:
    answered = ask(f"{watched.prometheus.url}/api/v1/rules").json()
    errors = {
        rule["name"]: rule["lastError"]
        for group in answered["data"]["groups"]
        for rule in group["rules"]
        if rule.get("lastError")
    }
    assert not errors
    assert query(watched.prometheus, "sum(prometheus_rule_evaluation_failures_total)")[0].value == 0


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_panel_of_the_demo_has_data_or_is_listed_with_why(
    tmp_path: Path, prometheus: Path, alertmanager: Path, promtool: Path
) -> None:
    demo = (REPOSITORY / "targets.demo.yml").read_text(encoding="utf-8").replace("127.10.", PLACEHOLDER)
    shown: dict[tuple[str, str], bool] = {}
    with watched_fleet(tmp_path, prometheus, alertmanager, fleet=demo, past=Past(days=7, hours=6)) as watched:
        now = query(watched.prometheus, "vector(time())")[0].value
        for question in every_question():
            panel = question.uid, question.asker
            if question.expression == "vector(0)" or shown.get(panel):
                continue
            at = now + (0 if question.instant else 60)
            shown[panel] = any(
                has_figures(answer(watched, question, values, at))
                for values in choices(question.uid, watched.label_values)
            )
    empty = {panel for panel, has_data in shown.items() if not has_data}
    assert empty <= set(EMPTY_WHEN_HEALTHY)
