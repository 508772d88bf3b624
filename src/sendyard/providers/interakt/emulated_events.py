"""
The webhooks of the emulated Interakt, signed with the workspace's secret.

Source: https://www.interakt.shop/resource-center/interakts-webhooks and the page of template statuses beside it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from sendyard.providers.interakt.emulated_state import Message, Workspace
from sendyard.providers.interakt.signature import sign
from sendyard.providers.wire import HttpRequest

_encoder = msgspec.json.Encoder()
_COST = {"whatsapp_cost": "0.115", "interakt_markup": "0.025", "actual_message_cost": "0.14"}


def status_event(workspace: Workspace, message: Message, at: datetime) -> HttpRequest | None:
    """Tell how far a message came; None where nobody hears."""
    word = message.status
    said: dict[str, Any] = {
        "id": message.id,
        "chat_message_type": "PublicApiMessage",
        "message_status": word.capitalize(),
        "received_at_utc": stamp(message.created),
        "delivered_at_utc": stamp(message.delivered),
        "seen_at_utc": stamp(message.seen),
        "campaign_id": None,
        "is_template_message": message.is_template,
        "channel_failure_reason": message.reason or None,
        "channel_error_code": message.error_code or None,
        "meta_data": {
            "source": "PublicAPI",
            "source_data": {"callback_data": message.callback_data or None},
            "message_cost": _COST if word == "delivered" else None,
        },
    }
    customer = {"id": f"cust-{message.contact}", "channel_phone_number": message.contact, "traits": {}}
    return _event(workspace, f"message_api_{word}", at, {"customer": customer, "message": said})


def message_event(workspace: Workspace, name: str, contact: str, text: str, at: datetime) -> HttpRequest | None:
    """Tell of what a person wrote."""
    traits = {"name": f"Person {contact[-4:]}"}
    customer = {"id": f"cust-{contact}", "channel_phone_number": contact, "traits": traits}
    said = {
        "id": name,
        "chat_message_type": "CustomerMessage",
        "message_status": "Sent",
        "message_content_type": "Text",
        "message": text,
        "media_url": None,
        "received_at_utc": stamp(at),
        "is_template_message": False,
    }
    return _event(workspace, "message_received", at, {"customer": customer, "message": said})


def stamp(at: datetime | None) -> str | None:
    """A time without a zone, which is UTC."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S.%f}"


def _event(workspace: Workspace, kind: str, at: datetime, data: Mapping[str, Any]) -> HttpRequest | None:
    if not workspace.hears:
        return None
    body = _encoder.encode({"version": "1.0", "timestamp": stamp(at), "type": kind, "data": data})
    headers = {"content-type": "application/json"}
    if workspace.webhook_secret:
        headers["interakt-signature"] = sign(workspace.webhook_secret, body)
    return HttpRequest("POST", workspace.callback_url, headers, body)
