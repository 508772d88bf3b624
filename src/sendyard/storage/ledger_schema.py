"""
Tables of the ledger: only the package `ledger` writes them.

Hot rows carry no foreign keys: the ledger is their only writer, and each check would be paid a million times.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, Table, Text, UniqueConstraint, text

from sendyard.domain.status import MessageStatus
from sendyard.storage.schema import ID, SEQUENCE, TIME, metadata, workspace_column

STOPPED_STATUSES = (
    MessageStatus.FAILED,
    MessageStatus.EXPIRED,
    MessageStatus.CANCELLED,
    MessageStatus.SUPPRESSED,
    MessageStatus.UNKNOWN,
)
"""Of messages that did not arrive, or may not have."""
# SQLite uses a partial index only for statements that say its very condition.
STOPPED = f"status IN ({', '.join(repr(status.value) for status in STOPPED_STATUSES)})"

messages = Table(
    "messages",
    metadata,
    Column("id", ID, primary_key=True),
    Column("workspace_id", ID, nullable=False),
    Column("status", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("address_kind", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("sender", Text, nullable=False),  # "" stands for the account's own
    Column("content", Text, nullable=False),  # JSON, see ledger.content_codec
    Column("parts", SmallInteger, nullable=False),
    Column("encoding", Text, nullable=False),
    Column("group_id", ID, nullable=False),  # the campaign, or "" : the unit of fairness
    Column("row", Integer),  # of the campaign
    Column("batch_id", ID),
    Column("reference", Text, nullable=False),
    Column("metadata", Text, nullable=False),  # JSON
    Column("route", Text, nullable=False),  # JSON list of account ids still open, first choice first
    Column("failover", Boolean, nullable=False),
    Column("account_id", ID, nullable=False),  # the lane it waits in, or was last handed to
    Column("attempts", SmallInteger, nullable=False),  # how many; the newest speaks for the message
    Column("retries", SmallInteger, nullable=False),  # on the present route
    # Not null exactly while the message waits to be claimed: scheduled, queued, not leased.
    Column("due_at", TIME),
    Column("send_at", TIME),
    Column("expires_at", TIME, nullable=False),
    Column("lease_owner", Text),  # used where several processes share the database
    Column("lease_until", TIME),
    Column("created_at", TIME, nullable=False),
    Column("sent_at", TIME),
    Column("delivered_at", TIME),
    Column("settled_at", TIME),
    Column("error_kind", Text),
    Column("error_code", Text),
    Column("error_detail", Text),
    Index(
        "ix_messages_lane",
        "account_id",
        "priority",
        "group_id",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index(
        "ix_messages_lease",
        "lease_until",
        sqlite_where=text("lease_until IS NOT NULL"),
        postgresql_where=text("lease_until IS NOT NULL"),
    ),
    # A campaign's messages in the order of its rows, in which they are also made: new ones are put at the end.
    Index(
        "ix_messages_campaign_row",
        "group_id",
        "row",
        unique=True,
        sqlite_where=text("group_id <> ''"),
        postgresql_where=text("group_id <> ''"),
    ),
    Index("ix_messages_recipient", "workspace_id", "address", "created_at"),
    # What went wrong is looked for among millions that did not; a message that arrives never touches these two.
    Index(
        "ix_messages_campaign_stopped",
        "group_id",
        "status",
        "row",
        sqlite_where=text(f"group_id <> '' AND {STOPPED}"),
        postgresql_where=text(f"group_id <> '' AND {STOPPED}"),
    ),
    Index(
        "ix_messages_stopped",
        "workspace_id",
        "status",
        "id",
        sqlite_where=text(STOPPED),
        postgresql_where=text(STOPPED),
    ),
    # Only messages sent one by one or as a batch have these.
    Index(
        "ix_messages_reference",
        "workspace_id",
        "reference",
        "id",
        sqlite_where=text("reference <> ''"),
        postgresql_where=text("reference <> ''"),
    ),
    Index(
        "ix_messages_batch",
        "batch_id",
        "id",
        sqlite_where=text("batch_id IS NOT NULL"),
        postgresql_where=text("batch_id IS NOT NULL"),
    ),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("id", ID, primary_key=True),
    Column("workspace_id", ID, nullable=False),
    Column("account_id", ID, nullable=False),
    Column("status", Text, nullable=False),  # open, closed, doubtful (to be repeated or looked up), abandoned
    Column("size", Integer, nullable=False),
    Column("tries", SmallInteger, nullable=False),
    Column("opened_at", TIME, nullable=False),
    Column("closed_at", TIME),
    Column("owner", Text, nullable=False),
    Column("lease_until", TIME, nullable=False),
    Column("members", Text, nullable=False),  # JSON list of attempt ids, in the order of the batch
    Column("next_try_at", TIME),  # a doubtful exchange: when to settle it
    Column("http_status", SmallInteger),
    Column("request", Text),  # redacted and shortened
    Column("response", Text),
    Index(
        "ix_exchanges_open",
        "status",
        "next_try_at",
        sqlite_where=text("status IN ('open', 'doubtful')"),
        postgresql_where=text("status IN ('open', 'doubtful')"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", ID, primary_key=True),  # domain.ids.attempt_id; also the reference at the provider
    Column("workspace_id", ID, nullable=False),
    Column("message_id", ID, nullable=False),
    Column("account_id", ID, nullable=False),
    Column("exchange_id", ID, nullable=False),
    Column("status", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),  # domain.status.RANK of the status
    Column("provider_ref", Text),
    Column("other_ref", Text),  # the same message's second id, where a provider has two
    Column("parts", SmallInteger),
    Column("cost_amount", Text),
    Column("cost_currency", Text),
    Column("error_kind", Text),
    Column("error_code", Text),
    Column("error_detail", Text),
    Column("submitted_at", TIME, nullable=False),
    Column("settled_at", TIME),
    Column("poll_at", TIME),  # when to ask for a missing report; null: not to be asked
    Column("polls", SmallInteger, nullable=False),
    Index(
        "ix_attempts_provider_ref",
        "provider_ref",
        sqlite_where=text("provider_ref IS NOT NULL"),
        postgresql_where=text("provider_ref IS NOT NULL"),
    ),
    Index(
        "ix_attempts_other_ref",
        "other_ref",
        sqlite_where=text("other_ref IS NOT NULL"),
        postgresql_where=text("other_ref IS NOT NULL"),
    ),
    Index(
        "ix_attempts_poll",
        "account_id",
        "poll_at",
        sqlite_where=text("poll_at IS NOT NULL"),
        postgresql_where=text("poll_at IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("seq", SEQUENCE, primary_key=True, autoincrement=True),
    Column("workspace_id", ID, nullable=False),
    Column("message_id", ID, nullable=False),
    Column("attempt_id", ID),
    Column("account_id", ID),
    Column("kind", Text, nullable=False),  # ledger.events names them
    Column("status", Text),  # of the message afterwards
    Column("code", Text),
    Column("detail", Text),
    Column("dedupe_key", Text),
    Column("at", TIME, nullable=False),
    # The transaction that wrote it, where several may commit out of order (PostgreSQL fills it in): the feed is read
    # in the order (written_by, seq), in which nothing can appear behind a cursor.
    Column("written_by", BigInteger),
    Index("ix_events_message", "message_id"),
    Index("ix_events_feed", "workspace_id", "written_by", "seq"),
    Index(
        "ix_events_dedupe",
        "attempt_id",
        "dedupe_key",
        unique=True,
        sqlite_where=text("dedupe_key IS NOT NULL"),
        postgresql_where=text("dedupe_key IS NOT NULL"),
    ),
)

unmatched_reports = Table(  # orphans: kept and matched again when their attempt becomes known
    "unmatched_reports",
    metadata,
    Column("account_id", ID, primary_key=True),
    Column("dedupe_key", Text, primary_key=True),
    Column("workspace_id", ID, nullable=False),
    Column("reference", Text, nullable=False),
    Column("provider_ref", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("report", Text, nullable=False),  # JSON, see ledger.reports
    Column("received_at", TIME, nullable=False),
    Index("ix_unmatched_reports_ref", "account_id", "provider_ref"),
    Index("ix_unmatched_reports_age", "account_id", "received_at"),
)

inbound_messages = Table(
    "inbound_messages",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("account_id", ID, nullable=False),
    Column("sender", Text, nullable=False),
    Column("sender_kind", Text, nullable=False, server_default="phone"),
    Column("identities", Text, nullable=False, server_default="[]"),  # JSON: other addresses of the same person
    Column("profile_name", Text, nullable=False, server_default=""),
    Column("recipient", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("choice", Text, nullable=False, server_default=""),  # the button or row that was pressed
    Column("text", Text, nullable=False),
    Column("provider_ref", Text, nullable=False),
    Column("dedupe_key", Text, nullable=False),
    Column("received_at", TIME, nullable=False),
    UniqueConstraint("account_id", "dedupe_key"),
    # When somebody last wrote: whether free text may be sent on WhatsApp depends on it.
    Index("ix_inbound_messages_sender", "workspace_id", "channel", "sender", "received_at"),
)

unreadable_callbacks = Table(  # authentic as far as can be told, but in no documented form: kept for a person
    "unreadable_callbacks",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("account_id", ID, nullable=False),
    Column("reason", Text, nullable=False),
    Column("query", Text, nullable=False),  # redacted
    Column("body", Text, nullable=False),  # redacted and shortened
    Column("received_at", TIME, nullable=False),
    Index("ix_unreadable_callbacks_account", "account_id", "received_at"),
)
