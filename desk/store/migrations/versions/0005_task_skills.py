"""What skills a task itself asks for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table. Tasks that are there already were taken in without a look at their skills, and stay so."""
    op.create_table(
        "task_skills",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill", sa.String(length=128), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["tasks.number"], name=op.f("fk_task_skills_number")),
        sa.PrimaryKeyConstraint("number", "skill", name=op.f("pk_task_skills")),
    )
