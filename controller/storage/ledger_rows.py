"""Rows of the ledger as they are inserted: hours of containers, days by miner, and what is kept of a day that is still open.

All of it runs within the writer's transaction, for booking (controller/storage/ledger.py) and for corrections
(controller/storage/correcting.py) alike.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from controller.storage.books_schema import (
    SUMS,
    closings,
    ledger_day_rows,
    ledger_days,
    ledger_hour_rows,
    ledger_hours,
    ledger_open_hours,
)
from controller.storage.faults import Refusal
from controller.storage.open_hours import (
    COUNTED,
    NO_ALGORITHM,
    DaySums,
    OpenMiner,
    OpenPiece,
    main_algorithm,
    packed,
)
from controller.wording import worded


class ClosedMonth(Refusal):
    """The month is closed: nothing of it changes any more. `month`: `2026-10`."""

    def __init__(self, month: str) -> None:
        """`month`: as people write it."""
        super().__init__(worded("%(month)s is closed: its figures do not change any more", month=month))
        self.month = month


def day_number(day: date) -> int:
    """Return a day as the ledger keeps it: 20261003."""
    return day.year * 10000 + day.month * 100 + day.day


def to_day(number: int) -> date:
    """Return a day of the ledger."""
    return date(number // 10000, number // 100 % 100, number % 100)


def check_open(connection: Connection, days: Iterable[int]) -> None:
    """Raise ClosedMonth where a day (as the ledger keeps it) lies in a closed month."""
    months = {day // 100 for day in days}
    closed = select(func.min(closings.c.month)).where(closings.c.month.in_(months))
    found = connection.execute(closed).scalar_one()
    if found is not None:
        raise ClosedMonth(f"{found // 100:04}-{found % 100:02}")


def hour_rows(piece: OpenPiece, peak_w: float | None) -> list[dict[str, Any]]:
    """Return what a container did in a piece, without the bucket: a row for each algorithm, one where there is none.

    What miners used stands with the algorithm that they worked on most, so that energy and hashes can be compared.
    """
    sums: dict[int, list[int]] = {}
    for miner in piece.miners:
        chief = sums.setdefault(main_algorithm(miner.megahashes), [0] * (len(SUMS) + 1))
        for at, figure in enumerate(miner.counted):
            chief[at] += figure
        chief[-1] += miner.refused
        for algorithm, done in miner.megahashes.items():
            sums.setdefault(algorithm, [0] * (len(SUMS) + 1))[len(COUNTED)] += done
    if not sums:
        sums[NO_ALGORITHM] = [0] * (len(SUMS) + 1)
    return [
        {"begins": piece.begins, "ends": piece.ends, "terms": piece.terms, "algorithm": algorithm}
        | dict(zip(SUMS, figures, strict=False))
        | {"refused": figures[-1], "peak_w": peak_w}
        for algorithm, figures in sums.items()
    ]


def keep_open(
    connection: Connection, container: int, hour: int, day: int, pieces: Sequence[OpenPiece]
) -> None:
    """Keep the miners' part of an hour until its day is complete, in place of what was kept of it."""
    connection.execute(
        delete(ledger_open_hours).where(
            ledger_open_hours.c.container == container, ledger_open_hours.c.hour == hour
        )
    )
    row = {"container": container, "hour": hour, "day": day, "document": packed(pieces)}
    connection.execute(insert(ledger_open_hours).values(row))


def add_hour(
    connection: Connection,
    bucket: dict[str, int],
    ends: int,
    rows: Sequence[dict[str, Any]],
    actor: str | None,
    reason: str | None,
) -> None:
    """Insert an hour with its rows. `bucket`: day, container, hour and revision."""
    stated = {"ends": ends, "booked_at": _now(), "actor": actor, "reason": reason or None}
    connection.execute(insert(ledger_hours).values(bucket | stated))
    if rows:
        connection.execute(insert(ledger_hour_rows), [bucket | row for row in rows])


def add_day(
    connection: Connection, day: int, container: int, sums: DaySums, actor: str | None, reason: str | None
) -> None:
    """Insert a day's rows as its next revision."""
    before = day_revision(connection, day, container)
    bucket = {"day": day, "container": container, "revision": 0 if before is None else before + 1}
    stated = {"booked_at": _now(), "actor": actor, "reason": reason or None}
    connection.execute(insert(ledger_days).values(bucket | stated))
    rows = [
        bucket
        | {"miner": miner, "terms": terms, "algorithm": algorithm, "refused": figures[-1]}
        | dict(zip(SUMS, figures, strict=False))
        for (miner, terms, algorithm), figures in sorted(sums.finished().items())
    ]
    if rows:
        connection.execute(insert(ledger_day_rows), rows)


def day_revision(connection: Connection, day: int, container: int) -> int | None:
    """Return the revision of a day's rows by miner that counts, None where they are not made."""
    latest = select(func.max(ledger_days.c.revision)).where(
        ledger_days.c.day == day, ledger_days.c.container == container
    )
    found: int | None = connection.execute(latest).scalar_one()
    return found


def day_miners(connection: Connection, day: int, container: int) -> list[tuple[int, OpenMiner]]:
    """Return a day's rows as they count, each with the number of its terms; none where they are not made."""
    rows = ledger_day_rows.c
    wanted = select(
        rows.terms, rows.miner, rows.algorithm, *(rows[name] for name in SUMS), rows.refused
    ).where(
        rows.day == day,
        rows.container == container,
        rows.revision == day_revision(connection, day, container),
    )
    return [
        (terms, OpenMiner(miner, list(sums[:-1]), {algorithm: sums[-1]} if sums[-1] else {}, refused))
        for terms, miner, algorithm, *sums, refused in connection.execute(wanted)
    ]


def _now() -> int:
    return int(datetime.now(UTC).timestamp())
