"""
experiments
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "campaign_variants",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("template_version_id", _ID, nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_variants_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["template_version_id"], ["template_versions.id"], name=op.f("fk_campaign_variants_template_version_id")
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_campaign_variants_workspace_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_campaign_variants")),
    )
    op.create_index("ix_campaign_variants_version", "campaign_variants", ["template_version_id"], unique=False)
    op.create_table(
        "campaign_experiments",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), server_default="0", nullable=False),
        sa.Column("threshold", sa.BigInteger(), nullable=False),
        sa.Column("dealt_to", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_row", sa.Integer(), nullable=False),
        sa.Column("shares", sa.Text(), nullable=False),
        sa.Column("limit_row", sa.Integer(), nullable=True),
        sa.Column("looks", sa.Text(), server_default="[]", nullable=False),
        sa.Column("seen", sa.Integer(), server_default="0", nullable=False),
        sa.Column("look_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_experiments_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_campaign_experiments_workspace_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_experiments")),
    )
    op.create_table(
        "experiment_looks",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("tallies", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("shares", sa.Text(), server_default="", nullable=False),
        sa.Column("seed", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("chosen_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_experiment_looks_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_experiment_looks_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiment_looks")),
    )
    op.create_index("ix_experiment_looks_campaign", "experiment_looks", ["campaign_id", "id"], unique=False)
    op.add_column("campaign_recipients", sa.Column("variant", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("campaign_recipients", sa.Column("part", sa.Text(), server_default="", nullable=False))
