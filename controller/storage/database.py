"""The database as the rest of the controller has it: `read` and `write`, off the event loop.

One thread writes. It takes everything that waits, does it in one transaction, each caller's work within a savepoint, and
commits once (group commit): a thousand callers cost one flush to the disk, and a caller whose own work fails harms no other.
What `write` has returned is durable; what raised StorageAway was not written (but where a PostgreSQL server vanishes during the
commit itself: then the text says that nobody knows). A few threads read beside it, on connections that can change nothing.
"""

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, StatementError

from controller.storage import migrating
from controller.storage.engines import READERS, Place, make_file, place_of, reading_engine, writing_engine
from controller.storage.faults import StorageAway, away, translate
from miners.errors import ConfigurationError

__all__ = ["Database", "StorageAway"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)
_AT_ONCE = 1000
# The key of PostgreSQL's advisory lock: "hashyard" as a number.
_LOCK = int.from_bytes(b"hashyard", "big") & (2**63 - 1)
_LOCK_PATIENCE_MS = 2000


class _Job:
    """One caller's work, its outcome, and where the caller waits."""

    __slots__ = ("error", "loop", "result", "waiting", "work")

    def __init__(
        self,
        work: Callable[[Connection], Any],
        waiting: "asyncio.Future[Any] | Future[Any]",
        loop: asyncio.AbstractEventLoop | None,
    ) -> None:
        self.work = work
        self.waiting = waiting
        self.loop = loop
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        if self.waiting.done():  # the caller has gone away meanwhile; what was written stays
            return
        if self.error is None:
            self.waiting.set_result(self.result)
        else:
            self.waiting.set_exception(self.error)


class Database:
    """An open database whose schema is the program's. Made by `open`."""

    def __init__(self, place: Place) -> None:
        """Use `Database.open`."""
        self._place = place
        self._reading = reading_engine(place)
        self._writing = writing_engine(place)
        self._file = None if place.postgresql else _identity(place.file)
        self._connection: Connection | None = None  # the writer's own
        self._claimed = False
        self._closed = False
        self._closing = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="storage-reader")
        self._writer = threading.Thread(target=self._write_all, name="storage-writer", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a database and bring its schema up to date. Blocks; call it before the event loop is busy.

        `url`: `sqlite:////folder/hashyard.db` or `postgresql://…`. Raises ConfigurationError with what to do: the URL
        is wrong, the database cannot be reached, is not ours, is damaged, or was written by a newer program.
        """
        place = place_of(url)
        if not place.postgresql:
            make_file(place)
        engine = writing_engine(place)
        try:
            migrating.to_head(engine, place)
        except DBAPIError as error:
            raise ConfigurationError(str(translate(error, place.words, place.secret))) from None
        finally:
            engine.dispose()
        return cls(place)

    def __repr__(self) -> str:
        return f"Database({self._place.words})"

    @property
    def words(self) -> str:
        """The database in words, without a secret: for status pages and logs."""
        return self._place.words

    @property
    def postgresql(self) -> bool:
        """Whether it is PostgreSQL; SQLite otherwise."""
        return self._place.postgresql

    async def size(self) -> int:
        """Return how many bytes it takes, with what is written and not yet put in its place. Raises StorageAway."""
        if self.postgresql:
            asked = text("SELECT pg_database_size(current_database())")
            return int(await self.read(lambda connection: connection.execute(asked).scalar_one()))
        return await asyncio.to_thread(_bytes_of, self._place.file)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection that sees one state of the database and can change nothing. Raises StorageAway."""
        if self._closed:
            raise away(self.words, "closed")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction; durable when this returns. What `work` raises undoes it and is raised here.

        `work` runs on the writer's thread, once, and never commits by itself. A caller that is cancelled meanwhile
        does not undo it. Raises StorageAway.
        """
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[T] = loop.create_future()
        self._put(_Job(work, waiting, loop))
        return await waiting

    def claim(self) -> None:
        """Make this process the only one that writes to the database; ConfigurationError if another is. Blocks.

        PostgreSQL only: an advisory lock on the writer's own connection, taken anew whenever that is renewed, so that
        a controller that has lost it cannot write any more. SQLite's folder has a lock of its own.
        """
        if not self.postgresql:
            return
        self._claimed = True
        waiting: Future[None] = Future()
        self._put(_Job(lambda connection: None, waiting, None))  # noqa: ARG005  # connecting is all that is wanted
        try:
            waiting.result()
        except StorageAway as error:
            self._claimed = False
            raise ConfigurationError(str(error)) from None

    def close(self) -> None:
        """Write what waits, then let go of the database. What is asked afterwards raises StorageAway. Blocks."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join()
        self._readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()

    def _put(self, job: _Job) -> None:
        with self._closing:  # so that nothing queues up behind the end
            if self._closed:
                raise away(self.words, "closed")
            self._jobs.put(job)

    def _read(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._reading.connect() as connection:
                return work(connection)
        except DBAPIError as error:
            raise translate(error, self.words, self._place.secret) from None

    def _write_all(self) -> None:
        """Do what is asked until the end: the writer's thread."""
        more = True
        while more:
            batch: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                batch.append(job)
                if len(batch) == _AT_ONCE:
                    break
                try:
                    job = self._jobs.get_nowait()
                except queue.Empty:
                    break
            more = job is not None
            if batch:
                self._commit(batch)
                _settle(batch)
        self._drop_connection()

    def _commit(self, batch: Sequence[_Job]) -> None:
        """Do a batch of works in one transaction; every job has its result or its error then."""
        try:
            connection = self._connected()
            with connection.begin():
                for job in batch:
                    self._do(connection, job)
        except StorageAway as trouble:
            self._fail(batch, trouble)
        except DBAPIError as error:
            fault = translate(error, self.words, self._place.secret)
            self._fail(batch, fault if isinstance(fault, StorageAway) else away(self.words, "failed"))
        except BaseException as error:  # noqa: BLE001  # whatever it is, the writer must live and its callers must hear
            _log.exception("storage_writer_failed")
            self._fail(batch, away(self.words, "failed", type(error).__name__))

    def _do(self, connection: Connection, job: _Job) -> None:
        try:
            with connection.begin_nested():
                job.result = job.work(connection)
        except DBAPIError as error:
            trouble = translate(error, self.words, self._place.secret)
            if isinstance(trouble, StorageAway):
                raise trouble from None  # the transaction may be gone with it: nobody's work is kept
            job.error = trouble
        except StatementError as error:  # a value that its column does not take
            job.error = error.orig or error
        except Exception as error:  # noqa: BLE001  # the caller's own: it goes to the caller
            job.error = error

    def _fail(self, batch: Sequence[_Job], trouble: StorageAway) -> None:
        for job in batch:
            if job.error is None:
                job.error = trouble.again()
        self._drop_connection()

    def _connected(self) -> Connection:
        """Return the writer's connection, alive and, where this process has claimed the database, holding the lock."""
        if self._file is not None and _identity(self._place.file) != self._file:
            raise away(
                self.words, "away", "its file was taken away or replaced: put it back, or start Hashyard anew"
            )
        if self._connection is not None and self.postgresql and not _answers(self._connection):
            self._drop_connection()  # the server was restarted since
        if self._connection is None:
            connection = self._writing.connect()
            try:
                if self._claimed:
                    self._take_lock(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        elif self._claimed and not self._connection.info.get("claimed"):
            self._take_lock(self._connection)
        return self._connection

    def _take_lock(self, connection: Connection) -> None:
        try:
            with connection.begin():
                # A controller that has just ended may hold it for a moment longer.
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_LOCK_PATIENCE_MS}")
                connection.exec_driver_sql(f"SELECT pg_advisory_lock({_LOCK})")
        except DBAPIError as error:
            fault = translate(error, self.words, self._place.secret)
            if isinstance(fault, StorageAway) and fault.reason == "locked":
                raise StorageAway(
                    f"{self.words} is used by another controller: stop that one, or give this one a database of its own",
                    "locked",
                ) from None
            raise
        connection.info["claimed"] = True

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.invalidate()
            connection.close()
        except DBAPIError as error:
            _log.warning(
                "storage_connection_lost", reason=str(translate(error, self.words, self._place.secret))
            )


def _identity(file: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of its name: SQLite would go on writing to one that was deleted."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _bytes_of(file: Path) -> int:
    """Return the size of an SQLite file and of the log beside it (sqlite.org/wal.html)."""
    beside = file.with_name(f"{file.name}-wal")
    return sum(one.stat().st_size for one in (file, beside) if one.exists())


def _answers(connection: Connection) -> bool:
    try:
        with connection.begin():
            connection.exec_driver_sql("SELECT 1")
    except DBAPIError:
        return False
    return True


def _settle(batch: Sequence[_Job]) -> None:
    """Tell the callers, with one wake-up an event loop."""
    loops: dict[asyncio.AbstractEventLoop, list[_Job]] = defaultdict(list)
    for job in batch:
        if job.loop is None:
            job.settle()
        else:
            loops[job.loop].append(job)
    for loop, jobs in loops.items():
        try:
            loop.call_soon_threadsafe(_settle_here, jobs)
        except RuntimeError:  # the loop is closed: nobody waits there any more
            _log.info("storage_callers_gone", count=len(jobs))


def _settle_here(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        job.settle()
