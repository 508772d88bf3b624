"""
Tables of people: who they are, how they are reached, what they allowed and what they forbade.

A contact is found by `no`, a number of its workspace that never comes again. Everything a segment asks about stands
in the contact's own row, so that one pass over it answers any question.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, LargeBinary, Table, Text, UniqueConstraint, text

from sendyard.storage.schema import ID, TIME, metadata, workspace_column

NUMBER_SLOTS = 16
"""Custom fields of numbers, amounts and dates that a workspace can have."""
TEXT_SLOTS = 16
"""Likewise of texts and choices."""


def _workspace_key() -> Column[str]:
    return Column("workspace_id", ID, ForeignKey("workspaces.id"), primary_key=True)


def _unchecked_key() -> Column[str]:
    # A million rows of an import would pay for the check a million times.
    return Column("workspace_id", ID, primary_key=True)


audience_clocks = Table(  # one row per workspace; whoever changes contacts holds it until the commit
    "audience_clocks",
    metadata,
    _workspace_key(),
    Column("changed", BigInteger, nullable=False),  # the newest `contacts.changed`
    Column("contacts", BigInteger, nullable=False),  # the highest numbers given so far
    Column("labels", BigInteger, nullable=False),
    Column("imports", BigInteger, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    _unchecked_key(),
    Column("no", BigInteger, primary_key=True, autoincrement=False),
    Column("country", Text, nullable=False, server_default=""),
    Column("marks", Text, nullable=False, server_default=","),  # numbers of its labels: ",3,17,"
    Column("sent_at", TIME),  # the newest time of each
    Column("delivered_at", TIME),
    Column("read_at", TIME),
    Column("failed_at", TIME),
    Column("replied_at", TIME),
    Column("clicked_at", TIME),
    Column("lead", Text, nullable=False, server_default=""),
    Column("language", Text, nullable=False, server_default=""),
    Column("time_zone", Text, nullable=False, server_default=""),
    Column("zone_origin", Text, nullable=False, server_default=""),  # guessed, set, or "" without a zone
    Column("source", Text, nullable=False, server_default=""),
    Column("gone", Boolean, nullable=False, server_default=text("false")),  # deleted: kept blank until all have noticed
    Column("created_at", TIME, nullable=False),
    Column("updated_at", TIME, nullable=False),
    Column("changed", BigInteger, nullable=False),  # see audience_clocks
    Column("import_no", BigInteger, nullable=False, server_default="0"),  # the import that made it
    Column("id", ID, nullable=False, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    # Custom fields, see contact_fields: exact numbers (millionths; days since 1970 for dates), and texts.
    *(Column(f"n{slot}", BigInteger) for slot in range(1, NUMBER_SLOTS + 1)),
    *(Column(f"x{slot}", Text) for slot in range(1, TEXT_SLOTS + 1)),
    # PostgreSQL may use it only where a statement says that `changed` is above 0, which all are; see `identities`.
    Index("ix_contacts_changed", "workspace_id", "changed", postgresql_where=text("changed > 0")),
    # Clustered by workspace: counting reads its rows and nothing else.
    sqlite_with_rowid=False,
)

identities = Table(  # one address of one person
    "identities",
    metadata,
    _unchecked_key(),
    Column("kind", Text, primary_key=True),  # phone, whatsapp_id, line_id, email
    Column("value", ID, primary_key=True),
    Column("contact_no", BigInteger, nullable=False),
    Column("created_at", TIME, nullable=False),
    # PostgreSQL may use it only where a statement says `contact_no + 0 > 0`, which all are. Of a workspace that its
    # statistics do not know yet it expects a single row, finds the index and the key equal for a look-up by kind and
    # value, and may take this one: then every look-up reads all of the workspace.
    # The sum keeps SQLite from looking among all numbers above 0 instead of at one.
    Index("ix_identities_contact", "workspace_id", "contact_no", postgresql_where=text("contact_no + 0 > 0")),
    sqlite_with_rowid=False,
)

contact_fields = Table(  # custom fields
    "contact_fields",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("type", Text, nullable=False),  # text, number, money, date, choice
    Column("options", Text, nullable=False, server_default="[]"),  # JSON list, of a choice
    Column("currency", Text, nullable=False, server_default=""),  # of money
    Column("slot", Text, nullable=False),  # the column of `contacts`
    Column("created_at", TIME, nullable=False),
    UniqueConstraint("workspace_id", "code"),
    UniqueConstraint("workspace_id", "slot"),
)

labels = Table(  # tags and lists
    "labels",
    metadata,
    _workspace_key(),
    Column("no", BigInteger, primary_key=True, autoincrement=False),
    Column("id", ID, nullable=False, unique=True),
    Column("kind", Text, nullable=False),  # tag, list
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),  # the name without its case
    Column("description", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    UniqueConstraint("workspace_id", "kind", "key"),
)

segments = Table(
    "segments",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("name", Text, nullable=False),
    Column("filter", Text, nullable=False),  # as the language writes it
    Column("created_at", TIME, nullable=False),
    Column("updated_at", TIME, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)

contact_imports = Table(
    "contact_imports",
    metadata,
    _workspace_key(),
    Column("no", BigInteger, primary_key=True, autoincrement=False),
    Column("id", ID, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    # inspected, checking, queued, running, done, failed, cancelled, undoing, undone
    Column("status", Text, nullable=False),
    Column("counts", Text, nullable=False),  # JSON
    Column("created_at", TIME, nullable=False),
    Column("finished_at", TIME),
    Column("undone_at", TIME),
    Column("manner", Text, nullable=False, server_default="{}"),  # JSON: how the file is read and stored
    Column("shape", Text, nullable=False, server_default="{}"),  # JSON: what the file turned out to be
    Column("file", Text, nullable=False, server_default=""),  # its name among the files that wait; "" without one
    Column("at_row", BigInteger, nullable=False, server_default="0"),  # everything up to this row is stored
    Column("read_bytes", BigInteger, nullable=False, server_default="0"),
    Column("total_bytes", BigInteger, nullable=False, server_default="0"),
    Column("checked", Text, nullable=False, server_default=""),  # JSON: the counts of the last dry run
    Column("failure", Text, nullable=False, server_default=""),  # why it failed, and what to do
    Column("owner", ID, nullable=False, server_default=""),  # the process that works on it
    Column("lease_until", TIME),
)

contact_import_refusals = Table(  # refused rows as lines of CSV, a piece for each step
    "contact_import_refusals",
    metadata,
    _unchecked_key(),
    Column("import_no", BigInteger, primary_key=True, autoincrement=False),
    Column("at_row", BigInteger, primary_key=True, autoincrement=False),
    Column("lines", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
    sqlite_with_rowid=False,
)

contact_import_changes = Table(  # what an import changed in contacts that were there before
    "contact_import_changes",
    metadata,
    _unchecked_key(),
    Column("import_no", BigInteger, primary_key=True, autoincrement=False),
    Column("contact_no", BigInteger, primary_key=True, autoincrement=False),
    Column("before", Text, nullable=False),  # JSON: the columns that changed, with their values before
    Column("after", Text, nullable=False),  # JSON: the same columns afterwards, and identities added
    sqlite_with_rowid=False,
)

contact_history = Table(
    "contact_history",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("contact_id", ID, nullable=False),
    Column("kind", Text, nullable=False),  # merged, merged_into, split, split_off, erased
    Column("document", Text, nullable=False),  # JSON
    Column("at", TIME, nullable=False),
    Index("ix_contact_history_contact", "workspace_id", "contact_id", "id"),
)

consents = Table(  # what people said, never changed; the newest for an address, channel, purpose and kind holds
    "consents",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("address", ID, nullable=False),
    Column("channel", Text, nullable=False),  # "" stands for any
    Column("purpose", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default="marketing"),  # domain.countries.situation.ConsentKind
    Column("state", Text, nullable=False),  # asked, granted, withdrawn
    Column("source", Text, nullable=False, server_default=""),
    Column("evidence", Text, nullable=False, server_default=""),
    Column("at", TIME, nullable=False),  # when the person said so
    Column("confirmed_at", TIME),  # when the person was last reminded of it
    Column("created_at", TIME, nullable=False),
    Index("ix_consents_address", "workspace_id", "address", "channel", "purpose", "at", "id"),
    # PostgreSQL may use it only where a statement says `at + 0 IS NOT NULL`; see `identities`.
    Index("ix_consents_given", "workspace_id", "at", postgresql_where=text("at + 0 IS NOT NULL")),
)

erased_suppressions = Table(  # suppressions of people who were erased: the address is a keyed hash
    "erased_suppressions",
    metadata,
    _workspace_key(),
    Column("digest", ID, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
    sqlite_with_rowid=False,
)

lifted_suppressions = Table(  # removed lately: whoever remembers them looks at their people again
    "lifted_suppressions",
    metadata,
    _workspace_key(),
    Column("id", ID, primary_key=True),  # sorts by when it was removed
    Column("suppression_id", ID, nullable=False),
    Column("address", ID, nullable=False),  # "" once nobody has it any more
    Column("made_at", TIME, nullable=False),  # when it was made
    Column("lifted_at", TIME, nullable=False),
    sqlite_with_rowid=False,
)

address_keys = Table(  # what keys those hashes
    "address_keys",
    metadata,
    _workspace_key(),
    Column("sealed", LargeBinary, nullable=False),  # by the vault
)

audience_cursors = Table(  # how far readers of the ledger came
    "audience_cursors",
    metadata,
    _workspace_key(),
    Column("name", Text, primary_key=True),
    Column("position", Text, nullable=False),
)
