"""
Our side of any carrier's wire: the account's settings say how requests are written and answers read.

So an adapter that speaks is made from one account by `for_account`; the registered one only says what accounts
look like. One request carries one message. What settings do not describe is not asked for.
"""

import re
from collections.abc import Sequence
from typing import ClassVar, cast

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.content import Text
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import AccountProbe, BalanceQuery, Pending, Poll, ProbeResult, ReportPolling
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    MessageKey,
    Outgoing,
    Problem,
    ProtocolError,
    Receipt,
)
from sendyard.providers.generic_http.account import GenericHttpAccount
from sendyard.providers.generic_http.callbacks import check_proof, events_of, report
from sendyard.providers.generic_http.judgement import amount, judge, refusal
from sendyard.providers.generic_http.paths import Document
from sendyard.providers.generic_http.placeholders import names_in
from sendyard.providers.generic_http.probe import probe_request, probe_result
from sendyard.providers.generic_http.spec import SPEC
from sendyard.providers.generic_http.wire import Wire, asked, question, wire_of, written
from sendyard.providers.generic_http.wording import has_control
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_E164 = re.compile(r"\+[1-9][0-9]{4,14}")
# XML 1.0, section 2.2: what no document can hold, not even escaped.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REPLY_HEADERS = {"content-type": "text/plain; charset=utf-8"}


class GenericHttpAdapter(Adapter, ReportPolling, BalanceQuery, AccountProbe):
    """Any carrier that takes one message by one HTTP request."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = GenericHttpAccount

    def __init__(self, wire: Wire | None = None) -> None:
        """Take the account made ready; None for the registered one, which speaks for nobody."""
        self._made_ready = wire

    def for_account(self, settings: AccountSettings) -> "GenericHttpAdapter":
        """Make the adapter that speaks as this account says."""
        return GenericHttpAdapter(wire_of(cast("GenericHttpAccount", settings)))

    @property
    def _wire(self) -> Wire:
        if self._made_ready is None:
            raise LookupError("expected an adapter made by for_account, found the registered one; only it is bare")
        return self._made_ready

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Fill in address, headers and body."""
        (one,) = batch
        wire = self._wire
        headers = wire.fixed_headers
        if wire.headers:
            headers = {**headers, **{name: template.fill(call, one) for name, template in wire.headers}}
        return HttpRequest(
            wire.account.method,
            wire.target.fill(call, one),
            headers,
            wire.body.fill(call, one).encode("utf-8", "replace"),
        )

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Judge by the account's rules."""
        return [judge(self._wire, one, response) for one in batch]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """
        Prove as the account says, then read as it says.

        Raises:
            CallbackRejected: signature, timestamp or shared secret is missing or wrong.
            ProtocolError: the callback has no status, names no message, or is in another format.
        """
        check_proof(self._wire, call, request)
        reply = HttpResponse(200, _REPLY_HEADERS, self._wire.account.callback_reply.encode())
        return CallbackResult(events_of(self._wire, request), reply)

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Only texts, only phone numbers, only what the format of the body can hold."""
        settings = cast("GenericHttpAccount", account)
        if not isinstance(outgoing.content, Text):
            detail = f"{settings.carrier} carries plain text only; send a text message."
            return [Problem(ErrorKind.UNSUPPORTED, detail)]
        problems = [*_number_problems(settings, outgoing), *_text_problems(settings, outgoing.content.body)]
        if "sender" in names_in(settings.send_path) | names_in(settings.body):
            if not outgoing.sender:
                detail = f"{settings.carrier} wants a sender; name one in the message or in the account."
                problems.append(Problem("sender_missing", detail))
            elif has_control(outgoing.sender):
                detail = "The sender has a line break or another control character; remove it."
                problems.append(Problem("sender_invalid", detail))
        return problems

    def reports_on(self, to: Address) -> bool:
        """Whether the account says where the state of a message is told."""
        del to
        return bool(self._wire.account.poll_path)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask for one message; an account without an address for that gets its bare address, which says nothing."""
        del cursor
        wire = self._wire
        if not wire.account.poll_path or not pending:
            return HttpRequest("GET", wire.account.base_url)
        return asked(call, wire, wire.poll.fill(call, pending[0]))

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Read the one status; none is no event. Raises ProtocolError when the carrier refuses the question."""
        del call
        wire = self._wire
        document = Document.of_body(response.body)
        if wire.poll_status is None or not pending or response.status == 404:
            return Poll([])
        if not 200 <= response.status < 300:
            error = refusal(wire, response, document)
            what = f"{error.kind} with code {error.code}" if error else f"HTTP {response.status}"
            raise ProtocolError(f"expected the state of a message from {wire.account.carrier}, found {what}")
        word = document.find(wire.poll_status)
        if not word:
            return Poll([])
        (one,) = pending
        key = MessageKey(one.reference, one.provider_ref, one.to.value)
        return Poll([report(wire, key, word, document.find(wire.poll_error))])

    def build_balance(self, call: Call) -> HttpRequest:
        """Ask for the credit left. Raises AppError `Invalid` when the account does not say where."""
        if not self._wire.account.balance_path:
            detail = "The account does not say where the balance is told; fill in balance_path and balance_at."
            raise Invalid("no_balance", detail)
        return question(call, self._wire, self._wire.account.balance_path)

    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """Read the amount where the account says. Raises ProtocolError."""
        wire = self._wire
        document = Document.of_body(response.body)
        if response.status in wire.accepted or 200 <= response.status < 300:
            found = amount(wire, document, wire.balance)
            if found is not None:
                return found
        error = refusal(wire, response, document)
        if error is None:
            where = wire.account.balance_at
            raise ProtocolError(f"expected an amount at {where}, found HTTP {response.status}: {document.text[:60]!r}")
        return error

    def build_probe(self, call: Call) -> HttpRequest:
        """Ask what costs nothing; without such a call, only whether the address answers, without credentials."""
        return probe_request(call, self._wire)

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say what is wrong and where to put it right."""
        del call
        return probe_result(self._wire, response)


def _number_problems(settings: GenericHttpAccount, outgoing: Outgoing) -> list[Problem]:
    if outgoing.to.kind is not AddressKind.PHONE or not _E164.fullmatch(outgoing.to.value):
        detail = f"{settings.carrier} reaches phone numbers only; give one with its country code."
        return [Problem(ErrorKind.UNSUPPORTED, detail)]
    try:
        written(settings, outgoing.to.value, outgoing.country)
    except ValueError:
        detail = (
            f"{settings.carrier} wants national numbers of {settings.country or 'a known country'}, and this is none; "
            "route it elsewhere."
        )
        return [Problem(ErrorKind.UNSUPPORTED, detail)]
    return []


def _text_problems(settings: GenericHttpAccount, text: str) -> list[Problem]:
    if not text:
        return [Problem(ErrorKind.CONTENT_REJECTED, "The text is empty; write one.")]
    if settings.max_characters and len(text) > settings.max_characters:
        detail = (
            f"{settings.carrier} takes {settings.max_characters} characters, this text has {len(text)}; shorten it."
        )
        return [Problem("too_long", detail)]
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return [Problem(ErrorKind.CONTENT_REJECTED, "The text has half a character (a lone surrogate); remove it.")]
    if settings.body_kind == "xml" and _NOT_IN_XML.search(text):
        detail = "The text has a control character, which XML cannot carry; remove it."
        return [Problem(ErrorKind.CONTENT_REJECTED, detail)]
    return []
