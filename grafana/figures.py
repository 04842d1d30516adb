"""The figures that several dashboards tell alike: hash rate, share of expected, power, who answers, what the time is worth.

Each takes `select`, which gives the selector with further matchers: `queries.containers` or `queries.container`. They
read container series alone, so they cost the same for one container and for all.
"""

from collections.abc import Callable, Sequence

from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink

from grafana import colours, looks
from grafana.panels import FIGURE_SIZE, graph, stat
from grafana.queries import (
    by_class,
    miners_in_class,
    miners_of_inventory,
    now,
    over_time,
    unseen_within_the_hour,
)

Select = Callable[..., str]
Links = Sequence[DashboardLink]

SHA = 'algorithm="SHA-256"'
OTHERS = 'algorithm!="SHA-256"'


def share_of_expected(select: Select) -> str:
    """Give the expression of hash rate ÷ expected, by algorithm; nothing where all is ordered off."""
    return (
        f"sum by (algorithm) (container:hashrate_hashes_per_second:sum{select()})"
        f" / (sum by (algorithm) (container:expected_hashrate_hashes_per_second:sum{select()}) > 0)"
    )


ALL_OFF = -1
"""Stands for the share of nothing: all is ordered off. Without any figure, that is not known."""

NO_SCHEDULE = -1
"""Stands for the time of a change that there will not be."""

_WORDS_SIZE = 36

NOT_KNOWN = "Not known"
"""What a stat says without a figure, whatever the reason: nobody answers, or what would tell it is away."""


def share_or_all_off(select: Select) -> str:
    """Give the expression of hash rate ÷ expected, by algorithm, with ALL_OFF for one of which nothing is expected."""
    expected = f"container:expected_hashrate_hashes_per_second:sum{select()}"
    return f"{share_of_expected(select)} or (sum by (algorithm) ({expected}) == 0) + {ALL_OFF}"


def efficiency(select: Select) -> str:
    """Give the expression of joules per terahash of SHA-256, weighted by hash rate."""
    hash_rate = f"container:hashrate_hashes_per_second:sum{select(SHA)}"
    ratio = f"container:efficiency_joules_per_hash:ratio{select(SHA)}"
    return f"sum({ratio} * {hash_rate}) / sum({hash_rate} and {ratio}) * 1e12"


def hash_rate_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Hash rate now, by algorithm."""
    return stat(
        "Hash rate",
        "Sum over the miners that answer, by algorithm: hash rates of different algorithms are never added.",
        over_time(
            f"sum by (algorithm) (container:hashrate_hashes_per_second:sum{select()})", "{{algorithm}}"
        ),
        unit="Hs",
        decimals=2,
        colour=colours.HASH_RATE,
        no_value=NOT_KNOWN,
        width=width,
        links=links,
    )


def share_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Hash rate ÷ expected now, by algorithm."""
    return stat(
        "Of expected",
        "Hash rate ÷ what the orders in force promise, by algorithm. A miner that is ordered off is expected to give"
        " nothing, so it is not missed here.",
        over_time(share_or_all_off(select), "{{algorithm}}"),
        unit="percentunit",
        decimals=1,
        thresholds=colours.low(red=0.85, yellow=0.95),
        mappings=colours.values({ALL_OFF: ("All off", colours.BLUE)}),
        no_value=NOT_KNOWN,
        size=FIGURE_SIZE,
        width=width,
        links=links,
    )


def power_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Power now."""
    return stat(
        "Power",
        "Sum over the miners that answer, measured and estimated.",
        over_time(f"sum(container:power_watts:sum{select()})", "power"),
        unit="watt",
        decimals=1,
        colour=colours.POWER,
        no_value=NOT_KNOWN,
        width=width,
        links=links,
    )


def answering_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Share of the inventory that answers now."""
    return stat(
        "Answering",
        "Miners that gave a reading at their last poll ÷ miners of the inventory; those of a container that was seen within the"
        " hour and is not now are among the latter.",
        over_time(
            f"sum(container:miner_up:sum{select()}) / sum({miners_of_inventory(select())})", "answering"
        ),
        unit="percentunit",
        decimals=1,
        thresholds=colours.low(red=0.9, yellow=0.98),
        no_value=NOT_KNOWN,
        width=width,
        links=links,
    )


def efficiency_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Joules per terahash now."""
    return stat(
        "Efficiency, J/TH",
        "Joules per terahash of the SHA-256 miners that hash and report both power and hash rate, weighted by hash"
        " rate. Other algorithms have units of their own and are left out.",
        over_time(efficiency(select), "J/TH"),
        unit="none",
        decimals=1,
        colour=colours.GREY,
        width=width,
        links=links,
    )


def next_change_stat(select: Select, description: str, links: Links = (), width: int = 6) -> stats.Panel:
    """When a schedule changes next: no schedule where the controller says so, and not known where it says nothing."""
    return stat(
        "Next change",
        description,
        now(
            f"min(hashyard_controller_next_change_timestamp_seconds{select()}) * 1000"
            f" or count(hashyard_controller_container_miners{select()}) * 0 + {NO_SCHEDULE}",
            "next change",
        ),
        unit="dateTimeFromNow",
        thresholds=colours.steps((None, colours.PLAIN)),
        mappings=colours.values({NO_SCHEDULE: ("No schedule", colours.PLAIN)}),
        no_value=NOT_KNOWN,
        size=_WORDS_SIZE,
        width=width,
        links=links,
    )


def not_earning_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Miners that should hash and do not, coloured by their share of the inventory."""
    hidden = f"sum({unseen_within_the_hour(select())})"
    return stat(
        "In fault or unreachable",
        "Miners that should hash and do not, or do not answer; and, where there are any, those of containers that were seen"
        " within the hour and are not now. Coloured from 1 % of the inventory on, red from 2 %.",
        # Where nothing is known the first has a value that is none: else the second would stand alone, without its name.
        over_time(f"{miners_in_class(select(), 'fault|unreachable')} or {hidden} * NaN", "known"),
        over_time(hidden, "not seen"),
        unit="locale",
        decimals=0,
        thresholds=colours.percent_steps((None, colours.PLAIN), (1, colours.YELLOW), (2, colours.RED)),
        mappings=colours.no_number("–", colours.PLAIN),
        maximum=over_time(f"sum({miners_of_inventory(select())})", "of"),
        no_value=NOT_KNOWN,
        size=FIGURE_SIZE,
        width=width,
        links=links,
    )


def hash_rate_graph(select: Select, width: int = 14, height: int = 9) -> timeseries.Panel:
    """Hash rate, expected and nominal over time; algorithms other than SHA-256 on the right axis."""
    hash_rate, expected = (
        "container:hashrate_hashes_per_second:sum",
        "container:expected_hashrate_hashes_per_second:sum",
    )
    nominal = "container:nominal_hashrate_hashes_per_second:sum"
    return graph(
        "Hash rate and what was expected",
        "Dashed: what the orders in force promised. Thin: all miners that answered, at 100 percent. Algorithms other than"
        " SHA-256 are read on the right axis.",
        over_time(f"sum({hash_rate}{select(SHA)})", "SHA-256", looks.HASH_RATE),
        over_time(f"sum({expected}{select(SHA)})", "SHA-256 expected", looks.EXPECTED),
        over_time(f"sum({nominal}{select(SHA)})", "SHA-256 nominal", looks.NOMINAL),
        over_time(
            f"sum by (algorithm) ({hash_rate}{select(OTHERS)})", "{{algorithm}}", looks.OTHER_HASH_RATE
        ),
        over_time(
            f"sum by (algorithm) ({expected}{select(OTHERS)})", "{{algorithm}} expected", looks.OTHER_EXPECTED
        ),
        unit="Hs",
        width=width,
        height=height,
    )


def class_graph(select: Select, width: int = 10, height: int = 9) -> timeseries.Panel:
    """Miners by class over time, stacked, best class below."""
    return graph(
        "Miners by class",
        "Every miner is in one class at a time: what its minute was worth. Curtailed is ordered, fault is not.",
        *by_class(f"sum(container:miner_time_class:sum{select('CLASS')})"),
        unit="locale",
        width=width,
        height=height,
        stacked=True,
        decimals=0,
    )
