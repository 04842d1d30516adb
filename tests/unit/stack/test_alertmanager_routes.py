"""Every alert of the rules comes to whom it is for, in a group of the right size and as often as it should."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alert_rules import CONFIG, Alert, alerts

ALERTS = alerts()


def receivers_of(alert: Alert) -> list[str]:
    if alert.name == "Watchdog":
        return ["dead-mans-switch"]
    return ["pager", "people"] if alert.severity == "critical" else ["people"]


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_each_alert_comes_to_whom_it_is_for(amtool: Path, alert: Alert) -> None:
    labels = [f'{name}="{value}"' for name, value in alert.labels().items()]
    done = subprocess.run(
        [amtool, "config", "routes", "test", f"--config.file={CONFIG}", *labels],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip().split(",") == receivers_of(alert)


def test_the_rules_have_alerts_of_every_kind() -> None:
    """Else the test above would be passed by rule files that nobody finds."""
    assert {alert.scope for alert in ALERTS.values()} == {"miner", "container", "hashyard"}
    assert {alert.severity for alert in ALERTS.values()} == {"critical", "warning", "none"}
    assert [alert.name for alert in ALERTS.values() if alert.severity == "none"] == ["Watchdog"]


def routes() -> list[dict[str, Any]]:
    """Return every route with what it inherits."""

    def walk(route: dict[str, Any], inherited: dict[str, Any]) -> list[dict[str, Any]]:
        whole = {**inherited, **{key: value for key, value in route.items() if key != "routes"}}
        # Neither what it matches nor whether it goes on is handed down.
        handed = {key: value for key, value in whole.items() if key not in {"matchers", "continue"}}
        return [whole, *(found for child in route.get("routes", []) for found in walk(child, handed))]

    return walk(yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["route"], {})


def test_what_is_said_of_miners_is_grouped_by_container_and_the_rest_by_alert_alone() -> None:
    for route in routes():
        of_miners = 'scope="miner"' in route.get("matchers", [])
        assert route["group_by"] == (["container", "alertname"] if of_miners else ["alertname"])
    assert sum('scope="miner"' in route.get("matchers", []) for route in routes()) == 3


def test_critical_alerts_are_repeated_after_four_hours_and_others_after_a_day() -> None:
    repeats = {(route["receiver"], route["repeat_interval"]) for route in routes()}
    assert repeats == {("people", "24h"), ("people", "4h"), ("pager", "4h"), ("dead-mans-switch", "50s")}


def test_the_pager_hears_of_what_joins_later_within_two_minutes() -> None:
    later = {(route["receiver"], route.get("group_interval", "of its parent")) for route in routes()}
    assert ("pager", "2m") in later
    assert ("people", "10m") in later


def test_the_dead_mans_switch_hears_something_in_every_interval() -> None:
    beat = next(route for route in routes() if route["receiver"] == "dead-mans-switch")
    assert beat["group_interval"] == "1m"
    # A beat that is repeated no sooner than the interval is long is found too early every second time.
    assert int(beat["repeat_interval"].removesuffix("s")) < 60


def test_no_cause_without_a_container_can_mute_what_has_none_either() -> None:
    """`equal` takes a missing label for equal to a missing one."""
    for row in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["inhibit_rules"]:
        if row.get("equal") == ["container"]:
            assert 'container!=""' in row["source_matchers"]


def test_a_foreign_pool_user_is_muted_by_no_row() -> None:
    for row in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["inhibit_rules"]:
        muted = " ".join(row["target_matchers"])
        if "scope=" in muted:
            assert "alertname!" in muted
            assert "MinerPoolUserUnknown" in muted
        else:
            assert "MinerPoolUserUnknown" not in muted
