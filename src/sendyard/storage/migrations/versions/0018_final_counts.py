"""
counts kept of campaigns that are over
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_UNFILLED = sa.text("counts IS NULL")


def upgrade() -> None:
    """Apply; what old campaigns came to is counted in the background afterwards."""
    op.create_table(
        "kept_counts",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("block", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("token", _ID, nullable=False),
        sa.Column("armed_at", sa.BigInteger(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_kept_counts_campaign_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign_id", "block", name=op.f("pk_kept_counts")),
    )
    op.create_index(
        "ix_kept_counts_armed", "kept_counts", ["armed_at"], sqlite_where=_UNFILLED, postgresql_where=_UNFILLED
    )
    op.create_table(
        "outdated_counts",
        sa.Column("no", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("block", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_outdated_counts")),
    )
    op.create_index("ix_outdated_counts_block", "outdated_counts", ["campaign_id", "block"])
