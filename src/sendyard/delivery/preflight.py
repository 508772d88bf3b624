"""
Everything that is checked before a message may enter the ledger.

`prepare` needs no database and runs first; what only the database knows (suppressions, the hourly limit, the
recipient's consents and hours) is looked at inside the transaction that stores the message.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sendyard.delivery.carriage import Carriage, carriage
from sendyard.delivery.directory import Directory
from sendyard.delivery.hearing import hear, hear_many
from sendyard.delivery.queries import Stop, has_erased, recent, standing, stops
from sendyard.delivery.routing import decide
from sendyard.delivery.stopping import erased, stop_of, suppressed
from sendyard.delivery.wording import Words, words_of
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Media, TemplateRef
from sendyard.domain.errors import AppError, FieldError, Invalid, RateLimited
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
_EXPLAINED = 20  # refusals of one list that name the very words that are wrong, which can take milliseconds each
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
    ("media", "/media"),
    ("choice", "/interactive/choices"),
    ("buttons", "/interactive"),
    ("too_many_pictures", "/media"),
    ("template", "/template"),
    ("variable", "/template/variables"),
    ("caption", "/text"),
    ("header", "/interactive/header"),
    ("footer", "/interactive/footer"),
    ("not_a_", "/to"),
)


class Draft(msgspec.Struct, frozen=True, kw_only=True):  # a dataclass takes five times as long to make
    """
    A message as a caller wants it, before anything is checked.

    `checked` is for callers that read the recipient before (campaigns): `to` is then an address as it is stored, of
    `checked_country`, and is not read again. `variants` and `registration` are as in `NewMessage`. `test`
    marks what a test key sends: only emulated accounts may carry it. `message_id` is for callers that have to know it
    before (short links).
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
    message_id: str = ""
    checked: bool = False
    checked_country: str = ""
    test: bool = False


def prepare(directory: Directory, workspace_id: str, draft: Draft, now_ms: int, *, explain: bool = True) -> NewMessage:
    """
    Check a draft as far as possible without the database; its text comes back as the rules of its country let it go.

    `explain` False spares the search for the very words that differ from a registered template.

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
    check_content(draft, errors)
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
    message_id = draft.message_id or new_id()

    words, carried = carry(directory, workspace_id, draft, to, country, decision.accounts, message_id, explain=explain)
    if not carried.accounts:
        raise _invalid([_field_error(problem) for problem in carried.problems])
    if words.faults:
        raise _invalid(words.faults)
    return NewMessage(
        id=message_id,
        workspace_id=workspace_id,
        status=MessageStatus.SCHEDULED if starts_at else MessageStatus.QUEUED,
        purpose=draft.purpose,
        channel=draft.channel,
        to=to,
        country=country,
        sender=draft.sender,
        content=words.content,
        parts=carried.parts,
        encoding=carried.encoding,
        route=carried.accounts,
        failover=decision.failover,
        created_at=now_ms,
        expires_at=expires_at,
        send_at=starts_at,
        fallback=words.fallback,
        variants=draft.variants,
        registration=draft.registration,
        campaign_id=draft.campaign_id,
        row=draft.row,
        batch_id=draft.batch_id,
        reference=draft.reference,
        metadata=metadata,
        notes=words.notes,
    )


def admit(directory: Directory, tx: Transaction, message: NewMessage) -> NewMessage | AppError:
    """
    Look at what only the database knows of a prepared message's recipient.

    A suppressed recipient gives the message with status suppressed, one whose hours are closed the message with
    status scheduled. One who had the workspace's messages of an hour gives `RateLimited`, one whom a rule protects
    `Invalid`; both are returned and not raised: a work function that raises costs its whole group the commit.
    """
    limit = directory.hourly_limit(message.workspace_id)
    since = message.created_at - WINDOW_MS if limit else _NEVER
    place = (message.workspace_id, message.to.value, message.channel.value)
    found = standing(tx, *place, since, purpose=message.purpose.value)
    stop = found.stop
    if stop is None and found.erased:
        address = message.to.value
        stop = stop_of(message, address, erased(directory, tx, message.workspace_id, [address]))
    if stop:
        return suppressed(message, stop)
    if limit and found.messages >= limit:
        return _too_many(limit, found.first_at, message, message.to)
    return hear(directory, tx, message)


def check(directory: Directory, tx: Transaction, workspace_id: str, draft: Draft, now_ms: int) -> NewMessage:
    """
    Check one draft completely.

    Raises:
        Invalid: see `prepare`; or a rule protects the recipient.
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
    unexplained = 0
    for draft in drafts:
        try:
            outcomes.append(prepare(directory, workspace_id, draft, now_ms, explain=unexplained < _EXPLAINED))
        except AppError as error:
            outcomes.append(error)
            unexplained += 1
    return outcomes


def admit_many(
    directory: Directory,
    tx: Transaction,
    workspace_id: str,
    prepared: Sequence[NewMessage | AppError],
    now_ms: int,
    *,
    to: Sequence[str] = (),
) -> list[NewMessage | AppError]:
    """
    `admit` for a list, with a few queries per thousand rows; errors pass through.

    Rows that are only counted, never stored, may share one message where they are alike. `to` then has the address of
    each, and rows of which the same is said share one outcome, which bears the address of any of them.
    """
    limit = directory.hourly_limit(workspace_id)
    since = now_ms - WINDOW_MS
    some_erased = has_erased(tx, workspace_id)
    counts: dict[str, tuple[int, int]] = {}
    outcomes: list[NewMessage | AppError] = []
    for start in range(0, len(prepared), _ROWS_AT_ONCE):
        rows = prepared[start : start + _ROWS_AT_ONCE]
        given = to[start : start + _ROWS_AT_ONCE] or [
            row.to.value if isinstance(row, NewMessage) else "" for row in rows
        ]
        addresses = {address for row, address in zip(rows, given, strict=True) if isinstance(row, NewMessage)}
        stopped = stops(tx, workspace_id, addresses)
        if some_erased:
            stopped = erased(directory, tx, workspace_id, addresses) | stopped
        if limit:
            counts.update(recent(tx, workspace_id, addresses - counts.keys(), since))
        stopping = _stopping(rows, given, stopped) if stopped else {}
        heard = hear_many(directory, tx, workspace_id, rows, given, stopping)
        for position, (row, address) in enumerate(zip(heard, given, strict=True)):
            if isinstance(row, AppError):
                outcomes.append(row)
                continue
            if position in stopping:
                outcomes.append(suppressed(row, stopping[position]))
                continue
            if limit:
                messages, first_at = counts.get(address, (0, now_ms))
                if messages >= limit:
                    outcomes.append(_too_many(limit, first_at, row, Address.known(address)))
                    continue
                counts[address] = (messages + 1, first_at)
            outcomes.append(row)
    return outcomes


def _stopping(
    rows: Sequence[NewMessage | AppError], addresses: Sequence[str], stopped: Mapping[tuple[str, str, str], Stop]
) -> dict[int, Stop]:
    """Find the positions of those who must not be contacted."""
    some = {address for address, _, _ in stopped}
    return {
        position: stop
        for position, (row, address) in enumerate(zip(rows, addresses, strict=True))
        if address in some and isinstance(row, NewMessage) and (stop := stop_of(row, address, stopped))
    }


def is_storable(text: str) -> bool:
    """Whether every database takes the text: no U+0000, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or _SURROGATE.search(text) is None)


def carry(
    directory: Directory,
    workspace_id: str,
    draft: Draft,
    to: Address,
    country: str,
    accounts: Sequence[str],
    message_id: str,
    *,
    explain: bool,
) -> tuple[Words, Carriage]:
    """
    Give the words as the rules let them go, and who can carry these; nothing is raised.

    The arguments are those of `prepare`, with the recipient's address and country, and the ids of at least one account.
    """

    def carried_with(words: Words, route: Sequence[str]) -> Carriage:
        def outgoing(provider: str, sender: str) -> Outgoing:
            return Outgoing(
                message_id=message_id,
                reference=message_id,
                channel=draft.channel,
                to=to,
                sender=draft.sender or sender,
                content=draft.variants.get(provider, words.content),
                purpose=draft.purpose,
                country=country,
                registration=draft.registration,
                fallback=words.fallback,
            )

        return carriage(directory, route, outgoing)

    def words_at(account_id: str) -> Words:
        return words_of(
            directory,
            workspace_id,
            account_id=account_id,
            sender=draft.sender,
            channel=draft.channel,
            purpose=draft.purpose,
            country=country,
            content=draft.content,
            fallback=draft.fallback,
            variants=draft.variants,
            registration=draft.registration,
            campaign_id=draft.campaign_id,
            explain=explain,
        )

    first = accounts[0]
    words = words_at(first)
    carried = carried_with(words, accounts)
    if carried.accounts and carried.accounts[0] != first:
        # The rules speak of the account that carries it, which need not be the first that was asked.
        words = words_at(carried.accounts[0])
        carried = carried_with(words, carried.accounts)
    return words, carried


def check_content(draft: Draft, errors: list[FieldError]) -> None:
    """Add what no account at all would carry: nothing to read, files on the channel sms, unstorable characters."""
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


def _too_many(limit: int, first_at: int, message: NewMessage, to: Address) -> RateLimited:
    wait = max(1.0, (first_at + WINDOW_MS - message.created_at) / 1000)
    return RateLimited(
        "recipient_limit",
        f"Expected at most {limit} messages to {to.masked} within an hour, and that many were sent; "
        f"wait {wait:.0f} s, or raise the workspace's hourly limit per recipient.",
        retry_after=wait,
    )


def _field_error(problem: Problem) -> FieldError:
    pointer = next((pointer for start, pointer in _POINTERS if problem.code.startswith(start)), "")
    return FieldError(pointer, str(problem.code), problem.detail)


def _invalid(errors: Sequence[FieldError]) -> Invalid:
    return Invalid(errors[0].code, errors[0].detail, errors=errors)
