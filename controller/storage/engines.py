"""Connections to the two databases: what a URL may say, and what every connection is told when it opens.

SQLite: WAL with `synchronous=FULL`, so that what was committed survives a power cut; foreign keys; five seconds of patience
with another program's lock; a file that only its owner reads. PostgreSQL: psycopg 3, with time-outs that notice a server gone.
"""

import os
import re
import sqlite3
import stat
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from controller.wording import worded
from miners.errors import ConfigurationError

APPLICATION_ID = 0x48534859  # "HSHY": by which SQLite's file says whose it is
READERS = 4

_SQLITE_EVERY = (
    "PRAGMA busy_timeout=5000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA recursive_triggers=ON",  # else INSERT OR REPLACE would delete past the triggers of the events
)
_POSTGRESQL_EVERY = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,  # ms
    "application_name": "hashyard",
}
_WRITER = "-c lock_timeout=10s"  # what somebody has locked by hand is said, and not waited for without end
# One state of the database for all statements of a reader, as SQLite gives it, is the isolation level's business.
_READER = "-c default_transaction_read_only=on -c statement_timeout=30s"
_FORMS = "sqlite:////folder/hashyard.db or postgresql://user:password@host/database"


class Place(msgspec.Struct, frozen=True):
    """Where the database is. Its text is `words`, which holds no secret."""

    url: URL
    words: str

    def __repr__(self) -> str:
        return self.words

    @property
    def postgresql(self) -> bool:
        """Whether it is PostgreSQL; SQLite otherwise."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def secret(self) -> str | None:
        """The password of the URL, to be kept out of texts."""
        return self.url.password

    @property
    def file(self) -> Path:
        """SQLite's file."""
        return Path(str(self.url.database))


def place_of(url: str) -> Place:
    """Read a database URL; ConfigurationError says what form it should have, and does not repeat it."""
    try:
        read = make_url(re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql+psycopg://", url.strip()))
        backend = read.get_backend_name()
    except (ArgumentError, ValueError):
        raise ConfigurationError(f"DATABASE_URL is not the URL of a database: write {_FORMS}") from None
    if backend == "sqlite":
        if not read.database or read.database == ":memory:" or read.database.startswith("file:"):
            raise ConfigurationError(f"DATABASE_URL names no file to keep things in: write {_FORMS}")
        if read.query:
            raise ConfigurationError("DATABASE_URL: sqlite takes no options after the file's name")
        return Place(
            read.set(drivername="sqlite+pysqlite"), worded("the database %(name)s", name=read.database)
        )
    if backend == "postgresql":
        if not read.database:
            raise ConfigurationError(f"DATABASE_URL names no database on the server: write {_FORMS}")
        password = read.query.get("password")
        if isinstance(password, str):  # SQLAlchemy hides it in its proper place only
            read = read.set(password=password).difference_update_query(["password"])
        host = read.host or read.query.get("host") or worded("this machine")
        server = f"{host}:{read.port}" if read.port else host
        words = worded("the PostgreSQL database %(name)s on %(server)s", name=read.database, server=server)
        return Place(read, words)
    raise ConfigurationError(f"DATABASE_URL: {backend} is not supported: write {_FORMS}")


def writing_engine(place: Place) -> Engine:
    """Return the engine of the one writing connection (not pooled: the writer keeps it, and renews it after a fault)."""
    engine = _engine(place, _WRITER, poolclass=NullPool)
    if not place.postgresql:
        _prepare_sqlite(engine, begin="BEGIN IMMEDIATE", more=())
    return engine


def reading_engine(place: Place) -> Engine:
    """Return the engine of the readers, whose connections can change nothing."""
    level = {"isolation_level": "REPEATABLE READ"} if place.postgresql else {}
    engine = _engine(
        place,
        _READER,
        poolclass=QueuePool,
        pool_size=READERS,
        max_overflow=0,
        pool_pre_ping=place.postgresql,
        **level,
    )
    if not place.postgresql:
        _prepare_sqlite(engine, begin="BEGIN", more=("PRAGMA query_only=ON",))
    return engine


def make_file(place: Place) -> None:
    """See that SQLite's file is there and that only its owner may read it; ConfigurationError where that fails."""
    file = place.file
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            file.chmod(0o600)
    except OSError as error:
        raise ConfigurationError(
            f"{place.words} cannot be opened ({error.strerror}): see that its folder is there and may be written"
        ) from error


def _engine(place: Place, options: str, **pooling: Any) -> Engine:
    if place.postgresql:
        pooling["connect_args"] = {**_POSTGRESQL_EVERY, "options": options}
    else:
        # Never makes a file: where it has vanished, an empty one in its place would hide that.
        address = f"{place.file.absolute().as_uri()}?mode=rw"
        pooling["creator"] = lambda: sqlite3.connect(address, uri=True, check_same_thread=False)
    return create_engine(
        place.url, hide_parameters=True, **pooling
    )  # values may be secret, and errors are shown


def _prepare_sqlite(engine: Engine, begin: str, more: tuple[str, ...]) -> None:
    @event.listens_for(engine, "connect")
    def _opened(connection: Any, record: Any) -> None:  # noqa: ARG001  # the signature is SQLAlchemy's
        connection.isolation_level = None  # the driver begins no transaction by itself: _begun does
        for line in (*_SQLITE_EVERY, *more):
            connection.execute(line)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql(begin)
