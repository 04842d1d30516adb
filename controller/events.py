"""The record: what was wanted, sent, answered and changed, by whom and when. It is written once and never changed.

`EventLog.add` returns when the events are durable; what many callers add at the same time goes into one transaction. Events are
found by `EventFilter`, handed to listeners as they come, and written out as CSV.
"""

import asyncio
import csv
import io
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self, get_args

import msgspec
from sqlalchemy import Connection, delete, insert, select

from controller.model import Category, Event
from controller.storage.database import Database
from controller.storage.event_search import (
    COUNT_AT_MOST,
    BadPosition,
    EventFilter,
    count_of,
    event_values,
    page_of,
    position,
    since_of,
    to_event,
)
from controller.storage.faults import StorageAway
from controller.storage.schema import event_retention, events
from controller.wording import english

__all__ = [
    "COUNT_AT_MOST",
    "LONG_KEPT",
    "BadPosition",
    "EventFilter",
    "EventLog",
    "Subscription",
    "guarded",
    "to_csv",
]

LONG_KEPT: tuple[Category, ...] = ("command", "money")
"""What is kept for years: what was done to miners, and what it cost."""

_PIECE = 1000  # events read at a time where all are wanted
_PURGED_AT_ONCE = 5000  # rows that leave in one transaction, so that writers wait little
_QUEUE = 1000  # events that wait for a slow listener in memory; it reads the rest from the database
_ROWS_AT_ONCE = 5000  # events of one transaction
_INSERT = insert(events)

# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection); a quote in front makes it text.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_COLUMNS = (
    "at",
    "id",
    "category",
    "kind",
    "outcome",
    "actor_type",
    "actor",
    "actor_id",
    "token_id",
    "container",
    "miner",
    "miner_address",
    "client",
    "operation_id",
    "request_id",
    "address",
    "params",
    "before",
    "after",
)


class _Waiting:
    """The events of one caller, and where it waits."""

    __slots__ = ("done", "events", "work")

    def __init__(self, given: Sequence[Event], work: Callable[[Connection], None] | None) -> None:
        self.events = given
        self.work = work
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class EventLog:
    """The record in the database. One a database, used from one event loop.

    `written`, `failed`: events since the start that were stored, and that could not be.
    """

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._subscriptions: set[Subscription] = set()
        self.written = 0
        self.failed = 0

    async def add(self, *given: Event) -> None:
        """Store events, in this order, all or none; durable on return. Listeners get them then.

        Raises StorageAway (nothing was stored), Taken (an id is there already), TypeError (a value that JSON cannot say).
        """
        if given:
            await self._add(given, None)

    async def add_with(self, work: Callable[[Connection], None], *given: Event) -> None:
        """Store events and do this work in one transaction, all or nothing. Raises as `add`, and what `work` raises.

        `work` may run a second time where the first was undone: what it does is to be done on the connection alone.
        """
        await self._add(given, work)

    async def _add(self, given: Sequence[Event], work: Callable[[Connection], None] | None) -> None:
        mine = _Waiting(given, work)
        self._waiting.append(mine)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_waiting())
        await mine.done

    async def find(
        self, wanted: EventFilter, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[Event], str | None]:
        """Return events, newest first, and the position after which the next page begins (None: there is none).

        `after`: such a position; BadPosition (a ValueError) if it is none.
        """
        statement = page_of(wanted, after=after, limit=limit + 1, sqlite=not self._database.postgresql)

        def work(connection: Connection) -> tuple[list[Event], str | None]:
            rows = connection.execute(statement).all()
            more = position(rows[limit - 1]) if len(rows) > limit > 0 else None
            return [to_event(row) for row in rows[:limit]], more

        return await self._database.read(work)

    async def count(self, wanted: EventFilter) -> int:
        """Return how many there are; counting ends at COUNT_AT_MOST, which then means: so many or more."""
        statement = count_of(wanted, sqlite=not self._database.postgresql)
        return await self._database.read(lambda connection: connection.execute(statement).scalar_one())

    async def rows(self, wanted: EventFilter) -> AsyncIterator[Event]:
        """Go through all events, newest first, read in pieces: for CSV."""
        after: str | None = None
        while True:
            found, after = await self.find(wanted, after=after, limit=_PIECE)
            for event in found:
                yield event
            if after is None:
                return

    async def since(self, event_id: str, limit: int = 1000, wanted: EventFilter | None = None) -> list[Event]:
        """Return what was written after this event, oldest first; nothing if there is no such event (any more).

        `wanted`: by its names (no times, no `q`); an event that it does not want is none.
        """
        statement = since_of(
            event_id, wanted or EventFilter(), limit=limit, sqlite=not self._database.postgresql
        )
        return await self._database.read(
            lambda connection: [to_event(row) for row in connection.execute(statement)]
        )

    async def purge(self, now: datetime, days: int, days_of_commands_and_money: int) -> int:
        """Delete what is older than it has to be kept; return how many events left. Goes in steps, beside the writers."""
        limits = {
            category: now - timedelta(days=days_of_commands_and_money if category in LONG_KEPT else days)
            for category in get_args(Category)
        }
        left = 0
        for category, before in limits.items():
            step = partial(_purge, category=category, before=before)
            while gone := await self._database.write(step):
                left += gone
        return left

    def subscribe(self) -> "Subscription":
        """Return a listener, which gets every event added from now on: `with log.subscribe() as new: async for event in new`."""
        return Subscription(self, self._subscriptions)

    async def _write_waiting(self) -> None:
        """Store what waits until nothing waits any more; while one transaction runs, the next gathers."""
        while self._waiting:
            batch = [self._waiting.popleft()]
            size = len(batch[0].events)
            while self._waiting and size + len(self._waiting[0].events) <= _ROWS_AT_ONCE:
                size += len(self._waiting[0].events)
                batch.append(self._waiting.popleft())
            try:
                await self._store(batch)
            except StorageAway as trouble:
                for one in batch:
                    self._fail(one, trouble.again())
            except Exception:  # noqa: BLE001  # some event among them: each for itself tells whose
                await self._store_apart(batch)

    async def _store_apart(self, batch: Sequence[_Waiting]) -> None:
        for one in batch:
            try:
                await self._store([one])
            except Exception as error:  # noqa: BLE001  # it goes to the caller
                self._fail(one, error)

    async def _store(self, batch: Sequence[_Waiting]) -> None:
        def work(connection: Connection) -> None:
            for one in batch:
                if one.work is not None:
                    one.work(connection)
            rows = [event_values(event) for one in batch for event in one.events]
            if rows:
                connection.execute(_INSERT, rows)

        await self._database.write(work)
        for one in batch:
            self.written += len(one.events)
            if not one.done.done():
                one.done.set_result(None)
            for subscription in self._subscriptions:
                subscription.hand(one.events)

    def _fail(self, one: _Waiting, error: Exception) -> None:
        self.failed += len(one.events)
        if not one.done.done():
            one.done.set_exception(error)


class Subscription:
    """The events added since it was entered, each once, in order. A slow listener reads what it missed from the database."""

    def __init__(self, log: EventLog, listening: "set[Subscription]") -> None:
        """Use `EventLog.subscribe`."""
        self._log = log
        self._listening = listening
        self._queue: deque[Event] = deque()
        self._last: str | None = None  # id of the newest event that was queued
        self._behind = False  # the queue was full: the database has the rest
        self._missed = False  # something came while the rest was being read
        self._news = asyncio.Event()

    def __enter__(self) -> Self:
        self._listening.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.discard(self)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._queue:
            if self._behind and self._last is not None:
                await self._catch_up(self._last)
            else:
                self._news.clear()
                await self._news.wait()
        return self._queue.popleft()

    def hand(self, new: Sequence[Event]) -> None:
        """Take events that were just stored: the log's part."""
        if self._behind or len(self._queue) + len(new) > _QUEUE:
            self._missed = True
            if (
                not self._queue and not self._behind
            ):  # more at once than the queue holds: begin it all the same
                self._queue.append(new[0])
                self._last = new[0].id
            self._behind = True
        else:
            self._queue.extend(new)
            self._last = new[-1].id
        self._news.set()

    async def _catch_up(self, last: str) -> None:
        self._missed = False
        found = await self._log.since(last, _QUEUE)
        self._queue.extend(found)
        if found:
            self._last = found[-1].id
        if len(found) < _QUEUE and not self._missed:
            self._behind = False


def to_csv(given: Iterable[Event], *, header: bool = True) -> Iterator[str]:
    """Return events as lines of CSV (RFC 4180), the header first unless told otherwise. No cell can start a formula.

    Times are RFC 3339 in UTC; `params`, `before` and `after` are JSON; what is not known is empty.
    """
    line = io.StringIO(newline="")
    writer = csv.writer(line)

    def written(cells: Iterable[str]) -> str:
        line.seek(0)
        line.truncate()
        writer.writerow(cells)
        return line.getvalue()

    if header:
        yield written(_COLUMNS)
    for event in given:
        yield written(guarded(value) for value in _cells(event))


def _cells(event: Event) -> tuple[Any, ...]:
    actor = event.actor
    return (
        event.at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        event.id,
        event.category,
        event.kind,
        event.outcome,
        actor.type,
        actor.name,
        actor.id,
        actor.token_id,
        event.container,
        event.miner,
        event.miner_address,
        event.client,
        event.operation_id,
        event.request_id,
        event.address,
        _document(event.params),
        _document(event.before),
        _document(event.after),
    )


def _document(value: Any) -> str | None:
    return None if value is None or value == {} else msgspec.json.encode(value, enc_hook=english).decode()


def guarded(value: str | None) -> str:
    """Return a text as a cell of CSV that no spreadsheet takes for a formula; empty for what is not known."""
    if value is None:
        return ""
    return f"'{value}" if value.lstrip(" \u00a0\ufeff").startswith(_FORMULA) else value


def _purge(connection: Connection, category: str, before: datetime) -> int:
    """Delete one step's worth. The row in `event_retention` is what lets the trigger pass, within this transaction only."""
    old = (
        select(events.c.seq)
        .where(events.c.category == category, events.c.at < before)
        .order_by(events.c.at)
        .limit(_PURGED_AT_ONCE)
    )
    connection.execute(insert(event_retention).values(category=category, before=before))
    gone = connection.execute(delete(events).where(events.c.seq.in_(old))).rowcount
    connection.execute(delete(event_retention))
    return gone
