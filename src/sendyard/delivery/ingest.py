"""
Callbacks come in: authenticate, translate, match, store; the provider is answered after the commit.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.learning import Learning
from sendyard.delivery.policy import RULES, Policy
from sendyard.delivery.queries import keep_unreadable, suppress, unsuppress
from sendyard.delivery.redaction import redact
from sendyard.delivery.template_news import hear
from sendyard.domain.content import TemplateRef
from sendyard.ledger.entries import Report
from sendyard.ledger.inbound import keep_inbound
from sendyard.ledger.reports import record
from sendyard.providers.contract import (
    AccountNotice,
    Call,
    CallbackEvent,
    CallbackRejected,
    DeliveryEvent,
    Inbound,
    ProtocolError,
    TemplateChange,
)
from sendyard.providers.wire import CallbackRequest, HttpResponse
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_LONGEST_KEPT = 4000  # characters of an unreadable body
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody sent us, stored for the first time in the transaction at hand."""

    inbound_id: str
    entry: AccountEntry  # through which it came
    event: Inbound
    text: str  # as it is stored


Hear = Callable[[Transaction, Heard, int], None]
"""Does what follows from a message of a person, in the transaction that stores it; the number is the time."""


def obey_provider(tx: Transaction, heard: Heard, now: int) -> None:
    """Follow what the provider says that it made of a message: somebody opted out, or in again."""
    event = heard.event
    if event.opt_out is True:
        _suppress(tx, heard.entry, event.sender, now)
    elif event.opt_out is False:
        unsuppress(tx, heard.entry.workspace_id, event.sender, channel="")


@dataclass(slots=True)
class _Told:
    """Events of one callback that wait for their commit, and who waits for it."""

    entry: AccountEntry
    events: Sequence[CallbackEvent]
    stored: asyncio.Future[None]

    def settle(self, error: Exception | None) -> None:
        """Tell the one who waits, if it still does."""
        if self.stored.done():
            return
        if error is None:
            self.stored.set_result(None)
        else:
            self.stored.set_exception(error)


class Ingest:
    """
    Takes what providers tell us, by callback or by poll.

    `counts` holds how many callbacks were taken, rejected, unreadable and unaddressed since the start.
    """

    def __init__(self, database: Database, directory: Directory, policy: Policy, hear: Hear = obey_provider) -> None:
        """
        Take what it works with.

        The policy decides what follows a failure that is reported, `hear` what follows from what people write; it
        must not raise, because that would lose the message.
        """
        self._database = database
        self._directory = directory
        self._learning = Learning(directory)
        self._policy = policy
        self._hear = hear
        self.counts: Counter[str] = Counter()
        self._told: list[_Told] = []
        self._storing: asyncio.Task[None] | None = None

    async def receive(self, provider: str, token: str, request: CallbackRequest) -> HttpResponse:
        """Answer one callback: 404 for an address of nobody, 403 without proof, else as the provider wants it."""
        entry = self._directory.by_callback_token(token)
        if entry is None:
            # Another process may have added the account a moment ago.
            await self._directory.refresh()
            entry = self._directory.by_callback_token(token)
        if entry is None or entry.provider != provider:
            self.counts["unaddressed"] += 1
            return HttpResponse(404, {"content-type": "text/plain"}, b"no account has this callback address\n")
        try:
            # It is no exchange: nothing in it is repeated or signed by us, so nothing is drawn for it.
            call = Call(account=entry.settings, now=datetime.now(UTC), nonce="", exchange_id="")
            result = entry.adapter.parse_callback(call, request)
        except CallbackRejected as error:
            self.counts["rejected"] += 1
            _log.warning("rejected a callback for %s: %s", entry.name, redact(str(error), entry.secrets))
            return HttpResponse(403, {"content-type": "text/plain"}, b"the callback does not prove where it is from\n")
        except ProtocolError as error:
            self.counts["unreadable"] += 1
            await self._keep(entry, request, str(error))
            # Asking for it again would bring the same bytes.
            return HttpResponse(200)
        await self.store(entry, result.events)
        self.counts["taken"] += 1
        return result.reply

    async def store(self, entry: AccountEntry, events: Sequence[CallbackEvent]) -> None:
        """
        Store what a provider told; returns after the commit.

        What comes while another commit is under way is stored together: alike statements become one.
        """
        if not events:
            return
        told = _Told(entry, events, asyncio.get_running_loop().create_future())
        self._told.append(told)
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_told())
        await told.stored

    async def _store_told(self) -> None:
        try:
            while self._told:
                group, self._told = self._told, []
                await self._store_together(group)
        finally:
            self._storing = None

    async def _store_together(self, group: list["_Told"]) -> None:
        now = now_ms()
        by_account: dict[str, tuple[AccountEntry, list[CallbackEvent]]] = {}
        for told in group:
            by_account.setdefault(told.entry.id, (told.entry, []))[1].extend(told.events)

        def work(tx: Transaction) -> None:
            for entry, events in by_account.values():
                self.store_in(tx, entry, events, now)

        try:
            await self._database.write(work)
        except Exception as error:  # noqa: BLE001 - it belongs to a caller
            if len(group) == 1:
                group[0].settle(error)
                return
            # One that cannot be stored must not take its neighbours with it.
            for told in group:
                await self._store_together([told])
        else:
            for told in group:
                told.settle(None)

    def store_in(self, tx: Transaction, entry: AccountEntry, events: Sequence[CallbackEvent], now: int) -> None:
        """Store events within a transaction of the caller."""
        reports = [_report(event) for event in events if isinstance(event, DeliveryEvent)]
        if reports:
            record(
                tx,
                entry.workspace_id,
                entry.id,
                reports,
                now=now,
                after_failure=lambda message, error: self._policy.failed_later(message, error, now=now),
            )
        for event in events:
            if isinstance(event, Inbound):
                if (heard := _keep_inbound(tx, entry, event, now)) is not None:
                    self._hear(tx, heard, now)
            elif isinstance(event, TemplateChange):
                hear(tx, entry.workspace_id, entry.id, event, now=now)
            elif isinstance(event, AccountNotice):
                self._learning.hear(tx, entry, event, now=now)
            elif _opted_out(event):
                _suppress(tx, entry, event.key.recipient, now)

    async def _keep(self, entry: AccountEntry, request: CallbackRequest, reason: str) -> None:
        _log.warning("a callback for %s is in no documented form: %s", entry.name, redact(reason, entry.secrets))
        body = redact(request.body.decode("utf-8", "replace").replace("\x00", "�")[:_LONGEST_KEPT], entry.secrets)
        query = redact(request.query.replace("\x00", "�")[:_LONGEST_KEPT], entry.secrets)
        now = now_ms()
        await self._database.write(
            lambda tx: keep_unreadable(
                tx, entry.workspace_id, entry.id, reason=redact(reason, entry.secrets), query=query, body=body, now=now
            )
        )


def _opted_out(event: DeliveryEvent) -> bool:
    return event.error is not None and RULES[event.error.kind].suppresses and bool(event.key.recipient)


def _report(event: DeliveryEvent) -> Report:
    cost = event.cost
    return Report(
        status=event.status,
        raw_status=event.raw_status,
        dedupe_key=event.dedupe_key,
        reference=event.key.reference,
        provider_ref=event.key.provider_ref,
        other_ref=event.key.other_ref,
        recipient=event.key.recipient,
        channel=event.channel.value if event.channel else "",
        error=event.error,
        occurred_at=int(event.occurred_at.timestamp() * 1000) if event.occurred_at else None,
        parts=event.parts,
        cost_amount=str(cost.amount) if cost else None,
        cost_currency=cost.currency if cost else None,
    )


def _keep_inbound(tx: Transaction, entry: AccountEntry, event: Inbound, now: int) -> Heard | None:
    content = event.content
    text = (content.name if isinstance(content, TemplateRef) else content.body).replace("\x00", "")
    inbound_id = keep_inbound(
        tx,
        entry.workspace_id,
        entry.id,
        sender=event.sender,
        sender_kind=event.sender_kind.value,
        identities=[(identity.kind.value, identity.value) for identity in event.identities],
        profile_name=event.profile_name.replace("\x00", ""),
        choice=event.choice.replace("\x00", ""),
        recipient=event.recipient,
        channel=event.channel.value,
        text=text,
        provider_ref=event.provider_ref,
        dedupe_key=event.dedupe_key,
        received_at=now,
    )
    return Heard(inbound_id, entry, event, text) if inbound_id else None


def _suppress(tx: Transaction, entry: AccountEntry, address: str, now: int) -> None:
    source = f"provider:{entry.name}"
    suppress(tx, entry.workspace_id, address, channel="", reason="opted_out", source=source, now=now)
