"""Which clients see prices and costs: none, until somebody says so.

Revision: 0006
"""

from alembic import op
from sqlalchemy import Boolean, Column, false

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("clients", Column("shows_cost", Boolean, nullable=False, server_default=false()))
