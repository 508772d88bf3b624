"""
Our side of Mitake's wire: SmSend for one message, SmBulkSend for several, SmQuery for all questions.

There is no "did you get this one?": repeating a request with the same `clientid` within 12 hours is
that question, and sends nothing twice.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import ClassVar, cast
from urllib.parse import parse_qsl, quote_plus

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.phone import national_digits
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import AccountProbe, BalanceQuery, Pending, Poll, ProbeResult, ReportPolling
from sendyard.providers.contract import (
    Accepted,
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    MessageKey,
    Outgoing,
    Problem,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.mitake import answers
from sendyard.providers.mitake.carriage import body_of, response_url, text_problems
from sendyard.providers.mitake.codes import CODES, STATUS_WORD
from sendyard.providers.mitake.reports import MOBILE, e164_of, event
from sendyard.providers.mitake.spec import SPEC, MitakeAccount
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_FORM = {"content-type": "application/x-www-form-urlencoded"}
# Not a form: a server that looks for form fields would eat the body.
_LINES = {"content-type": "text/plain; charset=utf-8"}
_PLAIN = {"content-type": "text/plain"}

_MESSAGE_ID = re.compile(r"#?[0-9A-Za-z]{1,20}")
_LONGEST_VALIDITY = timedelta(hours=24)
_ACCEPTING = frozenset(
    code for code, known in CODES.items() if known.meaning in {ReportStatus.SENT, ReportStatus.DELIVERED}
)
# The specification wants `*` (system error) repeated with the same clientid, so it proves nothing.
_REFUSING = frozenset(code for code, known in CODES.items() if isinstance(known.meaning, ErrorKind)) - {"*"}


class MitakeAdapter(Adapter, ReportPolling, BalanceQuery, AccountProbe):
    """Mitake as specified in version 2.14, enterprise and B2C edition."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = MitakeAccount

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """SmSend for a batch of one, SmBulkSend for more; both ask for the points each message costs."""
        account = cast("MitakeAccount", call.account)
        report_to = response_url(call.callback_url)
        default_end = call.now + _LONGEST_VALIDITY
        if len(batch) == 1:
            one = batch[0]
            form = (
                f"{_credentials(account)}&dstaddr={national_digits(one.to.value, 'TW')}"
                f"&smbody={quote_plus(body_of(one.content))}&clientid={quote_plus(one.reference)}"
            )
            if validity := _validity(one.valid_until, default_end):
                form += f"&vldtime={validity}"
            if report_to:
                form += f"&response={quote_plus(report_to)}"
            url = f"{account.base_url}/SmSend?CharsetURL=UTF8"
            return HttpRequest("POST", url, _FORM, f"{form}&smsPointFlag=1".encode())
        lines = [
            f"{one.reference}$${national_digits(one.to.value, 'TW')}$$$${_validity(one.valid_until, default_end)}"
            f"$$$${report_to}$${body_of(one.content)}"
            for one in batch
        ]
        url = f"{account.base_url}/SmBulkSend?{_credentials(account)}&Encoding_PostIn=UTF8&smsPointFlag=1"
        return HttpRequest("POST", url, _LINES, "\r\n".join(lines).encode())

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Match blocks by clientid; an answer without any block judges the whole request. Raises ProtocolError."""
        if response.status != 200:
            if 400 <= response.status < 500 and response.status != 408:
                error = answers.http_error(response)
                return [Refused(one.message_id, error) for one in batch]
            reason = f"Mitake answers 200 to everything; HTTP {response.status} leaves open whether it took the message"
            return [Unknown(one.message_id, reason) for one in batch]
        answer = answers.read_sections(response.body)
        wait = answers.retry_after(response)
        if not answer.blocks:
            if "statuscode" not in answer.head:
                raise ProtocolError(
                    f"expected blocks such as [clientid] or a statuscode from Mitake, found {response.body[:60]!r}"
                )
            return [_receipt(one.message_id, answer.head, wait) for one in batch]
        # `1` stands in the bracket of an answer to SmSend when Mitake has no clientid to repeat.
        fallback = answer.blocks.get("1") if len(batch) == len(answer.blocks) == 1 else None
        return [
            Unknown(one.message_id, f"Mitake's answer has no block [{one.reference}]")
            if (fields := answer.blocks.get(one.reference, fallback)) is None
            else _receipt(one.message_id, fields, wait)
            for one in batch
        ]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """
        Read the query of the GET; the unguessable address is its only proof, checked before this is called.

        Raises:
            ProtocolError: no usable `msgid`, or neither `StatusFlag` nor `statusstr`.
        """
        del call
        given = dict(parse_qsl(request.query, keep_blank_values=True, errors="replace"))
        message_id = given.get("msgid", "")
        if not _MESSAGE_ID.fullmatch(message_id):
            raise ProtocolError(f"expected the parameter msgid in Mitake's callback, found {message_id[:30]!r}")
        flag, word = given.get("StatusFlag", ""), given.get("statusstr", "")
        # `statuscode` tells only that the send was accepted.
        code = flag or (word and STATUS_WORD + word)
        if not code:
            raise ProtocolError("expected StatusFlag or statusstr in Mitake's callback, found neither")
        key = MessageKey(provider_ref=message_id.lstrip("#"), recipient=e164_of(given.get("dstaddr", "")))
        reply = f"magicid=sms_gateway_rpack\nmsgid={message_id}\n"
        return CallbackResult(
            [event(key, code, given.get("donetime", ""))], HttpResponse(200, _PLAIN, reply.encode("ascii"))
        )

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Only plain text to a Taiwanese mobile number, only characters that arrive as they were written."""
        problems: list[Problem] = []
        if outgoing.to.kind is not AddressKind.PHONE or not MOBILE.fullmatch(outgoing.to.value):
            detail = "Mitake reaches Taiwanese mobile numbers only (+8869 and eight digits); route others elsewhere."
            problems.append(Problem(ErrorKind.UNSUPPORTED, detail))
        if not isinstance(outgoing.content, Text):
            return [*problems, Problem(ErrorKind.UNSUPPORTED, "Mitake carries plain text only; send a text message.")]
        long_sms = cast("MitakeAccount", account).long_sms
        return problems + text_problems(outgoing.content.body, long_sms=long_sms)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """SmQuery by msgid; with no msgid among `pending` it is a question for the balance, which costs nothing."""
        del cursor
        return _query(call, ",".join(one.provider_ref for one in pending if one.provider_ref))

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Match rows by msgid; a message that Mitake has no data of gets no event. Raises ProtocolError."""
        del call
        answer = answers.read_query(response)
        error = answer.error()
        if error and error.code != "z":
            raise ProtocolError(f"expected message states from SmQuery, found code {error.code!r}: {error.detail}")
        asked = {one.provider_ref: one for one in pending if one.provider_ref}
        events = []
        for message_id, code, *further in answer.rows:
            known = asked.get(message_id.lstrip("#"))
            if known and code and code != "z":
                key = MessageKey(known.reference, known.provider_ref, known.to.value)
                when, cost, *_ = [*further, "", ""]
                events.append(event(key, code, when, answers.points(cost)))
        return Poll(events)

    def build_balance(self, call: Call) -> HttpRequest:
        """SmQuery without msgid; free of charge."""
        return _query(call)

    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """Read `AccountPoint`. Raises ProtocolError."""
        if response.status != 200:
            return answers.http_error(response)
        answer = answers.read_query(response)
        if error := answer.error():
            return error
        balance = answers.points(answer.fields.get("AccountPoint", ""))
        if balance is None:
            raise ProtocolError(f"expected AccountPoint=<number> from SmQuery, found {response.body[:60]!r}")
        return balance

    def build_probe(self, call: Call) -> HttpRequest:
        """The balance proves address, name, password and source IP at once, and costs nothing."""
        return _query(call)

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say what is wrong and where to put it right. Raises ProtocolError."""
        found = self.parse_balance(response)
        if isinstance(found, Money):
            left = f"{found.amount} points are left" if found.amount > 0 else "no points are left to send with"
            return ProbeResult(ok=True, detail=f"The account works; {left}.", facts={"points": str(found.amount)})
        if known := CODES.get(found.code):
            detail = f"Mitake refuses the account with code {found.code}: {known.wording}. {known.advice}".rstrip()
        elif found.code.startswith("http:"):
            base = call.account.base_url
            detail = f"{base} answers {found.detail}, which Mitake never does; check the interface address."
        else:
            unlisted = f"Mitake answers code {found.code!r} ({found.detail})"
            detail = f"{unlisted}, which its specification does not list; ask Mitake what it means."
        return ProbeResult(ok=False, detail=detail, error=found)


@lru_cache(maxsize=256)
def _credentials(account: MitakeAccount) -> str:
    return f"username={quote_plus(account.username)}&password={quote_plus(account.password.get_secret_value())}"


def _query(call: Call, message_ids: str = "") -> HttpRequest:
    account = cast("MitakeAccount", call.account)
    ids = f"&msgid={quote_plus(message_ids)}&smsPointFlag=1" if message_ids else ""
    return HttpRequest("POST", f"{account.base_url}/SmQuery", _FORM, f"{_credentials(account)}{ids}".encode())


def _validity(valid_until: datetime | None, default_end: datetime) -> str:
    """`vldtime`; empty means 24 hours, and beyond those carriers do not report."""
    return "" if valid_until is None or valid_until >= default_end else _stamp(valid_until)


@lru_cache(maxsize=1024)
def _stamp(when: datetime) -> str:
    return f"{when.astimezone(answers.TAIPEI):%Y%m%d%H%M%S}"


def _receipt(message_id: str, fields: Mapping[str, str], wait: float | None) -> Receipt:
    code = fields.get("statuscode", "")
    reference = fields.get("msgid", "").lstrip("#")
    if code in _ACCEPTING and reference:
        return Accepted(message_id, reference, None, answers.points(fields.get("smsPoint", "")))
    if code in _REFUSING:
        return Refused(message_id, answers.provider_error(code, fields, wait))
    said = ", ".join(f"{key}={value}" for key, value in fields.items())[:200]
    return Unknown(message_id, f"Mitake's answer settles nothing ({said})")
