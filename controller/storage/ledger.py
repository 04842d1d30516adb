"""The ledger: hours of containers as they are booked, days by miner made of them, and corrections. Rows are only ever added.

An hour is booked once, as revision 0; a correction is a further revision of its bucket with who and why, and the highest
counts. Nothing is taken for a day whose month is closed. What reports read of it is in controller/storage/ledger_reading.py.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, and_, delete, func, select

from controller.accounting.model import BookedHour, Piece, Sums, Terms
from controller.storage import correcting
from controller.storage.books_schema import (
    ledger_containers,
    ledger_hours,
    ledger_names,
    ledger_open_hours,
)
from controller.storage.database import Database
from controller.storage.faults import Taken
from controller.storage.ledger_numbers import (
    Numbers,
    algorithms,
    all_terms,
    container_number,
    moment,
    seconds,
)
from controller.storage.ledger_rows import (
    ClosedMonth,
    add_day,
    add_hour,
    check_open,
    day_miners,
    day_number,
    hour_rows,
    keep_open,
    to_day,
)
from controller.storage.open_hours import COUNTED, NO_ALGORITHM, DaySums, OpenMiner, OpenPiece, unpacked
from controller.wording import worded

__all__ = ["ClosedMonth", "KeptContainer", "KeptHour", "KeptPiece", "Ledger"]


class KeptContainer(msgspec.Struct, frozen=True, kw_only=True):
    """A container of which something is booked, by its latest name and zone; from when, and up to when."""

    id: str
    name: str
    timezone: str
    booked_from: datetime
    booked_until: datetime


class KeptPiece(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a booked hour: all its miners together."""

    begins: datetime
    ends: datetime
    terms: Terms
    sums: Sums
    peak_w: float | None = None
    refused: int = 0


class KeptHour(msgspec.Struct, frozen=True, kw_only=True):
    """An hour as it counts now. `revision`: 0 as booked first. `actor`, `reason`: of its correction."""

    container: str
    begins: datetime
    ends: datetime
    day: date
    revision: int
    pieces: tuple[KeptPiece, ...]
    actor: str | None = None
    reason: str = ""


class Ledger:
    """Books hours and days, and corrects them."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def book(
        self, hour: BookedHour, *, revision: int = 0, actor: str | None = None, reason: str = ""
    ) -> None:
        """Book an hour, with what its miners did kept until their day is complete.

        Raises Taken where that revision is there, ClosedMonth, ValueError for pieces that are not in the hour or overlap.
        """
        _check(hour)
        await self._database.write(lambda connection: _book(connection, hour, revision, actor, reason))

    async def booked_until(self, container: str) -> datetime | None:
        """Return the end of the last booked hour of a container (id), None where none is."""

        def work(connection: Connection) -> datetime | None:
            number = container_number(connection, container)
            last = select(func.max(ledger_hours.c.ends)).where(ledger_hours.c.container == number)
            found = None if number is None else connection.execute(last).scalar_one()
            return None if found is None else moment(found)

        return await self._database.read(work)

    async def containers(self) -> list[KeptContainer]:
        """Return all containers of which anything is booked, those too that are gone from the inventory, by id."""
        return await self._database.read(kept_containers)

    async def open_days(self, container: str) -> list[date]:
        """Return the days of a container of which hours are booked that are not in rows by miner yet, in order."""

        def work(connection: Connection) -> list[date]:
            number = container_number(connection, container)
            days = (
                select(ledger_open_hours.c.day)
                .where(ledger_open_hours.c.container == number)
                .distinct()
                .order_by(ledger_open_hours.c.day)
            )
            return [] if number is None else [to_day(found) for found in connection.execute(days).scalars()]

        return await self._database.read(work)

    async def close_day(self, container: str, day: date) -> bool:
        """Add up the hours of a day into a row for each miner and terms; tell whether there was anything to add up.

        Hours that were booked after their day had been made go into a further revision of it. Raises ClosedMonth.
        """
        return await self._database.write(lambda connection: _close_day(connection, container, day))

    async def kept(self, container: str, begin: datetime, end: datetime) -> list[KeptHour]:
        """Return the hours of a container that have something of a time, as they count now, in order."""
        return await self._database.read(lambda connection: _kept(connection, container, begin, end))

    async def correct(
        self, container: str, spans: Sequence[tuple[datetime, datetime, Terms]], *, actor: str, reason: str
    ) -> int:
        """Put the booked hours of a container on other terms; return how many hours that changed.

        `spans`: terms in order, without a gap between them; hours that lie in them partly keep the rest as it was. Counted
        figures stay: where a span cuts a piece, they are cut by its seconds, and a miner's day by what the hours say. New
        revisions of the hours and of the days touched, all or nothing. Raises ClosedMonth where one of them is closed.
        """
        for begins, ends, _ in spans:
            if begins >= ends:
                raise ValueError(f"a span of terms ends at {ends.isoformat()}, where it begins or before")
        wanted = [(seconds(begins), seconds(ends), terms) for begins, ends, terms in spans]

        def work(connection: Connection) -> int:
            return correcting.correct(connection, container, wanted, actor, reason)

        return await self._database.write(work)


def complete_days(connection: Connection, first: date, last: date) -> None:
    """Make rows by miner of every day in a period that is still open, whatever is booked of it: no hour comes any more."""
    days = (
        select(ledger_open_hours.c.day, ledger_containers.c.container)
        .join(ledger_containers, ledger_containers.c.number == ledger_open_hours.c.container)
        .where(ledger_open_hours.c.day.between(day_number(first), day_number(last)))
        .distinct()
    )
    for day, container in connection.execute(days).all():
        _close_day(connection, container, to_day(day))


def kept_containers(connection: Connection) -> list[KeptContainer]:
    """Return the containers of the books by id, for a transaction that does more."""
    hours, names = ledger_hours.c, ledger_names.c
    found = []
    for number, container in connection.execute(
        select(ledger_containers.c.number, ledger_containers.c.container).order_by(
            ledger_containers.c.container
        )
    ).all():
        # By the ends of the index: years of hours lie between them.
        of_container = select(hours.hour, hours.ends).where(hours.container == number).limit(1)
        first = connection.execute(of_container.order_by(hours.ends)).first()
        last = connection.execute(of_container.order_by(hours.ends.desc())).first()
        latest = select(names.name, names.timezone).where(names.container == number)
        named = connection.execute(latest.order_by(names.hour.desc()).limit(1)).first()
        if first is not None and last is not None and named is not None:
            found.append(
                KeptContainer(
                    id=container,
                    name=named.name,
                    timezone=named.timezone,
                    booked_from=moment(first.hour),
                    booked_until=moment(last.ends),
                )
            )
    return found


def _check(hour: BookedHour) -> None:
    upto = hour.begins
    for piece in hour.pieces:
        if not upto <= piece.begins < piece.ends <= hour.ends:
            raise ValueError(
                f"{hour.container}: a piece from {piece.begins.isoformat()} to {piece.ends.isoformat()} does not lie in the "
                f"hour from {hour.begins.isoformat()} to {hour.ends.isoformat()} after the one before it"
            )
        upto = piece.ends
        names = [miner.miner for miner in piece.miners]
        if len(set(names)) != len(names):
            raise ValueError(
                f"{hour.container}: a miner stands twice in a piece of {hour.begins.isoformat()}"
            )


def _book(connection: Connection, hour: BookedHour, revision: int, actor: str | None, reason: str) -> None:
    day = day_number(hour.day)
    check_open(connection, (day,))
    numbers = Numbers(connection)
    container = numbers.container(hour.container)
    begins = seconds(hour.begins)
    there = select(ledger_hours.c.revision).where(
        ledger_hours.c.day == day,
        ledger_hours.c.container == container,
        ledger_hours.c.hour == begins,
        ledger_hours.c.revision >= revision,
    )
    if connection.execute(there).first() is not None:
        raise Taken(
            worded(
                "%(container)s: the hour from %(begins)s is booked already",
                container=hour.container,
                begins=hour.begins.isoformat(),
            )
        )
    numbers.named(container, begins, hour.name, hour.timezone)
    names = (miner.miner for piece in hour.pieces for miner in piece.miners)
    miners = numbers.miners(container, names)
    pieces = [_open_piece(numbers, miners, piece) for piece in hour.pieces]
    rows = [
        row
        for piece, given in zip(pieces, hour.pieces, strict=True)
        for row in hour_rows(piece, given.peak_w)
    ]
    bucket = {"day": day, "container": container, "hour": begins, "revision": revision}
    add_hour(connection, bucket, seconds(hour.ends), rows, actor, reason)
    keep_open(connection, container, begins, day, pieces)


def _open_piece(numbers: Numbers, miners: dict[str, int], piece: Piece) -> OpenPiece:
    return OpenPiece(
        seconds(piece.begins),
        seconds(piece.ends),
        numbers.terms(piece.terms),
        [
            OpenMiner(
                miners[one.miner],
                [getattr(one.sums, name) for name in COUNTED],
                {numbers.algorithm(name): done for name, done in one.sums.megahashes.items()},
                int(one.refused),
            )
            for one in piece.miners
        ],
    )


def _close_day(connection: Connection, container: str, day: date) -> bool:
    number, at = container_number(connection, container), day_number(day)
    of_day = and_(ledger_open_hours.c.container == number, ledger_open_hours.c.day == at)
    documents = connection.execute(select(ledger_open_hours.c.document).where(of_day)).scalars().all()
    if number is None or not documents:
        return False
    check_open(connection, (at,))
    sums = DaySums()
    for terms, miner in day_miners(connection, at, number):
        sums.add_miner(terms, miner)  # hours that come after their day was made are added to it
    for document in documents:
        sums.add(unpacked(document))
    add_day(connection, at, number, sums, None, None)
    connection.execute(delete(ledger_open_hours).where(of_day))
    return True


def _kept(connection: Connection, container: str, begin: datetime, end: datetime) -> list[KeptHour]:
    number = container_number(connection, container)
    if number is None:
        return []
    terms, named = all_terms(connection), algorithms(connection)
    return [
        KeptHour(
            container=container,
            begins=moment(hour.hour),
            ends=moment(hour.ends),
            day=to_day(hour.day),
            revision=hour.revision,
            actor=hour.actor,
            reason=hour.reason or "",
            pieces=tuple(_kept_piece(rows, terms, named) for rows in hour.pieces),
        )
        for hour in correcting.booked_hours(connection, number, seconds(begin), seconds(end))
    ]


def _kept_piece(rows: Sequence[Row[Any]], terms: Mapping[int, Terms], named: Mapping[int, str]) -> KeptPiece:
    counted = {name: sum(getattr(row, name) for row in rows) for name in COUNTED}
    hashes = {named[row.algorithm]: row.megahashes for row in rows if row.algorithm != NO_ALGORITHM}
    return KeptPiece(
        begins=moment(rows[0].begins),
        ends=moment(rows[0].ends),
        terms=terms[rows[0].terms],
        sums=Sums(**counted, megahashes=hashes),
        peak_w=rows[0].peak_w,
        refused=sum(row.refused for row in rows),
    )
