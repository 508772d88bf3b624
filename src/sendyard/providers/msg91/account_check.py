"""
Whether the key works and what is left: asked before sending, because a send says success to any key.

`validate.php` answers the word `Valid` or a code, `balance.php` a number, both as plain text (sheet, section 6).
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import cast

import msgspec

from sendyard.domain.errors import ProviderError
from sendyard.domain.money import Money
from sendyard.providers.abilities import AccountProbe, BalanceQuery, ProbeResult, Token, TokenAuth
from sendyard.providers.contract import Call, ProtocolError
from sendyard.providers.msg91.answers import Answer, error_of, explain, read
from sendyard.providers.msg91.codes import BAD_KEY, CODES
from sendyard.providers.msg91.spec import Msg91Account
from sendyard.providers.wire import HttpRequest, HttpResponse

TRUSTED_FOR = timedelta(minutes=5)
"""How long a key that was valid is believed to be."""

TRANSACTIONAL_CREDITS = 4  # `type` of balance.php; 1 is promotional

_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?")
_CODE = re.compile(r"[0-9]{1,4}")


class _Wallet(msgspec.Struct):
    """The JSON form of a balance, as seen once."""

    sms: str | int | float | None = msgspec.field(default=None, name="SMS")


_WALLET = msgspec.json.Decoder(_Wallet)


class Msg91AccountCheck(TokenAuth, AccountProbe, BalanceQuery):
    """The key check stands where others sign in: without its answer nothing is sent, for five minutes at a time."""

    def wants_token(self, call: Call) -> bool:
        """Unless the account says not to ask."""
        return cast("Msg91Account", call.account).check_key

    def build_token(self, call: Call) -> HttpRequest:
        """Ask whether the key is valid; costs nothing."""
        return _ask(call, "validate.php")

    def parse_token(self, call: Call, response: HttpResponse) -> Token | ProviderError:
        """Only the word `Valid` lets messages out; the key itself travels in each request. Raises ProtocolError."""
        return _judge_key(response) or Token("valid", call.now + TRUSTED_FOR)

    def build_probe(self, call: Call) -> HttpRequest:
        """The same question as before each send."""
        return _ask(call, "validate.php")

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say whether the key works from this address. Raises ProtocolError."""
        error = _judge_key(response)
        if error is not None:
            return ProbeResult(ok=False, detail=explain(error), error=error)
        named = cast("Msg91Account", call.account).named_templates
        hint = "" if named else " Enter the ids of your templates, so that they can be checked before sending."
        detail = f"MSG91 says that the authkey is valid.{hint}"
        return ProbeResult(ok=True, detail=detail, facts={"templates": str(len(named))})

    def build_balance(self, call: Call) -> HttpRequest:
        """Ask for the credits of the transactional route."""
        return _ask(call, f"balance.php?type={TRANSACTIONAL_CREDITS}")

    def parse_balance(self, response: HttpResponse) -> Money | ProviderError:
        """
        Read the number; MSG91 calls it credits, whatever the account is billed in.

        A bad key is answered with HTTP 200 and words; a code in digits cannot be told from a balance.

        Raises:
            ProtocolError: neither a number nor words about the key.
        """
        text = _text(response)
        if response.status == 200 and _NUMBER.fullmatch(text):
            return Money(Decimal(text), "XPT")
        if response.status == 200 and text.startswith("{") and (amount := _wallet(response.body)):
            return Money(Decimal(amount), "XPT")
        return _refusal(response, text, "a number")


def _judge_key(response: HttpResponse) -> ProviderError | None:
    text = _text(response)
    if response.status == 200 and text.casefold() == "valid":
        return None
    if response.status == 200 and _CODE.fullmatch(text):
        return error_of(text, "", response)
    return _refusal(response, text, "the word Valid")


def _refusal(response: HttpResponse, text: str, expected: str) -> ProviderError:
    """MSG91's no in words or in JSON. Raises ProtocolError for anything else, success in JSON too."""
    if response.status == 200 and "invalid" in text.casefold() and not text.startswith("{"):
        return error_of(BAD_KEY, CODES[BAD_KEY].wording, response)
    answer = read(response)
    if isinstance(answer, Answer):
        raise ProtocolError(f"expected {expected} from MSG91, found {text[:40]!r}")
    return answer


def _wallet(body: bytes) -> str:
    try:
        amount = str(_WALLET.decode(body).sms)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return amount if _NUMBER.fullmatch(amount) else ""


def _text(response: HttpResponse) -> str:
    return response.body[:200].decode("utf-8", "replace").strip()


def _ask(call: Call, path: str) -> HttpRequest:
    account = cast("Msg91Account", call.account)
    return HttpRequest("GET", f"{account.base_url.removesuffix('/v5')}/{path}", headers(account))


@lru_cache(maxsize=256)
def headers(account: Msg91Account) -> Mapping[str, str]:
    """The key as a header, which keeps it out of addresses and logs."""
    return {"authkey": account.authkey.get_secret_value(), "accept": "application/json"}


@lru_cache(maxsize=256)
def json_headers(account: Msg91Account) -> Mapping[str, str]:
    """The same for a request with a body."""
    return {**headers(account), "content-type": "application/json"}
