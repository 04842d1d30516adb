"""The tables as the program uses them now. The versions below `migrations/` build them; a test compares the two.

A table that keeps a struct of `controller/model.py` has a column for each of its fields, by the same name, and a few more
that are only for finding (`container`, `username_key`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
)

from controller.model import Actor, Scope, Stagger
from controller.storage.columns import Document, LargeNumber, Moment, Words

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

events = Table(
    "events",
    metadata,
    Column("seq", LargeNumber, primary_key=True, autoincrement=True),  # the order in which they were written
    Column("id", Words, nullable=False),
    Column("at", Moment, nullable=False),
    Column("category", Words, nullable=False),
    Column("kind", Words, nullable=False),
    Column("actor_type", Words, nullable=False),
    Column("actor_name", Words, nullable=False),
    Column("actor_id", Words),
    Column("token_id", Words),
    Column("params", Document(Mapping[str, Any]), nullable=False),
    Column("container", Words),
    Column("miner", Words),
    Column("miner_address", Words),
    Column("client", Words),
    Column("operation_id", Words),
    Column("before", Document(Any)),
    Column("after", Document(Any)),
    Column("outcome", Words),
    Column("request_id", Words),
    Column("address", Words),
    Column("words", Words, nullable=False),  # what a search for text looks through, in lower case
    sqlite_autoincrement=True,  # a number is never given twice, also after all rows have left by retention
)

EVENT_INDEXES = (
    # The fields that a search can begin with, the most telling first (controller/storage/event_search.py).
    "operation_id",
    "miner_address",
    "miner",
    "token_id",
    "actor_id",
    "actor_name",
    "container",
    "client",
    "kind",
    "outcome",
    "category",
)
Index("uq_events_id", events.c.id, unique=True)
Index("ix_events_at", events.c.at, events.c.seq)
for _name in EVENT_INDEXES:
    _column = events.c[_name]
    # Empty fields are not looked for, so they need no place in the index.
    _given = _column.is_not(None) if _column.nullable else None
    Index(
        f"ix_events_{_name}",
        _column,
        events.c.at,
        events.c.seq,
        sqlite_where=_given,
        postgresql_where=_given,
    )

# Up to when events of a category may be deleted, filled only within the transaction that purges: the trigger on `events`
# lets nothing else go, and no other transaction ever sees a row here.
event_retention = Table(
    "event_retention",
    metadata,
    Column("category", Words, primary_key=True),
    Column("before", Moment, nullable=False),
)

overrides = Table(
    "overrides",
    metadata,
    Column("id", Words, primary_key=True),
    Column("profile", Words, nullable=False),
    Column("ends", Words, nullable=False),
    Column("reason", Words, nullable=False),
    Column("created_by", Document(Actor), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("starts_at", Moment, nullable=False),
    Column("containers", Document(tuple[str, ...]), nullable=False),
    Column("miners", Document(tuple[str, ...]), nullable=False),
    Column("except_miners", Document(tuple[str, ...]), nullable=False),
    Column("until", Moment),
    Column("until_by_container", Document(Mapping[str, datetime]), nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("stagger", Document(Stagger)),
    Column("ended_at", Moment),
    Column("ended_by", Document(Actor)),
    Column("operation_id", Words),
)
Index("ix_overrides_ended_at", overrides.c.ended_at)

# The containers that an override touches, as a whole or by some of their miners: only for finding.
override_containers = Table(
    "override_containers",
    metadata,
    Column("override_id", Words, ForeignKey("overrides.id", ondelete="CASCADE"), nullable=False),
    Column("container", Words, nullable=False),
    PrimaryKeyConstraint("container", "override_id"),
)
Index("ix_override_containers_override_id", override_containers.c.override_id)

operations = Table(
    "operations",
    metadata,
    Column("id", Words, primary_key=True),
    Column("cause", Words, nullable=False),
    Column("action", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("created_by", Document(Actor), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("reason", Words, nullable=False),
    Column("profile", Words),
    Column("override_id", Words),
    Column("retry_of", Words),
    Column("intent", Boolean, nullable=False),
    Column("started_at", Moment),
    Column("ended_at", Moment),
    Column("total", Integer, nullable=False),
    Column("counts", Document(Mapping[str, int]), nullable=False),
    Column("power_before_w", Float(53)),
    Column("power_expected_w", Float(53)),
    Column("stagger", Document(Stagger)),
)
Index("ix_operations_state", operations.c.state, operations.c.id)
Index("ix_operations_override_id", operations.c.override_id)

results = Table(
    "results",
    metadata,
    Column("operation_id", Words, ForeignKey("operations.id", ondelete="CASCADE"), nullable=False),
    Column("miner", Words, nullable=False),
    Column("container", Words, nullable=False),
    Column("state", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("started_at", Moment),
    Column("duration_s", Float(53)),
    Column("power_before_w", Float(53)),
    Column("power_after_w", Float(53)),
    PrimaryKeyConstraint("operation_id", "miner"),
)
# Finds the operations that touched a container.
Index("ix_results_container", results.c.container, results.c.operation_id)

holds = Table(
    "holds",
    metadata,
    Column("id", Words, primary_key=True),
    Column("container", Words),
    Column("reason", Words, nullable=False),
    Column("created_by", Document(Actor), nullable=False),
    Column("created_at", Moment, nullable=False),
)

service_marks = Table(
    "service_marks",
    metadata,
    Column("miner", Words, primary_key=True),
    Column("reason", Words, nullable=False),
    Column("created_by", Document(Actor), nullable=False),
    Column("created_at", Moment, nullable=False),
)

miner_records = Table(
    "miner_records",
    metadata,
    Column("miner", Words, primary_key=True),
    Column("address", Words),
    Column("mac", Words),
    Column("serial", Words),
    Column("applied_profile", Words),
    Column("applied_ratio", Float(53)),
    Column("applied_at", Moment),
    Column("desired_profile", Words),
    Column("desired_since", Moment),
    Column("attempts", Integer, nullable=False),
    Column("not_before", Moment),
    Column("last_outcome", Words),
    Column("last_detail", Words),
    Column("restarts_on", Words),
    Column("restarts", Integer, nullable=False),
    Column("unverified_at", Moment),
    Column("nominal_power_w", Float(53)),
)

clients = Table(
    "clients",
    metadata,
    Column("id", Words, primary_key=True),
    Column("slug", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("language", Words, nullable=False),
    Column("currency", Words),
    Column("active", Boolean, nullable=False),
    Column("shows_cost", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("words", Words, nullable=False),  # what a search for text looks through, in lower case
)
Index("uq_clients_slug", clients.c.slug, unique=True)

assignments = Table(
    "assignments",
    metadata,
    Column("client_id", Words, ForeignKey("clients.id"), nullable=False),
    Column("container", Words, nullable=False),
    Column("begins", Moment, nullable=False),
    Column("ends", Moment),
    PrimaryKeyConstraint("container", "begins"),
)
Index("ix_assignments_client_id", assignments.c.client_id)

users = Table(
    "users",
    metadata,
    Column("id", Words, primary_key=True),
    Column("username", Words, nullable=False),
    Column(
        "username_key", Words, nullable=False
    ),  # as compared: letter case and forms of a character do not count
    Column("role", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("email", Words),
    Column("email_key", Words),
    Column("name", Words),
    Column("client_id", Words, ForeignKey("clients.id")),
    Column("language", Words, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("password_change_needed", Boolean, nullable=False),
    Column("last_seen", Moment),
    Column("password_hash", Words, nullable=False),
    Column("words", Words, nullable=False),
)
Index("uq_users_username_key", users.c.username_key, unique=True)
Index("uq_users_email_key", users.c.email_key, unique=True)
Index("ix_users_client_id", users.c.client_id)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Words, primary_key=True),
    Column("sha256", Words, nullable=False),
    Column("user_id", Words, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_seen", Moment, nullable=False),
    Column("confirmed_at", Moment, nullable=False),
    Column("address", Words),
    Column("user_agent", Words),
    # Not a foreign key: the view of a client that is gone is an empty one, never the administrator's own.
    Column("viewed_client_id", Words),
)
Index("uq_sessions_sha256", sessions.c.sha256, unique=True)
Index("ix_sessions_user_id", sessions.c.user_id)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Words, primary_key=True),
    Column("sha256", Words, nullable=False),
    Column("user_id", Words, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Words, nullable=False),
    Column("scopes", Document(tuple[Scope, ...]), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("containers", Document(tuple[str, ...]), nullable=False),
    Column("miner", Words),
    Column("last_used_at", Moment),
    Column("last_address", Words),
)
Index("uq_tokens_sha256", tokens.c.sha256, unique=True)
Index("ix_tokens_user_id", tokens.c.user_id)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Words, primary_key=True),
    Column("user_id", Words, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("sha256", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("created_by", Document(Actor), nullable=False),
    Column("used_at", Moment),
)
Index("uq_invitations_sha256", invitations.c.sha256, unique=True)
Index("uq_invitations_user_id", invitations.c.user_id, unique=True)

# The owner is a user or a client; the column of its kind lets the row go with it.
grafana_links = Table(
    "grafana_links",
    metadata,
    Column("owner_id", Words, primary_key=True),
    Column("user_id", Words, ForeignKey("users.id", ondelete="CASCADE")),
    Column("client_id", Words, ForeignKey("clients.id", ondelete="CASCADE")),
    Column("state", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("at", Moment, nullable=False),
)
Index("ix_grafana_links_user_id", grafana_links.c.user_id)
Index("ix_grafana_links_client_id", grafana_links.c.client_id)

gateway_tokens = Table(
    "gateway_tokens",
    metadata,
    Column("id", Words, primary_key=True),
    Column("sha256", Words, nullable=False),
    Column("client_id", Words, ForeignKey("clients.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("last_used_at", Moment),
)
Index("uq_gateway_tokens_sha256", gateway_tokens.c.sha256, unique=True)
Index("ix_gateway_tokens_client_id", gateway_tokens.c.client_id)

idempotency = Table(
    "idempotency",
    metadata,
    Column("user_id", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("body_hash", Words, nullable=False),
    Column("begun_at", Moment, nullable=False),
    Column(
        "run", Words, nullable=False
    ),  # of which start of the program: one that ended cannot finish it any more
    Column("status", Integer),
    Column("headers", Document(Mapping[str, str])),
    Column("body", Words),
    PrimaryKeyConstraint("user_id", "key"),
)
Index("ix_idempotency_begun_at", idempotency.c.begun_at)

settings = Table(
    "settings",
    metadata,
    Column("name", Words, primary_key=True),
    Column("value", Document(Any)),
)
