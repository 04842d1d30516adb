"""Miner: what does this one say, and since when? For the administrator and whoever stands before it with a screwdriver."""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import annotations, colours, links, looks, variables
from grafana.panels import graph, stat, timeline
from grafana.queries import MINER as M
from grafana.queries import class_number, container, miner, now, over_time
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

CHIP = miner('sensor="chip_max"')
NOW = f"sum(miner_hashrate_hashes_per_second{M})"
EXPECTED = f"max(miner:expected_hashrate_hashes_per_second:max{M})"
MEASURED = miner('source="measured"')
ESTIMATED = miner('source="estimated"')
SHA = miner('algorithm="SHA-256"')
YES = {1: ("yes", colours.GREEN), 0: ("no", colours.RED)}


def dashboard() -> Dashboard:
    """Give the dashboard of one miner."""
    return skeleton(
        "hashyard-miner",
        "Miner",
        "What does this one miner say, and since when?",
        Section(None, [*_figures(), *_identity()]),
        Section("What happened?", _course()),
        Section("Which board?", _boards()),
        Section("Does its work arrive?", _pools()),
        Section("Does it answer in time, and if not, why?", _polling(), collapsed=True),
        variables=[
            variables.container(),
            variables.position("row"),
            variables.position("column"),
            variables.miner(),
        ],
        annotations=[annotations.profile_changes(container()), *annotations.miner_alerts()],
        span="now-24h",
    )


def _figures() -> Panels:
    controller = [links.controller_page_of_this_miner()]
    return [
        stat(
            "Class",
            "What the present minute is worth: hashing, settling after an order or a start, curtailed by order, asleep"
            " without one, in fault, or unreachable.",
            now(f"max({class_number(M)})", "class"),
            unit="none",
            mappings=colours.class_words(),
            no_value="Not known",
            size=36,
            links=controller,
        ),
        stat(
            "Hash rate",
            "What the miner reports now.",
            over_time(NOW, "hash rate"),
            unit="Hs",
            decimals=1,
            colour=colours.HASH_RATE,
            links=controller,
        ),
        stat(
            "Of expected",
            "Mean hash rate of 15 minutes ÷ what its order promises.",
            over_time(f"max(miner:hashrate_hashes_per_second:avg15m{M}) / ({EXPECTED} > 0)", "of expected"),
            unit="percentunit",
            decimals=0,
            thresholds=colours.low(red=0.85, yellow=0.95),
            no_value="–",
        ),
        stat(
            "Power",
            "At the wall, measured by the miner or estimated; the graph below says which.",
            over_time(f"sum(miner_power_watts{M})", "power"),
            unit="watt",
            decimals=2,
            colour=colours.POWER,
        ),
        stat(
            "Efficiency, J/TH",
            "Joules per terahash now; for algorithms other than SHA-256 the figure is left out.",
            over_time(
                f"sum(miner_power_watts{M}) / ({NOW} > 0) * 1e12 and on () count(miner:algorithm:info{SHA})",
                "J/TH",
            ),
            unit="none",
            decimals=1,
            colour=colours.GREY,
        ),
        stat(
            "Hottest chip",
            "As the miner reports it. Yellow within 5 % of the limit of its model or container, red at it.",
            over_time(f"max(miner_temperature_celsius{CHIP})", "chip"),
            unit="celsius",
            decimals=0,
            thresholds=colours.percent_steps((None, colours.PLAIN), (95, colours.YELLOW), (100, colours.RED)),
            maximum=over_time(f"min(miner_temperature_limit_celsius{CHIP})", "limit"),
        ),
        stat(
            "Boards",
            "Boards that are there; red where one is missing. A sleeping miner may hide them.",
            now(f"max(miner_boards{M})", "there"),
            unit="none",
            decimals=0,
            thresholds=colours.percent_steps((None, colours.RED), (99.9, colours.PLAIN)),
            maximum=now(f"max(miner_expected_boards{M}) or vector(1)", "of"),
        ),
        stat(
            "Up for",
            "Since the miner's system started, or since mining started where it says no more.",
            now(f"max(miner_uptime_seconds{M})", "up for"),
            unit="dtdurations",
            decimals=0,
            size=30,
            no_value="–",
        ),
    ]


def _identity() -> Panels:
    known = "manufacturer, model, algorithm, firmware, firmware_version, mac, serial, driver"
    said = "firmware, firmware_version, mac, serial, driver"
    expression = (
        f"max by (container, miner, address, row, column, {known}) ("
        f"miner_inventory_info{M} * on (container, miner) group_left ({known})"
        f" max by (container, miner, {known}) (miner_info{M})"
        f" or on (container, miner) miner_inventory_info{M})"
    )
    titles: dict[str, tuple[str, int | None]] = {
        "manufacturer": ("Make", 84),
        "model": ("Model", None),
        "algorithm": ("Algorithm", 86),
        "firmware": ("Firmware", None),
        "firmware_version": ("Version", None),
        "mac": ("MAC", 148),
        "serial": ("Serial", 160),
        "driver": ("Read as", 84),
        "row": ("Row", 50),
        "column": ("Column", 70),
    }
    return [
        table(
            "Who it is",
            f"What the miner says of itself ({said.replace('_', ' ')}) beside what the inventory says of it; while it does"
            " not answer, the inventory alone. The address leads to its own page, if it has one.",
            Value("Address", expression, label="address", width=112, links=[links.own_page_of_cell()]),
            *(Label(name, title, width=width) for name, (title, width) in titles.items()),
            height=3,
            no_value="Not known: this miner is not seen",
        )
    ]


def _course() -> Panels:
    return [
        timeline(
            "Class and profile",
            "What each minute was worth, what was ordered, and what the controller last confirmed by reading it back. No"
            " row for the profiles: the controller does not run this miner.",
            over_time(f"max({class_number(M)})", "Class"),
            over_time(f"max(miner:ordered_power_ratio:hold{M})", "Ordered"),
            over_time(f"max(hashyard_controller_applied_power_ratio{M})", "Confirmed"),
            unit="percentunit",
            height=5,
            own_mappings={
                "Class": colours.class_words(),
                "Ordered": colours.profile_words(),
                "Confirmed": colours.profile_words(),
            },
        ),
        graph(
            "Hash rate and what was expected",
            "As the miner reports it; dashed: what its order promises. A gap is a time without an answer.",
            over_time(NOW, "hash rate", looks.HASH_RATE),
            over_time(EXPECTED, "expected", looks.EXPECTED),
            unit="Hs",
            height=9,
        ),
        graph(
            "Power and target",
            "At the wall; dashed: nominal power × what is ordered.",
            over_time(f"sum(miner_power_watts{MEASURED})", "measured", looks.MEASURED),
            over_time(f"sum(miner_power_watts{ESTIMATED})", "estimated", looks.ESTIMATED),
            over_time(
                f"max(miner_nominal_power_watts{M}) * max(miner:desired_power_ratio:max{M})",
                "target",
                looks.TARGET,
            ),
            unit="watt",
            height=9,
        ),
    ]


def _boards() -> Panels:
    def by_board(metric: str, selector: str = M) -> str:
        return f"max by (board) (miner_board_{metric}{selector})"

    return [
        table(
            "Board by board",
            "A row a board, numbered as the miner numbers them. Chips in red: fewer than a whole board has.",
            Label("board", "Board", width=80),
            Value(
                "Of nominal",
                f"{by_board('hashrate_hashes_per_second')}"
                f" / on (board) ({by_board('nominal_hashrate_hashes_per_second')} > 0)",
                "percentunit",
                0,
                width=170,
                shown="bar",
                least=0,
                most=1.1,
                thresholds=colours.judged_share(),
            ),
            Value("Hash rate", by_board("hashrate_hashes_per_second"), "Hs", 1),
            Value("Chips", by_board("chips"), "locale", 0),
            Value("Chips if whole", by_board("expected_chips"), "locale", 0),
            Value(
                "Chips missing",
                f"{by_board('expected_chips')} - on (board) {by_board('chips')}",
                "locale",
                0,
                shown="text",
                thresholds=colours.steps((None, colours.GREY), (1, colours.RED)),
            ),
            Value("Hottest chip", by_board("temperature_celsius", CHIP), "celsius", 0),
            Value("Frequency", by_board("frequency_hertz"), "hertz", 0),
            Value("Voltage", by_board("voltage_volts"), "volt", 1),
            Value(
                "Errors in 1 h",
                f"sum by (board) (increase(miner_board_hardware_errors_total{M}[1h])) and on () miner_up{M} == 1",
                "locale",
                0,
            ),
            key="board",
            height=6,
            sort=("Board", False),
            no_value="No board is reported",
        ),
        _by_board("Hash rate by board", "hashrate_hashes_per_second", "Hs"),
        graph(
            "Temperatures",
            "Every sensor that the miner reports; red: the lowest limit that a warning is given at.",
            over_time(f"max by (sensor) (miner_temperature_celsius{M})", "{{sensor}}"),
            over_time(f"min(miner_temperature_limit_celsius{CHIP})", "limit, chip", looks.LIMIT),
            unit="celsius",
            width=8,
            named={"chip_max": colours.CHIP, "inlet": colours.INLET, "outlet": colours.OUTLET},
            least=None,
            decimals=0,
            no_value="No temperature was reported",
        ),
        graph(
            "Fans",
            "Every fan that the miner reports, by its number; psu is the supply's.",
            over_time(f"max by (fan) (miner_fan_speed_rpm{M})", "fan {{fan}}"),
            unit="rotrpm",
            width=8,
            decimals=0,
            no_value="No fan was reported",
        ),
    ]


def _by_board(title: str, metric: str, unit: str) -> timeseries.Panel:
    return graph(
        title,
        "Every board, by its number.",
        over_time(f"max by (board) (miner_board_{metric}{M})", "board {{board}}"),
        unit=unit,
        width=8,
        no_value="No board is reported",
    )


def _pools() -> Panels:
    def of_pool(metric: str) -> str:
        return f"max by (pool) (miner_pool_{metric}{M})"

    return [
        table(
            "Pools",
            "Every pool that is set on the miner, whether it gets the work, whether the miner holds it for alive, and"
            " whether the inventory lists it; without a list the last column is empty.",
            Label("pool", "Pool", width=70),
            Label("url", "URL"),
            Label("user", "User"),
            Value(
                "Gets the work",
                f"max by (pool, url, user) (miner_pool_info{M}) * on (pool) group_left () {of_pool('active')}",
                "none",
                width=110,
                shown="text",
                mappings=colours.values({1: ("yes", colours.GREEN), 0: ("no", colours.GREY)}),
            ),
            Value("Alive", of_pool("up"), "none", width=70, shown="text", mappings=colours.values(YES)),
            Value("Listed", of_pool("allowed"), "none", width=70, shown="text", mappings=colours.values(YES)),
            Value(
                "Last share",
                f"{of_pool('last_share_timestamp_seconds')} * 1000",
                "dateTimeFromNow",
                width=150,
            ),
            key="pool",
            height=6,
            sort=("Pool", False),
            no_value="No pool is reported",
        ),
        graph(
            "Shares a minute",
            "Shares by result, as the miner counts them; its restart begins the count again.",
            over_time(f"sum by (result) (rate(miner_shares_total{M}[$__rate_interval])) * 60", "{{result}}"),
            unit="short",
            width=24,
            height=7,
            stacked=True,
            named=colours.RESULTS,
            no_value="No share was counted",
        ),
    ]


def _polling() -> Panels:
    return [
        graph(
            "Time of a poll",
            "How long the latest reading took.",
            over_time(f"max(miner_poll_duration_seconds{M})", "poll"),
            unit="s",
            links=[links.plain("hashyard-self", "Open Hashyard itself")],
        ),
        graph(
            "Failed polls a minute, by reason",
            "Polls that gave no reading: refused, unreachable, timeout, auth, malformed or unsupported.",
            over_time(
                f"sum by (reason) (rate(miner_poll_failures_total{M}[$__rate_interval])) * 60", "{{reason}}"
            ),
            unit="short",
            bars=True,
            stacked=True,
        ),
    ]
