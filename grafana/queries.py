"""What a panel asks of Prometheus: selectors with the dashboard's variables, and the three ways of asking.

A query is plain data (`Query`); the panel that takes it gives it its letter. Selectors come with their braces:
`f"sum(container:power_watts:sum{CONTAINERS})"`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.models import prometheus as models
from grafana_foundation_sdk.models.common import DataSourceRef

from grafana.colours import CLASS_NUMBERS, CLASSES
from grafana.looks import Look

DATA_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""Every panel and variable reads the data source that the dashboard's first variable names."""


def containers(*more: str) -> str:
    """Selector of the chosen containers (a variable with several values), with further matchers."""
    return "{" + ",".join(['container=~"$container"', *more]) + "}"


def container(*more: str) -> str:
    """Selector of the one container chosen, with further matchers. Raw series may be read with it."""
    return "{" + ",".join(['container="$container"', *more]) + "}"


def miner(*more: str) -> str:
    """Selector of the one miner chosen, with further matchers."""
    return "{" + ",".join(['container="$container"', 'miner="$miner"', *more]) + "}"


def alerts(*more: str) -> str:
    """Selector of alerts of the chosen containers, and of those that have none: Hashyard's own and Prometheus'."""
    return "{" + ",".join(['container=~"$container|"', *more]) + "}"


CONTAINERS = containers()
CONTAINER = container()
MINER = miner()


@dataclass(frozen=True)
class Query:
    """One question. `legend` names the series ({{label}} is filled in), `look` how it is drawn.

    range: over the dashboard's time, for graphs. instant: now, for stats and bars. table: now, a row a series, labels
    as columns.
    """

    expression: str
    legend: str = ""
    look: Look | None = None
    kind: Literal["range", "instant", "table"] = "range"

    def built(self, letter: str) -> prometheus.Dataquery:
        """Give the builder of this query under its letter (`A`, `B`, … in a panel's order)."""
        query = (
            prometheus.Dataquery()
            .ref_id(letter)
            .datasource(DATA_SOURCE)
            .editor_mode(models.QueryEditorMode.CODE)
            .expr(self.expression)
        )
        if self.legend:
            query = query.legend_format(self.legend)
        if self.kind == "range":
            return query.range()
        form = models.PromQueryFormat.TABLE if self.kind == "table" else models.PromQueryFormat.TIME_SERIES
        return query.instant().format(form)


def over_time(expression: str, legend: str = "", look: Look | None = None) -> Query:
    """Ask over the dashboard's time: a graph, a timeline, a stat with its sparkline."""
    return Query(expression, legend, look)


def now(expression: str, legend: str = "") -> Query:
    """Ask for now alone: a stat without a sparkline, a bar."""
    return Query(expression, legend, kind="instant")


def rows(expression: str) -> Query:
    """Ask for now, as a table whose labels become columns."""
    return Query(expression, kind="table")


def letter(place: int) -> str:
    """Give the letter of a panel's query: A to Z."""
    return chr(ord("A") + place)


def class_number(selector: str) -> str:
    """Give the class of each miner as a number, 1 to 6, which value mappings make a word and a colour again.

    `selector` without the class, as `container()` gives it.
    """
    inner = selector.removesuffix("}")
    return "\nor on (container, miner)\n".join(
        f'max by (container, miner) (miner:time_class:bool{inner},class="{name}"}}) * {number}'
        for name, number in CLASS_NUMBERS.items()
    )


def by_class(expression: str, legends: Mapping[str, str] | None = None) -> list[Query]:
    """Ask once a class, so that the classes are stacked in their order; `CLASS` in the expression is the matcher.

    `legends` are other words for the classes, for people who do not know them.
    """
    words = legends or {}
    return [
        over_time(expression.replace("CLASS", f'class="{name}"'), words.get(name, name), Look(colour))
        for name, colour in CLASSES.items()
    ]


def positions(selector: str) -> str:
    """Say where each miner stands: a factor of 1 with the labels row and column, to be joined by container and miner."""
    placed = matching(selector, 'row!=""')
    return (
        "on (container, miner) group_left (row, column) "
        f"max by (container, miner, row, column) (miner_inventory_info{placed})"
    )


def counted(expression: str, source: str, by: str = "") -> str:
    """Give a count with a nought where it finds nothing: only where `source` has a series, else it is not known.

    `source` is what would not be there either if nothing were seen, best from the same group of rules. `by` is the label
    that the count is by, where it is by one.
    """
    grouped = f" by ({by})" if by else ""
    return f"{expression} or count{grouped} ({source}) * 0"


def miners_in_class(selector: str, name: str, by: str = "") -> str:
    """Give how many miners are in a class, or in several (`fault|unreachable`); each that is seen is in one of them all."""
    series = "container:miner_time_class:sum"
    chosen = matching(selector, f'class=~"{name}"')
    grouped = f" by ({by})" if by else ""
    return counted(f"sum{grouped} ({series}{chosen})", f"{series}{selector}", by)


def answering(selector: str) -> str:
    """Give 0 where a miner answers, and nothing where none does, or where that is not known."""
    return f"count(container:miner_up:sum{selector} > 0) * 0"


def where_answering(expression: str, selector: str) -> str:
    """Keep of a figure over some time what is of containers in which a miner answers now: the rest is of the past."""
    return f"({expression} and on (container) container:miner_up:sum{selector} > 0)"


def firing(selector: str, by: str = "") -> str:
    """Count alerts that fire, or those that they are `by`; 0 only while the alert that always fires does."""
    found = f"ALERTS{selector}"
    if by:
        found = f"count by ({by}) ({found})"
    return counted(f"count({found})", 'ALERTS{alertname="Watchdog"}')


def miners_of_inventory(selector: str) -> str:
    """Give the miners of each container by the inventory, for an hour also of one that cannot be seen."""
    return f"max by (container) (last_over_time(container_miners{selector}[1h]))"


def unseen_within_the_hour(selector: str) -> str:
    """Give each container that was seen within the hour and is not now, with its miners: what they do is not known."""
    return f"{miners_of_inventory(selector)} unless on (container) container_miners{selector}"


def unseen(selector: str, value: float) -> str:
    """Give `value` for each container that is not seen now: Prometheus asks for it in vain, or had it within the hour."""
    return f"{_wanted(selector)} * 0 + {value} unless on (container) container_miners{selector}"


def not_answering(selector: str, value: float) -> str:
    """Give `value` for each container in which nobody answers now, or that is not seen: what miners say is not known."""
    return f"{_wanted(selector)} * 0 + {value} unless on (container) container:miner_up:sum{selector} > 0"


def _wanted(selector: str) -> str:
    """Give a series for each container that there should be."""
    target = matching(selector, 'job="hashyard"')
    return f"(max by (container) (up{target}) or {miners_of_inventory(selector)})"


def matching(selector: str, *more: str) -> str:
    """Give a selector with further matchers."""
    return "{" + ",".join([selector.strip("{}"), *more]) + "}"
