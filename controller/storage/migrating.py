"""Brings a database to the schema of this program when it is opened, version by version, with Alembic.

All versions run in one transaction: a start that is interrupted leaves the schema as it was. A database that holds another
program's tables, or that a newer Hashyard has written, is refused and left untouched.
"""

from pathlib import Path

import structlog
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, StampStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect

from controller.storage import migrations
from controller.storage.engines import APPLICATION_ID, Place
from controller.storage.schema import metadata
from miners.errors import ConfigurationError

VERSION_TABLE = "hashyard_schema"

_log = structlog.get_logger(__name__)
# The key of the lock under which PostgreSQL's schema changes: two programs that start at once migrate one after the other.
_LOCK = int.from_bytes(b"hy_schem", "big") & (2**63 - 1)


def scripts() -> ScriptDirectory:
    """Return the versions of the schema, as packaged with the program."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def to_head(engine: Engine, place: Place) -> None:
    """Bring the database to the program's schema; ConfigurationError where it is not ours or from a newer program."""
    with engine.connect() as connection, connection.begin():
        if place.postgresql:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        known = scripts()
        present = _version(connection, place, known)
        head = known.get_current_head()
        if present != head:
            upgrade(connection, known, "head")
            _log.info("schema_migrated", database=place.words, version_before=present, version=head)


def upgrade(connection: Connection, known: ScriptDirectory, target: str) -> None:
    """Run the versions up to `target` on a connection that is within a transaction."""

    def steps(revision: str | tuple[str, ...], context: MigrationContext) -> list[StampStep]:  # noqa: ARG001  # the signature is Alembic's
        return known._upgrade_revs(target, revision)  # type: ignore[arg-type, return-value]  # noqa: SLF001  # what alembic.command.upgrade does, which needs an env.py

    with EnvironmentContext(Config(), known, fn=steps, destination_rev=target) as environment:
        environment.configure(
            connection=connection,
            target_metadata=metadata,
            version_table=VERSION_TABLE,
            transactional_ddl=True,
        )
        environment.run_migrations()


def _version(connection: Connection, place: Place, known: ScriptDirectory) -> str | None:
    """Return the version of the database's schema, None for an empty database."""
    tables = set(inspect(connection).get_table_names())
    if not place.postgresql:
        _check_owner(connection, place, empty=not tables)
    if VERSION_TABLE not in tables:
        if tables:
            named = ", ".join(sorted(tables)[:3])
            raise ConfigurationError(
                f"{place.words} holds tables of another program ({named}): give Hashyard a database of its own"
            )
        return None
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    present = context.get_current_revision()
    names = [script.revision for script in known.walk_revisions()]
    if present is not None and present not in names:
        raise ConfigurationError(
            f"{place.words} was written by a newer Hashyard (schema {present}; this one knows up to {names[0]}): "
            "start that version or a later one"
        )
    return present


def _check_owner(connection: Connection, place: Place, *, empty: bool) -> None:
    """Check by SQLite's application id that the file is ours, and sign a new one."""
    owner = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    if owner == APPLICATION_ID:
        return
    if owner or not empty:
        raise ConfigurationError(
            f"{place.words} is the file of another program: name a file of Hashyard's own"
        )
    connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
