"""Migrations: from the first schema on, the same as the program's tables, whole or not at all, and only in our own database."""

import sqlite3
import stat
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from controller import model
from controller.events import EventFilter
from controller.storage import migrating, schema
from controller.storage.assignments import Assignment
from controller.storage.engines import make_file, place_of, writing_engine
from controller.storage.storage import Storage
from miners.errors import ConfigurationError

# Rows as the first version of the program wrote them: they must be readable for ever.
FIRST_ROWS = """
INSERT INTO events (id, at, category, kind, actor_type, actor_name, params, before, words)
  VALUES ('evt_1', '2026-06-01 12:00:00.000001', 'command', 'command.sent', 'schedule', 'schedule', '{"w":1}', '[1]', 'w');
INSERT INTO clients VALUES ('cli_1', 'acme', 'Acme', 'en', NULL, '2026-06-01 12:00:00.000000', 'acme');
INSERT INTO users (id, username, username_key, role, created_at, client_id, language, active, password_change_needed,
  password_hash, words) VALUES ('usr_1', 'Anna', 'anna', 'client', '2026-06-01 12:00:00.000000', 'cli_1', 'en', true, false,
  'hash', 'anna');
INSERT INTO overrides (id, profile, ends, reason, created_by, created_at, starts_at, containers, miners, except_miners,
  until_by_container, emergency) VALUES ('ov_1', 'curtail', 'manual', '', '{"type":"user","name":"Anna","id":"usr_1",
  "token_id":null}', '2026-06-01 12:00:00.000000', '2026-06-01 12:00:00.000000', '["k-1"]', '[]', '[]', '{}', false);
INSERT INTO override_containers (override_id, container) VALUES ('ov_1', 'k-1');
INSERT INTO miner_records (miner, attempts, restarts) VALUES ('k-1.a1', 2, 0)
"""
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

KEPT: dict[str, tuple[type, set[str]]] = {
    "overrides": (model.Override, set()),
    "operations": (model.Operation, set()),
    "results": (model.Result, {"operation_id", "container"}),
    "holds": (model.Hold, set()),
    "service_marks": (model.ServiceMark, set()),
    "miner_records": (model.MinerRecord, set()),
    "clients": (model.Client, {"words"}),
    "assignments": (Assignment, set()),
    "users": (model.User, {"username_key", "email_key", "password_hash", "words"}),
    "sessions": (model.WebSession, {"sha256"}),
    "tokens": (model.Token, {"sha256"}),
    "gateway_tokens": (model.GatewayToken, {"sha256"}),
    "invitations": (model.Invitation, {"sha256"}),
    "grafana_links": (model.GrafanaLink, {"user_id", "client_id"}),
    "events": (model.Event, {"seq", "actor_type", "actor_name", "actor_id", "token_id", "words"}),
}


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    place = place_of(database_url)
    if not place.postgresql:
        make_file(place)
    made = writing_engine(place)
    yield made
    made.dispose()


def tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


@pytest.mark.parametrize("table", sorted(KEPT))
def test_a_table_has_a_column_for_each_field_of_its_struct(table: str) -> None:
    struct, more = KEPT[table]
    fields = set(struct.__struct_fields__) - ({"actor"} if struct is model.Event else set())  # type: ignore[attr-defined]
    assert {column.name for column in schema.metadata.tables[table].columns} == fields | more


def test_the_migrations_make_what_the_program_uses(database_url: str, engine: Engine) -> None:
    Storage.open(database_url).close()
    with engine.connect() as connection:
        options = {"version_table": migrating.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, schema.metadata) == []


async def test_a_database_of_the_first_schema_comes_to_the_present_one(
    database_url: str, engine: Engine
) -> None:
    with engine.connect() as connection, connection.begin():
        migrating.upgrade(connection, migrating.scripts(), "0001")
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL timezone TO 'UTC'"))
        for line in FIRST_ROWS.split(";\n"):
            connection.exec_driver_sql(line)
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql(f"PRAGMA application_id={0x48534859}")
    storage = Storage.open(database_url)
    try:
        [event] = (await storage.events.find(EventFilter()))[0]
        assert event == model.Event(
            id="evt_1",
            at=NOON.replace(microsecond=1),
            category="command",
            kind="command.sent",
            actor=model.SCHEDULE,
            params={"w": 1},
            before=[1],
        )
        assert [one.id for one in await storage.overrides.live()] == ["ov_1"]
        assert (await storage.overrides.find(now=NOON, containers=("k-1",)))[0][0].created_by.name == "Anna"
        found = await storage.people.users.by_name("ANNA")
        assert found is not None
        assert found.client_id == "cli_1"
        client = await storage.people.clients.get("cli_1")
        assert client is not None
        assert client.active  # of version 0004
        assert await storage.people.users.password_hash("usr_1") == "hash"
        kept = (await storage.miners.load())["k-1.a1"]
        assert kept == model.MinerRecord(miner="k-1.a1", attempts=2)
        known = msgspec.structs.replace(kept, nominal_power_w=3300.5)  # of version 0002
        await storage.miners.save([known])
        assert (await storage.miners.load())["k-1.a1"] == known
    finally:
        storage.close()


def test_the_versions_are_one_line_without_a_gap() -> None:
    found = list(migrating.scripts().walk_revisions())
    assert [script.revision for script in reversed(found)] == [f"{n:04}" for n in range(1, len(found) + 1)]


async def test_opening_again_changes_nothing(database_url: str) -> None:
    first = Storage.open(database_url)
    await first.settings.put("a", 1)
    first.close()
    again = Storage.open(database_url)
    assert await again.settings.all() == {"a": 1}
    again.close()
    again.close()  # closing twice is once


def test_a_start_that_is_interrupted_leaves_nothing_half_made(
    database_url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = migrating.upgrade

    def cut(*given: Any) -> None:
        whole(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(migrating, "upgrade", cut)
    with pytest.raises(KeyboardInterrupt):
        Storage.open(database_url)
    assert tables(engine) == set()
    monkeypatch.undo()
    Storage.open(database_url).close()


def test_the_schema_of_a_newer_program_is_refused_and_left_alone(database_url: str, engine: Engine) -> None:
    Storage.open(database_url).close()
    with engine.connect() as connection, connection.begin():
        connection.execute(text(f"UPDATE {migrating.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(
        ConfigurationError, match=r"newer Hashyard \(schema 9999; .* start that version or a later"
    ):
        Storage.open(database_url)
    with engine.connect() as connection:
        version = connection.execute(text(f"SELECT version_num FROM {migrating.VERSION_TABLE}")).scalar()
    assert version == "9999"


def test_another_programs_database_is_refused_and_left_alone(database_url: str, engine: Engine) -> None:
    with engine.connect() as connection, connection.begin():
        connection.execute(text("CREATE TABLE dashboards (id INTEGER)"))
    with pytest.raises(ConfigurationError, match="another program") as refused:
        Storage.open(database_url)
    assert "own" in str(refused.value)
    assert tables(engine) == {"dashboards"}


def test_files_that_are_no_database_of_ours_are_refused(tmp_path: Path) -> None:
    signed = sqlite3.connect(tmp_path / "signed.db")
    signed.execute("PRAGMA application_id=7")
    signed.close()
    (tmp_path / "text.db").write_text("Dear diary, " * 100)
    (tmp_path / "folder.db").mkdir()
    for name, words in {
        "signed.db": "another program",
        "text.db": "is damaged.*restore it from a copy",
        "folder.db": "cannot be opened",
        "no/folder.db": "cannot be opened.*see that its folder is there",
    }.items():
        with pytest.raises(ConfigurationError, match=words) as refused:
            Storage.open(f"sqlite:///{tmp_path}/{name}")
        assert name in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "not the URL"),
        ("hashyard.db", "not the URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:////tmp/x.db?mode=ro", "takes no options"),
        ("mysql://root:planted@host/db", "mysql is not supported"),
        ("oracle+nonsense://root:planted@host/db", "oracle is not supported"),
        ("postgresql://root:planted@host", "names no database"),
        ("postgresql://root:planted@host:port/db", "not the URL"),
        ("postgres://root:planted@127.0.0.1:1/db", "does not answer"),
        ("postgresql+asyncpg://127.0.0.1:1/db?user=root&password=planted", "does not answer"),
        ("postgresql://root:planted@/db?host=/nowhere", "does not answer"),
        ("postgresql://root:planted@/db?no_such_option=1", "PostgreSQL"),
    ],
)
def test_a_wrong_url_is_one_line_without_its_secret(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refused:
        Storage.open(url)
    shown = "".join(traceback.format_exception(refused.value))  # with the errors that it came from
    assert "planted" not in shown
    assert "\n" not in str(refused.value)


def modes(folder: Path) -> dict[str, int]:
    return {made.name: stat.S_IMODE(made.stat().st_mode) for made in folder.iterdir()}


async def test_only_its_owner_reads_the_file(tmp_path: Path) -> None:
    file = tmp_path / "hashyard.db"
    file.touch(0o644)
    storage = Storage.open(f"sqlite:///{file}")
    try:
        await storage.settings.put("a", 1)
        found = modes(tmp_path)
        assert set(found.values()) == {0o600}
        assert set(found) >= {"hashyard.db", "hashyard.db-wal"}
    finally:
        storage.close()


async def test_the_database_says_where_it_is_without_the_secret(
    storage: Storage, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = (
        f"{storage.database!r} {storage.database.words} {vars(storage.database)} {capsys.readouterr().out}"
    )
    assert "planted" not in shown
    assert storage.database.words in repr(storage.database)


async def test_sqlite_is_told_to_keep_what_it_has_committed(tmp_path: Path) -> None:
    storage = Storage.open(f"sqlite:///{tmp_path}/hashyard.db")

    def asked(connection: Any) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "recursive_triggers")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    try:
        assert await storage.database.write(asked) == ["wal", 2, 1, 5000, 1]
        assert await storage.database.read(asked) == ["wal", 2, 1, 5000, 1]
    finally:
        storage.close()
