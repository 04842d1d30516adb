"""What reports read of the ledger: sums by container and day, by hour, and by miner, in the revision that counts.

All functions take a reader's connection and return plain numbers; a report is made within one of them, so that all of it is
of one state of the books (controller/accounting/reporting.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select

from controller.storage.books_schema import (
    SUMS,
    ledger_containers,
    ledger_day_rows,
    ledger_days,
    ledger_hour_rows,
    ledger_hours,
    ledger_miners,
    ledger_open_hours,
)
from controller.storage.open_hours import DaySums, unpacked

COUNT = len(SUMS)
"""How many figures a row has, hashes the last of them."""


class Period(NamedTuple):
    """Of which a report is: days as the ledger keeps them (20261003), both included; numbers of containers and of terms.

    `terms` None: whatever they are.
    """

    first: int
    last: int
    containers: Sequence[int]
    terms: Sequence[int] | None


class DayRow(NamedTuple):
    """Sums of a container's day, or of one miner (`miner`, a number; 0: all together), of one algorithm (0: none)."""

    container: int
    day: int
    terms: int
    algorithm: int
    miner: int
    sums: Sequence[int]
    refused: int
    peak_w: float | None


class HourRow(NamedTuple):
    """One hour of a container, or the piece of it that is on the same terms. Moments in seconds since 1970."""

    container: int
    day: int
    hour: int
    terms: int
    begins: int
    ends: int
    joules: int
    miner_s: int
    read_s: int
    watched_s: int


Span: TypeAlias = tuple[int, int]


def numbers_of(connection: Connection) -> dict[str, int]:
    """Return the numbers of all containers by id."""
    found = connection.execute(select(ledger_containers.c.container, ledger_containers.c.number))
    return {row.container: row.number for row in found}


def miners_of(connection: Connection, containers: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Return the container's number and the name of each miner of these containers, by number."""
    miners = ledger_miners.c
    found = connection.execute(
        select(miners.number, miners.container, miners.miner).where(miners.container.in_(containers))
    )
    return {number: (container, name) for number, container, name in found}


def day_sums(connection: Connection, period: Period) -> list[DayRow]:
    """Return the sums of containers by day, terms and algorithm, added up from their hours."""
    rows = ledger_hour_rows.c
    keys = (rows.container, rows.day, rows.terms, rows.algorithm)
    wanted = (
        select(*keys, *_summed(rows), func.sum(rows.refused), func.max(rows.peak_w))
        .where(*_of_period(rows, period), _newest_hour())
        .group_by(*keys)
    )
    return [
        DayRow(
            container,
            day,
            terms,
            algorithm,
            0,
            list(map(int, sums[:COUNT])),
            int(sums[COUNT]),
            sums[-1],
        )
        for container, day, terms, algorithm, *sums in connection.execute(wanted).all()
    ]


def hour_sums(connection: Connection, period: Period) -> Iterator[HourRow]:
    """Return the pieces of containers' hours, each on its own terms, in order."""
    rows = ledger_hour_rows.c
    watched = sum(
        (
            rows[name]
            for name in SUMS
            if name.endswith("_s") and name not in ("miner_s", "read_s", "bridged_s")
        ),
        start=rows.hashing_s * 0,
    )
    keys = (rows.container, rows.day, rows.hour, rows.terms, rows.begins, rows.ends)
    wanted = (
        select(
            *keys,
            func.sum(rows.measured_j + rows.estimated_j),
            func.sum(rows.miner_s),
            func.sum(rows.read_s),
            func.sum(watched),
        )
        .where(*_of_period(rows, period), _newest_hour())
        .group_by(*keys)
        .order_by(rows.container, rows.hour, rows.begins)
    )
    for row in connection.execute(wanted).all():
        yield HourRow(*row[:6], *map(int, row[6:]))


def pieces_between(
    connection: Connection, container: int, first: int, last: int
) -> list[tuple[int, int, int, int]]:
    """Return the pieces of a container's hours on some days: (begins, ends, terms, joules), in order."""
    rows = ledger_hour_rows.c
    keys = (rows.begins, rows.ends, rows.terms)
    wanted = (
        select(*keys, func.sum(rows.measured_j + rows.estimated_j))
        .where(rows.day.between(first, last), rows.container == container, _newest_hour())
        .group_by(*keys)
        .order_by(rows.begins)
    )
    return [(begins, ends, terms, int(joules)) for begins, ends, terms, joules in connection.execute(wanted)]


def miner_sums(
    connection: Connection, period: Period, *, miners: Sequence[int] | None, by_day: bool
) -> list[DayRow]:
    """Return the sums of miners by terms and algorithm, from days that are complete and from those that are still open.

    `miners`: numbers; None: all. `by_day`: one by one; else a miner's days are together, under day 0.
    """
    rows = ledger_day_rows.c
    keys = (rows.miner, rows.terms, rows.algorithm, *((rows.day,) if by_day else ()))
    # The revisions that count are found first, a few for each container, and their rows then by the key: to ask of each
    # of a million rows whether there is a newer one takes as long as to add them up.
    newest = _newest_days(period).subquery()
    counting = and_(
        rows.day == newest.c.day,
        rows.container == newest.c.container,
        rows.revision == newest.c.revision,
    )
    wanted: Select[Any] = (
        select(func.min(rows.container), *keys, *_summed(rows), func.sum(rows.refused))
        .select_from(newest.join(ledger_day_rows, counting))
        .group_by(*keys)
    )
    if period.terms is not None:
        wanted = wanted.where(rows.terms.in_(period.terms))
    if miners is not None:
        wanted = wanted.where(rows.miner.in_(miners))
    found = [
        DayRow(
            row[0],
            row[4] if by_day else 0,
            row[2],
            row[3],
            row[1],
            list(map(int, row[-COUNT - 1 : -1])),
            int(row[-1]),
            None,
        )
        for row in connection.execute(wanted).all()
    ]
    found += _open_sums(connection, period, miners, by_day=by_day)
    return found


def _newest_days(period: Period) -> Select[Any]:
    """Return the highest revision of each container's days."""
    days = ledger_days.c
    return (
        select(days.day, days.container, func.max(days.revision).label("revision"))
        .where(days.day.between(period.first, period.last), days.container.in_(period.containers))
        .group_by(days.day, days.container)
    )


def _open_sums(
    connection: Connection, period: Period, miners: Sequence[int] | None, *, by_day: bool
) -> Iterator[DayRow]:
    rows = ledger_open_hours.c
    wanted = select(rows.container, rows.day, rows.document).where(
        rows.day.between(period.first, period.last), rows.container.in_(period.containers)
    )
    terms, chosen = _set(period.terms), _set(miners)
    together: dict[tuple[int, int], DaySums] = {}
    for container, day, document in connection.execute(wanted):
        sums = together.setdefault((container, day if by_day else 0), DaySums())
        for piece in unpacked(document):
            if terms is None or piece.terms in terms:
                for one in piece.miners:
                    if chosen is None or one.miner in chosen:
                        sums.add_miner(piece.terms, one)
    for (container, day), sums in together.items():
        for (miner, of_terms, algorithm), figures in sums.finished().items():
            yield DayRow(container, day, of_terms, algorithm, miner, figures[:-1], figures[-1], None)


def booked_seconds(connection: Connection, first: int, last: int) -> dict[tuple[int, int], int]:
    """Return how many seconds are booked of each container (number) and day in a period."""
    hours = ledger_hours.c
    wanted = (
        select(hours.container, hours.day, func.sum(hours.ends - hours.hour))
        .where(hours.day.between(first, last), _newest(hours))
        .group_by(hours.container, hours.day)
    )
    return {(container, day): int(booked) for container, day, booked in connection.execute(wanted)}


def booked_spans(connection: Connection, container: int, days: Iterable[int]) -> dict[int, list[Span]]:
    """Return which times of some days of a container are booked, in order, by day."""
    hours = ledger_hours.c
    wanted = (
        select(hours.day, hours.hour, hours.ends)
        .where(hours.container == container, hours.day.in_(list(days)), _newest(hours))
        .order_by(hours.hour)
    )
    found: dict[int, list[Span]] = {}
    for day, begins, ends in connection.execute(wanted):
        found.setdefault(day, []).append((begins, ends))
    return found


def _summed(rows: Any) -> list[ColumnElement[int]]:
    return [func.sum(rows[name]) for name in SUMS]


def _of_period(rows: Any, period: Period) -> list[ColumnElement[bool]]:
    conditions = [rows.day.between(period.first, period.last), rows.container.in_(period.containers)]
    if period.terms is not None:
        conditions.append(rows.terms.in_(period.terms))
    return conditions


def _newest_hour() -> ColumnElement[bool]:
    return _newest(ledger_hour_rows.c)


def _newest(rows: Any) -> ColumnElement[bool]:
    """Return that there is no higher revision of a row's hour."""
    hours = ledger_hours.alias()
    same = and_(hours.c.day == rows.day, hours.c.container == rows.container, hours.c.hour == rows.hour)
    return ~exists().where(same, hours.c.revision > rows.revision)


def _set(given: Sequence[int] | None) -> frozenset[int] | None:
    return None if given is None else frozenset(given)
