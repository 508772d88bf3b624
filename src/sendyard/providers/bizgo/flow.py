"""
What is sent: the body of `POST /v1/send/omni` or `POST /v1/reservation`, from a batch of messages.

Up to 200 different texts travel in one request: when texts differ the flow says `#{text}` and each recipient
carries its own in `replaceWords`. A text that itself contains `#{` travels the same way, because values are data.
"""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, TemplateRef
from sendyard.providers.bizgo.extras import SEND_AT, Extras, read_extras
from sendyard.providers.bizgo.items import Body, Frame, Item, build_item, rcs_body, shape_of
from sendyard.providers.bizgo.numbers import is_korean, wire_number
from sendyard.providers.bizgo.reports import KST
from sendyard.providers.bizgo.spec import DEDUP_SECONDS, BizgoAccount
from sendyard.providers.contract import Call, Outgoing

_TTL_BUCKET_SECONDS = 60
_LONGEST_TTL = 86_400

Words = list[dict[str, str]]
Column = tuple[Channel, list[Content]]
"""One item of the flow: its channel, and what it says to each recipient."""


class Destination(msgspec.Struct, omit_defaults=True, rename="camel"):
    """One recipient."""

    to: str
    replace_words: dict[str, str] | None = None
    ref: str = ""


class SendOmni(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The whole request; a reservation has a time and a name, and no idempotency key (sheet section 7)."""

    destinations: list[Destination]
    message_flow: list[Item]
    idempotency_key: str = ""
    idempotency_ttl: int = 0
    resv_send_time: str = ""
    resv_name: str = ""


def is_reserved(outgoing: Outgoing) -> bool:
    """Whether BizGO shall keep this message until a time."""
    return SEND_AT in outgoing.registration


def batch_key(outgoing: Outgoing) -> Hashable:
    """Everything the messages of one request must share."""
    until, fallback, registration = outgoing.valid_until, outgoing.fallback, outgoing.registration
    korean = is_korean(outgoing.to.value)
    return (
        outgoing.sender,
        shape_of(outgoing.channel, outgoing.content, korean=korean),
        tuple(shape_of(channel, content, korean=korean) for channel, content in fallback) if fallback else None,
        tuple(registration.items()) if registration else None,
        outgoing.purpose is Purpose.PROMOTIONAL,
        int(until.timestamp()) // _TTL_BUCKET_SECONDS if until is not None else None,
        # A reservation has one name, by which it is found again: it carries one message.
        outgoing.reference if registration and SEND_AT in registration else None,
    )


def compose(call: Call, account: BizgoAccount, batch: Sequence[Outgoing]) -> SendOmni:
    """Build the body for messages that share a batch key; the same exchange gives the same bytes."""
    first = batch[0]
    extras = read_extras(first.registration)
    korean = is_korean(first.to.value)
    advertising = first.purpose is Purpose.PROMOTIONAL
    frame = Frame(account, extras, first.sender.replace("-", ""), _ttl(batch, call.first_at), advertising)
    columns: list[Column] = [(first.channel, [own.content for own in batch])]
    for position, (channel, _) in enumerate(first.fallback):
        columns.append((channel, [own.fallback[position][1] for own in batch]))

    flow: list[Item] = []
    words: Words | None = _variables(columns) if extras.has_places else None
    for position, column in enumerate(columns):
        shape = shape_of(column[0], column[1][0], korean=korean)
        body, own_words = _body(column[1], position, by_provider=shape.by_provider, parts=shape.parts)
        if own_words is not None:
            words = own_words if words is None else [a | b for a, b in zip(words, own_words, strict=True)]
        flow.append(build_item(shape, body, frame))

    numbers = [wire_number(outgoing.to.value) for outgoing in batch]
    if words is None:
        destinations = [Destination(to, None, own.reference) for to, own in zip(numbers, batch, strict=True)]
    else:
        destinations = list(map(Destination, numbers, words, [own.reference for own in batch]))
    return _framed(destinations, flow, extras, call.exchange_id, first.reference)


def _framed(destinations: list[Destination], flow: list[Item], extras: Extras, exchange_id: str, name: str) -> SendOmni:
    if extras.send_at is None:
        return SendOmni(destinations, flow, exchange_id, DEDUP_SECONDS)
    return SendOmni(destinations, flow, resv_send_time=korean_clock(extras.send_at), resv_name=name)


def korean_clock(at: datetime) -> str:
    """A time as reservations write it: Korean, without an offset."""
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")


def _body(
    contents: Sequence[Content], position: int, *, by_provider: bool, parts: Sequence[str]
) -> tuple[Body, Words | None]:
    """The item's text and what each recipient puts into its places; None when all get the same."""
    if by_provider:
        return "", [_variables_of(own) for own in contents]
    if parts:
        places = rcs_body(parts, position)
        names = [(name, place[2:-1]) for name, place in places.items()]
        return places, [{word: _variables_of(own).get(name, "") for name, word in names} for own in contents]
    texts = [content.body for content in contents]
    text = texts[0]
    if "#{" not in text and texts.count(text) == len(texts):
        return text, None
    name = f"text{position + 1}" if position else "text"
    return f"#{{{name}}}", [{name: own} for own in texts]


def _variables(columns: Sequence[Column]) -> Words:
    """What fills the places of fields that came beside the content, such as a button's address."""
    rows: list[dict[str, str]] = [{} for _ in columns[0][1]]
    for _, contents in columns:
        for row, content in zip(rows, contents, strict=True):
            row.update(_variables_of(content))
    return rows


def _variables_of(content: Content) -> dict[str, Any]:
    return dict(content.variables) if isinstance(content, TemplateRef) else {}


def _ttl(batch: Sequence[Outgoing], since: datetime) -> str:
    ends = [outgoing.valid_until for outgoing in batch if outgoing.valid_until is not None]
    if not ends:
        return ""
    return str(min(_LONGEST_TTL, max(1, int((min(ends) - since).total_seconds()))))
