"""
notes of suppressions that were removed; three indexes for fewer statements
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "lifted_suppressions",
        sa.Column("workspace_id", _ID, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("suppression_id", _ID, nullable=False),
        sa.Column("address", _ID, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("lifted_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_lifted_suppressions_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "id", name=op.f("pk_lifted_suppressions")),
        sqlite_with_rowid=False,
    )
    if op.get_context().dialect.name == "postgresql":
        # Which statements may use these is said by a condition from now on, see the tables.
        op.drop_index("ix_contacts_changed", "contacts")
        op.create_index(
            "ix_contacts_changed", "contacts", ["workspace_id", "changed"], postgresql_where=sa.text("changed > 0")
        )
        op.drop_index("ix_identities_contact", "identities")
        op.create_index(
            "ix_identities_contact",
            "identities",
            ["workspace_id", "contact_no"],
            postgresql_where=sa.text("contact_no + 0 > 0"),
        )
        op.drop_index("ix_consents_given", "consents")
        op.create_index(
            "ix_consents_given", "consents", ["workspace_id", "at"], postgresql_where=sa.text("at + 0 IS NOT NULL")
        )
