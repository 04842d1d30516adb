"""Settings that people change while the program runs: a name and a value that JSON can say."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, select

from controller.storage.database import Database
from controller.storage.rows import upsert
from controller.storage.schema import settings


class Settings:
    """The settings that were changed; what was not is not there."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def get(self, name: str) -> Any:
        """Return a value, None if it was not set."""
        statement = select(settings.c.value).where(settings.c.name == name)
        return await self._database.read(lambda connection: connection.execute(statement).scalar())

    async def put(self, name: str, value: Any) -> None:
        """Set a value; None takes it away. TypeError for a value that JSON cannot say."""

        def work(connection: Connection) -> None:
            if value is None:
                connection.execute(delete(settings).where(settings.c.name == name))
            else:
                upsert(connection, settings, [{"name": name, "value": value}])

        await self._database.write(work)

    async def change(self, name: str, change: Callable[[Any], Any]) -> Any:
        """Set a value to what `change` makes of the present one (None: not set), in one transaction; return it."""

        def work(connection: Connection) -> Any:
            statement = select(settings.c.value).where(settings.c.name == name)
            before = connection.execute(statement).scalar()
            value = change(before)
            if value != before:
                upsert(connection, settings, [{"name": name, "value": value}])
            return value

        return await self._database.write(work)

    async def all(self) -> dict[str, Any]:
        """Return all values that are set, by name."""

        def work(connection: Connection) -> dict[str, Any]:
            rows = connection.execute(select(settings).order_by(settings.c.name))
            return {row.name: row.value for row in rows}

        return await self._database.read(work)
