"""The dashboards as they are committed: their panels, what these ask Prometheus, and where they lead."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser as promql

from grafana.catalogue import DASHBOARDS, ROOM, path_of

# What stands for a variable of Grafana, so that an expression can be parsed: a label's value, or a duration.
_DURATIONS = {
    "__rate_interval": "2m",
    "__interval": "1m",
    "__range": "6h",
    "__range_s": "21600",
    "__interval_ms": "60000",
}
_VARIABLE = re.compile(r"\$\{(\w+)(?::\w+)?\}|\$(\w+)")


def load(uid: str) -> dict[str, Any]:
    """One dashboard, from its file."""
    data: dict[str, Any] = json.loads((ROOM / path_of(uid)).read_text(encoding="utf-8"))
    return data


@dataclass(frozen=True)
class Panel:
    """One panel of one dashboard; `collapsed` if it lies in a row that is shut."""

    uid: str
    data: dict[str, Any]
    collapsed: bool

    @property
    def title(self) -> str:
        return str(self.data.get("title", ""))

    @property
    def targets(self) -> list[dict[str, Any]]:
        return list(self.data.get("targets", []))

    def __str__(self) -> str:
        return f"{self.uid}: {self.title}"


def panels_of(uid: str) -> list[Panel]:
    """Every panel of a dashboard in its order, rows left out, those within shut rows too."""
    found = []
    for panel in load(uid)["panels"]:
        if panel["type"] == "row":
            found += [Panel(uid, inner, collapsed=True) for inner in panel["panels"]]
        else:
            found.append(Panel(uid, panel, collapsed=False))
    return found


PANELS = [panel for uid in DASHBOARDS for panel in panels_of(uid)]


@dataclass(frozen=True)
class Asked:
    """An expression, and who asks it."""

    who: str
    uid: str
    expression: str
    instant: bool

    def __str__(self) -> str:
        return self.who


def asked() -> Iterator[Asked]:
    """Every expression of every panel, annotation and variable."""
    for panel in PANELS:
        for target in panel.targets:
            yield Asked(
                f"{panel} {target['refId']}", panel.uid, target["expr"], instant=bool(target.get("instant"))
            )
    for uid in DASHBOARDS:
        data = load(uid)
        for annotation in data["annotations"].get("list", []):
            yield Asked(f"{uid}: annotation {annotation['name']}", uid, annotation["expr"], instant=False)
        for variable in data["templating"]["list"]:
            if variable["type"] == "query":
                match = re.fullmatch(r"label_values\((.+), *(\w+)\)", variable["query"])
                assert match is not None, variable["query"]
                yield Asked(f"{uid}: variable {variable['name']}", uid, match[1], instant=True)


ASKED = list(asked())


def parsed(expression: str) -> promql.Expr:
    """The expression with something in place of each variable. Raises ValueError where it is no PromQL."""
    return promql.parse(_VARIABLE.sub(lambda match: _DURATIONS.get(match[1] or match[2], "x"), expression))


def walk(
    expression: promql.Expr, above: tuple[promql.Expr, ...] = ()
) -> Iterator[tuple[promql.Expr, tuple[promql.Expr, ...]]]:
    """Every part of an expression with the parts around it, the nearest last."""
    yield expression, above
    for part in _parts(expression):
        yield from walk(part, (*above, expression))


def _parts(expression: promql.Expr) -> list[promql.Expr]:
    if isinstance(expression, promql.AggregateExpr):
        return [expression.expr] + ([expression.param] if isinstance(expression.param, promql.Expr) else [])
    if isinstance(expression, promql.BinaryExpr):
        return [expression.lhs, expression.rhs]
    if isinstance(expression, promql.Call):
        return list(expression.args)
    if isinstance(expression, promql.MatrixSelector):
        return [expression.vector_selector]
    if isinstance(expression, promql.ParenExpr | promql.SubqueryExpr | promql.UnaryExpr):
        return [expression.expr]
    return []


def selectors(expression: promql.Expr) -> Iterator[tuple[promql.VectorSelector, tuple[promql.Expr, ...]]]:
    """Every selector of an expression, with the parts around it."""
    for part, above in walk(expression):
        if isinstance(part, promql.VectorSelector):
            yield part, above


def links_of(value: object) -> Iterator[str]:
    """Every address that stands anywhere in a dashboard's JSON."""
    if isinstance(value, dict):
        if "title" in value and value.get("url"):
            yield value["url"]
        for inner in value.values():
            yield from links_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from links_of(inner)
