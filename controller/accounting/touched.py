"""What a change of assignments or tariffs touches: which times of which containers, and which months of the books."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from controller.accounting.periods import day_of
from controller.storage.assignments import Assignment
from miners.inventory.fleet import Container, Inventory
from miners.tariffs import changes_between, price_of

_INSTANT = timedelta(microseconds=1)
_FIVE_DAYS = timedelta(days=5)
FOR_EVER = datetime.max.replace(tzinfo=UTC)

Span = tuple[datetime, datetime]


def owner_changes(before: Sequence[Assignment], after: Sequence[Assignment]) -> dict[str, list[Span]]:
    """Return the times of each container (id) that are a client's before or after, and not both; FOR_EVER without an end."""
    found: dict[str, list[Span]] = {}
    for container in sorted({one.container for one in (*before, *after)}):
        old, new = _spans(before, container), _spans(after, container)
        edges = sorted({edge for span in (*old, *new) for edge in span})
        for begin, end in pairwise(edges):
            if _in(old, begin) != _in(new, begin):
                _add(found.setdefault(container, []), begin, end)
    return {container: spans for container, spans in found.items() if spans}


def price_changes(
    before: tuple[Container, Inventory], after: tuple[Container, Inventory], begin: datetime, end: datetime
) -> list[Span]:
    """Return the times in [`begin`, `end`) of a container at which tariff, currency or price differ."""
    if begin >= end:
        return []
    cuts = {*changes_between(*before, begin, end), *changes_between(*after, begin, end)}
    found: list[Span] = []
    for since, until in pairwise([begin, *sorted(cuts), end]):
        if _price(*before, since) != _price(*after, since):
            _add(found, since, until)
    return found


def days_of_months(timezone: str, spans: Iterable[Span]) -> set[date]:
    """Return a day of each month, by a container's clock, that has something of the times."""
    found: set[date] = set()
    for begin, end in spans:
        if begin < end:
            day, last = day_of(timezone, begin), day_of(timezone, end - _INSTANT)
            while day <= last:
                found.add(day)
                day = (day.replace(day=28) + _FIVE_DAYS).replace(day=1)
    return found


def until(spans: Iterable[Span], moment: datetime) -> list[Span]:
    """Return the part of the times that lies before a moment."""
    return [(begin, min(end, moment)) for begin, end in spans if begin < moment]


def _spans(assignments: Sequence[Assignment], container: str) -> list[Span]:
    return [(one.begins, one.ends or FOR_EVER) for one in assignments if one.container == container]


def _in(spans: Sequence[Span], moment: datetime) -> bool:
    return any(begin <= moment < end for begin, end in spans)


def _add(spans: list[Span], begin: datetime, end: datetime) -> None:
    if spans and spans[-1][1] == begin:
        spans[-1] = spans[-1][0], end
    else:
        spans.append((begin, end))


def _price(container: Container, inventory: Inventory, moment: datetime) -> tuple[str, str, str] | None:
    found = price_of(container, inventory, moment)
    return None if found is None else (found[0].name, found[0].currency, found[1])
