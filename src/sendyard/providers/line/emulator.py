"""
LINE's side of the wire: push, multicast, narrowcast and reply, quota, profiles, tokens and webhooks.

Of channels that nobody registered: every token works, one that contains `invalid` does not, and nothing can be told to
them, as their secret is not known.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar
from urllib.parse import parse_qs

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid
from sendyard.providers.emulation import EmulatedRequest, Emulator, Handled, Received, Report
from sendyard.providers.line.emulated_channel import TOKEN_LIFE, LineChannel, LineState, day_of
from sendyard.providers.line.emulated_events import event_of, webhook
from sendyard.providers.line.emulated_narrowcast import narrowcast, note, progress
from sendyard.providers.line.emulated_send import (
    RefusedError,
    as_error,
    as_json,
    check_objects,
    object_of,
    received_of,
    refusal_of,
    send,
)
from sendyard.providers.line.spec import PERSON, SPEC
from sendyard.providers.wire import HttpRequest, HttpResponse

_TOKEN = re.compile("[!-~]+")
_DAY = re.compile("[0-9]{8}")
_MAX_PAGE = 1000
_MAX_ISSUED = 10_000


class _Registration(msgspec.Struct, forbid_unknown_fields=True):
    """A channel's fields, and what its owner sets in LINE's consoles."""

    channel_secret: str
    channel_access_token: str | None = None
    channel_id: str = ""
    base_url: str = ""
    multicast: bool = True
    silent: bool = False
    aggregation_unit: str = ""
    video_preview_url: str = ""
    callback_url: str = ""
    monthly_limit: int = 0
    used: int = 0
    verified: bool = False
    blocked: tuple[str, ...] = ()
    audiences: bool | dict[str, tuple[str, ...]] = False  # our own switch, or the people of each audience


class LineEmulator(Emulator):
    """The LINE Messaging API; `/oauth2` and `/v2/bot` stand on one host here."""

    spec = SPEC
    sample_account: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"channel_secret": "demo-channel-secret", "channel_access_token": "invented-channel-access-token"}
    )
    sample_sender = ""  # the Official Account itself
    sample_channel = Channel.LINE

    def new_state(self) -> LineState:
        """An empty LINE."""
        return LineState()

    def sample_address(self, number: str) -> Address:
        """A user id that ends with the digits of the number."""
        return Address(AddressKind.LINE_ID, f"U{number.lstrip('+'):0>32}")

    def register(self, state: LineState, account: Mapping[str, Any]) -> None:
        """Take the account's fields and what is set in LINE's consoles; see `_Registration` for their names."""
        try:
            given = msgspec.convert(dict(account), _Registration)
        except msgspec.ValidationError as problem:
            raise Invalid("account_not_usable", f"Expected the fields of a LINE channel; found: {problem}.") from None
        token = given.channel_access_token or ""
        if not given.channel_secret or not (_TOKEN.fullmatch(token) or given.channel_id):
            raise Invalid("account_not_usable", "Expected channel_secret, and a channel_access_token or a channel_id.")
        state.is_closed = True
        channel = state.admit(token or given.channel_id)
        channel.secret, channel.webhook_url = given.channel_secret, given.callback_url
        channel.monthly_limit, channel.used, channel.is_verified = given.monthly_limit, given.used, given.verified
        channel.blocked.update(given.blocked)
        if isinstance(given.audiences, dict):
            channel.audiences = given.audiences
        if token:
            state.tokens[token] = channel
        if given.channel_id:
            state.logins[given.channel_id] = (given.channel_secret, channel)

    def handle(self, request: EmulatedRequest, state: LineState) -> Handled:
        """Answer as LINE does: the path first, then the token, then the request itself."""
        request_id = f"00000000-0000-4000-8000-{state.next_number():012d}"
        if request.path == "/oauth2/v3/token" and request.method == "POST":
            return Handled(_sign_in(request, state, request_id))
        try:
            action, arguments = _route(request)
            channel = _authenticated(request.headers.get("authorization", ""), state, request.now)
            return action(_Asked(channel, request, state, request_id), *arguments)
        except RefusedError as refused:
            return Handled(as_error(refused, request_id))

    def throttled(self, request: EmulatedRequest, retry_after: float | None) -> HttpResponse:
        """429 with the sentence of the rate; LINE documents no waiting time, one is sent if the scenario has it."""
        del request
        answer = as_error(refusal_of("rate_limit"), "00000000-0000-4000-8000-000000000000")
        if retry_after is None:
            return answer
        return HttpResponse(answer.status, {**answer.headers, "retry-after": f"{retry_after:.0f}"}, answer.body)

    def unavailable(self, request: EmulatedRequest) -> HttpResponse:
        """A bare 503: LINE documents no answer that means "not now, and not taken"."""
        del request
        return HttpResponse(503)

    def settle(self, state: LineState, received: Received, report: Report) -> HttpRequest | None:
        """Nothing to tell: LINE reports on no single message, and on a narrowcast only when asked."""
        if channel := state.channels.get(received.account):
            note(channel, received, report)
        return None

    def inbound(
        self, state: LineState, *, account: str, sender: str, recipient: str, text: str, now: datetime
    ) -> HttpRequest | None:
        """
        Let a person write, or with `/follow`, `/unfollow` and `/postback DATA` do something else.

        `account` is the Official Account's user id, as the mailbox shows it.
        """
        del recipient
        channel = state.channels.get(account)
        if channel is None:
            return None
        return webhook(channel, [event_of(channel, state, sender, text, now)])


class _Asked:
    """One authenticated request, and what answering it needs."""

    def __init__(self, channel: LineChannel, request: EmulatedRequest, state: LineState, request_id: str) -> None:
        self.channel = channel
        self.request = request
        self.state = state
        self.request_id = request_id

    def answer(self, document: Mapping[str, Any]) -> Handled:
        """200 with this document."""
        return Handled(as_json(200, document, self.request_id))


def _authenticated(header: str, state: LineState, now: datetime) -> LineChannel:
    scheme, _, token = header.partition(" ")
    if scheme == "Bearer" and (channel := state.tokens.get(token)):
        return channel
    if scheme == "Bearer" and token in state.issued:
        until, channel = state.issued[token]
        if now < until:
            return channel
    elif scheme == "Bearer" and not state.is_closed and _TOKEN.fullmatch(token) and "invalid" not in token:
        return state.tokens.setdefault(token, state.admit(token))
    raise refusal_of("http:401")


def _sign_in(request: EmulatedRequest, state: LineState, request_id: str) -> HttpResponse:
    form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
    sid, secret = form.get("client_id", ""), form.get("client_secret", "")
    if form.get("grant_type") != "client_credentials":
        return as_json(400, {"error": "unsupported_grant_type", "error_description": "grant_type"}, request_id)
    known = state.logins.get(sid)
    if not state.is_closed and known is None and sid.isdecimal() and secret and "invalid" not in secret:
        known = state.logins[sid] = (secret, state.admit(sid))
        known[1].secret = secret
    if known is None or known[0] != secret:
        return as_json(400, {"error": "invalid_client", "error_description": "invalid client_secret"}, request_id)
    token = f"stateless-{request_id}"
    state.issued[token] = (request.now + TOKEN_LIFE, known[1])
    if len(state.issued) > _MAX_ISSUED:
        state.issued.popitem(last=False)
    lives = int(TOKEN_LIFE.total_seconds())
    return as_json(200, {"access_token": token, "expires_in": lives, "token_type": "Bearer"}, request_id)


def _send(asked: _Asked, kind: str) -> Handled:
    response, received = send(asked.channel, asked.request, asked.state, asked.request_id, kind=kind)
    return Handled(response, received)


def _narrowcast(asked: _Asked) -> Handled:
    response, received = narrowcast(asked.channel, asked.request, asked.request_id)
    return Handled(response, received)


def _progress(asked: _Asked) -> Handled:
    request_id = parse_qs(asked.request.query).get("requestId", [""])[0]
    if not request_id:
        raise RefusedError(400, "The value for the 'requestId' parameter is invalid")
    return asked.answer(progress(asked.channel, request_id))


def _reply(asked: _Asked) -> Handled:
    if "x-line-retry-key" in asked.request.headers:
        raise RefusedError(400, "The retry key cannot be used with this endpoint")
    given = object_of(asked.request.body)
    check_objects(given)
    person = asked.channel.reply_tokens.pop(str(given.get("replyToken")), "")
    if not person:
        raise refusal_of("invalid_reply_token")
    sent = f"4612{asked.state.next_number():014d}"
    received = received_of(asked.channel, given, person, sent, asked.request)
    return Handled(as_json(200, {"sentMessages": [{"id": sent}]}, asked.request_id), (received,))


def _validate(asked: _Asked, kind: str) -> Handled:
    del kind
    check_objects(object_of(asked.request.body))
    return asked.answer({})


def _info(asked: _Asked) -> Handled:
    name = asked.channel.name
    return asked.answer(
        {
            "userId": name,
            "basicId": f"@{name[1:9]}",
            "displayName": "Emulated account",
            "chatMode": "bot",
            "markAsReadMode": "auto",
        }
    )


def _quota(asked: _Asked) -> Handled:
    limit = asked.channel.monthly_limit
    return asked.answer({"type": "limited", "value": limit} if limit else {"type": "none"})


def _consumption(asked: _Asked) -> Handled:
    return asked.answer({"totalUsage": asked.channel.used})


def _delivered(asked: _Asked, kind: str) -> Handled:
    day = parse_qs(asked.request.query).get("date", [""])[0]
    if not _DAY.fullmatch(day):
        raise RefusedError(400, "The value for the 'date' parameter is invalid")
    # A day is counted once it is over.
    if day >= day_of(asked.request.now):
        return asked.answer({"status": "unready"})
    return asked.answer({"status": "ready", "success": asked.channel.sent_on.get((kind, day), 0)})


def _profile(asked: _Asked, person: str) -> Handled:
    refusal = asked.request.refusal(person)
    if not PERSON.fullmatch(person) or person in asked.channel.blocked or refusal:
        raise RefusedError(404, "Not found")
    return asked.answer({"userId": person, "displayName": f"Emulated person {person[-4:]}", "language": "en"})


def _followers(asked: _Asked) -> Handled:
    if not asked.channel.is_verified:
        raise refusal_of("http:403")
    query = {name: values[0] for name, values in parse_qs(asked.request.query).items()}
    limit, start = query.get("limit", "300"), query.get("start", "0")
    if not (limit.isdecimal() and start.isdecimal() and len(start) < 10 and 1 <= int(limit[:5]) <= _MAX_PAGE):
        raise RefusedError(400, "The value for the 'limit' parameter is invalid")
    friends = list(asked.channel.friends)[int(start) :]
    more = {"next": str(int(start) + int(limit))} if len(friends) > int(limit) else {}
    return asked.answer({"userIds": friends[: int(limit)], **more})


def _webhook_address(asked: _Asked) -> Handled:
    if asked.request.method == "GET":
        return asked.answer({"endpoint": asked.channel.webhook_url, "active": bool(asked.channel.webhook_url)})
    url = object_of(asked.request.body).get("endpoint")
    if not isinstance(url, str) or not url.startswith(("https://", "http://127.0.0.1")):
        raise RefusedError(400, "Invalid webhook endpoint URL")
    asked.channel.webhook_url = url
    return asked.answer({})


_Action = Callable[..., Handled]
_ROUTES: tuple[tuple[str, re.Pattern[str], _Action], ...] = tuple(
    (methods, re.compile(f"/v2/bot{pattern}"), action)
    for methods, pattern, action in (
        ("POST", "/message/(push|multicast)", _send),
        ("POST", "/message/reply", _reply),
        ("POST", "/message/narrowcast", _narrowcast),
        ("GET", "/message/progress/narrowcast", _progress),
        ("POST", "/message/validate/(push|multicast|narrowcast|reply)", _validate),
        ("GET", "/info", _info),
        ("GET", "/message/quota", _quota),
        ("GET", "/message/quota/consumption", _consumption),
        ("GET", "/message/delivery/(push|multicast)", _delivered),
        ("GET", "/profile/([^/]+)", _profile),
        ("GET", "/followers/ids", _followers),
        ("GET PUT", "/channel/webhook/endpoint", _webhook_address),
    )
)


def _route(request: EmulatedRequest) -> tuple[_Action, tuple[str, ...]]:
    """What answers this method at this path, and what the path names."""
    for methods, pattern, action in _ROUTES:
        if request.method in methods.split() and (match := pattern.fullmatch(request.path)):
            return action, match.groups()
    raise RefusedError(404, "Not found")
