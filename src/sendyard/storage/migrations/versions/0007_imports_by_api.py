"""
imports in steps
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "contact_import_refusals",
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("import_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at_row", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "import_no", "at_row", name=op.f("pk_contact_import_refusals")),
        sqlite_with_rowid=False,
    )
    for column in (
        sa.Column("manner", sa.Text(), server_default="{}", nullable=False),
        sa.Column("shape", sa.Text(), server_default="{}", nullable=False),
        sa.Column("file", sa.Text(), server_default="", nullable=False),
        sa.Column("at_row", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("read_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("checked", sa.Text(), server_default="", nullable=False),
        sa.Column("failure", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", _ID, server_default="", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
    ):
        op.add_column("contact_imports", column)
