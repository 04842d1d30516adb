"""Control: did the fleet follow the clock? For the administrator, and the wall."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import annotations, colours, figures, links, looks, variables
from grafana.panels import graph, stat, timeline
from grafana.queries import CONTAINERS as C
from grafana.queries import containers, counted, now, over_time
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

MEASURED = containers('source="measured"')
ESTIMATED = containers('source="estimated"')
ENFORCED = containers('control="enforce"')
NOT_CONFIRMED = containers('status!~"applied|unchanged"')

UNDER_ORDERS = (
    f"(sum(hashyard_controller_container_miners{C}"
    f" and on (container) hashyard_controller_container_control{ENFORCED} == 1)"
    f" or sum(hashyard_controller_container_miners{C}) * 0)"
)
"""Miners of the containers that the controller runs; a nought where it runs none, nothing where it does not answer."""

SIZE = 36
"""Size in px of a word, or of a figure without a sparkline: Grafana would fill the panel with it."""

HEARD = f"hashyard_controller_container_miners{C}"
"""There for each container that the controller tells of."""

ONLY_WATCHED, NO_ORDER_KNOWN = -1, -2
"""Stand for the share of power that is ordered of a container, where none is."""

NEVER = -1
"""Stands for a share of power that was never ordered, or never confirmed: what is empty would not be shown at all."""

UNHEARD = -2
"""Stands in a row without a miner: the controller told of the container within the hour, and does not now."""

OUTCOMES = {
    "applied": colours.GREEN,
    "unchanged": "super-light-green",
    "accepted_unverified": "yellow",
    "refused": "dark-orange",
    "auth_failed": colours.RED,
    "unsupported": colours.GREY,
    "unreachable": "orange",
}


def dashboard() -> Dashboard:
    """Give the dashboard of orders, and of what became of them."""
    return skeleton(
        "hashyard-control",
        "Control",
        "Did the fleet follow the clock?",
        Section(None, _figures()),
        Section("Did power follow?", _power()),
        Section("Who did not follow?", _followers()),
        Section("How well do commands work?", _commands()),
        variables=[variables.containers()],
        annotations=[annotations.profile_changes(C)],
        span="now-24h",
    )


def _figures() -> Panels:
    return [
        stat(
            "Power now",
            "Sum over the miners that answer and tell their power, measured and estimated.",
            over_time(f"sum(container:power_watts:sum{C})", "power"),
            unit="watt",
            decimals=1,
            colour=colours.POWER,
            no_value=figures.NOT_KNOWN,
        ),
        stat(
            "Target now",
            "Nominal power of every miner × the share of it that is ordered; without an order, a miner that is awake is"
            " wanted at 100 %. Miners whose nominal power is not known are left out.",
            over_time(f"sum(container:desired_power_watts:sum{C})", "target"),
            unit="watt",
            decimals=1,
            colour=colours.GREY,
            no_value=figures.NOT_KNOWN,
        ),
        figures.next_change_stat(
            containers, "The next change of a schedule, the nearest of the containers chosen."
        ),
        stat(
            "Did not follow",
            "Miners that took an order and do not show it although the time for it is over. Red from 1 % of the miners"
            " under orders on. Miners on their way, and those that refuse, are in the table below.",
            over_time(f"sum(hashyard_controller_container_drifting_miners{C})", "miners"),
            unit="locale",
            decimals=0,
            thresholds=colours.percent_steps((None, colours.PLAIN), (1, colours.RED)),
            maximum=over_time(f"{UNDER_ORDERS} > 0", "of"),
            size=SIZE,
            no_value=figures.NOT_KNOWN,
        ),
        stat(
            "Under orders",
            "Miners of the containers that the controller runs (control: enforce). The others are only watched.",
            over_time(UNDER_ORDERS, "miners"),
            unit="locale",
            decimals=0,
            colour=colours.GREY,
            no_value=figures.NOT_KNOWN,
        ),
        stat(
            "Not confirmed in 1 h",
            "Commands of the last hour that were refused, not answered, not possible, or not seen to be done. Yellow from a"
            " tenth of all commands on.",
            now(
                f"({counted(f'sum(increase(hashyard_controller_commands_total{NOT_CONFIRMED}[1h]))', HEARD)})"
                f" and on () count({HEARD})",
                "commands",
            ),
            unit="locale",
            decimals=0,
            thresholds=colours.percent_steps((None, colours.PLAIN), (10, colours.YELLOW)),
            maximum=now(f"sum(increase(hashyard_controller_commands_total{C}[1h])) > 0", "of"),
            size=SIZE,
            no_value=figures.NOT_KNOWN,
        ),
        stat(
            "In service",
            "Miners that a person works on: nothing is written to them, and their alerts are off.",
            over_time(f"sum(hashyard_controller_container_service_miners{C})", "miners"),
            unit="locale",
            decimals=0,
            colour=colours.GREY,
            no_value=figures.NOT_KNOWN,
        ),
        stat(
            "Writing",
            "Whether a hold stops all writing to one of the containers chosen, or everywhere.",
            now(f"max(hashyard_controller_container_held{C} or hashyard_controller_held)", "hold"),
            unit="none",
            mappings=colours.values({0: ("Allowed", colours.PLAIN), 1: ("Held", colours.YELLOW)}),
            size=SIZE,
            no_value=figures.NOT_KNOWN,
        ),
    ]


def _power() -> Panels:
    limit = f"sum(container_power_limit_watts{C}) and count(container_power_limit_watts{C}) == count(container_miners{C})"
    ordered = (
        f"round(max by (container) (container:desired_power_watts:sum{C} / container:nominal_power_watts:sum{C}"
        f" and on (container) container:desired_since_timestamp_seconds:max{C}), 0.05)"
        f" or max by (container) (hashyard_controller_container_control{ENFORCED} == 0) + {ONLY_WATCHED}"
        f" or max by (container) (container:miner_up:sum{C}) * 0 + {NO_ORDER_KNOWN}"
    )
    return [
        graph(
            "Power against target",
            "Sum over the miners that answer, estimated figures paler, upon the measured ones. Dashed: what the orders come"
            " to. Red: what the feeds may carry, where every container chosen has a limit.",
            over_time(f"sum(container:power_watts:sum{MEASURED})", "measured", looks.MEASURED),
            over_time(f"sum(container:power_watts:sum{ESTIMATED})", "estimated", looks.ESTIMATED),
            over_time(f"sum(container:desired_power_watts:sum{C})", "target", looks.TARGET),
            over_time(limit, "limit", looks.LIMIT),
            unit="watt",
            width=24,
            height=10,
            stacked=True,
        ),
        timeline(
            "What was ordered",
            "A row a container: the power ordered of its miners ÷ their nominal power, by twentieths. Named by"
            " it: under 1 % curtail, under 90 % underclock, over 105 % overclock. Containers that are only watched"
            " have no order; while the controller is away, none is known.",
            over_time(ordered, "{{container}}"),
            unit="percentunit",
            mappings=[
                *colours.values(
                    {
                        ONLY_WATCHED: ("only watched", colours.GREY),
                        NO_ORDER_KNOWN: ("no order known", "light-yellow"),
                    }
                ),
                *colours.profile_words(),
            ],
            height=8,
            no_value="Nothing was recorded in this time",
            links=[links.container_of_series()],
        ),
    ]


def _followers() -> Panels:
    desired = f"hashyard_controller_desired_power_ratio{C}"
    applied = f"hashyard_controller_applied_power_ratio{C}"
    not_as_ordered = (
        f"topk(50, {desired} unless on (container, miner) ({applied} == on (container, miner) {desired}))"
    )
    confirmed_otherwise = (
        f"({applied} or {desired} * 0 + {NEVER} unless on (container, miner) {applied})"
        f" and on (container, miner) {not_as_ordered}"
    )
    unheard = (
        f"max by (container) (last_over_time({HEARD}[1h])) * 0 + {UNHEARD} unless on (container) {HEARD}"
    )
    ordered = f"count by (container, profile) (hashyard_controller_desired_profile_info{C})"
    confirmed = f"count by (container, profile) (hashyard_controller_applied_profile_info{C})"
    return [
        table(
            "Ordered and confirmed",
            "Miners by profile: of how many it is ordered, and of how many it was confirmed by reading back. The two are"
            " equal once everybody has followed.",
            Label("container", "Container", links=[links.container_of_cell()]),
            Label(
                "profile",
                "Profile",
                coloured="text",
                mappings=colours.values({name: (name, colour) for name, colour in colours.PROFILES.items()}),
            ),
            Value(
                "Ordered",
                f'label_join({ordered} or {confirmed} * 0, "order", "/", "container", "profile")',
                "locale",
                0,
            ),
            Value(
                "Confirmed",
                f'sum by (order) (label_join({confirmed}, "order", "/", "container", "profile"))',
                "locale",
                0,
            ),
            key="order",
            width=12,
            height=9,
            sort=("Container", False),
            no_value="No order of any of these miners is known",
        ),
        table(
            "Not as ordered",
            "Up to fifty miners whose confirmed share of nominal power is another than the ordered one; never: nothing was"
            " ever confirmed. Right after a change, miners on their way are here too. A row without a miner: the controller told"
            " of the container within the hour and does not now.",
            Label(
                "miner", "Miner", links=[links.miner_of_cell(), links.controller_page_of_cell()], width=110
            ),
            Value(
                "Ordered",
                f'label_join({not_as_ordered} or {unheard}, "place", "/", "container", "miner")',
                "percentunit",
                0,
                mappings=colours.values({UNHEARD: ("not known", colours.YELLOW)}),
            ),
            Value(
                "Confirmed",
                f'sum by (place) (label_join({confirmed_otherwise}, "place", "/", "container", "miner"))',
                "percentunit",
                0,
                shown="text",
                mappings=colours.values({NEVER: ("never", colours.YELLOW)}),
            ),
            Label("container", "Container", links=[links.container_of_cell()]),
            key="place",
            width=12,
            height=9,
            sort=("Miner", False),
            no_value="No miner is known to do otherwise than ordered",
        ),
    ]


def _commands() -> Panels:
    return [
        graph(
            "Commands by outcome",
            "Commands to miners that ended, by what came of them, in steps of ten minutes or more. Applied and unchanged"
            " are good; accepted_unverified was not seen to be done.",
            over_time(
                f"sum by (status) (increase(hashyard_controller_commands_total{C}[$__rate_interval])) > 0",
                "{{status}}",
            ),
            unit="locale",
            decimals=0,
            stacked=True,
            bars=True,
            named=OUTCOMES,
            interval="10m",
            no_value="No command is on record in this time",
        ),
        graph(
            "Time to confirm",
            "From the order to the read-back, whatever the outcome: half of the commands were quicker than the lower line,"
            " 95 % than the upper.",
            *(
                over_time(
                    f"histogram_quantile({quantile}, sum by (le)"
                    f" (rate(hashyard_controller_command_duration_seconds_bucket{C}[$__rate_interval]))) >= 0",
                    legend,
                    look,
                )
                for quantile, legend, look in (
                    (0.95, "95 %", looks.Look("light-purple", width=2, fill=8)),
                    (0.5, "half", looks.Look("semi-dark-purple", width=2, fill=0)),
                )
            ),
            unit="s",
            interval="10m",
            no_value="No command is on record in this time",
        ),
    ]
