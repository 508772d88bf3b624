"""
One-time codes at 2Factor: how they are sent, with whose code, and what counts as a match.

Verified is one answer only: `Status` Success and `Details` "OTP Matched". The same status with "OTP Expired" is none.
Source: sheet sections 2 to 5. Sends are POST, which 2Factor takes as well as GET and nothing on the way repeats.
"""

from urllib.parse import quote

from sendyard.domain.errors import Invalid
from sendyard.providers.abilities import OtpCheck, OtpWanted
from sendyard.providers.contract import ProtocolError
from sendyard.providers.twofactor.answers import read
from sendyard.providers.twofactor.codes import name_of
from sendyard.providers.twofactor.spec import TwoFactorAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

CODE = "otp"
"""The variable of a `TemplateRef` that makes it a one-time code of our own."""

_MADE_BY_2FACTOR = {6: "AUTOGEN", 4: "AUTOGEN3"}
_CHECKS = {
    "otp_mismatch": OtpCheck.WRONG_CODE,
    "otp_expired": OtpCheck.EXPIRED,
    "no_session": OtpCheck.NO_SESSION,
}


def is_code(text: str) -> bool:
    """Whether 2Factor takes this as a one-time code: four to six digits."""
    return 4 <= len(text) <= 6 and text.isascii() and text.isdigit()


def own_code(prefix: str, phone: str, code: str, template: str) -> HttpRequest:
    """Send our own code with a template; `prefix` is the address up to and with the key."""
    return HttpRequest("POST", f"{prefix}/SMS/{phone}/{code}/{quote(template, safe='')}")


def wanted_code(prefix: str, phone: str, account: TwoFactorAccount, wanted: OtpWanted) -> HttpRequest:
    """Send the code of an `OtpWanted`, ours or one that 2Factor makes. Raises Invalid."""
    template = wanted.template or account.otp_template
    if not template or set(template) & set("/?#"):
        raise Invalid(
            "otp_template",
            f"2Factor needs the name of an approved OTP template without '/', '?' and '#', found {template!r}; "
            "enter it in the account's OTP template.",
        )
    if wanted.code:
        if not is_code(wanted.code):
            raise Invalid("otp_code", "2Factor takes codes of four to six digits; make the code so.")
        return own_code(prefix, phone, wanted.code, template)
    if wanted.length not in _MADE_BY_2FACTOR:
        raise Invalid("otp_length", f"2Factor makes codes of 6 or 4 digits, found {wanted.length}; choose one of them.")
    made = _MADE_BY_2FACTOR[wanted.length]
    return HttpRequest("POST", f"{prefix}/SMS/{phone}/{made}/{quote(template, safe='')}")


def check_of(prefix: str, phone: str, account: TwoFactorAccount, session: str, code: str) -> HttpRequest:
    """Ask about a typed code, by session or by number as the account says."""
    typed = quote(code, safe="") or "-"
    if account.verify_by == "phone" or not session:
        return HttpRequest("GET", f"{prefix}/SMS/VERIFY3/{phone}/{typed}")
    return HttpRequest("GET", f"{prefix}/SMS/VERIFY/{quote(session, safe='')}/{typed}")


def read_check(response: HttpResponse) -> OtpCheck:
    """
    Read the answer to a check.

    Raises:
        ProtocolError: no answer of 2Factor, or a success that is no documented outcome.
    """
    if response.status >= 500 or response.status == 429:
        return OtpCheck.UNAVAILABLE
    answer = read(response)
    said = answer.text
    if answer.status.lower() == "success":
        if response.status == 200 and said.lower() == "otp matched":
            return OtpCheck.VERIFIED
        if name_of(said) == "otp_expired":
            return OtpCheck.EXPIRED
        raise ProtocolError(f"expected 'OTP Matched' or 'OTP Expired' from 2Factor, found {said[:40]!r}")
    return _CHECKS.get(name_of(said), OtpCheck.UNAVAILABLE)
