"""
Our side of 2Factor's wire: texts by TSMS or PSMS (or R1), one-time codes by the OTP calls, reports by XML log.

The API key is a part of every V1 address, so addresses must be shown redacted only; the engine does so by its value.
A send without an answer stays unknown: 2Factor has no key against duplicates and no call "did you get this one?".
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, cast
from urllib.parse import parse_qsl, quote, quote_plus

from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
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
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.twofactor import answers, one_time, reports
from sendyard.providers.twofactor.codes import CODES
from sendyard.providers.twofactor.limits import header_of, is_one_time_code, problems_of, variables_of
from sendyard.providers.twofactor.spec import SPEC, TwoFactorAccount
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_SEND = {"transactional": "TSMS", "promotional": "PSMS", "otp": "TSMS"}
_MODULE = {"transactional": "TRANS_SMS", "promotional": "PROMO_SMS"}
_BALANCE = {
    "transactional": "ADDON_SERVICES/BAL/TRANSACTIONAL_SMS",
    "promotional": "ADDON_SERVICES/BAL/PROMOTIONAL_SMS",
    "otp": "BAL/SMS",
}


class TwoFactorAdapter(Adapter, ReportPolling, BalanceQuery, AccountProbe, ProviderOtp):
    """2Factor.in, interfaces V1 and R1."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = TwoFactorAccount

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """One message: a code of our own by the OTP call, everything else by the account's product."""
        account = cast("TwoFactorAccount", call.account)
        one = batch[0]
        phone = _phone(account, one.to.value)
        if is_one_time_code(one):
            template = cast("TemplateRef", one.content)
            return one_time.own_code(_v1(account), phone, template.variables[one_time.CODE], template.name)
        if account.interface == "r1":
            return _r1(account, one, phone)
        form = f"From={header_of(one.sender)}&To={phone}"
        if isinstance(one.content, TemplateRef):
            values = "".join(f"&{name}={quote_plus(value)}" for name, value in variables_of(one.content))
            form += f"&TemplateName={quote_plus(one.content.name)}{values}"
        else:
            form += f"&Msg={quote_plus(one.content.body)}"
        url = f"{_v1(account)}/ADDON_SERVICES/SEND/{_SEND[account.product]}"
        return HttpRequest("POST", url, _FORM, form.encode())

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """A session id is the acceptance; DLT rejections come with the reports only. Raises ProtocolError."""
        if response.status >= 500:
            reason = f"HTTP {response.status} leaves open whether 2Factor took the message"
            return [Unknown(one.message_id, reason) for one in batch]
        answer = answers.read(response)
        if error := answers.refusal(answer, response):
            return [Refused(one.message_id, error) for one in batch]
        session = answers.session_of(answer)
        return [Accepted(one.message_id, session) for one in batch]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """
        Read the form post; the unguessable address is its only proof, checked before this is called.

        Raises:
            ProtocolError: no usable session id, or no status.
        """
        del call
        given = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"))
        return CallbackResult([reports.pushed(given)], HttpResponse(200))

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Indian mobiles, a DLT header, texts and templates as the account's product takes them."""
        return problems_of(cast("TwoFactorAccount", account), outgoing)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """Ask for the log of one session; codes have none, and their log says that it is not valid."""
        del cursor
        account = cast("TwoFactorAccount", call.account)
        session = quote(pending[0].provider_ref, safe="")
        return HttpRequest("GET", f"{_v1(account)}/ADDON_SERVICES/RPT/{_SEND[account.product]}/{session}")

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Read the XML log; a session that is not there yet brings no event. Raises ProtocolError."""
        del call
        if response.status >= 500:
            raise ProtocolError(f"expected the log of a session from 2Factor, found HTTP {response.status}")
        if response.body.lstrip()[:1] == b"<":
            return Poll(list(reports.logged(response.body, pending[0].provider_ref)))
        error = answers.refusal(answers.read(response), response)
        if error and error.code == "no_session":
            return Poll([])
        said = f"{error.code!r}: {error.detail}" if error else "a success without a log"
        raise ProtocolError(f"expected the log of a session from 2Factor, found {said}")

    def build_balance(self, call: Call) -> HttpRequest:
        """Ask for the credit of the account's product; free of charge."""
        account = cast("TwoFactorAccount", call.account)
        return HttpRequest("GET", f"{_v1(account)}/{_BALANCE[account.product]}")

    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """Read the number of messages that are paid for. Raises ProtocolError."""
        answer = answers.read(response)
        return answers.refusal(answer, response) or answers.credits_of(answer.text)

    def build_probe(self, call: Call) -> HttpRequest:
        """The balance proves the key, and costs nothing."""
        return self.build_balance(call)

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say what is wrong and where to put it right. Raises ProtocolError."""
        product = cast("TwoFactorAccount", call.account).product
        found = self.parse_balance(response)
        if isinstance(found, Money):
            left = f"{found.amount} {product} messages" if found.amount > 0 else f"no {product} messages"
            facts = {"credit": str(found.amount), "product": product}
            return ProbeResult(ok=True, detail=f"The API key works; {left} are left.", facts=facts)
        known = CODES.get(found.code)
        advice = known.advice if known else "2Factor's documents do not list that; ask its support."
        # Its sentences may repeat what they were asked with, and that was the key.
        said = found.detail if not known else known.wording
        return ProbeResult(ok=False, detail=f"2Factor refuses the account: {said}. {advice}", error=found)

    def build_otp(self, call: Call, wanted: OtpWanted) -> HttpRequest:
        """Let 2Factor make a code (6 digits, or 4), or send ours. Raises AppError `Invalid` without a template."""
        account = cast("TwoFactorAccount", call.account)
        return one_time.wanted_code(_v1(account), _phone(account, wanted.to.value), account, wanted)

    def parse_otp(self, response: HttpResponse) -> OtpStarted | ProviderError:
        """Read the session id. Raises ProtocolError, also for a 5xx: whether a code left is not known then."""
        answer = answers.read(response)
        if error := answers.refusal(answer, response):
            return error
        session = answers.session_of(answer)
        return OtpStarted(session, session)

    def build_otp_check(self, call: Call, wanted: OtpWanted, session: str, code: str) -> HttpRequest:
        """VERIFY by session, or VERIFY3 by number where the account says so."""
        account = cast("TwoFactorAccount", call.account)
        return one_time.check_of(_v1(account), _phone(account, wanted.to.value), account, session, code)

    def parse_otp_check(self, response: HttpResponse) -> OtpCheck:
        """Only "OTP Matched" verifies. Raises ProtocolError."""
        return one_time.read_check(response)


@lru_cache(maxsize=256)
def _v1(account: TwoFactorAccount) -> str:
    return f"{account.base_url}/V1/{account.api_key.get_secret_value()}"


def _phone(account: TwoFactorAccount, e164: str) -> str:
    return e164[3:] if account.number_form == "national" else e164[1:]


def _r1(account: TwoFactorAccount, one: Outgoing, phone: str) -> HttpRequest:
    fields = {
        "module": _MODULE[account.product],
        "apikey": account.api_key.get_secret_value(),
        "to": phone,
        "from": header_of(one.sender),
    }
    if isinstance(one.content, TemplateRef):
        fields["templatename"] = one.content.name
        fields |= {name.lower(): value for name, value in variables_of(one.content)}
    else:
        fields["msg"] = one.content.body
    if entity := one.registration.get("entity_id") or account.entity_id:
        fields["peid"] = entity
    if template := one.registration.get("template_id"):
        fields["ctid"] = template
    form = "&".join(f"{name}={quote_plus(value)}" for name, value in fields.items())
    return HttpRequest("POST", f"{account.base_url}/R1/", _FORM, form.encode())
