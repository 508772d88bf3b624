"""
The webhooks of the emulated WATI: unsigned, without the phone number once a message is delivered, read or failed.

Source: https://docs.wati.io/reference/sent-message-is-delivered, …/template-message-failed and their neighbours.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from sendyard.providers.wati.emulated_state import Message, Workspace
from sendyard.providers.wire import HttpRequest

_encoder = msgspec.json.Encoder()
_NAMES: Mapping[str, tuple[str, str]] = {
    "DELIVERED": ("sentMessageDELIVERED", "Delivered"),
    "READ": ("sentMessageREAD", "Read"),
    "REPLIED": ("sentMessageREPLIED", "Replied"),
}
_UNHEARD_OF = "sentMessageHELD"
"""An event that no table has, for what WATI may add."""


def status_event(workspace: Workspace, message: Message, at: datetime) -> HttpRequest | None:
    """Tell how far a message came; None where no address is set."""
    form, status = workspace.event_form, message.status
    body: dict[str, Any] = {
        "id": message.id,
        "whatsappMessageId": message.wamid,
        "conversationId": f"conv{message.contact}",
        "ticketId": f"ticket{message.contact}",
        "text": None,
        "type": "template" if message.template else message.type,
        "timestamp": str(int(at.timestamp())),
        "operatorEmail": "ops@example.com",
        "channelPhoneNumber": message.channel or None,
    }
    # The first form of an event need not carry the label.
    if form or status != "SENT":
        body["localMessageId"] = message.local_id
    if status == "SENT":
        name = "templateMessageSent" if message.template else "sessionMessageSent"
        body |= {"statusString": "SENT", "waId": message.contact, "text": message.text, "created": iso(at)}
        if message.template:
            body |= {"templateName": message.template, "templateId": message.template_id}
    elif status == "FAILED":
        # This one is known without a second form only.
        name, form = ("templateMessageFailed" if message.template else "sessionMessageFailed"), ""
        body |= {
            "statusString": "Failed",
            "failedCode": message.failed_code or None,
            "failedDetail": message.failed_detail or None,
        }
    else:
        name, word = _NAMES.get(status, (_UNHEARD_OF, status))
        body["statusString"] = word
    return _event(workspace, {"eventType": name + form, **body})


def message_event(workspace: Workspace, message: Message, sender_name: str) -> HttpRequest | None:
    """Tell of what a person wrote."""
    return _event(
        workspace,
        {
            "eventType": "message",
            "id": message.id,
            "created": iso(message.created),
            "whatsappMessageId": message.wamid,
            "conversationId": f"conv{message.contact}",
            "ticketId": f"ticket{message.contact}",
            "text": message.text,
            "type": "text",
            "data": None,
            "timestamp": str(int(message.created.timestamp())),
            "owner": False,
            "statusString": "SENT",
            "waId": message.contact,
            "senderName": sender_name,
            "replyContextId": None,
            "channelPhoneNumber": message.channel or None,
        },
    )


def iso(at: datetime) -> str:
    """Seven digits after the point, as .NET writes a time."""
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}0Z"


def _event(workspace: Workspace, body: Mapping[str, Any]) -> HttpRequest | None:
    if not workspace.callback_url:
        return None
    return HttpRequest("POST", workspace.callback_url, {"content-type": "application/json"}, _encoder.encode(body))
