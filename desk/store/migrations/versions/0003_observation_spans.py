"""Observations that are planned for a span of time."""

import sqlalchemy as sa
from alembic import op

from desk.store.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("observations", sa.Column("planned_until", UtcDateTime(), nullable=True))
