"""
templates in full
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column("templates", sa.Column("archived_at", sa.BigInteger(), nullable=True))
    op.add_column("template_versions", sa.Column("document", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "record_tables",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("key_column", sa.Text(), nullable=False),
        sa.Column("columns", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_record_tables_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_tables")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_record_tables_workspace_id_name")),
    )
    op.create_table(
        "record_rows",
        sa.Column("table_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("key", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["table_id"], ["record_tables.id"], name=op.f("fk_record_rows_table_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_record_rows_workspace_id")),
        sa.PrimaryKeyConstraint("table_id", "key", name=op.f("pk_record_rows")),
    )
