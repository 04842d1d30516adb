"""The rule files, read: groups in their order, rules with their parsed expressions, and what an expression keeps of labels."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import promql_parser as promql
import yaml

ROOT = Path(__file__).parents[3]
RULES = ROOT / "prometheus" / "rules"

FROM_RANGE = re.compile(r"\w+_over_time|rate|irate|increase|delta|idelta|resets|changes|deriv|predict_linear")
"""Functions that read a range of a series."""


class Rule(msgspec.Struct, frozen=True):
    """One rule. `interval_s` is that of its group."""

    name: str
    group: str
    interval_s: float
    expression: promql.Expr
    records: bool


def rules() -> list[Rule]:
    """Every rule of every file, in the order in which its group evaluates it."""
    found = []
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            interval_s = promql.parse_duration(group["interval"]).total_seconds()
            found += [
                Rule(
                    rule.get("record") or rule["alert"],
                    group["name"],
                    interval_s,
                    promql.parse(str(rule["expr"])),
                    "record" in rule,
                )
                for rule in group["rules"]
            ]
    return found


def children(expression: promql.Expr) -> list[promql.Expr]:
    """The expressions that stand right within this one; a range selector's series does not count as one."""
    match expression:
        case promql.BinaryExpr():
            return [expression.lhs, expression.rhs]
        case promql.AggregateExpr():
            return [expression.expr, *([expression.param] if expression.param is not None else [])]
        case promql.Call():
            return list(expression.args)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return [expression.expr]
    return []


def series_read(expression: promql.Expr, over: str = "") -> Iterator[tuple[str, str]]:
    """Name of every series read, with the function that reads a range of it; "" where it is read as an instant value."""
    match expression:
        case promql.VectorSelector():
            yield name_of(expression), over
        case promql.MatrixSelector():
            yield name_of(expression.vector_selector), over
        case promql.SubqueryExpr():
            yield from series_read(expression.expr)  # evaluated at instants, whatever stands around it
        case promql.Call() if FROM_RANGE.fullmatch(expression.func.name):
            for argument in expression.args:
                yield from series_read(argument, expression.func.name)
        case _:
            for child in children(expression):
                yield from series_read(child, over)


def name_of(selector: promql.VectorSelector) -> str:
    """The metric that a selector names, by its name or by its label __name__."""
    if selector.name:
        return str(selector.name)
    return next((matcher.value for matcher in selector.matchers.matchers if matcher.name == "__name__"), "")


class Keeps(Exception):
    """An expression keeps whatever labels a raw series has, or different ones on two sides of an `or`."""


def labels_kept(expression: promql.Expr, known: Mapping[str, frozenset[str]]) -> frozenset[str] | None:
    """The labels that a result can have; None for a number without any. `known` has those of recorded series.

    Raises:
        Keeps: the expression does not shed the labels of the scrape (job, instance).

    """
    match expression:
        case promql.NumberLiteral() | promql.StringLiteral():
            return None
        case promql.VectorSelector():
            name = name_of(expression)
            if name not in known:
                raise Keeps(f"{name} keeps the labels of the scrape")
            return known[name]
        case promql.MatrixSelector():
            return labels_kept(expression.vector_selector, known)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return labels_kept(expression.expr, known)
        case promql.AggregateExpr():
            named = frozenset(expression.modifier.labels) if expression.modifier else frozenset()
            if expression.modifier and expression.modifier.type != promql.AggModifierType.By:
                raise Keeps("an aggregation without `by`")
            return labels_kept(expression.expr, known) if str(expression.op) in ("topk", "bottomk") else named
        case promql.Call():
            return of_call(expression, known)
        case promql.BinaryExpr():
            return of_operator(expression, known)
    raise Keeps(f"an expression of a kind not known here: {type(expression).__name__}")


def of_call(call: promql.Call, known: Mapping[str, frozenset[str]]) -> frozenset[str] | None:
    """The labels of what a function gives: those of its one vector, and the one that label_replace writes."""
    if call.func.name in ("time", "scalar"):
        return None
    if call.func.name == "vector":
        return frozenset()
    kept = next((k for k in (labels_kept(argument, known) for argument in call.args) if k is not None), None)
    if call.func.name == "label_replace" and kept is not None:
        return kept | {call.args[1].val}
    return kept


def of_operator(binary: promql.BinaryExpr, known: Mapping[str, frozenset[str]]) -> frozenset[str] | None:
    """The labels of what stands on either side of an operator, as its matching leaves them."""
    operator = str(binary.op)
    if operator in ("and", "unless"):
        return labels_kept(binary.lhs, known)
    one, other = labels_kept(binary.lhs, known), labels_kept(binary.rhs, known)
    if one is None or other is None:
        return other if one is None else one
    if operator == "or":
        if one != other:
            raise Keeps(f"an `or` of {sorted(one)} and {sorted(other)}")
        return one
    modifier = binary.modifier
    cardinality = modifier.card if modifier else promql.VectorMatchCardinality.OneToOne
    borrowed = frozenset(modifier.group_labels or ()) if modifier else frozenset()
    if cardinality == promql.VectorMatchCardinality.ManyToOne:
        return one | borrowed
    if cardinality == promql.VectorMatchCardinality.OneToMany:
        return other | borrowed
    if modifier and modifier.matching and modifier.matching.type == promql.LabelModifierType.Include:
        return frozenset(modifier.matching.labels)
    return one
