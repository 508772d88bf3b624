"""
editing of drips, with a throttle and a budget of their own
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "drip_rounds",
        sa.Column("drip_id", _ID, nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["drip_id"], ["drips.id"], name=op.f("fk_drip_rounds_drip_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_drip_rounds_workspace_id")),
        sa.PrimaryKeyConstraint("drip_id", "round", name=op.f("pk_drip_rounds")),
    )
    op.add_column("drips", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    op.add_column("drips", sa.Column("bring_to", sa.Integer(), server_default="0", nullable=False))
    op.add_column("drips", sa.Column("reserved", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("campaign_paces", sa.Column("leader", _ID, server_default="", nullable=False))
    # Until now a round was a visit, and every drip had one version.
    op.execute(
        "INSERT INTO drip_rounds (drip_id, round, workspace_id, version, visit, plan, made_at, made_by)"
        " SELECT DISTINCT s.drip_id, s.round, d.workspace_id, 1, s.round, d.plan, d.created_at, d.created_by"
        " FROM drip_steps s JOIN drips d ON d.id = s.drip_id"
    )
