"""
Webhooks as the emulated AiSensy makes and signs them (sheet, section 6).
"""

import hmac
from datetime import datetime
from typing import Any

import msgspec

from sendyard.providers.aisensy.emulated_state import Message, Project
from sendyard.providers.wire import HttpRequest

_encode = msgspec.json.Encoder().encode


def status_webhook(message: Message, status: str, at: datetime, failure: dict[str, Any] | None) -> HttpRequest | None:
    """What became of a message; None where the project has no address for webhooks."""
    told: dict[str, Any] = {
        "id": message.id,
        "messageId": message.wamid,
        "phone_number": message.digits,
        "sender": "BUSINESS",
        "message_type": message.kind,
        "status": status,
        **{f"{name}_at": message.times.get(name) for name in ("sent", "delivered", "read")},
        "failureResponse": failure,
    }
    if message.project.tells_ids:
        told["submitted_message_id"] = message.submitted_id
    return _signed(message.project, "message.status.updated", f"{message.id}{status[:1].lower()}", told, at)


def inbound_webhook(project: Project, message: Message, text: str, at: datetime) -> HttpRequest | None:
    """What a person wrote."""
    told = {
        "id": message.id,
        "messageId": message.wamid,
        "phone_number": message.digits,
        "sender": "USER",
        "message_type": "TEXT",
        "message_content": {"text": {"body": text}},
        "sent_at": int(at.timestamp() * 1000),
    }
    return _signed(project, "message.sender.user", f"{message.id}i", told, at)


def _signed(project: Project, topic: str, identifier: str, message: dict[str, Any], at: datetime) -> HttpRequest | None:
    if not project.callback_url:
        return None
    body = _encode(
        {
            "id": identifier,
            "created_at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            "topic": topic,
            "delivery_attempt": 1,
            "project_id": project.name,
            "data": {"message": message},
        }
    )
    headers = {
        "content-type": "application/json",
        "x-aisensy-api-version": "1",
        "x-aisensy-project-id": project.name,
    }
    if project.webhook_secret:
        headers["x-aisensy-signature"] = hmac.digest(project.webhook_secret.encode(), body, "sha256").hex()
    return HttpRequest("POST", project.callback_url, headers, body)
