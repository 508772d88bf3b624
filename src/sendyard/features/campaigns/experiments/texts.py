"""
A campaign once for each text it sends, so that whatever prepares, checks or foretells one text serves all.
"""

from sendyard.features.campaigns.experiments import queries
from sendyard.features.campaigns.experiments.queries import VariantRow
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.storage.engine import Database


async def texts_of(database: Database, campaign: CampaignRow) -> dict[int, CampaignRow]:
    """The campaign with the text of each variant, by its number; of one that has but one text, as number 0."""
    plan = read_plan(campaign.plan)
    if plan.experiment is None and not plan.kept_variants:
        return {0: campaign}
    found = await database.read(lambda tx: queries.variants(tx, campaign.id))
    return {variant.number: with_text(campaign, variant) for variant in found}


def with_text(campaign: CampaignRow, variant: VariantRow) -> CampaignRow:
    """The same campaign as if it sent this text to everybody."""
    return campaign._replace(
        version_id=variant.version_id,
        version=variant.version,
        body=variant.body,
        newest_version=variant.newest_version,
        code=variant.code,
        registered=variant.registered,
        document=variant.document,
    )
