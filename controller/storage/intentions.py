"""Overrides, holds and service marks: what people want of the fleet, kept until it has ended."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, delete, false, func, insert, or_, select, update

from controller.model import Hold, Override, ServiceMark
from controller.storage.database import Database
from controller.storage.faults import NotKept
from controller.storage.operations import NO_TIMES
from controller.storage.rows import page, to_struct, upsert, values
from controller.storage.schema import holds, override_containers, overrides, service_marks
from controller.wording import worded

OverrideState = Literal["waiting", "active", "ended"]


class Overrides:
    """The overrides, those of the past too."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, override: Override) -> None:
        """Keep a new one; Taken if its id is there."""
        await self._database.write(self.adding(override))

    def adding(self, override: Override) -> Callable[[Connection], None]:
        """Return the same as work, for a transaction that does more."""

        def work(connection: Connection) -> None:
            connection.execute(insert(overrides).values(values(override)))
            _reach(connection, override)

        return work

    async def replace(self, override: Override) -> None:
        """Keep it as it is now; NotKept if it was never added."""
        await self._database.write(self.replacing(override))

    def replacing(self, override: Override) -> Callable[[Connection], None]:
        """Return the same as work, for a transaction that does more."""

        def work(connection: Connection) -> None:
            chosen = update(overrides).where(overrides.c.id == override.id)
            if not connection.execute(chosen.values(values(override))).rowcount:
                raise NotKept(worded("there is no override %(override)s", override=override.id))
            old = override_containers.c.override_id == override.id
            connection.execute(delete(override_containers).where(old))
            _reach(connection, override)

        return work

    async def get(
        self,
        override_id: str,
        *,
        containers: Sequence[str] | None = None,
        since: Mapping[str, datetime] = NO_TIMES,
    ) -> Override | None:
        """Return one, None if there is none of that id; `containers`, `since`: or `find` would not find it."""
        conditions = [overrides.c.id == override_id, *_touching(containers, since)]

        def work(connection: Connection) -> Override | None:
            row = connection.execute(select(overrides).where(*conditions)).first()
            return to_struct(Override, row) if row else None

        return await self._database.read(work)

    async def live(self) -> list[Override]:
        """Return those that have not ended (in force, or waiting for their start), newest first."""
        statement = (
            select(overrides)
            .where(overrides.c.ended_at.is_(None))
            .order_by(overrides.c.created_at.desc(), overrides.c.id.desc())
        )
        return await self._database.read(
            lambda connection: [to_struct(Override, row) for row in connection.execute(statement)]
        )

    async def find(
        self,
        *,
        now: datetime,
        states: Sequence[OverrideState] | None = None,
        containers: Sequence[str] | None = None,
        since: Mapping[str, datetime] = NO_TIMES,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[Override], str | None]:
        """Return a page, newest first, and the position of the next. `containers`: that it touches, wholly or in part.

        `since`: of these containers, only what had not ended by then.
        """
        conditions = _conditions(now, states, containers, since)
        return await self._database.read(
            lambda connection: page(connection, Override, overrides, conditions, after=after, limit=limit)
        )

    async def count(
        self,
        *,
        now: datetime,
        states: Sequence[OverrideState] | None = None,
        containers: Sequence[str] | None = None,
        since: Mapping[str, datetime] = NO_TIMES,
    ) -> int:
        """Return how many `find` would find in all."""
        conditions = _conditions(now, states, containers, since)
        statement = select(func.count()).select_from(overrides).where(*conditions)
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one())

    async def purge(self, before: datetime) -> int:
        """Delete those that ended before; return how many."""
        return await self._database.write(
            lambda connection: (
                connection.execute(delete(overrides).where(overrides.c.ended_at < before)).rowcount
            )
        )


class Holds:
    """The holds in force. One that has ended is gone; the record of events has its story."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, *given: Hold) -> None:
        """Keep new ones, all or none; Taken if an id is there."""
        if given:
            rows = [values(hold) for hold in given]
            await self._database.write(lambda connection: connection.execute(insert(holds), rows))

    async def end(self, *hold_ids: str) -> int:
        """End holds; return how many were in force."""
        chosen = delete(holds).where(holds.c.id.in_(hold_ids))
        return await self._database.write(lambda connection: connection.execute(chosen).rowcount)

    async def live(self) -> list[Hold]:
        """Return those in force, oldest first."""
        statement = select(holds).order_by(holds.c.created_at, holds.c.id)
        return await self._database.read(
            lambda connection: [to_struct(Hold, row) for row in connection.execute(statement)]
        )


class Marks:
    """The miners under somebody's hands."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def add(self, mark: ServiceMark) -> None:
        """Mark a miner; a mark that it has is replaced."""
        rows = [values(mark)]
        await self._database.write(lambda connection: upsert(connection, service_marks, rows))

    async def end(self, miner: str) -> bool:
        """End the mark of a miner (id); tell whether it had one."""
        chosen = delete(service_marks).where(service_marks.c.miner == miner)
        return await self._database.write(lambda connection: connection.execute(chosen).rowcount > 0)

    async def live(self) -> list[ServiceMark]:
        """Return the marks, by miner."""
        statement = select(service_marks).order_by(service_marks.c.miner)
        return await self._database.read(
            lambda connection: [to_struct(ServiceMark, row) for row in connection.execute(statement)]
        )


def _reach(connection: Connection, override: Override) -> None:
    """Note which containers an override touches; a miner's id begins with its container's."""
    touched = {*override.containers, *(miner.partition(".")[0] for miner in override.miners)}
    if touched:
        rows = [{"override_id": override.id, "container": container} for container in sorted(touched)]
        connection.execute(insert(override_containers), rows)


def _conditions(
    now: datetime,
    states: Sequence[OverrideState] | None,
    containers: Sequence[str] | None,
    since: Mapping[str, datetime],
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if states is not None:
        started = overrides.c.starts_at <= now
        meant: dict[OverrideState, ColumnElement[bool]] = {
            "waiting": overrides.c.ended_at.is_(None) & ~started,
            "active": overrides.c.ended_at.is_(None) & started,
            "ended": overrides.c.ended_at.is_not(None),
        }
        conditions.append(or_(false(), *(meant[state] for state in states)))
    return [*conditions, *_touching(containers, since)]


def _touching(containers: Sequence[str] | None, since: Mapping[str, datetime]) -> list[ColumnElement[bool]]:
    """Return the condition that an override touches one of these containers, and had not ended by its time."""
    if containers is None:
        return []
    by_time: dict[datetime | None, list[str]] = {}
    for container in containers:
        by_time.setdefault(since.get(container), []).append(container)
    found: list[ColumnElement[bool]] = []
    for begin, several in by_time.items():
        touching = select(override_containers.c.override_id).where(
            override_containers.c.container.in_(several)
        )
        later = [] if begin is None else [or_(overrides.c.ended_at.is_(None), overrides.c.ended_at > begin)]
        found.append(and_(overrides.c.id.in_(touching), *later))
    return [or_(false(), *found)]
