"""
indexes for long histories
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_STOPPED = "status IN ('failed', 'expired', 'cancelled', 'suppressed', 'unknown')"


def upgrade() -> None:
    """Apply."""
    _index("ix_messages_campaign_row", "messages", ["group_id", "row"], "group_id <> ''", unique=True)
    op.drop_index("ix_messages_campaign_address", "messages")
    _index("ix_messages_campaign_stopped", "messages", ["group_id", "status", "row"], f"group_id <> '' AND {_STOPPED}")
    _index("ix_messages_stopped", "messages", ["workspace_id", "status", "id"], _STOPPED)
    _index("ix_messages_reference", "messages", ["workspace_id", "reference", "id"], "reference <> ''")
    _index("ix_messages_batch", "messages", ["batch_id", "id"], "batch_id IS NOT NULL")
    _index("ix_campaigns_active", "campaigns", ["id"], "status IN ('preparing', 'sending')")
    _index("ix_campaign_recipients_refused", "campaign_recipients", ["campaign_id", "row"], "code <> ''")
    _index("ix_campaign_recipients_fixed", "campaign_recipients", ["campaign_id", "row"], "code = '' AND fixed <> ''")


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
