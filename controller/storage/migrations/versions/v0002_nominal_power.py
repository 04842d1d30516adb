"""The highest nominal power that a device has named: in its low mode it names less.

Revision: 0002
"""

from alembic import op
from sqlalchemy import Column, Float

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is in it is learnt from the next readings."""
    op.add_column("miner_records", Column("nominal_power_w", Float(53)))
