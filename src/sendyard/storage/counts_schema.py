"""
Tables of counts that are kept of campaigns: a cache, see `ledger.kept_counts`.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, text

from sendyard.storage.schema import ID, SEQUENCE, TIME, metadata

kept_counts = Table(
    "kept_counts",
    metadata,
    Column("campaign_id", ID, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("block", Integer, primary_key=True, autoincrement=False),  # of rows, the first is 0
    Column("workspace_id", ID, nullable=False),
    Column("token", ID, nullable=False),  # of whoever counts or counted
    Column("armed_at", TIME, nullable=False),
    Column("counts", Text),  # JSON, see features.campaigns.outcomes.counting; null while it is being counted
    Index(
        "ix_kept_counts_armed",
        "armed_at",
        sqlite_where=text("counts IS NULL"),
        postgresql_where=text("counts IS NULL"),
    ),
)

# Only added to, without a unique key: of two transactions that outdate the same block none waits for the other.
outdated_counts = Table(
    "outdated_counts",
    metadata,
    Column("no", SEQUENCE, primary_key=True, autoincrement=True),
    Column("workspace_id", ID, nullable=False),
    Column("campaign_id", ID, nullable=False),
    Column("block", Integer, nullable=False),
    Column("at", TIME, nullable=False),
    Index("ix_outdated_counts_block", "campaign_id", "block"),
)
