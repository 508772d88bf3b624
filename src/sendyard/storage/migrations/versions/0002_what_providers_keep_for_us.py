"""
what providers keep for us
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "account_notices",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("account_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_account_notices_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_notices")),
        sa.UniqueConstraint("account_id", "dedupe_key", name=op.f("uq_account_notices_account_id_dedupe_key")),
    )
    with op.batch_alter_table("account_notices", schema=None) as batch_op:
        batch_op.create_index("ix_account_notices_workspace", ["workspace_id", "received_at"], unique=False)

    op.create_table(
        "media_handles",
        sa.Column("account_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_media_handles_workspace_id")),
        sa.PrimaryKeyConstraint("account_id", "digest", "channel", name=op.f("pk_media_handles")),
    )
    op.create_table(
        "otp_codes",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("address_kind", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("account_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("session", sa.Text(), server_default="", nullable=False),
        sa.Column("message_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts_left", sa.Integer(), nullable=False),
        sa.Column("sends", sa.Integer(), server_default="1", nullable=False),
        sa.Column("resend_after", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_otp_codes_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_otp_codes")),
    )
    with op.batch_alter_table("otp_codes", schema=None) as batch_op:
        batch_op.create_index("ix_otp_codes_address", ["workspace_id", "address", "created_at"], unique=False)

    op.create_table(
        "provider_templates",
        sa.Column("id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("workspace_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("account_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("raw_state", sa.Text(), server_default="", nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("quality", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("synced_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name=op.f("fk_provider_templates_workspace_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_templates")),
        sa.UniqueConstraint(
            "account_id", "name", "language", name=op.f("uq_provider_templates_account_id_name_language")
        ),
    )
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.add_column(sa.Column("account", sa.Text(), server_default="", nullable=False))

    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.add_column(sa.Column("written_by", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_events_feed", ["workspace_id", "written_by", "seq"], unique=False)

    with op.batch_alter_table("inbound_messages", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sender_kind", sa.Text(), server_default="phone", nullable=False))
        batch_op.add_column(sa.Column("identities", sa.Text(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("profile_name", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("choice", sa.Text(), server_default="", nullable=False))

    with op.batch_alter_table("template_versions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("registered", sa.Text(), server_default="{}", nullable=False))

    with op.batch_alter_table("unmatched_reports", schema=None) as batch_op:
        batch_op.create_index("ix_unmatched_reports_age", ["account_id", "received_at"], unique=False)

    if op.get_bind().dialect.name == "postgresql":
        op.execute("UPDATE events SET written_by = 1")
        op.execute("ALTER TABLE events ALTER COLUMN written_by SET DEFAULT (pg_current_xact_id()::text::bigint)")
