"""
Tables of short links: where they lead, for whom their addresses were made, and who followed them.

An address is a keyed form of (number of a use, row), so campaigns have no row here for anybody until somebody clicks.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from sendyard.storage.schema import ID, SEQUENCE, TIME, metadata, workspace_column

link_domains = Table(
    "link_domains",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("origin", Text, nullable=False, unique=True),  # https://go.example.com
    Column("created_at", TIME, nullable=False),
    Column("verified_at", TIME),  # null: nobody has seen yet that it leads here
)

links = Table(
    "links",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("code", Text, nullable=False),
    Column("url", Text, nullable=False),  # may have variables behind its host
    Column("title", Text, nullable=False),
    Column("domain_id", ID, ForeignKey("link_domains.id")),  # null: the workspace's own, or the public address
    Column("preview_page", Boolean, nullable=False, server_default=text("false")),
    Column("expires_at", TIME),
    Column("created_at", TIME, nullable=False),
    UniqueConstraint("workspace_id", "code"),
)

link_uses = Table(  # a link in one campaign, its tests, in single messages, or by itself; never removed
    "link_uses",
    metadata,
    Column("no", SEQUENCE, primary_key=True, autoincrement=True),  # stands in tokens, so it is the install's
    workspace_column(),
    Column("link_id", ID, ForeignKey("links.id"), nullable=False),
    Column("campaign_id", ID, nullable=False, server_default=""),  # of campaigns and tests
    Column("kind", Text, nullable=False),  # campaign, test, message, plain
    Column("block", Integer, nullable=False, server_default="0"),  # single messages: the next when one is full
    Column("last_row", Integer, nullable=False, server_default="0"),  # single messages: the newest row given away
    UniqueConstraint("link_id", "campaign_id", "kind", "block"),
)

link_messages = Table(  # single messages that carry a short address
    "link_messages",
    metadata,
    Column("use_no", BigInteger, primary_key=True, autoincrement=False),
    Column("row", Integer, primary_key=True, autoincrement=False),
    workspace_column(),
    Column("message_id", ID, nullable=False),
    Column("filled", Text, nullable=False),  # JSON: what the target's variables were
    Index("ix_link_messages_message", "message_id"),
)

link_clicks = Table(  # visits, machines' too; whose they are is said by campaign and row, or by the message
    "link_clicks",
    metadata,
    Column("id", SEQUENCE, primary_key=True, autoincrement=True),
    workspace_column(),
    Column("link_id", ID, nullable=False),
    Column("use_no", BigInteger, nullable=False),
    Column("row", Integer, nullable=False),  # 0: nobody in particular
    Column("campaign_id", ID, nullable=False),  # "" for none
    Column("message_id", ID),
    Column("reason", Text, nullable=False),  # why it does not count, see domain.links.visits; "" for a click
    Column("device", Text, nullable=False),  # the family alone
    Column("place", Text, nullable=False),  # keyed hash of a shortened network address; "" where none is known
    Column("at", TIME, nullable=False),
    Index("ix_link_clicks_list", "link_id", "id"),
    Index("ix_link_clicks_tally", "link_id", "reason", "use_no", "row"),
    Index("ix_link_clicks_campaign", "campaign_id", "reason", "row", "at"),
)
