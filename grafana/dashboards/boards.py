"""Boards & thermals: which boards of a container die, and is it heat? For the technician."""

import math

from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import annotations, colours, links, looks, queries, variables
from grafana.panels import graph, stat
from grafana.queries import CONTAINER as C
from grafana.queries import container, counted, over_time, rows
from grafana.scatters import scatter
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, matrix, table

CHIP = container('sensor="chip_max"')
INLET = container('sensor="inlet"')
FANS = container('fan!="psu"')
BOARD_HEAT = container('sensor=~"chip_max|board"')

HEAT = colours.steps(
    (None, "semi-dark-blue"),
    (40, "light-blue"),
    (60, "super-light-orange"),
    (70, "light-orange"),
    (80, "orange"),
    (88, "dark-orange"),
    (95, "dark-red"),
)
"""Colours of a chip's temperature: cold and idle blue, at work orange, where models have their limits red."""

READ = f"container:miner_state:sum{C}"
"""There where miners say something, and recorded beside what is counted here: a count that finds nothing is nought then."""

NOT_KNOWN = -1
"""Stands in a table's row that has no miner: nobody answers, so what is wrong is not known."""
UNKNOWN_WORDS = colours.values({NOT_KNOWN: ("not known", colours.YELLOW)})

UNKNOWN = (
    f"max by (miner) (miner_up{C}) * NaN"
    f' or label_replace({queries.not_answering(C, math.nan)}, "miner", "all of them", "", "")'
)
"""No point: without a figure for anybody, Grafana would call the chart an error."""

BELOW = 0.9
"""A board's own hash rate still wavers by some percent over 15 minutes; a failing chip row costs more."""

SHARE = (
    f"avg_over_time(miner_board_hashrate_hashes_per_second{C}[15m])"
    " / on (container, miner) group_left ()"
    f" (miner:expected_hashrate_hashes_per_second:max{C} / on (container, miner) miner_expected_boards{C} > 0)"
    f" < {BELOW} unless on (container, miner) miner:settling:bool{C}"
)
"""What a board gives of its share of what is expected from its miner, where it is too little."""

CHIPS_MISSING = f"miner_board_expected_chips{C} - on (container, miner, board) miner_board_chips{C} > 0"


def dashboard() -> Dashboard:
    """Give the dashboard of one container's boards and temperatures."""
    return skeleton(
        "hashyard-boards",
        "Boards & thermals",
        "Which boards die, and is it heat?",
        Section(None, _figures()),
        Section("Where is it hot?", _heat()),
        Section("Which boards?", _boards()),
        Section("Who has no place on the map?", _unplaced(), collapsed=True),
        variables=[variables.container()],
        annotations=[annotations.profile_changes(C)],
    )


def _figures() -> Panels:
    return [
        stat(
            "Boards missing",
            "Boards that the miners that hash should have and do not show. Miners that do not hash are left out: asleep,"
            " some firmware hides its boards.",
            over_time(counted(f"sum(container:boards_missing:sum{C})", READ), "boards"),
            unit="locale",
            width=8,
            decimals=0,
            thresholds=colours.steps((None, colours.PLAIN), (1, colours.YELLOW)),
            no_value="Not known",
        ),
        stat(
            "Miners that lack chips",
            "Miners that hash and find fewer chips than their boards have when they are whole.",
            over_time(counted(f"sum(container:miners_with_chips_missing:count{C})", READ), "miners"),
            unit="locale",
            width=8,
            decimals=0,
            colour=colours.CHIP,
            no_value="Not known",
        ),
        stat(
            "Hottest chip",
            "The hottest chip of the container. Limits differ by model, so it is judged under Too hot.",
            over_time(f"max(container:temperature_celsius:max{CHIP})", "hottest"),
            unit="celsius",
            width=8,
            decimals=0,
            colour=colours.CHIP,
            no_value="Not known",
        ),
        stat(
            "Air that comes in",
            "Mean of the inlet sensors of the miners that have one: the air, or the water, that reaches them.",
            over_time(f"avg(container:temperature_celsius:avg{INLET})", "inlet"),
            unit="celsius",
            width=8,
            decimals=1,
            colour=colours.INLET,
            no_value="Not known",
        ),
        stat(
            "Too hot",
            "Share of the miners that answer with a sensor at or over the limit of its model. Red from a tenth on: then it"
            " is the container's air, not one miner's.",
            over_time(
                f"max(container:over_temperature:ratio{C}) or {queries.answering(C)}",
                "too hot",
            ),
            unit="percentunit",
            width=8,
            decimals=1,
            thresholds=colours.high(yellow=0.0001, red=0.1),
            no_value="Not known",
        ),
        stat(
            "Errors in 30 min",
            "Hardware errors: the sum over the miners that count them. Some are normal; many more than yesterday are not.",
            over_time(
                f"sum({queries.where_answering(f'container:hardware_errors:increase30m{C}', C)})", "errors"
            ),
            unit="locale",
            width=8,
            decimals=0,
            colour=colours.GREY,
            no_value="Not known",
        ),
    ]


def _heat() -> Panels:
    chips = f"max by (container, miner) (miner_temperature_celsius{CHIP})"
    return [
        matrix(
            "Hottest chip by position, °C",
            "A cell a miner, where it stands: rows down, columns across. Its hottest chip: blue to 60 °C, orange, and"
            " red from 95 °C on. An empty cell has no miner, or one that does not answer or does not tell the heat of its chips.",
            rows(f"{chips} * {queries.positions(C)}"),
            unit="none",
            width=16,
            height=10,
            decimals=0,
            thresholds=HEAT,
            links=[links.miner_at_position()],
        ),
        graph(
            "How hot the chips are",
            "Hottest chip of each miner that answers: the middle miner, and between which temperatures nine of ten are."
            " Dashed: the lowest limit of the models here.",
            over_time(
                f"quantile(0.95, miner_temperature_celsius{CHIP})", "95 %", looks.Look("orange", width=1)
            ),
            over_time(f"quantile(0.5, miner_temperature_celsius{CHIP})", "half", looks.CHIP),
            over_time(
                f"quantile(0.05, miner_temperature_celsius{CHIP})",
                "5 %",
                looks.Look("light-orange", width=1, fill=0),
            ),
            over_time(f"min(miner_temperature_limit_celsius{CHIP})", "limit", looks.LIMIT),
            unit="celsius",
            width=8,
            height=10,
            least=None,
            links=[
                links.board(
                    "hashyard-container", "Open the container", container="${container:percentencode}"
                )
            ],
        ).override_by_name(
            "95 %",
            [
                DynamicConfigValue(id_val="custom.fillBelowTo", value="5 %"),
                DynamicConfigValue(id_val="custom.fillOpacity", value=18),
            ],
        ),
        scatter(
            "Fans against chips",
            "A point a miner, now: its fastest fan and its hottest chip, supplies' fans left out. Who is hot with fast"
            " fans among cooler ones is clogged; who is hot with slow fans has a fan to change. No point is drawn for a miner without fans.",
            rows(f"max by (miner) (miner_fan_speed_rpm{FANS}) or {UNKNOWN}"),
            rows(f"max by (miner) (miner_temperature_celsius{CHIP}) or {UNKNOWN}"),
            key="miner",
            x_title="Fan",
            y_title="Hottest chip",
            x_unit="rotrpm",
            y_unit="celsius",
            width=12,
            height=9,
            no_value="No miner that answers here has both fans and chip sensors",
            links=[links.miner_in_this_container()],
        ),
        _too_hot(),
    ]


def _too_hot() -> tables.Panel:
    limit = f"(miner_temperature_limit_celsius{C} and on (container, miner, sensor) miner:over_temperature_celsius:max{C})"
    return table(
        "At or over the limit",
        "A row a sensor that is at or over the warning limit of its miner's model, or of the container.",
        Label("miner", "Miner", links=[links.miner_in_this_container()]),
        Label("sensor", "Sensor"),
        Value(
            "Now",
            f'label_join(miner:over_temperature_celsius:max{C}, "spot", "/", "miner", "sensor") or {_unknown("spot")}',
            "celsius",
            1,
            shown="text",
            mappings=UNKNOWN_WORDS,
            thresholds=colours.steps((None, colours.RED)),
        ),
        Value("Limit", f'sum by (spot) (label_join({limit}, "spot", "/", "miner", "sensor"))', "celsius", 0),
        key="spot",
        width=12,
        height=9,
        sort=("Now", True),
        no_value="No sensor is known to be too hot",
    )


def _boards() -> Panels:
    worst = f"bottomk(50, {SHARE})"
    most_missing = f"topk(50, {CHIPS_MISSING})"

    def of_the_worst(expression: str) -> str:
        return _by_slot(f"{expression} and on (container, miner, board) {worst}")

    return [
        table(
            "Boards below the rest",
            "The fifty boards that give the least of their part of what is expected from their miner, mean of 15 minutes,"
            " where it is under 90 %. Left out: miners that are ordered off, and those whose order or start is younger"
            " than 30 minutes. Boards are numbered as the miner numbers them.",
            Label("miner", "Miner", links=[links.miner_in_this_container()]),
            Label("board", "Board"),
            Value(
                "Of its part",
                f'label_join({worst}, "slot", "/", "miner", "board") or {_unknown("slot")}',
                "percentunit",
                0,
                shown="bar",
                mappings=UNKNOWN_WORDS,
                least=0,
                most=1,
                thresholds=colours.steps((None, colours.RED), (0.85, colours.YELLOW)),
                width=170,
            ),
            Value("Hash rate", of_the_worst(f"miner_board_hashrate_hashes_per_second{C}"), "Hs", 1),
            Value(
                "Hottest",
                of_the_worst(
                    f"max by (container, miner, board) (miner_board_temperature_celsius{BOARD_HEAT})"
                ),
                "celsius",
                0,
            ),
            Value("Chips", of_the_worst(f"miner_board_chips{C}"), "locale", 0),
            Value("of", of_the_worst(f"miner_board_expected_chips{C}"), "locale", 0),
            Value("Frequency", of_the_worst(f"miner_board_frequency_hertz{C}"), "hertz", 0),
            Value(
                "Errors in 1 h",
                of_the_worst(f"increase(miner_board_hardware_errors_total{C}[1h])"),
                "locale",
                0,
            ),
            key="slot",
            height=9,
            sort=("Of its part", False),
            no_value="No settled board is known to give too little",
        ),
        table(
            "Miners that lack boards",
            "Miners that answer and show fewer boards than they have when they are whole, also while they do not hash.",
            Label("miner", "Miner", links=[links.miner_in_this_container()]),
            Value(
                "Missing",
                f"max by (miner) (miner_expected_boards{C} - on (container, miner) miner_boards{C} > 0)"
                f" or {_unknown('miner')}",
                "locale",
                0,
                shown="text",
                mappings=UNKNOWN_WORDS,
                thresholds=colours.steps((None, colours.RED)),
            ),
            Value(
                "Found",
                f"max by (miner) (miner_boards{C} < on (container, miner) miner_expected_boards{C})",
                "locale",
                0,
            ),
            key="miner",
            width=10,
            height=7,
            sort=("Missing", True),
            no_value="No board is known to be missing",
        ),
        table(
            "Chips missing",
            "The fifty boards that lack the most chips. Boards that are missing as a whole are not here.",
            Label("miner", "Miner", links=[links.miner_in_this_container()]),
            Label("board", "Board"),
            Value(
                "Missing",
                f'label_join({most_missing}, "slot", "/", "miner", "board") or {_unknown("slot")}',
                "locale",
                0,
                shown="text",
                mappings=UNKNOWN_WORDS,
                thresholds=colours.steps((None, colours.RED)),
            ),
            Value(
                "Found",
                _by_slot(f"miner_board_chips{C} and on (container, miner, board) {most_missing}"),
                "locale",
                0,
            ),
            key="slot",
            width=14,
            height=7,
            sort=("Missing", True),
            no_value="No chip is known to be missing",
        ),
    ]


def _unknown(key: str) -> str:
    """Give the row that stands for all miners in a table joined by `key`, while none of them answers."""
    row = f'label_replace({queries.not_answering(C, NOT_KNOWN)}, "miner", "all of them", "", "")'
    return row if key == "miner" else f'label_replace({row}, "{key}", "all", "", "")'


def _by_slot(expression: str) -> str:
    """Name each board's row by one label, `slot`, by which the columns are joined."""
    return f'sum by (slot) (label_join({expression}, "slot", "/", "miner", "board"))'


def _unplaced() -> Panels:
    without = queries.matching(C, 'row=""')
    return [
        table(
            "Miners without a position",
            "Miners for which the inventory gives neither row nor column, so the map cannot show them: their hottest chip,"
            " empty where they do not tell it.",
            Label("miner", "Miner", links=[links.miner_in_this_container()]),
            Value("Inventory", f"max by (miner) (miner_inventory_info{without})", "locale", 0),
            Value(
                "Hottest chip",
                f"max by (miner) (miner_temperature_celsius{CHIP}"
                f" and on (container, miner) miner_inventory_info{without})",
                "celsius",
                0,
            ),
            key="miner",
            height=9,
            sort=("Hottest chip", True),
            no_value="No miner without a position is seen",
        )
    ]
