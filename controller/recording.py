"""Writing down what is done, many at a time: events, what is remembered of miners, the state of operations.

Whatever is given while one batch is on its way to the disk goes into the next, so ten thousand commands cost some dozens
of commits. What must be durable before a command leaves is awaited (`keep`); what says how it went follows as soon as it
can be had (`later`), is never given up while the database is away, and is in order.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec
import structlog

from controller.model import Event, MinerRecord, Operation, Result
from controller.storage.faults import StorageAway, StorageError
from controller.storage.storage import Storage
from controller.wording import text_of

T = TypeVar("T")

RETRY_S = 1.0
"""How long, on the wall, to wait before a database that was away is tried again."""

A_PIECE = 100
"""Events or records turned into rows without the event loop's turn in between."""

PIECES = 20
"""In one batch."""

_log = structlog.get_logger(__name__)


class _Awaited(msgspec.Struct):
    """Events that somebody waits for, and the miners whose records go with them."""

    events: tuple[Event, ...]
    miners: tuple[str, ...]
    done: asyncio.Future[None]


class Recorder:
    """What goes to the database beside the intentions themselves. `away`: why it takes nothing now; None: it does."""

    def __init__(self, storage: Storage, record_of: Callable[[str], MinerRecord | None]) -> None:
        """`record_of`: the present record of a miner, asked when it is written, so the newest is."""
        self._storage = storage
        self._record_of = record_of
        self._awaited: list[_Awaited] = []
        self._events: list[Event] = []
        self._miners: dict[str, None] = {}
        self._operations: dict[str, Operation] = {}
        self._results: dict[str, dict[str, Result]] = {}
        self._filled = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.away: str | None = None

    def start(self) -> None:
        """Begin to write. To be called in the running loop."""
        self._task = asyncio.create_task(self._run(), name="recorder")

    async def close(self) -> None:
        """Write what is left, once, and end."""
        self._closing = True
        self._filled.set()
        if self._task is not None:
            await self._task

    async def keep(self, *events: Event, miners: Iterable[str] = ()) -> None:
        """Return when these events are durable, and with them the records of these miners. Raises StorageAway: none is."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited.append(_Awaited(events, tuple(miners), done))
        self._filled.set()
        await done

    def later(self, *events: Event, miners: Iterable[str] = ()) -> None:
        """Write these as soon as the database takes them."""
        self._events += events
        self._miners.update(dict.fromkeys(miners))
        self._filled.set()

    def operation(self, operation: Operation, results: Iterable[Result] = ()) -> None:
        """Write an operation's state, and those of its results that have changed."""
        self._operations[operation.id] = operation
        self._results.setdefault(operation.id, {}).update({one.miner: one for one in results})
        self._filled.set()

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting():
                if not await self._write():
                    if self._closing:
                        return
                    await asyncio.sleep(RETRY_S)
            if self._closing:
                return

    def _waiting(self) -> bool:
        return bool(self._awaited or self._events or self._miners or self._operations or self._results)

    async def _write(self) -> bool:
        """Write one batch; return whether the database took writes."""
        most = A_PIECE * PIECES
        awaited, self._awaited = self._awaited[:most], self._awaited[most:]
        events, self._events = self._events[:most], self._events[most:]
        named = list(self._miners)
        self._miners = dict.fromkeys(named[most:])
        operations, self._operations = self._operations, {}
        results, self._results = self._results, {}
        writes = [self._write_events(piece) for piece in _pieces(events)]
        writes += [self._write_records(piece) for piece in _pieces(named[:most])]
        writes += [
            self._write_operation(operation, results.get(id_, {})) for id_, operation in operations.items()
        ]
        writes += [self._write_awaited(piece) for piece in _pieces(awaited)]
        failures = []
        for found in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(found, StorageAway):
                failures.append(found)
            elif found is not None:  # a mistake of ours over one piece must not end the record
                _log.error("a piece of the record was lost by a mistake of ours", exc_info=found)
        self._told(failures[0] if failures else None)
        return not failures

    async def _write_awaited(self, awaited: Sequence[_Awaited]) -> StorageAway | None:
        """Write what callers wait for; what is not taken is theirs to give again."""
        try:
            await self._storage.events.add_with(
                self._storage.miners.saving(
                    self._records(dict.fromkeys(miner for one in awaited for miner in one.miners))
                ),
                *(event for one in awaited for event in one.events),
            )
        except StorageAway as failure:
            self._told(failure)  # who waited finds it said
            self._miners.update(dict.fromkeys(miner for one in awaited for miner in one.miners))
            for one in awaited:
                if not one.done.done():
                    one.done.set_exception(failure.again())
            return failure
        except Exception as error:  # noqa: BLE001  # whatever it was: who waits must not wait for ever
            if len(awaited) == 1:
                if not awaited[0].done.done():
                    awaited[0].done.set_exception(error)
                return None
            return await self._apart(self._write_awaited, awaited)
        for one in awaited:
            if not one.done.done():
                one.done.set_result(None)
        return None

    async def _apart(
        self, write: Callable[[Sequence[T]], Awaitable[StorageAway | None]], things: Sequence[T]
    ) -> StorageAway | None:
        """Write each by itself: the database refuses one of them, and only that one is to be lost."""
        failure = None
        for one in things:
            failure = await write([one]) or failure
        return failure

    async def _write_events(self, events: Sequence[Event]) -> StorageAway | None:
        try:
            await self._storage.events.add(*events)
        except StorageAway as error:
            self._events = [*events, *self._events]
            return error
        except Exception as error:  # noqa: BLE001  # it never will be taken, whatever stands against it
            if len(events) > 1:
                return await self._apart(self._write_events, events)
            _log.error("an event was refused by the database", kind=events[0].kind, reason=_why(error))
        return None

    async def _write_records(self, miners: Sequence[str]) -> StorageAway | None:
        try:
            await self._storage.miners.save(self._records(miners))
        except StorageAway as error:
            self._miners = dict.fromkeys((*miners, *self._miners))
            return error
        except Exception as error:  # noqa: BLE001  # as above
            if len(miners) > 1:
                return await self._apart(self._write_records, miners)
            _log.error("what is remembered of a miner was refused", miner=miners[0], reason=_why(error))
        return None

    def _records(self, miners: Iterable[str]) -> list[MinerRecord]:
        return [record for miner in miners if (record := self._record_of(miner)) is not None]

    async def _write_operation(
        self, operation: Operation, results: Mapping[str, Result]
    ) -> StorageAway | None:
        try:
            for piece in _pieces(list(results.values())) or [[]]:
                await self._storage.operations.save(operation, piece)
        except StorageAway as error:
            self._operations.setdefault(operation.id, operation)
            self._results[operation.id] = {**results, **self._results.get(operation.id, {})}
            return error
        except StorageError as error:
            _log.error("an operation was refused by the database", operation=operation.id, reason=str(error))
        return None

    def _told(self, failure: StorageAway | None) -> None:
        if failure is None:
            if self.away is not None:
                _log.info("the database takes writes again")
            self.away = None
            return
        if self.away is None:
            _log.error("the database takes no writes: no miner is commanded", reason=str(failure))
        self.away = text_of(failure)


def _why(error: Exception) -> str:
    """Return the reason in one line: what is no word of ours may hold values."""
    return str(error) if isinstance(error, StorageError) else type(error).__name__


def _pieces(things: Sequence[T]) -> list[Sequence[T]]:
    return [things[start : start + A_PIECE] for start in range(0, len(things), A_PIECE)]
