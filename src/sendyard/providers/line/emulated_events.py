"""
Webhook events as the emulated LINE makes and signs them.

Form: https://developers.line.biz/en/reference/messaging-api/#webhook-event-objects.
"""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from sendyard.providers.line.emulated_channel import LineChannel, LineState
from sendyard.providers.wire import HttpRequest

_encoder = msgspec.json.Encoder()


def event_of(channel: LineChannel, state: LineState, person: str, text: str, now: datetime) -> dict[str, Any]:
    """
    What a person does, as one event: writes `text`, or with one of three words in its place something else.

    `/follow` and `/unfollow` make or break friendship, `/postback DATA` presses a button.
    """
    number = state.next_number()
    event: dict[str, Any] = {
        "mode": "active",
        "timestamp": int(now.timestamp() * 1000),
        "webhookEventId": f"01EMULATED{number:016d}",
        "deliveryContext": {"isRedelivery": False},
        "source": {"type": "user", "userId": person},
    }
    word, _, rest = text.partition(" ")
    if word == "/unfollow":
        channel.blocked.add(person)
        channel.friends.pop(person, None)
        return {**event, "type": "unfollow"}
    event["replyToken"] = f"reply{number:027d}"
    channel.offer_reply(event["replyToken"], person)
    channel.friends[person] = None
    if word == "/follow":
        unblocked = person in channel.blocked
        channel.blocked.discard(person)
        return {**event, "type": "follow", "follow": {"isUnblocked": unblocked}}
    if word == "/postback":
        return {**event, "type": "postback", "postback": {"data": rest}}
    message = {"id": f"4445{number:014d}", "type": "text", "quoteToken": f"quote{number}", "text": text}
    return {**event, "type": "message", "message": message}


def webhook(channel: LineChannel, events: Sequence[dict[str, Any]]) -> HttpRequest | None:
    """Tell the channel's webhook; None where it has none, or no secret to sign with."""
    if not (channel.webhook_url and channel.secret):
        return None
    body = _encoder.encode({"destination": channel.name, "events": list(events)})
    headers = {
        "content-type": "application/json; charset=utf-8",
        "user-agent": "LineBotWebhook/2.0",
        "x-line-signature": b64encode(hmac.digest(channel.secret.encode(), body, "sha256")).decode(),
    }
    return HttpRequest("POST", channel.webhook_url, headers, body)
