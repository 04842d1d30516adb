"""What is marked in every graph: changes of profile, history that was simulated, and, on a container, its alerts."""

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery
from grafana_foundation_sdk.builders.prometheus import Dataquery

from grafana import colours
from grafana.queries import DATA_SOURCE, container, matching, miner


def _annotation(
    name: str, expression: str, *, colour: str, title: str, text: str, step: str
) -> AnnotationQuery:
    """Make an annotation; the expression and its step stand in both places that versions of Grafana read them from."""
    return (
        AnnotationQuery()
        .name(name)
        .datasource(DATA_SOURCE)
        .enable(True)
        .hide(False)
        .icon_color(colour)
        .expr(expression)
        .step(step)
        .target(Dataquery().expr(expression).ref_id("Anno").interval(step))
        .title_format(title)
        .text_format(text)
    )


def profile_changes(selector: str) -> AnnotationQuery:
    """Mark each change of profile: the series' value is when it was ordered, in ms as Grafana reads it."""
    return _annotation(
        "Profile changes",
        f"container:desired_since_timestamp_seconds:max{selector} * 1000",
        colour=colours.GREY,
        title="{{profile}}",
        text="{{container}}",
        step="5m",
    ).use_value_for_time(True)


def simulated_history() -> AnnotationQuery:
    """Mark the past that the demo made up, as a region without a switch; on a real fleet there is none."""
    return _annotation(
        "Simulated history",
        "max(hashyard_simulated_history)",
        colour="rgba(142, 142, 142, 0.4)",
        title="Simulated history",
        text="Made up for the demo: it was never measured.",
        step="5m",
    ).hide(True)


def container_alerts() -> AnnotationQuery:
    """Mark where the critical alerts of the one container chosen, and of its miners, began."""
    return _beginnings("Critical alerts", container('severity="critical"'), "red")


def miner_alerts() -> list[AnnotationQuery]:
    """Mark where the alerts of the one miner chosen began: critical ones, and, once switched on, warnings."""
    return [
        _beginnings("Critical alerts", miner('severity="critical"'), "red"),
        _beginnings("Warnings", miner('severity="warning"'), "yellow").enable(False),
    ]


def _beginnings(name: str, selector: str, colour: str) -> AnnotationQuery:
    """Mark a line, not a region: an alert that stands for days would tint every graph."""
    firing = matching(selector, 'alertstate="firing"')
    return _annotation(
        name,
        "max by (alertname, container)"
        f" (ALERTS_FOR_STATE{selector} and ignoring (alertstate) ALERTS{firing}) * 1000",
        colour=colour,
        title="{{alertname}}",
        text="{{container}}",
        step="1m",
    ).use_value_for_time(True)
