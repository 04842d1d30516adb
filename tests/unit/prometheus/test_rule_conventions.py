"""Every alert says whose it is, what to do and where to look; is tested firing and silent; and reads series that exist.

What recorded series are called, which labels they have and how seldom they may be read is in test_rule_reading.py.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

import promql_parser as promql
import pytest
import yaml

from tests.unit.prometheus.rule_files import ROOT, children, rules, series_read
from tests.unit.prometheus.written_alerts import (
    RULE_TESTS,
    Alert,
    Expectation,
    alerts,
    expectations,
    rule_tests,
    seconds,
)

RUNBOOKS = ROOT / "docs" / "runbooks"
SECTIONS = ("What it means", "First step", "Then", "When it is a false alarm")

DASHBOARDS = {
    f"hashyard-{name}"
    for name in [
        "fleet",
        "container",
        "miner",
        "boards",
        "pools",
        "energy",
        "control",
        "alerts",
        "self",
        "client",
    ]
}

LEAST_FOR = {
    "MinerDown": "10m",
    "MinerNotHashing": "10m",
    "MinerHashrateLow": "15m",
    "MinerDrawsWhileCurtailed": "2m",
    "MinerPowerAboveTarget": "15m",
    "MinerBoardLost": "10m",
    "MinerChipsLost": "30m",
    "MinerFanFailed": "5m",
    "MinerOverTemperature": "5m",
    "MinerSharesRejected": "15m",
    "MinerPoolsDead": "10m",
    "MinerNoShares": "5m",
    "MinerRebootLoop": "0s",
    "MinerFault": "12m",
    "MinerControlDrift": "5m",
    "MinerPoolUserUnknown": "0s",
    "ContainerDown": "3m",
    "ContainerScrapeFailed": "3m",
    "ContainerMinersMissing": "10m",
    "ContainerMissing": "10m",
    "ContainerHashrateLow": "15m",
    "ContainerCurtailmentMissed": "2m",
    "ContainerPowerAboveLimit": "2m",
    "ContainerOverheating": "3m",
    "ContainerCommandsFailing": "5m",
    "HashyardExporterDown": "3m",
    "HashyardExporterLagging": "10m",
    "HashyardReadingsStale": "2m",
    "HashyardInventoryRejected": "5m",
    "HashyardInventoriesDiffer": "15m",
    "HashyardControllerDown": "3m",
    "HashyardScheduleStalled": "0s",
    "HashyardEventLogFailing": "0s",
    "HashyardGatewayFailing": "10m",
    "HashyardScrapeSlow": "10m",
    "PrometheusTargetMissing": "5m",
    "PrometheusRulesFailing": "1m",
    "PrometheusRulesSlow": "10m",
    "PrometheusConfigRejected": "5m",
    "PrometheusSamplesRejected": "5m",
    "PrometheusRemoteWriteBehind": "10m",
    "PrometheusNotNotifying": "10m",
    "AlertmanagerNotDelivering": "10m",
    "Watchdog": "0s",
}
"""How long a thing must be wrong before somebody hears of it: restarts, ramps and updates take as long, and are no fault."""

LEAST_KEPT = {
    "MinerDown": "5m",
    "ContainerDown": "5m",
    "MinerRebootLoop": "30m",
    "MinerPoolUserUnknown": "1h",
}

WAKES = {
    "MinerPoolUserUnknown",
    "ContainerDown",
    "ContainerScrapeFailed",
    "ContainerMissing",
    "ContainerHashrateLow",
    "ContainerCurtailmentMissed",
    "ContainerPowerAboveLimit",
    "ContainerOverheating",
    "HashyardExporterDown",
    "HashyardReadingsStale",
    "HashyardControllerDown",
    "HashyardScheduleStalled",
    "HashyardEventLogFailing",
    "PrometheusRulesFailing",
    "PrometheusNotNotifying",
    "AlertmanagerNotDelivering",
}
"""The critical ones: a container loses money or breaks a contract now, or nobody would see it if it did."""

WITHOUT_FIGURE = {
    "MinerFault": "the miner gives a code",
    "ContainerScrapeFailed": "it is read or it is not",
    "HashyardExporterDown": "it answers or it does not",
    "HashyardInventoryRejected": "it was refused or it was not",
    "HashyardControllerDown": "it answers or it does not",
    "PrometheusTargetMissing": "it is reachable or it is not",
    "PrometheusConfigRejected": "it was refused or it was not",
    "PrometheusNotNotifying": "Alertmanager hears or it does not",
    "Watchdog": "it always fires",
}

PROMETHEUS_OWN = {
    "up",
    "scrape_duration_seconds",
    "prometheus_rule_evaluation_failures_total",
    "prometheus_rule_group_last_duration_seconds",
    "prometheus_rule_group_interval_seconds",
    "prometheus_rule_group_iterations_missed_total",
    "prometheus_config_last_reload_successful",
    "prometheus_target_scrapes_exceeded_sample_limit_total",
    "prometheus_target_scrapes_sample_duplicate_timestamp_total",
    "prometheus_remote_storage_queue_highest_sent_timestamp_seconds",
    "prometheus_remote_storage_shards",
    "process_start_time_seconds",
    "prometheus_notifications_alertmanagers_discovered",
    "prometheus_notifications_errors_total",
    "alertmanager_notification_requests_failed_total",
    "alertmanager_notification_requests_total",
}
"""Of Prometheus and of Alertmanager, by their own documentation."""

OF_OTHERS = {"container_meter_energy_joules_total": "a power meter, by whatever exporter reads it"}

MINER = ("client", "container", "miner")
CONTAINER = ("client", "container")

BY_CONTAINER_ALONE = {
    "ContainerMissing": "exporter and controller may name different clients for the minute of a change",
    "HashyardInventoriesDiffer": "the same",
    "fleet:miners:sum": "for the minute of a change a container has two clients, and its miners count once",
    "container:miners:avg1h": "the hour of a change is divided between two clients",
}

EACH = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)


def test_each_alert_of_the_plan_is_there_once() -> None:
    assert sorted(alert.name for alert in alerts()) == sorted(LEAST_FOR)


@EACH
def test_its_labels_say_who_is_told(alert: Alert) -> None:
    scope = {"Miner": "miner", "Container": "container"}.get(re.findall(r"[A-Z][a-z]+", alert.name)[0])
    severity = "critical" if alert.name in WAKES else "none" if alert.name == "Watchdog" else "warning"
    assert alert.labels == {"severity": severity, "scope": scope or "hashyard"}


@EACH
def test_it_waits_as_long_as_it_should(alert: Alert) -> None:
    assert alert.for_s >= seconds(LEAST_FOR[alert.name])
    assert alert.keep_s >= seconds(LEAST_KEPT.get(alert.name, "0s"))


@EACH
def test_it_is_judged_every_minute_or_two(alert: Alert) -> None:
    assert alert.interval_s in (60, 120)


@EACH
def test_its_summary_is_a_line_and_its_description_has_the_figure(alert: Alert) -> None:
    assert set(alert.annotations) == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "\n" not in alert.annotations["summary"].strip()
    text = alert.annotations["description"]
    has_figure = re.search(r"\$value\b|\|\s*value\b", text) is not None
    assert has_figure == (alert.name not in WITHOUT_FIGURE)


@EACH
def test_a_figure_is_written_for_people(alert: Alert) -> None:
    """A bare value comes out with sixteen digits; a count comes out as it is."""
    counts = {"ContainerDown", "ContainerMinersMissing", "ContainerMissing", "HashyardInventoriesDiffer"}
    bare = r"\{\{-?\s*\$value\s*-?\}\}|\|\s*first\s*\|\s*value\s*-?\}\}"
    texts = (alert.annotations["summary"], alert.annotations["description"])
    if alert.name not in counts:
        assert [text for text in texts if re.search(bare, text)] == []


@EACH
def test_its_runbook_is_there_and_begins_with_one_step(alert: Alert) -> None:
    assert alert.annotations["runbook_url"] == f"runbooks/{alert.name}"
    text = (RUNBOOKS / f"{alert.name}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {alert.name}\n")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == SECTIONS
    parts = dict(zip(SECTIONS, re.split(r"^## .+$", text, flags=re.MULTILINE)[1:], strict=True))
    assert [section for section, part in parts.items() if not part.strip()] == []
    assert re.findall(r"^\d+\. ", parts["First step"], re.MULTILINE) == ["1. "]


def test_no_runbook_is_without_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {alert.name for alert in alerts()}


@EACH
def test_its_dashboard_is_one_of_ours_with_every_name_escaped(alert: Alert) -> None:
    address = alert.annotations["dashboard_url"]
    found = re.fullmatch(r"/d/(?P<uid>[a-z-]+)(?:\?(?P<query>.*))?", address)
    assert found is not None
    assert found["uid"] in DASHBOARDS - {"hashyard-client"}
    filled = re.findall(r"\{\{-?\s*(.*?)\s*-?\}\}", address)
    assert [one for one in filled if "$labels" in one and not one.startswith(("urlquery", "with"))] == []
    variables = set(re.findall(r"var-(\w+)=", address))
    if alert.labels["scope"] == "miner":
        assert (found["uid"], variables) == ("hashyard-miner", {"container", "miner"})
    elif alert.labels["scope"] == "container" and alert.name != "ContainerMissing":
        assert variables == {"container"}  # ContainerMissing has nothing to draw


# --- Tested ---


def cases(name: str) -> list[Expectation]:
    return [one for one in expectations() if one.alert == name]


@EACH
def test_it_is_tested_at_its_time_and_not_one_evaluation_before(alert: Alert) -> None:
    at = {(one.test, one.at_s): one.fires for one in cases(alert.name)}
    first = [
        (one.test, labels)
        for one in cases(alert.name)
        for labels in one.fires
        if labels not in at.get((one.test, one.at_s - one.evaluation_s), {labels})
    ]
    assert bool(first) == (alert.name != "Watchdog")  # which fires from the first


@EACH
def test_it_is_tested_firing_and_resolved(alert: Alert) -> None:
    by_test: dict[str, list[Expectation]] = {}
    for one in sorted(cases(alert.name), key=lambda one: one.at_s):
        by_test.setdefault(one.test, []).append(one)
    ended = [
        labels
        for ones in by_test.values()
        for earlier, later in pairwise(ones)
        for labels in earlier.fires - later.fires
    ]
    assert any(one.fires for one in cases(alert.name))
    assert bool(ended) == (alert.name != "Watchdog")  # which never ends


def test_each_test_names_an_alert_and_its_labels_in_full() -> None:
    known = {alert.name: alert for alert in alerts()}
    assert {one.alert for one in expectations()} <= set(known)
    for one in expectations():
        for labels in one.fires:
            assert set(known[one.alert].labels.items()) <= labels, one.test


def test_each_test_of_alerts_expects_its_annotations_as_well() -> None:
    for path in rule_tests():
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in test.get("alert_rule_test", ()):
                for expected in case.get("exp_alerts") or ():
                    assert len(expected["exp_annotations"]) == 4, f"{path.name}: {case['alertname']}"


# --- Expressions ---


def documented(page: Path) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", page.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture(scope="module")
def exposed() -> set[str]:
    """What the exporter and the controller expose, by their pages."""
    return documented(ROOT / "docs" / "metrics.md") | documented(ROOT / "docs" / "metrics-controller.md")


def expressions() -> Iterator[tuple[str, promql.Expr]]:
    """Every expression of every rule, with its rule's name, and of every annotation."""
    for rule in rules():
        yield rule.name, rule.expression
    for alert in alerts():
        for text in alert.asked:
            yield alert.name, promql.parse(text)


def test_every_series_that_is_read_exists(exposed: set[str]) -> None:
    recorded = {rule.name for rule in rules() if rule.records}
    known = exposed | recorded | PROMETHEUS_OWN | set(OF_OTHERS)
    wrong = {
        (name, read) for name, expr in expressions() for read, _ in series_read(expr) if read not in known
    }
    assert wrong == set()


def test_no_series_is_held_for_missing_that_is_there(exposed: set[str]) -> None:
    read = {name for _, expr in expressions() for name, _ in series_read(expr)}
    assert exposed & set(OF_OTHERS) == set()
    assert {*OF_OTHERS, *PROMETHEUS_OWN} <= read


def test_annotations_that_ask_are_found() -> None:
    """Else the test above would pass over them."""
    for alert in alerts():
        assert sum(
            text.count("query }}") + text.count("query -}}") for text in alert.annotations.values()
        ) == len(alert.asked), alert.name


def nodes(expression: promql.Expr) -> Iterator[promql.Expr]:
    yield expression
    for child in children(expression):
        yield from nodes(child)


def in_order(labels: tuple[str, ...]) -> bool:
    """Whether labels begin with those of their level, in the house's order: client, container, miner."""
    if "miner" in labels:
        return labels[:3] == MINER
    if "container" in labels:
        return labels[:2] == CONTAINER
    return "client" not in labels


def test_labels_are_named_in_one_order_and_with_the_client() -> None:
    written = [
        (rule.name, tuple(labels))
        for rule in rules()
        for node in nodes(rule.expression)
        for labels in named(node)
    ]
    assert len(written) > 100
    wrong = {(name, labels) for name, labels in written if not in_order(labels)}
    assert wrong == {(name, ("container",)) for name in BY_CONTAINER_ALONE}


def named(node: promql.Expr) -> Iterator[list[str]]:
    """The labels that a node names in `by` or `on`; `without` and `ignoring` are refused, since they keep what is not known."""
    match node:
        case promql.AggregateExpr() if node.modifier is not None:
            assert node.modifier.type == promql.AggModifierType.By, node
            yield list(node.modifier.labels)
        case promql.BinaryExpr() if node.modifier is not None and node.modifier.matching is not None:
            assert node.modifier.matching.type == promql.LabelModifierType.Include, node
            yield list(node.modifier.matching.labels)


@pytest.mark.parametrize("expression", ["sum without (job) (x)", "x / ignoring (job) y"])
def test_what_keeps_unknown_labels_is_refused(expression: str) -> None:
    with pytest.raises(AssertionError):
        [labels for node in nodes(promql.parse(expression)) for labels in named(node)]


@pytest.mark.parametrize(
    "alert", [one for one in alerts() if one.labels["scope"] == "miner"], ids=lambda one: one.name
)
def test_a_miner_in_service_has_no_alert(alert: Alert) -> None:
    expression = promql.parse(alert.expr)
    assert isinstance(expression, promql.BinaryExpr)
    assert str(expression.op) == "unless"
    assert tuple(expression.modifier.matching.labels) == MINER
    assert [name for name, _ in series_read(expression.rhs)] == ["miner:in_service:hold"]


# --- Order in time ---


@pytest.fixture(scope="module")
def by_name() -> Mapping[str, Alert]:
    return {alert.name: alert for alert in alerts()}


@pytest.fixture(scope="module")
def group_wait_s() -> int:
    config = yaml.safe_load((RULE_TESTS.parent / "alertmanager.yml").read_text(encoding="utf-8"))
    return seconds(config["route"]["group_wait"])


def latest(alert: Alert, seen_every_s: int = 30) -> int:
    """Seconds after which an alert is there at the latest: a scrape, an evaluation, and its `for`."""
    return seen_every_s + alert.interval_s + alert.for_s


def test_a_container_is_told_before_its_first_miner(by_name: Mapping[str, Alert], group_wait_s: int) -> None:
    down = by_name["ContainerDown"]
    assert down.for_s + down.interval_s < by_name["MinerDown"].for_s
    for name in ("MinerDown", "ContainerHashrateLow", "ContainerMinersMissing"):
        assert latest(down) < by_name[name].for_s + group_wait_s


def test_a_dead_exporter_is_told_before_its_containers(
    by_name: Mapping[str, Alert], group_wait_s: int
) -> None:
    exporter = by_name["HashyardExporterDown"]
    for name in ("ContainerScrapeFailed", "ContainerMissing", "HashyardInventoriesDiffer"):
        assert latest(exporter) <= by_name[name].for_s + group_wait_s


def test_a_missed_curtailment_is_told_before_the_drift_of_its_miners(
    by_name: Mapping[str, Alert], group_wait_s: int
) -> None:
    missed = by_name["ContainerCurtailmentMissed"]
    assert latest(missed) <= by_name["MinerControlDrift"].for_s + group_wait_s
