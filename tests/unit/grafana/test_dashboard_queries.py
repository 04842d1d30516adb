"""Every expression of a dashboard is PromQL, names series that there are, and reads no more than it needs."""

import re
from pathlib import Path

import promql_parser as promql
import pytest
import yaml

from grafana.catalogue import DASHBOARDS
from grafana.empty import EMPTY_WHEN_HEALTHY
from tests.unit.grafana.dashboard_files import ASKED, PANELS, Asked, Panel, load, parsed, selectors, walk

REPOSITORY = Path(__file__).parents[3]
MOST_RAW = 100

# Series of others, whose names are theirs.
FOREIGN = {"ALERTS", "ALERTS_FOR_STATE", "up", "scrape_duration_seconds", "scrape_samples_scraped"}
FOREIGN_BEGINNINGS = ("prometheus_", "alertmanager_", "process_")
# The controller counts clients' queries from the first one that it is asked; there is no client in the demo.
FROM_THE_FIRST_CLIENT_ON = {"hashyard_controller_gateway_requests_total"}
# Made by the demo alone, and by it on purpose: see the annotation of simulated history.
OF_THE_DEMO = {"hashyard_simulated_history"}


def _documented() -> set[str]:
    names: set[str] = set()
    for document in ("metrics.md", "metrics-controller.md"):
        text = (REPOSITORY / "docs" / document).read_text(encoding="utf-8")
        for name, kind in re.findall(r"^\| `(\w+)` \| (\w+) \|", text, re.MULTILINE):
            names |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"} if kind == "histogram" else {name}
    return names


def _recorded() -> set[str]:
    names = set()
    for path in (REPOSITORY / "prometheus" / "rules").glob("record-*.yml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            names |= {rule["record"] for rule in group["rules"]}
    return names


def _alerts() -> set[str]:
    names = set()
    for path in (REPOSITORY / "prometheus" / "rules").glob("alert-*.yml"):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            names |= {rule["alert"] for rule in group["rules"]}
    return names


RECORDED = _recorded()
KNOWN = _documented() | RECORDED | FOREIGN | FROM_THE_FIRST_CLIENT_ON | OF_THE_DEMO
ALERTS = _alerts()

each_query = pytest.mark.parametrize("question", ASKED, ids=str)


def _function(expression: promql.Expr) -> str:
    return expression.func.name if isinstance(expression, promql.Call) else ""


@each_query
def test_it_is_promql_of_series_that_there_are(question: Asked) -> None:
    for selector, _above in selectors(parsed(question.expression)):
        if not selector.name.startswith(FOREIGN_BEGINNINGS):
            assert selector.name in KNOWN, f"{selector.name} is in no table of metrics and no rule"
        for matcher in selector.matchers.matchers:
            if matcher.name == "alertname" and matcher.op == promql.MatchOp.Equal:
                assert matcher.value in ALERTS


@each_query
def test_counters_are_read_by_their_increase(question: Asked) -> None:
    """target-counter-agg-rule, target-rate-interval-rule."""
    for selector, above in selectors(parsed(question.expression)):
        if selector.name.endswith("_total"):
            assert isinstance(above[-1], promql.MatrixSelector)
            assert _function(above[-2]) in {"rate", "irate", "increase"}
    for written in re.findall(r"\birate\([^\[]*\[([^\]]*)\]|\brate\([^\[]*\[([^\]]*)\]", question.expression):
        assert "".join(written) == "$__rate_interval"


@each_query
def test_several_containers_are_read_as_recorded(question: Asked) -> None:
    """Raw series of every miner of the fleet cost a second a panel: such are read of one container, or a hundred at most."""
    for selector, above in selectors(parsed(question.expression)):
        if not selector.name.startswith(("miner_", "miner:")):
            continue
        one = any(m.name == "container" and m.op == promql.MatchOp.Equal for m in selector.matchers.matchers)
        few = [part for part in above if isinstance(part, promql.AggregateExpr) and part.param is not None]
        at_most = [
            part.param.val
            for part in few
            if str(part.op) in {"topk", "bottomk"} and isinstance(part.param, promql.NumberLiteral)
        ]
        assert one or (question.instant and at_most and min(at_most) <= MOST_RAW), (
            f"{selector.name} of many containers"
        )


@each_query
def test_what_is_recorded_seldom_is_read_over_time(question: Asked) -> None:
    """A series of every five minutes or every hour flickers as an instant: it is gone after five minutes."""
    for selector, above in selectors(parsed(question.expression)):
        if re.search(r":(increase5m|increase1h|sum1h|avg1h)$", selector.name):
            assert isinstance(above[-1], promql.MatrixSelector), selector.name
            assert _function(above[-2]).endswith("_over_time"), selector.name


@each_query
def test_hash_rates_of_different_algorithms_are_never_added(question: Asked) -> None:
    for selector, above in selectors(parsed(question.expression)):
        if not re.match(
            r"(container|fleet):(\w*hashrate_hashes_per_second|hashes|efficiency\w+):", selector.name
        ):
            continue
        if any(m.name == "algorithm" and m.op == promql.MatchOp.Equal for m in selector.matchers.matchers):
            continue
        sums = [
            part
            for part in above
            if isinstance(part, promql.AggregateExpr) and str(part.op) in {"sum", "avg"}
        ]
        for part in sums:
            assert part.modifier is not None, f"{selector.name} is summed over algorithms"
            assert "algorithm" in part.modifier.labels, f"{selector.name} is summed over algorithms"


def test_a_client_asks_for_nothing_but_series_with_a_client() -> None:
    """The gateway adds the client to every selector, and refuses what has none."""
    asked = [question for question in ASKED if DASHBOARDS[question.uid][1] == "Client"]
    assert asked
    for selector, _above in (found for question in asked for found in selectors(parsed(question.expression))):
        assert selector.name.startswith(("container_", "container:", "miner_", "miner:")), selector.name


def test_what_is_said_to_be_empty_is_there() -> None:
    there = {(panel.uid, panel.title) for panel in PANELS}
    assert set(EMPTY_WHEN_HEALTHY) <= there
    assert all(why for why in EMPTY_WHEN_HEALTHY.values())


# Noughts and other constants that a query answers with whatever is there, and why: (uid, panel, letter).
CONSTANT_WHEN_EMPTY = {
    (
        "hashyard-miner",
        "Boards",
        "B",
    ): "where the boards of a whole one are not known; of a figure it makes none",
}


def _constant(expression: promql.Expr) -> bool:
    """Return whether an expression has a value whatever Prometheus has: vector(0), 1, and what is made of such."""
    return not list(selectors(expression))


def _alternatives(question: Asked) -> list[promql.Expr]:
    return [
        part.rhs
        for part, _above in walk(parsed(question.expression))
        if isinstance(part, promql.BinaryExpr) and str(part.op) == "or"
    ]


@each_query
def test_a_nought_is_given_only_where_something_is_seen(question: Asked) -> None:
    """`or vector(0)` says that nothing is wrong also where nothing is known."""
    unguarded = [str(part) for part in _alternatives(question) if _constant(part)]
    unguarded += [
        str(part)
        for part, _above in walk(parsed(question.expression))
        if isinstance(part, promql.Call) and part.func.name in {"absent", "absent_over_time"}
    ]
    assert bool(unguarded) == (question.who in _allowed()), unguarded


def _allowed() -> set[str]:
    return {f"{uid}: {title} {letter}" for (uid, title, letter) in CONSTANT_WHEN_EMPTY}


def test_what_may_be_constant_is_there() -> None:
    assert _allowed() <= {question.who for question in ASKED}
    assert all(CONSTANT_WHEN_EMPTY.values())


@each_query
def test_alerts_are_counted_with_those_that_have_no_container(question: Asked) -> None:
    """Else one dashboard counts fewer than another: an exporter that is away is an alert of no container."""
    several = any(
        variable["name"] == "container" and variable.get("multi")
        for variable in load(question.uid)["templating"]["list"]
    )
    for selector, _above in selectors(parsed(question.expression)):
        given = {matcher.name: matcher for matcher in selector.matchers.matchers}
        asked_of_containers = {"alertname", "scope"} & set(given) or (
            "container" in given and given["container"].op == promql.MatchOp.NotEqual
        )
        if selector.name == "ALERTS" and several and not asked_of_containers:
            # As parsed, the variable is x.
            assert "container" not in given or given["container"].value == "x|", question.expression


def _cuts(expression: str) -> set[int]:
    """To how many series an expression is cut. One of each miner is no cut."""
    return {
        int(part.param.val)
        for part, _above in walk(parsed(expression))
        if isinstance(part, promql.AggregateExpr)
        and str(part.op) in {"topk", "bottomk"}
        and isinstance(part.param, promql.NumberLiteral)
        and part.modifier is None
    }


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel.data["type"] == "table"], ids=str)
def test_a_table_is_cut_alike_in_every_column(panel: Panel) -> None:
    """Columns are joined by whoever stands in any of them: what is cut from one alone makes rows without a name."""
    assert len({frozenset(_cuts(target["expr"])) for target in panel.targets}) == 1
