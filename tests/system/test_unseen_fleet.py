"""What the dashboards say of a fleet that cannot be seen: nothing, and never that all is well.

First one of two exporters is gone, then both, then the controller. What a query answers is taken as a panel shows it.
"""

import math
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from grafana.questions import Question, Values, choices, questions
from tests.system.stack import Program, ask, query, until
from tests.system.watched_fleet import SHARDS, Past, Watched, watched_fleet
from tests.unit.grafana.dashboard_files import panels_of

OF_READINGS = [f"hashyard-{name}" for name in ("fleet", "container", "miner", "boards", "pools", "client")]
SHORT_PAST = Past(days=0.05, hours=0.02)
PAST_SEEN_S = 330
"""The made past ends without a mark, so Prometheus takes what it has no present for as the present for five minutes."""

# What is known without an exporter, and by whom: (uid, stat).
OF_OTHERS = {
    ("hashyard-fleet", "Critical alerts"): "Prometheus, from its own rules",
    ("hashyard-container", "Next change"): "the controller",
    (
        "hashyard-pools",
        "Foreign accounts",
    ): "Prometheus: an alert that stands for an hour after the foreign pool was seen",
}
# A count of what is not known, which stands beside the count of what is: (uid, stat, letter).
OF_THE_UNSEEN = {(uid, "In fault or unreachable", "B") for uid in ("hashyard-fleet", "hashyard-container")}
# What lasts for an hour: the inventory and the commands, of which other figures are a share.
OF_THE_HOUR = OF_THE_UNSEEN | {
    (uid, "In fault or unreachable", "C") for uid in ("hashyard-fleet", "hashyard-container")
}
OF_THE_HOUR |= {("hashyard-control", "Not confirmed in 1 h", "B")}
# What a colour is measured by, where a miner does not tell how many boards it should have.
OF_NOTHING = {("hashyard-miner", "Boards", "B")}

Choices = dict[str, list[dict[str, str]]]
"""What the dropdowns offer: Grafana still offers what was there within the time shown."""
Figures = dict[tuple[str, str, str], list[float]]


def stats(uid: str) -> list[Question]:
    """Return what the stats of a dashboard ask, but for the clock of their sparklines and hours that are on record."""
    titles = {panel.title for panel in panels_of(uid) if panel.data["type"] == "stat"}
    return [
        question
        for question in questions(uid)
        if question.asker in titles
        and question.expression != "vector(0)"
        and ":increase1h" not in question.expression
        and ":sum1h" not in question.expression
    ]


def tables(uid: str, title: str) -> Question:
    """Return the first query of a table."""
    return next(question for question in questions(uid) if question.asker == title)


def answer(watched: Watched, question: Question, values: Values) -> list[dict[str, Any]]:
    """Return the series that a query has now; a sparkline's last point is its figure."""
    found = ask(
        f"{watched.prometheus.url}/api/v1/query?{urlencode({'query': question.filled(values)})}"
    ).json()
    assert found["status"] == "success", f"{question}: {found}"
    series: list[dict[str, Any]] = found["data"]["result"]
    return series


def figures(watched: Watched, chosen: Choices, *uids: str) -> Figures:
    """Return the figures that the stats of dashboards show, for every choice of container and miner."""
    found: Figures = {}
    for uid in uids:
        assert chosen[uid]
        for values in chosen[uid]:
            for question in stats(uid):
                shown = [float(one["value"][1]) for one in answer(watched, question, values)]
                key = (uid, question.asker, question.letter)
                found.setdefault(key, []).extend(value for value in shown if math.isfinite(value))
    return found


def by_label(series: list[dict[str, Any]], label: str) -> dict[str, float]:
    return {one["metric"].get(label, ""): float(one["value"][1]) for one in series}


def all_known(shares: dict[str, float]) -> dict[str, float] | None:
    return shares if len(shares) == len(SHARDS) and min(shares.values()) >= 0 else None


def only(watched: Watched, series: str, count: int) -> bool:
    """Return whether there are so many of a series; raises AssertionError with what there is otherwise."""
    found = query(watched.prometheus, series)
    assert len(found) == count, found
    return True


def without_waiting(folder: Path, prometheus: Program) -> None:
    """Let Hashyard's own alerts fire at once."""
    path = folder / "rules" / "alert-hashyard.yml"
    rules = yaml.safe_load(path.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    path.write_text(yaml.safe_dump(rules, allow_unicode=True, width=1000), encoding="utf-8")
    prometheus.send(signal.SIGHUP)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_nothing_is_nought_that_is_not_known(
    tmp_path: Path, prometheus: Path, alertmanager: Path, promtool: Path
) -> None:
    with watched_fleet(tmp_path, prometheus, alertmanager, past=SHORT_PAST, shards=SHARDS) as watched:
        everything = {"container": ".+"}
        containers = tables("hashyard-fleet", "Containers")
        below = tables("hashyard-fleet", "Furthest below what is expected")
        without_waiting(tmp_path, watched.prometheus)
        before = until(
            lambda: all_known(by_label(answer(watched, containers, everything), "container")),
            "every container has its share of what is expected",
        )
        chosen: Choices = {
            uid: list(choices(uid, watched.label_values)) for uid in (*OF_READINGS, "hashyard-control")
        }
        known = figures(watched, chosen, *OF_READINGS, "hashyard-control")
        noughts = {key for key, values in known.items() if 0 in values}
        assert noughts, "where it is seen, nothing is nought"

        # One exporter: its container is not seen, and the other is as before.
        first, second = watched.exporters
        first.end(signal.SIGKILL)
        until(
            lambda: only(watched, "container_miners", 1) and only(watched, "container:miner_up:sum", 1),
            "one container is left",
            patience_s=PAST_SEEN_S,
        )
        seen = {one.labels["container"] for one in query(watched.prometheus, "container_miners")}
        half = by_label(answer(watched, containers, everything), "container")
        assert set(half) == set(before), "a container that is not seen vanished from the table"
        assert {name for name, share in half.items() if share < 0} == set(before) - seen
        assert min(half.values()) == -2
        assert set(before) - seen <= set(by_label(answer(watched, below, everything), "container"))
        some = figures(watched, chosen, "hashyard-fleet")
        assert some["hashyard-fleet", "In fault or unreachable", "A"], "what is seen is counted"
        (hidden,) = some["hashyard-fleet", "In fault or unreachable", "B"]
        (all_of_them,) = some["hashyard-fleet", "In fault or unreachable", "C"]
        assert hidden > 0, "and beside it what is not"
        assert some["hashyard-fleet", "Answering", "A"][0] <= 1 - hidden / all_of_them

        # Both: of readings nothing is left but what lasts, and what others know.
        second.end(signal.SIGKILL)
        until(
            lambda: only(watched, 'container_miners or {__name__=~"container:miner_(up|state):sum"}', 0),
            "no container is left",
            patience_s=PAST_SEEN_S,
        )
        left = {key for key, values in figures(watched, chosen, *OF_READINGS).items() if values}
        assert {key for key in left if key[:2] not in OF_OTHERS} <= OF_THE_HOUR | OF_NOTHING
        for table in (containers, below):
            assert set(by_label(answer(watched, table, everything), "container")) == set(before)
            assert set(by_label(answer(watched, table, everything), "container").values()) == {-2}
        for uid, title, label in (
            ("hashyard-boards", "Boards below the rest", "miner"),
            ("hashyard-boards", "Miners that lack boards", "miner"),
            ("hashyard-boards", "Chips missing", "miner"),
            ("hashyard-boards", "At or over the limit", "miner"),
            ("hashyard-pools", "Most shares lost", "container"),
            ("hashyard-client", "Not working now", "container"),
        ):
            for values in chosen[uid]:
                assert by_label(answer(watched, tables(uid, title), values), label), (title, values)
        alarm = {"hashyard-fleet": "Critical alerts", "hashyard-alerts": "Critical"}
        until(lambda: query(watched.prometheus, 'ALERTS{alertname="HashyardExporterDown"}'), "it is told")
        told = [
            answer(watched, question, everything)[0]["value"][1]
            for uid, title in alarm.items()
            for question in stats(uid)
            if question.asker == title
        ]
        assert len(set(told)) == 1, "Fleet and Alerts count the same"
        assert float(told[0]) >= len(SHARDS)

        # The controller as well: no order is known, and no drift.
        watched.controller.end()
        until(
            lambda: only(watched, "hashyard_controller_container_miners", 0),
            "the controller is gone",
            patience_s=PAST_SEEN_S,
        )
        left = {key for key, values in figures(watched, chosen, "hashyard-control").items() if values}
        assert left <= OF_THE_HOUR
        assert not figures(watched, chosen, "hashyard-container")["hashyard-container", "Next change", "A"]
        undone = answer(watched, tables("hashyard-control", "Not as ordered"), everything)
        assert len(undone) == len(before)
