"""Client: are my machines earning, and what did they use? For the client, in his own organisation; plain words alone.

Every query goes through a gateway that adds the client to each selector and refuses what it cannot check. So every
selector names a series that has the label client, none stands inside a parameter, and nothing of Hashyard's own is asked:
no fleet, no model, no part of the stack, no tariff.
"""

from collections.abc import Mapping

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import BarAlignment

from grafana import colours, figures, links, looks, variables
from grafana.panels import FIGURE_SIZE, graph, stat
from grafana.queries import CONTAINERS as C
from grafana.queries import (
    by_class,
    containers,
    miners_in_class,
    miners_of_inventory,
    now,
    over_time,
    unseen_within_the_hour,
)
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

RANGE = "[$__range]"
DAY = "[1d] offset -1d"
"""The day that begins at a bar's left edge."""

HASHING = 'class="hashing"'
SCRYPT = 'algorithm="Scrypt"'
NOT_AGREED = 'class!="curtailed"'

UNSEEN = unseen_within_the_hour(C)
"""Containers that were seen within the hour, and are not now: what their machines do is not known."""

WORDS: Mapping[str, str] = {
    "hashing": "working",
    "settling": "starting up",
    "curtailed": "switched off by agreement",
    "sleeping": "asleep",
    "fault": "not working",
    "unreachable": "not answering",
}
"""The classes of time in words for people who do not run the fleet."""


def dashboard() -> Dashboard:
    """Give the client's dashboard."""
    return skeleton(
        "hashyard-client",
        "My machines",
        "Are my machines earning, and what did they use?",
        Section(None, _figures()),
        Section("How did my machines run?", _runs()),
        Section("What did they use?", _energy()),
        Section("My containers", _containers()),
        Section("My machines that are not working", _machines()),
        variables=[variables.containers()],
        head=(),
        span="now-24h",
        refresh="5m",
    )


def _time_in(matcher: str) -> str:
    return f"sum(sum_over_time(container:time_class_seconds:sum1h{containers(matcher)}{RANGE}))"


def _figures() -> Panels:
    return [
        stat(
            "Hash rate",
            "The work that your machines do now, those of each algorithm together.",
            over_time(f"sum by (algorithm) (container:hashrate_hashes_per_second:sum{C})", "{{algorithm}}"),
            unit="Hs",
            decimals=2,
            colour=colours.HASH_RATE,
            no_value="Not known",
        ),
        stat(
            "Of what is expected",
            "Hash rate ÷ what your machines should do now. A machine that is switched off by agreement is not expected to do"
            " anything.",
            now(
                figures.share_or_all_off(containers),
                "{{algorithm}}",
            ),
            unit="percentunit",
            decimals=1,
            thresholds=colours.low(red=0.85, yellow=0.95),
            mappings=colours.values({figures.ALL_OFF: ("Off by agreement", colours.BLUE)}),
            no_value="Not known",
        ),
        stat(
            "Working",
            "Machines that work now, and all that you have. Those that are switched off by agreement are in the next figure.",
            now(miners_in_class(C, "hashing"), "working"),
            now(f"sum(max by (container) (container_miners{C}))", "of all"),
            unit="locale",
            decimals=0,
            no_value="Not known",
            size=FIGURE_SIZE,
        ),
        stat(
            "Switched off by agreement",
            "Machines that are off now because it was agreed: not a fault.",
            now(miners_in_class(C, "curtailed"), "off"),
            unit="locale",
            decimals=0,
            thresholds=colours.steps((None, colours.PLAIN), (1, colours.BLUE)),
            no_value="Not known",
            size=FIGURE_SIZE,
        ),
        stat(
            "Power",
            "What your machines draw now. Some machines measure it, for others it is estimated.",
            over_time(f"sum(container:power_watts:sum{C})", "power"),
            unit="watt",
            decimals=1,
            colour=colours.POWER,
            no_value="Not known",
            size=FIGURE_SIZE,
        ),
        stat(
            "Energy",
            "What your machines used in the time chosen above, in whole hours. For looking: the bill is made from"
            " finer figures.",
            now(f"sum(sum_over_time(container:energy_joules:increase1h{C}{RANGE})) / 3600", "energy"),
            unit="watth",
            decimals=2,
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
        stat(
            "Time we could see",
            "Share of your machines' time for which there are readings, in the hours on record of the time chosen. What we"
            " could not see is not in the energy.",
            now(
                f"clamp_max(sum(sum_over_time(container:observed_seconds:increase1h{C}{RANGE}))"
                f" / sum(sum_over_time(container:miners:avg1h{C}{RANGE}) * 3600), 1)",
                "seen",
            ),
            unit="percentunit",
            decimals=1,
            thresholds=colours.low(red=0.95, yellow=0.99),
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
        stat(
            "Time at work",
            "Time at work ÷ all time but that which was switched off by agreement, of all your machines, in the time chosen.",
            now(f"{_time_in(HASHING)} / {_time_in(NOT_AGREED)}", "at work"),
            unit="percentunit",
            decimals=1,
            thresholds=colours.low(red=0.85, yellow=0.95),
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
    ]


def _runs() -> Panels:
    hash_rate = "container:hashrate_hashes_per_second:sum"
    expected = "container:expected_hashrate_hashes_per_second:sum"
    sha, others = containers(figures.SHA), containers(figures.OTHERS)
    return [
        graph(
            "Hash rate and what was expected",
            "Dashed: what your machines should have done. Where the dashed line falls, machines were switched off by"
            " agreement. Algorithms other than SHA-256 are read on the right axis.",
            over_time(f"sum({hash_rate}{sha})", "SHA-256", looks.HASH_RATE),
            over_time(f"sum({expected}{sha})", "SHA-256 expected", looks.EXPECTED),
            over_time(f"sum by (algorithm) ({hash_rate}{others})", "{{algorithm}}", looks.OTHER_HASH_RATE),
            over_time(
                f"sum by (algorithm) ({expected}{others})", "{{algorithm}} expected", looks.OTHER_EXPECTED
            ),
            unit="Hs",
            width=14,
            height=9,
        ),
        graph(
            "What my machines did",
            "How many of your machines worked, were starting up, were switched off by agreement, or should have worked and"
            " did not.",
            *by_class(f"sum(container:miner_time_class:sum{containers('CLASS')})", WORDS),
            unit="locale",
            width=10,
            height=9,
            stacked=True,
            decimals=0,
        ),
    ]


def _energy() -> Panels:
    def a_day(source: str) -> str:
        selector = containers(f'source="{source}"')
        return f"sum(sum_over_time(container:energy_joules:increase1h{selector}{DAY})) / 3600"

    return [
        graph(
            "Energy a day",
            "What your machines used on each of the last 30 days, in whole hours; today so far. Paler, upon the rest: what"
            " machines that do not measure it are estimated to have used.",
            over_time(a_day("measured"), "measured", looks.Look(colours.SOURCES["measured"], fill=85)),
            over_time(a_day("estimated"), "estimated", looks.Look(colours.SOURCES["estimated"], fill=45)),
            unit="watth",
            width=24,
            stacked=True,
            bars=True,
            interval="1d",
            no_value="No full hour is on record yet",
        )
        .time_from("30d")
        .bar_alignment(BarAlignment.AFTER)
        .bar_width_factor(0.8),
    ]


def _containers() -> Panels:
    def how_many(title: str, name: str, colour: str | None = None, width: int | None = None) -> Value:
        expression = miners_in_class(C, name, "container")
        if colour is None:
            return Value(title, expression, "locale", 0, width)
        steps = colours.steps((None, colours.GREY), (1, colour))
        return Value(title, expression, "locale", 0, width, shown="text", thresholds=steps)

    def hash_rate(algorithm: str) -> str:
        selector = containers(algorithm)
        return f"sum by (container) (container:hashrate_hashes_per_second:sum{selector})"

    return [
        table(
            "Containers",
            "A row a container, now. Click a container to see it alone. Nothing under “of what is expected”: everything is"
            " switched off by agreement. Nothing in the whole row: it cannot be seen now, and what its machines do is not"
            " known.",
            Label(
                "container",
                "Container",
                width=111,
                links=[links.container_of_cell("hashyard-client", "Show this container alone")],
            ),
            Value(
                "Of what is expected",
                f"min by (container) (container:hashrate_attainment:ratio{C})",
                "percentunit",
                1,
                shown="bar",
                least=0,
                most=1.1,
                thresholds=colours.judged_share(),
                width=150,
            ),
            # To three figures: a fourth would not fit, and the first of them would be cut off.
            Value("SHA-256", hash_rate(figures.SHA), "Hs", narrowest=80),
            Value("Scrypt", hash_rate(SCRYPT), "Hs", narrowest=80),
            Value("Power", f"sum by (container) (container:power_watts:sum{C})", "watt", 1, narrowest=78),
            Value("Machines", miners_of_inventory(C), "locale", 0),
            how_many("Working", "hashing"),
            how_many("Off as agreed", "curtailed", colours.BLUE, width=110),
            how_many("Starting up", "settling", width=90),
            how_many("Not working", "fault", colours.CLASSES["fault"], width=98),
            how_many("Not answering", "unreachable", colours.CLASSES["unreachable"], width=112),
            key="container",
            height=7,
            sort=("Container", False),
            no_value="No container could be seen within the last hour",
        ),
    ]


def _machines() -> Panels:
    wrong = containers('class=~"fault|unreachable"')
    words = {name: (WORDS[name], colours.CLASSES[name]) for name in ("fault", "unreachable")}
    words["unseen"] = ("cannot be seen now: not known", colours.YELLOW)
    return [
        table(
            "Not working now",
            "Up to a hundred machines that should work now and do not, or do not answer. Those that are switched off by"
            " agreement, or are starting up, are left out. A container without a machine: none of its machines could be seen"
            " for some minutes, so what they do is not known.",
            Label("miner", "Machine", width=130),
            Value(
                "What is wrong",
                f"topk(100, max by (container, miner, class) (miner:time_class:bool{wrong}))"
                f' or label_replace({UNSEEN}, "class", "unseen", "", "")',
                label="class",
                shown="text",
                mappings=colours.values(words),
            ),
            Label("container", "Container"),
            height=9,
            sort=("Container", False),
            no_value="No machine is known not to work",
        ),
    ]
