"""
All tables together: whoever migrates, saves or compares a database needs every one of them.
"""

from sqlalchemy import MetaData

from sendyard.storage import (
    audience_schema,
    campaign_schema,
    consent_schema,
    counts_schema,
    drip_schema,
    experiment_schema,
    facts_schema,
    ledger_schema,
    links_schema,
    lists_schema,
    media_schema,
    provider_schema,
    records_schema,
    schema,
)


def _all() -> MetaData:
    """Give the one catalogue that every module with tables writes into, once all of them are imported."""
    for module in (
        schema,
        ledger_schema,
        provider_schema,
        audience_schema,
        facts_schema,
        consent_schema,
        records_schema,
        media_schema,
        campaign_schema,
        counts_schema,
        drip_schema,
        links_schema,
        lists_schema,
        experiment_schema,
    ):
        if module.metadata is not schema.metadata:
            raise RuntimeError(f"{module.__name__} has a catalogue of its own")
    return schema.metadata


metadata = _all()
