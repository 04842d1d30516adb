"""The figures that several dashboards tell alike: hash rate, share of expected, power, who answers, what the time is worth.

Each takes `select`, which gives the selector with further matchers: `queries.containers` or `queries.container`. They
read container series alone, so they cost the same for one container and for all.
"""

from collections.abc import Callable, Mapping, Sequence

from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.builders.dashboard import DashboardLink

from grafana import colours, looks
from grafana.panels import FIGURE_SIZE, graph, stat
from grafana.queries import by_class, over_time

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
        width=width,
        links=links,
    )


def share_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Hash rate ÷ expected now, by algorithm."""
    return stat(
        "Of expected",
        "Hash rate ÷ what the orders in force promise, by algorithm. A miner that is ordered off is expected to give"
        " nothing, so it is not missed here.",
        over_time(share_of_expected(select), "{{algorithm}}"),
        unit="percentunit",
        decimals=1,
        thresholds=colours.low(red=0.85, yellow=0.95),
        no_value="All off",
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
        width=width,
        links=links,
    )


def answering_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Share of the inventory that answers now."""
    return stat(
        "Answering",
        "Miners that gave a reading at their last poll ÷ miners of the inventory.",
        over_time(
            f"sum(container:miner_up:sum{select()}) / sum(max by (container) (container_miners{select()}))",
            "answering",
        ),
        unit="percentunit",
        decimals=1,
        thresholds=colours.low(red=0.9, yellow=0.98),
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


def not_earning_stat(select: Select, links: Links = (), width: int = 6) -> stats.Panel:
    """Miners that should hash and do not, coloured by their share of the inventory."""
    wrong = select('class=~"fault|unreachable"')
    return stat(
        "In fault or unreachable",
        "Miners that should hash and do not, or do not answer. Coloured from 1 % of the inventory on, red from 2 %.",
        over_time(f"sum(container:miner_time_class:sum{wrong}) or vector(0)", "miners"),
        unit="short",
        decimals=0,
        thresholds=colours.percent_steps((None, colours.PLAIN), (1, colours.YELLOW), (2, colours.RED)),
        maximum=over_time(f"sum(max by (container) (container_miners{select()}))", "of"),
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


def class_graph(
    select: Select, width: int = 10, height: int = 9, legends: Mapping[str, str] | None = None
) -> timeseries.Panel:
    """Miners by class over time, stacked, best class below."""
    return graph(
        "Miners by class",
        "Every miner is in one class at a time: what its minute was worth. Curtailed is ordered, fault is not.",
        *by_class(f"sum(container:miner_time_class:sum{select('CLASS')})", legends),
        unit="short",
        width=width,
        height=height,
        stacked=True,
        decimals=0,
    )
