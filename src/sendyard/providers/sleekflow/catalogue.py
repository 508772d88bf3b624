"""
What a company has at SleekFlow: templates, channels and contacts (sheet, section 3).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import Profile, ProviderSender, ProviderTemplate
from sendyard.providers.contract import ProtocolError
from sendyard.providers.sleekflow.answers import decode
from sendyard.providers.whatsapp_templates import Template, template_of, variables_of
from sendyard.providers.wire import HttpResponse


class _Templates(msgspec.Struct, frozen=True):
    templates: tuple[Template, ...] = msgspec.field(name="whatsappTemplates")


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


def _template(row: Template) -> ProviderTemplate:
    found = template_of(row)
    return replace(found, variables=tuple(variables_of(found)))


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
