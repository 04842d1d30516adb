"""Fleet, the home dashboard: is the fleet earning, and if not, which container? For the administrator and the wall."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import annotations, colours, links, looks, variables
from grafana.panels import bars, graph, stat, status_history
from grafana.queries import CONTAINERS as C
from grafana.queries import by_class, containers, now, over_time
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

SHA = containers('algorithm="SHA-256"')
SCRYPT = containers('algorithm="Scrypt"')
OTHERS = containers('algorithm!="SHA-256"')
CURTAILED = containers('class="curtailed"')
NOT_EARNING = containers('class=~"fault|unreachable"')
CRITICAL = containers('alertstate="firing"', 'severity="critical"')
CHIP = containers('sensor="chip_max"')
JUDGED = colours.low(red=0.85, yellow=0.95)


def dashboard() -> Dashboard:
    """Give the dashboard of all containers."""
    return skeleton(
        "hashyard-fleet",
        "Fleet",
        "Is the fleet earning, and if not, which container?",
        Section(None, _figures()),
        Section("Where does the hash rate go?", _course()),
        Section("Which container?", _containers()),
        Section("Which miners now?", _miners()),
        variables=[variables.containers()],
        annotations=[annotations.profile_changes(C)],
    )


def _figures() -> Panels:
    return [
        stat(
            "Hash rate",
            "Sum over the miners that answer, by algorithm: hash rates of different algorithms are never added.",
            over_time(f"sum by (algorithm) (container:hashrate_hashes_per_second:sum{C})", "{{algorithm}}"),
            unit="Hs",
            decimals=2,
            colour=colours.HASH_RATE,
        ),
        stat(
            "Of expected",
            "Hash rate ÷ what the orders in force promise, by algorithm. A miner that is ordered off is expected to give"
            " nothing, so it is not missed here.",
            over_time(
                f"sum by (algorithm) (container:hashrate_hashes_per_second:sum{C})"
                f" / (sum by (algorithm) (container:expected_hashrate_hashes_per_second:sum{C}) > 0)",
                "{{algorithm}}",
            ),
            unit="percentunit",
            decimals=1,
            thresholds=JUDGED,
            no_value="All curtailed",
        ),
        stat(
            "Power",
            "Sum over the miners that answer, measured and estimated.",
            over_time(f"sum(container:power_watts:sum{C})", "power"),
            unit="watt",
            decimals=2,
            colour=colours.POWER,
            links=[links.this_container("hashyard-control", "Open Control")],
        ),
        stat(
            "Answering",
            "Miners that gave a reading at their last poll ÷ miners of the inventory.",
            over_time(
                f"sum(container:miner_up:sum{C}) / sum(max by (container) (container_miners{C}))", "answering"
            ),
            unit="percentunit",
            decimals=1,
            thresholds=colours.low(red=0.9, yellow=0.98),
        ),
        stat(
            "Efficiency, J/TH",
            "Joules per terahash of the SHA-256 miners that hash and report both power and hash rate, weighted by hash"
            " rate. Other algorithms have units of their own and are left out.",
            over_time(
                f"sum(container:efficiency_joules_per_hash:ratio{SHA}"
                f" * container:hashrate_hashes_per_second:sum{SHA})"
                f" / sum(container:hashrate_hashes_per_second:sum{SHA}"
                f" and container:efficiency_joules_per_hash:ratio{SHA}) * 1e12",
                "J/TH",
            ),
            unit="none",
            decimals=1,
            colour=colours.GREY,
            no_value="Nothing hashes",
            links=[links.this_container("hashyard-energy", "Open Energy & money")],
        ),
        stat(
            "Switched off by order",
            "Miners that are ordered off and are off: nobody's fault.",
            over_time(f"sum(container:miner_time_class:sum{CURTAILED}) or vector(0)", "curtailed"),
            unit="short",
            decimals=0,
            colour=colours.CLASSES["curtailed"],
            links=[links.this_container("hashyard-control", "Open Control")],
        ),
        stat(
            "In fault or unreachable",
            "Miners that should hash and do not, or do not answer. Coloured from 1 % of the inventory on, red from 2 %.",
            over_time(f"sum(container:miner_time_class:sum{NOT_EARNING}) or vector(0)", "miners"),
            unit="short",
            decimals=0,
            thresholds=colours.percent_steps((None, colours.PLAIN), (1, colours.YELLOW), (2, colours.RED)),
            maximum=over_time(f"sum(max by (container) (container_miners{C}))", "of"),
        ),
        stat(
            "Critical alerts",
            "Alerts that fire now and wake somebody.",
            over_time(f"count(ALERTS{CRITICAL}) or vector(0)", "firing"),
            unit="short",
            decimals=0,
            thresholds=colours.high(red=1),
            links=[links.plain("hashyard-alerts", "Open Alerts")],
        ),
    ]


def _course() -> Panels:
    return [
        graph(
            "Hash rate and what was expected",
            "Sum over the containers chosen. Dashed: what the orders in force promised. Thin: all miners at 100 percent."
            " Algorithms other than SHA-256 are read on the right axis.",
            over_time(f"sum(container:hashrate_hashes_per_second:sum{SHA})", "SHA-256", looks.HASH_RATE),
            over_time(
                f"sum(container:expected_hashrate_hashes_per_second:sum{SHA})",
                "SHA-256 expected",
                looks.EXPECTED,
            ),
            over_time(
                f"sum(container:nominal_hashrate_hashes_per_second:sum{SHA})",
                "SHA-256 nominal",
                looks.NOMINAL,
            ),
            over_time(
                f"sum by (algorithm) (container:hashrate_hashes_per_second:sum{OTHERS})",
                "{{algorithm}}",
                looks.OTHER_HASH_RATE,
            ),
            over_time(
                f"sum by (algorithm) (container:expected_hashrate_hashes_per_second:sum{OTHERS})",
                "{{algorithm}} expected",
                looks.OTHER_EXPECTED,
            ),
            unit="Hs",
            width=14,
            height=9,
        ),
        graph(
            "Miners by class",
            "Every miner is in one class at a time: what its minute was worth. Curtailed is ordered, fault is not.",
            *by_class(f"sum(container:miner_time_class:sum{containers('CLASS')})"),
            unit="short",
            width=10,
            height=9,
            stacked=True,
            decimals=0,
        ),
    ]


def _containers() -> Panels:
    def in_class(name: str) -> str:
        selector = containers(f'class="{name}"')
        return f"sum by (container) (container:miner_time_class:sum{selector}) or {none}"

    none = f"max by (container) (container_miners{C}) * 0"

    return [
        table(
            "Containers",
            "A row a container, the one furthest below its expected hash rate first. Of expected is the worst of its"
            " algorithms; empty means that everything is ordered off.",
            Label("container", "Container", links=[links.container_of_cell()]),
            Value(
                "Of expected",
                f"min by (container) (container:hashrate_attainment:ratio{C})",
                "percentunit",
                decimals=1,
                shown="bar",
                least=0,
                most=1.1,
                thresholds=colours.steps((None, colours.RED), (0.85, colours.YELLOW), (0.95, colours.GREEN)),
                width=190,
            ),
            Value("SHA-256", f"sum by (container) (container:hashrate_hashes_per_second:sum{SHA})", "Hs", 2),
            Value(
                "Scrypt",
                f"sum by (container) (container:hashrate_hashes_per_second:sum{SCRYPT})",
                "Hs",
                2,
            ),
            Value("Power", f"sum by (container) (container:power_watts:sum{C})", "watt", 1),
            Value(
                "J/TH",
                f"max by (container) (container:efficiency_joules_per_hash:ratio{SHA}) * 1e12",
                "none",
                1,
            ),
            Value("Miners", f"max by (container) (container_miners{C})", "short", 0),
            Value("Hashing", in_class("hashing"), "short", 0),
            Value("Curtailed", in_class("curtailed"), "short", 0),
            Value(
                "Fault",
                in_class("fault"),
                "short",
                0,
                shown="text",
                thresholds=colours.steps((None, colours.GREY), (1, colours.CLASSES["fault"])),
            ),
            Value(
                "Unreachable",
                in_class("unreachable"),
                "short",
                0,
                shown="text",
                thresholds=colours.steps((None, colours.GREY), (1, colours.CLASSES["unreachable"])),
            ),
            Value(
                "Hottest chip",
                f"max by (container) (container:temperature_celsius:max{CHIP})",
                "celsius",
                0,
            ),
            Value(
                "Boards missing",
                f"sum by (container) (container:boards_missing:sum{C}) or {none}",
                "short",
                0,
            ),
            Value("Drift", f"sum by (container) (container:control_drift:count{C}) or {none}", "short", 0),
            key="container",
            height=9,
            sort=("Of expected", False),
        ),
        status_history(
            "Of expected, over time",
            "Hash rate ÷ what was expected, the worst of a container's algorithms. Empty: everything was ordered off, or"
            " nothing was recorded.",
            over_time(f"min by (container) (container:hashrate_attainment:ratio{C})", "{{container}}"),
            unit="percentunit",
            decimals=0,
            thresholds=colours.steps((None, colours.RED), (0.85, colours.YELLOW), (0.95, colours.GREEN)),
            height=8,
            interval="5m",
            links=[links.container_of_series()],
        ),
    ]


def _miners() -> Panels:
    share = (
        f"bottomk(20, (miner:hashrate_hashes_per_second:avg15m{C}"
        f" / on (container, miner) (miner:expected_hashrate_hashes_per_second:max{C} > 0)"
        f" or on (container, miner) (miner:expected_hashrate_hashes_per_second:max{C} > 0) * 0) < 0.95)"
    )
    return [
        table(
            "Furthest below what is expected",
            "The twenty miners that give the least share of what is expected of them, mean of 15 minutes; one that does"
            " not answer gives nothing. Miners that are ordered off are left out.",
            Label("container", "Container", links=[links.container_of_cell()]),
            Label("miner", "Miner", links=[links.miner_of_cell()]),
            Value(
                "Of expected",
                share,
                "percentunit",
                0,
                shown="bar",
                least=0,
                most=1,
                thresholds=colours.steps((None, colours.RED), (0.85, colours.YELLOW), (0.95, colours.GREEN)),
            ),
            width=14,
            sort=("Of expected", False),
            no_value="Every miner gives what is expected",
        ),
        bars(
            "Models",
            "Hash rate ÷ what is expected of all miners of a model, the whole fleet: does one model or firmware do worse?",
            now("sort(model:hashrate_attainment:ratio)", "{{manufacturer}} {{model}}"),
            unit="percentunit",
            width=10,
            height=9,
            decimals=0,
            most=1.1,
            thresholds=colours.steps((None, colours.RED), (0.85, colours.YELLOW), (0.95, colours.GREEN)),
        ),
    ]
