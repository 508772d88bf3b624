"""
Callbacks as the emulated Twilio makes and signs them.
"""

import hmac
from base64 import b64encode
from datetime import datetime
from urllib.parse import urlencode

from sendyard.domain.channels import Channel
from sendyard.providers.twilio.spec import API_VERSION, WHATSAPP_PREFIX
from sendyard.providers.twilio.switchboard import Customer, Message
from sendyard.providers.wire import HttpRequest

_SHARED_KEY_SID = "webhooks_sharedkey_emulated"
_CARRIER_REPORTS = frozenset({"delivered", "undelivered"})


def status_callback(customer: Customer, message: Message, status: str, at: datetime) -> HttpRequest | None:
    """The report of one status, or None when neither the message nor the service has a callback address."""
    url = message.callback_url or customer.status_url
    if not url:
        return None
    fields = {
        "AccountSid": message.account,
        "ApiVersion": API_VERSION,
        "From": message.sender,
        "MessageSid": message.sid,
        "MessageStatus": status,
        "SmsSid": message.sid,
        "SmsStatus": status,
        "To": message.to,
    }
    if message.service_sid:
        fields["MessagingServiceSid"] = message.service_sid
    if message.error_code and status in {"failed", "undelivered"}:
        fields["ErrorCode"] = message.error_code
    if message.channel is Channel.WHATSAPP:
        fields["ChannelPrefix"] = WHATSAPP_PREFIX.removesuffix(":")
        fields["ChannelInstallSid"] = f"XE{message.account[2:]}"
        if message.error_message and "ErrorCode" in fields:
            fields["ChannelStatusMessage"] = message.error_message
        if status == "read":
            fields["EventType"] = "READ"
    elif status in _CARRIER_REPORTS:
        fields["RawDlrDoneDate"] = f"{at:%y%m%d%H%M}"
    return _signed(customer, url, fields)


def inbound_callback(customer: Customer, message: Message, opt_out_type: str) -> HttpRequest | None:
    """What a person wrote, told to the account's address for incoming messages; None when there is none."""
    if not customer.inbound_url:
        return None
    fields = {
        "AccountSid": message.account,
        "ApiVersion": API_VERSION,
        "Body": message.body,
        "From": message.sender,
        "MessageSid": message.sid,
        "NumMedia": "0",
        "NumSegments": str(message.parts),
        "SmsMessageSid": message.sid,
        "SmsSid": message.sid,
        "SmsStatus": "received",
        "To": message.to,
    }
    if message.service_sid:
        fields["MessagingServiceSid"] = message.service_sid
    if opt_out_type:
        fields["OptOutType"] = opt_out_type
    if message.channel is Channel.WHATSAPP:
        fields["ProfileName"] = "Emulated person"
        fields["WaId"] = message.sender.removeprefix(WHATSAPP_PREFIX).lstrip("+")
    return _signed(customer, customer.inbound_url, fields)


def _signed(customer: Customer, url: str, fields: dict[str, str]) -> HttpRequest:
    # What follows `#` steers Twilio's own retries; it is neither sent nor signed.
    called = url.partition("#")[0]
    text = called + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "TwilioProxy/1.1"}
    secret, digest = next(iter(customer.tokens), ""), "sha1"
    if customer.shared_key:
        secret, digest = customer.shared_key, "sha256"
        headers["x-twilio-webhooks-signature-settings"] = f"key={_SHARED_KEY_SID},algorithm=HMAC_SHA256"
    headers["x-twilio-signature"] = b64encode(hmac.digest(secret.encode(), text.encode(), digest)).decode()
    return HttpRequest("POST", called, headers, urlencode(fields).encode())
