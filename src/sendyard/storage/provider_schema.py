"""
Tables of what providers keep for us: their copies of templates, their notices, one-time codes, files.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from sendyard.storage.schema import ID, TIME, metadata, workspace_column

provider_templates = Table(  # the provider's copy, as it was when it was last asked or told us
    "provider_templates",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("account_id", ID, nullable=False),
    Column("name", Text, nullable=False),
    Column("language", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False),  # providers.contract.TemplateState
    Column("raw_state", Text, nullable=False, server_default=""),
    Column("category", Text, nullable=False, server_default=""),
    Column("quality", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("provider_ref", Text, nullable=False, server_default=""),
    Column("document", Text, nullable=False),  # JSON: the whole providers.abilities.ProviderTemplate
    Column("synced_at", TIME, nullable=False),
    UniqueConstraint("account_id", "name", "language"),
)

template_catalogues = Table(  # how far we know an account's templates
    "template_catalogues",
    metadata,
    Column("account_id", ID, primary_key=True),
    workspace_column(),
    Column("revision", BigInteger, nullable=False, server_default="0"),  # counts changes of `provider_templates`
    Column("asked_at", TIME, nullable=False),  # when somebody last began to ask
    Column("synced_at", TIME),  # when the whole list was last read; null: never
    Column("lease_until", TIME, nullable=False, server_default="0"),  # one worker asks at a time
    Column("error", Text, nullable=False, server_default=""),  # why the last try brought nothing
)

account_notices = Table(  # what a provider says about an account: limits, quality, restrictions
    "account_notices",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("account_id", ID, nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("facts", Text, nullable=False),  # JSON
    Column("dedupe_key", Text, nullable=False),
    Column("received_at", TIME, nullable=False),
    UniqueConstraint("account_id", "dedupe_key"),
    Index("ix_account_notices_workspace", "workspace_id", "received_at"),
)

media_handles = Table(  # a file that a provider has already, until it forgets it
    "media_handles",
    metadata,
    Column("account_id", ID, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),  # SHA-256 of the file
    Column("channel", Text, primary_key=True),
    workspace_column(),
    Column("handle", Text, nullable=False),
    Column("expires_at", TIME),
)

otp_codes = Table(
    "otp_codes",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("address_kind", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("digest", LargeBinary),  # keyed hash of the code; null when the provider made and checks it
    Column("account_id", ID),  # the provider account that makes and checks it; null for codes of our own
    Column("session", Text, nullable=False, server_default=""),  # the provider's name of it
    Column("message_id", ID),  # the message that carries a code of our own
    Column("reference", Text, nullable=False, server_default=""),
    # pending, verified, failed, expired, cancelled; unknown: the provider was asked to send it and gave no answer
    Column("status", Text, nullable=False),
    Column("attempts_left", Integer, nullable=False),
    Column("sends", Integer, nullable=False, server_default="1"),
    Column("resend_after", TIME, nullable=False),
    Column("expires_at", TIME, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("verified_at", TIME),
    Index("ix_otp_codes_address", "workspace_id", "address", "created_at"),
)
