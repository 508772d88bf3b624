"""
What the emulated BizGO takes at `POST /v1/send/omni`, and what it refuses with which code.

Sheet sections 4 and 12. Channels: sms, mms and alimtalk; the others answer A325, as for an account without them.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.providers.bizgo.codes import ACCEPTED, DUPLICATE, GATEWAY, SERVICE_CODES
from sendyard.providers.bizgo.emulated_state import KST, Account, Message, Remembered, State
from sendyard.providers.bizgo.spec import (
    ALIMTALK_CHARACTERS,
    DEDUP_SECONDS,
    LMS_BYTES,
    MAX_PICTURES,
    MAX_RECIPIENTS,
    SMS_BYTES,
    TITLE_BYTES,
)
from sendyard.providers.emulation import EmulatedRequest, Received

_MOBILE = re.compile(r"(?:0|82)1[016789]\d{7,8}")
_SENDER = re.compile(r"\d{8,12}")
_SECONDS = re.compile(r"\d{1,8}")
_PLACE = re.compile(r"#\{([^{}]*)\}")
_OTHER_CHANNELS = frozenset({"international", "rcs", "brandmessage", "navertalk"})

_SPELLING = {
    "sender": "from",
    "file_key": "fileKey",
    "sender_key": "senderKey",
    "template_code": "templateCode",
    "send_type": "sendType",
    "msg_type": "msgType",
}
_AT_SUBMIT = {
    ErrorKind.THROTTLED: "A020",
    ErrorKind.UNAVAILABLE: "A920",
    ErrorKind.AUTH_FAILED: "A110",
    ErrorKind.OUT_OF_CREDIT: "A320",
    ErrorKind.NOT_REGISTERED: "A327",
    ErrorKind.UNSUPPORTED: "A325",
    ErrorKind.INVALID_RECIPIENT: "A306",
    ErrorKind.OPTED_OUT: "A324",  # BizGO keeps no opt-outs of text messages; a block is the nearest it says
    ErrorKind.BLOCKED: "A324",
    ErrorKind.CONTENT_REJECTED: "A322",
    ErrorKind.EXPIRED: "A304",
    ErrorKind.UNDELIVERABLE: "A300",
    ErrorKind.UNMAPPED: "A777",
}


class _Destination(msgspec.Struct, rename="camel"):
    to: str = ""
    replace_words: dict[str, str] | None = None
    ref: str | None = None


class _Item(msgspec.Struct, rename=_SPELLING):
    sender: str = ""
    text: str = ""
    title: str = ""
    file_key: list[str] | None = None
    ttl: str | None = None
    sender_key: str = ""
    template_code: str = ""
    send_type: str = ""
    msg_type: str = ""


class _Send(msgspec.Struct, rename="camel"):
    destinations: list[_Destination] | None = None
    message_flow: list[dict[str, _Item]] | None = None
    ref: str | None = None
    payment_code: str | None = None
    idempotency_key: str | None = None
    idempotency_ttl: int | None = None


class Row(msgspec.Struct, rename="camel", omit_defaults=True):
    """What BizGO answers for one destination."""

    to: str
    code: str
    result: str
    msg_key: str = ""


class Answer(NamedTuple):
    """A code for the whole request (`gateway:` for the gateway's), or A000 with rows."""

    code: str
    rows: Sequence[Row] = ()
    received: Sequence[Received] = ()
    reference: str | None = None


class _Hop(NamedTuple):
    service: str
    kind: str
    channel: Channel
    item: _Item


_SEND = msgspec.json.Decoder(_Send)


def wording(code: str) -> str:
    """BizGO's words for a service code."""
    known = SERVICE_CODES.get(code)
    return known.wording if known else "Failed"


def take(request: EmulatedRequest, account: Account, state: State) -> Answer:
    """Judge one request and keep what is accepted."""
    try:
        send = _SEND.decode(request.body)
    except msgspec.ValidationError:
        return Answer("A011")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Answer("A010")
    destinations = send.destinations or []
    if not account.send_bucket.take(max(1, len(destinations)), request.now):
        return Answer("A020")
    hops = [_hop(*next(iter(item.items()))) for item in send.message_flow or () if item]
    code = _request_code(send, destinations) or _flow_code(hops, destinations, account)
    before = account.remembered.get(send.idempotency_key or "")
    if not code and before is not None and request.now < before.until:
        return _repeat(send, destinations, before)
    if not code and account.credit is not None and account.credit < len(destinations):
        code = "A320"
    return Answer(code) if code else _accept(request, account, state, send, hops)


def _repeat(send: _Send, destinations: Sequence[_Destination], before: Remembered) -> Answer:
    """An idempotency key seen before: every destination accepted then is A301, without its `msgKey`."""
    codes = [before.refused.get(position, DUPLICATE) for position in range(len(destinations))]
    rows = [Row(own.to, code, wording(code)) for own, code in zip(destinations, codes, strict=True)]
    return Answer(ACCEPTED, rows, reference=send.ref)


def _request_code(send: _Send, destinations: Sequence[_Destination]) -> str:
    key, ttl, flow = send.idempotency_key, send.idempotency_ttl, send.message_flow or ()
    references = [send.ref, *(own.ref for own in destinations)]
    checks = (
        (not destinations, "A307"),
        (len(destinations) > MAX_RECIPIENTS, "A318"),
        (not flow or any(len(item) != 1 for item in flow), "A300"),
        (key is not None and not 1 <= len(key) <= 200, "A308"),
        (key is not None and (ttl is None or not 0 <= ttl <= DEDUP_SECONDS), "A309"),
        (any(reference is not None and len(reference) > 200 for reference in references), "A305"),
        (send.payment_code is not None and len(send.payment_code) > 20, "A310"),
    )
    return next((code for wrong, code in checks if wrong), "")


def _flow_code(hops: Sequence[_Hop], destinations: Sequence[_Destination], account: Account) -> str:
    code = next((code for hop in hops if (code := _hop_code(hop, account))), "")
    if not code and any(hop.item.send_type for hop in hops) and any(own.replace_words is None for own in destinations):
        code = "A300"
    return code


def _hop_code(hop: _Hop, account: Account) -> str:
    """Code that refuses one flow item, "" for none; texts with places are judged once they are filled."""
    item = hop.item
    if hop.service == "ALIMTALK":
        checks = [
            (not item.sender_key, "A502"),
            (not item.template_code, "A505"),
            (item.send_type not in {"", "template"}, "A571"),
            (not item.send_type and item.msg_type not in {"AT", "AI"}, "A523"),
            (not item.send_type and not item.text, "A303"),
        ]
    elif hop.service in {"SMS", "MMS"}:
        sender, files = item.sender.replace("-", ""), item.file_key or []
        title_bytes = _cp949_bytes(item.title)
        checks = [
            (not _SENDER.fullmatch(sender), "A302"),
            (account.senders is not None and sender not in account.senders, "A327"),
            (not item.text, "A303"),
            (item.ttl is not None and not _SECONDS.fullmatch(item.ttl), "A304"),
            (hop.service == "SMS" and bool(item.title or files), "A300"),
            (title_bytes is None or title_bytes > TITLE_BYTES, "A300"),
            (len(files) > MAX_PICTURES, "A319"),
            (any(file not in account.files for file in files), "A217"),
        ]
    else:
        return "A325" if hop.kind in _OTHER_CHANNELS else "A300"
    code = next((code for wrong, code in checks if wrong), "")
    return code or ("" if "#{" in item.text or item.send_type else _text_code(hop.service, item.text))


def _hop(name: str, item: _Item) -> _Hop:
    if name == "sms":
        return _Hop("SMS", "SM", Channel.SMS, item)
    if name == "mms":
        return _Hop("MMS", "MM", Channel.MMS, item) if item.file_key else _Hop("MMS", "LM", Channel.SMS, item)
    if name == "alimtalk":
        return _Hop("ALIMTALK", item.msg_type or "AT", Channel.ALIMTALK, item)
    return _Hop("", name, Channel.RCS, item)  # refused before it can carry anything


def _text_code(service: str, text: str) -> str:
    """Code that refuses a filled text on a channel, "" when it fits."""
    if service == "ALIMTALK":
        return "A328" if len(text) > ALIMTALK_CHARACTERS else ""
    size = _cp949_bytes(text)
    if not size:
        return "A303"
    return "A328" if size > (SMS_BYTES if service == "SMS" else LMS_BYTES) else ""


def _cp949_bytes(text: str) -> int | None:
    """Bytes on the carriers' wire; None when a character has none."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("cp949"))
    except UnicodeEncodeError:
        return None


def _accept(request: EmulatedRequest, account: Account, state: State, send: _Send, hops: Sequence[_Hop]) -> Answer:
    now, destinations = request.now, send.destinations or []
    addresses = [_e164(own.to) for own in destinations]
    codes = [_recipient_code(to, request) for to in addresses]
    of_all = next((code for code in codes if code.startswith(GATEWAY)), "")
    if of_all:
        return Answer(of_all)
    korean = now.astimezone(KST)
    request_id = f"{korean:%Y%m%d%H%M%S}{korean.microsecond // 1000:03d}POM{state.next() % 10**9:09d}"
    kinds = tuple((hop.service, hop.kind) for hop in hops)
    first = len(account.history)
    rows: list[Row] = []
    received: list[Received] = []
    refused: dict[int, str] = {}
    accepted_words = wording(ACCEPTED)
    for position, (own, to) in enumerate(zip(destinations, addresses, strict=True)):
        texts = [hop.item.text for hop in hops]
        code = codes[position] or _fill(hops, texts, own.replace_words or {})
        if code:
            refused[position] = code
            rows.append(Row(own.to, code, wording(code)))
            continue
        key = f"{request_id}{position:03d}"
        reference = own.ref or send.ref or ""
        message = Message(key, len(account.history) + 1, account, own.to, reference, kinds, now)
        state.messages[key] = message
        account.history.append(message)
        rows.append(Row(own.to, ACCEPTED, accepted_words, key))
        received.append(_received(account, to, key, reference, own, hops, texts, now))
    account.requests[request_id] = (first, len(account.history))
    day = account.day(now)
    day[0] += len(received)
    day[1] += len(refused)
    if account.credit is not None:
        account.credit -= len(received)
    if send.idempotency_key and send.idempotency_ttl:
        until = now + timedelta(seconds=send.idempotency_ttl)
        account.remembered[send.idempotency_key] = Remembered(until, refused)
    return Answer(ACCEPTED, rows, received, send.ref)


def _fill(hops: Sequence[_Hop], texts: list[str], words: dict[str, str]) -> str:
    """Put the recipient's words into `texts`; gives the code that refuses the outcome, "" for none."""
    for number, hop in enumerate(hops):
        text = texts[number]
        if "#{" in text:
            texts[number] = text = _PLACE.sub(lambda place: words.get(place[1], place[0]), text)
            code = _text_code(hop.service, text)
            if code:
                return code
    return ""


def _received(
    account: Account,
    to: str,
    key: str,
    reference: str,
    own: _Destination,
    hops: Sequence[_Hop],
    texts: Sequence[str],
    now: datetime,
) -> Received:
    first = hops[0]
    return Received(
        account=account.name,
        to=to,
        sender=first.item.sender or first.item.sender_key,
        channel=first.channel,
        text=texts[0],
        provider_ref=key,
        reference=reference,
        media=tuple(first.item.file_key or ()),
        template=first.item.template_code,
        variables=own.replace_words or {},
        callback_url=account.callback_url,
        at=now,
        fallback=tuple((hop.channel, text) for hop, text in zip(hops[1:], texts[1:], strict=True)),
        extra={"title": first.item.title} if first.item.title else {},
    )


def _recipient_code(to: str, request: EmulatedRequest) -> str:
    """Code that refuses one recipient, "" for none."""
    if not to:
        return "A306"
    refusal = request.refusal(to)
    return "" if refusal is None else refusal.code or _AT_SUBMIT[refusal.kind]


def _e164(to: str) -> str:
    """E.164 of a Korean mobile number; `82…` was taken in production once (sheet section 1). "" for others."""
    if not _MOBILE.fullmatch(to):
        return ""
    return "+82" + to[1:] if to.startswith("0") else "+" + to
