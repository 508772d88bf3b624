"""
drip campaigns
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "drips",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("pause_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("reach", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("sweep_at", sa.BigInteger(), nullable=True),
        sa.Column("last_no", sa.Integer(), server_default="0", nullable=False),
        sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_drips_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drips")),
    )
    op.create_index(
        "ix_drips_active",
        "drips",
        ["id"],
        unique=False,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index("ix_drips_workspace", "drips", ["workspace_id", "id"], unique=False)

    op.create_table(
        "drip_people",
        sa.Column("drip_id", _ID, nullable=False),
        sa.Column("no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("given", sa.Text(), nullable=False),
        sa.Column("address", _ID, nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("variables", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("contact_no", sa.BigInteger(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["drip_id"], ["drips.id"], name=op.f("fk_drip_people_drip_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_drip_people_workspace_id")),
        sa.PrimaryKeyConstraint("drip_id", "no", name=op.f("pk_drip_people")),
    )
    op.create_index("ix_drip_people_address", "drip_people", ["workspace_id", "address"], unique=False)
    op.create_index("ix_drip_people_contact", "drip_people", ["drip_id", "contact_no"], unique=False)
    op.create_index("ix_drip_people_due", "drip_people", ["drip_id", "state", "next_at"], unique=False)
    op.create_index(
        "ix_drip_people_once",
        "drip_people",
        ["drip_id", "address", "round"],
        unique=True,
        sqlite_where=sa.text("address <> ''"),
        postgresql_where=sa.text("address <> ''"),
    )

    op.create_table(
        "drip_steps",
        sa.Column("drip_id", _ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("round", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_drip_steps_campaign_id")),
        sa.ForeignKeyConstraint(["drip_id"], ["drips.id"], name=op.f("fk_drip_steps_drip_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_drip_steps_workspace_id")),
        sa.PrimaryKeyConstraint("drip_id", "number", "round", name=op.f("pk_drip_steps")),
        sa.UniqueConstraint("campaign_id", name=op.f("uq_drip_steps_campaign_id")),
    )
