"""What rules read and what they keep: names, labels, order, and series that are too far apart to be read as they stand."""

import json
import re

import promql_parser as promql
import pytest

from tests.unit.prometheus.rule_files import ROOT, Keeps, labels_kept, rules, series_read

RULES = rules()
RECORDED = [rule for rule in RULES if rule.records]

SLOW = {rule.name for rule in RECORDED if rule.interval_s > 120}
"""A recorded series is visible for five minutes after its sample: recorded every five, it flickers as an instant value."""

OVER_RANGE = ("sum_over_time", "avg_over_time", "count_over_time")

LEVELS = {
    "miner": {"client", "container", "miner"},
    "container": {"client", "container"},
    "model": {"manufacturer", "model"},
    "fleet": set(),
}

BESIDE = {
    "algorithm": {
        "miner:algorithm:info",
        "container:hashrate_hashes_per_second:sum",
        "container:nominal_hashrate_hashes_per_second:sum",
        "container:expected_hashrate_hashes_per_second:sum",
        "container:hashrate_attainment:ratio",
        "container:efficiency_joules_per_hash:ratio",
        "container:hashes:increase1h",
        "fleet:hashrate_hashes_per_second:sum",
        "fleet:expected_hashrate_hashes_per_second:sum",
        "fleet:hashrate_attainment:ratio",
        "fleet:efficiency_joules_per_hash:ratio",
    },
    "class": {
        "miner:time_class:bool",
        "container:miner_time_class:sum",
        "fleet:miner_time_class:sum",
        "miner:time_class_seconds:sum1h",
        "container:time_class_seconds:sum1h",
    },
    "source": {
        "container:power_watts:sum",
        "fleet:power_watts:sum",
        "container:energy_joules:increase5m",
        "miner:energy_joules:increase1h",
        "container:energy_joules:increase1h",
    },
    "state": {"container:miner_state:sum", "fleet:miner_state:sum"},
    "sensor": {
        "miner:over_temperature_celsius:max",
        "container:temperature_celsius:max",
        "container:temperature_celsius:avg",
    },
    "profile": {"container:desired_since_timestamp_seconds:max"},
    "result": {"miner:shares:increase30m", "container:shares:increase30m"},
    "url": {"container:pool_miners:count"},
    "account": {"container:pool_miners:count"},
    "currency": {"container:energy_cost:increase5m", "container:energy_cost:increase1h"},
}
"""Labels beside those of the level, and the series that have them."""

NAME = re.compile(
    r"(miner|container|model|fleet):[a-z]+(_[a-z]+)*:(sum|max|avg|count|ratio|bool|hold|info|increase|resets)(\d+[mh])?"
)


def test_all_files_are_read() -> None:
    assert {rule.group for rule in RECORDED} == {
        "hashyard-1m",
        "hashyard-2m",
        "hashyard-5m",
        "hashyard-1h",
        "hashyard-fleet-1m",
    }
    assert "miner:energy_joules:increase1h" in SLOW
    assert "container:energy_joules:increase5m" in SLOW
    assert "container:miner_state:sum" not in SLOW


def test_names_say_level_metric_and_operation_and_are_used_once() -> None:
    names = [rule.name for rule in RECORDED]
    assert [name for name in names if not NAME.fullmatch(name)] == []
    assert sorted(set(names)) == sorted(names)


def kept_by_all() -> dict[str, frozenset[str]]:
    """The labels of each recorded series; of one that reads itself, those of what it begins with."""
    known: dict[str, frozenset[str]] = {}
    waiting = list(RECORDED)
    while waiting:
        for rule in waiting:
            reads = {name for name, _ in series_read(rule.expression)} & {r.name for r in waiting} - {
                rule.name
            }
            if reads:
                continue
            given = known | {rule.name: frozenset(LEVELS[rule.name.split(":")[0]])}
            known[rule.name] = labels_kept(rule.expression, given) or frozenset()
            waiting.remove(rule)
            break
        else:
            raise AssertionError(f"rules that read each other: {[rule.name for rule in waiting]}")
    return known


def test_each_series_has_the_labels_that_its_name_says() -> None:
    kept = kept_by_all()
    wanted = {
        name: LEVELS[name.split(":")[0]] | {label for label, names in BESIDE.items() if name in names}
        for name in kept
    }
    assert {name: sorted(labels) for name, labels in kept.items()} == {
        name: sorted(labels) for name, labels in wanted.items()
    }
    assert {name for names in BESIDE.values() for name in names} <= set(kept)


@pytest.mark.parametrize(
    ("expression", "kept"),
    [
        ("max by (client, container) (raw)", {"client", "container"}),
        ("sum(raw)", set()),
        (
            "miner:x:max * on (container) group_left (model) max by (container, model) (raw)",
            {"miner", "model"},
        ),
        ("max by (container) (raw) / on (container) group_right () miner:x:max", {"miner"}),
        ("sum by (a, b) (raw) / on (a) sum by (a) (raw)", {"a"}),
        ('label_replace(miner:x:max == 0, "class", "off", "", "")', {"miner", "class"}),
        ("sum_over_time(miner:x:max[1h]) * 60", {"miner"}),
        ("time() - miner:x:max < 5", {"miner"}),
        ("topk by (miner) (1, miner:x:max)", {"miner"}),
        ("miner:x:max unless on () raw == 1", {"miner"}),
    ],
)
def test_how_labels_are_followed(expression: str, kept: set[str]) -> None:
    assert labels_kept(promql.parse(expression), {"miner:x:max": frozenset({"miner"})}) == kept


@pytest.mark.parametrize(
    "expression",
    [
        "raw",
        "raw > 5",
        "avg_over_time(raw[5m])",
        "sum without (job) (raw)",
        "miner:x:max or sum by (a) (raw)",
    ],
)
def test_what_keeps_the_labels_of_the_scrape_is_refused(expression: str) -> None:
    with pytest.raises(Keeps):
        labels_kept(promql.parse(expression), {"miner:x:max": frozenset({"miner"})})


def too_far_apart(expression: promql.Expr) -> list[str]:
    """The slow series that an expression reads otherwise than over a range."""
    return [name for name, over in series_read(expression) if name in SLOW and over not in OVER_RANGE]


@pytest.mark.parametrize(
    ("expression", "wrong"),
    [
        ("sum_over_time(container:energy_joules:increase1h[1d])", 0),
        ("sum by (source) (avg_over_time(container:energy_joules:increase1h[1d])) / 3600", 0),
        ("container:energy_joules:increase1h > 5", 1),
        ('{__name__="container:energy_joules:increase1h"}', 1),
        ("count_over_time(container:energy_joules:increase1h[1d])", 0),
        ("max_over_time(container:energy_joules:increase1h[1d])", 1),
        ("sum_over_time(sum(container:energy_joules:increase1h)[1d:1h])", 1),
        ("up unless on () absent(container:energy_joules:increase5m)", 1),
    ],
)
def test_what_counts_as_an_instant(expression: str, wrong: int) -> None:
    assert len(too_far_apart(promql.parse(expression))) == wrong


def test_no_rule_reads_as_an_instant_what_is_recorded_too_seldom() -> None:
    # Within one group the rules above were evaluated at the same moment, so there an instant is right.
    groups = {rule.name: rule.group for rule in RECORDED}
    wrong = {
        (rule.name, name)
        for rule in RULES
        for name in too_far_apart(rule.expression)
        if groups[name] != rule.group
    }
    assert wrong == set()


def test_no_panel_nor_annotation_reads_as_an_instant_what_is_recorded_too_seldom() -> None:
    queries = []
    for path in sorted((ROOT / "grafana" / "json").rglob("*.json")):
        queries += [
            (path.stem, expression) for expression in expressions(json.loads(path.read_text("utf-8")))
        ]
    assert any("[$__range]" in expr or "$container" in expr for _, expr in queries)
    wrong = [(name, expr) for name, expr in queries if too_far_apart(promql.parse(filled_in(expr)))]
    assert wrong == []


def expressions(part: object) -> list[str]:
    """Every value called `expr` in a dashboard, however deep: of panels and of annotations."""
    if isinstance(part, dict):
        own = [part["expr"]] if isinstance(part.get("expr"), str) and part["expr"] else []
        return own + [found for value in part.values() for found in expressions(value)]
    if isinstance(part, list):
        return [found for value in part for found in expressions(value)]
    return []


def filled_in(expression: str) -> str:
    """An expression with something in the place of Grafana's variables: durations after a bracket, else a word."""
    return re.sub(r"\$\{?\w+(:\w+)?\}?", "x", re.sub(r"\[\$\{?\w+\}?", "[5m", expression))


def test_rules_of_the_fleet_read_series_of_containers_alone() -> None:
    wrong = {
        (rule.name, name)
        for rule in RECORDED
        if rule.name.startswith("fleet:")
        for name, _ in series_read(rule.expression)
        if not name.startswith(("container:", "fleet:")) and name != "container_miners"
    }
    assert wrong == set()


def test_a_rule_reads_of_its_own_group_only_what_stands_above_it() -> None:
    # What stands below was evaluated a whole interval ago. The held series read themselves, and mean to.
    place = {rule.name: (rule.group, number) for number, rule in enumerate(RECORDED)}
    wrong = {
        (rule.name, name)
        for rule in RECORDED
        for name, _ in series_read(rule.expression)
        if name in place
        and name != rule.name
        and place[name][0] == rule.group
        and place[name] > place[rule.name]
    }
    assert wrong == set()
    itself = {
        rule.name for rule in RECORDED if rule.name in {name for name, _ in series_read(rule.expression)}
    }
    assert itself == {"miner:ordered_power_ratio:hold", "miner:in_service:hold"}


def test_every_series_with_a_colon_that_is_read_is_recorded() -> None:
    names = {rule.name for rule in RECORDED}
    wrong = {
        (rule.name, name)
        for rule in RULES
        for name, _ in series_read(rule.expression)
        if ":" in name and name not in names
    }
    assert wrong == set()
