"""
second names of attempts
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("attempts", sa.Column("other_ref", sa.Text(), nullable=True))
    op.create_index(
        "ix_attempts_other_ref",
        "attempts",
        ["other_ref"],
        sqlite_where=sa.text("other_ref IS NOT NULL"),
        postgresql_where=sa.text("other_ref IS NOT NULL"),
    )
