"""
Tables of how consent lives on: requests to answer, reminders, the words people answer with, and what providers are
to be told or asked beside messages.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text

from sendyard.storage.schema import ID, TIME, metadata, workspace_column


def _workspace_key() -> Column[str]:
    return Column("workspace_id", ID, ForeignKey("workspaces.id"), primary_key=True)


keyword_words = Table(  # words of a workspace's own, beside the built-in ones
    "keyword_words",
    metadata,
    _workspace_key(),
    Column("word", Text, primary_key=True),  # as domain.keywords compares it
    Column("written", Text, nullable=False),
    Column("intent", Text, nullable=False),  # domain.keywords.Intent
    Column("language", Text, nullable=False),  # of the answer
    Column("created_at", TIME, nullable=False),
)

keyword_texts = Table(  # what is answered to them, where a workspace has a text of its own
    "keyword_texts",
    metadata,
    _workspace_key(),
    Column("intent", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("updated_at", TIME, nullable=False),
)

consent_settings = Table(  # how a workspace reminds people of their consents
    "consent_settings",
    metadata,
    _workspace_key(),
    Column("automatic", Boolean, nullable=False, server_default=text("false")),
    Column("days_before", Integer, nullable=False),
    Column("account", Text, nullable=False, server_default=""),  # "" lets the route decide
    Column("sender", Text, nullable=False, server_default=""),
    Column("updated_at", TIME, nullable=False),
)

consent_requests = Table(  # the first half of a double opt-in, waiting for the second
    "consent_requests",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("address", ID, nullable=False),
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("words", Text, nullable=False),  # JSON list; the answers that count, as domain.keywords compares them
    Column("state", Text, nullable=False),  # waiting, granted, refused, replaced
    Column("account_id", ID, nullable=False),  # the one asked through; "" where the route decided
    Column("message_id", ID, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    Column("evidence", Text, nullable=False, server_default=""),  # the answer
    Column("created_at", TIME, nullable=False),
    Column("expires_at", TIME, nullable=False),
    Column("settled_at", TIME),
    Index("ix_consent_requests_address", "workspace_id", "address"),
)

renewal_notices = Table(  # reminders of a consent; one for each time it falls due
    "renewal_notices",
    metadata,
    Column("consent_id", ID, primary_key=True),
    Column("due_at", TIME, primary_key=True),
    workspace_column(),
    Column("address", ID, nullable=False),
    Column("channel", Text, nullable=False),  # the one it goes out on
    Column("text", Text, nullable=False),
    Column("state", Text, nullable=False),  # ready, sending, sent, failed
    Column("message_id", ID, nullable=False, server_default=""),
    Column("error", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    Column("settled_at", TIME),
    Index("ix_renewal_notices_state", "workspace_id", "state"),
)

errands = Table(  # what a provider is to be told or asked beside messages, until it has answered
    "errands",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("account_id", ID, nullable=False),
    Column("kind", Text, nullable=False),  # profile, contact, opt_out_number
    Column("subject", ID, nullable=False),  # an address, a contact's id, or "" for the account itself
    Column("document", Text, nullable=False),  # JSON: what it is about
    Column("state", Text, nullable=False),  # waiting, done, refused
    Column("tries", Integer, nullable=False),
    Column("next_at", TIME, nullable=False),
    Column("lease_until", TIME, nullable=False, server_default="0"),
    Column("result", Text, nullable=False, server_default=""),  # the provider's id, or what it said
    Column("error", Text, nullable=False, server_default=""),
    Column("revision", BigInteger, nullable=False, server_default="0"),  # of the document: what is under way may be old
    Column("created_at", TIME, nullable=False),
    Column("settled_at", TIME),
    UniqueConstraint("workspace_id", "account_id", "kind", "subject"),
    Index(
        "ix_errands_waiting",
        "next_at",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
)
