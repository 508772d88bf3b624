"""
The calls of v1 and v2 (`/{tenant}/api/v1|v2/…`), as the emulated WATI answers them.

Sources: https://docs.wati.io/reference (index of v1 and v2); answers of v1 from public clients.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from sendyard.providers.emulation import Handled
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
from sendyard.providers.wati.emulated_v3 import remember

SENDS = frozenset({"sendTemplateMessage", "sendTemplateMessages"})
SLOW = frozenset({"addContact", "getContacts", "getMessages"})

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


class _Receiver(msgspec.Struct, rename="camel"):
    custom_params: list[NamedValue]
    number: str = msgspec.field(default="", name="whatsappNumber")


class _Send(msgspec.Struct):
    template_name: str
    broadcast_name: str
    parameters: list[NamedValue] = []
    receivers: list[_Receiver] | None = None
    channel_number: str = ""


class _Contact(msgspec.Struct, rename="camel"):
    name: str = ""
    custom_params: list[NamedValue] = []


class _Parameter(msgspec.Struct, rename="camel"):
    param_name: str
    param_value: str


class _NewTemplate(msgspec.Struct, rename="camel"):
    element_name: str
    category: str
    language: str
    body: str
    custom_params: list[_Parameter] = []
    header: dict[str, str] | None = None
    footer: str = ""
    buttons: list[dict[str, Any]] = []


class _Webhook(msgspec.Struct, rename="camel"):
    url: str
    status: int
    event_types: list[str]
    phone_number: str = ""


_send = msgspec.json.Decoder(_Send)
_contact = msgspec.json.Decoder(_Contact)
_new_template = msgspec.json.Decoder(_NewTemplate)
_webhooks = msgspec.json.Decoder(list[_Webhook])


def _send_one(visit: Visit, version: str) -> Handled:
    given = visit.decode(_send)
    number = parse_qs(visit.request.query).get("whatsappNumber", [""])[0]
    wish = Wish(number.lstrip("+"), pairs_of(given.parameters))
    return _send_templates(visit, version, given, [wish])


def _send_many(visit: Visit, version: str) -> Handled:
    given = visit.decode(_send)
    if not given.receivers or not given.channel_number:
        raise RefusedError(400, "receivers and channel_number are required")
    wishes = [Wish(one.number.lstrip("+"), pairs_of(one.custom_params)) for one in given.receivers]
    return _send_templates(visit, version, given, wishes)


def _send_templates(visit: Visit, version: str, given: _Send, wishes: list[Wish]) -> Handled:
    workspace = visit.workspace
    try:
        check_channel(workspace, given.channel_number)
        template = template_for(workspace, given.template_name)
        check_parameters(template, wishes)
    except RefusedError as refused:
        said = {"error": str(refused), "receivers": []} if version == "v2" else {"info": str(refused)}
        return Handled(answer(200, {"result": False, **said}))
    taken = [take_template(visit, template, wish, given.channel_number) for wish in wishes]
    received = [
        received_of(workspace, one, wish.parameters)
        for one, wish in zip(taken, wishes, strict=True)
        if isinstance(one, Message)
    ]
    body = _answer_v2(template, wishes, taken) if version == "v2" else _answer_v1(template, wishes[0], taken[0])
    return Handled(answer(200, body), received)


def _answer_v2(template: Template, wishes: list[Wish], taken: list[Message | str]) -> dict[str, Any]:
    receivers = [_receiver(wish, one) for wish, one in zip(wishes, taken, strict=True)]
    pairs = [{"name": name, "value": value} for name, value in wishes[0].parameters.items()]
    return {
        "result": True,
        "error": None,
        "templateName": template.name,
        "receivers": receivers,
        "parameters": pairs,
    }


def _receiver(wish: Wish, taken: Message | str) -> dict[str, Any]:
    if isinstance(taken, Message):
        return {"localMessageId": taken.local_id, "waId": wish.contact, "isValidWhatsAppNumber": True, "errors": []}
    is_valid = "number" not in taken
    return {"localMessageId": None, "waId": wish.contact, "isValidWhatsAppNumber": is_valid, "errors": [taken]}


def _answer_v1(template: Template, wish: Wish, taken: Message | str) -> dict[str, Any]:
    if isinstance(taken, str):
        return {"result": False, "info": taken, "validWhatsAppNumber": "number" not in taken}
    return {
        "result": True,
        "phone_number": wish.contact,
        "template_name": template.name,
        # WATI's own spelling.
        "parameteres": [{"name": name, "value": value} for name, value in wish.parameters.items()],
        "contact": {"id": taken.id, "wAid": wish.contact},
        "model": {"ids": [taken.local_id]},
        "validWhatsAppNumber": True,
    }


def _converse(visit: Visit, version: str, number: str) -> Handled:
    del version
    text = parse_qs(visit.request.query, keep_blank_values=True).get("messageText", [""])[0]
    if not text:
        raise RefusedError(400, "messageText is required")
    taken = take_session(visit, unquote(number), text, "text", "")
    if isinstance(taken, str):
        return Handled(answer(200, {"result": False, "message": taken, "ticketStatus": "CLOSED"}))
    message = {**_item(taken), "status": taken.status}
    body = {"ok": True, "result": "success", "message": message}
    return Handled(answer(200, body), (received_of(visit.workspace, taken, {}),))


def _item(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "whatsappMessageId": message.wamid,
        "localMessageId": message.local_id,
        "text": None if message.template else message.text,
        "finalText": message.text if message.template else None,
        "type": message.type,
        "owner": message.owner,
        "statusString": message.status,
        "failedDetail": message.failed_detail or None,
        "timestamp": str(int(message.created.timestamp())),
        "created": iso(message.created),
        "ticketId": f"ticket{message.contact}",
        "conversationId": f"conv{message.contact}",
    }


def _history(visit: Visit, version: str, number: str) -> Handled:
    del version
    kept = list(reversed(visit.workspace.conversations.get(unquote(number), ())))
    shown, page, size = visit.page(kept, "pageNumber", "pageSize")
    items = [_item(one) for one in shown]
    body = {"result": "success", "messages": {"items": items}, "link": _link(page, size, len(kept))}
    return Handled(answer(200, body))


def _link(page: int, size: int, total: int) -> dict[str, Any]:
    return {"prevPage": None, "nextPage": None, "pageNumber": page, "pageSize": size, "total": total}


def _one_message(visit: Visit, version: str, number: str, name: str) -> Handled:
    del version
    message = visit.state.messages.get(name)
    if message is None or message.token != visit.workspace.token or message.contact != number:
        raise RefusedError(404, "Message is not found")
    return Handled(answer(200, {"result": "success", "message": _item(message)}))


def _contact_of(visit: Visit, version: str, number: str) -> Handled:
    del version
    given = visit.decode(_contact)
    found = remember(visit, unquote(number), given.name, pairs_of(given.custom_params))
    return Handled(answer(200, {"result": True, "contact": found}))


def _contacts(visit: Visit, version: str) -> Handled:
    del version
    every = list(visit.workspace.contacts.items())
    found, page, size = visit.page(every, "pageNumber", "pageSize")
    shown = [{**contact, **_choices(visit, number)} for number, contact in found]
    return Handled(answer(200, {"result": "success", "contact_list": shown, "link": _link(page, size, len(every))}))


def _choices(visit: Visit, number: str) -> dict[str, Any]:
    """Somebody who wrote has opted in; broadcasts are allowed until the switch in the dashboard is turned off."""
    workspace = visit.workspace
    return {
        "wAid": number,
        "optedIn": number in workspace.open_until,
        "allowBroadcast": number not in workspace.no_broadcasts,
    }


def _templates(visit: Visit, version: str) -> Handled:
    del version
    every = list(visit.workspace.templates.values())
    found, page, size = visit.page(every, "pageNumber", "pageSize")
    shown = [
        {
            "id": one.id,
            "elementName": one.name,
            "category": one.category,
            "status": one.status,
            "language": {"key": one.language, "value": one.language, "text": one.language},
            "customParams": [{"paramName": name, "paramValue": ""} for name in one.parameters],
            "header": one.header,
            "body": one.body,
            "bodyOriginal": one.body,
            "footer": one.footer,
            "buttons": list(one.buttons),
            "buttonsType": "none",
            "type": "template",
        }
        for one in found
    ]
    body = {"result": "success", "messageTemplates": shown, "link": _link(page, size, len(every))}
    return Handled(answer(200, body))


def _create(visit: Visit, version: str) -> Handled:
    del version
    given, workspace = visit.decode(_new_template), visit.workspace
    if given.element_name in workspace.templates:
        return Handled(answer(200, {"ok": False, "error": f"Template {given.element_name} exists already"}))
    used = tuple(dict.fromkeys(_PLACEHOLDER.findall(given.body)))
    samples = {one.param_name for one in given.custom_params if one.param_value.strip()}
    if not set(used) <= samples:
        return Handled(answer(200, {"ok": False, "error": "Template parameter has no sample value"}))
    made = Template(
        visit.state.next_id(),
        given.element_name,
        given.body,
        tuple(one.param_name for one in given.custom_params),
        given.language,
        given.category,
        "PENDING",
        given.header,
        given.footer,
        tuple(given.buttons),
    )
    workspace.templates[made.name] = made
    result = {"id": made.id, "elementName": made.name, "status": made.status}
    return Handled(answer(200, {"ok": True, "result": result}))


def _set_webhook(visit: Visit, version: str) -> Handled:
    del version
    given = visit.decode(_webhooks)
    for one in given:
        visit.workspace.callback_url = one.url if one.status == 1 else ""
    return Handled(answer(200, {"ok": True, "result": [{"url": one.url, "status": one.status} for one in given]}))


_BOTH: Calls = (
    (re.compile(r"sendTemplateMessage"), {"POST": _send_one}),
    (re.compile(r"sendTemplateMessages"), {"POST": _send_many}),
    (re.compile(r"getMessageTemplates"), {"GET": _templates}),
)
CALLS: Mapping[str, Calls] = {
    "v2": (*_BOTH, (re.compile(r"webhookEndpoints"), {"POST": _set_webhook})),
    "v1": (
        *_BOTH,
        (re.compile(r"sendSessionMessage/([^/]+)"), {"POST": _converse}),
        (re.compile(r"whatsapp/templates"), {"POST": _create}),
        (re.compile(r"whatsapp/messages/([^/]+)/([^/]+)"), {"GET": _one_message}),
        (re.compile(r"getMessages/([^/]+)"), {"GET": _history}),
        (re.compile(r"getContacts"), {"GET": _contacts}),
        (re.compile(r"(?:addContact|updateContactAttributes)/([^/]+)"), {"POST": _contact_of}),
    ),
}
