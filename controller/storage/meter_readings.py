"""Readings of the containers' own meters. They are never changed; one that was a mistake is withdrawn, and stays to be seen."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from controller.accounting.meters import Fault, faults
from controller.accounting.model import Reading
from controller.storage.books_schema import meter_readings, meter_withdrawals
from controller.storage.database import Database
from controller.storage.faults import NotKept, Refusal
from controller.wording import worded

_FIELDS = tuple(column.name for column in meter_readings.columns)


class NoReading(Refusal):
    """Readings cannot be taken as they are. `faults`: of which, and why."""

    def __init__(self, found: Sequence[Fault]) -> None:
        """`found`: at least one."""
        super().__init__(found[0].why)
        self.faults = tuple(found)


class MeterReadings:
    """Keeps, finds and withdraws them."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, given: Sequence[Reading], now: datetime) -> None:
        """Keep new ones, all or none. Raises NoReading: of the future, twice at a time, falling."""
        containers = sorted({one.container for one in given})

        def work(connection: Connection) -> None:
            found = faults(readings_of(connection, containers), given, now)
            if found:
                raise NoReading(found)
            rows = [{name: getattr(one, name) for name in _FIELDS} for one in given]
            if rows:
                connection.execute(insert(meter_readings), rows)

        await self._database.write(work)

    async def check(self, given: Sequence[Reading], now: datetime) -> list[Fault]:
        """Return why any of these could not be kept; nothing is written."""
        containers = sorted({one.container for one in given})
        return await self._database.read(
            lambda connection: faults(readings_of(connection, containers), given, now)
        )

    async def get(self, reading_id: str) -> Reading | None:
        """Return one, None if there is none of that id."""

        def work(connection: Connection) -> Reading | None:
            row = connection.execute(_all().where(meter_readings.c.id == reading_id)).first()
            return None if row is None else _reading(row)

        return await self._database.read(work)

    async def find(self, containers: Sequence[str] | None = None) -> list[Reading]:
        """Return all readings of these containers (ids; None: of all), withdrawn ones too, newest first."""
        found = await self._database.read(lambda connection: readings_of(connection, containers))
        return sorted(found, key=lambda one: (one.at, one.id), reverse=True)

    async def withdraw(self, reading_id: str, at: datetime, by: str) -> Reading:
        """Say that one was a mistake; return it. NotKept: there is none, or it is withdrawn. Refusal: others rest on it."""

        def work(connection: Connection) -> Reading:
            row = connection.execute(_all().where(meter_readings.c.id == reading_id)).first()
            if row is None or row.withdrawn_at is not None:
                raise NotKept(worded("there is no such reading, or it is withdrawn already"))
            reading = _reading(row)
            left = [
                one
                for one in readings_of(connection, [reading.container])
                if one.id != reading_id and one.withdrawn_at is None
            ]
            if faults((), left, at):
                raise Refusal(
                    worded(
                        "it tells that the meter was replaced: without it the readings after it fall; withdraw those first"
                    )
                )
            said = {"reading": reading_id, "withdrawn_at": at, "withdrawn_by": by}
            connection.execute(insert(meter_withdrawals).values(said))
            return _reading(connection.execute(_all().where(meter_readings.c.id == reading_id)).one())

        return await self._database.write(work)


def readings_of(connection: Connection, containers: Sequence[str] | None) -> list[Reading]:
    """Return the readings of containers (ids; None: of all) by container and time, withdrawn ones too."""
    wanted = _all().order_by(meter_readings.c.container, meter_readings.c.at, meter_readings.c.entered_at)
    if containers is not None:
        wanted = wanted.where(meter_readings.c.container.in_(containers))
    return [_reading(row) for row in connection.execute(wanted)]


def _all() -> Any:
    withdrawn = meter_withdrawals.c
    return select(meter_readings, withdrawn.withdrawn_at, withdrawn.withdrawn_by).outerjoin(
        meter_withdrawals, withdrawn.reading == meter_readings.c.id
    )


def _reading(row: Row[Any]) -> Reading:
    return Reading(
        **{name: getattr(row, name) for name in _FIELDS},
        withdrawn_at=row.withdrawn_at,
        withdrawn_by=row.withdrawn_by,
    )
