"""
Our side of Kaleyra's wire: JSON to a regional host, the account's SID in the path, one recipient a request.

Sources: developers.kaleyra.io, sms-api-send-the-first-sms and whatsapp-api-v2-send-template-messages. There is no
idempotency key; our reference travels in `ref` and comes back with the report.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, cast
from urllib.parse import quote

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    OtpCheck,
    OtpStarted,
    OtpWanted,
    Pending,
    Poll,
    ProbeResult,
    ProviderOtp,
    ReportPolling,
)
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    Receipt,
)
from sendyard.providers.kaleyra.answers import receipt, refusal_of
from sendyard.providers.kaleyra.callbacks import read_callback
from sendyard.providers.kaleyra.codes import CODES
from sendyard.providers.kaleyra.limits import problems_of, traffic
from sendyard.providers.kaleyra.reports import read_poll
from sendyard.providers.kaleyra.spec import CALLBACK_PRESET, SPEC, KaleyraAccount, mapping_of
from sendyard.providers.kaleyra.verify import check_body, otp_body, read_check, read_started
from sendyard.providers.kaleyra.whatsapp import form, meta_object
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_NOBODY = "00000000-0000-0000-0000-000000000000:0"
_RETRY = {"count": "3", "interval": ["10", "10", "10"]}

_encode = msgspec.json.Encoder().encode


class KaleyraAdapter(Adapter, ReportPolling, AccountProbe, ProviderOtp):
    """Kaleyra: SMS and Verify of version 1, WhatsApp of version 2 or 1."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = KaleyraAccount

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what Kaleyra, India's operators or WhatsApp would refuse."""
        return list(problems_of(cast("KaleyraAccount", account), outgoing))

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build one SMS or one WhatsApp message."""
        (outgoing,) = batch
        account = cast("KaleyraAccount", call.account)
        if outgoing.channel is not Channel.WHATSAPP:
            body = _encode(_sms(account, call.callback_url, outgoing))
            return HttpRequest("POST", f"{_v1(account)}/sms", _writing(account), body)
        number = outgoing.sender or account.wa_number
        if account.whatsapp_api == "v1":
            headers = {**_writing(account), "content-type": "application/x-www-form-urlencoded"}
            return HttpRequest(
                "POST", f"{_v1(account)}/messages", headers, form(account, number, outgoing, call.callback_url)
            )
        message: dict[str, Any] = {"messaging_object": meta_object(outgoing), "extra_info": {"ref": outgoing.reference}}
        if account.whatsapp_profile_id:
            message["callback_profile_id"] = account.whatsapp_profile_id
        url = f"{account.base_url}/v2/{account.sid}/whatsapp/{quote(number, safe='')}/messages"
        return HttpRequest("POST", url, _writing(account), _encode(message))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Read the message's id or why there is none. Raises ProtocolError."""
        (outgoing,) = batch
        return [receipt(outgoing.message_id, response)]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Ask for the proof, then read a report or a message. Raises CallbackRejected or ProtocolError."""
        return read_callback(cast("KaleyraAccount", call.account), request)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask for the states of messages by id; WhatsApp messages among them bring nothing."""
        del cursor
        ids = ",".join(one.provider_ref for one in pending if one.provider_ref)
        return _status(cast("KaleyraAccount", call.account), ids or _NOBODY)

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Match rows by id. Raises ProtocolError."""
        del call
        return read_poll(pending, response)

    def build_probe(self, call: Call) -> HttpRequest:
        """Ask for the state of a message that does not exist: that costs nothing."""
        return _status(cast("KaleyraAccount", call.account), _NOBODY)

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Anything but a complaint about SID or key means that they are right. Raises ProtocolError."""
        error = refusal_of(response)
        base = call.account.base_url
        if error is None or error.kind not in {ErrorKind.AUTH_FAILED, ErrorKind.UNAVAILABLE, ErrorKind.THROTTLED}:
            return ProbeResult(ok=True, detail=f"SID and API key are accepted at {base}.", facts={"region": base})
        known = CODES.get(error.code)
        advice = f" {known.advice}" if known and known.advice else " Try again later."
        detail = f"{base} answered {error.code}: {error.detail.rstrip('.')}.{advice}"
        return ProbeResult(ok=False, detail=detail, error=error)

    def build_otp(self, call: Call, wanted: OtpWanted) -> HttpRequest:
        """Have a code made and sent. Raises Invalid when a code of our own is wanted."""
        account = cast("KaleyraAccount", call.account)
        return HttpRequest("POST", f"{_v1(account)}/verify", _writing(account), otp_body(account, wanted))

    def parse_otp(self, response: HttpResponse) -> OtpStarted | ProviderError:
        """Read the verification's id. Raises ProtocolError."""
        return read_started(response)

    def build_otp_check(self, call: Call, wanted: OtpWanted, session: str, code: str) -> HttpRequest:
        """Ask whether `code` is the one."""
        del wanted
        account = cast("KaleyraAccount", call.account)
        return HttpRequest("POST", f"{_v1(account)}/verify/validate", _writing(account), check_body(session, code))

    def parse_otp_check(self, response: HttpResponse) -> OtpCheck:
        """Read the verdict. Raises ProtocolError."""
        return read_check(response)


def _sms(account: KaleyraAccount, callback_url: str, outgoing: Outgoing) -> dict[str, Any]:
    message: dict[str, Any] = {
        "to": outgoing.to.value,
        "sender": outgoing.sender or account.sender,
        "type": traffic(account, outgoing),
        "body": cast("Text", outgoing.content).body,
        "unicode": "Auto",
        "source": "API",
        "ref": outgoing.reference,
    }
    if template := outgoing.registration.get("template_id") or account.template_id:
        message["template_id"] = template
    if account.callback_profile_id:
        message["callback_profile_id"] = account.callback_profile_id
    elif callback_url:
        message["callback"] = _callback(account, callback_url)
    return message


@lru_cache(maxsize=256)
def _callback(account: KaleyraAccount, url: str) -> msgspec.Raw:
    """Say where reports go and what they hold: each name of the mapping with Kaleyra's variable of that meaning."""
    variables, names = mapping_of(CALLBACK_PRESET), mapping_of(account.callback_mapping)
    callback: dict[str, Any] = {
        "url": url,
        "method": "POST",
        "payload": {name: f"<{variables[meaning]}>" for meaning, name in names.items()},
        "retry": _RETRY,
    }
    if account.webhook_secret is not None:
        callback["header"] = {account.webhook_header: account.webhook_secret.get_secret_value()}
    return msgspec.Raw(_encode(callback))


def _status(account: KaleyraAccount, ids: str) -> HttpRequest:
    return HttpRequest("GET", f"{_v1(account)}/sms/status?message_ids={quote(ids, safe=':,-')}", _reading(account))


@lru_cache(maxsize=256)
def _v1(account: KaleyraAccount) -> str:
    return f"{account.base_url}/v1/{account.sid}"


@lru_cache(maxsize=256)
def _reading(account: KaleyraAccount) -> Mapping[str, str]:
    return {"api-key": account.api_key.get_secret_value(), "accept": "application/json"}


@lru_cache(maxsize=256)
def _writing(account: KaleyraAccount) -> Mapping[str, str]:
    return {**_reading(account), "content-type": "application/json"}
