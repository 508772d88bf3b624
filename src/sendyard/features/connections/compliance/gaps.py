"""
What rules would like to know and nobody has told: by country, with the rule that speaks for lack of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.facts import Facts
from sendyard.domain.channels import Channel
from sendyard.domain.countries.registry import RULES, packs_for
from sendyard.domain.countries.rules import Level
from sendyard.domain.countries.situation import Registration, Sender
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.connections.compliance import queries
from sendyard.features.connections.compliance.telling import account_name
from sendyard.storage.engine import Database
from sendyard.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Place:
    """A sender of an account, or an account that leaves the sender to its provider."""

    facts: Facts
    account_id: str
    sender: Sender


@dataclass(frozen=True, slots=True)
class Need:
    """
    A fact that a rule asks for.

    Attributes:
        rule: its id.
        fact: where it is told: a field of the workspace's facts, or `senders.` and a field of a sender.
        level: what the rule does meanwhile; in India only where the account's entity id is known, see `_level`.
        lacks: whether it is missing for a sender.
        detail: what is missing and what follows.
        command: how to tell it.
    """

    rule: str
    fact: str
    level: Level
    lacks: Callable[[Place], bool]
    detail: str
    command: str


def _unregistered(place: Place) -> bool:
    return bool(place.sender.value) and place.sender.registration is Registration.UNKNOWN


_SET, _SENDER = "sendyard compliance set", "sendyard compliance sender set"
_URLS = f"{_SET} --allow-url 'https://shop.example/*'"
_NUMBERS = f"{_SET} --allow-number 02-1234-5678"
_REGISTERED = f"{_SENDER} SENDER --registration approved"

NEEDS: Mapping[str, Sequence[Need]] = {
    "kr": (
        Need("kr.sender_registered", "senders.registration", Level.WARN, _unregistered,
             "Nobody has said that this sender number is registered with the relay; unregistered ones are blocked.",
             _REGISTERED),
        Need("kr.sender_name", "business", Level.BLOCK, lambda at: not at.sender.business,
             "Advertising names the sender right after (광고); without a name it is not sent.",
             f"{_SET} --business NAME"),
        Need("kr.opt_out", "opt_out_number", Level.BLOCK, lambda at: not at.sender.opt_out_number,
             "Advertising ends in a free 080 number; without one it is not sent unless the text holds the line itself.",
             f"{_SET} --opt-out-number 080-123-4567"),
    ),
    "in": (
        Need("in.header", "senders.value", Level.BLOCK, lambda at: not at.sender.value,
             "The account has no header, and every SMS to India needs one; messages must name it themselves.",
             "Give the account a sender: PATCH /accounts/{id}, or name one in each message."),
        Need("in.entity", "dlt.entity_id", Level.BLOCK, lambda at: not at.facts.dlt_ids(at.account_id).entity_id,
             "The principal entity id of the DLT portal is missing; operators refuse what goes without it.",
             f"{_SET} --entity-id 1401234567890123456"),
        Need("in.chain", "dlt.chain", Level.WARN,
             lambda at: at.facts.dlt_ids(at.account_id).chain is Registration.UNKNOWN,
             "Nobody has confirmed on the DLT portal that the provider is bound to the entity (the PE–TM chain).",
             f"{_SET} --chain approved --account ACCOUNT"),
        Need("in.template_id", "templates", Level.BLOCK, lambda at: not at.facts.templates,
             "No registered template is known here, so that no text can be compared with what was approved.",
             "sendyard compliance templates import FILE"),
        Need("in.template_state", "templates.state", Level.WARN,
             lambda at: any(one.state is Registration.UNKNOWN for one in at.facts.templates.values()),
             "Of some registered templates nobody has said whether they are approved.",
             "sendyard compliance templates set ID --state approved"),
        Need("in.url_allow_list", "allowed_urls", Level.WARN, lambda at: at.facts.allowed.urls is None,
             "The list of whitelisted addresses is not known, so that addresses inside variables are not checked.",
             _URLS),
    ),
    "tw": (
        Need("tw.identity", "senders.identity_words", Level.WARN, lambda at: not at.sender.identity_words,
             "Every SMS to Taiwan names its sender by a word the carriers approved, and none is known for this one.",
             f"{_SENDER} SENDER --identity-word NAME"),
        Need("tw.url_allow_list", "allowed_urls", Level.WARN, lambda at: at.facts.allowed.urls is None,
             "The list of registered addresses is not known, so that addresses in texts are not checked.", _URLS),
        Need("tw.number_allow_list", "allowed_numbers", Level.WARN, lambda at: at.facts.allowed.numbers is None,
             "The list of registered numbers is not known, so that numbers in texts are not checked.", _NUMBERS),
    ),
    "us": (
        Need("us.registration", "senders.registration", Level.WARN, _unregistered,
             "Nobody has said that this number is a registered 10DLC number, a verified toll-free number or a short "
             "code; carriers drop what is not.", _REGISTERED),
        Need("us.sender_name", "business", Level.WARN, lambda at: not at.sender.business,
             "Marketing texts say who sends them, and there is no name to put in front.", f"{_SET} --business NAME"),
    ),
    "default": (
        Need("default.sender_name", "business", Level.WARN, lambda at: not at.sender.business,
             "Advertising should say who sends it, and no name is known.", f"{_SET} --business NAME"),
    ),
}  # fmt: skip
"""What each pack asks for; that a rule does speak without it is tested."""

_ZONE_RULES = {"us": "us.quiet_hours", "default": "default.hours"}
_ZONE = "The workspace's own time zone is not known; UTC stands in for people of whom no zone is known either."


class Gaps:
    """Missing facts of every workspace."""

    def __init__(self, database: Database, directory: Directory) -> None:
        """Take where rows are, and the directory that knows accounts, routes and facts."""
        self._database = database
        self._directory = directory

    async def find(self, workspace_id: str, countries: Iterable[str] = ()) -> dict[str, Any]:
        """
        Say what is missing: `{countries, data: [{country, rule, level, fact, detail, command, senders}]}`.

        Without `countries` those count that routes or campaigns name or that a provider in use is made for. A missing
        fact of a sender, or of an account, lists which: `{account: {id, name}, sender}`.

        Raises:
            Invalid: a country is no code of two letters.
        """
        asked = {_country(one) for one in countries}

        def read(tx: Transaction) -> tuple[set[str], list[tuple[str, str]], bool]:
            row = queries.workspace(tx, workspace_id)
            used = asked or queries.countries_used(tx, workspace_id)
            return used, queries.campaign_senders(tx, workspace_id), bool(row and row[0])

        used, named, has_zone = await self._database.read(read)
        if not asked:
            used |= self._homes(workspace_id)
        data: list[dict[str, Any]] = []
        for country in sorted(used):
            pack = packs_for(country, Channel.SMS)[0].id
            places = self._places(workspace_id, country, named)
            data += [self._document(country, need, lacking) for need, lacking in _missing(pack, places)]
            if not has_zone and pack in _ZONE_RULES:
                command = f"{_SET} --home-zone Asia/Taipei"
                zone = Need(_ZONE_RULES[pack], "home_zone", Level.WARN, lambda _: True, _ZONE, command)
                data.append(self._document(country, zone, ()))
        return {"countries": sorted(used), "data": data}

    def _homes(self, workspace_id: str) -> set[str]:
        """Countries that providers of active accounts are made for."""
        found: set[str] = set()
        for entry in self._directory.accounts(workspace_id):
            spec = entry.adapter.spec
            found |= spec.home or (spec.countries if len(spec.countries) == 1 else set())
        return found

    def _places(self, workspace_id: str, country: str, named: Sequence[tuple[str, str]]) -> list[Place]:
        """Every sender that might speak to a country, by the accounts that its routes name."""
        facts = self._directory.facts(workspace_id)
        reaching = [entry for entry in self._directory.accounts(workspace_id) if _reaches(entry, country)]
        routed = {
            account
            for route in self._directory.routes(workspace_id)
            if route.country in {country, ""}
            for account in route.accounts
        }
        places = []
        for entry in [one for one in reaching if one.id in routed] or reaching:
            values = {entry.sender} - {""}
            values |= {value for account, value in facts.senders if account == entry.id}
            values |= {value for account, value in named if account in {entry.id, entry.name}}
            places += [Place(facts, entry.id, facts.sender(entry.id, value)) for value in sorted(values) or [""]]
        return places or [Place(facts, "", facts.sender("", ""))]

    def _document(self, country: str, need: Need, lacking: Sequence[Place]) -> dict[str, Any]:
        is_of_account = need.fact.startswith(("senders.", "dlt."))
        return {
            "country": country,
            "rule": need.rule,
            "level": _level(need, lacking).value,
            "certainty": "uncertain" if RULES[need.rule].uncertain else "sourced",
            "fact": need.fact,
            "detail": need.detail,
            "command": need.command,
            "senders": [
                {"account": account_name(self._directory, one.account_id), "sender": one.sender.value}
                for one in (lacking if is_of_account else ())
            ],
        }


_ONCE_REGISTERED = frozenset({"in.entity", "in.template_id", "in.header"})


def _level(need: Need, lacking: Sequence[Place]) -> Level:
    """What the rule does meanwhile: while nobody told an entity id, a provider may know what is registered."""
    if need.rule not in _ONCE_REGISTERED or any(at.facts.dlt_ids(at.account_id).entity_id for at in lacking):
        return need.level
    return Level.WARN


def _missing(pack: str, places: Sequence[Place]) -> Iterable[tuple[Need, Sequence[Place]]]:
    for need in NEEDS[pack]:
        if lacking := [place for place in places if need.lacks(place)]:
            yield need, lacking


def _reaches(entry: AccountEntry, country: str) -> bool:
    spec = entry.adapter.spec
    return Channel.SMS in spec.channels and (not spec.countries or country in spec.countries)


def _country(given: str) -> str:
    place = given.strip().upper()
    if not (len(place) == 2 and place.isascii() and place.isalpha()):
        detail = f"Expected country codes of two letters such as TW, found {given!r:.50}."
        raise Invalid("bad_country", detail, errors=[FieldError("country", "bad_country", detail)])
    return place
