"""
Test messages: what a campaign would send, to the people of the team, as messages of their own.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.delivery.preflight import admit_many
from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError, Conflict, FieldError, Invalid
from sendyard.features.campaigns.audience.queries import good_rows
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.drafts import prepare_rows
from sendyard.features.campaigns.experiments import queries
from sendyard.features.campaigns.experiments.texts import with_text
from sendyard.features.campaigns.finding import find
from sendyard.features.campaigns.linking import row_addresses
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.links import Addresses
from sendyard.features.people.team import Team, outsider
from sendyard.ledger.enqueue import enqueue
from sendyard.ledger.entries import NewMessage
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

MOST_TESTS = 20


class Tests:
    """Sends tests of campaigns."""

    __test__ = False  # its name means what it does

    def __init__(self, database: Database, directory: Directory, team: Team) -> None:
        """Take where rows are, the accounts and routes, and who may get tests."""
        self._database = database
        self._directory = directory
        self._team = team

    async def send(
        self,
        workspace_id: str,
        campaign_id: str,
        *,
        to: Sequence[str] = (),
        row: int | None = None,
        variant: str = "",
        test: bool = False,
        shown: Recipient | None = None,
    ) -> list[dict[str, Any]]:
        """
        Send what one row gets to members of the team: `{to, variant, message_id, error}` for each.

        Of an experiment everybody gets every variant, or the one that is named; `variant` is "" elsewhere. They are
        messages of their own: no recipient of the campaign, and they count in nothing of it.

        Args:
            workspace_id: whose campaign it is.
            campaign_id: its id.
            to: addresses of the team; all that the channel reaches when empty.
            row: whose values are filled in; the first good row when None.
            variant: the name of one of its texts, where it has several; all of them when empty.
            test: whether a test key asks, whose messages only emulated accounts may carry.
            shown: whose values are filled in, where that is no row of the campaign.

        Raises:
            NotFound: there is no such campaign.
            Forbidden: an address is nobody's of the team.
            Conflict: there is nobody to send to, or no row to show.
            Invalid: there are too many addresses, or there is no such good row or variant.
        """
        campaign = await find(self._database, workspace_id, campaign_id)
        if test:
            campaign = campaign._replace(reach="test")
        reachable = await self._team.reachable(workspace_id, Channel(campaign.channel))
        if set(to) - set(reachable):
            raise outsider()
        wanted = list(dict.fromkeys(to)) or reachable
        if not wanted:
            detail = f"Nobody of the team is reached by {campaign.channel}; add people with `sendyard team add`."
            raise Conflict("no_team", detail)
        if len(wanted) > MOST_TESTS:
            detail = f"Expected at most {MOST_TESTS} addresses at once, found {len(wanted)}; name some of them."
            raise Invalid("too_many", detail, errors=[FieldError("/to", "too_many", detail)])
        shown = shown or await self._row(campaign, row)
        texts = await self._texts(campaign, variant)
        now = now_ms()
        rows = [shown._replace(address=address) for address in wanted]
        prepared: list[NewMessage | AppError] = []
        for text in texts.values():
            links = await row_addresses(Addresses(self._database, self._directory), text, test=True)
            prepared += [
                replace(one, campaign_id="", row=None, metadata=f'{{"test_of":"{campaign.id}"}}')
                if isinstance(one, NewMessage)
                else one
                for one in prepare_rows(self._directory, text, rows, now, links=links)
            ]

        def store(tx: Transaction) -> list[NewMessage | AppError]:
            outcomes = admit_many(self._directory, tx, workspace_id, prepared, now)
            enqueue(tx, [one for one in outcomes if isinstance(one, NewMessage)])
            return outcomes

        outcomes = await self._database.write(store)
        whom = [(address, name) for name in texts for address in wanted]
        return [_document(address, name, one) for (address, name), one in zip(whom, outcomes, strict=True)]

    async def _texts(self, campaign: CampaignRow, variant: str) -> dict[str, CampaignRow]:
        """The campaign with each text that is wanted, by the variant's name; "" for its only one."""
        variants = await self._database.read(lambda tx: queries.variants(tx, campaign.id))
        if variant and variant not in {one.name for one in variants}:
            known = ", ".join(one.name for one in variants)
            detail = (
                f"There is no variant {variant!r:.60}; {f'there are {known}' if known else 'it has one text only'}."
            )
            raise Invalid("unknown_variant", detail, errors=[FieldError("/variant", "unknown_variant", detail)])
        found = {one.name: with_text(campaign, one) for one in variants if variant in ("", one.name)}
        return found or {"": campaign}

    async def _row(self, campaign: CampaignRow, row: int | None) -> Recipient:
        after = 0 if row is None else row - 1
        found = await self._database.read(lambda tx: good_rows(tx, campaign.id, after=after, limit=1, up_to=row))
        if found:
            return found[0]
        if row is None:
            raise Conflict("no_row", "There is no good row whose values could be shown yet.")
        detail = f"There is no good row {row}; see the recipients of the campaign."
        raise Invalid("unknown_row", detail, errors=[FieldError("/row", "unknown_row", detail)])


def _document(address: str, variant: str, outcome: NewMessage | AppError) -> dict[str, Any]:
    whom = {"to": address, "variant": variant}
    if isinstance(outcome, AppError):
        return {**whom, "message_id": None, "error": outcome.detail}
    return {**whom, "message_id": outcome.id, "error": outcome.error.detail if outcome.error else None}
