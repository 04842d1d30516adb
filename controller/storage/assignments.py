"""Whose a container was, is and will be: the truth of the books. Times of one container never overlap.

Where a time was taken away, an assignment of no length stays at its beginning: from the first one of a container on, of
whatever length, the table knows whose it was, and a time without one was nobody's. Before that it says nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from itertools import pairwise

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from controller.storage.database import Database
from controller.storage.faults import NotKept, Refusal
from controller.storage.ledger_rows import check_open, day_number
from controller.storage.rows import to_struct, values
from controller.storage.schema import assignments, clients
from controller.wording import worded


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """A container (id) belongs to a client from `begins` until `ends` (not included; None: until further notice)."""

    client_id: str
    container: str
    begins: datetime
    ends: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Return whether it does at a moment."""
        return self.begins <= at and (self.ends is None or at < self.ends)


class Overlap(Refusal):
    """A container would belong to two clients at a time. `wanted`: what was to be; `kept`: what stands against it."""

    def __init__(self, text: str, wanted: Assignment, kept: Assignment) -> None:
        """`text`: one line, for people."""
        super().__init__(text)
        self.wanted = wanted
        self.kept = kept


class AssignmentsChanged(Refusal):
    """They are no more what the caller saw."""


class Known(msgspec.Struct, frozen=True):
    """What the table knows of a container: its assignments in order, and from when on it knows anything, if it does."""

    assignments: tuple[Assignment, ...] = ()
    since: datetime | None = None

    def at(self, moment: datetime) -> Assignment | None:
        """Return the assignment that holds at a moment; None: nobody's, or not known."""
        return next((one for one in self.assignments if one.holds(moment)), None)


class Assignments:
    """The table of whose a container was."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def all(self) -> dict[str, Known]:
        """Return what is known of every container (id) of which anything is."""

        def work(connection: Connection) -> dict[str, Known]:
            found: dict[str, list[Assignment]] = {}
            for one in _kept(connection):
                found.setdefault(one.container, []).append(one)
            return {container: _known(several) for container, several in found.items()}

        return await self._database.read(work)

    async def of_container(self, container: str) -> Known:
        """Return what is known of one container (id)."""
        return await self._database.read(
            lambda connection: _known(_kept(connection, assignments.c.container == container))
        )

    async def of_client(self, client_id: str) -> list[Assignment]:
        """Return the containers of a client, past and to come too, by container and time."""
        return await self._database.read(lambda connection: _of_client(connection, client_id))

    async def hand_over(
        self, container: str, client_id: str | None, at: datetime
    ) -> tuple[Assignment | None, Assignment | None]:
        """Let a container be a client's (None: nobody's) from a moment on, until what was agreed for later begins.

        Return what ended and what began, None each where nothing did.
        """

        def work(connection: Connection) -> tuple[Assignment | None, Assignment | None]:
            kept = _kept(connection, assignments.c.container == container)
            held = _known(kept).at(at)
            if (None if held is None else held.client_id) == client_id:
                return None, None
            if held is not None:
                connection.execute(
                    update(assignments)
                    .where(assignments.c.container == container, assignments.c.begins == held.begins)
                    .values(ends=at)
                )
            if client_id is None:
                return held, None
            later = [one.begins for one in kept if one.begins > at and _long(one)]
            begun = Assignment(
                client_id=client_id, container=container, begins=at, ends=min(later, default=None)
            )
            _put(connection, [begun])
            return held, begun

        return await self._database.write(work)

    async def replace(
        self,
        client_id: str,
        given: Sequence[Assignment],
        *,
        expected: Sequence[Assignment] | None = None,
        days: Collection[date] = (),
    ) -> None:
        """Make these the whole list of a client's containers.

        `expected`: the list as the caller saw it. `days`: one of each month of whose books it changes anything. NotKept if
        there is no such client; Overlap, AssignmentsChanged, ClosedMonth, or Refusal for an end before the beginning.
        """

        def work(connection: Connection) -> None:
            client = connection.execute(select(clients.c.active).where(clients.c.id == client_id)).first()
            if client is None:
                raise NotKept(worded("there is no client %(client)s", client=client_id))
            before = _of_client(connection, client_id)
            known = {(one.container, one.begins) for one in before}
            given_more = any((one.container, one.begins) not in known for one in given)
            archived = given_more and not client.active
            if expected is not None and (archived or list(expected) != before):
                raise AssignmentsChanged(
                    worded("the client's containers have been changed meanwhile: look again")
                )
            check_open(connection, [day_number(day) for day in days])
            wanted = [msgspec.structs.replace(one, client_id=client_id) for one in given]
            others = _kept(connection, assignments.c.client_id != client_id)
            _check(wanted, [one for one in others if _long(one)])
            taken = {(one.container, one.begins) for one in wanted}
            # What is taken away leaves a mark, so that nobody takes the label on old series for the truth again.
            marks = [
                msgspec.structs.replace(one, ends=one.begins)
                for one in before
                if (one.container, one.begins) not in taken
            ]
            connection.execute(
                delete(assignments).where(
                    assignments.c.client_id == client_id,
                    (assignments.c.ends.is_(None)) | (assignments.c.ends > assignments.c.begins),
                )
            )
            _put(connection, [*marks, *wanted])

        await self._database.write(work)


def _put(connection: Connection, given: Iterable[Assignment]) -> None:
    """Insert assignments; a mark that stands at the beginning of one gives way to it."""
    for one in given:
        connection.execute(
            delete(assignments).where(
                assignments.c.container == one.container,
                assignments.c.begins == one.begins,
                assignments.c.ends == assignments.c.begins,
            )
        )
        connection.execute(insert(assignments), values(one))


def _kept(connection: Connection, *conditions: ColumnElement[bool]) -> list[Assignment]:
    statement = select(assignments).where(*conditions)
    rows = connection.execute(statement.order_by(assignments.c.container, assignments.c.begins))
    return [to_struct(Assignment, row) for row in rows]


def _of_client(connection: Connection, client_id: str) -> list[Assignment]:
    return [one for one in _kept(connection, assignments.c.client_id == client_id) if _long(one)]


def _known(kept: Sequence[Assignment]) -> Known:
    since = min((one.begins for one in kept), default=None)
    return Known(tuple(one for one in kept if _long(one)), since)


def _long(one: Assignment) -> bool:
    return one.ends is None or one.ends > one.begins


def _check(wanted: Sequence[Assignment], others: Sequence[Assignment]) -> None:
    """See that the wanted times lie apart from each other and from those of other clients."""
    for one in wanted:
        if not _long(one):
            raise Refusal(
                worded("%(container)s: the end is not after the beginning", container=one.container)
            )
    containers = {one.container for one in wanted}
    everything = [*wanted, *(one for one in others if one.container in containers)]
    everything.sort(key=lambda one: (one.container, one.begins))
    for earlier, later in pairwise(everything):
        if earlier.container == later.container and (earlier.ends is None or earlier.ends > later.begins):
            new, old = (earlier, later) if earlier in wanted else (later, earlier)
            raise Overlap(
                worded("%(container)s is assigned at that time already", container=later.container), new, old
            )
