"""
people and their lists
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "contact_import_changes",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("import_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact_no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "import_no", "contact_no", name=op.f("pk_contact_import_changes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "contacts",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("country", sa.Text(), server_default="", nullable=False),
        sa.Column("marks", sa.Text(), server_default=",", nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("read_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.Column("replied_at", sa.BigInteger(), nullable=True),
        sa.Column("clicked_at", sa.BigInteger(), nullable=True),
        sa.Column("lead", sa.Text(), server_default="", nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="", nullable=False),
        sa.Column("zone_origin", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("gone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("import_no", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("n1", sa.BigInteger(), nullable=True),
        sa.Column("n2", sa.BigInteger(), nullable=True),
        sa.Column("n3", sa.BigInteger(), nullable=True),
        sa.Column("n4", sa.BigInteger(), nullable=True),
        sa.Column("n5", sa.BigInteger(), nullable=True),
        sa.Column("n6", sa.BigInteger(), nullable=True),
        sa.Column("n7", sa.BigInteger(), nullable=True),
        sa.Column("n8", sa.BigInteger(), nullable=True),
        sa.Column("n9", sa.BigInteger(), nullable=True),
        sa.Column("n10", sa.BigInteger(), nullable=True),
        sa.Column("n11", sa.BigInteger(), nullable=True),
        sa.Column("n12", sa.BigInteger(), nullable=True),
        sa.Column("n13", sa.BigInteger(), nullable=True),
        sa.Column("n14", sa.BigInteger(), nullable=True),
        sa.Column("n15", sa.BigInteger(), nullable=True),
        sa.Column("n16", sa.BigInteger(), nullable=True),
        sa.Column("x1", sa.Text(), nullable=True),
        sa.Column("x2", sa.Text(), nullable=True),
        sa.Column("x3", sa.Text(), nullable=True),
        sa.Column("x4", sa.Text(), nullable=True),
        sa.Column("x5", sa.Text(), nullable=True),
        sa.Column("x6", sa.Text(), nullable=True),
        sa.Column("x7", sa.Text(), nullable=True),
        sa.Column("x8", sa.Text(), nullable=True),
        sa.Column("x9", sa.Text(), nullable=True),
        sa.Column("x10", sa.Text(), nullable=True),
        sa.Column("x11", sa.Text(), nullable=True),
        sa.Column("x12", sa.Text(), nullable=True),
        sa.Column("x13", sa.Text(), nullable=True),
        sa.Column("x14", sa.Text(), nullable=True),
        sa.Column("x15", sa.Text(), nullable=True),
        sa.Column("x16", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "no", name=op.f("pk_contacts")),
        sa.UniqueConstraint("id", name=op.f("uq_contacts_id")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("contacts", schema=None) as batch_op:
        batch_op.create_index("ix_contacts_changed", ["workspace_id", "changed"], unique=False)

    op.create_table(
        "identities",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("contact_no", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "kind", "value", name=op.f("pk_identities")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index("ix_identities_contact", ["workspace_id", "contact_no"], unique=False)

    op.create_table(
        "address_keys",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_address_keys_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_address_keys")),
    )
    op.create_table(
        "audience_clocks",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("contacts", sa.BigInteger(), nullable=False),
        sa.Column("labels", sa.BigInteger(), nullable=False),
        sa.Column("imports", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_audience_clocks_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_audience_clocks")),
    )
    op.create_table(
        "audience_cursors",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_audience_cursors_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "name", name=op.f("pk_audience_cursors")),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("address", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("evidence", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_consents_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index(
            "ix_consents_address", ["workspace_id", "address", "channel", "purpose", "at", "id"], unique=False
        )

    op.create_table(
        "contact_fields",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), server_default="[]", nullable=False),
        sa.Column("currency", sa.Text(), server_default="", nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_contact_fields_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_fields")),
        sa.UniqueConstraint("workspace_id", "code", name=op.f("uq_contact_fields_workspace_id_code")),
        sa.UniqueConstraint("workspace_id", "slot", name=op.f("uq_contact_fields_workspace_id_slot")),
    )
    op.create_table(
        "contact_history",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("contact_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_contact_history_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_history")),
    )
    with op.batch_alter_table("contact_history", schema=None) as batch_op:
        batch_op.create_index("ix_contact_history_contact", ["workspace_id", "contact_id", "id"], unique=False)

    op.create_table(
        "contact_imports",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_contact_imports_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "no", name=op.f("pk_contact_imports")),
        sa.UniqueConstraint("id", name=op.f("uq_contact_imports_id")),
    )
    op.create_table(
        "erased_suppressions",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("digest", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_erased_suppressions_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "digest", "channel", "purpose", name=op.f("pk_erased_suppressions")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "labels",
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("no", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_labels_workspace_id")),
        sa.PrimaryKeyConstraint("workspace_id", "no", name=op.f("pk_labels")),
        sa.UniqueConstraint("id", name=op.f("uq_labels_id")),
        sa.UniqueConstraint("workspace_id", "kind", "key", name=op.f("uq_labels_workspace_id_kind_key")),
    )
    op.create_table(
        "segments",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_segments_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segments")),
        sa.UniqueConstraint("workspace_id", "name", name=op.f("uq_segments_workspace_id_name")),
    )
    with op.batch_alter_table("suppressions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("purpose", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("evidence", sa.Text(), server_default="", nullable=False))
        batch_op.drop_constraint(batch_op.f("uq_suppressions_workspace_id_address_channel"), type_="unique")
        batch_op.create_unique_constraint(
            batch_op.f("uq_suppressions_workspace_id_address_channel_purpose"),
            ["workspace_id", "address", "channel", "purpose"],
        )
