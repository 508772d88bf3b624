"""
One-time codes that MSG91 makes, sends and checks; a number has one live code per account (sheet, section 4).

Every refusal comes with HTTP 200. Templates of codes are apart from those of messages.
"""

from typing import cast
from urllib.parse import urlencode

from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import OtpCheck, OtpResend, OtpStarted, OtpWanted, ProviderOtp
from sendyard.providers.contract import Call, ProtocolError
from sendyard.providers.msg91.account_check import headers, json_headers
from sendyard.providers.msg91.answers import Answer, read
from sendyard.providers.msg91.spec import Msg91Account
from sendyard.providers.wire import HttpRequest, HttpResponse

SHORTEST, LONGEST = 4, 9  # digits
_MATCH = "otp verified success"

_CHECKS = {
    "otp_not_match": OtpCheck.WRONG_CODE,
    "otp_not_numeric": OtpCheck.WRONG_CODE,
    "otp_expired": OtpCheck.EXPIRED,
    "mobile_not_found": OtpCheck.NO_SESSION,
    "already_verified": OtpCheck.NO_SESSION,
    "max_limit_reached": OtpCheck.NO_SESSION,
}


class Msg91Verification(ProviderOtp, OtpResend):
    """Send, resend and verify; the number is the session."""

    def build_otp(self, call: Call, wanted: OtpWanted) -> HttpRequest:
        """Send a code, our own or one of MSG91's making; the time it holds is always said, in whole minutes."""
        account = cast("Msg91Account", call.account)
        query = {
            "template_id": wanted.template or account.otp_template_id,
            "mobile": wanted.to.value.lstrip("+"),
            "otp_expiry": str(max(1, -(-wanted.expires_in // 60))),
            "realTimeResponse": "1",
        }
        if wanted.code:
            query["otp"] = wanted.code
        else:
            query["otp_length"] = str(min(max(wanted.length, SHORTEST), LONGEST))
        return HttpRequest("POST", f"{account.base_url}/otp?{urlencode(query)}", json_headers(account), b"{}")

    def parse_otp(self, response: HttpResponse) -> OtpStarted | ProviderError:
        """Read the request id. Raises ProtocolError."""
        answer = read(response)
        if not isinstance(answer, Answer):
            return answer
        if not answer.request:
            raise ProtocolError("expected request_id or message in MSG91's answer to a code, found neither")
        return OtpStarted(provider_ref=answer.request)

    def build_otp_check(self, call: Call, wanted: OtpWanted, session: str, code: str) -> HttpRequest:
        """Ask whether `code` is the one sent last to this number."""
        del session
        return _ask(call, "verify", mobile=wanted.to.value.lstrip("+"), otp=code)

    def parse_otp_check(self, response: HttpResponse) -> OtpCheck:
        """Only success with the sentence `OTP verified success` is a match. Raises ProtocolError."""
        answer = read(response)
        if isinstance(answer, Answer):
            return OtpCheck.VERIFIED if answer.words.casefold() == _MATCH else OtpCheck.UNAVAILABLE
        return _CHECKS.get(answer.code, OtpCheck.UNAVAILABLE)

    def build_otp_resend(self, call: Call, wanted: OtpWanted, session: str, *, by_voice: bool) -> HttpRequest:
        """Send the same code again; the way is always said, because older accounts call where nothing is said."""
        del session
        way = "voice" if by_voice else "text"
        return _ask(call, "retry", mobile=wanted.to.value.lstrip("+"), retrytype=way)

    def parse_otp_resend(self, response: HttpResponse) -> OtpStarted | ProviderError:
        """Rely on the type; the sentence beside it is not documented. Raises ProtocolError."""
        answer = read(response)
        return OtpStarted() if isinstance(answer, Answer) else answer


def _ask(call: Call, action: str, **query: str) -> HttpRequest:
    account = cast("Msg91Account", call.account)
    return HttpRequest("GET", f"{account.base_url}/otp/{action}?{urlencode(query)}", headers(account))
