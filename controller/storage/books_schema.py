"""The tables of the books: the ledger, meter readings and closed months. Nothing in them is ever changed.

Names that occur in every row (containers, miners, terms, algorithms) stand once in tables of their own, and rows hold their
numbers; a day is the number 20261003, a moment whole seconds since 1970: a year of ten thousand miners is millions of rows.
A bucket (a container's hour, a container's day) may have several revisions; the highest counts.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
)

from controller.storage.columns import LargeNumber, Moment, Words
from controller.storage.schema import metadata

SUMS = (
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
"""The columns that add up, in their order. `megahashes` is of the algorithm that its row names."""


def _sums() -> list[Column[int]]:
    return [Column(name, LargeNumber, nullable=False) for name in SUMS]


ledger_containers = Table(
    "ledger_containers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("container", Words, nullable=False),
)
Index("uq_ledger_containers_container", ledger_containers.c.container, unique=True)

# How a container was called, and in which zone it stood, from an hour on.
ledger_names = Table(
    "ledger_names",
    metadata,
    Column("container", Integer, nullable=False),
    Column("hour", LargeNumber, nullable=False),
    Column("name", Words, nullable=False),
    Column("timezone", Words, nullable=False),
    PrimaryKeyConstraint("container", "hour"),
)

ledger_miners = Table(
    "ledger_miners",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("container", Integer, nullable=False),
    Column("miner", Words, nullable=False),
)
Index("uq_ledger_miners_container", ledger_miners.c.container, ledger_miners.c.miner, unique=True)

ledger_terms = Table(
    "ledger_terms",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("client", Words),
    Column("tariff", Words),
    Column("currency", Words),
    Column("price_per_kwh", Words),
)

ledger_algorithms = Table(
    "ledger_algorithms",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("algorithm", Words, nullable=False),
)
Index("uq_ledger_algorithms_algorithm", ledger_algorithms.c.algorithm, unique=True)

# An hour that is booked: by whom and why where it is a correction.
ledger_hours = Table(
    "ledger_hours",
    metadata,
    Column("day", Integer, nullable=False),
    Column("container", Integer, nullable=False),
    Column("hour", LargeNumber, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("ends", LargeNumber, nullable=False),
    Column("booked_at", LargeNumber, nullable=False),
    Column("actor", Words),
    Column("reason", Words),
    PrimaryKeyConstraint("day", "container", "hour", "revision"),
    sqlite_with_rowid=False,
)
Index("ix_ledger_hours_container", ledger_hours.c.container, ledger_hours.c.ends)

# What a container did in an hour: a row for each piece on the same terms and each algorithm in it. The seconds and the
# energy stand in the first row of a piece only.
ledger_hour_rows = Table(
    "ledger_hour_rows",
    metadata,
    Column("day", Integer, nullable=False),
    Column("container", Integer, nullable=False),
    Column("hour", LargeNumber, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("begins", LargeNumber, nullable=False),
    Column("algorithm", SmallInteger, nullable=False),  # 0: none
    Column("ends", LargeNumber, nullable=False),
    Column("terms", Integer, nullable=False),
    *_sums(),
    Column("refused", Integer, nullable=False),
    Column("peak_w", Float(53)),
    PrimaryKeyConstraint("day", "container", "hour", "revision", "begins", "algorithm"),
    sqlite_with_rowid=False,
)

# A day whose rows by miner are made.
ledger_days = Table(
    "ledger_days",
    metadata,
    Column("day", Integer, nullable=False),
    Column("container", Integer, nullable=False),
    Column("revision", SmallInteger, nullable=False),
    Column("booked_at", LargeNumber, nullable=False),
    Column("actor", Words),
    Column("reason", Words),
    PrimaryKeyConstraint("day", "container", "revision"),
    sqlite_with_rowid=False,
)

# What a miner did on a day, as above.
ledger_day_rows = Table(
    "ledger_day_rows",
    metadata,
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

# The miners' part of the hours of a day that is still open, one document an hour (controller/storage/open_hours.py).
ledger_open_hours = Table(
    "ledger_open_hours",
    metadata,
    Column("container", Integer, nullable=False),
    Column("hour", LargeNumber, nullable=False),
    Column("day", Integer, nullable=False),
    Column("document", LargeBinary, nullable=False),
    PrimaryKeyConstraint("container", "hour"),
)

meter_readings = Table(
    "meter_readings",
    metadata,
    Column("id", Words, primary_key=True),
    Column("container", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("kwh", Words, nullable=False),
    Column("replaced", Boolean, nullable=False),
    Column("note", Words, nullable=False),
    Column("entered_at", Moment, nullable=False),
    Column("entered_by", Words, nullable=False),
)
Index("ix_meter_readings_container", meter_readings.c.container, meter_readings.c.at)

meter_withdrawals = Table(
    "meter_withdrawals",
    metadata,
    Column("reading", Words, primary_key=True),
    Column("withdrawn_at", Moment, nullable=False),
    Column("withdrawn_by", Words, nullable=False),
)

closings = Table(
    "closings",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("month", Integer, nullable=False),  # 202610
    Column("basis", Words, nullable=False),
    Column("closed_at", Moment, nullable=False),
    Column("closed_by", Words, nullable=False),
    Column("incomplete", Boolean, nullable=False),
)
Index("uq_closings_month", closings.c.month, unique=True)

# The reports of a closed month, whole: by container for all (client empty), and one for each client.
closing_reports = Table(
    "closing_reports",
    metadata,
    Column("number", Integer, nullable=False),
    Column("client", Words, nullable=False),
    Column("document", LargeBinary, nullable=False),
    PrimaryKeyConstraint("number", "client"),
)

ONLY_INSERTS = (
    "ledger_containers",
    "ledger_names",
    "ledger_miners",
    "ledger_terms",
    "ledger_algorithms",
    "ledger_hours",
    "ledger_hour_rows",
    "ledger_days",
    "ledger_day_rows",
    "meter_readings",
    "meter_withdrawals",
    "closings",
    "closing_reports",
)
"""Tables in which triggers refuse every change of what is there."""

OF_A_DAY = ("ledger_hours", "ledger_hour_rows", "ledger_days", "ledger_day_rows")
"""Tables that take nothing more for a day whose month is closed."""
