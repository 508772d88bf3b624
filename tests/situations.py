"""
Situations of the rule tests: a message that breaks no rule of its country, to which each case does one thing.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.registry import Decision, decide
from sendyard.domain.countries.rules import Level, Verdict
from sendyard.domain.countries.situation import (
    Allowed,
    Consent,
    ConsentKind,
    DltIds,
    Person,
    RegisteredTemplate,
    Registration,
    Sender,
    Situation,
)


def at(when: str, zone: str = "UTC") -> datetime:
    """A moment as people there say it: `at("2026-11-20 21:30", "Asia/Seoul")`."""
    return datetime.fromisoformat(when).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def consents(*kinds: ConsentKind, given: str = "2026-01-10 12:00", evidence: str = "form v3") -> tuple[Consent, ...]:
    return tuple(Consent(kind, at(given), evidence) for kind in kinds)


MARKETING, WRITTEN, NIGHT = ConsentKind.MARKETING, ConsentKind.WRITTEN, ConsentKind.NIGHT

KOREAN_AD = "(광고)행복가게 오늘만 할인\n무료수신거부 080-123-4567"

KOREA = Situation(
    at=at("2026-11-20 14:00", "Asia/Seoul"),
    channel=Channel.SMS,
    purpose=Purpose.PROMOTIONAL,
    country="KR",
    text=KOREAN_AD,
    sender=Sender(
        "02-123-4567",
        "행복가게",
        opt_out_number="080-123-4567",
        registration=Registration.APPROVED,
    ),
    person=Person(number_zones=("Asia/Seoul",), consents=consents(MARKETING)),
)

INDIAN_TEXT = "Hi Asha, your ACME order A-17 is packed."

INDIA = Situation(
    at=at("2026-11-20 14:00", "Asia/Kolkata"),
    channel=Channel.SMS,
    purpose=Purpose.TRANSACTIONAL,
    country="IN",
    text=INDIAN_TEXT,
    sender=Sender("ACMEIN", "ACME", registration=Registration.APPROVED),
    person=Person(number_zones=("Asia/Kolkata",)),
    template=RegisteredTemplate(
        "1007165158208125858",
        "Hi {#var#}, your ACME order {#var#} is packed.",
        "service_implicit",
        Registration.APPROVED,
        ("ACMEIN",),
    ),
    dlt=DltIds("1401687770000073525", ("1202000000000000001",), Registration.APPROVED),
    allowed=Allowed((), ()),
)

INDIAN_OFFER = replace(
    INDIA,
    purpose=Purpose.PROMOTIONAL,
    text="ACME: 20% off for Asha",
    sender=replace(INDIA.sender, value="512345"),
    template=RegisteredTemplate(
        "1007165158208125859", "ACME: 20% off for {#var#}", "promotional", Registration.APPROVED, ("512345",)
    ),
    person=replace(INDIA.person, consents=consents(MARKETING)),
)

TAIWAN = Situation(
    at=at("2026-11-20 14:00", "Asia/Taipei"),
    channel=Channel.SMS,
    purpose=Purpose.PROMOTIONAL,
    country="TW",
    text="【幸福氣】週年慶全館八折，回覆「退訂」停止接收",
    sender=Sender("", "幸福氣", ("幸福氣", "ACME")),
    person=Person(number_zones=("Asia/Taipei",), consents=consents(MARKETING)),
    allowed=Allowed(("https://shop.example/fall", "go.example", "https://t.example/a?"), ("02-2345-6789",)),
)

AMERICA = Situation(
    at=at("2026-11-20 14:00", "America/New_York"),
    channel=Channel.SMS,
    purpose=Purpose.PROMOTIONAL,
    country="US",
    text="Acme: 20% off this week. Reply STOP to opt out.",
    sender=Sender("+14155550123", "Acme", registration=Registration.APPROVED),
    person=Person(number_zones=("America/New_York",), consents=consents(WRITTEN)),
)

GERMANY = Situation(
    at=at("2026-11-20 14:00", "Europe/Berlin"),
    channel=Channel.SMS,
    purpose=Purpose.PROMOTIONAL,
    country="DE",
    text="Acme: 20 % Rabatt. STOP zum Abmelden.",
    sender=Sender("Acme", "Acme"),
    person=Person(number_zones=("Europe/Berlin",), consents=consents(MARKETING)),
)

WHATSAPP = Situation(
    at=at("2026-11-20 14:00", "Europe/Berlin"),
    channel=Channel.WHATSAPP,
    purpose=Purpose.TRANSACTIONAL,
    country="DE",
    text="Your parcel is on its way.",
    person=Person(number_zones=("Europe/Berlin",), last_inbound_at=at("2026-11-20 10:00", "Europe/Berlin")),
)

_PERSON = {
    "zone",
    "number_zones",
    "state",
    "consents",
    "last_inbound_at",
    "first_contact",
    "do_not_disturb",
    "wanted_categories",
}
_SENDER = {"business", "identity_words", "contact", "opt_out_number", "registration", "receives_replies"}


def but(situation: Situation, **changes: Any) -> Situation:
    """The situation with something else; fields of sender and person by their own names, `sender_value` for its."""
    person = {name: changes.pop(name) for name in _PERSON & changes.keys()}
    sender = {name: changes.pop(name) for name in _SENDER & changes.keys()}
    if "sender_value" in changes:
        sender["value"] = changes.pop("sender_value")
    template = {name[9:]: changes.pop(name) for name in list(changes) if name.startswith("template_")}
    dlt = {name[4:]: changes.pop(name) for name in list(changes) if name.startswith("dlt_")}
    options = {name[7:]: changes.pop(name) for name in list(changes) if name.startswith("option_")}
    if template and situation.template:
        changes["template"] = replace(situation.template, **template)
    return replace(
        situation,
        person=replace(situation.person, **person),
        sender=replace(situation.sender, **sender),
        dlt=replace(situation.dlt, **dlt),
        options=replace(situation.options, **options),
        **changes,
    )


def levels(situation: Situation, **how: Any) -> dict[str, str]:
    """What is found: rule id → level; the kind follows a colon where there is one."""
    return {one.rule_id: said(one) for one in decide(situation, **how).verdicts}


def said(verdict: Verdict) -> str:
    return f"{verdict.level.value}:{verdict.kind}" if verdict.kind else verdict.level.value


def only(situation: Situation, rule: str) -> Verdict:
    """The one verdict of a rule."""
    (found,) = [one for one in decide(situation).verdicts if one.rule_id == rule]
    return found


def settled(decision: Decision) -> bool:
    """True when nothing is left to block or to fix."""
    return not {Level.BLOCK, Level.FIX} & {one.level for one in decision.verdicts}
