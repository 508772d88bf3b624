"""
Tables of files that messages carry. Their bytes are in the store that `features.media` keeps.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from sendyard.storage.schema import ID, TIME, metadata, workspace_column

media = Table(  # as they were uploaded; the same bytes are one row
    "media",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("digest", LargeBinary, nullable=False),  # SHA-256
    Column("key", Text, nullable=False),  # in the store
    Column("content_type", Text, nullable=False),  # judged by content
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer),  # pixels of a picture, upright
    Column("height", Integer),
    Column("name", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("kept_until", TIME, nullable=False),  # removed after it, unless a template names it
    UniqueConstraint("workspace_id", "digest"),
    Index("ix_media_workspace", "workspace_id", "id"),
    Index("ix_media_kept", "kept_until"),
)

media_forms = Table(  # pictures made to fit a provider's limits
    "media_forms",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("medium_id", ID, ForeignKey("media.id"), nullable=False),
    Column("recipe", Text, nullable=False),  # the limits it was made for
    Column("digest", LargeBinary, nullable=False),
    Column("key", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("changes", Text, nullable=False),  # JSON: what was done, in words
    Column("created_at", TIME, nullable=False),
    UniqueConstraint("medium_id", "recipe"),
)
