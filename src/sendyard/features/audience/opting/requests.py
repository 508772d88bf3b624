"""
Double opt-in: somebody is asked by a message and agrees by answering it with a word, or with a code of their own.

The consent is "asked" until then, which permits nothing. `hearing` takes the answer; without one it stays so.
"""

import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from sendyard.delivery.directory import Directory
from sendyard.delivery.intake import Intake, Store
from sendyard.delivery.preflight import Draft
from sendyard.delivery.queries import standing
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Text
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import AppError, Conflict, NotFound
from sendyard.domain.keywords import LANGUAGES, LONGEST_KEYWORD, STANDARD, Intent, assents_of, normalise
from sendyard.domain.status import MessageStatus
from sendyard.domain.template import compile_template
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.consents import PERMITTING, check_word
from sendyard.features.audience.opting import queries
from sendyard.features.audience.opting.queries import RequestRow
from sendyard.features.audience.opting.wording import (
    Reply,
    Told,
    check_language,
    language_for,
    say,
    usual_word,
    wrong,
)
from sendyard.features.audience.queries import ConsentRow
from sendyard.features.audience.suppressions import read_address
from sendyard.ledger.entries import NOTHING
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction

STATES = ("waiting", "granted", "refused", "replaced", "expired")
DEFAULT_LIFE, SHORTEST_LIFE, LONGEST_LIFE = 3 * 86_400, 300, 30 * 86_400  # seconds
MOST_WORDS = 10
_CODE_DIGITS = 6
_NEVER = 1 << 62  # later than any message: none is counted

Documents: TypeAlias = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestWish:
    """
    What to ask somebody.

    `text` may have `{word}` (or `{code}`) where the answer stands; blank takes the workspace's or the built-in text.
    With `by_code` the answer is a code made for this person, else a word: one of `words`, or yes in any language.
    """

    to: str
    channel: Channel = Channel.SMS
    purpose: Purpose = Purpose.PROMOTIONAL
    kind: ConsentKind = ConsentKind.MARKETING
    text: str = ""
    words: tuple[str, ...] = ()
    by_code: bool = False
    language: str = ""
    account: str = ""
    sender: str = ""
    country: str = ""
    expires_in: int = DEFAULT_LIFE
    source: str = ""
    test: bool = False


class Composed(NamedTuple):
    """The question in words, with its registered forms where it has some; as in `delivery.preflight.Draft`."""

    text: str
    variants: Mapping[str, Content] = NOTHING
    registration: Mapping[str, str] = NOTHING


Compose = Callable[[str], Awaitable[Composed]]
"""Puts the question into words around the answer that is wanted, as a stored template does."""


class Requests:
    """Asks people of every workspace."""

    def __init__(self, database: Database, directory: Directory, intake: Intake) -> None:
        """Take where rows are, what workspaces have told of themselves, and the door to the ledger."""
        self._database = database
        self._directory = directory
        self._intake = intake

    async def ask(self, workspace_id: str, wish: RequestWish, compose: Compose | None = None) -> dict[str, Any]:
        """
        Send the question; an older one about the same no longer counts. `compose` writes it in place of the texts.

        Raises:
            Invalid: something given is not usable, or nothing can carry the message.
            Conflict: the person must not be contacted, or has agreed already.
            RateLimited: the person had enough messages this hour.
        """
        now = now_ms()
        address = read_address(wish.to, wish.country)
        language = check_language(wish.language) if wish.language else language_for(address)
        answers, shown = _answers_of(wish, language)
        if not SHORTEST_LIFE <= wish.expires_in <= LONGEST_LIFE:
            detail = f"Expected {SHORTEST_LIFE} to {LONGEST_LIFE:,} seconds (30 days), found {wish.expires_in:,}."
            raise wrong("/expires_in", "bad_expiry", detail)
        if compose:
            composed = await compose(shown)
        else:
            composed = Composed(await self._text(workspace_id, wish, language, shown, now))
        plain = normalise(composed.text)
        if not any(normalise(answer) in plain for answer in answers):
            detail = f"The text does not say what to answer; write {{word}} where {shown!r} belongs."
            raise wrong("/text", "word_missing", detail)
        row = RequestRow(
            new_id(), address, wish.channel.value, wish.purpose.value, wish.kind.value, language,
            json.dumps(sorted({normalise(answer) for answer in answers}), ensure_ascii=False), "waiting", "", "",
            wish.source, "", now, now + wish.expires_in * 1000,
        )  # fmt: skip
        asked = ConsentRow(
            new_id(), address, row.channel, row.purpose, "asked", wish.source, f"request {row.id}", now, now, row.kind
        )
        check_word(asked)
        draft = Draft(
            to=address,
            content=Text(composed.text),
            channel=wish.channel,
            purpose=Purpose.TRANSACTIONAL,
            sender=wish.sender,
            account=wish.account,
            variants=composed.variants,
            registration=composed.registration,
            metadata={"consent_request": row.id},
            expires_in=min(wish.expires_in, 86_400),
            test=wish.test,
        )
        outcome = await self._intake.accept_as(
            workspace_id, draft, lambda tx, store: _kept(tx, workspace_id, row, asked, store)
        )
        if isinstance(outcome, AppError):
            raise outcome
        return _document(outcome, now)

    async def get(self, workspace_id: str, request_id: str) -> dict[str, Any]:
        """Give one question. Raises NotFound."""
        row = await self._database.read(lambda tx: queries.request(tx, workspace_id, request_id))
        if row is None:
            raise NotFound("unknown_request", f"There is no request {request_id!r:.60}; list them to see.")
        return _document(row, now_ms())

    async def list(
        self, workspace_id: str, *, to: str = "", country: str = "", state: str = "", after: str = "", limit: int = 100
    ) -> Documents:
        """Give questions in the order they were asked; of one address, or in one state of `STATES`. Raises Invalid."""
        address, now = read_address(to, country) if to else "", now_ms()
        if state and state not in STATES:
            raise wrong("/state", "bad_state", f"Expected one of {', '.join(STATES)}, found {state!r:.30}.")
        rows = await self._database.read(
            lambda tx: queries.requests(
                tx, workspace_id, address=address, state=state, now=now, after=after, limit=limit
            )
        )
        return [_document(row, now) for row in rows]

    async def _text(self, workspace_id: str, wish: RequestWish, language: str, shown: str, now: int) -> str:
        facts = self._directory.facts(workspace_id)
        account = self._directory.find(workspace_id, wish.account) if wish.account else None
        sender = facts.sender(account.id if account else "", wish.sender or (account.sender if account else ""))
        if wish.text:
            compiled = compile_template(wish.text)
            return compiled.render({"word": shown, "code": shown, "business": sender.business})
        own = await self._database.read(lambda tx: queries.own_text(tx, workspace_id, Reply.ASK.value, language))
        told = Told(business=sender.business, contact=sender.contact, home_zone=facts.home_zone, word=shown)
        return say(Reply.ASK, language, told, now, own)


def _answers_of(wish: RequestWish, language: str) -> tuple[list[str], str]:
    """The answers that count, and the one the text shows. Raises Invalid."""
    if wish.by_code:
        code = "".join(secrets.choice("0123456789") for _ in range(_CODE_DIGITS))
        return [code], code
    if not wish.words:
        # Whoever was asked in one language may answer in another.
        return [word for spoken in LANGUAGES for word in assents_of(spoken)], usual_word(language)
    if len(wish.words) > MOST_WORDS:
        raise wrong("/words", "too_many", f"Expected at most {MOST_WORDS} words, found {len(wish.words)}.")
    for index, word in enumerate(wish.words):
        means = STANDARD.intent(word)
        if not normalise(word) or len(word) > LONGEST_KEYWORD or means in {Intent.OPT_OUT, Intent.HELP}:
            detail = (
                f"Expected a word of 1 to {LONGEST_KEYWORD} characters that asks neither to stop nor for help, "
                f"found {word!r:.60}."
            )
            raise wrong(f"/words/{index}", "bad_word", detail)
    return list(wish.words), wish.words[0]


def _kept(
    tx: Transaction, workspace_id: str, row: RequestRow, asked: ConsentRow, store: Store
) -> RequestRow | AppError:
    place = (row.channel, row.purpose, row.kind)
    # Consent in writing is more than marketing; the reverse has to be asked for.
    enough = {row.kind, ConsentKind.WRITTEN.value} if row.kind in PERMITTING else {row.kind}
    for one in audience_queries.consents_in_force(tx, workspace_id, [row.address]):
        if one.purpose != row.purpose or one.channel not in {"", row.channel} or one.kind not in enough:
            continue
        if one.state == "granted":
            return Conflict("granted_already", f"This person agreed already; see the consent {one.id}.")
    known = standing(tx, workspace_id, row.address, row.channel, _NEVER, purpose=Purpose.TRANSACTIONAL.value)
    message = None if known.stop else store()
    if isinstance(message, AppError):
        return message
    if message is None or message.status is MessageStatus.SUPPRESSED:
        detail = "This person must not be contacted, and so not be asked; they can write START themselves."
        return Conflict("suppressed", detail)
    older = [
        one.id
        for one in queries.waiting_requests(tx, workspace_id, [row.address], now=asked.at)
        if (one.channel, one.purpose, one.kind) == place
    ]
    queries.settle_requests(tx, workspace_id, older, state="replaced", evidence=f"request {row.id}", now=asked.at)
    stored = row._replace(message_id=message.id, account_id=message.route[0] if message.route else "")
    queries.add_request(tx, workspace_id, stored)
    audience_queries.add_consents(tx, workspace_id, [asked])
    return stored


def _document(row: RequestRow, now: int) -> dict[str, Any]:
    """Show a question, without the code that only the person may know."""
    document = row._asdict()
    state = "expired" if row.state == "waiting" and row.expires_at <= now else row.state
    words = [word for word in json.loads(document.pop("words")) if not word.isdigit()]
    return document | {"state": state, "words": words}
