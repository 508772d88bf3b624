"""
What is sent: the body of `POST /v1/send/omni`, from a batch of messages.

Up to 200 different texts travel in one request: when texts differ the flow says `#{text}` and each recipient
carries its own in `replaceWords`. A text that itself contains `#{` travels the same way, because values are data.
"""

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, TemplateRef, title_of
from sendyard.providers.bizgo.spec import DEDUP_SECONDS, SENDER_KEY, SMS_BYTES
from sendyard.providers.contract import Outgoing

_TTL_BUCKET_SECONDS = 60
_LONGEST_TTL = 86_400
_SPELLING = {"sender": "from", "file_key": "fileKey", "origin_cid": "originCID"}


class Destination(msgspec.Struct, omit_defaults=True, rename="camel"):
    """One recipient."""

    to: str
    replace_words: dict[str, str] | None = None
    ref: str = ""


class Sms(msgspec.Struct, omit_defaults=True, rename=_SPELLING):
    """At most 90 bytes, no title."""

    sender: str
    text: str
    ttl: str = ""
    origin_cid: str = ""


class Mms(msgspec.Struct, omit_defaults=True, rename=_SPELLING):
    """LMS without `fileKey`, MMS with it."""

    sender: str
    text: str
    title: str = ""
    file_key: list[str] | None = None
    ttl: str = ""
    origin_cid: str = ""


class Alimtalk(msgspec.Struct, omit_defaults=True, rename="camel"):
    """A Kakao template: the whole text (`msgType` AT), or only its code (`sendType` template)."""

    sender_key: str
    template_code: str
    send_type: str = ""
    msg_type: str = ""
    text: str = ""


class FlowItem(msgspec.Struct, omit_defaults=True):
    """Exactly one channel."""

    sms: Sms | None = None
    mms: Mms | None = None
    alimtalk: Alimtalk | None = None


class SendOmni(msgspec.Struct, rename="camel"):
    """The whole request."""

    destinations: list[Destination]
    message_flow: list[FlowItem]
    idempotency_key: str
    idempotency_ttl: int = DEDUP_SECONDS


class Shape(NamedTuple):
    """All of one flow item except its text."""

    service: str  # sms, mms, alimtalk
    title: str = ""
    pictures: tuple[str, ...] = ()
    template: str = ""
    by_provider: bool = False  # the provider renders the template from its variables


def shape_of(channel: Channel, content: Content) -> Shape:
    """Pick the item for one content: `sms` up to 90 CP949 bytes without a title, else `mms` (LMS, or MMS)."""
    if isinstance(content, TemplateRef):
        if channel is Channel.ALIMTALK:
            return Shape("alimtalk", template=content.name, by_provider=not content.body)
        return Shape("sms" if _fits_sms(content.body) else "mms")
    if isinstance(content, Media):
        return Shape("mms", content.title, tuple(item.handle for item in content.items))
    title = title_of(content)
    if channel is Channel.MMS or title or not _fits_sms(content.body):
        return Shape("mms", title)
    return Shape("sms")


def batch_key(outgoing: Outgoing) -> Hashable:
    """Everything the messages of one request must share."""
    until = outgoing.valid_until
    fallback = outgoing.fallback
    return (
        outgoing.sender,
        shape_of(outgoing.channel, outgoing.content),
        tuple(shape_of(channel, content) for channel, content in fallback) if fallback else None,
        outgoing.registration.get(SENDER_KEY) if outgoing.registration else None,
        int(until.timestamp()) // _TTL_BUCKET_SECONDS if until is not None else None,
    )


def compose(
    batch: Sequence[Outgoing], numbers: Sequence[str], *, exchange_id: str, origin_cid: str, now: datetime
) -> SendOmni:
    """Build the body for messages that share a batch key; `numbers` are their recipients as BizGO writes them."""
    first = batch[0]
    ttl = _ttl(batch, now)
    sender = first.sender.replace("-", "")
    sender_key = first.registration.get(SENDER_KEY, "")
    columns: list[tuple[Channel, list[Content]]] = [(first.channel, [own.content for own in batch])]
    for position, (channel, _) in enumerate(first.fallback):
        columns.append((channel, [own.fallback[position][1] for own in batch]))

    flow: list[FlowItem] = []
    words: list[dict[str, str]] | None = None
    for position, (channel, contents) in enumerate(columns):
        shape = shape_of(channel, contents[0])
        texts = [content.body for content in contents]
        text = texts[0]
        own_words: list[dict[str, str]] | None = None
        if shape.by_provider:
            own_words = [dict(own.variables) if isinstance(own, TemplateRef) else {} for own in contents]
        elif "#{" in text or texts.count(text) != len(texts):
            name = f"text{position + 1}" if position else "text"
            text = f"#{{{name}}}"
            own_words = [{name: own} for own in texts]
        if own_words is not None:
            words = own_words if words is None else [a | b for a, b in zip(words, own_words, strict=True)]
        flow.append(_item(shape, text, sender, ttl, origin_cid, sender_key))

    if words is None:
        destinations = [Destination(to, None, own.reference) for to, own in zip(numbers, batch, strict=True)]
    else:
        destinations = list(map(Destination, numbers, words, [own.reference for own in batch]))
    return SendOmni(destinations, flow, exchange_id)


def _fits_sms(text: str) -> bool:
    # Text that CP949 cannot write is refused by `check`; where it comes this far, BizGO's own answer decides.
    return len(text if text.isascii() else text.encode("cp949", "replace")) <= SMS_BYTES


def _ttl(batch: Sequence[Outgoing], now: datetime) -> str:
    ends = [outgoing.valid_until for outgoing in batch if outgoing.valid_until is not None]
    if not ends:
        return ""
    return str(min(_LONGEST_TTL, max(1, int((min(ends) - now).total_seconds()))))


def _item(shape: Shape, text: str, sender: str, ttl: str, origin_cid: str, sender_key: str) -> FlowItem:
    if shape.service == "sms":
        return FlowItem(sms=Sms(sender, text, ttl, origin_cid))
    if shape.service == "mms":
        pictures = list(shape.pictures) or None
        return FlowItem(mms=Mms(sender, text, shape.title, pictures, ttl, origin_cid))
    if shape.by_provider:
        return FlowItem(alimtalk=Alimtalk(sender_key, shape.template, send_type="template"))
    return FlowItem(alimtalk=Alimtalk(sender_key, shape.template, msg_type="AT", text=text))
