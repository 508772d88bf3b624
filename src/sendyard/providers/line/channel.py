"""
What a channel can be asked for besides sending: its plan, what of it is used, who it is, who a person is.

Source: https://developers.line.biz/en/reference/messaging-api/.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import ProbeResult, Profile, ProviderSender, Token
from sendyard.providers.line.answers import decode, error_of
from sendyard.providers.line.spec import SPEC, LineAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

# A token is given up early, so that none expires under way.
_EARLY = timedelta(seconds=60)


class _Quota(msgspec.Struct, frozen=True):
    type: str
    value: int | None = None


class _Usage(msgspec.Struct, frozen=True):
    used: int = msgspec.field(name="totalUsage")


class _Bot(msgspec.Struct, frozen=True):
    user_id: str = msgspec.field(name="userId")
    basic_id: str = msgspec.field(name="basicId")
    name: str = msgspec.field(name="displayName")
    premium_id: str = msgspec.field(name="premiumId", default="")
    chat_mode: str = msgspec.field(name="chatMode", default="")


class _Profile(msgspec.Struct, frozen=True):
    name: str = msgspec.field(name="displayName")
    picture_url: str = msgspec.field(name="pictureUrl", default="")
    status: str = msgspec.field(name="statusMessage", default="")
    language: str = ""


class _Token(msgspec.Struct, frozen=True):
    value: str = msgspec.field(name="access_token")
    expires_in: int


_quota = msgspec.json.Decoder(_Quota)
_usage = msgspec.json.Decoder(_Usage)
_bot = msgspec.json.Decoder(_Bot)
_profile = msgspec.json.Decoder(_Profile)
_token = msgspec.json.Decoder(_Token)


def read_probe(account: LineAccount, response: HttpResponse) -> ProbeResult:
    """Read the plan: what it allows a month, and that the credentials work. Raises ProtocolError."""
    if response.status != 200:
        error = error_of(response)
        known = SPEC.codes.get(error.code)
        advice = f" {known.advice}" if known and known.advice else ""
        return ProbeResult(ok=False, detail=f"LINE answered: {error.detail.rstrip('.')}.{advice}", error=error)
    quota = decode(_quota, response, "the month's quota")
    limit = "no limit" if quota.type == "none" or quota.value is None else str(quota.value)
    credential = "channel access token" if account.channel_access_token else "channel id and the channel secret"
    verb = "works" if account.channel_access_token else "work"
    detail = f"The {credential} {verb}; the plan's messages a month: {limit}."
    return ProbeResult(ok=True, detail=detail, facts={"limit": limit, "quota_type": quota.type})


def read_usage(response: HttpResponse) -> Mapping[str, str] | ProviderError:
    """Read how many messages count for this month. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    return {"used": str(decode(_usage, response, "the month's usage").used)}


def read_senders(response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
    """Read the Official Account, the only sender a channel has. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    bot = decode(_bot, response, "the Official Account")
    facts = {"user_id": bot.user_id, "premium_id": bot.premium_id, "chat_mode": bot.chat_mode}
    shown = {name: value for name, value in facts.items() if value}
    return (ProviderSender(bot.basic_id, bot.name, (Channel.LINE,), facts=shown),)


def read_profile(response: HttpResponse) -> Profile | ProviderError:
    """Read a friend; 404 is somebody unknown, no friend, or who blocked the account. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response, missing="profile_not_found")
    profile = decode(_profile, response, "a profile")
    facts = {"status": profile.status} if profile.status else {}
    return Profile(profile.name, profile.language, profile.picture_url, facts)


def token_request(account: LineAccount) -> HttpRequest:
    """Ask for a stateless token: it lives 15 minutes, and there may be any number of them."""
    secret = account.channel_secret.get_secret_value()
    form = {"grant_type": "client_credentials", "client_id": account.channel_id, "client_secret": secret}
    headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
    return HttpRequest("POST", f"{account.base_url}/oauth2/v3/token", headers, urlencode(form).encode())


def read_token(now: datetime, response: HttpResponse) -> Token | ProviderError:
    """Read the token. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    token = decode(_token, response, "an access token")
    if not token.value.isprintable() or not 0 < token.expires_in <= 2_592_000:
        return ProviderError(ErrorKind.UNAVAILABLE, "no_token", "LINE gave a token that cannot be used")
    return Token(token.value, now + max(timedelta(seconds=token.expires_in) - _EARLY, _EARLY / 2))
