"""Fleet, the home dashboard: is the fleet earning, and if not, which container? For the administrator and the wall."""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana import annotations, colours, figures, links, variables
from grafana.panels import bars, stat, status_history
from grafana.queries import CONTAINERS as C
from grafana.queries import (
    alerts,
    containers,
    counted,
    firing,
    miners_in_class,
    miners_of_inventory,
    now,
    over_time,
    unseen,
)
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

SHA = containers('algorithm="SHA-256"')
SCRYPT = containers('algorithm="Scrypt"')
CRITICAL = alerts('alertstate="firing"', 'severity="critical"')
CHIP = containers('sensor="chip_max"')

NOT_SEEN, NOT_KNOWN, ALL_OFF = -2, -1, 9
"""Stand for a share that there is not, so that containers are sorted by it: first those that cannot be seen, last those
of which nothing is wanted."""
NO_SHARE = colours.values(
    {
        NOT_SEEN: ("not seen", colours.YELLOW),
        NOT_KNOWN: ("not known", colours.YELLOW),
        ALL_OFF: ("all off", colours.BLUE),
    }
)


def dashboard() -> Dashboard:
    """Give the dashboard of all containers."""
    return skeleton(
        "hashyard-fleet",
        "Fleet",
        "Is the fleet earning, and if not, which container?",
        Section(None, _figures()),
        Section(
            "Where does the hash rate go?",
            [figures.hash_rate_graph(containers), figures.class_graph(containers)],
        ),
        Section("Which container?", _containers()),
        Section("Which miners now?", _miners()),
        variables=[variables.containers()],
        annotations=[annotations.profile_changes(C)],
    )


def _figures() -> Panels:
    control = [links.this_container("hashyard-control", "Open Control")]
    return [
        figures.hash_rate_stat(containers),
        figures.share_stat(containers),
        figures.power_stat(containers, control),
        figures.answering_stat(containers),
        figures.efficiency_stat(containers, [links.this_container("hashyard-energy", "Open Energy & money")]),
        stat(
            "Switched off by order",
            "Miners that are ordered off and are off: nobody's fault.",
            over_time(miners_in_class(C, "curtailed"), "curtailed"),
            unit="locale",
            decimals=0,
            colour=colours.CLASSES["curtailed"],
            no_value=figures.NOT_KNOWN,
            links=control,
        ),
        figures.not_earning_stat(containers),
        stat(
            "Critical alerts",
            "Alerts that fire now and wake somebody, those of Hashyard itself and of Prometheus too, which have no container.",
            over_time(firing(CRITICAL), "firing"),
            unit="locale",
            decimals=0,
            thresholds=colours.high(red=1),
            no_value=figures.NOT_KNOWN,
            links=[links.plain("hashyard-alerts", "Open Alerts")],
        ),
    ]


def _containers() -> Panels:
    def in_class(name: str) -> str:
        return miners_in_class(C, name, "container")

    def hash_rate(selector: str) -> str:
        return f"sum by (container) (container:hashrate_hashes_per_second:sum{selector})"

    share = (
        f"{unseen(C, NOT_SEEN)}"  # before what rules recorded up to a minute ago
        f" or min by (container) (container:hashrate_attainment:ratio{C})"
        f" or (max by (container) (container:expected_hashrate_hashes_per_second:sum{C}) == 0) + {ALL_OFF}"
        f" or max by (container) (container_miners{C}) * 0 + {NOT_KNOWN}"
    )
    lost = counted(
        f"sum by (container) (container:boards_missing:sum{C})",
        f"container:miner_state:sum{C}",
        "container",
    )
    drift = counted(
        f"sum by (container) (container:control_drift:count{C})",
        f"hashyard_controller_container_miners{C}",
        "container",
    )

    return [
        table(
            "Containers",
            "A row a container, those that cannot be seen first, then the one furthest below its expected hash rate. Of"
            " expected is the worst of its algorithms. A dash is not known: nobody answers, or the controller is away.",
            Label("container", "Container", width=100, links=[links.container_of_cell()]),
            Value(
                "Of expected",
                share,
                "percentunit",
                decimals=1,
                shown="bar",
                least=0,
                most=1.1,
                thresholds=colours.judged_share(),
                mappings=NO_SHARE,
                width=126,
            ),
            # To three figures: a fourth would not fit, and the first of them would be cut off.
            Value("SHA-256", hash_rate(SHA), "Hs", narrowest=78),
            Value("Scrypt", hash_rate(SCRYPT), "Hs", narrowest=78),
            Value("Power", f"sum by (container) (container:power_watts:sum{C})", "watt", 1, narrowest=76),
            Value(
                "J/TH",
                f"max by (container) (container:efficiency_joules_per_hash:ratio{SHA}) * 1e12",
                "none",
                1,
                width=52,
            ),
            Value("Miners", miners_of_inventory(C), "locale", 0, width=62),
            Value("Hashing", in_class("hashing"), "locale", 0, width=70),
            Value("Curtailed", in_class("curtailed"), "locale", 0, narrowest=78),
            Value(
                "Fault",
                in_class("fault"),
                "locale",
                0,
                width=52,
                shown="text",
                thresholds=colours.steps((None, colours.GREY), (1, colours.CLASSES["fault"])),
            ),
            Value(
                "Unreachable",
                in_class("unreachable"),
                "locale",
                0,
                width=100,
                shown="text",
                thresholds=colours.steps((None, colours.GREY), (1, colours.CLASSES["unreachable"])),
            ),
            Value(
                "Hottest",
                f"max by (container) (container:temperature_celsius:max{CHIP})",
                "celsius",
                0,
                width=64,
            ),
            Value("Boards lost", lost, "locale", 0, width=92),
            Value("Drift", drift, "locale", 0, width=52),
            key="container",
            height=9,
            sort=("Of expected", False),
            no_value="Not known: no container was seen within the hour",
        ),
        status_history(
            "Of expected, over time",
            "Hash rate ÷ what was expected, the worst of a container's algorithms. Empty: everything was ordered off, or"
            " nothing was recorded.",
            over_time(f"min by (container) (container:hashrate_attainment:ratio{C})", "{{container}}"),
            unit="percentunit",
            decimals=0,
            thresholds=colours.judged_share(),
            height=8,
            interval="5m",
            links=[links.container_of_series()],
        ),
    ]


def _miners() -> Panels:
    share = (
        f"bottomk(20, (miner:hashrate_hashes_per_second:avg15m{C}"
        f" / on (container, miner) (miner:expected_hashrate_hashes_per_second:max{C} > 0)"
        f" or on (container, miner) (miner:expected_hashrate_hashes_per_second:max{C} > 0) * 0) < 0.95"
        # Of a container that cannot be seen, what its orders promise stands, and no more.
        f" and on (container) container:miner_up:sum{C})"
        f" or {unseen(C, NOT_SEEN)}"
    )
    return [
        table(
            "Furthest below what is expected",
            "The twenty miners that give the least share of what is expected of them, mean of 15 minutes; one that does"
            " not answer gives nothing. Miners that are ordered off are left out. A container without a miner cannot be seen"
            " now, and what its miners give is not known.",
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
                thresholds=colours.judged_share(),
                mappings=NO_SHARE,
            ),
            width=14,
            sort=("Of expected", False),
            no_value="No miner is known to give less than is expected",
        ),
        bars(
            "Models",
            "Hash rate ÷ what is expected, of all miners of a model in the whole fleet: a model or its firmware may do worse.",
            now("sort(model:hashrate_attainment:ratio)", "{{manufacturer}} {{model}}"),
            unit="percentunit",
            width=10,
            height=9,
            decimals=0,
            most=1.1,
            thresholds=colours.judged_share(),
            no_value="Not known",
        ),
    ]
