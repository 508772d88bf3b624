"""
One-time codes that Kaleyra makes, sends and checks.

Sources: developers.kaleyra.io, generating-otp and validating-otp: only the text "OTP verified successfully." is a
match.
"""

import msgspec

from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import OtpCheck, OtpStarted, OtpWanted
from sendyard.providers.contract import ProtocolError
from sendyard.providers.kaleyra.answers import decode, refusal_of
from sendyard.providers.kaleyra.spec import KaleyraAccount
from sendyard.providers.wire import HttpResponse

_MATCH = "otp verified successfully"
_ALREADY = "E910"


class _Data(msgspec.Struct, frozen=True):
    verify_id: str | None = None
    message: str | None = None


class _Verification(msgspec.Struct, frozen=True):
    data: _Data | None = None


_verification = msgspec.json.Decoder(_Verification)


def otp_body(account: KaleyraAccount, wanted: OtpWanted) -> bytes:
    """
    Ask for a code; `wanted.template` goes before the account's flow.

    Raises:
        Invalid: a code of our own is wanted, which this service cannot send.
    """
    if wanted.code:
        detail = "Kaleyra Verify sends codes of its own making only; send yours as an SMS of the type OTP."
        raise Invalid("own_code_not_possible", detail)
    asked: dict[str, object] = {"to": {"mobile": wanted.to.value}}
    if flow := wanted.template or account.flow_id:
        asked["flow_id"] = flow
    return msgspec.json.encode(asked)


def read_started(response: HttpResponse) -> OtpStarted | ProviderError:
    """Read the verification's id. Raises ProtocolError."""
    if error := refusal_of(response):
        return error
    data = decode(_verification, response.body, "a verification").data
    if data is None or not data.verify_id:
        raise ProtocolError("expected a verify_id, found none")
    return OtpStarted(session=data.verify_id, provider_ref=data.verify_id)


def check_body(session: str, code: str) -> bytes:
    """Ask whether `code` is the one."""
    return msgspec.json.encode({"verify_id": session, "otp": code})


def read_check(response: HttpResponse) -> OtpCheck:
    """Read the verdict. Raises ProtocolError."""
    if error := refusal_of(response):
        said = error.detail.casefold()
        if error.code == _ALREADY or "already" in said or "verify_id" in said:
            return OtpCheck.NO_SESSION
        if "expire" in said:
            return OtpCheck.EXPIRED
        return OtpCheck.WRONG_CODE if "otp" in said and "invalid" in said else OtpCheck.UNAVAILABLE
    data = decode(_verification, response.body, "a verification").data
    if data is None or not (data.message or "").casefold().startswith(_MATCH):
        raise ProtocolError("expected the words of a match, found others")
    return OtpCheck.VERIFIED
