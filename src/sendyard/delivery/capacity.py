"""
What the accounts of a forecast can carry: whether everybody's turn comes in time, and whom each may write to in a day.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.timetable import IsOpen, Load, Timetable, slot_of
from sendyard.ledger.entries import NewMessage
from sendyard.providers.spec import RateUnit

PEOPLE_MS = 86_400_000
"""The time that limits of people look back over."""
_THROTTLE = ""  # the name of the campaign's own throttle among the accounts
_UNITS = {RateUnit.REQUEST: "request", RateUnit.MESSAGE: "message", RateUnit.PART: "part"}
_LONG = 60.0  # seconds from which on a reason is given


Family = Callable[[AccountEntry], Sequence[AccountEntry]]
"""All accounts that share with one what its provider allows, that one too."""


class Finding(NamedTuple):
    """How many messages are concerned, and a sentence about them."""

    messages: int
    detail: str


@dataclass(slots=True)
class Lot:
    """Messages of one account and moment that take equally long."""

    account_id: str
    at: int
    seconds: float
    expires_at: int
    load: Load
    throttle: Load | None


@dataclass(slots=True)
class Capacity:
    """
    Adds up the work of each account, message after message.

    Attributes:
        begins: when sending would begin, milliseconds since 1970.
        step: seconds between messages of a campaign with a throttle of its own; 0.0 without one.
        written: how many people accounts with a limit have written to within `PEOPLE_MS`, each with all that share it.
    """

    begins: int
    step: float = 0.0
    written: Mapping[str, int] = field(default_factory=dict)
    _timetable: Timetable = field(default_factory=Timetable)
    _accounts: dict[str, AccountEntry] = field(default_factory=dict)
    _messages: Counter[str] = field(default_factory=Counter)
    _late: Counter[str] = field(default_factory=Counter)
    _last: tuple[AccountEntry, object, int, Load] | None = None

    def take(self, entry: AccountEntry, message: NewMessage, kind: object, is_open: IsOpen | None) -> Lot:
        """
        Take one message that this account will carry; `kind` names what `is_open` depends on.

        Gives the lot to which messages like it are added.
        """
        send_at = message.send_at
        at = self.begins if send_at is None or send_at < self.begins else send_at
        last = self._last
        # Of a million messages nearly all are like the one before; finding their load costs more than the rest.
        if last is None or last[0] is not entry or last[1] is not kind or last[2] != slot_of(at):
            self._accounts[entry.id] = entry
            load = self._timetable.load(entry.id, at, kind, is_open)
            last = self._last = (entry, kind, slot_of(at), load)
        throttle = self._timetable.load(_THROTTLE, at, kind, is_open) if self.step else None
        seconds = _units(entry, message) / entry.rate_per_second
        lot = Lot(entry.id, at, seconds, message.expires_at, last[3], throttle)
        self.add(lot)
        return lot

    def add(self, lot: Lot) -> None:
        """Take one more message of a lot."""
        self._messages[lot.account_id] += 1
        gone = lot.load.take(lot.at, lot.seconds)
        # A throttled message is made when its moment comes, and its time to live begins then.
        held_up = lot.throttle.take(lot.at, self.step) - lot.at if lot.throttle else 0.0
        if gone > lot.expires_at + held_up:
            self._late[lot.account_id] += 1

    def end(self) -> int | None:
        """When the last is gone, milliseconds since 1970; None when there is none, or more than a month away."""
        return self._timetable.end()

    def pace(self) -> Finding:
        """Whose turn comes too late; at least so many, because hours at night only make it later."""
        late = self._late.total()
        if late:
            worst = self._accounts[max(self._late, key=self._late.__getitem__)]
            detail = (
                f"{self._speed(worst)}: {late:,} of {self._messages.total():,} would expire before their turn comes."
            )
            return Finding(late, detail)
        end = self.end()
        if end is None:
            return Finding(0, "")
        seconds = (end - self.begins) / 1000
        ends = {name: one for name, one in self._timetable.ends().items() if one is not None}
        last = max(ends, key=ends.__getitem__)
        reason = f" {self._speed(self._accounts.get(last))}." if seconds >= _LONG else ""
        return Finding(0, f"the last leaves {span(seconds)} after the start.{reason}")

    def people(self, family: Family = lambda entry: [entry]) -> Finding:
        """
        Who is beyond what accounts may write to within a day, as far as a limit is known.

        `family` gives all accounts that share the limit of one. The least that is known of any of them counts: they
        cannot have several limits, only some that are not known here yet.
        """
        beyond, details, seen = 0, [], set[str]()
        for entry in self._accounts.values():
            sharing = family(entry)
            limits = [one.daily_people for one in sharing if one.daily_people is not None]
            if entry.id in seen or not limits:
                continue
            seen |= {one.id for one in sharing}
            limit = min(limits)
            messages = sum(self._messages[one.id] for one in sharing)
            used = min(limit, self.written.get(entry.id, 0))
            over = messages + used - limit
            if over > 0:
                beyond += over
                one_account = len(sharing) == 1
                together = "" if one_account else " together"
                before = f", and {'has' if one_account else 'have'} written to {used:,}" if used else ""
                details.append(
                    f"{_names(sharing)} may{together} write to {limit:,} people first within 24 hours{before}; this is "
                    f"for {messages:,}, so {over:,} would be refused at first."
                )
        return Finding(beyond, " ".join(details))

    def _speed(self, entry: AccountEntry | None) -> str:
        if entry is None:
            return f"The campaign's own throttle lets {3600 / self.step:,.0f} an hour leave"
        unit, rate = _UNITS[entry.rate_unit], entry.rate_per_second
        each = ""
        if entry.rate_unit is RateUnit.REQUEST:
            each = f" of {'one message' if entry.batch_limit == 1 else f'up to {entry.batch_limit:,} messages'} each"
        return f"{entry.name} takes {rate:,g} {unit if rate == 1 else f'{unit}s'} a second{each}"


def span(seconds: float) -> str:
    """A length of time as people say it, in its two largest units."""
    if seconds < 1:
        return "within a second"
    left, parts = round(seconds), []
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        amount, left = divmod(left, size)
        if amount:
            parts.append(f"{amount} {name}")
    return " ".join(parts[:2])


def _names(entries: Sequence[AccountEntry]) -> str:
    names = [one.name for one in entries]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else names[0]


def _units(entry: AccountEntry, message: NewMessage) -> float:
    if entry.rate_unit is RateUnit.PART:
        return message.parts
    return 1 / entry.batch_limit if entry.rate_unit is RateUnit.REQUEST else 1
