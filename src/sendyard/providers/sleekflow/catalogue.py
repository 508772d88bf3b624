"""
What a company has at SleekFlow: templates, channels and contacts (sheet, section 3).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import Profile, ProviderSender, ProviderTemplate, TemplateButton
from sendyard.providers.contract import ProtocolError, TemplateState
from sendyard.providers.sleekflow.answers import decode
from sendyard.providers.sleekflow.messages import BUTTON, HEADER
from sendyard.providers.wire import HttpResponse

_STATES: Mapping[str, TemplateState] = {
    "APPROVED": TemplateState.APPROVED,
    "PENDING": TemplateState.PENDING,
    "IN_APPEAL": TemplateState.PENDING,
    "DRAFT": TemplateState.DRAFT,
    "REJECTED": TemplateState.REJECTED,
    "LIMIT_EXCEEDED": TemplateState.REJECTED,
    "PAUSED": TemplateState.PAUSED,
    "DISABLED": TemplateState.DISABLED,
    "DELETED": TemplateState.DISABLED,
    "PENDING_DELETION": TemplateState.DISABLED,
    "ARCHIVED": TemplateState.DISABLED,
}
_BUTTONS: Mapping[str, str] = {
    "QUICK_REPLY": "quick_reply",
    "URL": "url",
    "PHONE_NUMBER": "phone",
    "COPY_CODE": "copy_code",
    "OTP": "otp",
    "FLOW": "flow",
}
_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


class _Button(msgspec.Struct, frozen=True):
    type: str = ""
    text: str | None = None
    url: str | None = None
    phone_number: str | None = None


class _Component(msgspec.Struct, frozen=True):
    type: str = ""
    format: str | None = None
    text: str | None = None
    buttons: tuple[_Button, ...] | None = None


class _Template(msgspec.Struct, frozen=True):
    name: str = ""
    id: str | int | None = None
    language: str | None = None
    category: str | None = None
    status: str | None = None
    rejected_reason: str | None = None
    components: tuple[_Component, ...] | None = None


class _Templates(msgspec.Struct, frozen=True):
    templates: tuple[_Template, ...] = msgspec.field(name="whatsappTemplates")


class _Contact(msgspec.Struct, frozen=True):
    id: str | int | None = None
    first_name: str | None = msgspec.field(default=None, name="firstName")
    last_name: str | None = msgspec.field(default=None, name="lastName")
    email: str | None = None
    conversation_id: str | None = msgspec.field(default=None, name="conversationId")


_templates = msgspec.json.Decoder(_Templates)
_contacts = msgspec.json.Decoder(list[_Contact])
_anything = msgspec.json.Decoder(Any)


def templates_of(response: HttpResponse) -> list[ProviderTemplate]:
    """Read the list of templates. Raises ProtocolError."""
    return [_template(row) for row in decode(_templates, response, "a list of templates").templates if row.name]


def _template(row: _Template) -> ProviderTemplate:
    parts = {component.type.upper(): component for component in row.components or ()}
    header, none = parts.get("HEADER"), _Component()
    buttons = tuple(
        TemplateButton(
            _BUTTONS.get(one.type.upper(), one.type.lower()), one.text or "", one.url or "", one.phone_number or ""
        )
        for one in parts.get("BUTTONS", none).buttons or ()
    )
    found = ProviderTemplate(
        name=row.name,
        state=_STATES.get((row.status or "").upper(), TemplateState.UNMAPPED),
        language=row.language or "",
        category=row.category or "",
        provider_ref="" if row.id is None else str(row.id),
        raw_state=row.status or "",
        body=parts.get("BODY", none).text or "",
        header=(header or none).text or "",
        header_format=((header.format or "text") if header else "").lower(),
        footer=parts.get("FOOTER", none).text or "",
        buttons=buttons,
        reason="" if row.rejected_reason in {None, "NONE"} else row.rejected_reason or "",
    )
    return replace(found, variables=tuple(_variables(found)))


def _variables(template: ProviderTemplate) -> Iterable[str]:
    if _VARIABLE.search(template.header):
        yield HEADER
    yield from dict.fromkeys(_VARIABLE.findall(template.body))
    for index, button in enumerate(template.buttons):
        if _VARIABLE.search(button.url):
            yield f"{BUTTON}{index}"


def senders_of(response: HttpResponse) -> list[ProviderSender]:
    """
    Read the channels that have a number or name to send from; where the list stands differs.

    Raises:
        ProtocolError: there is no list anywhere.
    """
    found: Any = decode(_anything, response, "a list of channels")
    if isinstance(found, dict):
        names = ("data", "channels", "items", "result")
        found = next((found[name] for name in names if isinstance(found.get(name), list)), None)
    if not isinstance(found, list):
        raise ProtocolError(f"expected a list of channels from SleekFlow, found {response.body[:60]!r}")
    return [sender for row in found if isinstance(row, dict) and (sender := _sender(row)) is not None]


def _sender(row: Mapping[str, Any]) -> ProviderSender | None:
    identity = _word(row, "channelIdentityId", "whatsappPhoneNumber", "phoneNumber")
    if not identity:
        return None
    kind = _word(row, "channelType", "channel", "channelTypeName")
    channels = (Channel.WHATSAPP,) if "whatsapp" in kind.lower() else ()
    name = _word(row, "channelDisplayName", "channelName", "name")
    return ProviderSender(identity.removeprefix("+"), name, channels, usable=bool(channels), facts={"channel": kind})


def _word(row: Mapping[str, Any], *names: str) -> str:
    return next((value for name in names if isinstance(value := row.get(name), str) and value), "")


def profile_of(response: HttpResponse) -> Profile | ProviderError:
    """Read the first contact; an empty array is a person SleekFlow does not know. Raises ProtocolError."""
    found = decode(_contacts, response, "an array of contacts")
    if not found:
        return ProviderError(ErrorKind.INVALID_RECIPIENT, "no_contact", "SleekFlow has no contact with this number")
    contact = found[0]
    name = " ".join(filter(None, (contact.first_name, contact.last_name)))
    named = {"email": contact.email, "conversation_id": contact.conversation_id}
    return Profile(name, facts={key: value for key, value in named.items() if value})


def contact_id(response: HttpResponse) -> str:
    """SleekFlow's id of the contact that was added or updated. Raises ProtocolError."""
    found = decode(_contacts, response, "an array of contacts")
    return "" if not found or found[0].id is None else str(found[0].id)
