"""
What would happen if these messages were sent now: faults by kind, rules, parts, cost, and when the last would leave.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sendyard.delivery.capacity import Capacity, Lot
from sendyard.delivery.costs import CostRange, RouteCost, bill, route_cost
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.hearing import brief_for
from sendyard.delivery.judging import judge
from sendyard.delivery.persons import Persons
from sendyard.delivery.rule_lines import Example, RuleLine, RuleLines, Saying, show
from sendyard.delivery.timetable import IsOpen
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.registry import RULES
from sendyard.domain.countries.rules import Aspect, Need
from sendyard.domain.countries.rules import Level as RuleLevel
from sendyard.domain.errors import AppError, RateLimited
from sendyard.domain.status import MessageStatus
from sendyard.ledger.entries import NewMessage

_HOUR_MS = 3_600_000
_SAMPLES = 3

Whom = tuple[int | None, str]
"""The row of a campaign (or position in a list) and the address as given, for examples."""


class Level(StrEnum):
    """How serious a check is."""

    OK = "ok"
    WARN = "warn"  # some are left out or wait
    BLOCK = "block"  # nobody would get anything, or nothing may start


@dataclass(frozen=True, slots=True)
class Check:
    """
    One thing that was looked at.

    `count` says how many messages it concerns, `fix` what to do about it; `examples` are the first few of them, where
    it is about single people.
    """

    check: str
    level: Level
    count: int
    detail: str
    fix: str
    examples: Sequence[Example] = ()


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    Everything a person wants to know before sending.

    Attributes:
        checks: what was looked at, in a fixed order.
        messages: how many would be sent, now or later: the people who are reached.
        parts: of all of them.
        cost: None when a price is missing or currencies differ; `costs` and `cost_note` are as in `costs.Bill`.
        finish_at: when the last would leave at the present limits and hours, milliseconds since 1970; None when
            nobody is reached or it would take more than a month.
        sample: messages as they would arrive: the first, and the one that needs most parts.
        rules: one line for each rule that spoke.
        deferrals: how many wait for a later hour, by the hour in which they may go (milliseconds since 1970).
        routes: the cost of each chain of accounts.
        examined: how many messages were looked at, in all.
        complete: False when only the first part of a long list was looked at.
    """

    checks: list[Check] = field(default_factory=list)
    messages: int = 0
    parts: int = 0
    cost: CostRange | None = None
    costs: Sequence[CostRange] = ()
    cost_note: str = ""
    finish_at: int | None = None
    sample: list[NewMessage] = field(default_factory=list)
    rules: list[RuleLine] = field(default_factory=list)
    deferrals: list[tuple[int, int]] = field(default_factory=list)
    routes: list[RouteCost] = field(default_factory=list)
    examined: int = 0
    complete: bool = True


_TITLES = {
    "address": "every address can be reached",
    "content": "the text fits",
    "route": "a route leads to an account",
    "schedule": "the time is possible",
    "recipient_limit": "nobody has had too many within the hour",
    "suppression": "nobody asked not to be contacted",
    "accounts": "the accounts in charge are active",
    "rules": "no rule of country or channel forbids a message",
    "hours": "nobody has to wait for permitted hours",
    "window": "every conversation that free text needs is open",
    "template": "registered templates are approved and fit",
    "people_limit": "no account may write to fewer people a day, as far as its limit is known",
    "pace": "everybody's turn comes in time",
}
_FIXES = {
    "address": "Correct the numbers, or name the country by which national ones are read.",
    "content": "Change the text as the detail says.",
    "route": "Set a route for this channel and country, or name an account.",
    "schedule": "Choose another time.",
    "recipient_limit": "Wait, or raise the workspace's hourly limit per recipient.",
    "suppression": "Nothing: they are left out. Lift a suppression only when the person asks for it.",
    "accounts": "Resume the account, or add another to the route.",
    "rules": "See the rules below: each says how it is satisfied, and who may set it aside.",
    "hours": "Nothing: they are moved, not dropped.",
    "window": "Send an approved template to people who have not written within 24 hours.",
    "template": "Synchronise templates, wait for their approval, or correct the text.",
    "people_limit": "Send to the rest on another day, by a second campaign or a throttle, or have the limit raised.",
    "pace": "Let messages wait longer (expires_in), send to fewer people, or use a faster account or plan.",
}
_OF_CAPACITY = ("people_limit", "pace")
_Kind = tuple[str, Channel | None, Purpose | None]
_OF_WINDOWS = frozenset(rule.id for rule in RULES.values() if Need.INBOUND in rule.needs)
_OF_TEMPLATES = frozenset(rule.id for rule in RULES.values() if "template" in rule.id)


@dataclass(slots=True)
class _Alike:
    """
    One outcome, and how many of a list have it: all that is counted is worked out once for them.

    `checks` are names with what is told of this outcome; `telling` are the examples that still want more of them, with
    the same; `sums` are messages and parts of its route.
    """

    checks: Sequence[tuple[str, str]] = ()
    sayings: Sequence[Saying] = ()
    telling: Sequence[tuple[list[Example], str]] = ()
    message: NewMessage | None = None  # that goes
    hour: int | None = None  # for which it waits
    sums: list[int] | None = None
    lot: Lot | None = None
    count: int = 0


class Outlook:
    """
    Adds up what `admit_many` says of message after message, in any number of lists.

    Keeps sums and a few examples, never the messages, so a million of them need no more memory than a hundred.
    """

    def __init__(
        self, directory: Directory, now: int, *, step: float = 0.0, written: Mapping[str, int] | None = None
    ) -> None:
        """
        Take the accounts, and the moment at which sending would begin (milliseconds since 1970).

        `step` and `written` are as in `Capacity`: a campaign's own throttle, and people written to today by account.
        """
        self._directory = directory
        self._rules = RuleLines()
        self._counts: Counter[str] = Counter()
        self._details: dict[str, str] = {}
        self._examples: dict[str, list[Example]] = {}
        self._deferrals: Counter[int] = Counter()
        self._routes: dict[tuple[str, ...], list[int]] = {}
        self._capacity = Capacity(now, step, written or {})
        self._hours: dict[_Kind, tuple[_Kind, IsOpen | None]] = {}
        self._kind: _Kind = ("", None, None)  # of the message before
        self._is_open: IsOpen | None = None
        self.messages = 0
        self.examined = 0
        self._parts = 0
        self._first: list[NewMessage] = []
        self.longest: NewMessage | None = None

    def take(self, outcomes: Sequence[NewMessage | AppError], whom: Sequence[Whom] = ()) -> None:
        """
        Add a list; `whom` names those of the same positions, for examples of what went wrong.

        Where one outcome stands at several positions, `whom` says whose each is.
        """
        self.examined += len(outcomes)
        met: dict[int, _Alike] = {}
        for outcome, (row, to) in zip(outcomes, whom or _whom(outcomes), strict=True):
            alike = met.get(id(outcome))
            if alike is None:
                alike = met[id(outcome)] = self._first_of(outcome, row, to)
                alike.telling = self._telling(alike)
            elif alike.lot is not None:
                self._capacity.add(alike.lot)
            alike.count += 1
            if alike.telling:
                alike.telling = [one for one in alike.telling if show(*one, row, to)]
        for alike in met.values():
            self._add(alike)

    def forecast(self) -> Forecast:
        """Sum up."""
        lines = self._rules.lines()
        checks = [self._check(name, lines) for name in _TITLES if name not in _OF_CAPACITY]
        routes = [self._route_cost(route, *sums) for route, sums in self._routes.items()]
        sample = {one.id: one for one in (*self._first, self.longest) if one is not None}
        sums = bill(routes)
        return Forecast(
            checks=[*checks, *self._of_capacity()],
            messages=self.messages,
            parts=self._parts,
            cost=sums.cost,
            costs=sums.costs,
            cost_note=sums.note,
            finish_at=self._capacity.end(),
            sample=list(sample.values())[:_SAMPLES],
            rules=lines,
            deferrals=sorted(self._deferrals.items()),
            routes=routes,
            examined=self.examined,
        )

    def _first_of(self, outcome: NewMessage | AppError, row: int | None, to: str) -> _Alike:
        """Work out what is counted for each message with this outcome; takes the first one's place in the queue."""
        if isinstance(outcome, AppError):
            return self._refused(outcome)
        if outcome.status is MessageStatus.SUPPRESSED:
            return _Alike([self._concerned("suppression", outcome.error.detail if outcome.error else "")])
        return self._goes(outcome, row, to)

    def _telling(self, alike: _Alike) -> list[tuple[list[Example], str]]:
        """Where this outcome may be shown as an example, and with which sentence."""
        checks = [(self._examples[name], detail) for name, detail in alike.checks]
        return [*checks, *((one.line.examples, one.detail) for one in alike.sayings)]

    def _add(self, alike: _Alike) -> None:
        for name, _ in alike.checks:
            self._counts[name] += alike.count
        for one in alike.sayings:
            one.line.add(one.level, alike.count)
        if alike.hour is not None:
            self._deferrals[alike.hour] += alike.count
        if alike.message is not None and alike.sums is not None:
            parts = alike.message.parts * alike.count
            self.messages += alike.count
            self._parts += parts
            alike.sums[0] += alike.count
            alike.sums[1] += parts

    def _goes(self, message: NewMessage, row: int | None, to: str) -> _Alike:
        if self.longest is None or _size(message) > _size(self.longest):
            self.longest = message if message.to.value == to else message.but(to=Address.known(to), row=row)
            self._first = self._first or [self.longest]
        alike = _Alike(message=message, checks=[])
        if message.notes:
            alike.sayings = self._rules.noted(message.notes)
            waits = next((note.detail for note in message.notes if note.level == RuleLevel.DEFER), None)
            if waits is not None and message.send_at is not None:
                alike.checks = [self._concerned("hours", waits)]
                alike.hour = message.send_at - message.send_at % _HOUR_MS
        # Without failover only the first choice can ever cost anything.
        route = tuple(message.route) if message.failover else tuple(message.route[:1])
        alike.sums = self._routes.get(route)
        if alike.sums is None:
            alike.sums = self._routes[route] = [0, 0]
        entry = self._directory.account(message.route[0]) if message.route else None
        if entry is not None:
            if not entry.is_active:
                paused = self._concerned("accounts", f"{entry.name} is paused: {entry.pause_reason}")
                alike.checks = [*alike.checks, paused]
            alike.lot = self._timed(entry, message)
        return alike

    def _timed(self, entry: AccountEntry, message: NewMessage) -> Lot:
        kind = self._kind
        if message.country != kind[0] or message.channel is not kind[1] or message.purpose is not kind[2]:
            kind = (message.country, message.channel, message.purpose)
            if kind not in self._hours:
                self._hours[kind] = kind, self._hours_of(message)
            kind, self._is_open = self._hours[kind]
            self._kind = kind
        return self._capacity.take(entry, message, kind, self._is_open)

    def _hours_of(self, message: NewMessage) -> IsOpen | None:
        """The hours of messages like this one: of somebody of whom nothing is known but the number."""
        brief = brief_for(self._directory, message, message.campaign_id)
        if brief is None or not brief.judges_clock or Need.INBOUND in brief.needs:
            return None
        nobody, address = Persons(needs=brief.needs), message.to.value
        return lambda at: judge(brief, nobody, address, at).until is None

    def _refused(self, error: AppError) -> _Alike:
        if error.code not in RULES:
            return _Alike([self._concerned(_concern(error), error.detail)])
        said = self._rules.forbidden(error.code, error.detail)
        # Whatever a rule forbids counts as forbidden by rules as well.
        names = dict.fromkeys((_concern_of_rule(error.code), "rules"))
        return _Alike([self._concerned(name, error.detail) for name in names], said)

    def _concerned(self, name: str, detail: str) -> tuple[str, str]:
        """Note that a check has something to say; the first detail is the one that is told."""
        if name not in self._details:
            self._details[name] = detail
            self._examples[name] = []
        return name, detail

    def _check(self, name: str, lines: Sequence[RuleLine]) -> Check:
        count = self._counts[name]
        if not count:
            return Check(name, Level.OK, 0, f"Good: {_TITLES[name]}.", "")
        detail = self._details[name]
        level = Level.WARN if self.messages else Level.BLOCK
        if name == "rules" and (forbidding := next((line for line in lines if line.forbids_all), None)):
            level, detail = Level.BLOCK, forbidding.examples[0].detail
        return Check(name, level, count, detail, _FIXES[name], self._examples[name])

    def _of_capacity(self) -> Iterable[Check]:
        people = self._capacity.people(self._directory.family)
        for name, found in zip(_OF_CAPACITY, (people, self._capacity.pace()), strict=True):
            if found.messages:
                yield Check(name, Level.WARN, found.messages, found.detail, _FIXES[name])
            else:
                more = f"; {found.detail}" if found.detail else "."
                yield Check(name, Level.OK, 0, f"Good: {_TITLES[name]}{more}", "")

    def _route_cost(self, route: Sequence[str], messages: int, parts: int) -> RouteCost:
        entries = [entry for account_id in route if (entry := self._directory.account(account_id)) is not None]
        return route_cost(entries, messages, parts)


def forecast(
    directory: Directory,
    outcomes: Sequence[NewMessage | AppError],
    now: int,
    whom: Sequence[Whom] = (),
    written: Mapping[str, int] | None = None,
) -> Forecast:
    """Sum up what `Intake.examine` found; `whom` is as in `Outlook.take`, `written` as in `Outlook`."""
    outlook = Outlook(directory, now, written=written)
    outlook.take(outcomes, whom)
    return outlook.forecast()


def document(found: Forecast) -> dict[str, Any]:
    """A forecast as API and command line print it; times are milliseconds since 1970."""
    return {
        "checks": [
            {"check": one.check, "level": one.level.value, "count": one.count, "detail": one.detail, "fix": one.fix,
             "examples": [example.document() for example in one.examples]}
            for one in found.checks
        ],
        "messages": found.messages,
        "parts": found.parts,
        "cost": None if found.cost is None else found.cost.document(),
        "costs": [one.document() for one in found.costs],
        "cost_note": found.cost_note,
        "finish_at": found.finish_at,
        "sample": [
            {"to": one.to.value, "text": one.content.body, "parts": one.parts, "encoding": one.encoding}
            for one in found.sample
        ],
        "rules": [line.document() for line in found.rules],
        "deferrals": [{"at": at, "messages": messages} for at, messages in found.deferrals],
        "routes": [one.document() for one in found.routes],
        "examined": found.examined,
        "complete": found.complete,
    }  # fmt: skip


def evidence(found: Forecast) -> dict[str, Any]:
    """What is kept with a campaign: the same without anything that says who somebody is."""
    kept = document(found)
    kept["sample"] = [{"parts": one["parts"], "encoding": one["encoding"]} for one in kept["sample"]]
    for line in (*kept["checks"], *kept["rules"]):
        line["examples"] = [{"row": one["row"], "to": one["to"]} for one in line["examples"]]
    return kept


def _concern_of_rule(rule_id: str) -> str:
    if rule_id in _OF_WINDOWS:
        return "window"
    if rule_id in _OF_TEMPLATES:
        return "template"
    return "hours" if RULES[rule_id].aspect is Aspect.TIME else "rules"


def _concern(error: AppError) -> str:
    if isinstance(error, RateLimited):
        return "recipient_limit"
    if error.code in {"no_route", "no_usable_account", "unknown_account"}:
        return "route"
    pointer = error.errors[0].pointer if error.errors else ""
    if pointer == "/to":
        return "address"
    if pointer == "/template":
        return "template"
    return "schedule" if pointer in {"/send_at", "/expires_in"} else "content"


def _whom(outcomes: Sequence[NewMessage | AppError]) -> Sequence[Whom]:
    """Whose outcomes are, as far as they say it themselves."""
    return [
        (position, "")
        if isinstance(outcome, AppError)
        else (position if outcome.row is None else outcome.row, outcome.to.value)
        for position, outcome in enumerate(outcomes)
    ]


def _size(message: NewMessage) -> tuple[int, int]:
    return message.parts, len(message.content.body)
