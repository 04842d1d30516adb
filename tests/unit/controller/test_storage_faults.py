"""Databases that are locked, full, damaged or away: words that say so, nothing half-written, and on it goes afterwards."""

import asyncio
import hashlib
import os
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError

from controller.events import EventFilter
from controller.model import SCHEDULE, Event, MinerRecord, new_id
from controller.storage import schema
from controller.storage.database import Database
from controller.storage.engines import place_of, writing_engine
from controller.storage.faults import StorageAway, Taken, Unstorable, translate
from controller.storage.storage import Storage
from miners.errors import ConfigurationError
from tests.postgresql_server import PostgresqlServer

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def event(said: str = "") -> Event:
    return Event(
        id=new_id("evt"), at=NOON, category="command", kind="x", actor=SCHEDULE, params={"said": said}
    )


async def test_a_callers_own_mistake_undoes_his_work_and_nobody_elses(storage: Storage) -> None:
    def good(name: str) -> Any:
        def work(connection: Connection) -> str:
            connection.execute(insert(schema.settings).values(name=name, value=1))
            return name

        return work

    def half_and_then(error: Exception | None) -> Any:
        def work(connection: Connection) -> None:
            connection.execute(insert(schema.settings).values(name="half", value=1))
            if error:
                raise error
            connection.execute(insert(schema.settings).values(name="half", value=2))

        return work

    write = storage.database.write
    outcomes = await asyncio.gather(
        *(write(good(f"a{number}")) for number in range(20)),
        write(half_and_then(KeyError("mine"))),
        write(half_and_then(None)),
        *(write(good(f"b{number}")) for number in range(20)),
        return_exceptions=True,
    )
    assert isinstance(outcomes[20], KeyError)
    assert isinstance(outcomes[21], Taken)
    assert outcomes[:20] + outcomes[22:] == [f"{half}{number}" for half in "ab" for number in range(20)]
    kept = await storage.settings.all()
    assert len(kept) == 40
    assert "half" not in kept


async def test_a_value_that_the_database_cannot_hold_fails_its_own_work_alone(storage: Storage) -> None:
    outcomes = await asyncio.gather(
        storage.miners.save([MinerRecord(miner="sound")]),
        storage.miners.save([MinerRecord(miner="poison", attempts=2**70)]),
        storage.events.add(event("sound")),
        storage.miners.save([MinerRecord(miner="sound too")]),
        return_exceptions=True,
    )
    assert outcomes[:1] + outcomes[2:] == [None, None, None]
    assert isinstance(outcomes[1], Exception)
    assert not isinstance(outcomes[1], StorageAway)
    assert str(2**70) not in str(outcomes[1])
    assert set(await storage.miners.load()) == {"sound", "sound too"}


async def test_a_text_too_long_for_an_index_is_no_trouble_of_the_databases(storage: Storage) -> None:
    long = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(200))  # not to be compressed
    poison = msgspec.structs.replace(event(), kind=long)
    outcomes = await asyncio.gather(
        storage.events.add(event()),
        storage.events.add(poison),
        storage.events.add(event()),
        return_exceptions=True,
    )
    assert outcomes[::2] == [None, None]
    assert outcomes[1] is None or isinstance(outcomes[1], Unstorable)  # SQLite has no such limit
    assert (outcomes[1] is None) != storage.database.postgresql


async def test_many_writers_share_a_commit(storage: Storage) -> None:
    commits = []
    gate = threading.Event()
    first = asyncio.create_task(storage.database.write(lambda _: gate.wait(30)))
    await asyncio.sleep(0)

    def number(connection: Connection) -> Any:
        if storage.database.postgresql:
            return connection.execute(text("SELECT pg_current_xact_id()")).scalar()
        return connection.get_transaction()  # the object itself: kept, so that no other has its place

    waiting = [asyncio.create_task(storage.database.write(number)) for _ in range(300)]
    await asyncio.sleep(0)
    gate.set()
    await first
    commits = await asyncio.gather(*waiting)
    assert len(set(commits)) <= 2


async def test_work_that_waits_at_the_end_is_still_done(database_url: str) -> None:
    storage = Storage.open(database_url)
    tasks = [asyncio.create_task(storage.settings.put(f"a{number}", number)) for number in range(50)]
    await asyncio.sleep(0)
    storage.close()
    await asyncio.gather(*tasks)
    for ask in (storage.settings.put("late", 1), storage.settings.all(), storage.events.add(event())):
        with pytest.raises(StorageAway, match="is closed") as refused:
            await ask
        assert refused.value.reason == "closed"
    again = Storage.open(database_url)
    assert len(await again.settings.all()) == 50
    again.close()


async def test_a_database_locked_by_another_program_says_so(tmp_path: Path) -> None:
    file = tmp_path / "hashyard.db"
    storage = Storage.open(f"sqlite:///{file}")
    other = sqlite3.connect(file, isolation_level=None)
    try:
        await storage.database.write(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout=50"))
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageAway, match=r"hashyard\.db is locked by another program: close") as refused:
            await storage.events.add(event(), event())
        assert refused.value.reason == "locked"
        assert await storage.events.count(EventFilter()) == 0  # reading goes on
        other.execute("ROLLBACK")
        await storage.events.add(event())
        assert await storage.events.count(EventFilter()) == 1
        assert (storage.events.written, storage.events.failed) == (1, 2)
    finally:
        other.close()
        storage.close()


async def test_a_full_disk_says_so_and_keeps_nothing_of_what_did_not_fit(tmp_path: Path) -> None:
    storage = Storage.open(f"sqlite:///{tmp_path / 'hashyard.db'}")

    async def fill() -> None:
        # SQLite's own way to let a file be no larger: the same error as from a full disk. It holds for a connection, and
        # the writer takes a new one after an error.
        await storage.database.write(
            lambda connection: connection.exec_driver_sql(
                f"PRAGMA max_page_count={connection.exec_driver_sql('PRAGMA page_count').scalar()}"
            )
        )

    try:
        await storage.events.add(event())
        big = "x" * 100_000
        await fill()
        with pytest.raises(StorageAway, match="is full: make room on its disk") as refused:
            await storage.miners.save([MinerRecord(miner="big", last_detail=big)])
        assert refused.value.reason == "full"
        await fill()
        with pytest.raises(StorageAway, match="is full: make room on its disk") as refused:
            await storage.events.add(event(big))
        assert refused.value.reason == "full"
        assert await storage.miners.load() == {}
        await storage.miners.save([MinerRecord(miner="big", last_detail=big)])  # room was made
        assert (await storage.miners.load())["big"].last_detail == big
        assert await storage.events.count(EventFilter()) == 1
    finally:
        storage.close()


async def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "hashyard.db"
    storage = Storage.open(f"sqlite:///{file}")
    await storage.events.add(*(event("x" * 500) for _ in range(500)))
    storage.close()
    storage = Storage.open(f"sqlite:///{file}")
    try:
        with file.open("r+b") as opened:
            opened.seek(4096 * 10)
            opened.write(b"\xa5" * (file.stat().st_size - 4096 * 10))
        with pytest.raises(
            StorageAway, match="is damaged: stop Hashyard and restore it from a copy"
        ) as refused:
            await storage.events.find(EventFilter(), limit=500)
        assert refused.value.reason == "damaged"
    finally:
        storage.close()


async def test_a_file_taken_away_is_noticed_and_no_empty_one_put_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "hashyard.db"
    storage = Storage.open(f"sqlite:///{file}")
    try:
        await storage.events.add(event())
        file.rename(tmp_path / "away.db")
        for _ in range(2):
            with pytest.raises(StorageAway, match="taken away or replaced: put it back"):
                await storage.events.add(event())
        assert "hashyard.db" not in os.listdir(tmp_path)  # noqa: PTH208  # pathlib's is barred from coroutines
        (tmp_path / "away.db").rename(file)
        await storage.events.add(event())
        assert await storage.events.count(EventFilter()) == 2
    finally:
        storage.close()


async def test_rows_locked_by_hand_are_not_waited_for_without_end(postgresql: PostgresqlServer) -> None:
    url = postgresql.fresh()
    storage = Storage.open(url)
    other = psycopg.connect(url)
    try:
        await storage.database.write(
            lambda connection: connection.exec_driver_sql("SET lock_timeout = '50ms'")
        )
        other.execute("LOCK TABLE events")
        with pytest.raises(StorageAway, match="is locked by another program") as refused:
            await storage.events.add(event())
        assert refused.value.reason == "locked"
        other.rollback()
        await storage.events.add(event())
    finally:
        other.close()
        storage.close()


async def test_a_server_that_was_restarted_is_found_again(postgresql: PostgresqlServer) -> None:
    storage = Storage.open(postgresql.fresh())
    try:
        await storage.events.add(event())
        assert await storage.events.count(EventFilter()) == 1
        postgresql.stop()
        postgresql.start()
        await storage.events.add(event())  # the old connection is dead, and nobody has to know
        assert await storage.events.count(EventFilter()) == 2
    finally:
        storage.close()


async def test_a_server_that_is_away_says_so_until_it_is_back(postgresql: PostgresqlServer) -> None:
    storage = Storage.open(postgresql.fresh())
    try:
        await storage.events.add(event())
        postgresql.stop()
        try:
            for ask in (
                storage.events.add(event()),
                storage.events.count(EventFilter()),
                storage.settings.all(),
            ):
                with pytest.raises(StorageAway, match="does not answer: see that it is there") as refused:
                    await ask
                assert refused.value.reason == "away"
                assert postgresql.password not in str(refused.value)
        finally:
            postgresql.start()
        await storage.events.add(event())
        assert await storage.events.count(EventFilter()) == 2
        assert (storage.events.written, storage.events.failed) == (2, 1)
    finally:
        storage.close()


async def test_a_wrong_password_says_so_without_it(postgresql: PostgresqlServer) -> None:
    url = postgresql.fresh().replace(postgresql.password, "planted-wrong")
    with pytest.raises(ConfigurationError, match="password authentication failed") as refused:
        Database.open(url)
    assert "planted" not in str(refused.value)


def test_a_password_within_an_errors_words_is_taken_out() -> None:
    for url in (
        "postgresql://root:planted@host/db",
        "postgresql://root@host/db?password=planted&sslmode=require",
    ):
        place = place_of(url)
        assert place.secret == "planted"
        assert "planted" not in f"{place!r} {place.url!r} {writing_engine(place)!r}"
    said = psycopg.OperationalError("connection failed: no user root with planted\nmore")
    shown = translate(DBAPIError.instance(None, None, said, psycopg.Error), place.words, place.secret)  # type: ignore[arg-type]
    assert "planted" not in str(shown)
    assert "no user root with ***" in str(shown)


async def test_a_second_controller_on_the_same_database_is_refused(postgresql: PostgresqlServer) -> None:
    url = postgresql.fresh()
    first, second = Database.open(url), Database.open(url)
    elsewhere = Database.open(postgresql.fresh())
    try:
        first.claim()
        first.claim()
        elsewhere.claim()  # the lock is the database's, not the server's
        with pytest.raises(ConfigurationError, match="used by another controller: stop that one"):
            second.claim()
        await second.write(lambda _: None)  # a program that claims nothing (a backup, a report) may use it
        first.close()
        second.claim()
    finally:
        for one in (first, second, elsewhere):
            one.close()


async def test_who_has_lost_the_database_to_another_writes_no_more(postgresql: PostgresqlServer) -> None:
    url = postgresql.fresh()
    first, second = Storage.open(url), Storage.open(url)
    try:
        first.database.claim()
        postgresql.stop()
        postgresql.start()
        second.database.claim()
        with pytest.raises(StorageAway, match="used by another controller"):
            await first.events.add(event())
        second.close()
        await first.events.add(event())
        assert await first.events.count(EventFilter()) == 1
    finally:
        first.close()
        second.close()


async def test_sqlites_folder_has_a_lock_of_its_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hashyard.db'}"
    first, second = Database.open(url), Database.open(url)
    first.claim()
    second.claim()
    first.close()
    second.close()
