"""The tokens with which programs of a client ask the query gateway. Only their SHA-256 is kept.

A client has two at most: the one in use, and the one that takes its place.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from controller.model import Client, GatewayToken
from controller.storage.access import checked_sum
from controller.storage.database import Database
from controller.storage.faults import NotKept, Refusal
from controller.storage.rows import to_struct, values
from controller.storage.schema import clients, gateway_tokens
from controller.wording import worded

MOST: Final = 2


class TooManyTokens(Refusal):
    """The client has as many as it may have."""


class GatewayTokens:
    """Makes, finds and revokes them."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, token: GatewayToken, sha256: str) -> None:
        """Keep a new one. `sha256`: of the token as its holder has it. NotKept: no such client; TooManyTokens."""
        row = values(token, sha256=checked_sum(sha256))
        of_client = gateway_tokens.c.client_id == token.client_id

        def work(connection: Connection) -> None:
            if (
                connection.execute(select(clients.c.id).where(clients.c.id == token.client_id)).first()
                is None
            ):
                raise NotKept(worded("there is no client %(client_id)s", client_id=token.client_id))
            there = connection.execute(select(func.count()).select_from(gateway_tokens).where(of_client))
            if there.scalar_one() >= MOST:
                raise TooManyTokens(
                    worded("the client has two tokens for the gateway already: revoke the older one first")
                )
            connection.execute(insert(gateway_tokens).values(row))

        await self._database.write(work)

    async def by_hash(self, sha256: str) -> tuple[GatewayToken, Client] | None:
        """Return a token and whose it is, None if there is none (any more)."""
        token_of = select(gateway_tokens).where(gateway_tokens.c.sha256 == sha256)

        def work(connection: Connection) -> tuple[GatewayToken, Client] | None:
            row = connection.execute(token_of).first()
            if row is None:
                return None
            token = to_struct(GatewayToken, row)
            owner = connection.execute(select(clients).where(clients.c.id == token.client_id)).one()
            return token, to_struct(Client, owner)

        return await self._database.read(work)

    async def of_client(self, client_id: str) -> list[GatewayToken]:
        """Return a client's tokens, newest first."""
        chosen = select(gateway_tokens).where(gateway_tokens.c.client_id == client_id)
        newest_first = chosen.order_by(gateway_tokens.c.created_at.desc(), gateway_tokens.c.id.desc())
        return await self._database.read(
            lambda connection: [to_struct(GatewayToken, row) for row in connection.execute(newest_first)]
        )

    async def touch(self, token_id: str, at: datetime) -> None:
        """Note when it was last used."""
        chosen = update(gateway_tokens).where(gateway_tokens.c.id == token_id).values(last_used_at=at)
        await self._database.write(lambda connection: connection.execute(chosen))

    async def end(self, client_id: str, token_id: str) -> bool:
        """Revoke one of a client's; tell whether it was there."""
        chosen = delete(gateway_tokens).where(
            gateway_tokens.c.id == token_id, gateway_tokens.c.client_id == client_id
        )
        return await self._database.write(lambda connection: connection.execute(chosen).rowcount > 0)
