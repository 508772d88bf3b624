"""
Webhooks as the emulated Meta writes and signs them: characters and slashes escaped, signed over exactly those bytes.
"""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sendyard.providers.meta_cloud.codes import CODES
from sendyard.providers.meta_cloud.emulated_state import Number, Template
from sendyard.providers.wire import HttpRequest

_HELP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


def status_callback(
    number: Number, *, to: str, wamid: str, word: str, reference: str, pricing: str, code: str, at: datetime
) -> HttpRequest | None:
    """The report of one status; `pricing` is `type:category` where Meta names it, `code` why it failed."""
    status: dict[str, Any] = {"id": wamid, "status": word, "timestamp": str(int(at.timestamp()))}
    contact = _contact(to)
    if to.startswith("+"):
        status["recipient_id"] = to[1:]
    else:
        status["recipient_user_id"] = to
    if reference:
        status["biz_opaque_callback_data"] = reference
    if pricing:
        kind, _, category = pricing.partition(":")
        status["pricing"] = {
            "billable": kind == "regular",
            "pricing_model": "PMP",
            "type": kind,
            "category": category,
        }
    if code:
        known = CODES.get(code)
        wording = known.wording if known else "Unknown error"
        status["errors"] = [
            {
                "code": int(code.partition(":")[0]),
                "title": wording,
                "message": wording,
                "error_data": {"details": wording},
                "href": _HELP,
            }
        ]
    return _post(number, "messages", _about(number) | {"contacts": [contact], "statuses": [status]}, at)


def inbound_callback(number: Number, *, sender: str, text: str, wamid: str, at: datetime) -> HttpRequest | None:
    """What a person wrote; a person known by user id alone has no phone number in it."""
    contact = {"profile": {"name": "Emulated person"}} | _contact(sender)
    message: dict[str, Any] = {
        "from_user_id": contact["user_id"],
        "id": wamid,
        "timestamp": str(int(at.timestamp())),
        "type": "text",
        "text": {"body": text},
    }
    if sender.startswith("+"):
        message["from"] = sender[1:]
    return _post(number, "messages", _about(number) | {"contacts": [contact], "messages": [message]}, at)


def template_callback(number: Number, template: Template, event: str, reason: str, at: datetime) -> HttpRequest | None:
    """A template was judged, paused or taken up again."""
    value = {
        "event": event,
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        # The webhook writes en-US where the API writes en_US.
        "message_template_language": template.language.replace("_", "-"),
        "message_template_category": template.category,
        "reason": reason,
    }
    return _post(number, "message_template_status_update", value, at)


def quality_callback(number: Number, event: str, at: datetime) -> HttpRequest | None:
    """The number's limit or speed changed."""
    value = {"display_phone_number": number.display, "event": event, "current_limit": number.tier}
    return _post(number, "phone_number_quality_update", value, at)


def _about(number: Number) -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": number.display, "phone_number_id": number.id},
    }


def _contact(person: str) -> dict[str, Any]:
    if person.startswith("+"):
        return {"wa_id": person[1:], "user_id": f"ZZ.{person[1:]}"}
    return {"user_id": person}


def _post(number: Number, field: str, value: Mapping[str, Any], at: datetime) -> HttpRequest | None:
    if not number.callback_url:
        return None
    entry: dict[str, Any] = {"id": number.waba_id, "changes": [{"field": field, "value": value}]}
    if field != "messages":
        entry["time"] = int(at.timestamp())
    document = {"object": "whatsapp_business_account", "entry": [entry]}
    body = json.dumps(document, separators=(",", ":")).replace("/", "\\/").encode("ascii")
    signature = hmac.digest(number.app_secret.encode(), body, "sha256").hex()
    headers = {
        "content-type": "application/json",
        "user-agent": "facebookexternalua",
        "x-hub-signature-256": f"sha256={signature}",
    }
    return HttpRequest("POST", number.callback_url, headers, body)
