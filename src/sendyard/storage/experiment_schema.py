"""
Tables of experiments: the variants of a campaign, where its comparison stands, and every look at it.

Who got which variant stands with the recipients (`variant`, `part`).
"""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, Table, Text

from sendyard.storage.schema import ID, TIME, metadata, workspace_column


def _campaign_key() -> Column[str]:
    return Column("campaign_id", ID, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)


campaign_variants = Table(
    "campaign_variants",
    metadata,
    _campaign_key(),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    workspace_column(),
    Column("name", Text, nullable=False),
    Column("template_version_id", ID, ForeignKey("template_versions.id"), nullable=False),
    Column("share", Float, nullable=False),  # of the sample; all of them make 1
    Index("ix_campaign_variants_version", "template_version_id"),
)

campaign_experiments = Table(  # one row from the moment its first rows are dealt out
    "campaign_experiments",
    metadata,
    _campaign_key(),
    workspace_column(),
    Column("state", Text, nullable=False),  # sample, waiting, asking, rest, done
    Column("round", Integer, nullable=False, server_default="0"),  # grows whenever the state or the shares change
    Column("threshold", BigInteger, nullable=False),  # whose draw is below belongs to the sample, of 2^53
    Column("dealt_to", Integer, nullable=False, server_default="0"),  # rows up to this one have their part
    Column("last_row", Integer, nullable=False),
    Column("shares", Text, nullable=False),  # JSON: of the variants, for rows that have none yet
    Column("limit_row", Integer),  # the rest may go up to this row; null: all of it
    Column("looks", Text, nullable=False, server_default="[]"),  # JSON: shares of information
    Column("seen", Integer, nullable=False, server_default="0"),  # people who counted at the newest look
    Column("look_at", TIME, nullable=False),  # nobody looks before; moved on by whoever does
    Column("decided_at", TIME),
    Column("decision", Text, nullable=False, server_default=""),  # JSON
)

experiment_looks = Table(  # never changed: what was seen and what followed from it
    "experiment_looks",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("campaign_id", ID, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("at", TIME, nullable=False),
    Column("tallies", Text, nullable=False),  # JSON: people and successes by variant
    Column("verdict", Text, nullable=False),  # JSON
    Column("shares", Text, nullable=False, server_default=""),  # JSON: what the rest gets; "" when nothing followed
    Column("seed", Text, nullable=False, server_default=""),  # of the draws, where shares were drawn
    Column("action", Text, nullable=False),  # looked, winner, evenly, first, thompson, asked, chosen
    Column("chosen_by", Text, nullable=False, server_default=""),
    Index("ix_experiment_looks_campaign", "campaign_id", "id"),
)
