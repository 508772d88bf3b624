"""
Accounts that are made known to the emulated Meta, and its sample template.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from sendyard.domain.errors import Invalid
from sendyard.providers.meta_cloud.emulated_state import PEOPLE_BY_TIER, Number, State, Template

SAMPLE_TEMPLATE = "sample_message"
SAMPLE_LANGUAGE = "en_US"
_ID = re.compile(r"[0-9]{5,32}")


class GivenTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """A template that a registration brings along."""

    name: str
    body: str
    language: str = SAMPLE_LANGUAGE
    category: str = "UTILITY"
    status: str = "APPROVED"
    components: list[dict[str, Any]] = []


class Registration(msgspec.Struct, forbid_unknown_fields=True):
    """An account's fields, and what its owner sees and sets in Meta's dashboards."""

    phone_number_id: str
    waba_id: str
    access_token: str
    app_secret: str
    verify_token: str = ""
    base_url: str = ""
    api_version: str = ""
    messages_per_second: int = 80
    marketing_messages: bool = False
    billing_currency: str = ""
    callback_url: str = ""
    senders: tuple[str, ...] = ()
    templates: tuple[GivenTemplate, ...] = ()
    messaging_limit: str = ""  # none
    quality: str = "GREEN"
    health: str = "AVAILABLE"


def sample_template(template_id: str) -> Template:
    """A template that is nothing but its variable, and approved."""
    components = [{"type": "BODY", "text": "{{1}}", "example": {"body_text": [["Your order shipped."]]}}]
    return Template(template_id, SAMPLE_TEMPLATE, SAMPLE_LANGUAGE, "UTILITY", components, "APPROVED")


def register(state: State, account: Mapping[str, Any]) -> None:
    """Make numbers and templates of an account known. Raises AppError `Invalid`."""
    try:
        given = msgspec.convert(dict(account), Registration)
    except msgspec.ValidationError as problem:
        raise Invalid("account_not_usable", f"Expected the fields of a WhatsApp account; found: {problem}.") from None
    if not (_ID.fullmatch(given.phone_number_id) and _ID.fullmatch(given.waba_id) and given.access_token):
        raise Invalid("account_not_usable", "Expected ids of digits and an access_token.")
    tier = given.messaging_limit or "TIER_UNLIMITED"
    if tier not in PEOPLE_BY_TIER:
        known = ", ".join(PEOPLE_BY_TIER)
        raise Invalid("account_not_usable", f"Expected messaging_limit to be one of {known}.")
    state.is_closed = True
    for number_id in (given.phone_number_id, *given.senders):
        state.numbers[number_id] = Number(
            number_id,
            given.waba_id,
            given.access_token,
            given.app_secret,
            given.callback_url,
            tier=tier,
            quality=given.quality,
            health=given.health,
            per_second=given.messages_per_second,
        )
    state.keep_template(given.waba_id, sample_template(state.next_id()))
    for one in given.templates:
        components = one.components or [{"type": "BODY", "text": one.body}]
        template = Template(state.next_id(), one.name, one.language, one.category, components, one.status)
        state.keep_template(given.waba_id, template)
