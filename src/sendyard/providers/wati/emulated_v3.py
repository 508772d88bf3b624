"""
The calls of v3 (`/api/ext/v3/…`), as the emulated WATI answers them.

Sources: https://docs.wati.io/v2.2/reference/post_api-ext-v3-messagetemplates-send and the v3 pages beside it.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from sendyard.providers.emulation import Handled, Received
from sendyard.providers.wati.emulated_events import iso
from sendyard.providers.wati.emulated_sending import (
    Calls,
    NamedValue,
    RefusedError,
    Visit,
    Wish,
    answer,
    check_channel,
    check_parameters,
    pairs_of,
    received_of,
    take_session,
    take_template,
    template_for,
)
from sendyard.providers.wati.emulated_state import Message, Template
from sendyard.providers.wati.spec import MOST_RECIPIENTS

EVENT_TYPES = (
    "message",
    "newContactMessageReceived",
    "sessionMessageSent_v2",
    "templateMessageSent_v2",
    "sentMessageDELIVERED_v2",
    "sentMessageREAD_v2",
    "sentMessageREPLIED_v2",
    "templateMessageFailed",
)


class _Recipient(msgspec.Struct):
    phone_number: str = ""
    target: str = ""
    local_message_id: str = ""
    custom_params: list[NamedValue] = []


class _Send(msgspec.Struct):
    template_name: str
    broadcast_name: str
    recipients: list[_Recipient]
    channel: str = ""


class _Said(msgspec.Struct):
    target: str
    text: str = ""
    file_url: str = ""
    caption: str = ""
    type: str = ""
    button_message: dict[str, Any] | None = None
    list_message: dict[str, Any] | None = None


class _NewContact(msgspec.Struct):
    whatsapp_number: str
    name: str
    custom_params: list[NamedValue] = []


class _Change(msgspec.Struct, rename="camel"):
    target: str
    custom_params: list[NamedValue] = []


class _Changes(msgspec.Struct):
    contacts: list[_Change]


_send = msgspec.json.Decoder(_Send)
_said = msgspec.json.Decoder(_Said)
_new_contact = msgspec.json.Decoder(_NewContact)
_changes = msgspec.json.Decoder(_Changes)


def _broadcast(visit: Visit) -> Handled:
    given = visit.decode(_send)
    if not 1 <= len(given.recipients) <= MOST_RECIPIENTS:
        raise RefusedError(400, f"recipients must have 1 to {MOST_RECIPIENTS} items")
    if not all(one.phone_number or one.target for one in given.recipients):
        raise RefusedError(400, "each recipient needs phone_number or target")
    try:
        check_channel(visit.workspace, given.channel)
        template = template_for(visit.workspace, given.template_name)
        wishes = [
            Wish(
                one.phone_number or one.target,
                {pair.name: pair.value for pair in one.custom_params},
                one.local_message_id,
            )
            for one in given.recipients
        ]
        check_parameters(template, wishes)
    except RefusedError as refused:
        no: dict[str, Any] = {"success": False, "broadcast_id": None, "error": str(refused), "recipients": []}
        return Handled(answer(200, no))
    rows, received = [], list[Received]()
    for wish in wishes:
        taken = take_template(visit, template, wish, given.channel)
        is_taken = isinstance(taken, Message)
        rows.append(
            {
                "local_message_id": taken.local_id if isinstance(taken, Message) else wish.local_id,
                "phone_number": wish.contact,
                "target": wish.contact,
                "errors": [] if is_taken else [taken],
            }
        )
        if isinstance(taken, Message):
            received.append(received_of(visit.workspace, taken, wish.parameters))
    yes = {"success": True, "broadcast_id": visit.state.next_id(), "error": None, "recipients": rows}
    return Handled(answer(200, yes), received)


def _converse(visit: Visit, kind: str) -> Handled:
    given = visit.decode(_said)
    channel, _, contact = given.target.rpartition(":")
    text, form = _shown(given, kind)
    try:
        check_channel(visit.workspace, channel)
    except RefusedError as refused:
        return Handled(answer(200, {"message": {"status": "failed", "failed_detail": str(refused)}}))
    taken = take_session(visit, contact, text, form, channel)
    if isinstance(taken, str):
        return Handled(answer(200, {"message": {"status": "failed", "failed_detail": taken}}))
    return Handled(answer(200, {"message": _item(taken)}), (received_of(visit.workspace, taken, {}, given.file_url),))


def _shown(given: _Said, kind: str) -> tuple[str, str]:
    """The text of what is said, and its kind. Raises RefusedError for what is missing."""
    if kind == "text" and given.text:
        return given.text, "text"
    if kind == "fileViaUrl" and given.file_url:
        return given.caption, "document"
    shown = given.button_message if given.type == "buttons" else given.list_message if given.type == "list" else None
    if kind == "interactive" and shown and isinstance(shown.get("body"), str):
        return shown["body"], "interactive"
    raise RefusedError(400, "a required field is missing")


def _item(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "local_message_id": message.local_id,
        "text": message.text,
        "type": message.type,
        "timestamp": str(int(message.created.timestamp())),
        "created": iso(message.created),
        "owner": message.owner,
        "status": message.status,
        "failed_detail": message.failed_detail or None,
        "conversation_id": f"conv{message.contact}",
        "ticket_id": f"ticket{message.contact}",
        "event_type": "message",
    }


def _history(visit: Visit, target: str) -> Handled:
    kept = visit.workspace.conversations.get(unquote(target).rpartition(":")[2])
    if kept is None:
        raise RefusedError(404, "Conversation is not found")
    latest, number, size = visit.page(list(reversed(kept)), "page_number", "page_size")
    shown = [_item(one) for one in latest]
    return Handled(answer(200, {"message_list": shown, "page_number": number, "page_size": size}))


def _one_template(visit: Visit, name: str) -> Handled:
    found = next((one for one in visit.workspace.templates.values() if one.id == name), None)
    if found is None:
        raise RefusedError(404, "Template is not found")
    return Handled(answer(200, _as_template(found)))


def _templates(visit: Visit) -> Handled:
    every = list(visit.workspace.templates.values())
    found, number, size = visit.page(every, "page_number", "page_size")
    shown = [_as_template(one) for one in found]
    return Handled(answer(200, {"templates": shown, "page_number": number, "page_size": size, "total": len(every)}))


def _as_template(one: Template) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "category": one.category,
        "sub_category": "STANDARD",
        "status": one.status,
        "language_option": {"key": one.language, "value": one.language, "text": one.language},
        "custom_params": [{"name": name, "value": ""} for name in one.parameters],
        "header": one.header,
        "body": one.body,
        "body_original": one.body,
        "footer": one.footer,
        "buttons": list(one.buttons),
        "type": "template",
        "quality": "GREEN",
    }


def _add_contact(visit: Visit) -> Handled:
    given = visit.decode(_new_contact)
    return Handled(answer(200, remember(visit, given.whatsapp_number, given.name, pairs_of(given.custom_params))))


def _update_contacts(visit: Visit) -> Handled:
    given = visit.decode(_changes)
    every = [remember(visit, one.target, "", pairs_of(one.custom_params)) for one in given.contacts]
    return Handled(answer(200, {"contact_list": every}))


def _list_contacts(visit: Visit) -> Handled:
    shown, number, size = visit.page(list(visit.workspace.contacts.values()), "page_number", "page_size")
    return Handled(answer(200, {"contact_list": shown, "page_number": number, "page_size": size}))


def _one_contact(visit: Visit, target: str) -> Handled:
    if target == "count":
        return Handled(answer(200, {"contact_count": len(visit.workspace.contacts)}))
    if (contact := visit.workspace.contacts.get(unquote(target))) is None:
        raise RefusedError(404, "Contact is not found")
    return Handled(answer(200, contact))


def _channels(visit: Visit) -> Handled:
    found = [
        {"id": f"ch{place}", "name": f"Channel {place}", "channel": one}
        for place, one in enumerate(visit.workspace.channels, 1)
    ]
    return Handled(answer(200, {"channels": found}))


def _event_types(visit: Visit) -> Handled:
    del visit
    return Handled(answer(200, list(EVENT_TYPES)))


def remember(visit: Visit, contact: str, name: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Add a contact or bring it up to date; its attributes stand beside id and name."""
    known = visit.workspace.contacts.setdefault(contact, {"id": visit.state.next_id(), "wa_id": contact})
    known.update({**fields, **({"name": name} if name else {})})
    return known


CALLS: Calls = (
    (re.compile(r"messageTemplates/send"), {"POST": _broadcast}),
    (re.compile(r"messageTemplates"), {"GET": _templates}),
    (re.compile(r"messageTemplates/([^/]+)"), {"GET": _one_template}),
    (re.compile(r"conversations/messages/(text|fileViaUrl|interactive)"), {"POST": _converse}),
    (re.compile(r"conversations/([^/]+)/messages"), {"GET": _history}),
    (re.compile(r"contacts"), {"GET": _list_contacts, "POST": _add_contact, "PUT": _update_contacts}),
    (re.compile(r"contacts/([^/]+)"), {"GET": _one_contact}),
    (re.compile(r"channels"), {"GET": _channels}),
    (re.compile(r"webhooks/event-types"), {"GET": _event_types}),
)
