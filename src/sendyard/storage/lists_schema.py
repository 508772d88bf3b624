"""
Tables of lists that providers keep of who refused: how far each was read, and whom it named.
"""

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text, text

from sendyard.storage.schema import ID, TIME, metadata, workspace_column

provider_lists = Table(  # how an account's list is read, and how far
    "provider_lists",
    metadata,
    Column("account_id", ID, primary_key=True),
    workspace_column(),
    Column("every_hours", Integer, nullable=False, server_default="0"),  # 0: only when somebody asks
    Column("tells", Boolean, nullable=False, server_default=text("false")),  # whether our refusals are told to it
    Column("told_after", ID, nullable=False, server_default=""),  # the newest suppression that was told
    Column("set_by", Text, nullable=False, server_default=""),  # who decided how
    Column("run", BigInteger, nullable=False, server_default="0"),  # counts readings, the one under way too
    Column("cursor", Text, nullable=False, server_default=""),  # the page to go on with, as the provider names it
    Column("refusing", BigInteger, nullable=False, server_default="0"),  # of this reading, like the next two
    Column("agreed", BigInteger, nullable=False, server_default="0"),
    Column("added", BigInteger, nullable=False, server_default="0"),
    Column("began_at", TIME),  # null: never
    Column("done_at", TIME),  # null: under way, or never begun
    Column("next_at", TIME),  # null: not by itself
    Column("lease_until", TIME, nullable=False, server_default="0"),  # one process reads at a time
    Column("error", Text, nullable=False, server_default=""),  # why the last try brought nothing
)

provider_list_people = Table(  # who refuses by such a list: a refusal that was there before is none anew
    "provider_list_people",
    metadata,
    Column("account_id", ID, primary_key=True),
    Column("address", ID, primary_key=True),
    workspace_column(),
    Column("word", Text, nullable=False),  # the provider's own
    Column("since", TIME),  # as the provider says
    Column("seen_run", BigInteger, nullable=False),  # the newest reading that named them
    Column("created_at", TIME, nullable=False),
    sqlite_with_rowid=False,
)
