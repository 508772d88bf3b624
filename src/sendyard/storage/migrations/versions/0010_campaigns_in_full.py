"""
campaigns in full
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "campaign_policies",
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("approve_recipients", sa.Integer(), nullable=True),
        sa.Column("approve_cost", sa.Text(), nullable=True),
        sa.Column("approve_currency", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_campaign_policies_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_campaign_policies")),
    )
    op.create_table(
        "team_members",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_team_members_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_members")),
    )
    op.create_table(
        "team_addresses",
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("address", _ID, nullable=False),
        sa.Column("member_id", _ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["team_members.id"], name=op.f("fk_team_addresses_member_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_team_addresses_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "address", name=op.f("pk_team_addresses")),
    )
    op.create_index("ix_team_addresses_member", "team_addresses", ["member_id"], unique=False)

    op.create_table(
        "campaign_approvals",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("recipients", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cost", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_approvals_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_campaign_approvals_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_approvals")),
    )
    op.create_index("ix_campaign_approvals_campaign", "campaign_approvals", ["campaign_id", "id"], unique=False)

    op.create_table(
        "campaign_paces",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("step_us", sa.BigInteger(), nullable=False),
        sa.Column("next_us", sa.BigInteger(), nullable=False),
        sa.Column("promised_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_paces_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_campaign_paces_workspace_id")),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_paces")),
    )
    op.create_table(
        "campaign_waves",
        sa.Column("campaign_id", _ID, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("last_row", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("figures", sa.Text(), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_waves_campaign_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_campaign_waves_workspace_id")),
        sa.PrimaryKeyConstraint("campaign_id", "number", name=op.f("pk_campaign_waves")),
    )
    op.add_column("campaign_recipients", sa.Column("language", sa.Text(), server_default="", nullable=False))
    op.add_column("campaign_recipients", sa.Column("zone", sa.Text(), server_default="", nullable=False))
    op.add_column("campaign_recipients", sa.Column("contact_no", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_campaign_recipients_address",
        "campaign_recipients",
        ["campaign_id", "address"],
        unique=True,
        sqlite_where=sa.text("address <> ''"),
        postgresql_where=sa.text("address <> ''"),
    )

    op.add_column("campaigns", sa.Column("plan", sa.Text(), server_default="{}", nullable=False))
    op.add_column("campaigns", sa.Column("given_rows", sa.Integer(), server_default="0", nullable=False))
    op.add_column("campaigns", sa.Column("gathering", sa.Text(), server_default="", nullable=False))
    op.add_column("campaigns", sa.Column("start_wanted", sa.Text(), server_default="", nullable=False))
    op.add_column("campaigns", sa.Column("send_at", sa.BigInteger(), nullable=True))
    op.add_column("campaigns", sa.Column("parent_id", _ID, nullable=True))
    op.add_column("campaigns", sa.Column("run_at", sa.BigInteger(), nullable=True))
    op.add_column("campaigns", sa.Column("created_by", sa.Text(), server_default="", nullable=False))
    op.add_column("campaigns", sa.Column("reach", sa.Text(), server_default="all", nullable=False))
    op.add_column("campaigns", sa.Column("reserved", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("campaigns", sa.Column("archived_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_campaigns_due",
        "campaigns",
        ["send_at"],
        unique=False,
        sqlite_where=sa.text("send_at IS NOT NULL"),
        postgresql_where=sa.text("send_at IS NOT NULL"),
    )
    op.create_index(
        "ix_campaigns_run",
        "campaigns",
        ["parent_id", "run_at"],
        unique=True,
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index("ix_campaigns_workspace", "campaigns", ["workspace_id", "id"], unique=False)
    # What there was came from files as a whole.
    op.execute(
        "UPDATE campaigns SET given_rows = COALESCE((SELECT MAX(r.row) FROM campaign_recipients r"
        " WHERE r.campaign_id = campaigns.id), 0)"
    )
