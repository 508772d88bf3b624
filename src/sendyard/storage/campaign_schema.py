"""
Tables of campaigns beside their rows: pace, waves, who approved what; and the team that tests go to.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from sendyard.storage.schema import ID, TIME, metadata, workspace_column


def _campaign_key() -> Column[str]:
    return Column("campaign_id", ID, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True)


campaign_paces = Table(  # of campaigns with a throttle; see ledger.pacing
    "campaign_paces",
    metadata,
    _campaign_key(),
    workspace_column(),
    Column("step_us", BigInteger, nullable=False),  # microseconds from one message to the next
    Column("next_us", BigInteger, nullable=False),  # since 1970: before this moment nothing more may leave
    Column("promised_us", BigInteger, nullable=False),  # the first moment that is promised to no message yet
    Column("leader", ID, nullable=False, server_default=""),  # the campaign whose pace it shares; "" its own
)

campaign_waves = Table(
    "campaign_waves",
    metadata,
    _campaign_key(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    workspace_column(),
    Column("last_row", Integer, nullable=False),  # of the campaign's recipients; earlier waves are in it
    Column("due_at", TIME),  # when it is judged; null until its last message has left
    Column("ended_at", TIME),
    Column("figures", Text, nullable=False, server_default="{}"),  # JSON: what it was judged by
)

campaign_approvals = Table(  # never changed: who asked, who agreed, who did not
    "campaign_approvals",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("campaign_id", ID, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("action", Text, nullable=False),  # requested, approved, rejected, withdrawn
    Column("by", Text, nullable=False),  # the API key, or the person at the command line
    Column("note", Text, nullable=False, server_default=""),
    Column("recipients", Integer, nullable=False, server_default="0"),  # as they were when it was asked
    Column("cost", Text, nullable=False, server_default=""),  # the dearest it may be, with its currency
    Column("at", TIME, nullable=False),
    Index("ix_campaign_approvals_campaign", "campaign_id", "id"),
)

campaign_policies = Table(  # what a workspace asks of every campaign
    "campaign_policies",
    metadata,
    Column("workspace_id", ID, ForeignKey("workspaces.id"), primary_key=True),
    Column("approve_recipients", Integer),  # above this many a second person approves; null: never
    Column("approve_cost", Text),  # likewise above this price, a decimal
    Column("approve_currency", Text, nullable=False, server_default=""),
)

team_members = Table(
    "team_members",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("name", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
)

team_addresses = Table(
    "team_addresses",
    metadata,
    Column("workspace_id", ID, ForeignKey("workspaces.id"), primary_key=True),
    Column("address", ID, primary_key=True),  # as messages have it
    Column("member_id", ID, ForeignKey("team_members.id", ondelete="CASCADE"), nullable=False),
    Index("ix_team_addresses_member", "member_id"),
)
