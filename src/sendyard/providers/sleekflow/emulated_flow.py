"""
What the emulated Flow Builder calls, in the three spellings its webhook node is seen with (sheet, section 8).
"""

from datetime import datetime
from typing import Any

import msgspec

from sendyard.providers.sleekflow.emulated_state import Company, Conversation, Message, conversation_id
from sendyard.providers.sleekflow.spec import PROOF_HEADER
from sendyard.providers.wire import HttpRequest

_encode = msgspec.json.Encoder().encode


def flow_webhook(company: Company, conversation: Conversation, message: Message) -> HttpRequest | None:
    """One message told by a flow, incoming or an echo of ours; None where no flow has an address."""
    if not company.callback_url:
        return None
    tell = {"flat": _flat, "camel": _camel}.get(company.webhook_form, _nested)
    headers = {"content-type": "application/json"}
    if company.webhook_secret:
        headers[PROOF_HEADER] = company.webhook_secret
    return HttpRequest("POST", company.callback_url, headers, _encode(tell(company, conversation, message)))


def _nested(company: Company, conversation: Conversation, message: Message) -> dict[str, Any]:
    return {
        "channel": company.channel,
        "conversation_id": conversation.id,
        "message_id": str(message.id),
        "message_unique_id": message.unique_id,
        "channel_id": company.number,
        "is_sent_from_sleekflow": message.sent_by_us,
        "message": {"message_type": message.kind, "message_content": message.text},
        "contact": {"id": company.contact(conversation.digits)["id"], "PhoneNumber": conversation.digits},
    }


def _flat(company: Company, conversation: Conversation, message: Message) -> dict[str, Any]:
    told: dict[str, Any] = {
        "channel": company.channel,
        "conversation_id": conversation.id,
        "contact_id": company.contact(conversation.digits)["id"],
        "message_type": message.kind,
        "message_content": message.text,
        "message_timestamp": message.at.isoformat(),
    }
    if message.sent_by_us:
        told["is_sent_from_sleekflow"] = True
    return told


def _camel(company: Company, conversation: Conversation, message: Message) -> dict[str, Any]:
    return {
        **as_message(company, message, conversation.digits),
        "from": conversation.digits,
        "contact": {"phoneNumber": conversation.digits, **company.contact(conversation.digits)},
    }


def as_message(company: Company, message: Message, digits: str) -> dict[str, Any]:
    """The message object of SleekFlow's answers."""
    return {
        "id": message.id,
        "conversationId": conversation_id(digits),
        "messageUniqueID": message.unique_id,
        "channel": company.channel,
        "channelIdentityId": company.number,
        "messageType": message.kind,
        "messageContent": message.text,
        "deliveryType": "Normal",
        "status": message.status,
        **({"channelStatusMessage": message.reason} if message.reason else {}),
        "isSentFromSleekflow": message.sent_by_us,
        "createdAt": _stamp(message.at),
        "updatedAt": _stamp(message.updated or message.at),
        "timestamp": int(message.at.timestamp()),
        "uploadedFiles": [],
        "analyticTags": message.tags,
        "isSandbox": False,
    }


def _stamp(moment: datetime) -> str:
    """UTC without saying so, to the millisecond."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}"
