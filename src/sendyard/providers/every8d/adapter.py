"""
Our side of Every8d's wire: SendParam for texts, each with an `MR` of its own by which reports name it.

Answers have one batch id and counts, so what became of each message is in the reports alone.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import ClassVar, cast
from urllib.parse import quote_plus

import msgspec

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Media, Text
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
    Pending,
    Poll,
    ProbeResult,
    ReportPolling,
    Token,
    TokenAuth,
)
from sendyard.providers.contract import (
    Accepted,
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.every8d import answers
from sendyard.providers.every8d.carriage import (
    MOBILE,
    picture_of,
    picture_problems,
    text_problems,
    travels_alone,
    wire_number,
)
from sendyard.providers.every8d.codes import FILTERED, NO_CREDIT
from sendyard.providers.every8d.probe import probe_result
from sendyard.providers.every8d.reports import MMS_MARK, callback_event, read_status, row_event
from sendyard.providers.every8d.spec import ONE_BY_ONE, SPEC, Every8dAccount
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_JSON = {"content-type": "application/json"}
_TAKEN = HttpResponse(200, {"content-type": "text/plain"}, b"Ok")

_LONGEST_VALIDITY = 1440  # minutes; Every8d's own default
_TOKEN_LIFE = timedelta(hours=8)  # Every8d's advice; how long one lives is not published
_PAGE = 1000
_OF_RECIPIENT = frozenset({ErrorKind.INVALID_RECIPIENT, ErrorKind.OPTED_OUT, ErrorKind.BLOCKED})


class _Recipient(msgspec.Struct):
    Mobile: str
    Param: str
    MR: str
    Name: str = ""
    Email: str = ""
    SendTime: str = ""


class _Batch(msgspec.Struct, omit_defaults=True):
    RecipientDataList: list[_Recipient]
    RETRYTIME: int
    UID: str = ""
    PWD: str = ""


class _SignIn(msgspec.Struct):
    UID: str
    PWD: str
    HandlerType: int = 3
    VerifyType: int = 1


_encode = msgspec.json.Encoder().encode


class Every8dAdapter(Adapter, ReportPolling, BalanceQuery, AccountProbe, TokenAuth):
    """Every8d as specified in API 2.1, version 2.2 of the document."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = Every8dAccount

    def batch_limit(self, account: AccountSettings) -> int:
        """500; one where the duplicate filter works, which takes one text and is asked about one number."""
        return ONE_BY_ONE if cast("Every8dAccount", account).filter_duplicates else self.spec.batch.limit

    def batch_key(self, outgoing: Outgoing) -> Hashable:
        """The minute in which they expire, as a request has one validity; what travels alone has its own key."""
        if travels_alone(outgoing.content):
            return outgoing.reference
        return outgoing.valid_until and int(outgoing.valid_until.timestamp()) // 60

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """SendParam; for what travels alone SendSMS, its filtering twin, or sendMMS."""
        account = cast("Every8dAccount", call.account)
        minutes = _validity(call.now, batch)
        first = batch[0]
        if not (account.filter_duplicates or travels_alone(first.content)):
            recipients = [_Recipient(wire_number(one.to.value), one.content.body, one.reference) for one in batch]
            uid, pwd = ("", "") if call.token else (account.username, account.password.get_secret_value())
            body = _encode(_Batch(recipients, minutes, uid, pwd))
            return HttpRequest("POST", f"{account.base_url}/SendParam.ashx", _headers(_JSON, call.token), body)
        form = (
            f"{_credentials(call)}MSG={quote_plus(first.content.body)}&DEST={wire_number(first.to.value)}"
            f"&ST=&RETRYTIME={minutes}&MR={quote_plus(first.reference)}"
        )
        if isinstance(first.content, Media):
            picture = picture_of(first.content)
            if picture is None:
                raise ValueError("expected one picture as a data: address; `check` refuses anything else")
            more = f"&SB={quote_plus(first.content.title)}&ATTACHMENT={quote_plus(picture.data)}&TYPE={picture.kind}"
            return _post(call, "MMS/sendMMS.ashx", form + more)
        if account.filter_duplicates:
            return _post(call, "SendSMS4FilterMessage.ashx", f"{form}&SB=&IsSend=true")
        return _post(call, "SendSMS.ashx", f"{form}&SB=")

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """One judgement for all of a batch, since the answer names nobody. Raises ProtocolError."""
        if response.status != 200:
            if 400 <= response.status < 500 and response.status != 408:
                refused = answers.http_error(response)
                return [Refused(one.message_id, refused) for one in batch]
            reason = (
                f"Every8d answers 200 to everything; HTTP {response.status} leaves open whether it took the message"
            )
            return [Unknown(one.message_id, reason) for one in batch]
        found = answers.read_sent(response)
        if isinstance(found, ProviderError):
            return _refusals(batch, found)
        if found.filtered:
            words = f"the same text went to {found.filtered} within 24 hours, in batch {found.filtered_batch}"
            return _refusals(batch, answers.provider_error(FILTERED, words))
        if found.sent == 0 and found.unsent >= len(batch):
            return _refusals(batch, answers.provider_error(NO_CREDIT))
        # Whom the credit did not reach, or whose number is bad, the reports will tell.
        reference = f"{MMS_MARK}{found.batch_id}" if isinstance(batch[0].content, Media) else found.batch_id
        cost = found.cost if len(batch) == 1 else None
        return [Accepted(one.message_id, reference, None, cost) for one in batch]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Read the query of the GET, whose only proof is the unguessable address. Raises ProtocolError."""
        del call
        return CallbackResult([callback_event(request.query)], _TAKEN)

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Taiwanese mobile numbers only; a text that arrives as written, or one picture with a title."""
        problems: list[Problem] = []
        if outgoing.to.kind is not AddressKind.PHONE or not MOBILE.fullmatch(outgoing.to.value):
            detail = "Every8d reaches Taiwanese mobile numbers only (+8869 and eight digits); route others elsewhere."
            problems.append(Problem(ErrorKind.UNSUPPORTED, detail))
        content, identity = outgoing.content, cast("Every8dAccount", account).identity
        if isinstance(content, Media) and outgoing.channel is Channel.MMS:
            return problems + picture_problems(content) + text_problems(content.body, identity)
        if isinstance(content, Text) and outgoing.channel is Channel.SMS:
            return problems + text_problems(content.body, identity)
        detail = "Every8d carries plain text as SMS, and text with one picture as MMS; send one of these."
        return [*problems, Problem(ErrorKind.UNSUPPORTED, detail)]

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """GetDeliveryStatus of one batch; `cursor` ("<batch> <page>") counts only while that batch is asked for."""
        batch = pending[0].provider_ref
        asked, _, page = cursor.partition(" ")
        number = page if asked == batch and page else "1"
        path, bid = "GetDeliveryStatus.ashx", batch
        if batch.startswith(MMS_MARK):
            path, bid = "MMS/getDeliveryStatus.ashx", batch.removeprefix(MMS_MARK)
        return _post(call, path, f"{_credentials(call)}BID={quote_plus(bid)}&PNO={number}&RESPFORMAT=1")

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """One event for each row, whoever was asked for; the second page follows a full first. Raises ProtocolError."""
        del call
        batch = pending[0].provider_ref
        page = read_status(response)
        # A full page does not tell its number; beyond two pages, which no batch of ours has, it could be any.
        is_first_of_two = len(page.rows) == _PAGE < page.total < 2 * _PAGE
        cursor = f"{batch} 2" if is_first_of_two else ""
        return Poll([row_event(row, batch) for row in page.rows], cursor, more=is_first_of_two)

    def build_balance(self, call: Call) -> HttpRequest:
        """GetCredit."""
        return _post(call, "GetCredit.ashx", _credentials(call).rstrip("&"))

    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """The credit in points. Raises ProtocolError."""
        return answers.http_error(response) if response.status != 200 else answers.read_credit(response)

    def wants_token(self, call: Call) -> bool:
        """As the account's setting says; Every8d takes name and password, or a token, in each call."""
        return cast("Every8dAccount", call.account).sign_in == "token"

    def build_token(self, call: Call) -> HttpRequest:
        """ConnectionHandler with VerifyType 1: a new token."""
        account = cast("Every8dAccount", call.account)
        body = _encode(_SignIn(account.username, account.password.get_secret_value()))
        return HttpRequest("POST", f"{account.base_url}/ConnectionHandler.ashx", _JSON, body)

    def parse_token(self, call: Call, response: HttpResponse) -> Token | ProviderError:
        """The token, to be renewed after eight hours. Raises ProtocolError."""
        if response.status != 200:
            return answers.http_error(response)
        found = answers.read_login(response)
        return found if isinstance(found, ProviderError) else Token(found, call.now + _TOKEN_LIFE)

    def build_probe(self, call: Call) -> HttpRequest:
        """GetCredit; for an account that signs in, the signing in, which says which credential is wrong."""
        return self.build_token(call) if self.wants_token(call) else self.build_balance(call)

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say whether the account works, and how much credit is left where that was asked. Raises ProtocolError."""
        found = self.parse_token(call, response) if self.wants_token(call) else self.parse_balance(response)
        return probe_result(call.account.base_url, found)


def _refusals(batch: Sequence[Outgoing], error: ProviderError) -> list[Receipt]:
    if error.kind is ErrorKind.UNAVAILABLE:
        reason = f"Every8d answers {error.code} ({error.detail}), which leaves open whether it took the message"
        return [Unknown(one.message_id, reason) for one in batch]
    if len(batch) > 1 and error.kind in _OF_RECIPIENT:
        # Nobody may be taken for unreachable, or for having opted out, because a neighbour is.
        error = replace(error, kind=ErrorKind.UNMAPPED, detail=f"{error.detail}; for whom in the batch is not said")
    return [Refused(one.message_id, error) for one in batch]


def _post(call: Call, path: str, form: str) -> HttpRequest:
    return HttpRequest("POST", f"{call.account.base_url}/{path}", _headers(_FORM, call.token), form.encode())


def _headers(kind: Mapping[str, str], token: str) -> Mapping[str, str]:
    return {**kind, "authorization": f"Bearer {token}"} if token else kind


def _credentials(call: Call) -> str:
    """`UID` and `PWD` with the separator behind them; nothing where a token stands in the header."""
    return "" if call.token else _login_fields(cast("Every8dAccount", call.account))


@lru_cache(maxsize=256)
def _login_fields(account: Every8dAccount) -> str:
    return f"UID={quote_plus(account.username)}&PWD={quote_plus(account.password.get_secret_value())}&"


def _validity(now: datetime, batch: Sequence[Outgoing]) -> int:
    """`RETRYTIME`: minutes until they expire, at least one."""
    end = batch[0].valid_until  # the others expire within the same minute
    if end is None:
        return _LONGEST_VALIDITY
    return min(_LONGEST_VALIDITY, max(1, int((end - now).total_seconds()) // 60))
