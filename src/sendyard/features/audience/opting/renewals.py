"""
Korea's two-yearly reminder: whoever agreed to advertising is told so again, and silence keeps the consent.

A round finds consents that fall due and makes each a reminder ready, once. Reminders go out when somebody sends them,
or by themselves where the workspace switched that on; a consent counts as confirmed when its message was handed over.

Source: Network Act Art. 50(8), Enforcement Decree Art. 62-3: sender, day and fact of the consent, how to keep or
withdraw it. The notice is information: it goes out as a transactional message and promotes nothing.
"""

import logging
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from sendyard.delivery.directory import Directory
from sendyard.delivery.intake import Intake
from sendyard.delivery.preflight import Draft
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Text
from sendyard.domain.countries.korea import renewal_due
from sendyard.domain.countries.situation import Consent, ConsentKind
from sendyard.domain.errors import Conflict
from sendyard.domain.status import MessageStatus
from sendyard.features.audience import queries as audience_queries
from sendyard.features.audience.opting import queries
from sendyard.features.audience.opting.queries import NoticeRow, SettingsRow
from sendyard.features.audience.opting.wording import Reply, Told, language_for, say, way_to_refuse, wrong
from sendyard.features.audience.queries import ConsentRow
from sendyard.ledger.entries import NewMessage
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

DEFAULT_DAYS, MOST_DAYS = 30, 180
KINDS = frozenset({ConsentKind.MARKETING.value, ConsentKind.WRITTEN.value, ConsentKind.NIGHT.value})
"""What has to be confirmed; a relationship ends by itself, and India's register keeps its own terms."""

_DAY_MS = 86_400_000
_LEAST_AGE_MS = 729 * _DAY_MS  # two years are 730 days at least; which day it is, the calendar says
_AT_ONCE = 500
_SEOUL = ZoneInfo("Asia/Seoul")
_OPEN, _CLOSED = 9, 20  # hours in which reminders leave by themselves: nobody is woken by them
_USUAL = SettingsRow(automatic=False, days_before=DEFAULT_DAYS, account="", sender="")

Documents: TypeAlias = list[dict[str, Any]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """A consent that is to be confirmed, and its reminder if there is one."""

    consent: ConsentRow
    due_at: int
    notice: NoticeRow | None


class Renewals:
    """Reminds people of every workspace."""

    def __init__(
        self, database: Database, directory: Directory, intake: Intake, *, clock: Callable[[], int] = now_ms
    ) -> None:
        """Take where rows are, what workspaces have told of themselves, the door to the ledger, and the time."""
        self._database = database
        self._directory = directory
        self._intake = intake
        self._clock = clock

    async def settings(self, workspace_id: str) -> dict[str, Any]:
        """Give how this workspace reminds people."""
        found = await self._database.read(lambda tx: queries.settings(tx, workspace_id))
        return (found or _USUAL)._asdict()

    async def change_settings(
        self,
        workspace_id: str,
        *,
        automatic: bool | None = None,
        days_before: int | None = None,
        account: str | None = None,
        sender: str | None = None,
    ) -> dict[str, Any]:
        """
        Change how people are reminded; None leaves as it is.

        Raises:
            Invalid: the number of days is out of bounds.
            NotFound: there is no such account.
        """
        if days_before is not None and not 1 <= days_before <= MOST_DAYS:
            raise wrong("/days_before", "bad_days", f"Expected 1 to {MOST_DAYS} days, found {days_before}.")
        if account:
            self._directory.require(workspace_id, account)
        now = self._clock()

        def work(tx: Transaction) -> SettingsRow:
            known = queries.settings(tx, workspace_id) or _USUAL
            changed = SettingsRow(
                known.automatic if automatic is None else automatic,
                known.days_before if days_before is None else days_before,
                known.account if account is None else account,
                known.sender if sender is None else sender,
            )
            queries.keep_settings(tx, workspace_id, changed, now=now)
            return changed

        return (await self._database.write(work))._asdict()

    async def due(self, workspace_id: str, *, days: int = DEFAULT_DAYS, after: str = "", limit: int = 100) -> Documents:
        """
        Give consents of Korean numbers that fall due within so many days, overdue ones too, in the order recorded.

        Each has `due_at`, `overdue`, and `notice`: its reminder with `text`, `state` (ready, sending, sent, failed)
        and what stands in its way.
        """
        now = self._clock()
        found: Documents = []
        while len(found) < limit:
            rows, after = await self._database.read(
                lambda tx, after=after: _due(tx, workspace_id, now, days, after, limit)  # type: ignore[misc]
            )
            found += [_shown(one, now) for one in rows]
            if not after:
                break
        return found[:limit]

    async def remind(
        self, workspace_id: str, *, consents: Sequence[str] = (), days: int = DEFAULT_DAYS, again: bool = True
    ) -> dict[str, Any]:
        """
        Send the reminders of these consents, or of all that fall due within so many days; pressing twice sends once.

        `again` also sends those whose message failed before.

        Returns:
            `{sent, left: [{consent, address, detail}]}`; one message reminds a person of everything due on a channel.

        Raises:
            Conflict: the law wants a name or a way to withdraw that nobody has told us.
        """
        await self.prepare(workspace_id, days=days)
        settings = await self._database.read(lambda tx: queries.settings(tx, workspace_id)) or _USUAL
        self._told(workspace_id, settings)
        now, after, sent = self._clock(), "", 0
        left: Documents = []
        while True:
            rows, after = await self._database.read(
                lambda tx, after=after: _due(tx, workspace_id, now, days, after, _AT_ONCE)  # type: ignore[misc]
            )
            wanted = [one for one in rows if not consents or one.consent.id in consents]
            for group in _together(wanted, {"ready", "failed"} if again else {"ready"}):
                if problem := await self._send(workspace_id, settings, group, now):
                    left += [
                        {"consent": one.consent.id, "address": one.consent.address, "detail": problem} for one in group
                    ]
                else:
                    sent += 1
            if not after:
                return {"sent": sent, "left": left}

    async def prepare(self, workspace_id: str, *, days: int) -> int:
        """Make reminders ready for what falls due within so many days; gives how many are new."""
        settings = await self._database.read(lambda tx: queries.settings(tx, workspace_id)) or _USUAL
        now, after, made = self._clock(), "", 0
        while True:
            rows, after = await self._database.read(
                lambda tx, after=after: _due(tx, workspace_id, now, days, after, _AT_ONCE)  # type: ignore[misc]
            )
            fresh = [self._notice(workspace_id, settings, one, now) for one in rows if one.notice is None]
            if fresh:
                made += await self._database.write(
                    lambda tx, fresh=fresh: sum(queries.add_notice(tx, workspace_id, row) for row in fresh)  # type: ignore[misc]
                )
            if not after:
                return made

    async def round(self) -> None:
        """Settle what was handed over, make ready what falls due, and send where that is switched on."""
        for workspace_id in await self._database.read(queries.workspaces_with_consents):
            await self._database.write(lambda tx, of=workspace_id: _settle(tx, of, self._clock()))  # type: ignore[misc]
            settings = await self._database.read(lambda tx, of=workspace_id: queries.settings(tx, of))  # type: ignore[misc]
            settings = settings or _USUAL
            await self.prepare(workspace_id, days=settings.days_before)
            if settings.automatic and _OPEN <= datetime.fromtimestamp(self._clock() / 1000, _SEOUL).hour < _CLOSED:
                try:
                    await self.remind(workspace_id, days=settings.days_before, again=False)
                except Conflict as error:
                    _log.warning("reminders of consents wait: %s", error.detail)

    def _told(self, workspace_id: str, settings: SettingsRow) -> Told:
        """Who speaks. Raises Conflict when that is not enough for the law."""
        told = self._known(workspace_id, settings)
        if not told.business:
            detail = "The law wants the sender's name in the reminder; enter it with `sendyard compliance set`."
            raise Conflict("business_unknown", detail)
        if not way_to_refuse("ko", told):
            detail = "The law wants a way to withdraw in the reminder; enter the free 080 number, or a contact."
            raise Conflict("no_way_to_withdraw", detail)
        return told

    def _known(self, workspace_id: str, settings: SettingsRow) -> Told:
        facts = self._directory.facts(workspace_id)
        account = self._directory.find(workspace_id, settings.account) if settings.account else None
        sender = facts.sender(account.id if account else "", settings.sender or (account.sender if account else ""))
        return Told(
            business=sender.business,
            contact=sender.contact,
            opt_out_number=sender.opt_out_number,
            home_zone=facts.home_zone,
            receives_replies=sender.receives_replies,
        )

    def _notice(self, workspace_id: str, settings: SettingsRow, due: Due, now: int) -> NoticeRow:
        text = self._text(workspace_id, settings, [due], now, "")
        consent = due.consent
        return NoticeRow(consent.id, due.due_at, consent.address, _channel(consent), text, "ready", "", "", now)

    def _text(self, workspace_id: str, settings: SettingsRow, group: Sequence[Due], now: int, own: str) -> str:
        known = self._known(workspace_id, settings)
        consents = [one.consent for one in group]
        told = Told(
            known.business,
            known.contact,
            known.opt_out_number,
            known.home_zone,
            known.receives_replies,
            given_at=min(one.at for one in consents),
            kinds=tuple(one.kind for one in consents),
        )
        return say(Reply.RENEWAL, language_for(consents[0].address), told, now, own)

    async def _send(self, workspace_id: str, settings: SettingsRow, group: Sequence[Due], now: int) -> str:
        """Send one message for everything a person is reminded of; gives what stood in the way."""
        first = group[0].consent
        language = language_for(first.address)
        own = await self._database.read(lambda tx: queries.own_text(tx, workspace_id, Reply.RENEWAL.value, language))
        text = self._text(workspace_id, settings, group, now, own)
        places = [(one.consent.id, one.due_at) for one in group]
        draft = Draft(
            to=first.address,
            content=Text(text),
            channel=Channel(_channel(first)),
            purpose=Purpose.TRANSACTIONAL,
            account=settings.account,
            sender=settings.sender,
            metadata={"renews": " ".join(consent_id for consent_id, _ in places)},
        )

        def kept(tx: Transaction, store: Any) -> str:
            ready = [place for place in places if _is_open(tx, workspace_id, place)]
            if not ready:
                return "It is being sent already."
            outcome = store()
            if isinstance(outcome, NewMessage) and outcome.status is not MessageStatus.SUPPRESSED:
                queries.send_notices(tx, workspace_id, ready, message_id=outcome.id, text=text)
                return ""
            error = outcome.error if isinstance(outcome, NewMessage) else outcome
            detail = error.detail if error else "The person must not be contacted."
            queries.note_failure(tx, workspace_id, ready, detail)
            return str(detail)

        return await self._intake.accept_as(workspace_id, draft, kept)


def _due(tx: Transaction, workspace_id: str, now: int, days: int, after: str, limit: int) -> tuple[list[Due], str]:
    """Some consents that fall due, and behind which consent to go on; "" at the end."""
    until = now + days * _DAY_MS
    rows = audience_queries.consents_given_before(
        tx, workspace_id, purpose=Purpose.PROMOTIONAL.value, before=until - _LEAST_AGE_MS, after=after, limit=limit
    )
    korean = [row for row in rows if row.address.startswith("+82") and row.kind in KINDS]
    dates = {row.id: due_at for row in korean if (due_at := due_moment(row)) <= until}
    stopped = audience_queries.stopped_by_themselves(tx, workspace_id, {row.address for row in korean})
    known = queries.notices(tx, workspace_id, dates)
    found = [
        Due(row, dates[row.id], known.get((row.id, dates[row.id])))
        for row in korean
        if row.id in dates and row.address not in stopped
    ]
    return found, rows[-1].id if len(rows) == limit else ""


def due_moment(row: ConsentRow) -> int:
    """When a consent has to be confirmed at the latest, in milliseconds since 1970."""
    confirmed = datetime.fromtimestamp(row.confirmed_at / 1000, UTC) if row.confirmed_at else None
    given = Consent(ConsentKind(row.kind), datetime.fromtimestamp(row.at / 1000, UTC), confirmed_at=confirmed)
    return int(renewal_due(given).timestamp() * 1000)


def _settle(tx: Transaction, workspace_id: str, now: int) -> None:
    """Move the consents on whose reminder was handed over; let the others be sent again."""
    arrived = queries.arrived_notices(tx, workspace_id)
    for consent_id, _, at in arrived:
        audience_queries.confirm_consents(tx, workspace_id, [consent_id], at=at)
    queries.settle_notices(tx, workspace_id, [(consent_id, due_at) for consent_id, due_at, _ in arrived], now=now)
    queries.lost_notices(tx, workspace_id)


def _is_open(tx: Transaction, workspace_id: str, place: tuple[str, int]) -> bool:
    notice = queries.notices(tx, workspace_id, [place[0]]).get(place)
    return notice is not None and notice.state in {"ready", "failed"}


def _together(rows: Sequence[Due], states: Container[str]) -> list[list[Due]]:
    """What one person can be reminded of by one message."""
    groups: dict[tuple[str, str], list[Due]] = {}
    for one in rows:
        if one.notice is not None and one.notice.state in states:
            groups.setdefault((one.consent.address, _channel(one.consent)), []).append(one)
    return list(groups.values())


def _channel(consent: ConsentRow) -> str:
    """The channel a reminder goes out on; advertising by number may be reminded of by SMS."""
    return consent.channel if consent.channel in {Channel.WHATSAPP, Channel.RCS} else Channel.SMS.value


def _shown(one: Due, now: int) -> dict[str, Any]:
    notice = one.notice
    return {
        **one.consent._asdict(),
        "due_at": one.due_at,
        "overdue": one.due_at <= now,
        "notice": None
        if notice is None
        else {
            "text": notice.text,
            "channel": notice.channel,
            "state": notice.state,
            "message": notice.message_id or None,
            "error": notice.error,
        },
    }
