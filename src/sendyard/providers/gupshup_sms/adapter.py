"""
Our side of Gupshup's SMS gateway: one form for one number, with the credentials in the form.

Source: docs.gupshup.io/docs/send-message-to-single-number. The form is posted, never put into an address, so that
the password stays out of logs.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import ClassVar, cast
from urllib.parse import quote_plus, urlencode

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind
from sendyard.domain.gsm import is_gsm
from sendyard.providers.abilities import AccountProbe, ProbeResult
from sendyard.providers.contract import (
    Accepted,
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.gupshup_sms.answers import error_of, http_error, read_answer
from sendyard.providers.gupshup_sms.codes import CODES
from sendyard.providers.gupshup_sms.reports import read_reports
from sendyard.providers.gupshup_sms.spec import SPEC, GupshupSmsAccount
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_FORM: Mapping[str, str] = MappingProxyType({"content-type": "application/x-www-form-urlencoded"})
_NOTED = HttpResponse(200)

_NUMBER = re.compile(r"\+91[6-9][0-9]{9}")
_MASK = re.compile(r"([A-Za-z]{3,8}|[0-9]{6})?")
_DLT_ID = re.compile(r"[0-9]{19}")
# What the gateway says once it has accepted the credentials and misses the number.
_CREDENTIALS_ARE_GOOD = frozenset({"101", "105"})


class GupshupSmsAdapter(Adapter, AccountProbe):
    """Gupshup's Enterprise SMS gateway, version 1.1."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = GupshupSmsAccount

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build `sendMessage` for one number; the text's characters decide its type."""
        (outgoing,) = batch
        account = cast("GupshupSmsAccount", call.account)
        text = cast("Text", outgoing.content).body
        registration = outgoing.registration
        form = (
            f"{_head(account)}&send_to={outgoing.to.value.removeprefix('+')}"
            f"&msg_type={'TEXT' if is_gsm(text) else 'Unicode_text'}&msg={quote_plus(text)}"
        )
        further = (
            ("mask", outgoing.sender or account.mask),
            ("principalEntityId", registration.get("entity_id") or account.entity_id),
            ("dltTemplateId", registration.get("template_id") or account.template_id),
        )
        form += "".join([f"&{name}={value}" for name, value in further if value])
        return HttpRequest("POST", account.base_url, _FORM, form.encode("ascii"))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Judge the body; only HTTP 429 and 5xx say something by themselves. Raises ProtocolError."""
        (outgoing,) = batch
        if error := http_error(response):
            return [Refused(outgoing.message_id, error)]
        if response.status != 200:
            reason = f"the gateway answers 200 to everything; HTTP {response.status} leaves open what it did"
            return [Unknown(outgoing.message_id, reason)]
        answer = read_answer(response.body)
        if answer.status.lower() == "success":
            return [Accepted(outgoing.message_id, str(answer.id))]
        return [Refused(outgoing.message_id, error_of(answer))]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Read one report or many; the unguessable address is the only proof. Raises ProtocolError."""
        del call
        return CallbackResult(read_reports(request), _NOTED)

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Indian mobile numbers, plain text, and the ids that India's operators ask for."""
        given = cast("GupshupSmsAccount", account)
        found = []
        if outgoing.to.kind is not AddressKind.PHONE or not _NUMBER.fullmatch(outgoing.to.value):
            detail = "The gateway reaches Indian mobile numbers (+91 and ten digits); route others elsewhere."
            found.append(Problem(ErrorKind.UNSUPPORTED, detail))
        if not _MASK.fullmatch(outgoing.sender):
            detail = f"A sender is the registered header, letters or six digits; found {outgoing.sender!r} (108)."
            found.append(Problem("sender_not_a_header", detail))
        for name, default, what in (
            ("entity_id", given.entity_id, "Principal Entity id"),
            ("template_id", given.template_id, "template id"),
        ):
            if not _DLT_ID.fullmatch(outgoing.registration.get(name) or default):
                detail = f"India's operators drop texts without DLT {what} (19 digits): add it to the template."
                found.append(Problem(f"dlt_{name}_missing", detail))
        if not isinstance(outgoing.content, Text):
            return [*found, Problem(ErrorKind.UNSUPPORTED, "The gateway carries plain text only; send a text message.")]
        if not outgoing.content.body.strip():
            found.append(Problem("text_empty", "The gateway refuses a message without text (101): write a text."))
        if not _is_unicode(outgoing.content.body):
            found.append(Problem("text_broken", "The text holds half of a character pair; type it again."))
        return found

    def build_probe(self, call: Call) -> HttpRequest:
        """Build a send without a number and a text, the only harmless question there is."""
        return HttpRequest(
            "POST", call.account.base_url, _FORM, _head(cast("GupshupSmsAccount", call.account)).encode()
        )

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Take a complaint about the number as praise of the credentials. Raises ProtocolError."""
        if error := http_error(response):
            return ProbeResult(ok=False, detail="The gateway is asked too often; try again in a minute.", error=error)
        if response.status != 200:
            raise ProtocolError(
                f"expected HTTP 200 from {call.account.base_url}, found {response.status}; check the interface address"
            )
        answer = read_answer(response.body)
        found = error_of(answer)
        if answer.status.lower() == "error" and found.code in _CREDENTIALS_ARE_GOOD:
            detail = "User id and password are probably valid: the gateway only missed a number, which we left out."
            return ProbeResult(ok=True, detail=detail)
        if answer.status.lower() == "success":
            raise ProtocolError("expected a complaint about the missing number, found success")
        known = CODES.get(found.code)
        advice = f" {known.advice}" if known and known.advice else " Ask Gupshup's support what the code means."
        return ProbeResult(ok=False, detail=f"The gateway answers {found.code}, {found.detail}.{advice}", error=found)


@lru_cache(maxsize=256)
def _head(account: GupshupSmsAccount) -> str:
    """Everything but the message; encoding it anew each time would cost more than the text."""
    return urlencode(
        {
            "method": "sendMessage",
            "v": "1.1",
            "auth_scheme": "plain",
            "userid": account.userid,
            "password": account.password.get_secret_value(),
            "format": "json",
        }
    )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
