"""
The state of an account: whether its credentials work, and its credit.

Sources: https://www.twilio.com/docs/iam/api/account, https://www.twilio.com/docs/iam/test-credentials.
"""

from urllib.parse import urlencode

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import ProbeResult
from sendyard.providers.twilio.answers import decode, error_of, message_of, money_of
from sendyard.providers.twilio.door import door_of
from sendyard.providers.twilio.lookup import page_of
from sendyard.providers.twilio.spec import SPEC, TwilioAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

# The one sender that test credentials accept, and an example number, which they accept like any other.
_TEST_FORM = urlencode({"To": "+12025550143", "From": "+15005550006", "Body": "Connection test"}).encode()


class _Account(msgspec.Struct, frozen=True):
    status: str
    type: str | None = None
    friendly_name: str | None = None


class _Balance(msgspec.Struct, frozen=True):
    balance: str | None = None
    currency: str | None = None


_account = msgspec.json.Decoder(_Account)
_balance = msgspec.json.Decoder(_Balance)


def probe_request(account: TwilioAccount) -> HttpRequest:
    """
    Read the account; where that is not allowed, what is.

    Test credentials may only pretend to send, and a standard API key may read messages but not the account.
    """
    door = door_of(account)
    if account.test_credentials:
        return HttpRequest("POST", door.messages_url, door.writing, _TEST_FORM)
    if account.api_key_sid:
        return HttpRequest("GET", f"{door.messages_url}?PageSize=1", door.reading)
    return HttpRequest("GET", f"{door.account_url}.json", door.reading)


def read_probe(account: TwilioAccount, response: HttpResponse) -> ProbeResult:
    """Say whether the credentials work, and if not which to copy again from where. Raises ProtocolError."""
    if response.status >= 400:
        error = error_of(response)
        known = SPEC.codes.get(error.code)
        advice = f" {known.advice}" if known and known.advice else ""
        return ProbeResult(ok=False, detail=f"Twilio answered: {error.detail.rstrip('.')}.{advice}", error=error)
    if account.test_credentials:
        message_of(response)
        return ProbeResult(ok=True, detail="The test credentials work; nothing is really sent with them.")
    if account.api_key_sid:
        page_of(response)
        return ProbeResult(ok=True, detail="The API key works and may read messages.")
    found = decode(_account, response, "an account")
    facts = {"status": found.status, "type": found.type or "", "name": found.friendly_name or ""}
    if found.status != "active":
        return ProbeResult(
            ok=False, detail=f"The account is {found.status}: sign in at Twilio to see why.", facts=facts
        )
    trial = ", but it is a trial: it reaches only numbers verified at Twilio." if found.type == "Trial" else "."
    return ProbeResult(ok=True, detail=f"The account works{trial}", facts=facts)


def read_balance(response: HttpResponse) -> Money | ProviderError:
    """Read the credit; a sub-account spends its parent's and shows none. Raises ProtocolError."""
    if response.status >= 400:
        return error_of(response)
    answer = decode(_balance, response, "a balance")
    if answer.balance is None:
        detail = "a sub-account has no balance of its own: look at the main account"
        return ProviderError(ErrorKind.UNSUPPORTED, "no_balance", detail)
    return money_of(answer.balance, answer.currency or "USD")
