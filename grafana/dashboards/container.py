"""Container: what is wrong in this container, and where does it stand? For the administrator."""

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import annotations, colours, figures, links, looks, variables
from grafana.panels import graph, stat
from grafana.queries import CONTAINER as C
from grafana.queries import class_number, container, over_time, positions, rows
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, matrix, table

CHIP = container('sensor="chip_max"')
INLET = container('sensor="inlet"')
OUTLET = container('sensor="outlet"')
MEASURED = container('source="measured"')
ESTIMATED = container('source="estimated"')
EXPECTED = f"(miner:expected_hashrate_hashes_per_second:max{C} > 0)"
SHARE = (
    f"max by (container, miner) ((miner:hashrate_hashes_per_second:avg15m{C} / on (container, miner) {EXPECTED}"
    f" or on (container, miner) {EXPECTED} * 0) and on (container, miner) miner_up{C})"
)
"""Nought for a miner that does not answer, and nothing for one that is not seen: of it a promise may stand and no more."""
LIMIT_OF_THE_HOTTEST = f"min(miner_temperature_limit_celsius{CHIP} and on (container, miner) topk(1, miner_temperature_celsius{CHIP}))"
"""Models in one container have different limits."""
SIGNS = " ".join(f"{sign} {name}" for name, sign in colours.CLASS_SIGNS.items())


def dashboard() -> Dashboard:
    """Give the dashboard of one container."""
    return skeleton(
        "hashyard-container",
        "Container",
        "What is wrong in this container, and where does it stand?",
        Section(None, _figures()),
        Section("Is it doing what it should?", _course()),
        Section("Where?", _map()),
        Section("Which miners?", [_miners()]),
        Section("Is it the air?", _air(), collapsed=True),
        variables=[variables.container()],
        annotations=[annotations.profile_changes(C), annotations.container_alerts()],
    )


def _figures() -> Panels:
    control = [links.this_container("hashyard-control", "Open Control")]
    return [
        figures.hash_rate_stat(container),
        figures.share_stat(container),
        stat(
            "Power",
            "Power: sum over the miners that answer, measured and estimated. Target: nominal power × what is ordered.",
            over_time(f"sum(container:power_watts:sum{C})", "power"),
            over_time(f"sum(container:desired_power_watts:sum{C})", "target"),
            unit="watt",
            decimals=1,
            colour=colours.POWER,
            no_value=figures.NOT_KNOWN,
            links=control,
        ),
        figures.answering_stat(container),
        figures.efficiency_stat(container),
        figures.not_earning_stat(container),
        stat(
            "Hottest chip",
            "The hottest chip of all miners that report one. Yellow within 5 % of the limit of that miner's model or container,"
            " red at it; without a limit it has no colour.",
            over_time(f"max(container:temperature_celsius:max{CHIP})", "chip"),
            unit="celsius",
            decimals=0,
            thresholds=colours.percent_steps((None, colours.PLAIN), (95, colours.YELLOW), (100, colours.RED)),
            maximum=over_time(LIMIT_OF_THE_HOTTEST, "limit"),
            no_value=figures.NOT_KNOWN,
            links=[links.this_container("hashyard-boards", "Open Boards & thermals")],
        ),
        figures.next_change_stat(
            container, "When the schedule changes the container's profile next.", control
        ),
    ]


def _course() -> Panels:
    return [
        figures.hash_rate_graph(container, width=12),
        graph(
            "Power and target",
            "Measured and estimated power of the miners that answer, stacked; dashed: what was ordered; red: what the feed"
            " may carry, where the inventory says so.",
            over_time(f"sum(container:power_watts:sum{MEASURED})", "measured", looks.MEASURED),
            over_time(f"sum(container:power_watts:sum{ESTIMATED})", "estimated", looks.ESTIMATED),
            over_time(f"sum(container:desired_power_watts:sum{C})", "target", looks.TARGET),
            over_time(f"max(container_power_limit_watts{C})", "limit", looks.LIMIT),
            unit="watt",
            height=9,
            stacked=True,
        ),
        figures.class_graph(container, width=24, height=7),
    ]


def _map() -> Panels:
    return [
        matrix(
            "Share of expected, by position",
            "Mean hash rate of 15 minutes ÷ what is expected, a cell a miner where it stands. Nought: it does not answer."
            " A dash: it is ordered off. Miners without a position are in the table below alone.",
            rows(
                f"({SHARE} or on (container, miner) max by (container, miner) (miner_up{C}) * NaN) * {positions(C)}"
            ),
            unit="percentunit",
            decimals=0,
            width=24,
            thresholds=colours.judged_share(),
            links=[links.miner_at_position()],
        ),
        matrix(
            SIGNS,
            f"What each miner's minute is worth, a cell a miner where it stands: {SIGNS}.",
            rows(f"({class_number(C)}) * {positions(C)}"),
            unit="none",
            width=24,
            mappings=colours.class_signs(),
            links=[links.miner_at_position()],
        ),
    ]


def _miners() -> tables.Panel:
    confirmed = f"topk by (miner) (1, max by (miner, profile) (hashyard_controller_applied_profile_info{C}))"
    return table(
        "Miners",
        "Every miner of the container, as it is now; the one furthest below its expected hash rate first. An empty cell is"
        " something that the miner does not say. The ordered and the confirmed profile are the controller's.",
        Label("miner", "Miner", width=96, links=[links.miner_in_this_container()], filterable=True),
        Value(
            "Class",
            f"max by (miner) ({class_number(C)})",
            "none",
            width=110,
            shown="background",
            mappings=colours.class_words(),
            filterable=True,
        ),
        Value(
            "Of expected",
            f"max by (miner) ({SHARE})",
            "percentunit",
            0,
            width=140,
            shown="bar",
            least=0,
            most=1.1,
            thresholds=colours.judged_share(),
        ),
        Value("Hash rate", f"max by (miner) (miner_hashrate_hashes_per_second{C})", "Hs", 1),
        Value("Power", f"sum by (miner) (miner_power_watts{C})", "watt"),
        Value(
            "Ordered",
            f"topk by (miner) (1, max by (miner, profile) (hashyard_controller_desired_profile_info{C}))",
            label="profile",
            filterable=True,
        ),
        Value(
            "Confirmed",
            f'max by (miner, confirmed) (label_replace({confirmed}, "confirmed", "$1", "profile", "(.*)"))',
            label="confirmed",
            width=124,
            filterable=True,
        ),
        Value("Hottest", f"max by (miner) (miner_temperature_celsius{CHIP})", "celsius", 0, width=76),
        Value("Boards", f"max by (miner) (miner_boards{C})", "locale", 0, width=70),
        Value(
            "Fault",
            f"topk by (miner) (1, max by (miner, code) (miner_fault{C}) == 1)",
            label="code",
            filterable=True,
        ),
        Value("Up for", f"max by (miner) (miner_uptime_seconds{C})", "dtdurations", 0),
        Value(
            "Address", f"max by (miner, address) (miner_inventory_info{C})", label="address", filterable=True
        ),
        key="miner",
        height=14,
        sort=("Of expected", False),
        no_value="Not known: no miner of this container is seen",
    )


def _air() -> Panels:
    return [
        graph(
            "Inlet, outlet and chip",
            "Mean of the miners by sensor, the 95th percentile of the hottest chips, and the lowest limit that a warning"
            " is given at.",
            over_time(f"max(container:temperature_celsius:avg{INLET})", "inlet", looks.INLET),
            over_time(f"max(container:temperature_celsius:avg{OUTLET})", "outlet", looks.OUTLET),
            over_time(f"max(container:temperature_celsius:avg{CHIP})", "chip, mean", looks.CHIP),
            over_time(f"quantile(0.95, miner_temperature_celsius{CHIP})", "chip, 95 of 100", looks.CHIP_HIGH),
            over_time(f"min(miner_temperature_limit_celsius{CHIP})", "limit", looks.LIMIT),
            unit="celsius",
            width=24,
            height=10,
            least=None,
            decimals=0,
        )
    ]
