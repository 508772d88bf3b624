"""
What the emulated BizGO takes at `POST /v1/send/omni`, and what it refuses with which code.

Sheet sections 4 and 12; `emulated_flow` judges the items.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import count_gsm
from sendyard.providers.bizgo.codes import ACCEPTED, DUPLICATE, GATEWAY, SERVICE_CODES
from sendyard.providers.bizgo.emulated_flow import Hop, Item, flaw_of, hop_code, hop_of, text_code, title_of
from sendyard.providers.bizgo.emulated_state import KST, Account, Message, Remembered, State
from sendyard.providers.bizgo.places import fill
from sendyard.providers.bizgo.spec import DEDUP_SECONDS, MAX_RECIPIENTS
from sendyard.providers.emulation import EmulatedRequest, Received

_MOBILE = re.compile(r"(?:0|82)1[016789]\d{7,8}")
_ABROAD = re.compile(r"[1-9]\d{7,14}")
_AT_SUBMIT = {
    ErrorKind.THROTTLED: "A020",
    ErrorKind.UNAVAILABLE: "A920",
    ErrorKind.AUTH_FAILED: "A110",
    ErrorKind.OUT_OF_CREDIT: "A320",
    ErrorKind.NOT_REGISTERED: "A327",
    ErrorKind.REGISTRY_REFUSED: "A327",
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


class Send(msgspec.Struct, rename="camel"):
    """A request to send, or to reserve."""

    destinations: list[_Destination] | None = None
    message_flow: list[dict[str, Item]] | None = None
    ref: str | None = None
    payment_code: str | None = None
    idempotency_key: str | None = None
    idempotency_ttl: int | None = None
    resv_send_time: str | None = None
    resv_name: str | None = None


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


class Draft(NamedTuple):
    """One recipient's message, filled and accepted, not yet on its way."""

    key: str
    wire: str
    to: str
    reference: str
    words: dict[str, str]
    texts: list[str]
    flaws: tuple[str, ...]
    attachment: str


@dataclass(slots=True)
class Judged:
    """What became of each destination; `code` refuses all of them."""

    code: str = ""
    rows: list[Row] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    request_id: str = ""


_SEND = msgspec.json.Decoder(Send)
_encode = msgspec.json.Encoder().encode


def wording(code: str) -> str:
    """BizGO's words for a service code."""
    known = SERVICE_CODES.get(code)
    return known.wording if known else "Failed"


def opened(request: EmulatedRequest, account: Account) -> tuple[str, Send, list[Hop]]:
    """Read a request and its flow, within the rate; the code is "" when all of it can be looked at."""
    try:
        send = _SEND.decode(request.body)
    except msgspec.ValidationError:
        return "A011", Send(), []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "A010", Send(), []
    destinations = send.destinations or []
    if not account.send_bucket.take(max(1, len(destinations)), request.now):
        return "A020", send, []
    hops = [hop_of(*next(iter(item.items()))) for item in send.message_flow or () if item]
    return _request_code(send) or _flow_code(hops, destinations, account), send, hops


def take(request: EmulatedRequest, account: Account, state: State) -> Answer:
    """Judge one request and keep what is accepted."""
    code, send, hops = opened(request, account)
    before = account.remembered.get(send.idempotency_key or "")
    if not code and before is not None and request.now < before.until:
        return _repeat(send, before)
    if not code and account.credit is not None and account.credit < len(send.destinations or ()):
        code = "A320"
    if code:
        return Answer(code)
    judged = judge(request, account, state, send, hops)
    if judged.code:
        return Answer(judged.code)
    received = keep(account, state, hops, judged, request.now)
    if send.idempotency_key and send.idempotency_ttl:
        until = request.now + timedelta(seconds=send.idempotency_ttl)
        account.remembered[send.idempotency_key] = Remembered(until, judged.refused)
    return Answer(ACCEPTED, judged.rows, received, send.ref)


def _repeat(send: Send, before: Remembered) -> Answer:
    """An idempotency key seen before: every destination accepted then is A301, without its `msgKey`."""
    destinations = send.destinations or []
    codes = [before.refused.get(position, DUPLICATE) for position in range(len(destinations))]
    rows = [Row(own.to, code, wording(code)) for own, code in zip(destinations, codes, strict=True)]
    return Answer(ACCEPTED, rows, reference=send.ref)


def _request_code(send: Send) -> str:
    key, ttl, flow, destinations = send.idempotency_key, send.idempotency_ttl, send.message_flow, send.destinations
    references = [send.ref, *(own.ref for own in destinations or ())]
    checks = (
        (not destinations, "A307"),
        (len(destinations or ()) > MAX_RECIPIENTS, "A318"),
        (not flow or any(len(item) != 1 for item in flow), "A300"),
        (key is not None and not 1 <= len(key) <= 200, "A308"),
        (key is not None and (ttl is None or not 0 <= ttl <= DEDUP_SECONDS), "A309"),
        (any(reference is not None and len(reference) > 200 for reference in references), "A305"),
        (send.payment_code is not None and len(send.payment_code) > 20, "A310"),
    )
    return next((code for wrong, code in checks if wrong), "")


def _flow_code(hops: Sequence[Hop], destinations: Sequence[_Destination], account: Account) -> str:
    code = next((code for hop in hops if (code := hop_code(hop, account))), "")
    by_template = any(hop.item.send_type == "template" for hop in hops)
    if not code and by_template and any(own.replace_words is None for own in destinations):
        code = "A300"
    return code


def judge(request: EmulatedRequest, account: Account, state: State, send: Send, hops: Sequence[Hop]) -> Judged:
    """Judge every destination, and give each accepted one its key."""
    judged = Judged()
    destinations = send.destinations or []
    abroad = any(hop.service == "INTERNATIONAL" for hop in hops)
    addresses = [_e164(own.to, abroad=abroad) for own in destinations]
    codes = [_recipient_code(to, request) for to in addresses]
    judged.code = next((code for code in codes if code.startswith(GATEWAY)), "")
    if judged.code:
        return judged
    korean = request.now.astimezone(KST)
    stamp = f"{korean:%Y%m%d%H%M%S}{korean.microsecond // 1000:03d}"
    judged.request_id = f"{stamp}POM{state.next() % 10**9:09d}"
    accepted_words = wording(ACCEPTED)
    for position, (own, to) in enumerate(zip(destinations, addresses, strict=True)):
        words = own.replace_words or {}
        texts = [_said(hop, words, account) for hop in hops]
        code = codes[position] or _filled_code(hops, texts)
        if code:
            judged.refused[position] = code
            judged.rows.append(Row(own.to, code, wording(code)))
            continue
        key = f"{judged.request_id}{position:03d}"
        attachment = _attachment(hops[0].item, words)
        flaws = tuple(flaw_of(hop, text, attachment, account) for hop, text in zip(hops, texts, strict=True))
        reference = own.ref or send.ref or ""
        judged.drafts.append(Draft(key, own.to, to, reference, words, texts, flaws, attachment))
        judged.rows.append(Row(own.to, ACCEPTED, accepted_words, key))
    return judged


def keep(account: Account, state: State, hops: Sequence[Hop], judged: Judged, now: datetime) -> list[Received]:
    """Send what was accepted: into the history, the day's counts and the allowance."""
    kinds = tuple((hop.service, hop.kind) for hop in hops)
    first = len(account.history)
    received = []
    for draft in judged.drafts:
        number = len(account.history) + 1
        abroad = hops[0].service == "INTERNATIONAL"
        message = Message(draft.key, number, account, draft.wire, draft.reference, kinds, now)
        message.flaws = draft.flaws if any(draft.flaws) else ()
        message.parts = count_gsm(draft.texts[0]).parts if abroad else 1
        state.messages[draft.key] = message
        account.history.append(message)
        received.append(_received(account, draft, hops, message.parts, now))
    account.requests[judged.request_id] = (first, len(account.history))
    day = account.day(now)
    day[0] += len(received)
    day[1] += len(judged.refused)
    if account.credit is not None:
        account.credit -= len(received)
    return received


def _said(hop: Hop, words: dict[str, str], account: Account) -> str:
    """The item's text with this recipient's words; a template known here is written by BizGO itself."""
    text = hop.text
    if hop.item.send_type == "template":
        if hop.service == "ALIMTALK":
            template = account.templates.get(hop.item.template_code)
            text = template.row["text"] if template else ""
        else:
            text = account.brand_templates.get(hop.item.template_code, {}).get("text", "")
    return fill(text, words) if "#{" in text else text


def _filled_code(hops: Sequence[Hop], texts: Sequence[str]) -> str:
    """Code that refuses a text because of what its places were filled with, "" for none."""
    for hop, text in zip(hops, texts, strict=True):
        if "#{" in hop.text and (code := text_code(hop, text)):
            return code
    return ""


def _attachment(item: Item, words: dict[str, str]) -> str:
    """Buttons and the like as JSON, with this recipient's words; blank without any."""
    given: Any = item.attachment or item.carousel or item.buttons
    if not given:
        return ""
    text = _encode(given).decode()
    return fill(text, words) if "#{" in text else text


def _received(account: Account, draft: Draft, hops: Sequence[Hop], parts: int, now: datetime) -> Received:
    first = hops[0]
    item = first.item
    title = fill(title_of(item), draft.words)
    media = (item.body or {}).get("media")
    image = (item.attachment or {}).get("image")
    pictures = [media] if media else [image["imgUrl"]] if isinstance(image, dict) and "imgUrl" in image else []
    extra = {"title": title, "header": item.header, "footer": item.footer, "attachment": draft.attachment}
    return Received(
        account=account.name,
        to=draft.to,
        sender=item.sender or item.sender_key,
        channel=first.channel,
        text=draft.texts[0],
        provider_ref=draft.key,
        reference=draft.reference,
        media=tuple(item.file_key or pictures),
        template=item.template_code or item.format_id,
        variables=draft.words,
        callback_url=account.callback_url,
        parts=parts,
        at=now,
        fallback=tuple((hop.channel, text) for hop, text in zip(hops[1:], draft.texts[1:], strict=True)),
        extra={name: value for name, value in extra.items() if value},
    )


def _recipient_code(to: str, request: EmulatedRequest) -> str:
    """Code that refuses one recipient, "" for none."""
    if not to:
        return "A306"
    refusal = request.refusal(to)
    return "" if refusal is None else refusal.code or _AT_SUBMIT[refusal.kind]


def _e164(to: str, *, abroad: bool) -> str:
    """E.164 of a recipient; `82…` was taken in production once (sheet section 1). "" for what is none."""
    if abroad:
        return "+" + to if _ABROAD.fullmatch(to) else ""
    if not _MOBILE.fullmatch(to):
        return ""
    return "+82" + to[1:] if to.startswith("0") else "+" + to
