"""A query of a client, cut to the series that carry his name, or refused. Pure; the only place that decides it.

Every selector gets the matcher `client="…"`, whatever else stands in it: several matchers of one label all have to hold,
so one that names another client leaves nothing. A selector that does not fix the name of the series gets a second one
that leaves out what clients are not shown. The text that goes out is read again, and must be what was meant.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from controller.gateway.syntax import Matcher, Node, Refused, TooMuch, Unreadable, read, walk, write

__all__ = [
    "DENIED",
    "NotShown",
    "Refused",
    "TooMuch",
    "Unprovable",
    "Unreadable",
    "confined",
    "confined_selector",
    "everything_of",
]

CLIENT: Final = "client"
NAME: Final = "__name__"

_NOT_SHOWN: Final = (
    "hashyard_.*",  # Hashyard's own state: orders, drift, polls
    "container_energy_price.*",  # tariffs and costs are the operator's to show
    ".*:energy_cost.*",
    "miner_info",  # addresses in the operator's network, which no client's page shows either
    "miner_inventory_info",
    # Without a label `client` there is nothing of his in them: to say so is kinder than an empty answer.
    "fleet:.*",
    "model:.*",
    "up",
    "scrape_.*",
    "prometheus_.*",
    "alertmanager_.*",
    "process_.*",
    "python_.*",
    "go_.*",
    # Alerts carry labels of the house (addresses, who is called): `alerts` and `rules` give his own without them.
    "ALERTS.*",
)
DENIED: Final = "|".join(_NOT_SHOWN)
"""Names of series that are not shown to clients, as a regular expression of both Prometheus and Python."""

MAX_LENGTH_MS: Final = 400 * 86_400_000
"""The longest range, subquery or offset within a query: a year and what may be compared with it."""
MAX_POINTS: Final = 11_000
"""Points of a subquery, with those around it multiplied: the same that Prometheus allows a range."""
MAX_SELECTORS: Final = 60

_DENIED = re.compile(DENIED, re.DOTALL)
_OTHERS_TO_CALL: Final = ("info",)
"""Functions that look series up by themselves."""


class NotShown(Refused):
    """Series of this name are not shown to clients."""


class Unprovable(Refused):
    """It cannot be shown that what would be sent is what was asked, cut to the client."""


def confined(query: str, client: str) -> str:
    """Return the query that sees only series with `client` of this slug. Raises Refused and its kinds."""
    asked = read(query)
    _check(asked)
    return _sent(asked, client)


def confined_selector(match: str, client: str) -> str:
    """Return a selector, as `match[]` has it, that finds only series of this client. Raises Refused and its kinds."""
    asked = read(match)
    if asked.kind != "selector" or asked.own != (None, None):
        raise Unreadable('this takes a selector alone, such as miner_up{container="…"}')
    return _sent(asked, client)


def everything_of(client: str) -> str:
    """Return the selector of all that is shown to this client. Raises Refused."""
    return _sent(Node("selector", (None, None)), client)


def _sent(asked: Node, client: str) -> str:
    if not client:
        raise Unprovable("this token belongs to no client")
    text = write(_cut(asked, client))
    again = read(text)
    selectors = [node for node in walk(again) if node.kind == "selector"]
    if not all(_is_cut(node, client) for node in selectors) or _uncut(again, client) != asked:
        raise Unprovable("this query cannot be cut to one client for certain: write it in another way")
    return text


def _added(matchers: Iterable[Matcher], client: str) -> tuple[Matcher, ...]:
    """Return what a selector with these matchers has to carry besides. Raises NotShown."""
    names = [one.value for one in matchers if one.name == NAME and one.operator == "="]
    for name in names:
        if _DENIED.fullmatch(name):
            raise NotShown(f"{name} is not shown to clients")
    fixed = () if names and "" not in names else (Matcher(NAME, "!~", DENIED),)
    return (Matcher(CLIENT, "=", client), *fixed)


def _cut(node: Node, client: str) -> Node:
    if node.kind == "selector":
        return replace(node, matchers=(*node.matchers, *_added(node.matchers, client)))
    return replace(node, parts=tuple(_cut(part, client) for part in node.parts))


def _is_cut(node: Node, client: str) -> bool:
    return Matcher(CLIENT, "=", client) in node.matchers


def _uncut(node: Node, client: str) -> Node:
    """Return a tree without what `_cut` adds at the end of each selector; a selector that lacks it stays, and so differs."""
    if node.kind != "selector":
        return replace(node, parts=tuple(_uncut(part, client) for part in node.parts))
    for many in (2, 1):
        before, last = node.matchers[:-many], node.matchers[-many:]
        if len(last) == many and last == _added(before, client):
            return replace(node, matchers=before)
    return node


def _check(asked: Node) -> None:
    """See that a query asks for nothing that cannot be cut, and not for too much. Raises Refused."""
    selectors = 0
    for node in walk(asked):
        if node.kind == "selector":
            selectors += 1
        if node.kind == "call" and node.own[0] in _OTHERS_TO_CALL:
            raise Unreadable(f"{node.own[0]}() is not allowed: it looks up series by itself")
        if node.kind == "aggregate" and len(node.parts) == 2:
            _check_parameter(node)
    if selectors > MAX_SELECTORS:
        raise TooMuch(f"a query may name series {MAX_SELECTORS} times at most")
    _check_times(asked, 1)


def _check_parameter(node: Node) -> None:
    if any(part.kind == "selector" for part in walk(node.parts[0])):
        raise Unreadable(
            f"the parameter of {node.own[0]} must be a number or a text: no series may be asked for in it"
        )


def _check_times(node: Node, points: int) -> None:
    if node.kind == "subquery":
        length, step = (int(one or 0) for one in node.own[:2])
        if not step:
            raise Unreadable("a subquery must say its step, as in [1h:1m]")
        points *= length // step + 1
        if points > MAX_POINTS:
            raise TooMuch(f"subqueries may have {MAX_POINTS} points at most: take a longer step")
    lengths = node.own[:1] if node.kind in ("range", "selector") else ()
    if node.kind == "subquery":
        lengths = (node.own[0], node.own[2])
    if any(abs(int(one or 0)) > MAX_LENGTH_MS for one in lengths):
        raise TooMuch("a query may look back 400 days at most")
    for part in node.parts:
        _check_times(part, points)
