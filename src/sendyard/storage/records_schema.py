"""
Tables of data records: rows that people choose to fill a template with, such as flights and orders.
"""

from sqlalchemy import Column, ForeignKey, Table, Text, UniqueConstraint

from sendyard.storage.schema import ID, TIME, metadata, workspace_column

record_tables = Table(
    "record_tables",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),  # before the dot of a variable, as in {flight.gate}
    Column("key_column", Text, nullable=False),
    Column("columns", Text, nullable=False),  # JSON: name to type, in the order they are shown
    Column("created_at", TIME, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)

record_rows = Table(
    "record_rows",
    metadata,
    Column("table_id", ID, ForeignKey("record_tables.id", ondelete="CASCADE"), primary_key=True),
    Column("key", ID, primary_key=True),
    workspace_column(),
    Column("document", Text, nullable=False),  # JSON: column to plain value
    Column("updated_at", TIME, nullable=False),
)
