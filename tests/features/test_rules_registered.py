"""
Rules about what is registered elsewhere: India's DLT portals, Meta's templates, and who has told us nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sendyard.delivery.brief import brief_of
from sendyard.delivery.judging import judge
from sendyard.delivery.persons import Persons
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, TemplateRef, Text
from sendyard.domain.countries.situation import ConsentKind
from sendyard.domain.errors import Invalid
from sendyard.domain.status import MessageStatus
from sendyard.features.audience import Suppressions
from sendyard.ledger.entries import NewMessage
from sendyard.ledger.inbound import keep_inbound
from sendyard.storage.identifiers import new_id
from sendyard.storage.transaction import Transaction
from tests.features.lawful import Lawful, milliseconds
from tests.situations import INDIA, INDIAN_TEXT, at
from tests.yard import Yard, only_sqlite

INDIAN, GERMAN = "+919876543210", "+4915112345678"
DAY, LATE = at("2026-11-20 14:00", "Asia/Kolkata"), at("2026-11-20 22:00", "Asia/Kolkata")
HEADER, TEMPLATE = "ACMEIN", "1007165158208125858"
REGISTERED = {"template_id": TEMPLATE}


@pytest.fixture
async def indian(yard: Yard) -> Lawful:
    """A shop that has told everything about India."""
    lawful = await Lawful.of(yard)
    await lawful.tell(dlt=[{"entity_id": INDIA.dlt.entity_id, "chain": "approved"}])
    assert INDIA.template is not None
    await lawful.template(TEMPLATE, text=INDIA.template.text, category="service_implicit", state="approved")
    return lawful


def order(lawful: Lawful, text: str = INDIAN_TEXT, when: Any = DAY, **rest: Any) -> NewMessage:
    told = {"purpose": Purpose.TRANSACTIONAL, "sender": HEADER, "registration": REGISTERED, **rest}
    return lawful.accept(INDIAN, text, when, **told)


def refused(offer: Callable[[], NewMessage]) -> Invalid:
    with pytest.raises(Invalid) as error:
        offer()
    return error.value


def rules(message: NewMessage) -> Mapping[str, str]:
    return {note.rule: note.level for note in message.notes}


async def test_a_text_as_registered_is_accepted_at_any_hour(indian: Lawful) -> None:
    assert order(indian, when=LATE).status is MessageStatus.QUEUED
    assert "block" not in rules(order(indian)).values()


async def test_one_word_that_differs_from_the_template_is_named(indian: Lawful) -> None:
    error = refused(lambda: order(indian, INDIAN_TEXT.replace("packed", "shipped")))
    assert (error.code, error.errors[0].pointer) == ("in.template_match", "/text")
    assert "shipped" in error.detail
    assert "packed" in error.detail


async def test_a_variable_that_is_too_long_is_named_with_its_limit(indian: Lawful) -> None:
    error = refused(lambda: order(indian, INDIAN_TEXT.replace("Asha", "A" * 31)))
    assert error.code == "in.variable_length"
    assert "Variable 1 may have 30 characters, found 31" in error.detail


async def test_ids_of_the_message_count_before_those_of_the_workspace(indian: Lawful) -> None:
    error = refused(lambda: order(indian, registration={**REGISTERED, "entity_id": "12"}))
    assert error.code == "in.entity"
    error = refused(lambda: order(indian, registration={}))
    assert error.code == "in.template_id"


async def test_who_has_told_nothing_about_india_is_only_warned(yard: Yard) -> None:
    lawful = await Lawful.of(yard)
    message = order(lawful, "Your order is packed", registration={}, sender="")
    assert {rules(message)[rule] for rule in ("in.entity", "in.template_id", "in.header")} == {"warn"}
    assert "only a warning" in next(note.detail for note in message.notes if note.rule == "in.template_id")


async def test_a_text_a_provider_keeps_by_a_name_of_its_own_needs_no_id_from_us(indian: Lawful) -> None:
    form: Mapping[str, Content] = {"twilio": TemplateRef("HX" + "1" * 32, body=INDIAN_TEXT)}
    message = order(indian, registration={}, variants=form)
    assert rules(message)["in.template_id"] == "warn"
    assert (message.content, message.variants) == (Text(INDIAN_TEXT), form)


async def test_a_registered_template_of_explicit_service_asks_the_person_and_the_clock(indian: Lawful) -> None:
    await indian.template(TEMPLATE, category="service_explicit")
    assert refused(lambda: order(indian)).code == "in.consent"
    await indian.consent(INDIAN, ConsentKind.REGISTERED, purpose=Purpose.TRANSACTIONAL)
    assert order(indian).status is MessageStatus.QUEUED
    night = order(indian, when=LATE)
    # An order that waits for the morning keeps its end, and one that would be over by then is refused now.
    assert night.send_at == milliseconds(at("2026-11-21 10:00", "Asia/Kolkata"))
    assert night.expires_at == milliseconds(LATE) + 86_400_000
    error = refused(lambda: order(indian, when=LATE, expires_in=3600))
    assert (error.code, error.errors[0].pointer) == ("in.hours", "/expires_in")


async def test_the_register_of_who_wants_no_calls_stops_explicit_service_too(indian: Lawful) -> None:
    await indian.template(TEMPLATE, category="promotional")
    await Suppressions(indian.yard.database).add(
        indian.yard.workspace_id, to=INDIAN, purpose=Purpose.PROMOTIONAL, reason="do_not_call", source="NCPR"
    )
    error = refused(lambda: order(indian, sender="512345"))
    assert error.code == "in.do_not_disturb"


# ---- WhatsApp --------------------------------------------------------------------------------------


def wrote(lawful: Lawful, who: str, when: Any) -> None:
    def work(tx: Transaction) -> str:
        return keep_inbound(
            tx,
            lawful.yard.workspace_id,
            lawful.account_id,
            sender=who,
            recipient="+14155550123",
            channel=Channel.WHATSAPP.value,
            text="hello",
            provider_ref=new_id(),
            dedupe_key=new_id(),
            received_at=milliseconds(when),
        )

    lawful.yard.database.write_now(work)


def prepared(lawful: Lawful, reference: TemplateRef) -> Mapping[str, str]:
    """What rules say of a template as the account would send it, whatever the account can carry."""
    brief = brief_of(
        lawful.yard.directory,
        lawful.yard.workspace_id,
        account_id=lawful.account_id,
        sender="",
        channel=Channel.WHATSAPP,
        purpose=Purpose.TRANSACTIONAL,
        country="DE",
        content=reference,
        variants={},
        registration={},
        campaign_id="",
    )
    assert brief is not None
    ruling = judge(brief, Persons(), GERMAN, milliseconds(DAY))
    blocks = [*brief.sender_blocks, *([ruling.block] if ruling.block else [])]
    return {note.rule: note.level for note in (*brief.sender_notes, *ruling.notes)} | {
        one.rule_id: one.level.value for one in blocks
    }


def chat(lawful: Lawful, content: Content | None = None, **rest: Any) -> NewMessage:
    told = {"purpose": Purpose.TRANSACTIONAL, "channel": Channel.WHATSAPP, "content": content or Text("On its way")}
    return lawful.accept(GERMAN, "", DAY, **{**told, **rest})


async def test_free_text_needs_somebody_who_wrote_within_a_day(yard: Yard) -> None:
    lawful = await Lawful.of(yard)
    # Where nobody was ever heard, callbacks may not be connected: nothing is known against it.
    assert rules(chat(lawful)) == {"wa.window": "warn"}
    wrote(lawful, INDIAN, DAY)
    assert refused(lambda: chat(lawful)).code == "wa.window"
    wrote(lawful, GERMAN, at("2026-11-19 13:00", "Asia/Kolkata"))
    assert "25 hours ago" in refused(lambda: chat(lawful)).detail
    wrote(lawful, GERMAN, at("2026-11-20 13:00", "Asia/Kolkata"))
    assert rules(chat(lawful)) == {}


@pytest.mark.parametrize(
    ("state", "category", "expected"),
    [
        ("approved", "UTILITY", {}),
        ("approved", "MARKETING", {"wa.template_category": "warn", "wa.opt_in": "block"}),
        ("pending", "UTILITY", {"wa.template_state": "block"}),
    ],
)
@only_sqlite
async def test_templates_are_judged_by_the_providers_own_copy(
    yard: Yard, state: str, category: str, expected: dict[str, str]
) -> None:
    lawful = await Lawful.of(yard)
    reference = TemplateRef("arrival", "en")
    assert prepared(lawful, reference) == {"wa.template_state": "warn"}
    await yard.database.write(lambda tx: keep_copy(tx, lawful, state, category))
    await yard.directory.refresh()
    assert prepared(lawful, reference) == expected


def keep_copy(tx: Transaction, lawful: Lawful, state: str, category: str) -> None:
    document = f'{{"name": "arrival", "language": "en", "state": "{state}"}}'
    place = (lawful.yard.workspace_id, lawful.account_id)
    tx.run(
        "INSERT INTO template_catalogues (workspace_id, account_id, revision, asked_at, synced_at)"
        " VALUES (?, ?, 1, 1, 1)",
        place,
    )
    tx.run(
        "INSERT INTO provider_templates (id, workspace_id, account_id, name, language, state, raw_state, category,"
        " quality, reason, provider_ref, document, synced_at)"
        " VALUES (?, ?, ?, 'arrival', 'en', ?, '', ?, '', '', '', ?, 1)",
        (new_id(), *place, state, category, document),
    )
