"""
Tables of drips: a series of steps, the campaign that carries each of them, and who has come how far.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, text

from sendyard.storage.schema import ID, TIME, metadata, workspace_column

drips = Table(
    "drips",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("name", Text, nullable=False),
    Column("status", Text, nullable=False),  # importing (nobody sees it), draft, active, paused, cancelled
    Column("pause_reason", Text, nullable=False, server_default=""),
    Column("plan", Text, nullable=False),  # JSON, of the newest version, see features.campaigns.drips.plan
    Column("channel", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("reach", Text, nullable=False),  # all, team, test: whom its key may reach
    Column("created_by", Text, nullable=False),
    Column("created_at", TIME, nullable=False),
    Column("started_at", TIME),
    Column("finished_at", TIME),
    Column("sweep_at", TIME),  # when its lists and segments are asked next; null: not any more
    Column("last_no", Integer, nullable=False, server_default="0"),  # the newest number given to a person
    # Counts the takings of people: who took them for a step compares it, so that nobody is taken twice.
    Column("turn", BigInteger, nullable=False, server_default="0"),
    Column("round", Integer, nullable=False, server_default="1"),  # of who comes in now, for the first time
    Column("bring_to", Integer, nullable=False, server_default="0"),  # people inside are being moved to this version
    Column("reserved", BigInteger, nullable=False, server_default="0"),  # millionths that its messages may cost
    Index("ix_drips_workspace", "workspace_id", "id"),
    Index("ix_drips_active", "id", sqlite_where=text("status = 'active'"), postgresql_where=text("status = 'active'")),
)

drip_rounds = Table(  # those who go through one version of the drip, for the same time
    "drip_rounds",
    metadata,
    Column("drip_id", ID, ForeignKey("drips.id", ondelete="CASCADE"), primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),
    workspace_column(),
    Column("version", Integer, nullable=False),
    Column("visit", Integer, nullable=False),  # 1, and more for those who came again
    Column("plan", Text, nullable=False),  # JSON; steps and exits are those of this version
    Column("made_at", TIME, nullable=False),
    Column("made_by", Text, nullable=False),
)

drip_steps = Table(  # each step of each round is a campaign, whose rows are those who reached it
    "drip_steps",
    metadata,
    Column("drip_id", ID, ForeignKey("drips.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("round", Integer, primary_key=True, autoincrement=False),
    workspace_column(),
    Column("campaign_id", ID, ForeignKey("campaigns.id"), nullable=False, unique=True),
)

drip_people = Table(
    "drip_people",
    metadata,
    Column("drip_id", ID, ForeignKey("drips.id", ondelete="CASCADE"), primary_key=True),
    Column("no", Integer, primary_key=True, autoincrement=False),  # the row in the campaigns of the steps
    workspace_column(),
    Column("given", Text, nullable=False),
    Column("address", ID, nullable=False),  # "" when refused
    Column("country", Text, nullable=False),
    Column("variables", Text, nullable=False),  # JSON
    Column("language", Text, nullable=False),
    Column("zone", Text, nullable=False),
    Column("contact_no", BigInteger),
    Column("round", Integer, nullable=False),
    Column("step", Integer, nullable=False),  # the next one
    Column("next_at", TIME),  # when it is due; null before the drip is started, and at the end
    Column("state", Text, nullable=False),  # active, done, left, refused
    Column("why", Text, nullable=False, server_default=""),  # left and refused: a code
    Column("entered_at", TIME, nullable=False),
    Column("ended_at", TIME),
    Index("ix_drip_people_due", "drip_id", "state", "next_at"),
    Index("ix_drip_people_contact", "drip_id", "contact_no"),
    Index("ix_drip_people_address", "workspace_id", "address"),
    Index(
        "ix_drip_people_once",
        "drip_id",
        "address",
        "round",
        unique=True,
        sqlite_where=text("address <> ''"),
        postgresql_where=text("address <> ''"),
    ),
)
