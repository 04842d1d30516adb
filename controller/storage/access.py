"""Open sessions and bearer tokens. Of both only the SHA-256 is kept, as 64 hexadecimal digits: a stolen database opens no door.

What begins by a password, a cookie or a token begins only where that is still good when it is written: whoever's password
is changed, or whose session is ended, while he signs in or makes a token, gets nothing by what he had.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select, update

from controller.model import Token, WebSession
from controller.storage.database import Database
from controller.storage.faults import Refusal
from controller.storage.rows import to_struct, values
from controller.storage.schema import sessions, tokens, users
from controller.wording import worded

_SHA256 = re.compile("[0-9a-f]{64}")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """By what somebody has shown who he is: one of them. The hash of his password; the SHA-256 of a cookie, or of a token."""

    password_hash: str | None = None
    session: str | None = None
    token: str | None = None


class NoLonger(Refusal):
    """What somebody had shown is good no more, so nothing begins by it."""


class Sessions:
    """The browsers that are signed in."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, session: WebSession, sha256: str, shown: Shown | None = None) -> None:
        """Keep a new one. `sha256`: of the cookie's value. Taken if there is no such user.

        `shown`: by what it begins; NoLonger where that is not good any more.
        """
        row = values(session, sha256=checked_sum(sha256))

        def work(connection: Connection) -> None:
            _check_shown(connection, session.user_id, shown)
            connection.execute(insert(sessions).values(row))

        await self._database.write(work)

    async def by_hash(self, sha256: str) -> WebSession | None:
        """Return the session of a cookie, None if there is none (any more). Whether it is too old, the caller judges."""
        statement = select(sessions).where(sessions.c.sha256 == sha256)

        def work(connection: Connection) -> WebSession | None:
            row = connection.execute(statement).first()
            return to_struct(WebSession, row) if row else None

        return await self._database.read(work)

    async def touch(self, session_id: str, at: datetime) -> None:
        """Note when it was last used."""
        await self._change(session_id, last_seen=at)

    async def confirm(self, session_id: str, at: datetime) -> None:
        """Note when the password was last given in it."""
        await self._change(session_id, confirmed_at=at)

    async def view(self, session_id: str, client_id: str | None) -> None:
        """Note whose view it has taken; None: it has ended that."""
        await self._change(session_id, viewed_client_id=client_id)

    async def of_user(self, user_id: str) -> list[WebSession]:
        """Return a user's sessions, newest first."""
        statement = select(sessions).where(sessions.c.user_id == user_id).order_by(sessions.c.id.desc())
        return await self._database.read(
            lambda connection: [to_struct(WebSession, row) for row in connection.execute(statement)]
        )

    async def end(self, session_id: str) -> bool:
        """End one; tell whether it was there."""
        return await self._end(sessions.c.id == session_id) > 0

    async def end_of_user(self, user_id: str, except_id: str | None = None) -> int:
        """End all of a user's but one; return how many."""
        conditions = [sessions.c.user_id == user_id]
        if except_id is not None:
            conditions.append(sessions.c.id != except_id)
        return await self._end(*conditions)

    async def purge(self, last_seen_before: datetime, created_before: datetime) -> int:
        """End those that were idle too long or are too old; return how many."""
        old = or_(sessions.c.last_seen < last_seen_before, sessions.c.created_at < created_before)
        return await self._end(old)

    async def _change(self, session_id: str, **change: Any) -> None:
        chosen = update(sessions).where(sessions.c.id == session_id).values(change)
        await self._database.write(lambda connection: connection.execute(chosen))

    async def _end(self, *conditions: ColumnElement[bool]) -> int:
        chosen = delete(sessions).where(*conditions)
        return await self._database.write(lambda connection: connection.execute(chosen).rowcount)


class Tokens:
    """The bearer tokens."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, token: Token, sha256: str, shown: Shown | None = None) -> None:
        """Keep a new one. `sha256`: of the token as its owner holds it. Taken if there is no such user.

        `shown`: by what it is made; NoLonger where that is not good any more.
        """
        row = values(token, sha256=checked_sum(sha256))

        def work(connection: Connection) -> None:
            _check_shown(connection, token.user_id, shown)
            connection.execute(insert(tokens).values(row))

        await self._database.write(work)

    async def by_hash(self, sha256: str) -> Token | None:
        """Return what is known of a token, None if there is none (any more). Whether it has lapsed, the caller judges."""
        return await self._one(tokens.c.sha256 == sha256)

    async def get(self, token_id: str) -> Token | None:
        """Return one by its id."""
        return await self._one(tokens.c.id == token_id)

    async def of_user(self, user_id: str) -> list[Token]:
        """Return a user's tokens, newest first."""
        statement = select(tokens).where(tokens.c.user_id == user_id).order_by(tokens.c.id.desc())
        return await self._database.read(
            lambda connection: [to_struct(Token, row) for row in connection.execute(statement)]
        )

    async def touch(self, token_id: str, at: datetime, address: str | None) -> None:
        """Note when and from where it was last used."""
        change = {"last_used_at": at, "last_address": address}
        chosen = update(tokens).where(tokens.c.id == token_id).values(change)
        await self._database.write(lambda connection: connection.execute(chosen))

    async def end(self, token_id: str) -> bool:
        """Revoke one; tell whether it was there."""
        return await self._end(tokens.c.id == token_id) > 0

    async def end_of_user(self, user_id: str, miner: str | None = None) -> int:
        """Revoke all of a user's, or those that are good for one miner (id) only; return how many."""
        conditions = [tokens.c.user_id == user_id]
        if miner is not None:
            conditions.append(tokens.c.miner == miner)
        return await self._end(*conditions)

    async def purge(self, expired_before: datetime) -> int:
        """Delete those that lapsed before; return how many."""
        return await self._end(tokens.c.expires_at < expired_before)

    async def _one(self, condition: ColumnElement[bool]) -> Token | None:
        def work(connection: Connection) -> Token | None:
            row = connection.execute(select(tokens).where(condition)).first()
            return to_struct(Token, row) if row else None

        return await self._database.read(work)

    async def _end(self, *conditions: ColumnElement[bool]) -> int:
        chosen = delete(tokens).where(*conditions)
        return await self._database.write(lambda connection: connection.execute(chosen).rowcount)


class Access:
    """Sessions and tokens."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database
        self.sessions = Sessions(database)
        self.tokens = Tokens(database)

    async def counts(self, user_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Return how many sessions and how many tokens each of these users has; old ones that nobody has purged count too."""
        statements = [
            select(table.c.user_id, func.count())
            .where(table.c.user_id.in_(user_ids))
            .group_by(table.c.user_id)
            for table in (sessions, tokens)
        ]

        def work(connection: Connection) -> dict[str, tuple[int, int]]:
            of_sessions, of_tokens = (
                {row[0]: row[1] for row in connection.execute(statement)} for statement in statements
            )
            return {one: (of_sessions.get(one, 0), of_tokens.get(one, 0)) for one in user_ids}

        return await self._database.read(work)


def _check_shown(connection: Connection, user_id: str, shown: Shown | None) -> None:
    """Raise NoLonger where what was shown is not good any more. None: nobody had to show anything."""
    if shown is None:
        return
    conditions = [users.c.id == user_id, users.c.active.is_(True)]
    if shown.password_hash is not None:
        conditions.append(users.c.password_hash == shown.password_hash)
    for table, sha256 in ((sessions, shown.session), (tokens, shown.token)):
        if sha256 is not None:
            mine = select(table.c.id).where(table.c.user_id == user_id, table.c.sha256 == sha256)
            conditions.append(mine.exists())
    if connection.execute(select(users.c.id).where(*conditions)).first() is None:
        raise NoLonger(worded("this session has ended: sign in again"))


def checked_sum(sha256: str) -> str:
    """See that it is a hash: nobody stores the secret itself by mistake."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError("a SHA-256 is wanted, as 64 hexadecimal digits in lower case")
    return sha256
