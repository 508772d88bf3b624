"""
What callers send and get about messages.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from sendyard.api.problems import ProblemField
from sendyard.delivery.preflight import LONGEST_EXPIRES_IN
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.status import MessageStatus

Moment = Annotated[datetime, Meta(tz=True)]
Number = Annotated[int, Meta(ge=-(2**53), le=2**53)]
Value = str | Number | float
Label = str | Number | float | bool | None

MOST_RECIPIENTS = 10_000


class TemplateRecord(msgspec.Struct, forbid_unknown_fields=True):
    """The row of a table of records whose columns fill variables."""

    table: Annotated[str, Meta(max_length=60)]
    key: Annotated[str, Meta(max_length=200)]


class TemplateUse(msgspec.Struct, forbid_unknown_fields=True):
    """A stored template with the values of its variables."""

    code: str
    variables: Annotated[
        dict[str, Value | list[Value]],
        Meta(description="Plain values: numbers, `1200 TWD`, `2026-05-03`, `15:05`; the template writes them."),
    ] = {}
    language: Annotated[
        str | None, Meta(description="What the recipient reads, such as ko; the template's own when absent.")
    ] = None
    record: TemplateRecord | None = None


class MediaUse(msgspec.Struct, forbid_unknown_fields=True):
    """A file: one that was uploaded to `/media`, by its id, or one that the provider fetches, by its address."""

    url: Annotated[str, Meta(pattern="^https?://", max_length=2000)] | None = None
    id: Annotated[str, Meta(description="Of an uploaded file; instead of `url`.", max_length=64)] | None = None
    content_type: Annotated[
        str, Meta(description="Of an address; by its ending when empty. An uploaded file's is known.", max_length=100)
    ] = ""
    filename: Annotated[str, Meta(max_length=200)] = ""


class ChoiceUse(msgspec.Struct, forbid_unknown_fields=True):
    """One button, or one row of a list."""

    title: Annotated[str, Meta(min_length=1, max_length=100)]
    id: Annotated[str, Meta(description="Comes back when it is pressed; the title when empty.", max_length=300)] = ""
    description: Annotated[str, Meta(description="Of a row.", max_length=200)] = ""


class InteractiveUse(msgspec.Struct, forbid_unknown_fields=True):
    """
    A text with things to press: buttons, or with `list_label` a list that opens under that label. WhatsApp shows up to
    3 buttons or 10 rows; what a provider cannot show is refused before anything is sent.
    """

    body: Annotated[str, Meta(min_length=1, max_length=4096)]
    choices: Annotated[list[ChoiceUse], Meta(min_length=1, max_length=20)]
    header: Annotated[str, Meta(max_length=100)] = ""
    footer: Annotated[str, Meta(max_length=100)] = ""
    list_label: Annotated[str, Meta(max_length=100)] = ""


class FallbackUse(msgspec.Struct, forbid_unknown_fields=True):
    """What the provider itself may send when the first channel fails."""

    channel: Channel
    text: str | None = None
    template: TemplateUse | None = None
    media: list[MediaUse] | None = None


class Wishes(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What one message and a batch have in common: content, way and time."""

    text: Annotated[
        str | None, Meta(description="One of `text`, `template`, `media` and `interactive`; media may have a text.")
    ] = None
    template: TemplateUse | None = None
    media: Annotated[list[MediaUse], Meta(min_length=1, max_length=20)] | None = None
    interactive: InteractiveUse | None = None
    title: Annotated[str, Meta(description="Of a Korean LMS or MMS.", max_length=100)] = ""
    channel: Channel = Channel.SMS
    purpose: Purpose = Purpose.TRANSACTIONAL
    sender: Annotated[str, Meta(description="As the provider knows it; the account's own when empty.")] = ""
    account: Annotated[str, Meta(description="Id or name of the one account to use; the route decides when empty.")] = (
        ""
    )
    country: Annotated[
        str, Meta(description="Country code by which national numbers are read.", max_length=2, examples=["TW"])
    ] = ""
    send_at: Annotated[Moment | None, Meta(description="When to send, at most a year ahead; now when absent.")] = None
    expires_in: Annotated[
        Annotated[int, Meta(ge=1, le=LONGEST_EXPIRES_IN)] | None,
        Meta(description="Seconds after which it must not be sent any more; 86,400, or 300 for one-time codes."),
    ] = None
    registration: Annotated[
        dict[str, str],
        Meta(description="Ids at a regulator or platform: `entity_id`, `template_id` (DLT), `sender_key` (Kakao)."),
    ] = {}
    reference: Annotated[str, Meta(description="Your own id of it.")] = ""
    metadata: Annotated[dict[str, Label], Meta(description="Comes back unchanged; at most 4,096 characters.")] = {}
    fallback: Annotated[list[FallbackUse], Meta(max_length=3)] = []


class SendMessage(Wishes, forbid_unknown_fields=True, kw_only=True):
    """One message to one recipient."""

    to: Annotated[
        str,
        Meta(description="A phone number, best as E.164; on LINE the person's user id.", examples=["+886912345678"]),
    ]


class BatchRecipient(msgspec.Struct, forbid_unknown_fields=True):
    """One recipient of a batch."""

    to: str
    variables: dict[str, Value] = {}
    reference: str = ""


class SendBatch(Wishes, forbid_unknown_fields=True, kw_only=True):
    """
    One content to many recipients. Here `text` is a template: `{name}` stands for a recipient's variable, and
    `{{` for a brace.
    """

    recipients: Annotated[list[BatchRecipient], Meta(min_length=1, max_length=MOST_RECIPIENTS)]


class MessageError(msgspec.Struct):
    """Why a message did not arrive."""

    kind: str
    code: str
    detail: str
    advice: str


class Cost(msgspec.Struct):
    """An amount of money."""

    amount: Annotated[str, Meta(description="A decimal number.")]
    currency: str


class MessageFile(msgspec.Struct, omit_defaults=True):
    """A file of a message: the id of an uploaded one, or the address of another."""

    content_type: str
    id: str = ""
    url: str = ""
    filename: str = ""


class RuleNote(msgspec.Struct):
    """What a rule of the recipient's country or channel said of a message."""

    rule: Annotated[str, Meta(examples=["kr.night"])]
    level: Annotated[
        str,
        Meta(description="defer: it waits until `send_at`; fix: its text was put right."),
    ]
    detail: str


class MessageAnswer(msgspec.Struct):
    """A message and what became of it."""

    id: str
    status: MessageStatus
    channel: Channel
    to: str
    sender: str
    purpose: Purpose
    account: str
    provider: str
    provider_ref: str | None
    parts: int
    encoding: str
    cost: Annotated[Cost | None, Meta(description="What it cost so far, when all of it is in one currency.")]
    costs: list[Cost]
    error: MessageError | None
    reference: str
    metadata: dict[str, Label]
    campaign: str | None
    batch: str | None
    country: str
    text: Annotated[str | None, Meta(description="As sent; null for one-time codes and in lists.")]
    created_at: Moment
    send_at: Moment | None
    expires_at: Moment
    sent_at: Moment | None
    delivered_at: Moment | None
    media: Annotated[list[MessageFile], Meta(description="Empty in lists.")] = []
    choices: Annotated[list[ChoiceUse], Meta(description="What can be pressed; empty in lists.")] = []
    rules: Annotated[
        list[RuleNote],
        Meta(description="What rules of its country changed about it or let it wait for; empty in lists."),
    ] = []


class MessageList(msgspec.Struct):
    """
    Messages, newest first; those of one campaign from its last row to its first.

    Go on with `after` until `next` is null: a page may hold fewer messages than asked for, even none, before the end.
    """

    data: list[MessageAnswer]
    next: str | None


class BatchAccepted(msgspec.Struct):
    """A recipient whose message is stored."""

    index: int
    id: str
    status: MessageStatus


class BatchRejected(msgspec.Struct):
    """A recipient who gets nothing, and why."""

    index: int
    errors: list[ProblemField]


class BatchAnswer(msgspec.Struct):
    """What became of each recipient of a batch."""

    batch_id: str
    accepted: list[BatchAccepted]
    rejected: list[BatchRejected]


class Exchange(msgspec.Struct):
    """The HTTP request an attempt travelled in, without secrets and shortened."""

    id: str
    tries: int
    opened_at: Moment
    closed_at: Moment | None
    http_status: int | None
    request: str | None
    response: str | None


class TimelineEntry(msgspec.Struct, omit_defaults=True):
    """One fact of a message's life; fields that do not belong to its kind are left out."""

    at: Moment
    kind: str
    detail: str | None = None
    status: str | None = None
    code: str | None = None
    account: str | None = None
    provider: str | None = None
    attempt: str | None = None
    provider_ref: str | None = None
    parts: int | None = None
    cost: Cost | None = None
    error: MessageError | None = None
    exchange: Exchange | None = None
    purpose: Purpose | None = None
    channel: Channel | None = None
    send_at: Moment | None = None
    route: list[str] | None = None
    settled_at: Moment | None = None


class Timeline(msgspec.Struct):
    """Everything that happened to a message, oldest first."""

    data: list[TimelineEntry]


class MessageFilter(msgspec.Struct, forbid_unknown_fields=True):
    """Which messages to list; conditions are joined by and."""

    status: MessageStatus | None = None
    to: str | None = None
    campaign: str | None = None
    account: str | None = None
    reference: str | None = None
    batch: str | None = None
    after: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
