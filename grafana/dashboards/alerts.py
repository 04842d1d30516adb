"""Alerts: what fires, since when, and what fires too often? For whoever is on call.

Alerts of Hashyard itself and of Prometheus belong to no container; they are shown whatever containers are chosen.
"""

from collections.abc import Mapping

from grafana_foundation_sdk.builders import statetimeline
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import annotations, colours, links, variables
from grafana.panels import bars, stat, timeline
from grafana.queries import CONTAINERS, alerts, firing, now, over_time
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

FIRING = alerts('alertstate="firing"', 'severity!="none"')
CRITICAL = alerts('alertstate="firing"', 'severity="critical"')
WARNING = alerts('alertstate="firing"', 'severity="warning"')
OF_MINERS = alerts('alertstate="firing"', 'scope="miner"')
OF_CONTAINERS = alerts('alertstate="firing"', 'severity!="none"', 'container!=""')
WITHOUT_STATE = alerts('severity!="none"')

SEVERITIES = colours.values({name: (name, colour) for name, colour in colours.SEVERITIES.items()})


def since(selector: str) -> str:
    """Give the expression of when the condition of each alert that fires came true, in ms."""
    return f"ALERTS_FOR_STATE{WITHOUT_STATE} * 1000 and ignoring (alertstate) ALERTS{selector}"


def dashboard() -> Dashboard:
    """Give the dashboard of alerts."""
    return skeleton(
        "hashyard-alerts",
        "Alerts",
        "What fires, since when, and what fires too often?",
        Section(None, _figures()),
        Section("What fires?", [*_firing(), *_miners()]),
        Section("Since when?", _timelines()),
        Section("What is too loud?", _loud(), collapsed=True),
        variables=[variables.containers()],
        annotations=[annotations.profile_changes(CONTAINERS)],
        span="now-24h",
    )


def _figures() -> Panels:
    return [
        stat(
            "Critical",
            "Alerts that fire now and wake somebody; those that another one mutes are counted too.",
            now(firing(CRITICAL), "critical"),
            unit="locale",
            width=8,
            decimals=0,
            thresholds=colours.high(red=1),
            no_value="Not known",
        ),
        stat(
            "Warnings",
            "Alerts that fire now and wait for the next shift, one for each miner and part; those that another one mutes"
            " are counted too.",
            now(firing(WARNING), "warnings"),
            unit="locale",
            width=8,
            decimals=0,
            thresholds=colours.steps((None, colours.PLAIN), (1, colours.YELLOW)),
            no_value="Not known",
        ),
        stat(
            "Containers touched",
            "Containers with an alert that fires now, their own or one of a miner.",
            now(firing(OF_CONTAINERS, "container"), "containers"),
            unit="locale",
            width=8,
            decimals=0,
            no_value="Not known",
        ),
        stat(
            "Miners touched",
            "Miners with an alert of their own that fires now, however many they have.",
            now(firing(OF_MINERS, "container, miner"), "miners"),
            unit="locale",
            width=8,
            decimals=0,
            no_value="Not known",
        ),
        stat(
            "Muted",
            "Alerts that Alertmanager tells nobody, because somebody silenced them or another alert explains them; of all"
            " containers.",
            now('max(alertmanager_alerts{state="suppressed"})', "muted"),
            unit="locale",
            width=8,
            decimals=0,
            no_value="Not known",
        ),
        stat(
            "Failed messages, 1 h",
            "Messages of the last hour that Alertmanager could not deliver: e-mail, Telegram, webhook; of all containers.",
            now("sum(increase(alertmanager_notifications_failed_total[1h]))", "failed"),
            unit="locale",
            width=8,
            decimals=0,
            thresholds=colours.high(red=1),
            no_value="Not known",
        ),
    ]


def _firing() -> Panels:
    what = "(severity, alertname, container)"
    key = '"order", "/", "alertname", "container"'
    return [
        table(
            "By alert and container",
            "A row an alert and container: how many fire, and when the first of their conditions came true. Those that"
            " another alert mutes are included. The alert leads to its runbook.",
            Label("alertname", "Alert", width=215, links=[links.runbook_of_cell()]),
            Label("severity", "Severity", width=100, coloured="text", mappings=SEVERITIES),
            Label("container", "Container", links=[links.container_of_cell()]),
            Value("Firing", f"label_join(count by {what} (ALERTS{FIRING}), {key})", "locale", 0, width=76),
            Value(
                "First since",
                f"min by (order) (label_join({since(FIRING)}, {key}))",
                "dateTimeFromNow",
            ),
            key="order",
            height=10,
            sort=("Severity", False),
            no_value="No alert is firing",
        ),
    ]


def _timelines() -> Panels:
    return [
        _coloured(
            timeline(
                "Timeline",
                "A row an alert, for as long as it fired; the figure is how many at once, looked at every five"
                " minutes. Red wakes somebody, yellow waits. Those that another alert mutes are included.",
                over_time(_at_most(CRITICAL), "{{alertname}}"),
                over_time(_at_most(WARNING), "{{alertname}}"),
                height=11,
                interval="5m",
                no_value="No alert fired in this time",
            ).fill_opacity(60),
            CRITICAL_AND_WARNING,
        ),
    ]


def _at_most(selector: str) -> str:
    return f"max_over_time(count by (alertname) (ALERTS{selector})[$__interval:5m])"


CRITICAL_AND_WARNING = {"A": colours.SEVERITIES["critical"], "B": colours.SEVERITIES["warning"]}


def _coloured(panel: statetimeline.Panel, colour_of: Mapping[str, str]) -> statetimeline.Panel:
    """Give all rows of a query one colour."""
    for letter, colour in colour_of.items():
        fixed = DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
        panel = panel.override_by_query(letter, [fixed])
    return panel


def _miners() -> Panels:
    labels = "(container, miner, alertname, severity)"
    return [
        table(
            "Alerts of miners",
            "A row an alert of a miner, up to a hundred, those that came last first. Those that another alert mutes are"
            " included: a dead container mutes its miners.",
            Label(
                "miner", "Miner", links=[links.miner_of_cell(), links.controller_page_of_cell()], width=150
            ),
            Label("alertname", "Alert", width=215, links=[links.runbook_of_cell()]),
            Label("severity", "Severity", width=100, coloured="text", mappings=SEVERITIES),
            Value("Since", f"topk(100, max by {labels} ({since(OF_MINERS)}))", "dateTimeFromNow"),
            Label("container", "Container", links=[links.container_of_cell()]),
            height=10,
            sort=("Since", True),
            no_value="No alert of a miner is firing",
        ),
    ]


def _loud() -> Panels:
    def hours(by: str, selector: str) -> str:
        return f"topk(10, sum_over_time(count by ({by}) (ALERTS{selector})[7d:5m])) / 12"

    return [
        bars(
            "Alert-hours in 7 days, by alert",
            "How long each alert fired, all miners and containers added up, now and in the seven days before; the ten"
            " loudest. What fires for days and nobody mends is either a spare part to order or a limit to change.",
            now(f"sort_desc({hours('alertname', FIRING)})", "{{alertname}}"),
            unit="locale",
            width=24,
            height=10,
            decimals=0,
            colour=colours.YELLOW,
            no_value="No alert fired in 7 days",
        ),
        bars(
            "Alert-hours in 7 days, by container",
            "The same by container; the ten loudest. Alerts of Hashyard itself have none and are left out.",
            now(f"sort_desc({hours('container', OF_CONTAINERS)})", "{{container}}"),
            unit="locale",
            width=24,
            height=10,
            decimals=0,
            colour=colours.YELLOW,
            no_value="No alert fired in 7 days",
            links=[links.container_of_series()],
        ),
    ]
