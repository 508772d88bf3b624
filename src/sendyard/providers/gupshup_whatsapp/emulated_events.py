"""
Webhooks of the emulated Gupshup, in version 2 and version 3.
"""

from datetime import datetime
from typing import Any

import msgspec

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import Received, Report
from sendyard.providers.gupshup_whatsapp.codes import CODES, EVENT_CODES
from sendyard.providers.gupshup_whatsapp.desk import Customer, Template
from sendyard.providers.wire import HttpRequest

_WORDS = {ReportStatus.SENT: "sent", ReportStatus.DELIVERED: "delivered", ReportStatus.READ: "read"}
_UNHEARD_OF = "parked"  # a status that is in no table
_UNLISTED = "9999"  # a code that is in no table
_FIRST = {
    ErrorKind.INVALID_RECIPIENT: "131030",
    ErrorKind.OUT_OF_CREDIT: "1003",
    ErrorKind.CONTENT_REJECTED: "470",
    ErrorKind.BLOCKED: "1008",
    ErrorKind.OPTED_OUT: "1012",
    ErrorKind.THROTTLED: "4001",
    ErrorKind.UNAVAILABLE: "500",
    ErrorKind.NOT_REGISTERED: "4003",
    ErrorKind.UNSUPPORTED: "4004",
    ErrorKind.AUTH_FAILED: "190",
    ErrorKind.UNMAPPED: _UNLISTED,
}


def report_webhook(customer: Customer, received: Received, report: Report) -> HttpRequest:
    """Tell one report."""
    word = "failed" if report.status is ReportStatus.FAILED else _WORDS.get(report.status, _UNHEARD_OF)
    if word == "sent":
        word = customer.first_event
    code = _code_of(report) if word == "failed" else ""
    # What Gupshup itself stops never had an id at WhatsApp.
    is_early = word == "enqueued" or code in EVENT_CODES
    known = received.provider_ref if is_early else received.extra["wa_id"]
    gs_id = "" if is_early or customer.drops_gs_id else received.provider_ref
    if customer.event_version == 3:
        return _status_v3(customer, received, report, word, code)
    detail: dict[str, Any] = {"ts": int(report.at.timestamp())}
    if word == "enqueued":
        detail = {"whatsappMessageId": received.extra["wa_id"], "type": received.extra["kind"]}
    elif word == "failed":
        detail = _failure(customer, code)
    payload: dict[str, Any] = {"id": known, "type": word, "destination": received.to.lstrip("+"), "payload": detail}
    if gs_id:
        payload["gsId"] = gs_id
    return _version_2(customer, "message-event", payload, report.at)


def inbound_webhook(customer: Customer, sender: str, text: str, message_id: str, at: datetime) -> HttpRequest:
    """Tell what a person wrote."""
    digits = sender.lstrip("+")
    if customer.event_version == 3:
        message = {"from": digits, "id": f"wamid.{message_id}", "timestamp": str(int(at.timestamp())), "type": "text"}
        value = {
            **_metadata(customer),
            "contacts": [{"profile": {"name": "Emulated person"}, "wa_id": digits}],
            "messages": [{**message, "text": {"body": text}}],
        }
        return _version_3(customer, "messages", value, at)
    payload = {
        "id": f"ABEG{message_id}",
        "source": digits,
        "type": "text",
        "payload": {"text": text},
        "sender": {"phone": digits, "name": "Emulated person", "country_code": digits[:2], "dial_code": digits[2:]},
    }
    return _version_2(customer, "message", payload, at)


def template_webhook(customer: Customer, template: Template, at: datetime) -> HttpRequest:
    """Tell that WhatsApp decided on a template."""
    payload = {
        "id": template.id,
        "elementName": template.element_name,
        "languageCode": template.language,
        "status": template.status.lower(),
    }
    if template.reason:
        payload["rejectedReason"] = template.reason
    return _version_2(customer, "template-event", payload, at)


def _code_of(report: Report) -> str:
    known = CODES.get(report.code)
    if known and isinstance(known.meaning, ErrorKind) and (report.code.isdecimal() or report.code == "failed"):
        return "" if report.code == "failed" else report.code
    return _FIRST.get(report.kind or ErrorKind.UNDELIVERABLE, "")


def _failure(customer: Customer, code: str) -> dict[str, Any]:
    if not code:
        return {"reason": "Message failed"}
    known = CODES.get(code)
    return {"code": code if customer.codes_as_text else int(code), "reason": known.wording if known else "Parked"}


def _status_v3(customer: Customer, received: Received, report: Report, word: str, code: str) -> HttpRequest:
    status: dict[str, Any] = {
        "id": received.extra["wa_id"],
        "gs_id": received.provider_ref,
        "status": word,
        "timestamp": str(int(report.at.timestamp())),
        "recipient_id": received.to.lstrip("+"),
    }
    if word == "failed":
        failure = _failure(customer, code)
        status["errors"] = [{**failure, "title": failure["reason"]}]
    return _version_3(customer, "messages", {**_metadata(customer), "statuses": [status]}, report.at)


def _metadata(customer: Customer) -> dict[str, Any]:
    number = customer.senders[0] if customer.senders else ""
    metadata = {"display_phone_number": number, "phone_number_id": "100000000000001"}
    return {"messaging_product": "whatsapp", "metadata": metadata}


def _version_2(customer: Customer, kind: str, payload: dict[str, Any], at: datetime) -> HttpRequest:
    stamp = int(at.timestamp() * 1000)
    envelope = {"app": customer.app_name, "timestamp": stamp, "version": 2, "type": kind, "payload": payload}
    return _webhook(customer, envelope)


def _version_3(customer: Customer, field: str, value: dict[str, Any], at: datetime) -> HttpRequest:
    change = {"field": field, "value": value}
    entry = {"id": "100000000000002", "time": int(at.timestamp() * 1000), "changes": [change]}
    webhook = {"object": "whatsapp_business_account", "gs_app_id": customer.app_id, "entry": [entry]}
    return _webhook(customer, webhook)


def _webhook(customer: Customer, document: dict[str, Any]) -> HttpRequest:
    headers = {"content-type": "application/json"}
    if customer.webhook_secret:
        headers[customer.webhook_header] = customer.webhook_secret
    return HttpRequest("POST", customer.callback_url, headers, msgspec.json.encode(document))
