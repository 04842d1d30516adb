"""What became of each user and each client in Grafana when it was last brought in line."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from controller.model import GrafanaLink
from controller.storage.database import Database
from controller.storage.rows import to_struct, upsert, values
from controller.storage.schema import clients, grafana_links, users


class GrafanaLinks:
    """Keeps the last outcome, by owner: a user's id or a client's."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def put(self, links: Sequence[GrafanaLink]) -> None:
        """Keep outcomes in place of the earlier ones. Those of owners that are gone meanwhile are left out."""
        wanted = [one.owner_id for one in links]

        def work(connection: Connection) -> None:
            known_users = set(connection.execute(select(users.c.id).where(users.c.id.in_(wanted))).scalars())
            known_clients = set(
                connection.execute(select(clients.c.id).where(clients.c.id.in_(wanted))).scalars()
            )
            rows = [
                values(
                    one,
                    user_id=one.owner_id if one.owner_id in known_users else None,
                    client_id=one.owner_id if one.owner_id in known_clients else None,
                )
                for one in links
                if one.owner_id in known_users | known_clients
            ]
            upsert(connection, grafana_links, rows)

        await self._database.write(work)

    async def of(self, owner_ids: Sequence[str]) -> dict[str, GrafanaLink]:
        """Return the outcomes of some users or clients, by owner; who was never tried is left out."""
        statement = select(grafana_links).where(grafana_links.c.owner_id.in_(owner_ids))
        found = await self._database.read(
            lambda connection: [to_struct(GrafanaLink, row) for row in connection.execute(statement)]
        )
        return {one.owner_id: one for one in found}
