"""Links with which a person chooses the own password. Only the SHA-256 of their tokens is kept; a user has one at most."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from controller.model import Invitation
from controller.storage.access import checked_sum
from controller.storage.database import Database
from controller.storage.faults import NotKept, Refusal
from controller.storage.rows import to_struct, values
from controller.storage.schema import invitations, users
from controller.wording import worded


class NotGood(Refusal):
    """The invitation has been used, has lapsed or was withdrawn, or the person may not sign in."""


class Invitations:
    """Makes, finds, accepts and withdraws them."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def put(self, invitation: Invitation, sha256: str) -> None:
        """Keep a new one in place of all that the user had before. `sha256`: of the link's token. NotKept: no such user."""
        row = values(invitation, sha256=checked_sum(sha256))

        def work(connection: Connection) -> None:
            known = select(users.c.id).where(users.c.id == invitation.user_id)
            if connection.execute(known).first() is None:
                raise NotKept(worded("there is no user %(user_id)s", user_id=invitation.user_id))
            connection.execute(delete(invitations).where(invitations.c.user_id == invitation.user_id))
            connection.execute(insert(invitations).values(row))

        await self._database.write(work)

    async def by_hash(self, sha256: str) -> Invitation | None:
        """Return the one of a token, None if there is none (any more). Whether it is good still, the caller judges."""
        statement = select(invitations).where(invitations.c.sha256 == sha256)

        def work(connection: Connection) -> Invitation | None:
            row = connection.execute(statement).first()
            return to_struct(Invitation, row) if row else None

        return await self._database.read(work)

    async def of_users(self, user_ids: Sequence[str]) -> dict[str, Invitation]:
        """Return the invitations of some users, by user; who has none is left out."""
        statement = select(invitations).where(invitations.c.user_id.in_(user_ids))
        found = await self._database.read(
            lambda connection: [to_struct(Invitation, row) for row in connection.execute(statement)]
        )
        return {one.user_id: one for one in found}

    async def accept(self, sha256: str, at: datetime, password_hash: str) -> str:
        """Set the password of the one invited and use the invitation up, both or neither; return the user's id.

        Of two at once one is too late. NotGood.
        """
        good = (
            invitations.c.sha256 == sha256,
            invitations.c.used_at.is_(None),
            invitations.c.expires_at > at,
        )

        def work(connection: Connection) -> str:
            chosen = select(users.c.id).join(invitations, invitations.c.user_id == users.c.id)
            user_id = connection.execute(chosen.where(*good, users.c.active.is_(True))).scalar()
            if user_id is None:
                raise NotGood(worded("this invitation is not good any more"))
            connection.execute(update(invitations).where(*good).values(used_at=at))
            password = {"password_hash": password_hash, "password_change_needed": False}
            connection.execute(update(users).where(users.c.id == user_id).values(password))
            return str(user_id)

        return await self._database.write(work)

    async def end(self, user_id: str) -> bool:
        """Withdraw what a user has not used yet; tell whether there was one."""
        chosen = delete(invitations).where(invitations.c.user_id == user_id, invitations.c.used_at.is_(None))
        return await self._database.write(lambda connection: connection.execute(chosen).rowcount > 0)
