"""Energy & money: what was used, what did it cost, and how sure is it? For the accountant; whole hours, a month.

Read are the hourly series alone, summed over the time chosen. They are for looking: an hour in which Prometheus was down
is missing here, and is not in the controller's report, which is the bill. Two figures tell what is missing, so that one
who began in the middle of the month is not held to the whole of it: hours on record ÷ hours of the time chosen, and
coverage, the time with readings ÷ the time there was in the hours on record. Multiplied they are the share of all.
"""

from grafana_foundation_sdk.builders import timeseries
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import BarAlignment, BigValueTextMode, VisibilityMode

from grafana import annotations, colours, links, looks, variables
from grafana.panels import FIGURE_SIZE, graph, stat
from grafana.queries import CONTAINERS as C
from grafana.queries import by_class, containers, now, over_time
from grafana.skeleton import Panels, Section
from grafana.skeleton import dashboard as skeleton
from grafana.tables import Label, Value, table

RANGE = "[$__range]"
DAY = "[1d] offset -1d"
"""The day that begins at a bar's left edge: without the offset a bar would be the day before."""

DAYS = 800
"""Most bars of a graph: two years of days. Steps beyond a day would leave days out."""

MEASURED = containers('source="measured"')
ESTIMATED = containers('source="estimated"')
HASHING = 'class="hashing"'
NOT_CURTAILED = 'class!="curtailed"'
SHA = containers('algorithm="SHA-256"')

ONE = '{container="$statement"}'
"""The one container whose miners are listed: those of a whole fleet would be too many to read and to ask for."""


def energy(selector: str, window: str = RANGE) -> str:
    """Give the expression of joules by client, container and source."""
    return f"sum_over_time(container:energy_joules:increase1h{selector}{window})"


def seconds_there_were(selector: str) -> str:
    """Give the expression of the seconds of all miners in the hours on record, by client and container."""
    return f"sum_over_time(container:miners:avg1h{selector}{RANGE}) * 3600"


def seconds_read(selector: str) -> str:
    """Give the expression of the seconds covered by readings, by client and container."""
    return f"sum_over_time(container:observed_seconds:increase1h{selector}{RANGE})"


def on_record(selector: str) -> str:
    """Give the expression of hours on record ÷ hours of the time chosen, by client and container."""
    return f"clamp_max(count_over_time(container:miners:avg1h{selector}{RANGE}) * 3600 / $__range_s, 1)"


def in_class(matcher: str) -> str:
    """Give the expression of the seconds of the classes that match."""
    return f"sum_over_time(container:time_class_seconds:sum1h{containers(matcher)}{RANGE})"


def dashboard() -> Dashboard:
    """Give the dashboard of energy and money."""
    return skeleton(
        "hashyard-energy",
        "Energy & money",
        "What was used, what did it cost, how sure is it? For looking: the bill is the controller's report.",
        Section(None, _figures()),
        Section("When was it used, and how sure is it?", _days()),
        Section("Which container? For looking: the bill is the controller's report.", _statement()),
        Section("Which miner?", _miners(), collapsed=True),
        variables=[variables.containers(), variables.one_of_the_containers("statement", "Miners of")],
        annotations=[annotations.profile_changes(C).enable(False)],
        span="now-30d",
        refresh="5m",
    )


def _figures() -> Panels:
    return [
        stat(
            "Energy",
            "Sum of whole hours over the time chosen, measured and estimated, of the miners that could be read. How much"
            " is estimated and what was not read stand beside it.",
            now(f"sum({energy(C)}) / 3600", "energy"),
            unit="watth",
            decimals=2,
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
        stat(
            "Coverage",
            "Time covered by readings ÷ time there was, of all miners, in the hours on record. What was not read is not in the"
            " energy. Yellow below 99 %, red below 95 %.",
            now(f"clamp_max(sum({seconds_read(C)}) / sum({seconds_there_were(C)}), 1)", "coverage"),
            unit="percentunit",
            decimals=1,
            thresholds=colours.low(red=0.95, yellow=0.99),
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
        stat(
            "Measured",
            "Energy that miners measured ÷ all energy. The rest is estimated from the hash rate.",
            now(f"sum({energy(MEASURED)}) / sum({energy(C)})", "measured"),
            unit="percentunit",
            decimals=1,
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
        stat(
            "Cost",
            "Energy × the tariff that held in each five minutes, by currency: currencies are never added. Containers without"
            " a tariff are left out.",
            now(
                f"sum by (currency) (sum_over_time(container:energy_cost:increase1h{C}{RANGE}))",
                "{{currency}}",
            ),
            unit="none",
            decimals=2,
            no_value="No tariff is set",
        ).text_mode(BigValueTextMode.VALUE_AND_NAME),
        stat(
            "Hashing uptime",
            "Time spent hashing ÷ all time but that which was ordered off: ordered silence is held against nobody.",
            now(f"sum({in_class(HASHING)}) / sum({in_class(NOT_CURTAILED)})", "hashing"),
            unit="percentunit",
            decimals=1,
            thresholds=colours.low(red=0.85, yellow=0.95),
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
        stat(
            "Reachable uptime",
            "Share of the miners that answered while they were asked; mean over hours and containers, each container the"
            " same weight.",
            now(f"avg(avg_over_time(container:miner_up:avg1h{C}{RANGE}))", "reachable"),
            unit="percentunit",
            decimals=1,
            thresholds=colours.low(red=0.9, yellow=0.98),
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
        stat(
            "Against the meter",
            "Energy of the containers whose meter Prometheus reads ÷ what the meters counted, less one. Fans, pumps and losses"
            " are in the meter alone, so a few per cent below nought is usual. Coloured from 5 % off on, red from 20 % on."
            " Readings that were entered by hand stand in the controller's report alone.",
            now(
                f"sum({energy(C)} and on (client, container) {_meter()}) / sum({_meter()}) - 1",
                "difference",
            ),
            unit="percentunit",
            decimals=1,
            thresholds=colours.steps(
                (None, colours.RED),
                (-0.2, colours.YELLOW),
                (-0.05, colours.PLAIN),
                (0.05, colours.YELLOW),
                (0.2, colours.RED),
            ),
            no_value="No meter is read here",
            size=28,
        ),
        stat(
            "On record",
            "Hours on record ÷ hours of the time chosen, of the container that has most. Before the first hour, and while"
            " Prometheus was down, nothing is known, and nothing is in these figures.",
            now(f"max({on_record(C)})", "on record"),
            unit="percentunit",
            decimals=0,
            no_value="No hour yet",
            size=FIGURE_SIZE,
        ),
    ]


def _meter() -> str:
    return f"(sum_over_time(container:meter_energy_joules:increase1h{C}{RANGE}) > 0)"


def _days() -> Panels:
    measured = looks.Look(colours.SOURCES["measured"], fill=85)
    estimated = looks.Look(colours.SOURCES["estimated"], fill=45)
    coverage = looks.Look(colours.GREY, width=2)
    share = looks.Look(colours.SOURCES["measured"], width=2)
    read = f"sum(sum_over_time(container:observed_seconds:increase1h{C}{DAY}))"
    there_were = f"sum(sum_over_time(container:miners:avg1h{C}{DAY}) * 3600)"
    return [
        _a_day(
            graph(
                "Energy a day",
                "Sum of whole hours of each day, of the miners that could be read; estimated paler, upon measured. Today so"
                " far.",
                over_time(f"sum({energy(MEASURED, DAY)}) / 3600", "measured", measured),
                over_time(f"sum({energy(ESTIMATED, DAY)}) / 3600", "estimated", estimated),
                unit="watth",
                stacked=True,
                bars=True,
                interval="1d",
                points=DAYS,
                no_value="No full hour is on record in this time",
                links=[links.month_report()],
            )
        ),
        _a_day(
            graph(
                "Cost a day",
                "Energy × the tariff that held, by container, each in its currency. Containers without a tariff are left"
                " out. Today so far.",
                over_time(
                    f"sum by (container, currency) (sum_over_time(container:energy_cost:increase1h{C}{DAY}))",
                    "{{container}} · {{currency}}",
                ),
                unit="none",
                decimals=2,
                stacked=True,
                bars=True,
                interval="1d",
                points=DAYS,
                no_value="No tariff is set",
                links=[links.container_of_series(), links.month_report_of_series()],
            )
        ),
        _a_day(
            graph(
                "What was the time worth?",
                "Share of each class in the time of all miners, a day. Curtailed is ordered, fault is not. Today so far.",
                *by_class(
                    f"sum(sum_over_time(container:time_class_seconds:sum1h{containers('CLASS')}{DAY}))"
                ),
                unit="s",
                stacked=True,
                share=True,
                bars=True,
                interval="1d",
                points=DAYS,
                no_value="No full hour is on record in this time",
                links=[links.plain("hashyard-container", "Open a container")],
            )
        ),
        graph(
            "Coverage and measured share a day",
            "How sure a day's energy is: time covered by readings ÷ time there was in its hours on record, and energy"
            " that miners measured ÷ all energy. Today so far.",
            over_time(f"clamp_max({read} / {there_were}, 1)", "coverage", coverage),
            over_time(
                f"sum({energy(MEASURED, DAY)}) / sum({energy(C, DAY)})",
                "measured share",
                share,
            ),
            unit="percentunit",
            interval="1d",
            points=DAYS,
            most=1,
            no_value="No full hour is on record in this time",
        )
        .show_points(VisibilityMode.ALWAYS)
        .point_size(6),
    ]


def _a_day(panel: timeseries.Panel) -> timeseries.Panel:
    """Let a bar begin where its day begins."""
    return panel.bar_alignment(BarAlignment.AFTER).bar_width_factor(0.8)


def _statement() -> Panels:
    def by_container(expression: str) -> str:
        return f"sum by (container) ({expression})"

    def hours(name: str) -> str:
        return by_container(in_class(f'class="{name}"')) + " / 3600"

    every = by_container(energy(C))
    return [
        table(
            "Statement",
            "A row a container, over the time chosen, in whole hours. Measured, coverage and hours on record say how sure the"
            " energy is. Hashing and reachable are the uptimes; hours are those of all its miners together. J/TH is the mean"
            " over the time of its SHA-256 miners while they hash. Costs are summed above, by currency.",
            Label(
                "container",
                "Container",
                narrowest=98,
                links=[
                    links.container_of_cell(),
                    links.month_report_of_cell(),
                    links.days_report_of_cell(),
                ],
            ),
            Value("Energy", f"{every} / 3600", "watth", 2, narrowest=98),
            Value(
                "Measured",
                f"{by_container(energy(MEASURED))} / {every} or {every} * 0",
                "percentunit",
                1,
                width=84,
            ),
            Value(
                "Coverage",
                f"clamp_max({by_container(seconds_read(C))} / {by_container(seconds_there_were(C))}, 1)",
                "percentunit",
                1,
                width=80,
                shown="text",
                thresholds=colours.steps((None, colours.RED), (0.95, colours.YELLOW), (0.99, colours.GREEN)),
            ),
            Value("On record", f"max by (container) ({on_record(C)})", "percentunit", 0, width=82),
            Value(
                "Cost",
                f"sum by (container, currency) (sum_over_time(container:energy_cost:increase1h{C}{RANGE}))",
                "none",
                2,
                width=82,
            ),
            Label("currency", "Currency", width=80),
            Value(
                "Hashing",
                by_container(in_class('class="hashing"'))
                + " / "
                + by_container(in_class('class!="curtailed"')),
                "percentunit",
                1,
                width=70,
            ),
            Value(
                "Reachable",
                f"avg by (container) (avg_over_time(container:miner_up:avg1h{C}{RANGE}))",
                "percentunit",
                1,
                width=90,
            ),
            Value("Curtailed h", f"{hours('curtailed')} or {every} * 0", "locale", 0, width=92),
            Value("Fault h", f"{hours('fault')} or {every} * 0", "locale", 0, width=66),
            Value("Unreachable h", f"{hours('unreachable')} or {every} * 0", "locale", 0, width=114),
            Value(
                "J/TH",
                "avg by (container)"
                f" (avg_over_time(container:efficiency_joules_per_hash:ratio{SHA}{RANGE})) * 1e12",
                "none",
                1,
                width=50,
            ),
            key="container",
            height=9,
            sort=("Energy", True),
            footer=["Energy", "Curtailed h", "Fault h", "Unreachable h"],
            no_value="No full hour is on record in this time",
        )
    ]


def _miners() -> Panels:
    used = f"sum_over_time(miner:energy_joules:increase1h{ONE}{RANGE})"
    measured = used.replace("}", ',source="measured"}', 1)

    def hours(name: str) -> str:
        selector = ONE.removesuffix("}") + f',class="{name}"}}'
        return (
            f"sum by (miner) (sum_over_time(miner:time_class_seconds:sum1h{selector}{RANGE})) / 3600"
            f" or {every} * 0"
        )

    every = f"sum by (miner) ({used})"
    one_miner = f"max(count_over_time(container:miners:avg1h{ONE}{RANGE})) * 3600"
    return [
        table(
            "Statement by miner",
            "A row a miner of the one container that is chosen above (Miners of), over the time chosen, in whole hours. Coverage"
            " is of the container's hours on record.",
            Label("miner", "Miner", width=130, links=[links.miner_in_this_container(variable="statement")]),
            Value("Energy", f"{every} / 3600", "watth", 2),
            Value("Measured", f"sum by (miner) ({measured}) / {every} or {every} * 0", "percentunit", 0),
            Value(
                "Coverage",
                "clamp_max(sum by (miner) (sum_over_time(miner:observed_seconds:increase1h"
                f"{ONE}{RANGE})) / on () group_left () ({one_miner}), 1)",
                "percentunit",
                1,
                shown="text",
                thresholds=colours.steps((None, colours.RED), (0.95, colours.YELLOW), (0.99, colours.GREEN)),
            ),
            Value("Hashing h", hours("hashing"), "locale", 1),
            Value("Curtailed h", hours("curtailed"), "locale", 1),
            Value("Settling h", hours("settling"), "locale", 1),
            Value("Fault h", hours("fault"), "locale", 1),
            Value("Unreachable h", hours("unreachable"), "locale", 1),
            key="miner",
            height=12,
            sort=("Energy", True),
            footer=["Energy"],
            no_value="No full hour is on record in this time",
        )
    ]
