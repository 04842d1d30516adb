"""What a Grafana asks of Prometheus: each query of a dashboard, its variables filled in, for the times and steps it takes.

For whoever wants to know whether a dashboard answers, and how fast, without running a Grafana. Read from the committed
JSON; rounding of steps and `$__rate_interval` are as Grafana's documentation and its Prometheus data source have them.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from grafana.catalogue import DASHBOARDS, ROOM, path_of

SCRAPED_S = 30
"""`timeInterval` of the provisioned data source."""
FEWEST_SCRAPES = 4
"""`$__rate_interval` spans at least so many."""

_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$([a-zA-Z_]\w*)")  # not label_replace's $1
_LABEL_VALUES = re.compile(r"label_values\((.+), *(\w+)\)", re.DOTALL)
_DURATION = re.compile(r"(?:now-)?(\d+)([smhdw])")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# Where a step is rounded to: each is taken up to the limit beside it, in seconds.
_ROUNDED_S = (
    (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60), (210, 120), (450, 300), (750, 600), (1_050, 900),
    (1_500, 1_200), (2_700, 1_800), (5_400, 3_600), (9_000, 7_200), (16_200, 10_800), (32_400, 21_600),
    (86_400, 43_200), (604_800, 86_400),
)  # fmt: skip

Values = Mapping[str, str]
"""What stands for each variable of a dashboard, as it is put into an expression."""
LabelValues = Callable[[str, str], list[str]]
"""Gives the values that a label has in the series of a selector, sorted: `(selector, label)`."""


@dataclass(frozen=True)
class Question:
    """One query: of a panel with its letter, or of an annotation. `expression` still has the variables in it.

    `span_s`: the dashboard's time range, or the panel's own; `step_s`: between two points of a graph.
    """

    uid: str
    asker: str
    letter: str
    expression: str
    instant: bool
    span_s: int
    step_s: int

    def __str__(self) -> str:
        return f"{self.uid}: {self.asker} {self.letter}".rstrip()

    def filled(self, values: Values) -> str:
        """Give the expression with the dashboard's variables and Grafana's own filled in. Raises KeyError for another."""
        rate_s = max(self.step_s + SCRAPED_S, FEWEST_SCRAPES * SCRAPED_S)
        own = {
            "__interval": f"{self.step_s}s",
            "__rate_interval": f"{rate_s}s",
            "__range": f"{self.span_s}s",
            "__range_s": str(self.span_s),
        }
        return _filled(self.expression, {**values, **own})

    def asked(self, values: Values, now: float) -> tuple[str, dict[str, str]]:
        """Give the path below Prometheus' address and the form to be sent there. `now`: the end of the range, unix seconds."""
        form = {"query": self.filled(values)}
        if self.instant:
            return "/api/v1/query", {**form, "time": f"{now:.3f}"}
        start, end = ((int(at) // self.step_s) * self.step_s for at in (now - self.span_s, now))
        return "/api/v1/query_range", {
            **form,
            "start": str(start),
            "end": str(end),
            "step": str(self.step_s),
        }


@dataclass(frozen=True)
class Variable:
    """A variable that is asked for: the values of `label` in the series of `selector`.

    `all_value`: what stands for all of them, where that can be chosen and is at first; else None.
    """

    uid: str
    name: str
    selector: str
    label: str
    all_value: str | None

    def __str__(self) -> str:
        return f"{self.uid}: variable {self.name}"


def questions(uid: str) -> list[Question]:
    """Give every query of a dashboard's panels, those in shut rows too, and of its annotations."""
    data = _load(uid)
    span_s = _seconds(data["time"]["from"])
    found = [
        _question(uid, panel, target, span_s)
        for panel in _panels(data)
        for target in panel.get("targets", [])
    ]
    for annotation in data["annotations"].get("list", []):
        step_s = _step(span_s, 1_000, annotation["target"]["interval"])
        name = f"annotation {annotation['name']}"
        found.append(Question(uid, name, "", annotation["expr"], instant=False, span_s=span_s, step_s=step_s))
    return found


def variables(uid: str) -> list[Variable]:
    """Give the variables of a dashboard that Prometheus is asked for, in their order: later ones may use earlier ones."""
    found = []
    for one in _load(uid)["templating"]["list"]:
        if one["type"] != "query":
            continue
        match = _LABEL_VALUES.fullmatch(one["query"])
        if match is None:
            raise ValueError(f"{uid}: variable {one['name']} is no label_values(series, label)")
        all_value = one["allValue"] if one.get("includeAll") else None
        found.append(Variable(uid, one["name"], match[1], match[2], all_value))
    return found


def every_question() -> list[Question]:
    """Give the queries of all dashboards."""
    return [question for uid in DASHBOARDS for question in questions(uid)]


def every_variable() -> list[Variable]:
    """Give the variables of all dashboards."""
    return [variable for uid in DASHBOARDS for variable in variables(uid)]


def choices(uid: str, label_values: LabelValues) -> Iterator[dict[str, str]]:
    """Give each choice that a dashboard's dropdowns offer: all where that is offered, else one value after the other.

    A variable without any value ends it, as in Grafana: nothing can be chosen.
    """
    yield from _choices(variables(uid), {}, label_values)


def selector_of(variable: Variable, values: Values) -> str:
    """Give the selector of a variable with earlier variables filled in."""
    return _filled(variable.selector, values)


def _choices(
    left: list[Variable], chosen: dict[str, str], label_values: LabelValues
) -> Iterator[dict[str, str]]:
    if not left:
        yield dict(chosen)
        return
    first, *others = left
    if first.all_value is not None:
        options = [first.all_value]
    else:
        found = label_values(selector_of(first, chosen), first.label)
        options = [value.replace("\\", "\\\\").replace('"', '\\"') for value in found]
    for option in options:
        yield from _choices(others, {**chosen, first.name: option}, label_values)


def _load(uid: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((ROOM / path_of(uid)).read_text(encoding="utf-8"))
    return data


def _panels(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in data["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def _question(uid: str, panel: Mapping[str, Any], target: Mapping[str, Any], span_s: int) -> Question:
    span_s = _seconds(panel["timeFrom"]) if panel.get("timeFrom") else span_s
    least = target.get("interval") or panel.get("interval") or f"{SCRAPED_S}s"
    return Question(
        uid,
        panel["title"],
        target["refId"],
        target["expr"],
        instant=bool(target.get("instant")),
        span_s=span_s,
        step_s=_step(span_s, panel["maxDataPoints"], least),
    )


def _step(span_s: int, points: int, least: str) -> int:
    """Give the step for so many points of a span, no smaller than `least`."""
    wanted = span_s / points
    rounded = next((step for limit, step in _ROUNDED_S if wanted < limit), 604_800)
    return max(rounded, _seconds(least))


def _seconds(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is no duration such as now-6h or 5m")
    return int(match[1]) * _UNITS_S[match[2]]


def _filled(expression: str, values: Values) -> str:
    return _VARIABLE.sub(lambda match: values[match[1] or match[2]], expression)
