"""
Whether a template is for what its campaign is for: told before anything is sent.

Rules of countries judge every message by what is registered; here the template as we keep it speaks, too, and what
India and WhatsApp punish keeps the campaign from starting.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from sendyard.delivery.copies import copy_of
from sendyard.delivery.directory import Directory
from sendyard.delivery.forecast import Check, Level
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import TemplateRef
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.templates.rendering import letters_of

CHECK = "purpose"
_REGISTRY_ID = "template_id"
_OF_SERVICE = frozenset({"transactional", "service_implicit"})
_MARKETING = "marketing"
_RULES = frozenset({"in.category", "wa.template_category"})  # whoever sets one of them aside answers for it


def purpose_checks(directory: Directory, campaign: CampaignRow, countries: Collection[str]) -> list[Check]:
    """
    Say where template and campaign are for different things; `countries` are those of the people it reaches.

    Blocks marketing on WhatsApp in a transactional campaign, and a text that is registered in India for the other
    purpose when it goes to India, unless the rule behind it is set aside; everything else warns. A text of the
    campaign's own has no purpose but its.
    """
    if campaign.newest_version == 0:
        return []
    found = [*_by_whatsapp(directory, campaign), *_by_registry(directory, campaign, countries)]
    found = found[:1] or _by_template(campaign, countries)
    if directory.facts(campaign.workspace_id).set_aside(campaign.id).isdisjoint(_RULES):
        return found
    return [replace(check, level=Level.WARN) for check in found]


def _by_template(campaign: CampaignRow, countries: Collection[str]) -> list[Check]:
    letters = letters_of(campaign.body, campaign.document, campaign.registered)
    own = letters.document.purpose
    if not campaign.document or own == campaign.purpose:
        return []
    registered = letters.forms is not None and _REGISTRY_ID in letters.forms.registration
    detail = f"Template {campaign.code!r} is {own.value}, and the campaign is {campaign.purpose}."
    marketing = campaign.channel == Channel.WHATSAPP and own is Purpose.PROMOTIONAL
    mixed = campaign.channel == Channel.SMS and registered and "IN" in countries
    level = Level.BLOCK if marketing or mixed else Level.WARN
    return [Check(CHECK, level, 1, detail, _fix(campaign))]


def _by_whatsapp(directory: Directory, campaign: CampaignRow) -> Iterator[Check]:
    if campaign.channel != Channel.WHATSAPP or campaign.purpose != Purpose.TRANSACTIONAL:
        return
    forms = letters_of(campaign.body, campaign.document, campaign.registered).forms
    for entry in directory.accounts(campaign.workspace_id) if forms else ():
        copies = directory.copies(entry.id)
        if forms is None or copies is None or campaign.account not in ("", entry.id):
            continue
        for name, language in forms.names_at(entry.provider):
            copy = copy_of(copies, entry.adapter, TemplateRef(name, language))
            if copy is not None and copy.category.lower() == _MARKETING:
                detail = (
                    f"{entry.adapter.spec.name} has the template {name!r} of {entry.name} as marketing, and the "
                    "campaign is transactional: it would reach people who never agreed to advertising."
                )
                yield Check(CHECK, Level.BLOCK, 1, detail, _fix(campaign))


def _by_registry(directory: Directory, campaign: CampaignRow, countries: Collection[str]) -> Iterator[Check]:
    forms = letters_of(campaign.body, campaign.document, campaign.registered).forms
    if campaign.channel != Channel.SMS or forms is None or "IN" not in countries:
        return
    registry_id = forms.registration.get(_REGISTRY_ID, "")
    text = directory.facts(campaign.workspace_id).templates.get(registry_id)
    category = text.category if text is not None else ""
    promotes = campaign.purpose == Purpose.PROMOTIONAL
    if (promotes and category in _OF_SERVICE) or (not promotes and category == "promotional"):
        detail = (
            f"The text {registry_id} is registered in India as {category}, and the campaign is {campaign.purpose}: "
            "operators drop such messages and report the sender."
        )
        yield Check(CHECK, Level.BLOCK, 1, detail, _fix(campaign))


def _fix(campaign: CampaignRow) -> str:
    other = "promotional" if campaign.purpose == Purpose.TRANSACTIONAL else "transactional"
    return f"Make the campaign {other}, or choose a template that is {campaign.purpose}."
