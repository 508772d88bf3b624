"""
Everything that is checked before a message may enter the ledger.

`prepare` needs no database and runs first; what only the database knows (suppressions, the hourly limit) is
looked at inside the transaction that stores the message.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from sendyard.delivery.carriage import carriage
from sendyard.delivery.directory import Directory
from sendyard.delivery.queries import Stop, erased_stops, has_erased, recent, standing, stops
from sendyard.delivery.routing import decide
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Media, TemplateRef
from sendyard.domain.errors import AppError, ErrorKind, FieldError, Invalid, ProviderError, RateLimited
from sendyard.domain.recipients import read_recipient
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import NOTHING, NewMessage
from sendyard.providers.contract import Outgoing, Problem
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction

DEFAULT_EXPIRES_IN = {Purpose.OTP: 300, Purpose.TRANSACTIONAL: 86_400, Purpose.PROMOTIONAL: 86_400}
"""Seconds a message may wait before it is handed over, unless it says otherwise."""
LONGEST_EXPIRES_IN = 30 * 86_400
LONGEST_SCHEDULE = 366 * 86_400
LONGEST_REFERENCE = 255  # characters
LONGEST_SENDER = 64  # characters
LARGEST_METADATA = 4096  # bytes of JSON
WINDOW_MS = 3_600_000
"""The hour of the per-recipient limit."""

_ROWS_AT_ONCE = 1000
_NEVER = 1 << 62  # later than any message, so that counting finds none
_SURROGATE = re.compile("[\ud800-\udfff]")
_encode_json = msgspec.json.Encoder().encode
# Adapters name problems, not fields; the beginning of the code tells which field is meant.
_POINTERS = (
    ("sender", "/sender"),
    ("text", "/text"),
    ("content", "/text"),
    ("character", "/text"),
    ("forbidden", "/text"),
    ("title", "/text"),
    ("picture", "/media"),
    ("too_many_pictures", "/media"),
    ("template", "/template"),
    ("not_a_", "/to"),
)


class Draft(msgspec.Struct, frozen=True, kw_only=True):  # a dataclass takes five times as long to make
    """
    A message as a caller wants it, before anything is checked.

    `checked` is for callers that read the recipient before (campaigns): `to` is then an address as it is stored, of
    `checked_country`, and is not read again. `variants` and `registration` are as in `NewMessage`. `test`
    marks what a test key sends: only emulated accounts may carry it.
    """

    to: str  # as typed
    content: Content  # rendered completely
    channel: Channel = Channel.SMS
    purpose: Purpose = Purpose.TRANSACTIONAL
    sender: str = ""  # "" stands for the account's own
    account: str = ""  # id or name; "" lets the route decide
    country: str = ""  # by which a national number is read
    send_at: int | None = None  # milliseconds since 1970
    expires_in: int | None = None  # seconds from `send_at`, or from now
    reference: str = ""
    metadata: Mapping[str, Any] = msgspec.field(default_factory=dict)
    fallback: tuple[tuple[Channel, Content], ...] = ()
    variants: Mapping[str, Content] = NOTHING
    registration: Mapping[str, str] = NOTHING
    batch_id: str | None = None
    campaign_id: str = ""
    row: int | None = None
    checked: bool = False
    checked_country: str = ""
    test: bool = False


def prepare(directory: Directory, workspace_id: str, draft: Draft, now_ms: int) -> NewMessage:
    """
    Check a draft as far as possible without the database.

    Raises:
        Invalid: one error per field at fault; `code` and `detail` are those of the first.
    """
    errors: list[FieldError] = []
    country = draft.checked_country
    to: Address | None = None
    if draft.checked:
        to = Address.known(draft.to)
    else:
        found = read_recipient(draft.channel, draft.to, draft.country)
        to, country = found.address, found.country
        if to is None:
            errors.append(FieldError("/to", found.code, found.detail))
    _check_content(draft, errors)
    metadata = _check_labels(draft, errors) if draft.reference or draft.sender or draft.metadata else "{}"
    starts_at, expires_at = _check_times(draft, now_ms, errors)
    if errors or to is None:
        raise _invalid(errors)
    decision = decide(
        directory,
        workspace_id,
        channel=draft.channel,
        country=country,
        purpose=draft.purpose,
        account=draft.account,
        sender=draft.sender,
        emulated_only=draft.test,
    )
    if decision.code:
        pointer = "/account" if draft.account else "/to"
        raise Invalid(decision.code, decision.detail, errors=[FieldError(pointer, decision.code, decision.detail)])
    message_id = new_id()

    def outgoing(provider: str, sender: str) -> Outgoing:
        return Outgoing(
            message_id=message_id,
            reference=message_id,
            channel=draft.channel,
            to=to,
            sender=draft.sender or sender,
            content=draft.variants.get(provider, draft.content),
            purpose=draft.purpose,
            country=country,
            registration=draft.registration,
            fallback=draft.fallback,
        )

    carried = carriage(directory, decision.accounts, outgoing)
    if not carried.accounts:
        raise _invalid([_field_error(problem) for problem in carried.problems])
    return NewMessage(
        id=message_id,
        workspace_id=workspace_id,
        status=MessageStatus.SCHEDULED if starts_at else MessageStatus.QUEUED,
        purpose=draft.purpose,
        channel=draft.channel,
        to=to,
        country=country,
        sender=draft.sender,
        content=draft.content,
        parts=carried.parts,
        encoding=carried.encoding,
        route=carried.accounts,
        failover=decision.failover,
        created_at=now_ms,
        expires_at=expires_at,
        send_at=starts_at,
        fallback=draft.fallback,
        variants=draft.variants,
        registration=draft.registration,
        campaign_id=draft.campaign_id,
        row=draft.row,
        batch_id=draft.batch_id,
        reference=draft.reference,
        metadata=metadata,
    )


def admit(directory: Directory, tx: Transaction, message: NewMessage) -> NewMessage | RateLimited:
    """
    Look at what only the database knows of a prepared message's recipient.

    A suppressed recipient gives the message with status suppressed. One who had the workspace's messages of an hour
    gives `RateLimited`, returned and not raised: a work function that raises costs its whole group the commit.
    """
    limit = directory.hourly_limit(message.workspace_id)
    since = message.created_at - WINDOW_MS if limit else _NEVER
    place = (message.workspace_id, message.to.value, message.channel.value)
    found = standing(tx, *place, since, purpose=message.purpose.value)
    stop = found.stop
    if stop is None and found.erased:
        stop = _stop_of(message, _erased_stops(directory, tx, message.workspace_id, [message.to.value]))
    if stop:
        return _suppressed(message, stop)
    if limit and found.messages >= limit:
        return _too_many(limit, found.first_at, message)
    return message


def check(directory: Directory, tx: Transaction, workspace_id: str, draft: Draft, now_ms: int) -> NewMessage:
    """
    Check one draft completely.

    Raises:
        Invalid: see `prepare`.
        RateLimited: the recipient had as many messages within the hour as the workspace allows.
    """
    outcome = admit(directory, tx, prepare(directory, workspace_id, draft, now_ms))
    if isinstance(outcome, AppError):
        raise outcome
    return outcome


def check_many(
    directory: Directory, tx: Transaction, workspace_id: str, drafts: Sequence[Draft], now_ms: int
) -> list[NewMessage | AppError]:
    """
    Check a list: one outcome per draft, in order; a bad one never affects the others.

    Earlier drafts of the list count towards the hourly limit of later ones.
    """
    return admit_many(directory, tx, workspace_id, prepare_many(directory, workspace_id, drafts, now_ms), now_ms)


def prepare_many(
    directory: Directory, workspace_id: str, drafts: Sequence[Draft], now_ms: int
) -> list[NewMessage | AppError]:
    """`prepare` for a list, with the error in place of a message where one is raised."""
    outcomes: list[NewMessage | AppError] = []
    for draft in drafts:
        try:
            outcomes.append(prepare(directory, workspace_id, draft, now_ms))
        except AppError as error:
            outcomes.append(error)
    return outcomes


def admit_many(
    directory: Directory, tx: Transaction, workspace_id: str, prepared: Sequence[NewMessage | AppError], now_ms: int
) -> list[NewMessage | AppError]:
    """`admit` for a list, with two queries per thousand rows; errors pass through."""
    limit = directory.hourly_limit(workspace_id)
    since = now_ms - WINDOW_MS
    erased = has_erased(tx, workspace_id)
    counts: dict[str, tuple[int, int]] = {}
    outcomes: list[NewMessage | AppError] = []
    for start in range(0, len(prepared), _ROWS_AT_ONCE):
        rows = prepared[start : start + _ROWS_AT_ONCE]
        addresses = {row.to.value for row in rows if isinstance(row, NewMessage)}
        stopped = stops(tx, workspace_id, addresses)
        if erased:
            stopped = _erased_stops(directory, tx, workspace_id, addresses) | stopped
        if limit:
            counts.update(recent(tx, workspace_id, addresses - counts.keys(), since))
        for row in rows:
            if isinstance(row, AppError):
                outcomes.append(row)
                continue
            address = row.to.value
            if stopped and (stop := _stop_of(row, stopped)):
                outcomes.append(_suppressed(row, stop))
                continue
            if limit:
                messages, first_at = counts.get(address, (0, now_ms))
                if messages >= limit:
                    outcomes.append(_too_many(limit, first_at, row))
                    continue
                counts[address] = (messages + 1, first_at)
            outcomes.append(row)
    return outcomes


def is_storable(text: str) -> bool:
    """Whether every database takes the text: no U+0000, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def _check_content(draft: Draft, errors: list[FieldError]) -> None:
    content = draft.content
    body = content.body
    if isinstance(content, TemplateRef):
        if not content.name:
            errors.append(FieldError("/template", "empty_template", "Expected the template's name, found nothing."))
    elif not body.strip() and not (isinstance(content, Media) and content.items):
        errors.append(FieldError("/text", "empty_text", "Expected a text, found nothing to read; write something."))
    elif isinstance(content, Media) and draft.channel is Channel.SMS:
        detail = "An sms carries no files; choose the channel mms, or leave the media out."
        errors.append(FieldError("/channel", "media_needs_mms", detail))
    if not is_storable(body):
        errors.append(FieldError("/text", "bad_character", _BAD_CHARACTER))


def _check_labels(draft: Draft, errors: list[FieldError]) -> str:
    for name, value, limit in (
        ("reference", draft.reference, LONGEST_REFERENCE),
        ("sender", draft.sender, LONGEST_SENDER),
    ):
        if len(value) > limit:
            detail = f"Expected at most {limit} characters, found {len(value)}; shorten it."
            errors.append(FieldError(f"/{name}", "too_long", detail))
        elif not is_storable(value):
            errors.append(FieldError(f"/{name}", "bad_character", _BAD_CHARACTER))
    if not draft.metadata:
        return "{}"
    try:
        encoded = _encode_json(draft.metadata).decode()
    except UnicodeEncodeError:
        encoded = "\0"
    if "\0" in encoded or "\\u0000" in encoded:
        errors.append(FieldError("/metadata", "bad_character", _BAD_CHARACTER))
    elif len(encoded) > LARGEST_METADATA:
        detail = (
            f"Expected at most {LARGEST_METADATA:,} characters of JSON, found {len(encoded):,}; keep the rest with you."
        )
        errors.append(FieldError("/metadata", "too_long", detail))
    return encoded


def _check_times(draft: Draft, now_ms: int, errors: list[FieldError]) -> tuple[int | None, int]:
    """Give `send_at` as it is stored and the moment of expiry."""
    expires_in = DEFAULT_EXPIRES_IN[draft.purpose] if draft.expires_in is None else draft.expires_in
    if not 1 <= expires_in <= LONGEST_EXPIRES_IN:
        detail = f"Expected 1 to {LONGEST_EXPIRES_IN:,} seconds (30 days), found {expires_in:,}."
        errors.append(FieldError("/expires_in", "bad_expiry", detail))
    send_at = draft.send_at
    if send_at is None:
        return None, now_ms + expires_in * 1000
    if send_at <= now_ms:
        detail = "The time to send at has passed; give a later one, or leave it out to send now."
        errors.append(FieldError("/send_at", "past", detail))
    elif send_at > now_ms + LONGEST_SCHEDULE * 1000:
        detail = "Expected a time within a year, found one later; schedule it when it is nearer."
        errors.append(FieldError("/send_at", "too_far", detail))
    return send_at, send_at + expires_in * 1000


_BAD_CHARACTER = "It holds a character that cannot be stored (U+0000, or half of a surrogate pair); remove it."


def _stop_of(message: NewMessage, stopped: Mapping[tuple[str, str, str], Stop]) -> Stop | None:
    address, channel, purpose = message.to.value, message.channel.value, message.purpose.value
    for place in ((address, "", ""), (address, channel, ""), (address, "", purpose), (address, channel, purpose)):
        if stop := stopped.get(place):
            return stop
    return None


def _erased_stops(
    directory: Directory, tx: Transaction, workspace_id: str, addresses: Iterable[str]
) -> dict[tuple[str, str, str], Stop]:
    """Find what erased people had forbidden, by their addresses as the caller knows them."""
    keys = directory.address_keys
    hashed = {keys.known_digest(tx, workspace_id, address): address for address in addresses}
    found = erased_stops(tx, workspace_id, (digest for digest in hashed if digest))
    return {(hashed[digest], channel, purpose): stop for (digest, channel, purpose), stop in found.items()}


def _suppressed(message: NewMessage, stop: Stop) -> NewMessage:
    since = datetime.fromtimestamp(stop.created_at / 1000, UTC).date()
    source = f", from {stop.source}" if stop.source else ""
    detail = f"The recipient must not be contacted since {since} ({stop.reason}{source}); see `suppressions`."
    error = ProviderError(ErrorKind.OPTED_OUT, stop.reason, detail)
    return replace(message, status=MessageStatus.SUPPRESSED, error=error)


def _too_many(limit: int, first_at: int, message: NewMessage) -> RateLimited:
    wait = max(1.0, (first_at + WINDOW_MS - message.created_at) / 1000)
    return RateLimited(
        "recipient_limit",
        f"Expected at most {limit} messages to {message.to.masked} within an hour, and that many were sent; "
        f"wait {wait:.0f} s, or raise the workspace's hourly limit per recipient.",
        retry_after=wait,
    )


def _field_error(problem: Problem) -> FieldError:
    pointer = next((pointer for start, pointer in _POINTERS if problem.code.startswith(start)), "")
    return FieldError(pointer, str(problem.code), problem.detail)


def _invalid(errors: Sequence[FieldError]) -> Invalid:
    return Invalid(errors[0].code, errors[0].detail, errors=errors)
