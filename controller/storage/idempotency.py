"""Answers kept for `Idempotency-Key`: the same command sent twice is done once and answered twice.

A key belongs to a user and lives for 24 hours. What was begun and never finished because the program stopped is told apart
from what still runs: nobody knows whether it was done.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from controller.model import new_id
from controller.storage.database import Database
from controller.storage.schema import idempotency

KEPT = timedelta(hours=24)


class Earlier(msgspec.Struct, frozen=True):
    """What became of a key. `new`: go ahead, it is yours now; then `finish` or `forget` it.

    `running`: the first one is still being done. `interrupted`: the program stopped while it was. `other_body`: the key
    was used for another request. `done`: answer with `status`, `headers` and `body`.
    """

    state: Literal["new", "running", "interrupted", "other_body", "done"]
    status: int | None = None
    headers: Mapping[str, str] = {}
    body: str | None = None


class Idempotency:
    """The keys of the last 24 hours."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database
        self._run = new_id("run")

    async def begin(self, user_id: str, key: str, body_hash: str, now: datetime) -> Earlier:
        """Take a key, or learn what became of it. `body_hash`: of method, path and body."""
        here = (idempotency.c.user_id == user_id, idempotency.c.key == key)

        def work(connection: Connection) -> Earlier:
            row = connection.execute(select(idempotency).where(*here)).first()
            if row is not None and row.begun_at > now - KEPT:
                return self._earlier(row, body_hash)
            connection.execute(delete(idempotency).where(*here))
            taken = {
                "user_id": user_id,
                "key": key,
                "body_hash": body_hash,
                "begun_at": now,
                "run": self._run,
            }
            connection.execute(insert(idempotency).values(taken))
            return Earlier("new")

        return await self._database.write(work)

    async def finish(
        self, user_id: str, key: str, status: int, headers: Mapping[str, str], body: str | None
    ) -> None:
        """Keep the answer."""
        chosen = update(idempotency).where(idempotency.c.user_id == user_id, idempotency.c.key == key)
        answer = {"status": status, "headers": dict(headers), "body": body}
        await self._database.write(lambda connection: connection.execute(chosen.values(answer)))

    async def forget(self, user_id: str, key: str) -> None:
        """Give a key back for which nothing was done: the request was refused or failed before it began."""
        chosen = delete(idempotency).where(idempotency.c.user_id == user_id, idempotency.c.key == key)
        await self._database.write(lambda connection: connection.execute(chosen))

    async def purge(self, now: datetime) -> int:
        """Delete the keys that have lapsed; return how many."""
        old = delete(idempotency).where(idempotency.c.begun_at <= now - KEPT)
        return await self._database.write(lambda connection: connection.execute(old).rowcount)

    def _earlier(self, row: Row[Any], body_hash: str) -> Earlier:
        if row.body_hash != body_hash:
            return Earlier("other_body")
        if row.status is not None:
            return Earlier("done", row.status, row.headers or {}, row.body)
        return Earlier("running" if row.run == self._run else "interrupted")
