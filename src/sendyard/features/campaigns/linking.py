"""
Short links in the text of a campaign: which it names, what recipients get for them, and what people are told before.
"""

from collections.abc import Iterable

from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Check, Level
from sendyard.domain.countries.links import is_allowed_url
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.links import Addresses, RowAddresses, is_link_variable
from sendyard.features.templates.rendering import letters_of
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms

_SOON_MS = 24 * 3_600_000


def text_variables(campaign: CampaignRow) -> tuple[str, ...]:
    """Give every variable of a campaign's text and its registered forms, those of links too."""
    letters = letters_of(campaign.body, campaign.document, campaign.registered)
    return (*letters.template.variables, *(letters.forms.variables if letters.forms else ()))


def of_people(names: Iterable[str]) -> tuple[str, ...]:
    """Leave out the variables that links fill in."""
    return tuple(name for name in names if not is_link_variable(name))


async def row_addresses(addresses: Addresses, campaign: CampaignRow, *, test: bool = False) -> RowAddresses | None:
    """
    Give the short addresses of a campaign's recipients, or of its tests; None when its text names no link.

    Raises:
        Invalid: a link is gone or has ended.
    """
    return await addresses.of_campaign(campaign.workspace_id, campaign.id, text_variables(campaign), test=test)


async def link_checks(database: Database, directory: Directory, campaign: CampaignRow) -> list[Check]:
    """
    Say of each link how its address looks and where it leads, and whether registered addresses cover both.

    Raises:
        Invalid: a link is gone or has ended.
    """
    named = await Addresses(database, directory).named(campaign.workspace_id, text_variables(campaign))
    allowed = directory.facts(campaign.workspace_id).allowed.urls
    checks = []
    for link in named:
        detail = f"Recipients see an address such as {link.sample}, which leads to {link.url}."
        level, fix = Level.OK, ""
        if allowed and not is_allowed_url(link.url, allowed):
            level = Level.WARN
            detail += " Your registered addresses do not cover where it leads."
            fix = "Register that address too: in India and Taiwan carriers follow links to see where they lead."
        elif link.expires_at is not None and link.expires_at < now_ms() + _SOON_MS:
            level = Level.WARN
            detail += " It ends within a day."
            fix = "Give it a later end if people may read the message later."
        checks.append(Check("link", level, 0 if level is Level.OK else 1, detail, fix))
    return checks
