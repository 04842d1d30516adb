"""The one table of the metrics that the controller serves: name, kind, labels and meaning of each.

The page follows its order and takes its headers from it, and `docs/metrics-controller.md` is generated from it:
`python -m controller.metrics docs/metrics-controller.md`.
"""

import sys
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from controller.figures import DURATION_BUCKETS_S
from miners.actions import ACTIONS, STATUSES, action_name

Kind: TypeAlias = Literal["gauge", "counter", "info", "histogram"]

CONTROLS = ("observe", "enforce")
"""Values of the label `control`."""


class Metric(msgspec.Struct, frozen=True):
    """One metric. `name` is the name of its series, with `_total` and `_info`; `labels` are those beside the usual.

    The usual ones are said at each part of the table.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()

    @property
    def family(self) -> str:
        """The name without the suffix that OpenMetrics puts on the samples of a counter or an info."""
        suffix = {"counter": "_total", "info": "_info"}.get(self.kind, "")
        return self.name.removesuffix(suffix)

    def header(self, *, openmetrics: bool) -> bytes:
        """Return the lines HELP and TYPE, as prometheus_client writes them for text 0.0.4 or OpenMetrics 1.0."""
        if openmetrics:
            return f"# HELP {self.family} {self.help}\n# TYPE {self.family} {self.kind}\n".encode()
        kind = "gauge" if self.kind == "info" else self.kind
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {kind}\n".encode()


MINER = (
    Metric(
        "hashyard_controller_desired_power_ratio",
        "gauge",
        "Share of nominal power that is ordered, 0 for curtailed; under enforce only, and absent for a miner in "
        "service or one whose make cannot do it.",
    ),
    Metric(
        "hashyard_controller_applied_power_ratio",
        "gauge",
        "Share of nominal power last confirmed by read-back; absent if it never was.",
    ),
    Metric(
        "hashyard_controller_planned_power_ratio",
        "gauge",
        "Share of nominal power that would be ordered, were the container not only observed.",
    ),
    Metric(
        "hashyard_controller_desired_since_timestamp_seconds",
        "gauge",
        "When the order in force was given.",
    ),
    Metric(
        "hashyard_controller_desired_hashrate_hashes_per_second",
        "gauge",
        "Hash rate that the ordered preset promises; absent where none does.",
    ),
    Metric(
        "hashyard_controller_power_target_watts",
        "gauge",
        "Power at the wall that the order comes to; absent where the miner's nominal power is not known.",
    ),
    Metric(
        "hashyard_controller_drift",
        "gauge",
        "1 while the miner said yes and does not show what is ordered, 0 if it does or is still on its way; absent "
        "without an order.",
    ),
    Metric(
        "hashyard_controller_in_service",
        "gauge",
        "1 while a person has the miner marked as in service: nothing is written to it, and its alerts are off; else absent.",
    ),
    Metric(
        "hashyard_controller_desired_profile_info",
        "info",
        "The profile that is ordered; 1.",
        ("profile",),
    ),
    Metric(
        "hashyard_controller_applied_profile_info",
        "info",
        "The profile last confirmed by read-back; 1.",
        ("profile",),
    ),
    Metric(
        "hashyard_controller_control_info",
        "info",
        "What the miner's container says of control: observe or enforce; 1.",
        ("control",),
    ),
)
"""Of a miner, in the order of a page."""

CONTAINER = (
    Metric(
        "hashyard_controller_container_miners",
        "gauge",
        "Miners of the controller's inventory that are to be polled.",
    ),
    Metric(
        "hashyard_controller_container_control",
        "gauge",
        "1 for what the container says of control, 0 for the other.",
        ("control",),
    ),
    Metric(
        "hashyard_controller_container_power_target_watts",
        "gauge",
        "Sum of the power targets of its miners; absent without an order.",
    ),
    Metric(
        "hashyard_controller_container_drifting_miners",
        "gauge",
        "Miners that said yes and do not show what is ordered.",
    ),
    Metric("hashyard_controller_container_service_miners", "gauge", "Miners that are marked as in service."),
    Metric(
        "hashyard_controller_container_held",
        "gauge",
        "1 while a hold stops all writing to the container, 0 if none does.",
    ),
    Metric(
        "hashyard_controller_next_change_timestamp_seconds",
        "gauge",
        "Next change of the schedule; absent without one.",
    ),
    Metric(
        "hashyard_controller_commands_total",
        "counter",
        "Commands to miners that have ended, by outcome.",
        ("action", "status"),
    ),
    Metric(
        "hashyard_controller_command_duration_seconds",
        "histogram",
        "Time from the order to the read-back, whatever the outcome.",
        ("action",),
    ),
)
"""Of a container, in the order of a page."""

OWN = (
    Metric("hashyard_controller_build_info", "info", "Version of the controller; 1.", ("python", "version")),
    Metric(
        "hashyard_controller_address_info",
        "info",
        "Where people reach the controller, for links to it: --public-url, else where it listens; absent where it "
        "listens everywhere and --public-url does not say; 1.",
        ("url",),
    ),
    Metric(
        "hashyard_controller_schedule_last_run_timestamp_seconds",
        "gauge",
        "When the controller last looked at what should be; absent before the first time.",
    ),
    Metric("hashyard_controller_events_written_total", "counter", "Events written to the record."),
    Metric(
        "hashyard_controller_event_write_failures_total",
        "counter",
        "Events that could not be written to the record at once.",
    ),
    Metric(
        "hashyard_controller_config_last_reload_successful",
        "gauge",
        "1 if the inventory on disk is the one in use, 0 if it was refused and the last good one is.",
    ),
    Metric(
        "hashyard_controller_config_last_reload_success_timestamp_seconds",
        "gauge",
        "When an inventory was last taken into use.",
    ),
    Metric("hashyard_controller_holds", "gauge", "Holds in force, of containers and of everything."),
    Metric(
        "hashyard_controller_held", "gauge", "1 while a hold stops all writing everywhere, 0 if none does."
    ),
    Metric(
        "hashyard_controller_doubts",
        "gauge",
        "Reasons for which nothing is written to any miner now; 0 if none stands against it.",
    ),
    Metric(
        "hashyard_controller_clock_synchronised",
        "gauge",
        "1 if the machine's clock is kept in time, 0 if it is known not to be; absent where that is not known.",
    ),
    Metric(
        "hashyard_controller_exporter_up",
        "gauge",
        "1 if the exporter answered the controller's last question, 0 if not.",
        ("exporter",),
    ),
    Metric(
        "hashyard_controller_gateway_requests_total",
        "counter",
        "Requests to the clients' query gateway that were answered, by the status of HTTP.",
        ("code",),
    ),
    Metric(
        "hashyard_controller_ledger_booked_until_timestamp_seconds",
        "gauge",
        "Up to when the hours of a container are in the books; absent before the first.",
        ("client", "container"),
    ),
    Metric(
        "hashyard_controller_ledger_hours_booked_total", "counter", "Hours of containers that were booked."
    ),
    Metric(
        "hashyard_controller_ledger_failures_total",
        "counter",
        "Times that keeping the books ended with a mistake, Prometheus away included.",
    ),
)
"""The controller's own, beside the `process_` and `python_` ones of prometheus_client."""

_SECTIONS = (
    (
        "Miners",
        (
            "Labels `container`, `miner` and, where the container belongs to one, `client`, beside those in the table. "
            "A container under `control: observe` has no order, so its miners have no `desired` series."
        ),
        MINER,
    ),
    (
        "Containers",
        (
            "Labels `container` and, where it belongs to one, `client`, beside those in the table. "
            f"`control` is one of {', '.join(CONTROLS)}; `action` one of {', '.join(map(action_name, ACTIONS))}; "
            f"`status` one of {', '.join(STATUSES)}. Commands are counted from 0 for each of them. "
            f"The buckets end at {', '.join(f'{bucket:g}' for bucket in DURATION_BUCKETS_S)} seconds."
        ),
        CONTAINER,
    ),
    (
        "The controller itself",
        "The `process_` and `python_` series of prometheus_client stand beside them.",
        OWN,
    ),
)


def as_markdown() -> str:
    """Return the text of `docs/metrics-controller.md`."""
    lines = [
        "# Metrics of the controller",
        "",
        (
            "Generated from the table in `controller/metrics.py` by `python -m controller.metrics "
            "docs/metrics-controller.md`; a test says when it is stale. The controller serves them on `/metrics`, once "
            "its orders are loaded: before that it answers 503, since a page without an order would read as none given. "
            "Base units are in the names. Not known is absent, never 0."
        ),
    ]
    for title, words, metrics in _SECTIONS:
        lines += [
            "",
            f"## {title}",
            "",
            words,
            "",
            "| metric | type | labels | meaning |",
            "|---|---|---|---|",
        ]
        for metric in metrics:
            labels = ", ".join(f"`{label}`" for label in metric.labels) or "–"
            lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.help} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(as_markdown(), encoding="utf-8")
