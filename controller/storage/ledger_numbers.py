"""The numbers by which rows of the ledger name containers, miners, terms and algorithms: looked up, and given where new.

All of it runs within the writer's transaction: a number that is not kept in the end is not remembered either.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select

from controller.accounting.model import Terms
from controller.storage.books_schema import (
    ledger_algorithms,
    ledger_containers,
    ledger_miners,
    ledger_names,
    ledger_terms,
)


class Numbers:
    """What is known of numbers in one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Begin with nothing known. `connection`: the writer's."""
        self._connection = connection
        self._algorithms: dict[str, int] | None = None
        self._terms: dict[Terms, int] | None = None

    def container(self, container_id: str) -> int:
        """Return a container's number."""
        found = container_number(self._connection, container_id)
        return self._new(ledger_containers, {"container": container_id}) if found is None else found

    def named(self, container: int, hour: int, name: str, timezone: str) -> None:
        """Note how a container is called from an hour on, where that is new."""
        latest = self._connection.execute(
            select(ledger_names.c.name, ledger_names.c.timezone)
            .where(ledger_names.c.container == container, ledger_names.c.hour <= hour)
            .order_by(ledger_names.c.hour.desc())
            .limit(1)
        ).first()
        if latest is not None and tuple(latest) == (name, timezone):
            return
        there = select(ledger_names.c.hour).where(
            ledger_names.c.container == container, ledger_names.c.hour == hour
        )
        if self._connection.execute(there).first() is None:  # what was noted of this hour first stays
            row = {"container": container, "hour": hour, "name": name, "timezone": timezone}
            self._connection.execute(insert(ledger_names).values(row))

    def miners(self, container: int, names: Iterable[str]) -> dict[str, int]:
        """Return the numbers of a container's miners by name; at least of these."""
        of_container = select(ledger_miners.c.miner, ledger_miners.c.number).where(
            ledger_miners.c.container == container
        )
        known = {row.miner: row.number for row in self._connection.execute(of_container)}
        new = [name for name in dict.fromkeys(names) if name not in known]
        if new:
            rows = [{"container": container, "miner": name} for name in new]
            self._connection.execute(insert(ledger_miners), rows)
            known = {row.miner: row.number for row in self._connection.execute(of_container)}
        return known

    def algorithm(self, name: str) -> int:
        """Return an algorithm's number, from 1 on."""
        if self._algorithms is None:
            self._algorithms = {name: number for number, name in algorithms(self._connection).items()}
        if name not in self._algorithms:
            self._algorithms[name] = self._new(ledger_algorithms, {"algorithm": name})
        return self._algorithms[name]

    def terms(self, terms: Terms) -> int:
        """Return the number of terms."""
        if self._terms is None:
            self._terms = {terms: number for number, terms in all_terms(self._connection).items()}
        if terms not in self._terms:
            row = {name: getattr(terms, name) for name in terms.__struct_fields__}
            self._terms[terms] = self._new(ledger_terms, row)
        return self._terms[terms]

    def _new(self, table: Table, row: dict[str, Any]) -> int:
        made = self._connection.execute(insert(table).values(row)).inserted_primary_key
        if made is None:
            raise TypeError(f"{table.name} gave no number")
        number: int = made[0]
        return number


def container_number(connection: Connection, container_id: str) -> int | None:
    """Return a container's number, None where nothing of it is booked."""
    wanted = select(ledger_containers.c.number).where(ledger_containers.c.container == container_id)
    return connection.execute(wanted).scalar_one_or_none()


def algorithms(connection: Connection) -> dict[int, str]:
    """Return all algorithms by number."""
    found = connection.execute(select(ledger_algorithms.c.number, ledger_algorithms.c.algorithm))
    return {row.number: row.algorithm for row in found}


def all_terms(connection: Connection) -> dict[int, Terms]:
    """Return all terms by number."""
    found = connection.execute(select(ledger_terms))
    return {
        row.number: Terms(
            client=row.client, tariff=row.tariff, currency=row.currency, price_per_kwh=row.price_per_kwh
        )
        for row in found
    }


def seconds(moment: datetime) -> int:
    """Return a moment as the ledger keeps it; parts of a second are dropped. ValueError for one without a zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone: the ledger keeps moments")
    return int(moment.timestamp())


def moment(number: int) -> datetime:
    """Return a moment of the ledger."""
    return datetime.fromtimestamp(number, UTC)
