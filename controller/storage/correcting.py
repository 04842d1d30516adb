"""Corrections of the ledger: booked hours put on other terms, as further revisions of the hours and of the days they lie in.

Counted figures stay what they were. A miner's day has no hours any more: where its terms come to differ by the hour, the
day is cut in the proportions that the container's hours have, so that miners still add up to their container exactly.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, select

from controller.accounting.apportioning import divided, table
from controller.accounting.model import Terms
from controller.storage.books_schema import SUMS, ledger_hour_rows, ledger_hours, ledger_open_hours
from controller.storage.ledger_numbers import Numbers, container_number
from controller.storage.ledger_rows import (
    add_day,
    add_hour,
    check_open,
    day_miners,
    hour_rows,
    keep_open,
)
from controller.storage.open_hours import COUNTED, DaySums, OpenMiner, cut, unpacked

Span: TypeAlias = tuple[int, int, int]
"""From when to when, and the number of its terms."""


class BookedRows(msgspec.Struct, frozen=True):
    """An hour as it counts now: its rows by piece, in order. A moment is seconds since 1970, a day 20261003."""

    day: int
    hour: int
    ends: int
    revision: int
    actor: str | None
    reason: str | None
    pieces: list[list[Row[Any]]]


def booked_hours(connection: Connection, container: int, begin: int, end: int) -> list[BookedRows]:
    """Return the hours of a container that have something of a time, in their highest revision, in order."""
    hours = ledger_hours.c
    return _booked(connection, and_(hours.container == container, hours.ends > begin, hours.hour < end))


def _booked(connection: Connection, condition: ColumnElement[bool]) -> list[BookedRows]:
    """Return hours of one container."""
    rows, hours = ledger_hour_rows.c, ledger_hours.c
    found: dict[int, BookedRows] = {}
    container = None
    for row in connection.execute(select(ledger_hours).where(condition).order_by(hours.hour, hours.revision)):
        container = row.container
        found[row.hour] = BookedRows(row.day, row.hour, row.ends, row.revision, row.actor, row.reason, [])
    if not found:
        return []
    wanted = (
        select(ledger_hour_rows)
        .where(
            rows.container == container,
            rows.day.between(min(one.day for one in found.values()), max(one.day for one in found.values())),
            rows.hour.between(min(found), max(found)),
        )
        .order_by(rows.hour, rows.begins, rows.algorithm)
    )
    for row in connection.execute(wanted):
        hour = found.get(row.hour)
        if hour is None or row.revision != hour.revision:
            continue
        if hour.pieces and hour.pieces[-1][0].begins == row.begins:
            hour.pieces[-1].append(row)
        else:
            hour.pieces.append([row])
    return list(found.values())


def correct(
    connection: Connection,
    container_id: str,
    wanted: Sequence[tuple[int, int, Terms]],
    actor: str,
    reason: str,
) -> int:
    """Put the booked hours of a container on other terms; return how many hours that changed. Raises ClosedMonth."""
    container = container_number(connection, container_id)
    if container is None or not wanted:
        return 0
    numbers = Numbers(connection)
    spans = [(begins, ends, numbers.terms(terms)) for begins, ends, terms in wanted]
    changed: list[tuple[BookedRows, list[list[Span]]]] = []
    for hour in booked_hours(connection, container, spans[0][0], spans[-1][1]):
        cuts = [_cuts(piece[0].begins, piece[0].ends, piece[0].terms, spans) for piece in hour.pieces]
        if any(
            one != [(piece[0].begins, piece[0].ends, piece[0].terms)]
            for one, piece in zip(cuts, hour.pieces, strict=True)
        ):
            changed.append((hour, cuts))
    days = sorted({hour.day for hour, _ in changed})
    check_open(connection, days)
    # What the days are made of must be read before the hours have changed.
    flows = {day: _flows(connection, container, day, spans) for day in days}
    for hour, cuts in changed:
        _add_hour(connection, container, hour, cuts, actor, reason)
    for day in days:
        _add_day(connection, container, day, flows[day], actor, reason)
    return len(changed)


def _cuts(begins: int, ends: int, terms: int, spans: Sequence[Span]) -> list[Span]:
    """Return on which terms the time of a piece is now; what no span speaks of stays as it was."""
    cuts: list[Span] = []
    at = begins
    for span_begins, span_ends, span_terms in spans:
        first, last = max(at, span_begins), min(ends, span_ends)
        if first >= last:
            continue
        if first > at:
            cuts.append((at, first, terms))
        cuts.append((first, last, span_terms))
        at = last
    if at < ends:
        cuts.append((at, ends, terms))
    joined: list[Span] = []
    for cut_begins, cut_ends, cut_terms in cuts:
        if joined and joined[-1][2] == cut_terms:
            joined[-1] = (joined[-1][0], cut_ends, cut_terms)
        else:
            joined.append((cut_begins, cut_ends, cut_terms))
    return joined


def _add_hour(
    connection: Connection,
    container: int,
    hour: BookedRows,
    cuts: Sequence[Sequence[Span]],
    actor: str,
    reason: str,
) -> None:
    rows: list[dict[str, Any]] = []
    document = connection.execute(
        select(ledger_open_hours.c.document).where(
            ledger_open_hours.c.container == container, ledger_open_hours.c.hour == hour.hour
        )
    ).scalar_one_or_none()
    if document is not None:
        peaks = [piece[0].peak_w for piece in hour.pieces]
        parts = [
            (part, peak)
            for piece, spans, peak in zip(unpacked(document), cuts, peaks, strict=True)
            for part in cut(piece, spans)
        ]
        rows = [row for part, peak in parts for row in hour_rows(part, peak)]
        keep_open(connection, container, hour.hour, hour.day, [part for part, _ in parts])
    else:
        for piece, spans in zip(hour.pieces, cuts, strict=True):
            for row in piece:
                rows += _cut_row(row, spans)
    bucket = {"day": hour.day, "container": container, "hour": hour.hour, "revision": hour.revision + 1}
    add_hour(connection, bucket, hour.ends, rows, actor, reason)


def _cut_row(row: Row[Any], spans: Sequence[Span]) -> list[dict[str, Any]]:
    """Return a row on other terms, cut by the seconds of each where they are several."""
    lengths = [ends - begins for begins, ends, _ in spans]
    figures = {name: divided(getattr(row, name), lengths) for name in SUMS}
    return [
        {"begins": begins, "ends": ends, "terms": terms, "algorithm": row.algorithm, "peak_w": row.peak_w}
        | {"refused": 0 if at else row.refused}
        | {name: parts[at] for name, parts in figures.items()}
        for at, (begins, ends, terms) in enumerate(spans)
    ]


class _Part(msgspec.Struct):
    """What of a day came onto some terms: counted, refused hours at the end, and hashes by algorithm."""

    counted: list[int]
    megahashes: dict[int, int]


_DIVIDED = (*COUNTED, "refused")

_Flows: TypeAlias = dict[int, dict[int, _Part]]
"""What went from terms to terms, by their numbers."""


def _flows(connection: Connection, container: int, day: int, spans: Sequence[Span]) -> _Flows:
    """Return which part of a day's rows by miner comes onto which terms, as its hours say."""
    open_hours = set(
        connection.execute(
            select(ledger_open_hours.c.hour).where(
                ledger_open_hours.c.container == container, ledger_open_hours.c.day == day
            )
        ).scalars()
    )
    flows: _Flows = {}
    hours = ledger_hours.c
    for hour in _booked(connection, and_(hours.container == container, hours.day == day)):
        if hour.hour in open_hours:
            continue
        for row in (row for piece in hour.pieces for row in piece):
            of_terms = flows.setdefault(row.terms, {})
            for part in _cut_row(row, _cuts(row.begins, row.ends, row.terms, spans)):
                into = of_terms.setdefault(part["terms"], _Part([0] * len(_DIVIDED), {}))
                for at, name in enumerate(_DIVIDED):
                    into.counted[at] += part[name]
                if part["megahashes"]:
                    done = into.megahashes.get(row.algorithm, 0)
                    into.megahashes[row.algorithm] = done + part["megahashes"]
    return flows


def _add_day(
    connection: Connection, container: int, day: int, flows: _Flows, actor: str, reason: str
) -> None:
    """Insert a day's rows by miner on their new terms; nothing where they are not made yet."""
    by_terms: dict[int, list[OpenMiner]] = defaultdict(list)
    for terms, miner in day_miners(connection, day, container):
        by_terms[terms].append(miner)
    if not by_terms:
        return
    sums = DaySums()
    for terms, miners in by_terms.items():
        parts = flows.get(terms, {})
        if len(parts) < 2:
            for miner in miners:
                sums.add_miner(next(iter(parts), terms), miner)
        else:
            _divide(sums, miners, parts)
    add_day(connection, day, container, sums, actor, reason)


def _divide(sums: DaySums, miners: Sequence[OpenMiner], parts: dict[int, _Part]) -> None:
    """Cut the miners' rows over several terms, so that each miner keeps his sums and each terms what its hours have."""
    figures = [[*miner.counted, miner.refused] for miner in miners]
    counted = [
        table([row[at] for row in figures], [part.counted[at] for part in parts.values()])
        for at in range(len(_DIVIDED))
    ]
    hashes = {
        algorithm: table(
            [miner.megahashes.get(algorithm, 0) for miner in miners],
            [part.megahashes.get(algorithm, 0) for part in parts.values()],
        )
        for algorithm in dict.fromkeys(algorithm for miner in miners for algorithm in miner.megahashes)
    }
    for row, miner in enumerate(miners):
        for column, terms in enumerate(parts):
            *cut_figures, refused = (cells[row][column] for cells in counted)
            done = {
                algorithm: cells[row][column] for algorithm, cells in hashes.items() if cells[row][column]
            }
            if any(cut_figures) or done or refused or not column:
                sums.add_miner(terms, OpenMiner(miner.miner, cut_figures, done, refused))
