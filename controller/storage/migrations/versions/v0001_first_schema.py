"""The first schema: the record, intentions, operations, miners, people, access.

Revision: 0001
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Text,
    text,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MOMENT = DateTime(timezone=True)
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")

# Nothing in `events` changes, and nothing leaves but what `event_retention` names: its rows live within one transaction.
_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER events_no_update BEFORE UPDATE ON events
    BEGIN
      SELECT RAISE(ABORT, 'events are never changed');
    END
    """,
    """
    CREATE TRIGGER events_no_delete BEFORE DELETE ON events
    WHEN NOT EXISTS (SELECT 1 FROM event_retention WHERE category = OLD.category AND before > OLD.at)
    BEGIN
      SELECT RAISE(ABORT, 'events leave by retention only');
    END
    """,
    # INSERT OR REPLACE deletes without asking the trigger above (unless recursive_triggers is on).
    """
    CREATE TRIGGER events_no_replace BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id OR seq = NEW.seq)
    BEGIN
      SELECT RAISE(ABORT, 'an event of this id is there');
    END
    """,
)
_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'events are never changed';
      END IF;
      IF TG_OP = 'DELETE' AND EXISTS (
        SELECT 1 FROM event_retention WHERE category = OLD.category AND before > OLD.at
      ) THEN
        RETURN OLD;
      END IF;
      RAISE EXCEPTION 'events leave by retention only';
    END
    $$
    """,
    """
    CREATE TRIGGER events_only_inserts BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION events_refuse()
    """,
    """
    CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION events_refuse()
    """,
)
_EVENT_INDEXES = {
    "operation_id": True,
    "miner_address": True,
    "miner": True,
    "token_id": True,
    "actor_id": True,
    "actor_name": False,
    "container": True,
    "client": True,
    "kind": False,
    "outcome": True,
    "category": False,
}


def upgrade() -> None:
    """Make all tables."""
    _make_events()
    _make_intentions()
    _make_operations()
    _make_people()
    _make_access()


def _make_events() -> None:
    op.create_table(
        "events",
        Column("seq", _NUMBER, autoincrement=True, nullable=False),
        Column("id", Text(), nullable=False),
        Column("at", _MOMENT, nullable=False),
        Column("category", Text(), nullable=False),
        Column("kind", Text(), nullable=False),
        Column("actor_type", Text(), nullable=False),
        Column("actor_name", Text(), nullable=False),
        Column("actor_id", Text()),
        Column("token_id", Text()),
        Column("params", Text(), nullable=False),
        Column("container", Text()),
        Column("miner", Text()),
        Column("miner_address", Text()),
        Column("client", Text()),
        Column("operation_id", Text()),
        Column("before", Text()),
        Column("after", Text()),
        Column("outcome", Text()),
        Column("request_id", Text()),
        Column("address", Text()),
        Column("words", Text(), nullable=False),
        PrimaryKeyConstraint("seq", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_events_id", "events", ["id"], unique=True)
    op.create_index("ix_events_at", "events", ["at", "seq"])
    for name, partial in _EVENT_INDEXES.items():
        given = text(f"{name} IS NOT NULL") if partial else None
        op.create_index(
            f"ix_events_{name}", "events", [name, "at", "seq"], sqlite_where=given, postgresql_where=given
        )
    op.create_table(
        "event_retention",
        Column("category", Text(), nullable=False),
        Column("before", _MOMENT, nullable=False),
        PrimaryKeyConstraint("category", name="pk_event_retention"),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in _SQLITE_TRIGGERS if sqlite else _POSTGRESQL_TRIGGERS:
        op.execute(trigger)


def _make_intentions() -> None:
    op.create_table(
        "overrides",
        Column("id", Text(), nullable=False),
        Column("profile", Text(), nullable=False),
        Column("ends", Text(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("created_by", Text(), nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("starts_at", _MOMENT, nullable=False),
        Column("containers", Text(), nullable=False),
        Column("miners", Text(), nullable=False),
        Column("except_miners", Text(), nullable=False),
        Column("until", _MOMENT),
        Column("until_by_container", Text(), nullable=False),
        Column("emergency", Boolean(), nullable=False),
        Column("stagger", Text()),
        Column("ended_at", _MOMENT),
        Column("ended_by", Text()),
        Column("operation_id", Text()),
        PrimaryKeyConstraint("id", name="pk_overrides"),
    )
    op.create_index("ix_overrides_ended_at", "overrides", ["ended_at"])
    op.create_table(
        "override_containers",
        Column("override_id", Text(), nullable=False),
        Column("container", Text(), nullable=False),
        PrimaryKeyConstraint("container", "override_id", name="pk_override_containers"),
        ForeignKeyConstraint(
            ["override_id"], ["overrides.id"], name="fk_override_containers_override_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_override_containers_override_id", "override_containers", ["override_id"])
    op.create_table(
        "holds",
        Column("id", Text(), nullable=False),
        Column("container", Text()),
        Column("reason", Text(), nullable=False),
        Column("created_by", Text(), nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        PrimaryKeyConstraint("id", name="pk_holds"),
    )
    op.create_table(
        "service_marks",
        Column("miner", Text(), nullable=False),
        Column("reason", Text(), nullable=False),
        Column("created_by", Text(), nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        PrimaryKeyConstraint("miner", name="pk_service_marks"),
    )
    op.create_table(
        "miner_records",
        Column("miner", Text(), nullable=False),
        Column("address", Text()),
        Column("mac", Text()),
        Column("serial", Text()),
        Column("applied_profile", Text()),
        Column("applied_ratio", Float(53)),
        Column("applied_at", _MOMENT),
        Column("desired_profile", Text()),
        Column("desired_since", _MOMENT),
        Column("attempts", Integer(), nullable=False),
        Column("not_before", _MOMENT),
        Column("last_outcome", Text()),
        Column("last_detail", Text()),
        Column("restarts_on", Text()),
        Column("restarts", Integer(), nullable=False),
        Column("unverified_at", _MOMENT),
        PrimaryKeyConstraint("miner", name="pk_miner_records"),
    )


def _make_operations() -> None:
    op.create_table(
        "operations",
        Column("id", Text(), nullable=False),
        Column("cause", Text(), nullable=False),
        Column("action", Text(), nullable=False),
        Column("state", Text(), nullable=False),
        Column("created_by", Text(), nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("reason", Text(), nullable=False),
        Column("profile", Text()),
        Column("override_id", Text()),
        Column("retry_of", Text()),
        Column("intent", Boolean(), nullable=False),
        Column("started_at", _MOMENT),
        Column("ended_at", _MOMENT),
        Column("total", Integer(), nullable=False),
        Column("counts", Text(), nullable=False),
        Column("power_before_w", Float(53)),
        Column("power_expected_w", Float(53)),
        Column("stagger", Text()),
        PrimaryKeyConstraint("id", name="pk_operations"),
    )
    op.create_index("ix_operations_state", "operations", ["state", "id"])
    op.create_index("ix_operations_override_id", "operations", ["override_id"])
    op.create_table(
        "results",
        Column("operation_id", Text(), nullable=False),
        Column("miner", Text(), nullable=False),
        Column("container", Text(), nullable=False),
        Column("state", Text(), nullable=False),
        Column("detail", Text(), nullable=False),
        Column("attempts", Integer(), nullable=False),
        Column("started_at", _MOMENT),
        Column("duration_s", Float(53)),
        Column("power_before_w", Float(53)),
        Column("power_after_w", Float(53)),
        PrimaryKeyConstraint("operation_id", "miner", name="pk_results"),
        ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name="fk_results_operation_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_results_container", "results", ["container", "operation_id"])


def _make_people() -> None:
    op.create_table(
        "clients",
        Column("id", Text(), nullable=False),
        Column("slug", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("language", Text(), nullable=False),
        Column("currency", Text()),
        Column("created_at", _MOMENT, nullable=False),
        Column("words", Text(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_clients"),
    )
    op.create_index("uq_clients_slug", "clients", ["slug"], unique=True)
    op.create_table(
        "assignments",
        Column("client_id", Text(), nullable=False),
        Column("container", Text(), nullable=False),
        Column("begins", _MOMENT, nullable=False),
        Column("ends", _MOMENT),
        PrimaryKeyConstraint("container", "begins", name="pk_assignments"),
        ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_assignments_client_id"),
    )
    op.create_index("ix_assignments_client_id", "assignments", ["client_id"])
    op.create_table(
        "users",
        Column("id", Text(), nullable=False),
        Column("username", Text(), nullable=False),
        Column("username_key", Text(), nullable=False),
        Column("role", Text(), nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("email", Text()),
        Column("email_key", Text()),
        Column("name", Text()),
        Column("client_id", Text()),
        Column("language", Text(), nullable=False),
        Column("active", Boolean(), nullable=False),
        Column("password_change_needed", Boolean(), nullable=False),
        Column("last_seen", _MOMENT),
        Column("password_hash", Text(), nullable=False),
        Column("words", Text(), nullable=False),
        PrimaryKeyConstraint("id", name="pk_users"),
        ForeignKeyConstraint(["client_id"], ["clients.id"], name="fk_users_client_id"),
    )
    op.create_index("uq_users_username_key", "users", ["username_key"], unique=True)
    op.create_index("uq_users_email_key", "users", ["email_key"], unique=True)
    op.create_index("ix_users_client_id", "users", ["client_id"])


def _make_access() -> None:
    op.create_table(
        "sessions",
        Column("id", Text(), nullable=False),
        Column("sha256", Text(), nullable=False),
        Column("user_id", Text(), nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("last_seen", _MOMENT, nullable=False),
        Column("confirmed_at", _MOMENT, nullable=False),
        Column("address", Text()),
        Column("user_agent", Text()),
        PrimaryKeyConstraint("id", name="pk_sessions"),
        ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id", ondelete="CASCADE"),
    )
    op.create_index("uq_sessions_sha256", "sessions", ["sha256"], unique=True)
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "tokens",
        Column("id", Text(), nullable=False),
        Column("sha256", Text(), nullable=False),
        Column("user_id", Text(), nullable=False),
        Column("name", Text(), nullable=False),
        Column("scopes", Text(), nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("expires_at", _MOMENT, nullable=False),
        Column("containers", Text(), nullable=False),
        Column("miner", Text()),
        Column("last_used_at", _MOMENT),
        Column("last_address", Text()),
        PrimaryKeyConstraint("id", name="pk_tokens"),
        ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_tokens_user_id", ondelete="CASCADE"),
    )
    op.create_index("uq_tokens_sha256", "tokens", ["sha256"], unique=True)
    op.create_index("ix_tokens_user_id", "tokens", ["user_id"])
    op.create_table(
        "idempotency",
        Column("user_id", Text(), nullable=False),
        Column("key", Text(), nullable=False),
        Column("body_hash", Text(), nullable=False),
        Column("begun_at", _MOMENT, nullable=False),
        Column("run", Text(), nullable=False),
        Column("status", Integer()),
        Column("headers", Text()),
        Column("body", Text()),
        PrimaryKeyConstraint("user_id", "key", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_begun_at", "idempotency", ["begun_at"])
    op.create_table(
        "settings",
        Column("name", Text(), nullable=False),
        Column("value", Text()),
        PrimaryKeyConstraint("name", name="pk_settings"),
    )
