"""Months that are closed, with the reports they were closed with: kept whole, never changed."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, insert, select

from controller.accounting.model import Closing, Report
from controller.storage.books_schema import closing_reports, closings
from controller.storage.database import Database
from controller.storage.faults import Taken
from controller.wording import english, worded

ALL = ""
"""The name under which the report of all containers is kept, beside those of clients under their slugs."""

_DECODER = msgspec.json.Decoder(Report)


class Closings:
    """Closes months, and finds what was closed."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def close(
        self,
        closing: Closing,
        reports: Callable[[Connection, int], Mapping[str, Report]],
        settled: Callable[[Closing], Closing],
    ) -> Closing:
        """Close a month and return it with its number; its `number` is not looked at. Taken where it is closed already.

        `reports`: makes what is kept, by client's slug and under ALL, within the same transaction, given the number. What
        it raises closes nothing. `settled`: returns the closing as it is once they are made.
        """

        def work(connection: Connection) -> Closing:
            month = month_number(closing.month)
            if connection.execute(select(closings.c.number).where(closings.c.month == month)).first():
                raise Taken(worded("%(month)s is closed already", month=closing.month))
            last = connection.execute(select(func.max(closings.c.number))).scalar_one()
            made = msgspec.structs.replace(closing, number=(last or 0) + 1)
            documents = [
                {
                    "number": made.number,
                    "client": client,
                    "document": zlib.compress(msgspec.json.encode(report, enc_hook=english)),
                }
                for client, report in reports(connection, made.number).items()
            ]
            made = settled(made)
            row = {name: getattr(made, name) for name in made.__struct_fields__} | {"month": month}
            connection.execute(insert(closings).values(row))
            connection.execute(insert(closing_reports), documents)
            return made

        return await self._database.write(work)

    async def find(self, client: str | None = None) -> list[Closing]:
        """Return closed months, newest first. `client`: a slug: only those that hold a report for him."""
        wanted = select(closings).order_by(closings.c.number.desc())
        if client is not None:
            of_client = select(closing_reports.c.number).where(closing_reports.c.client == client)
            wanted = wanted.where(closings.c.number.in_(of_client))
        return await self._database.read(
            lambda connection: [_closing(row) for row in connection.execute(wanted)]
        )

    async def get(self, number: int) -> Closing | None:
        """Return one, None if there is none of that number."""
        wanted = select(closings).where(closings.c.number == number)

        def work(connection: Connection) -> Closing | None:
            row = connection.execute(wanted).first()
            return None if row is None else _closing(row)

        return await self._database.read(work)

    async def report(self, number: int, client: str = ALL) -> Report | None:
        """Return a closed month's report, of all or as it is for one client (slug); None where there is none."""
        wanted = select(closing_reports.c.document).where(
            closing_reports.c.number == number, closing_reports.c.client == client
        )

        def work(connection: Connection) -> Report | None:
            document = connection.execute(wanted).scalar_one_or_none()
            return None if document is None else _DECODER.decode(zlib.decompress(document))

        return await self._database.read(work)


def closing_of(connection: Connection, month: int) -> Closing | None:
    """Return the closing of a month (202610), None while it is open."""
    row = connection.execute(select(closings).where(closings.c.month == month)).first()
    return None if row is None else _closing(row)


def month_number(month: str) -> int:
    """Return a month, `2026-10`, as it is kept: 202610."""
    return int(month[:4]) * 100 + int(month[5:7])


def _closing(row: Row[Any]) -> Closing:
    month = f"{row.month // 100:04}-{row.month % 100:02}"
    fields = {name: getattr(row, name) for name in Closing.__struct_fields__ if name != "month"}
    return Closing(**fields, month=month)
