"""
What became of a message: `statuses` of the webhook field `messages`.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status.
"""

from decimal import Decimal

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import DeliveryEvent, MessageKey
from sendyard.providers.meta_cloud.answers import coded
from sendyard.providers.meta_cloud.codes import STATUSES
from sendyard.providers.meta_cloud.wording import Contact, Fault, contact_of, moment_of, person_of

_FREE = "free_"  # free_customer_service, free_entry_point


class Pricing(msgspec.Struct, frozen=True):
    """Under which rule Meta charges; never an amount."""

    pricing_model: str | None = None
    type: str | None = None
    category: str | None = None
    billable: bool | None = None


class Status(msgspec.Struct, frozen=True):
    """One statement about one message."""

    id: str
    status: str
    timestamp: str | int | None = None
    recipient_id: str | None = None
    recipient_user_id: str | None = None
    recipient_participant_id: str | None = None
    biz_opaque_callback_data: str | None = None
    pricing: Pricing | None = None
    errors: list[Fault] = []


def status_event(given: Status, contacts: list[Contact], currency: str) -> DeliveryEvent:
    """
    Translate one status.

    The pricing rule is kept in `raw_status`, behind Meta's word: "sent (PMP, regular, marketing)". Only where Meta
    says that it is free, and `currency` is known, is it an amount: 0.
    """
    known = STATUSES.get(given.status)
    status = known.meaning if known and isinstance(known.meaning, ReportStatus) else ReportStatus.UNMAPPED
    pricing = given.pricing or Pricing()
    rule = ", ".join(filter(None, (pricing.pricing_model, pricing.type, pricing.category)))
    contact = contact_of(contacts, given.recipient_id, given.recipient_user_id)
    person = person_of(given.recipient_id or contact.wa_id, given.recipient_user_id or contact.user_id)
    participant = f":{given.recipient_participant_id}" if given.recipient_participant_id else ""
    is_free = (pricing.type or "").startswith(_FREE)
    return DeliveryEvent(
        key=MessageKey(given.biz_opaque_callback_data or "", given.id, person.value),
        status=status,
        raw_status=f"{given.status} ({rule})" if rule else given.status,
        dedupe_key=f"{given.id}:{given.status}{participant}",
        error=_failure(given) if status is ReportStatus.FAILED else None,
        occurred_at=moment_of(given.timestamp),
        cost=Money(Decimal(0), currency) if is_free and currency else None,
    )


def _failure(given: Status) -> ProviderError:
    if not given.errors:
        return ProviderError(ErrorKind.UNDELIVERABLE, given.status, "Meta does not say why")
    fault = given.errors[0]
    return coded(str(fault.code), fault.words)
