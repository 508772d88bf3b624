"""
One-time codes from end to end: made, sent, sent again, checked once, forgotten.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.intake import Intake, Store
from sendyard.delivery.preflight import Draft, admit
from sendyard.delivery.tokens import Tokens
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.errors import AppError, Conflict, Invalid, NotFound, ProviderError
from sendyard.domain.status import MessageStatus
from sendyard.features.connections.accounts import Exchange
from sendyard.features.otp import queries
from sendyard.features.otp.limits import HOUR_MS, Limits
from sendyard.features.otp.made_there import Lost, MadeThere, Ready, refused
from sendyard.features.otp.outcomes import document, in_our_words, over, suppressed, too_late, verdict
from sendyard.features.otp.queries import SLACK_MS, CodeRow
from sendyard.features.otp.wishes import ATTEMPTS, CodeWish, Verdict, check_wish, read_code
from sendyard.features.otp.wording import word
from sendyard.features.templates import Templates
from sendyard.ledger.cancel import cancel_message
from sendyard.ledger.entries import NewMessage
from sendyard.ledger.masking import mask_texts
from sendyard.providers.abilities import OtpCheck, OtpStarted, OtpWanted
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.transaction import Transaction
from sendyard.storage.vault import Vault

KEPT_MS = 30 * 24 * HOUR_MS
"""How long a code that is over can still be looked up."""

_AT_ONCE = 500


class OneTimeCodes:
    """
    The codes of every workspace.

    A code of our own is kept as a fingerprint only, bound to its row; its text is in the message that carries it,
    which no interface shows, until an hour after the code is over.
    """

    def __init__(
        self,
        database: Database,
        directory: Directory,
        intake: Intake,
        templates: Templates,
        vault: Vault,
        exchange: Exchange,
        tokens: Tokens,
        *,
        limits: Limits | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """Take where rows are, the ways to send, what fingerprints codes, and a clock in milliseconds since 1970."""
        self._database = database
        self._directory = directory
        self._intake = intake
        self._templates = templates
        self._vault = vault
        self._there = MadeThere(directory, exchange, tokens)
        self._limits = limits or Limits()
        self._clock = clock

    async def send(self, workspace_id: str, wish: CodeWish, *, test: bool = False) -> dict[str, Any]:
        """
        Send a new code; the codes that were open for the address are cancelled.

        The status is pending, or unknown when a provider was asked for a code and gave no answer: it may be on its
        way, and `verify` works for it. With `test` only emulated accounts may carry it.

        Raises:
            Invalid: something about the wish is not usable, or nothing can carry it.
            RateLimited: the address had its share; see `Limits`.
            Conflict: the recipient must not be contacted, or the provider refused.
        """
        number = check_wish(wish)
        entry = self._there.account_for(workspace_id, wish, number.country, test=test)
        row = CodeRow(
            id=new_id(),
            workspace_id=workspace_id,
            address_kind=Address.phone(number.e164).kind.value,
            address=number.e164,
            country=number.country,
            channel=wish.channel.value,
            digest=None,
            account_id=entry.id if entry else None,
            session="",
            message_id=None,
            reference=wish.reference,
            status="unknown" if entry else "pending",
            attempts_left=ATTEMPTS,
            sends=1,
            resend_after=0,
            expires_at=0,
            created_at=0,
        )
        if entry is None:
            return self._document(await self._send_ours(row, wish, test=test))
        return self._document(await self._send_theirs(row, wish, entry))

    async def resend(
        self,
        workspace_id: str,
        code_id: str,
        *,
        by_voice: bool = False,
        template: str = "",
        length: int = 6,
        test: bool = False,
    ) -> dict[str, Any]:
        """
        Send an open code once more, by a call where its provider makes them.

        A provider that cannot repeat a code sends a new one under the same id, with a new time, by `template` and of
        `length` digits. The status is unknown when the provider gave no answer.

        Raises:
            NotFound: the workspace has no such code.
            Conflict: it is over, or the provider cannot or would not.
            RateLimited: it is too soon, or the address had its share.
        """
        row = await self._require(workspace_id, code_id)
        if reason := over(row, self._clock()):
            raise too_late(reason)
        if row.account_id is None:
            if by_voice:
                raise Conflict("not_supported", "Codes made here are not told by a call; leave `by_voice` out.")
            return self._document(await self._repeat_ours(row, test=test))
        entry = self._entry(row, test=test)
        if entry is None:
            raise Conflict("account_gone", "The account whose provider made this code is gone; send a new code.")
        return await self._repeat_theirs(row, entry, by_voice=by_voice, template=template, length=length)

    async def verify(self, workspace_id: str, code_id: str, typed: str, *, test: bool = False) -> Verdict:
        """
        Check what a person typed; a code is verified for one caller, once.

        Raises:
            NotFound: the workspace has no such code.
            Invalid: what was typed can be no code, which uses up no attempt; or a test key asks about a code of a
                real provider.
        """
        code = read_code(typed)
        row = await self._require(workspace_id, code_id)
        if reason := over(row, self._clock()):
            return Verdict(verified=False, reason=reason, attempts_left=max(0, row.attempts_left))
        if row.account_id is not None:
            return await self._verify_theirs(row, self._entry(row, test=test), code)
        now = self._clock()
        right = self._vault.recognises(row.digest or b"", code.encode(), _place(row.id))

        def judge(tx: Transaction) -> tuple[bool, CodeRow | None]:
            if right:
                done = queries.verify(tx, workspace_id, code_id, now)
            else:
                done = queries.take_attempt(tx, workspace_id, code_id, now, burns=True) is not None
            return done, queries.find(tx, workspace_id, code_id)

        done, after = await self._database.write(judge)
        return verdict(after or row, self._clock(), verified=done and right, reason="wrong_code" if done else "")

    async def get(self, workspace_id: str, code_id: str) -> dict[str, Any]:
        """Give one code, without the code. Raises NotFound."""
        return self._document(await self._require(workspace_id, code_id))

    async def tidy(self) -> int:
        """
        Blot codes that were over for an hour out of their messages, and forget those of a month ago.

        Returns how many codes were blotted out.
        """
        now = self._clock()
        ended = now - HOUR_MS

        def blot_out(tx: Transaction, codes: list[CodeRow]) -> int:
            batches = [(code.workspace_id, code.address, code.created_at - SLACK_MS, code.id) for code in codes]
            mask_texts(tx, batches)
            return queries.drop_digests(tx, codes)

        done, last = 0, ""
        while codes := await self._database.read(partial(queries.worn_out, before=ended, after=last, limit=_AT_ONCE)):
            last = codes[-1].id
            done += await self._database.write(partial(blot_out, codes=codes))
        await self._database.write(lambda tx: queries.forget_old(tx, now - KEPT_MS))
        return done

    async def _send_ours(self, row: CodeRow, wish: CodeWish, *, test: bool) -> CodeRow:
        code = f"{secrets.randbelow(10**wish.length):0{wish.length}d}"
        wording = await word(self._templates, row.workspace_id, wish, row.country, code)
        draft = Draft(
            to=row.address,
            checked_country=row.country,
            content=Text(wording.text),
            variants=wording.variants,
            registration=wording.registration,
            channel=wish.channel,
            purpose=Purpose.OTP,
            sender=wish.sender,
            account=wish.account,
            expires_in=wish.expires_in,
            reference=wish.reference,
            batch_id=row.id,
            test=test,
        )
        row = self._timed(replace(row, digest=self._vault.fingerprint(code.encode(), _place(row.id))), wish.expires_in)

        def work(tx: Transaction, store: Store) -> CodeRow | AppError:
            if refusal := self._limits.judge(tx, row.workspace_id, row.address, row.country, row.created_at):
                return refusal
            outcome = store()
            if isinstance(outcome, AppError):
                return outcome
            if stopped := _stopped(outcome):
                return stopped
            made = replace(row, message_id=outcome.id)
            _replace_others(tx, made, self._clock())
            queries.insert(tx, made)
            return made

        return _raised(await self._intake.accept_as(row.workspace_id, draft, work))

    async def _repeat_ours(self, row: CodeRow, *, test: bool) -> CodeRow:
        earlier = await self._database.read(lambda tx: queries.sent(tx, row.workspace_id, row.message_id))
        if earlier is None:
            raise Conflict("text_gone", "The text of this code is no longer kept; send a new code.")
        now = self._clock()
        draft = Draft(
            to=row.address,
            checked_country=row.country,
            content=earlier.letter.content,
            fallback=earlier.letter.fallback,
            variants=earlier.letter.variants,
            registration=earlier.letter.registration,
            channel=Channel(row.channel),
            purpose=Purpose.OTP,
            sender=earlier.sender,
            account=earlier.account,
            expires_in=max(1, (row.expires_at - now) // 1000),
            reference=row.reference,
            batch_id=row.id,
            test=test,
        )

        def work(tx: Transaction, store: Store) -> CodeRow | AppError:
            if refusal := self._judge_again(tx, row, now):
                return refusal
            outcome = store()
            if isinstance(outcome, AppError):
                return outcome
            if refusal := _stopped(outcome):
                return refusal
            self._count_send(tx, row, now, outcome.id)
            return queries.find(tx, row.workspace_id, row.id) or row

        return _raised(await self._intake.accept_as(row.workspace_id, draft, work))

    async def _send_theirs(self, row: CodeRow, wish: CodeWish, entry: AccountEntry) -> CodeRow:
        wanted = OtpWanted(
            reference=row.id,
            to=Address.phone(row.address),
            template=wish.template,
            sender=wish.sender or entry.sender,
            channel=wish.channel,
            length=wish.length,
            expires_in=wish.expires_in,
        )
        ready = await self._there.ready(entry, wanted)
        row = self._timed(row, wish.expires_in)

        def begin(tx: Transaction) -> AppError | None:
            refusal = self._limits.judge(tx, row.workspace_id, row.address, row.country, row.created_at)
            if reason := refusal or self._not_admitted(tx, row, row.created_at):
                return reason
            queries.insert(tx, row)
            return None

        # Written before the request leaves, so that a crash leaves a code of which nobody knows, as it is.
        if refusal := await self._database.write(begin):
            raise refusal
        outcome = await self._there.send(ready)
        if isinstance(outcome, ProviderError):
            await self._database.write(lambda tx: queries.remove(tx, row.workspace_id, row.id))
            raise refused(entry, outcome)

        def settle(tx: Transaction) -> CodeRow | None:
            _replace_others(tx, row, self._clock())
            if isinstance(outcome, OtpStarted):
                queries.started(tx, row.workspace_id, row.id, outcome.session, row.expires_at)
            return queries.find(tx, row.workspace_id, row.id)

        return await self._database.write(settle) or row

    async def _repeat_theirs(
        self, row: CodeRow, entry: AccountEntry, *, by_voice: bool, template: str, length: int
    ) -> dict[str, Any]:
        now = self._clock()
        life = max(1, (row.expires_at - (row.resend_after - self._limits.pause_ms)) // 1000)
        wanted = replace(_asked(row), template=template, length=length, sender=entry.sender, expires_in=life)
        ready = await self._there.ready_again(entry, wanted, row.session, by_voice=by_voice)

        def begin(tx: Transaction) -> AppError | None:
            if refusal := self._judge_again(tx, row, now) or self._not_admitted(tx, row, now):
                return refusal
            self._count_send(tx, row, now, None)
            return None

        if refusal := await self._database.write(begin):
            raise refusal
        outcome = await self._there.send(ready)
        if isinstance(outcome, ProviderError):
            await self._database.write(
                lambda tx: queries.sent_again(
                    tx, row.workspace_id, row.id, sends=-1, resend_after=row.resend_after, message_id=None
                )
            )
            raise refused(entry, outcome)
        after = await self._database.write(lambda tx: _note_repeat(tx, row, ready, outcome, now + life * 1000))
        told = self._document(after)
        return told | {"status": "unknown"} if isinstance(outcome, Lost) else told

    async def _verify_theirs(self, row: CodeRow, entry: AccountEntry | None, code: str) -> Verdict:
        workspace_id, code_id = row.workspace_id, row.id
        if entry is None or entry.unreadable:
            return Verdict(verified=False, reason="unavailable", attempts_left=row.attempts_left)
        now = self._clock()
        # Taken before the provider is asked, so that no number of askers at once gets more than there are.
        left = await self._database.write(lambda tx: queries.take_attempt(tx, workspace_id, code_id, now, burns=False))
        if left is None:
            return verdict(await self._require(workspace_id, code_id), self._clock(), verified=False, reason="")
        said = await self._there.check(entry, _asked(row), row.session, code)

        def judge(tx: Transaction) -> tuple[bool, CodeRow | None]:
            verified = False
            if said is OtpCheck.VERIFIED:
                verified = queries.verify_theirs(tx, workspace_id, code_id, self._clock())
            elif said is OtpCheck.UNAVAILABLE:
                queries.give_attempt_back(tx, workspace_id, code_id)
            elif said is OtpCheck.EXPIRED:
                queries.expire(tx, workspace_id, code_id)
            else:
                queries.burn(tx, workspace_id, code_id)
            return verified, queries.find(tx, workspace_id, code_id)

        verified, after = await self._database.write(judge)
        reason = "" if said is OtpCheck.VERIFIED else said.value
        return verdict(after or row, self._clock(), verified=verified, reason=reason)

    def _not_admitted(self, tx: Transaction, row: CodeRow, now: int) -> AppError | None:
        """Apply to a code that no message of ours carries what applies to those that one does."""
        outcome = admit(self._directory, tx, _as_message(row, now))
        if isinstance(outcome, AppError):
            return outcome
        return _stopped(outcome)

    def _judge_again(self, tx: Transaction, row: CodeRow, now: int) -> AppError | None:
        refusal = self._limits.judge(tx, row.workspace_id, row.address, row.country, now, again=row.id)
        if refusal is not None:
            return refusal
        present = queries.find(tx, row.workspace_id, row.id)
        reason = over(present, now) if present else "expired"
        return too_late(reason) if reason else None

    def _count_send(self, tx: Transaction, row: CodeRow, now: int, message_id: str | None) -> None:
        queries.sent_again(
            tx,
            row.workspace_id,
            row.id,
            sends=1,
            resend_after=now + self._limits.pause_ms,
            message_id=message_id,
        )

    def _entry(self, row: CodeRow, *, test: bool) -> AccountEntry | None:
        entry = self._directory.account(row.account_id or "")
        if test and entry is not None and not entry.is_emulated:
            detail = "A test key reaches emulated accounts only, and the provider of this code is the real one."
            raise Invalid("no_usable_account", detail)
        return entry

    async def _require(self, workspace_id: str, code_id: str) -> CodeRow:
        row = await self._database.read(lambda tx: queries.find(tx, workspace_id, code_id))
        if row is None:
            raise NotFound("unknown_code", f"There is no one-time code {code_id!r:.80} in this workspace.")
        return row

    def _timed(self, row: CodeRow, expires_in: int) -> CodeRow:
        now = self._clock()
        return replace(
            row, created_at=now, expires_at=now + expires_in * 1000, resend_after=now + self._limits.pause_ms
        )

    def _document(self, row: CodeRow) -> dict[str, Any]:
        entry = self._directory.account(row.account_id) if row.account_id else None
        return document(row, self._clock(), entry.provider if entry else "")


def _as_message(row: CodeRow, now: int) -> NewMessage:
    return NewMessage(
        id=row.id,
        workspace_id=row.workspace_id,
        status=MessageStatus.QUEUED,
        purpose=Purpose.OTP,
        channel=Channel(row.channel),
        to=Address.phone(row.address),
        country=row.country,
        sender="",
        content=Text(""),
        parts=1,
        encoding="",
        route=(),
        failover=False,
        created_at=now,
        expires_at=row.expires_at,
    )


def _stopped(message: NewMessage) -> Conflict | None:
    if message.status is not MessageStatus.SUPPRESSED:
        return None
    return suppressed(message.error.detail if message.error else "")


def _place(code_id: str) -> str:
    return f"otp:{code_id}"


def _asked(row: CodeRow) -> OtpWanted:
    return OtpWanted(reference=row.id, to=Address.phone(row.address), channel=Channel(row.channel))


def _replace_others(tx: Transaction, row: CodeRow, now: int) -> None:
    """Let a new code take the place of the older ones of its address, and stop those that have not left."""
    for message_id in queries.cancel_others(tx, row.workspace_id, row.address, row.id):
        cancel_message(tx, row.workspace_id, message_id, now=now)


def _note_repeat(tx: Transaction, row: CodeRow, ready: Ready, outcome: OtpStarted | Lost, expires_at: int) -> CodeRow:
    if isinstance(outcome, Lost):
        if not ready.again:
            queries.doubt(tx, row.workspace_id, row.id)
    elif ready.again:
        queries.started(tx, row.workspace_id, row.id, outcome.session or row.session, row.expires_at)
    else:
        queries.started(tx, row.workspace_id, row.id, outcome.session, expires_at)
    return queries.find(tx, row.workspace_id, row.id) or row


def _raised(outcome: CodeRow | AppError) -> CodeRow:
    if isinstance(outcome, AppError):
        raise in_our_words(outcome)
    return outcome
