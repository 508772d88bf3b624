"""
The two-person rule: above a size or a price, somebody else than who made a campaign says that it may start.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sendyard.delivery.directory import Directory
from sendyard.domain.errors import Conflict, FieldError, Forbidden, Invalid
from sendyard.domain.status import CampaignStatus
from sendyard.features.campaigns.audience.queries import good_count
from sendyard.features.campaigns.experiments.texts import texts_of
from sendyard.features.campaigns.oversight import queries
from sendyard.features.campaigns.oversight.queries import ApprovalRow
from sendyard.features.campaigns.plan import amount
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.campaigns.rehearsal import rehearse
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction

REQUESTED, APPROVED, REJECTED, WITHDRAWN = "requested", "approved", "rejected", "withdrawn"
LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Policy:
    """Above how many recipients, or which price, a second person approves; None asks nothing."""

    recipients: int | None = None
    cost: Decimal | None = None
    currency: str = ""

    @property
    def asks(self) -> bool:
        """Whether any campaign may need approval."""
        return self.recipients is not None or self.cost is not None


@dataclass(frozen=True, slots=True)
class Size:
    """How large a campaign is: its good rows and the highest price it may have, as far as it was worked out."""

    recipients: int
    cost: str = ""


def policy_of(tx: Transaction, workspace_id: str) -> Policy:
    """What a workspace asks."""
    recipients, cost, currency = queries.policy(tx, workspace_id)
    return Policy(recipients, None if cost is None else Decimal(cost), currency)


def store_policy(tx: Transaction, workspace_id: str, policy: Policy) -> None:
    """Keep what a workspace asks."""
    cost = None if policy.cost is None else f"{policy.cost:f}"
    queries.set_policy(tx, workspace_id, policy.recipients, cost, policy.currency)


def read_policy(recipients: int | None, cost: str | None, currency: str) -> Policy:
    """
    Make a policy of what a caller gives.

    Raises:
        Invalid: a number, price or currency is not usable.
    """
    if recipients is not None and recipients < 0:
        detail = f"Expected 0 or more recipients, found {recipients}."
        raise Invalid("bad_number", detail, errors=[FieldError("/recipients", "bad_number", detail)])
    if cost is None:
        return Policy(recipients)
    price = amount(cost)
    if price is None or len(currency) != 3 or not currency.isupper():
        detail = f"Expected a price and its currency, such as 100.00 and USD, found {cost!r:.20} and {currency!r:.20}."
        raise Invalid("bad_amount", detail, errors=[FieldError("/cost", "bad_amount", detail)])
    return Policy(recipients, price, currency)


async def too_much(database: Database, directory: Directory, campaign: CampaignRow, policy: Policy) -> Size | None:
    """Say how large a campaign is if that needs approval. The price is worked out only if somebody asks for it."""
    recipients = await database.read(lambda tx: good_count(tx, campaign.id))
    cost = ""
    dear, highest = False, Decimal(-1)
    if policy.cost is not None:
        # Everybody might get the dearest text of an experiment.
        for text in (await texts_of(database, campaign)).values():
            found = (await rehearse(database, directory, text)).cost
            if found is not None and found.high > highest:
                highest = found.high
                cost = f"{found.high:f} {found.currency}"
            # A price that is not known, or in other money, may be any.
            dear = dear or found is None or found.currency != policy.currency or found.high > policy.cost
    large = policy.recipients is not None and recipients > policy.recipients
    return Size(recipients, cost) if large or dear else None


def is_approved(tx: Transaction, campaign_id: str) -> bool:
    """Whether the newest word about a campaign is a yes."""
    found = queries.approvals(tx, campaign_id)
    return bool(found) and found[-1].action == APPROVED


def request(tx: Transaction, campaign: CampaignRow, *, by: str, size: Size, now: int) -> None:
    """Ask for approval; asking again while somebody has been asked changes nothing."""
    found = queries.approvals(tx, campaign.id)
    if not found or found[-1].action != REQUESTED:
        row = ApprovalRow(REQUESTED, by, "", size.recipients, size.cost, now)
        queries.add_approval(tx, campaign.workspace_id, campaign.id, row)


def withdraw(tx: Transaction, campaign: CampaignRow, *, by: str, now: int) -> None:
    """What was asked or agreed holds no more: the campaign was changed."""
    found = queries.approvals(tx, campaign.id)
    if found and found[-1].action in {REQUESTED, APPROVED}:
        row = ApprovalRow(WITHDRAWN, by, "The campaign was changed.", 0, "", now)
        queries.add_approval(tx, campaign.workspace_id, campaign.id, row)


def answer(
    tx: Transaction, campaign: CampaignRow, *, by: str, yes: bool, note: str, now: int
) -> Conflict | Forbidden | None:
    """Agree or not; gives the error when that cannot be, which is not raised inside the shared transaction."""
    found = queries.approvals(tx, campaign.id)
    if campaign.status != CampaignStatus.DRAFT or not found or found[-1].action != REQUESTED:
        return Conflict("no_request", "Nobody has asked for approval of this campaign; start it first.")
    asked = found[-1]
    if by in {campaign.created_by, asked.by}:
        detail = "Who made a campaign, or asked for its approval, cannot approve it. Let somebody else do it."
        return Forbidden("own_campaign", detail)
    row = ApprovalRow(APPROVED if yes else REJECTED, by, note, asked.recipients, asked.cost, now)
    queries.add_approval(tx, campaign.workspace_id, campaign.id, row)
    return None


def document(rows: list[ApprovalRow]) -> dict[str, Any] | None:
    """Where the approval of a campaign stands, with everything that was said; None when nobody asked."""
    if not rows:
        return None
    return {"state": rows[-1].action, "history": [row._asdict() for row in rows]}
