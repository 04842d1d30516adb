"""The tokens with which a client's Grafana asks the query gateway.

Revision: 0003
"""

from alembic import op
from sqlalchemy import Column, DateTime, ForeignKeyConstraint, PrimaryKeyConstraint, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_MOMENT = DateTime(timezone=True)


def upgrade() -> None:
    """Make the table. Of a token only its SHA-256 is kept."""
    op.create_table(
        "gateway_tokens",
        Column("id", Text, nullable=False),
        Column("sha256", Text, nullable=False),
        Column("client_id", Text, nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("last_used_at", _MOMENT),
        PrimaryKeyConstraint("id"),
        ForeignKeyConstraint(["client_id"], ["clients.id"]),
    )
    op.create_index("uq_gateway_tokens_sha256", "gateway_tokens", ["sha256"], unique=True)
    op.create_index("ix_gateway_tokens_client_id", "gateway_tokens", ["client_id"])
