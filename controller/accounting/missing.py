"""What is missing in a report: hours that are not booked, by line, and the times that readings do not cover, with why."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec
from sqlalchemy import Connection

from controller.accounting import gaps
from controller.accounting.model import Gap
from controller.accounting.periods import hour_at
from controller.accounting.scene import Place, Scene
from controller.storage.ledger_numbers import seconds
from controller.storage.ledger_reading import HourRow, Span, booked_seconds, booked_spans
from controller.storage.ledger_rows import day_number

_Key: TypeAlias = "str | int | None"


class Missing(msgspec.Struct, kw_only=True):
    """What is missing. `not_booked`: seconds by what a line is of and its key."""

    gaps: list[Gap]
    booked_until: datetime | None
    not_booked: Mapping[tuple[str, _Key], int]

    def not_booked_s(self, by: str, key: _Key) -> int:
        """Return the seconds that a line lacks: its container's number, client, day (20261003) or month (202610)."""
        return self.not_booked.get((by, key), 0)


def missing_of(connection: Connection, scene: Scene, hours: Sequence[HourRow]) -> Missing:
    """Return what is missing. `hours`: those of the report, by container and in order."""
    by_container: dict[int, list[HourRow]] = {}
    for row in hours:
        by_container.setdefault(row.container, []).append(row)
    booked = booked_seconds(connection, scene.period.first, scene.period.last)
    found: list[Gap] = []
    lacking: dict[tuple[str, _Key], int] = {}
    until: list[datetime] = []
    for place in scene.places:
        rows = by_container.get(place.number or 0, [])
        owned = scene.owned_by_wished(place)
        if owned is not None:
            owned = gaps.common(owned, [(seconds(place.begins), seconds(place.ends))])
            if not owned and not rows:
                continue  # it was another's all the time
        found += gaps.unread(rows, place.id, place.name)
        found += _around(place, scene.now, owned)
        if place.kept is None or place.kept.booked_from >= place.ends:
            continue
        booked_until = place.kept.booked_until
        his_goes_on = owned is None or any(ends > seconds(booked_until) for _, ends in owned)
        if place.container is not None and booked_until < place.ends and his_goes_on:
            until.append(booked_until)
        spans = _not_booked(connection, scene, place, booked, owned)
        found += gaps.named(gaps.joined(span for _, span in spans), place.id, place.name, gaps.NOT_BOOKED)
        for day, span in spans:
            _count(lacking, scene, place, day, span)
    found.sort(key=lambda gap: (gap.name, gap.begins))
    return Missing(gaps=found, booked_until=min(until, default=None), not_booked=lacking)


def _around(place: Place, now: datetime, owned: Sequence[Span] | None) -> list[Gap]:
    """Return the times before a container's books begin, and after it has left the inventory."""
    begins, ends = seconds(place.begins), min(seconds(place.ends), seconds(now))
    if place.kept is None:
        spans, why = [(begins, ends)], gaps.NEVER
        return gaps.named(_his(spans, owned), place.id, place.name, why)
    first, last = seconds(place.kept.booked_from), seconds(place.kept.booked_until)
    if first >= seconds(place.ends):
        return []
    found = gaps.named(_his([(begins, first)], owned), place.id, place.name, gaps.BEGINS)
    if place.container is None and last > begins:
        found += gaps.named(_his([(last, ends)], owned), place.id, place.name, gaps.GONE)
    return found


def _his(spans: Sequence[Span], owned: Sequence[Span] | None) -> list[Span]:
    return gaps.joined(spans) if owned is None else gaps.common(spans, owned)


def _not_booked(
    connection: Connection,
    scene: Scene,
    place: Place,
    booked: Mapping[tuple[int, int], int],
    owned: Sequence[Span] | None,
) -> list[tuple[int, Span]]:
    """Return which times of which days should be in a container's books and are not; hours that are not over need not."""
    if place.kept is None or place.number is None:
        return []
    first = seconds(place.kept.booked_from)
    last = seconds(
        place.kept.booked_until if place.container is None else hour_at(place.timezone, scene.now)[0]
    )
    short: dict[int, Span] = {}
    for date_, day_begins, day_ends in scene.days_of(place):
        begins, ends = max(day_begins, first), min(day_ends, last)
        day = day_number(date_)
        if ends - begins > booked.get((place.number, day), 0):
            short[day] = (begins, ends)
    if not short:
        return []
    there = booked_spans(connection, place.number, short)
    return [
        (day, span)
        for day, (begins, ends) in short.items()
        for span in _his(gaps.outside(begins, ends, there.get(day, [])), owned)
    ]


def _count(lacking: dict[tuple[str, _Key], int], scene: Scene, place: Place, day: int, span: Span) -> None:
    def add(by: str, key: _Key, length: int) -> None:
        lacking[by, key] = lacking.get((by, key), 0) + length

    length = span[1] - span[0]
    add("total", None, length)
    add("container", place.number, length)
    add("day", day, length)
    add("month", day // 100, length)
    for (client, container), spans in scene.owned.items():
        if container == place.id:
            add("client", client, sum(ends - begins for begins, ends in gaps.common(spans, [span])))
