"""
lists that providers keep of who refused, and the history of facts
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "provider_lists",
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("every_hours", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tells", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("told_after", _ID, server_default="", nullable=False),
        sa.Column("set_by", sa.Text(), server_default="", nullable=False),
        sa.Column("run", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cursor", sa.Text(), server_default="", nullable=False),
        sa.Column("refusing", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("agreed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("added", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_provider_lists_workspace_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_provider_lists")),
    )
    op.create_table(
        "provider_list_people",
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("address", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=True),
        sa.Column("seen_run", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_provider_list_people_workspace_id")),
        sa.PrimaryKeyConstraint("account_id", "address", name=op.f("pk_provider_list_people")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "fact_changes",
        sa.Column("id", _ID, nullable=False),
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account_id", _ID, nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_fact_changes_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fact_changes")),
    )
    op.create_index("ix_fact_changes_workspace", "fact_changes", ["workspace_id", "id"])
    op.create_index("ix_fact_changes_name", "fact_changes", ["workspace_id", "name", "id"])
