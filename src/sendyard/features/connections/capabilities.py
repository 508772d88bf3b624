"""
What each provider can do: the capability matrix, made from what the adapters declare.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr

from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
    ContactPush,
    MediaUpload,
    OptOutList,
    OptOutRegistration,
    OptOutTelling,
    OtpResend,
    ProfileLookup,
    ProviderOtp,
    ReportPolling,
    SenderList,
    SubmitLookup,
    TemplateCatalog,
    TemplateSubmission,
    TokenAuth,
    UsageQuery,
)
from sendyard.providers.contract import Adapter
from sendyard.providers.registry import adapter, adapters


class Ability(StrEnum):
    """What a provider may offer beyond sending, by the name that interfaces and documents use."""

    BALANCE = "balance"
    CONTACTS = "contacts"
    INBOUND = "inbound"
    LOOKUP = "lookup"
    MEDIA_UPLOAD = "media_upload"
    OPT_OUT_LIST = "opt_out_list"
    OPT_OUT_REGISTRATION = "opt_out_registration"
    OPT_OUT_TELLING = "opt_out_telling"
    OTP = "otp"
    OTP_RESEND = "otp_resend"
    POLLING = "polling"
    PROFILES = "profiles"
    SENDERS = "senders"
    TEMPLATE_SUBMISSION = "template_submission"
    TEMPLATES = "templates"
    TEST = "test"
    TOKEN = "token"  # noqa: S105 -- an ability's name
    USAGE = "usage"


MEANINGS: Mapping[Ability, str] = MappingProxyType(
    {
        Ability.BALANCE: "tells the credit left",
        Ability.CONTACTS: "keeps contacts of its own, which Sendyard can add and bring up to date",
        Ability.INBOUND: "hands on what people write back",
        Ability.LOOKUP: "can be asked whether it got a message whose submit had no usable answer",
        Ability.MEDIA_UPLOAD: "takes files before they are sent",
        Ability.OPT_OUT_LIST: "keeps a list of who refused, which `sendyard suppressions sync` reads",
        Ability.OPT_OUT_REGISTRATION: "takes the free number by which people refuse a sender's advertising",
        Ability.OPT_OUT_TELLING: "can be told that a person refused, or came back",
        Ability.OTP: "makes one-time codes itself, sends them and checks what was typed",
        Ability.OTP_RESEND: "sends the same one-time code once more, also by a call",
        Ability.POLLING: "can be asked for delivery reports",
        Ability.PROFILES: "tells who a person is",
        Ability.SENDERS: "lists the senders that an account may use",
        Ability.TEMPLATE_SUBMISSION: "takes new templates for approval",
        Ability.TEMPLATES: "lists its templates with their state, so that a wrong one is found before sending",
        Ability.TEST: "has a call that costs nothing and shows whether the credentials work (Test connection)",
        Ability.TOKEN: "wants a sign-in first; Sendyard fetches and keeps the token",
        Ability.USAGE: "tells how much of a quota or period is used",
    }
)
"""What each ability is good for, as the end of a sentence that begins with the provider."""

# `inbound` is said by the spec: what people write arrives by the callback that every provider has.
_MIXINS: Mapping[Ability, type] = MappingProxyType(
    {
        Ability.BALANCE: BalanceQuery,
        Ability.CONTACTS: ContactPush,
        Ability.LOOKUP: SubmitLookup,
        Ability.MEDIA_UPLOAD: MediaUpload,
        Ability.OPT_OUT_LIST: OptOutList,
        Ability.OPT_OUT_REGISTRATION: OptOutRegistration,
        Ability.OPT_OUT_TELLING: OptOutTelling,
        Ability.OTP: ProviderOtp,
        Ability.OTP_RESEND: OtpResend,
        Ability.POLLING: ReportPolling,
        Ability.PROFILES: ProfileLookup,
        Ability.SENDERS: SenderList,
        Ability.TEMPLATE_SUBMISSION: TemplateSubmission,
        Ability.TEMPLATES: TemplateCatalog,
        Ability.TEST: AccountProbe,
        Ability.TOKEN: TokenAuth,
        Ability.USAGE: UsageQuery,
    }
)


def abilities_of(found: Adapter) -> list[Ability]:
    """What a provider offers beyond sending, in alphabetical order."""
    return [
        ability
        for ability in Ability
        if (found.spec.inbound if ability is Ability.INBOUND else isinstance(found, _MIXINS[ability]))
    ]


def capabilities() -> list[dict[str, Any]]:
    """Every provider, by its slug."""
    return [describe(found) for found in adapters().values()]


def capabilities_of(slug: str) -> dict[str, Any]:
    """One provider. Raises NotFound naming the known ones."""
    return describe(adapter(slug))


def describe(found: Adapter) -> dict[str, Any]:
    """One provider as plain data; a limit of 0 means that the provider states none."""
    spec = found.spec
    return {
        "slug": spec.slug,
        "name": spec.name,
        "channels": sorted(channel.value for channel in spec.channels),
        "countries": sorted(spec.countries),
        "home": sorted(spec.home),
        "abilities": [ability.value for ability in abilities_of(found)],
        "batch_limit": spec.batch.limit,
        "batch_shared": list(spec.batch.shared),
        "address_format": spec.address_format.value,
        "text_counting": spec.text.counting.value,
        "max_characters": spec.text.max_characters,
        "max_bytes": spec.text.max_bytes,
        "forbidden": list(spec.text.forbidden),
        "callback_auth": spec.callback_auth.value,
        "confirm_within": spec.confirm_within,
        "rate_per_second": spec.rate.per_second,
        "rate_unit": spec.rate.unit.value,
        "open_requests": spec.rate.open_requests,
        "dedup_seconds": spec.reference.dedup_seconds,
        "docs": list(spec.docs),
        "settings": _settings(found),
    }


def _settings(found: Adapter) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": field.title or name,
            "description": field.description or "",
            "required": field.is_required(),
            "secret": SecretStr in _alternatives(field.annotation),
            "choices": [
                str(choice)
                for alternative in _alternatives(field.annotation)
                if get_origin(alternative) is Literal
                for choice in get_args(alternative)
            ],
            # Neither "required" nor an empty secret can be written down; both are said by the fields above.
            "default": field.default if isinstance(field.default, str | bool | int | float) else None,
        }
        for name, field in found.Account.model_fields.items()
    ]


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; any other type alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
