"""
Webhooks as the emulated Quo keeps, makes and signs them, in both generations.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from sendyard.providers.openphone.emulated_send import RefusedError, object_of
from sendyard.providers.openphone.emulated_workspace import (
    Message,
    OpenPhoneState,
    Webhook,
    Workspace,
    number_id,
    stamp,
)
from sendyard.providers.openphone.spec import API_DATE
from sendyard.providers.wire import HttpRequest

MAX_WEBHOOKS = 50
_encoder = msgspec.json.Encoder()


def add_webhook(
    workspace: Workspace, state: OpenPhoneState, body: bytes, now: datetime, *, is_current: bool
) -> Webhook:
    """Make a webhook with a key of its own. Raises RefusedError."""
    given = object_of(body)
    url, events = given.get("url"), given.get("events", [])
    if not isinstance(url, str) or not url.startswith(("https://", "http://")) or not isinstance(events, list):
        raise RefusedError(400, "", "Bad Request", (("/url", "Expected a web address"),))
    if len(workspace.webhooks) >= MAX_WEBHOOKS:
        raise RefusedError(400, "", f"A workspace has up to {MAX_WEBHOOKS} webhooks")
    identity = state.next_id("WH", now)
    webhook = Webhook(identity, url, new_key(identity, is_current=is_current), is_current, tuple(map(str, events)))
    workspace.webhooks[identity] = webhook
    return webhook


def new_key(seed: str, *, is_current: bool) -> str:
    """A signing key in the form of its generation, the same for the same seed."""
    key = b64encode(sha256(seed.encode()).digest()[:24]).decode()
    return f"whsec_{key}" if is_current else key


def webhook_resource(webhook: Webhook, *, with_key: bool) -> dict[str, Any]:
    """A webhook as it is shown; its key only when it is new."""
    shown: dict[str, Any] = {
        "id": webhook.id,
        "url": webhook.url,
        "events": list(webhook.events),
        "resourceIds": ["*"],
        "status": "enabled",
    }
    if webhook.is_current:
        shown["apiVersion"] = API_DATE
    return {**shown, "key": webhook.key} if with_key else shown


def told(workspace: Workspace, message: Message, event: str, at: datetime, error_code: str = "") -> HttpRequest | None:
    """The call that tells of `event`; to the first address that wants it, None where there is none."""
    for webhook in workspace.webhooks.values():
        if webhook.wants(event):
            make = _current if webhook.is_current else _legacy
            return make(webhook, message, event, at, error_code)
    return None


def signed_anew(webhooks: Iterable[Webhook], request: HttpRequest, at: datetime) -> HttpRequest:
    """Sign a call for another moment: Quo dates each try, and `webhook-id` stays. The key is that of the last try."""
    headers, body = request.headers, request.body
    if "webhook-signature" in headers:
        delivery, moment = headers["webhook-id"], str(int(at.timestamp()))
        last = f"{delivery}.{headers['webhook-timestamp']}."
        for webhook in webhooks:
            key = webhook.key.removeprefix("whsec_")
            if webhook.is_current and headers["webhook-signature"] == f"v1,{_signature(key, last, body)}":
                signature = f"v1,{_signature(key, f'{delivery}.{moment}.', body)}"
                return replace(
                    request, headers={**headers, "webhook-timestamp": moment, "webhook-signature": signature}
                )
        return request
    stamp = headers["openphone-signature"].split(";")[2]
    moment = str(int(at.timestamp() * 1000))
    for webhook in webhooks:
        if not webhook.is_current and _older_signature(webhook.key, stamp, body) == headers["openphone-signature"]:
            return replace(
                request, headers={**headers, "openphone-signature": _older_signature(webhook.key, moment, body)}
            )
    return request


def _older_signature(key: str, moment: str, body: bytes) -> str:
    return f"hmac;1;{moment};{_signature(key, f'{moment}.', body)}"


def _current(webhook: Webhook, message: Message, event: str, at: datetime, error_code: str) -> HttpRequest:
    incoming = message.direction == "incoming"
    resource: dict[str, Any] = {
        "id": message.id,
        "direction": message.direction,
        "text": message.text,
        "media": [],
        "status": message.status,
        "createdAt": stamp(message.created),
    }
    if error_code:
        del resource["media"]
        resource["errorCode"] = error_code
    ours = message.to[0] if incoming else message.sender
    document = {
        "id": f"EV{message.id[2:]}",
        "apiVersion": API_DATE,
        "createdAt": stamp(at),
        "type": event,
        "data": {
            "resource": resource,
            "context": {
                "orgId": message.org,
                "phoneNumberId": number_id(ours),
                "conversationId": message.conversation,
                "userId": message.user_id,
                "contacts": {"ids": [], "lookupStatus": "not_found"},
                "senderIdentifier": message.sender,
                "recipientIdentifiers": list(message.to),
            },
            "links": {"quo": None},
        },
    }
    body = _encoder.encode(document)
    delivery, moment = f"msg_{message.id[2:]}_{event}", str(int(at.timestamp()))
    signature = _signature(webhook.key.removeprefix("whsec_"), f"{delivery}.{moment}.", body)
    return _post(
        webhook.url,
        {"webhook-id": delivery, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"},
        body,
    )


def _legacy(webhook: Webhook, message: Message, event: str, at: datetime, error_code: str) -> HttpRequest:
    del error_code
    older = webhook.version in {"v2", "v3"}
    ours = message.to[0] if message.direction == "incoming" else message.sender
    shown: dict[str, Any] = {
        "id": message.id,
        "object": "message",
        "from": message.sender,
        "to": message.to[0] if older else list(message.to),
        "direction": message.direction,
        "body" if older else "text": message.text,
        "media": [],
        "status": message.status,
        "createdAt": stamp(message.created),
        "userId": message.user_id,
        "phoneNumberId": number_id(ours),
        "conversationId": message.conversation,
    }
    document: dict[str, Any] = {
        "id": f"EV{message.id[2:]}",
        "object": "event",
        "apiVersion": webhook.version,
        "createdAt": stamp(at),
        "type": event,
        "data": {"object": shown if older else {**shown, "contactIds": []}},
    }
    body = _encoder.encode({"object": document} if webhook.version == "v3" else document)
    moment = str(int(at.timestamp() * 1000))
    return _post(webhook.url, {"openphone-signature": _older_signature(webhook.key, moment, body)}, body)


def _signature(key: str, prefix: str, body: bytes) -> str:
    return b64encode(hmac.digest(b64decode(key), prefix.encode() + body, "sha256")).decode()


def _post(url: str, headers: Mapping[str, str], body: bytes) -> HttpRequest:
    return HttpRequest("POST", url, {"content-type": "application/json", **headers}, body)
