"""The one table of the metrics that the exporter serves: name, kind, labels and meaning of each.

The renderer follows its order, the pages take their headers from it, and `docs/metrics.md` is generated from it:
`python -m exporter.metrics docs/metrics.md`.
"""

import sys
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from miners.model import FAILURE_REASONS, STATES

Kind: TypeAlias = Literal["gauge", "counter", "info", "histogram"]

RESULTS = ("accepted", "rejected", "stale")
"""Values of the label `result` on shares."""

DURATION_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the buckets of `hashyard_exporter_poll_duration_seconds`."""


class Metric(msgspec.Struct, frozen=True):
    """One metric. `name` is the name of its series, with `_total` and `_info`; `labels` are those beside the usual.

    The usual ones are `container`, `miner` and, where the container belongs to one, `client` on what begins with
    `miner_`; `container` and `client` on what begins with `container_`; none on the exporter's own.
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


KNOWN = (
    Metric(
        "miner_inventory_info",
        "info",
        "What the inventory says of the miner, and what its model hashes, by which alone hash rates may be added; 1, also "
        "while it is down.",
        ("address", "algorithm", "manufacturer", "model", "row", "column"),
    ),
    Metric("miner_poll_failures_total", "counter", "Polls that gave no reading.", ("reason",)),
    Metric(
        "miner_nominal_hashrate_hashes_per_second",
        "gauge",
        "Hash rate of all boards at 100 percent: the inventory's figure, else the highest that this device has "
        "reported, else the model table's.",
    ),
    Metric(
        "miner_nominal_power_watts",
        "gauge",
        "Power at the wall at 100 percent: the inventory's figure, else the model table's.",
    ),
    Metric(
        "miner_temperature_limit_celsius",
        "gauge",
        "Temperature that calls for a warning: the container's limit, else the model table's.",
        ("sensor",),
    ),
)
"""What the exporter knows of a miner; it stays while the miner does not answer, and seldom changes."""

SAID = (
    Metric(
        "miner_info",
        "info",
        "Who the miner says it is; 1.",
        (
            "address",
            "manufacturer",
            "model",
            "algorithm",
            "firmware",
            "firmware_version",
            "mac",
            "serial",
            "driver",
            "position",
        ),
    ),
    Metric("miner_pool_info", "info", "A configured pool; 1.", ("pool", "url", "user")),
    Metric(
        "miner_pool_allowed",
        "gauge",
        "1 if the pool's url and user are in the inventory's list, 0 if not; absent without a list.",
        ("pool",),
    ),
)
"""What a miner says of itself that seldom changes from poll to poll."""

COUNTED = (
    Metric("miner_up", "gauge", "1 if the last poll gave a reading, 0 if not."),
    Metric(
        "miner_last_seen_timestamp_seconds", "gauge", "When the latest reading was taken; absent for never."
    ),
    Metric(
        "miner_observed_seconds_total",
        "counter",
        "Time covered by readings: the time over which energy was integrated.",
    ),
    Metric(
        "miner_energy_joules_total",
        "counter",
        "Energy, integrated by the exporter over the time it has readings for.",
        ("source",),
    ),
)
"""What the exporter counts of a miner with each poll; it stays while the miner does not answer."""

READ = (
    Metric("miner_state", "gauge", "1 for the state that the miner is in, 0 for the others.", ("state",)),
    Metric("miner_poll_duration_seconds", "gauge", "How long the latest reading took."),
    Metric(
        "miner_uptime_seconds", "gauge", "Time since the miner's system started, else since mining started."
    ),
    Metric("miner_hashrate_hashes_per_second", "gauge", "Hash rate now, as the miner reports it."),
    Metric("miner_hashrate_average_hashes_per_second", "gauge", "Mean hash rate since mining started."),
    Metric("miner_hashes_total", "counter", "Hashes computed, as the miner counts them."),
    Metric("miner_power_watts", "gauge", "Power at the wall now.", ("source",)),
    Metric("miner_power_limit_watts", "gauge", "Power limit set on the miner."),
    Metric("miner_temperature_celsius", "gauge", "Temperature of the whole miner, by sensor.", ("sensor",)),
    Metric(
        "miner_fan_speed_rpm",
        "gauge",
        "Speed of a fan in revolutions per minute; fan psu is the supply's.",
        ("fan",),
    ),
    Metric("miner_fan_duty_ratio", "gauge", "Share of full speed that the fans are ordered to."),
    Metric("miner_board_hashrate_hashes_per_second", "gauge", "Hash rate of a board now.", ("board",)),
    Metric(
        "miner_board_nominal_hashrate_hashes_per_second",
        "gauge",
        "Nominal hash rate of a board, as reported.",
        ("board",),
    ),
    Metric(
        "miner_board_temperature_celsius", "gauge", "Temperature of a board, by sensor.", ("board", "sensor")
    ),
    Metric("miner_board_chips", "gauge", "Chips that the miner finds on a board.", ("board",)),
    Metric("miner_board_expected_chips", "gauge", "Chips that a board has when it is whole.", ("board",)),
    Metric("miner_board_frequency_hertz", "gauge", "Clock of a board's chips.", ("board",)),
    Metric("miner_board_voltage_volts", "gauge", "Voltage of a board.", ("board",)),
    Metric(
        "miner_board_hardware_errors_total",
        "counter",
        "Hardware errors of a board, as the miner counts them.",
        ("board",),
    ),
    Metric("miner_boards", "gauge", "Boards that are there."),
    Metric("miner_expected_boards", "gauge", "Boards of a whole miner."),
    Metric("miner_shares_total", "counter", "Shares, as the miner counts them.", ("result",)),
    Metric("miner_hardware_errors_total", "counter", "Hardware errors, as the miner counts them."),
    Metric("miner_pool_switches_total", "counter", "Changes of the active pool that the exporter has seen."),
    Metric("miner_pool_up", "gauge", "1 if the miner holds the pool for alive, 0 if not.", ("pool",)),
    Metric("miner_pool_active", "gauge", "1 for the pool that gets the work, 0 for the others.", ("pool",)),
    Metric(
        "miner_pool_shares_total",
        "counter",
        "Shares by pool, as the miner counts them.",
        ("pool", "result"),
    ),
    Metric(
        "miner_pool_last_share_timestamp_seconds",
        "gauge",
        "When the latest share went to the pool; absent for never.",
        ("pool",),
    ),
    Metric("miner_fault", "gauge", "1 while the miner reports the fault.", ("code",)),
)
"""Readings of a miner; they vanish when a poll fails."""

MINER = KNOWN + SAID + COUNTED + READ
"""Every metric of a miner, in the order of a page."""

CONTAINER = (
    Metric(
        "container_info", "info", "A container of the inventory; 1.", ("location", "description", "timezone")
    ),
    Metric("container_miners", "gauge", "Miners of the inventory that are to be polled."),
    Metric(
        "container_alert_hashrate_min_ratio",
        "gauge",
        "Limit for alerts: share of the expected hash rate that a miner must reach.",
    ),
    Metric(
        "container_alert_reject_max_ratio",
        "gauge",
        "Limit for alerts: share of rejected and stale shares.",
    ),
    Metric(
        "container_alert_down_max_ratio",
        "gauge",
        "Limit for alerts: share of miners that do not answer.",
    ),
    Metric("container_power_limit_watts", "gauge", "What the feed may carry; absent if not given."),
    Metric(
        "container_energy_price_per_kilowatt_hour",
        "gauge",
        "Price of energy that holds now, in the container's time zone; absent without a tariff.",
        ("currency",),
    ),
)
"""Every metric of a container, in the order of a page; from the inventory, also for miners that never answered."""

OWN = (
    Metric("hashyard_exporter_build_info", "info", "Version of the exporter; 1.", ("version", "python")),
    Metric(
        "hashyard_exporter_poll_interval_seconds",
        "gauge",
        "Interval between two polls of a miner: the shortest of all containers.",
    ),
    Metric(
        "hashyard_exporter_poll_lag_seconds",
        "gauge",
        "How late the latest poll began, or the one that has waited longest, if that is more.",
    ),
    Metric(
        "hashyard_exporter_sweep_duration_seconds",
        "gauge",
        "Time of the latest round: every miner of the shortest interval that does not back off was polled once.",
    ),
    Metric("hashyard_exporter_polls_in_flight", "gauge", "Polls under way."),
    Metric("hashyard_exporter_polls_waiting", "gauge", "Polls that are due and wait for their turn."),
    Metric("hashyard_exporter_miners_backing_off", "gauge", "Miners that are silent and polled less often."),
    Metric("hashyard_exporter_miners_leased", "gauge", "Miners that are leased to the controller."),
    Metric(
        "hashyard_exporter_polls_total",
        "counter",
        "Polls that ended, by result: ok, or the reason of the failure.",
        ("result",),
    ),
    Metric(
        "hashyard_exporter_polls_late_total",
        "counter",
        "Polls that began more than a second after their time.",
    ),
    Metric("hashyard_exporter_poll_duration_seconds", "histogram", "How long polls took, failed ones too."),
    Metric(
        "hashyard_exporter_config_last_reload_successful",
        "gauge",
        "1 if the inventory on disk is the one in use, 0 if it was refused and the last good one is.",
    ),
    Metric(
        "hashyard_exporter_config_last_reload_success_timestamp_seconds",
        "gauge",
        "When an inventory was last taken into use.",
    ),
    Metric(
        "hashyard_exporter_config_reloads_total",
        "counter",
        "Inventories read, by result: ok or refused.",
        ("result",),
    ),
    Metric(
        "hashyard_exporter_event_loop_stall_seconds",
        "gauge",
        "Longest time that the event loop was held up in the last one to two minutes.",
    ),
)
"""The exporter's own metrics, beside the `process_` and `python_` ones of prometheus_client."""

OWN_BY_NAME = {metric.name: metric for metric in OWN}

_SECTIONS = (
    (
        "What the exporter knows of a miner",
        (
            "Labels `container`, `miner` and, where the container belongs to one, `client`, beside those in the table. "
            "These series are there from the first scrape and stay while the miner does not answer. "
            f"`reason` is one of {', '.join(FAILURE_REASONS)}."
        ),
        KNOWN,
    ),
    (
        "What the exporter counts of a miner",
        (
            "These stay as well. `source` is measured or estimated; both begin at 0. Between two readings no further "
            "apart than two and a half poll intervals, each reading stands for the half of the time that is nearer to "
            "it; across a longer gap nothing is counted."
        ),
        COUNTED,
    ),
    (
        "Who the miner says it is",
        "Readings: they vanish when a poll fails.",
        SAID,
    ),
    (
        "Readings of a miner",
        (
            "They vanish when a poll fails, and what the device does not report is not there at all. "
            f"`state` is one of {', '.join(STATES)}; `result` one of {', '.join(RESULTS)}; `sensor` one of inlet, outlet, "
            "board_max, chip_max, chip_avg and psu for a miner, and of inlet, outlet, board, chip_max and chip_avg for a "
            "board. Boards, fans and pools are numbered as the miner numbers them. The counters are the miner's own: its "
            "restart resets them."
        ),
        READ,
    ),
    (
        "Containers",
        "Labels `container` and, where it belongs to one, `client`, beside those in the table. From the inventory.",
        CONTAINER,
    ),
    (
        "The exporter itself",
        (
            "On `/metrics/own`, and at the end of `/metrics` without a container. The `process_` and `python_` "
            "series of prometheus_client stand beside them."
        ),
        OWN,
    ),
)


def as_markdown() -> str:
    """Return the text of `docs/metrics.md`."""
    lines = [
        "# Metrics",
        "",
        (
            "Generated from the table in `exporter/metrics.py` by `python -m exporter.metrics docs/metrics.md`; "
            "a test says when it is stale. Base units are in the names. Not reported is absent, never 0."
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
