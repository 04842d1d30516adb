"""The books: the ledger by hour and by miner and day, meter readings, closed months.

Revision: 0005
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
)

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = DateTime(timezone=True)
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
_SUMS = (
    "measured_j",
    "estimated_j",
    "miner_s",
    "read_s",
    "bridged_s",
    "hashing_s",
    "curtailed_s",
    "sleeping_s",
    "settling_s",
    "fault_s",
    "unreachable_s",
    "megahashes",
)
_KEYS = {  # by which a row is found: one of the same must not take its place
    "ledger_containers": ("number",),
    "ledger_names": ("container", "hour"),
    "ledger_miners": ("number",),
    "ledger_terms": ("number",),
    "ledger_algorithms": ("number",),
    "ledger_hours": ("day", "container", "hour", "revision"),
    "ledger_hour_rows": ("day", "container", "hour", "revision", "begins", "algorithm"),
    "ledger_days": ("day", "container", "revision"),
    "ledger_day_rows": ("day", "container", "revision", "miner", "terms", "algorithm"),
    "meter_readings": ("id",),
    "meter_withdrawals": ("reading",),
    "closings": ("number",),
    "closing_reports": ("number", "client"),
}
_OF_A_DAY = ("ledger_hours", "ledger_hour_rows", "ledger_days", "ledger_day_rows")


def upgrade() -> None:
    """Make the tables, and the triggers that let nothing of the books be changed."""
    _make_names()
    _make_hours()
    _make_days()
    _make_meters()
    _make_closings()
    if op.get_bind().dialect.name == "sqlite":
        _guard_in_sqlite()
    else:
        _guard_in_postgresql()


def _sums() -> list[Column[Any]]:
    return [Column(name, _NUMBER, nullable=False) for name in _SUMS]


def _make_names() -> None:
    op.create_table(
        "ledger_containers",
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("container", Text, nullable=False),
    )
    op.create_index("uq_ledger_containers_container", "ledger_containers", ["container"], unique=True)
    op.create_table(
        "ledger_names",
        Column("container", Integer, nullable=False),
        Column("hour", _NUMBER, nullable=False),
        Column("name", Text, nullable=False),
        Column("timezone", Text, nullable=False),
        PrimaryKeyConstraint("container", "hour"),
    )
    op.create_table(
        "ledger_miners",
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("container", Integer, nullable=False),
        Column("miner", Text, nullable=False),
    )
    op.create_index("uq_ledger_miners_container", "ledger_miners", ["container", "miner"], unique=True)
    op.create_table(
        "ledger_terms",
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("client", Text),
        Column("tariff", Text),
        Column("currency", Text),
        Column("price_per_kwh", Text),
    )
    op.create_table(
        "ledger_algorithms",
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("algorithm", Text, nullable=False),
    )
    op.create_index("uq_ledger_algorithms_algorithm", "ledger_algorithms", ["algorithm"], unique=True)


def _make_hours() -> None:
    op.create_table(
        "ledger_hours",
        Column("day", Integer, nullable=False),
        Column("container", Integer, nullable=False),
        Column("hour", _NUMBER, nullable=False),
        Column("revision", SmallInteger, nullable=False),
        Column("ends", _NUMBER, nullable=False),
        Column("booked_at", _NUMBER, nullable=False),
        Column("actor", Text),
        Column("reason", Text),
        PrimaryKeyConstraint("day", "container", "hour", "revision"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ledger_hours_container", "ledger_hours", ["container", "ends"])
    op.create_table(
        "ledger_hour_rows",
        Column("day", Integer, nullable=False),
        Column("container", Integer, nullable=False),
        Column("hour", _NUMBER, nullable=False),
        Column("revision", SmallInteger, nullable=False),
        Column("begins", _NUMBER, nullable=False),
        Column("algorithm", SmallInteger, nullable=False),
        Column("ends", _NUMBER, nullable=False),
        Column("terms", Integer, nullable=False),
        *_sums(),
        Column("refused", Integer, nullable=False),
        Column("peak_w", Float(53)),
        PrimaryKeyConstraint("day", "container", "hour", "revision", "begins", "algorithm"),
        sqlite_with_rowid=False,
    )


def _make_days() -> None:
    op.create_table(
        "ledger_days",
        Column("day", Integer, nullable=False),
        Column("container", Integer, nullable=False),
        Column("revision", SmallInteger, nullable=False),
        Column("booked_at", _NUMBER, nullable=False),
        Column("actor", Text),
        Column("reason", Text),
        PrimaryKeyConstraint("day", "container", "revision"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_day_rows",
        Column("day", Integer, nullable=False),
        Column("container", Integer, nullable=False),
        Column("revision", SmallInteger, nullable=False),
        Column("miner", Integer, nullable=False),
        Column("terms", Integer, nullable=False),
        Column("algorithm", SmallInteger, nullable=False),
        *_sums(),
        Column("refused", SmallInteger, nullable=False),
        PrimaryKeyConstraint("day", "container", "revision", "miner", "terms", "algorithm"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ledger_open_hours",
        Column("container", Integer, nullable=False),
        Column("hour", _NUMBER, nullable=False),
        Column("day", Integer, nullable=False),
        Column("document", LargeBinary, nullable=False),
        PrimaryKeyConstraint("container", "hour"),
    )


def _make_meters() -> None:
    op.create_table(
        "meter_readings",
        Column("id", Text, nullable=False),
        Column("container", Text, nullable=False),
        Column("at", _MOMENT, nullable=False),
        Column("kwh", Text, nullable=False),
        Column("replaced", Boolean, nullable=False),
        Column("note", Text, nullable=False),
        Column("entered_at", _MOMENT, nullable=False),
        Column("entered_by", Text, nullable=False),
        PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_meter_readings_container", "meter_readings", ["container", "at"])
    op.create_table(
        "meter_withdrawals",
        Column("reading", Text, nullable=False),
        Column("withdrawn_at", _MOMENT, nullable=False),
        Column("withdrawn_by", Text, nullable=False),
        PrimaryKeyConstraint("reading"),
    )


def _make_closings() -> None:
    op.create_table(
        "closings",
        Column("number", Integer, nullable=False, autoincrement=False),
        Column("month", Integer, nullable=False),
        Column("basis", Text, nullable=False),
        Column("closed_at", _MOMENT, nullable=False),
        Column("closed_by", Text, nullable=False),
        Column("incomplete", Boolean, nullable=False),
        PrimaryKeyConstraint("number"),
    )
    op.create_index("uq_closings_month", "closings", ["month"], unique=True)
    op.create_table(
        "closing_reports",
        Column("number", Integer, nullable=False),
        Column("client", Text, nullable=False),
        Column("document", LargeBinary, nullable=False),
        PrimaryKeyConstraint("number", "client"),
    )


def _guard_in_sqlite() -> None:
    for table, keys in _KEYS.items():
        same = " AND ".join(f"{key} = NEW.{key}" for key in keys)
        for name, event, when, words in (
            ("no_update", "UPDATE", "", "rows of the books are never changed"),
            ("no_delete", "DELETE", "", "rows of the books never leave"),
            # INSERT OR REPLACE deletes without asking the trigger above (unless recursive_triggers is on).
            (
                "no_replace",
                "INSERT",
                f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})",  # noqa: S608  # our own names
                "this row is in the books already",
            ),
        ):
            op.execute(
                f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} {when} BEGIN SELECT RAISE(ABORT, '{words}'); END"
            )
    for table in _OF_A_DAY:
        op.execute(
            f"CREATE TRIGGER {table}_closed BEFORE INSERT ON {table} "  # noqa: S608  # our own names
            "WHEN EXISTS (SELECT 1 FROM closings WHERE month = NEW.day / 100) "
            "BEGIN SELECT RAISE(ABORT, 'the month is closed'); END"
        )


def _guard_in_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION books_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'rows of the books are never changed';
        END
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION books_refuse_closed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF EXISTS (SELECT 1 FROM closings WHERE month = NEW.day / 100) THEN
            RAISE EXCEPTION 'the month is closed';
          END IF;
          RETURN NEW;
        END
        $$
        """
    )
    for table in _KEYS:
        op.execute(
            f"CREATE TRIGGER {table}_only_inserts BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION books_refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION books_refuse()"
        )
    for table in _OF_A_DAY:
        op.execute(
            f"CREATE TRIGGER {table}_closed BEFORE INSERT ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION books_refuse_closed()"
        )
