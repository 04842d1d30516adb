"""Invitations, what became of people and clients in Grafana, views as a client, and clients that are no longer customers.

Revision: 0004
"""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, ForeignKeyConstraint, PrimaryKeyConstraint, Text, true

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_MOMENT = DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables and the columns. Of an invitation only the SHA-256 of its link's token is kept."""
    op.create_table(
        "invitations",
        Column("id", Text, nullable=False),
        Column("user_id", Text, nullable=False),
        Column("sha256", Text, nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("expires_at", _MOMENT, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("used_at", _MOMENT),
        PrimaryKeyConstraint("id"),
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
    )
    op.create_index("uq_invitations_sha256", "invitations", ["sha256"], unique=True)
    op.create_index("uq_invitations_user_id", "invitations", ["user_id"], unique=True)
    op.create_table(
        "grafana_links",
        Column("owner_id", Text, nullable=False),
        Column("user_id", Text),
        Column("client_id", Text),
        Column("state", Text, nullable=False),
        Column("detail", Text, nullable=False),
        Column("at", _MOMENT, nullable=False),
        PrimaryKeyConstraint("owner_id"),
        ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["client_id"], ["clients.id"], ondelete="CASCADE"),
    )
    op.create_index("ix_grafana_links_user_id", "grafana_links", ["user_id"])
    op.create_index("ix_grafana_links_client_id", "grafana_links", ["client_id"])
    op.add_column("sessions", Column("viewed_client_id", Text))
    op.add_column("clients", Column("active", Boolean, nullable=False, server_default=true()))
