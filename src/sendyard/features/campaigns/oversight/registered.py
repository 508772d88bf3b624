"""
Templates that a provider stops while a campaign uses them.
"""

from collections.abc import Iterator, Sequence

from sendyard.delivery.copies import copy_of
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.template_news import STOPPED
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.templates.rendering import letters_of
from sendyard.providers.abilities import ProviderTemplate

Seen = tuple[str, str, str, str, str]
"""Campaign, account, name, language and state: what a campaign was paused for, or was found in before."""


class TemplateTrouble:
    """
    Says which campaigns are to be paused because a provider paused, rejected or disabled their template.

    Told once for each state: a campaign that somebody resumed all the same goes on.
    """

    def __init__(self, directory: Directory) -> None:
        """Take what providers have of templates, kept fresh by someone else."""
        self._directory = directory
        self._seen: set[Seen] = set()

    def look(self, active: Sequence[CampaignRow]) -> list[tuple[CampaignRow, str]]:
        """Give (campaign, reason) of those to be paused."""
        found: list[tuple[CampaignRow, str]] = []
        standing: set[Seen] = set()
        for campaign in active:
            for entry, copy in self._stopped(campaign):
                seen = (campaign.id, entry.id, copy.name, copy.language, copy.state.value)
                standing.add(seen)
                if seen not in self._seen and (not found or found[-1][0] is not campaign):
                    found.append((campaign, _reason(entry, copy)))
        # What is not looked at now, because its campaign is paused, stays known.
        ids = {campaign.id for campaign in active}
        self._seen = {seen for seen in self._seen if seen[0] not in ids} | standing
        return found

    def _stopped(self, campaign: CampaignRow) -> Iterator[tuple[AccountEntry, ProviderTemplate]]:
        forms = letters_of(campaign.body, campaign.document, campaign.registered).forms
        if forms is None:
            return
        channel = Channel(campaign.channel)
        for entry in self._directory.accounts(campaign.workspace_id):
            copies = self._directory.copies(entry.id)
            if copies is None or campaign.account not in ("", entry.id) or channel not in entry.adapter.spec.channels:
                continue
            for name, language in forms.names_at(entry.provider):
                copy = copy_of(copies, entry.adapter, TemplateRef(name, language))
                if copy is not None and copy.state in STOPPED:
                    yield entry, copy


def _reason(entry: AccountEntry, copy: ProviderTemplate) -> str:
    why = f" ({copy.reason.rstrip('.')})" if copy.reason else ""
    return (
        f"{entry.adapter.spec.name} has {copy.state.value} the template {copy.name!r} of {entry.name}{why}. "
        "Have it approved again, or use another, then resume."
    )
