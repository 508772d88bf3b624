"""
Tables of what a workspace has told about itself: what rules of countries ask for, what was set aside, and what
preflight found.

`revision` in `workspace_facts` grows with every change of any of them but preflight results, so that one short row
tells every process whether to read again. `…_by` names who changed a row: the id of an API key, or the command line.
"""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table, Text

from sendyard.storage.schema import ID, TIME, metadata, workspace_column


def _workspace_key() -> Column[str]:
    return Column("workspace_id", ID, ForeignKey("workspaces.id"), primary_key=True)


workspace_facts = Table(
    "workspace_facts",
    metadata,
    _workspace_key(),
    Column("revision", BigInteger, nullable=False),
    Column("home_zone", Text, nullable=False, server_default=""),
    Column("business", Text, nullable=False, server_default=""),
    Column("contact", Text, nullable=False, server_default=""),
    Column("opt_out_number", Text, nullable=False, server_default=""),
    Column("allowed_urls", Text),  # JSON list; null: nobody told us
    Column("allowed_numbers", Text),  # likewise
    Column("options", Text, nullable=False, server_default="{}"),  # JSON: those that were set
    Column("updated_by", Text, nullable=False, server_default=""),
    Column("updated_at", TIME),  # null: only its revision was counted so far
)

dlt_ids = Table(  # who we are on India's DLT platform
    "dlt_ids",
    metadata,
    _workspace_key(),
    Column("account_id", ID, primary_key=True),  # "" stands for every account
    Column("entity_id", Text, nullable=False),
    Column("telemarketer_ids", Text, nullable=False),  # JSON list, in the order of the chain
    Column("chain", Text, nullable=False),  # domain.countries.situation.Registration
    Column("updated_by", Text, nullable=False, server_default=""),
    Column("updated_at", TIME, nullable=False),
)

sender_facts = Table(
    "sender_facts",
    metadata,
    _workspace_key(),
    Column("account_id", ID, primary_key=True),  # "" stands for every account
    Column("value", ID, primary_key=True),  # exactly as the provider knows it
    Column("business", Text, nullable=False),
    Column("identity_words", Text, nullable=False),  # JSON list, the preferred first
    Column("contact", Text, nullable=False),
    Column("opt_out_number", Text, nullable=False),
    Column("registration", Text, nullable=False),  # domain.countries.situation.Registration
    Column("receives_replies", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Column("updated_by", Text, nullable=False, server_default=""),
    Column("updated_at", TIME, nullable=False),
)

registered_templates = Table(  # texts registered at a DLT portal
    "registered_templates",
    metadata,
    _workspace_key(),
    Column("registry_id", ID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("text", Text, nullable=False),  # exactly as approved
    Column("category", Text, nullable=False),
    Column("state", Text, nullable=False),  # domain.countries.situation.Registration
    Column("senders", Text),  # JSON list; null: nobody told us
    Column("tags", Text, nullable=False),  # JSON list: the kind of each variable, where kept beside the text
    Column("updated_by", Text, nullable=False, server_default=""),
    Column("updated_at", TIME, nullable=False),
)

fact_changes = Table(  # every change of the tables above, never changed or removed
    "fact_changes",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("subject", Text, nullable=False),  # workspace, dlt, sender, template
    Column("name", Text, nullable=False),  # the sender or registry id; "" for the workspace and its ids in India
    Column("account_id", ID, nullable=False),  # "" stands for every account
    Column("changes", Text, nullable=False),  # JSON: {field: {from, to}}; null where there was or is nothing
    Column("by", Text, nullable=False),
    Column("at", TIME, nullable=False),
    Index("ix_fact_changes_workspace", "workspace_id", "id"),
    Index("ix_fact_changes_name", "workspace_id", "name", "id"),
)

waivers = Table(  # rules that a person has set aside; never removed, only withdrawn
    "waivers",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("rule", Text, nullable=False),
    Column("campaign_id", ID, nullable=False, server_default=""),  # "": the whole workspace
    Column("until", TIME),  # null: as long as the campaign
    Column("who", Text, nullable=False),  # the person, by name
    Column("role", Text, nullable=False),  # owner, manager: as which they decided
    Column("reason", Text, nullable=False),
    Column("created_by", Text, nullable=False, server_default=""),
    Column("created_at", TIME, nullable=False),
    Column("withdrawn_by", Text, nullable=False, server_default=""),
    Column("withdrawn_at", TIME),
    Index("ix_waivers_campaign", "workspace_id", "campaign_id", "id"),
)

preflight_results = Table(  # evidence: what a campaign's preflight said
    "preflight_results",
    metadata,
    Column("id", ID, primary_key=True),
    workspace_column(),
    Column("campaign_id", ID, nullable=False),
    Column("report", Text, nullable=False),  # JSON
    Column("rules_revision", Text, nullable=False),  # which rules were asked; delivery.evidence
    Column("waivers", Text, nullable=False),  # JSON: the waivers in force for it, whole
    Column("at", TIME, nullable=False),
    Index("ix_preflight_results_campaign", "workspace_id", "campaign_id", "id"),
)
