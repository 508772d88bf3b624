"""
Every table. Every row belongs to a workspace; times are milliseconds since 1970 (UTC).

Identifiers are UUIDv7 in their 36-character text form. Amounts of money are decimal strings. JSON is
text, because the hot path hands it through without looking inside.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Byte order on both engines: ids are compared as text and must sort alike.
ID: TypeEngine[str] = Text().with_variant(Text(collation="C"), "postgresql")
TIME = BigInteger()
# SQLite gives a row number only to a column that is literally INTEGER.
SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")


def workspace_column() -> Column[str]:
    """Make the column that every row of every table has."""
    return Column("workspace_id", ID, ForeignKey("workspaces.id"), nullable=False)


workspaces = Table(
    "workspaces",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("recipient_hourly_limit", Integer, nullable=False, server_default="10"),  # 0: none
    Column("created_at", TIME, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),  # live, team, test
    Column("hint", Text, nullable=False),  # the first characters, to recognise it
    Column("digest", LargeBinary, nullable=False, unique=True),  # SHA-256; the key itself is shown once
    Column("scopes", Text, nullable=False),  # JSON list
    Column("created_at", TIME, nullable=False),
    Column("revoked_at", TIME),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("provider", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # settings as JSON, encrypted and bound to the id
    Column("callback_token", Text, nullable=False, unique=True),
    Column("sender", Text, nullable=False, server_default=""),  # used when a message names none
    Column("status", Text, nullable=False, server_default="active"),  # active, paused
    Column("pause_reason", Text, nullable=False, server_default=""),
    Column("rate_per_second", Text),  # decimal; the provider's default when null
    Column("open_requests", Integer),  # likewise
    Column("price_per_part", Text),  # decimal
    Column("currency", Text, nullable=False, server_default="USD"),
    Column("poll_cursor", Text, nullable=False, server_default=""),
    Column("poll_lease_until", TIME, nullable=False, server_default="0"),  # one worker asks at a time
    Column("created_at", TIME, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)

rate_buckets = Table(  # shared by all workers; see delivery.limits
    "rate_buckets",
    metadata,
    Column("account_id", ID, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    workspace_column(),
    Column("next_free_us", BigInteger, nullable=False),  # microseconds since 1970: when the next unit may leave
)

routes = Table(
    "routes",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("channel", Text, nullable=False),
    Column("country", Text, nullable=False, server_default=""),  # "" stands for any
    Column("purpose", Text, nullable=False, server_default=""),  # "" stands for any
    Column("accounts", Text, nullable=False),  # JSON list of account ids, first choice first
    Column("failover", Boolean),  # null: by purpose (otp and transactional yes, promotional no)
    UniqueConstraint("workspace_id", "channel", "country", "purpose"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("address", Text, nullable=False),  # E.164 or the provider's id
    Column("channel", Text, nullable=False, server_default=""),  # "" stands for any
    Column("purpose", Text, nullable=False, server_default=""),  # "" stands for any
    Column("reason", Text, nullable=False),  # opted_out, complaint, invalid, manual
    Column("source", Text, nullable=False, server_default=""),
    Column("evidence", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    # The one message it lets through: the answer to the person's own word, such as "you will get no more".
    Column("spares", ID, nullable=False, server_default=""),
    Column("needs_review", Boolean, nullable=False, server_default=text("false")),  # read from a sentence, not a word
    UniqueConstraint("workspace_id", "address", "channel", "purpose"),
)

templates = Table(
    "templates",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),  # the newest
    Column("created_at", TIME, nullable=False),
    Column("archived_at", TIME),  # null: offered
    UniqueConstraint("workspace_id", "code"),
)

template_versions = Table(  # immutable
    "template_versions",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("template_id", ID, ForeignKey("templates.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
    # JSON: what the same text is at providers that only take registered ones; see features.templates.registered
    Column("registered", Text, nullable=False, server_default="{}"),
    # JSON: bodies by channel and language, and the variables; "" where `body` says all; see features.templates.document
    Column("document", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    UniqueConstraint("template_id", "version"),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("template_version_id", ID, ForeignKey("template_versions.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("sender", Text, nullable=False, server_default=""),
    Column("account", Text, nullable=False, server_default=""),  # "" lets the route decide
    Column("country", Text, nullable=False, server_default=""),
    Column("expires_in_seconds", Integer, nullable=False),
    Column("pause_reason", Text, nullable=False, server_default=""),
    Column("expanded_to", Integer, nullable=False, server_default="0"),  # last row turned into a message
    Column("created_at", TIME, nullable=False),
    Column("started_at", TIME),
    Column("finished_at", TIME),
    Column("plan", Text, nullable=False, server_default="{}"),  # JSON, see features.campaigns.plan
    Column("given_rows", Integer, nullable=False, server_default="0"),  # rows up to this one came with the request
    Column("gathering", Text, nullable=False, server_default=""),  # JSON: how far; "" when the audience is complete
    Column("start_wanted", Text, nullable=False, server_default=""),  # who wants it started once it is gathered
    Column("send_at", TIME),  # while it is scheduled: when the timer looks at it
    Column("parent_id", ID),  # the repeating campaign of which this is one run
    Column("run_at", TIME),  # the moment this run was due
    Column("created_by", Text, nullable=False, server_default=""),
    Column("reach", Text, nullable=False, server_default="all"),  # all, team, test: whom its key may reach
    Column("reserved", BigInteger, nullable=False, server_default="0"),  # millionths: the price of its messages so far
    Column("archived_at", TIME),
    Index("ix_campaigns_workspace", "workspace_id", "id"),
    Index(
        "ix_campaigns_due",
        "send_at",
        sqlite_where=text("send_at IS NOT NULL"),
        postgresql_where=text("send_at IS NOT NULL"),
    ),
    Index(  # asked several times a second while one is under way
        "ix_campaigns_active",
        "id",
        sqlite_where=text("status IN ('preparing', 'sending')"),
        postgresql_where=text("status IN ('preparing', 'sending')"),
    ),
    Index(
        "ix_campaigns_run",
        "parent_id",
        "run_at",
        unique=True,
        sqlite_where=text("parent_id IS NOT NULL"),
        postgresql_where=text("parent_id IS NOT NULL"),
    ),
)

campaign_recipients = Table(  # the frozen audience: one row of the file, or one contact, each
    "campaign_recipients",
    metadata,
    Column("campaign_id", ID, ForeignKey("campaigns.id"), primary_key=True),
    Column("row", Integer, primary_key=True),  # as a spreadsheet numbers it: the header is row 1
    workspace_column(),
    Column("given", Text, nullable=False),  # the address as it stood in the file
    Column("address", Text, nullable=False, server_default=""),  # E.164; empty when refused
    Column("country", Text, nullable=False, server_default=""),
    Column("variables", Text, nullable=False, server_default="{}"),  # JSON
    Column("code", Text, nullable=False, server_default=""),  # why the row is refused; empty when it is good
    Column("detail", Text, nullable=False, server_default=""),
    Column("fixed", Text, nullable=False, server_default=""),  # what was repaired, in words
    Column("language", Text, nullable=False, server_default=""),  # of the contact, as it was then
    Column("zone", Text, nullable=False, server_default=""),  # likewise; an IANA name
    Column("contact_no", BigInteger),  # whose address it is
    Column("variant", SmallInteger, nullable=False, server_default="0"),  # of an experiment; 0: none yet
    Column("part", Text, nullable=False, server_default=""),  # of an experiment: sample or rest
    # One person gets one message, however many lists, files and hands name them.
    Index(
        "ix_campaign_recipients_address",
        "campaign_id",
        "address",
        unique=True,
        sqlite_where=text("address <> ''"),
        postgresql_where=text("address <> ''"),
    ),
    # Few rows are refused or repaired; counting them must not read the others.
    Index(
        "ix_campaign_recipients_refused",
        "campaign_id",
        "row",
        sqlite_where=text("code <> ''"),
        postgresql_where=text("code <> ''"),
    ),
    Index(
        "ix_campaign_recipients_fixed",
        "campaign_id",
        "row",
        sqlite_where=text("code = '' AND fixed <> ''"),
        postgresql_where=text("code = '' AND fixed <> ''"),
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("workspace_id", ID, ForeignKey("workspaces.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),  # SHA-256 of method, path and body
    Column("status", Integer),  # null: still running
    Column("body", LargeBinary),
    Column("created_at", TIME, nullable=False),
)
