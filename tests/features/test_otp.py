"""
One-time codes of our own making.
"""

import asyncio
import json
import logging
from typing import Any

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, Invalid, NotFound, RateLimited
from sendyard.domain.parts import inspect_text
from sendyard.features.otp import CodeWish, Limits, OneTimeCodes
from sendyard.features.otp.wishes import read_code
from sendyard.features.otp.wording import TEXTS, language_of
from sendyard.ledger import queries
from tests.features.otp_desk import HOUR, MINUTE, Desk, wrong
from tests.yard import AMERICAN, KOREAN, TAIWANESE, Yard, only_sqlite


@pytest.fixture
async def desk(yard: Yard) -> Desk:
    found = Desk(yard)
    await found.open()
    return found


async def test_a_code_is_sent_before_everything_else_and_verified_once(desk: Desk) -> None:
    found = await desk.send(expires_in=120, reference="login-7")
    assert (found["status"], found["attempts_left"], found["sends"], found["to"]) == ("pending", 5, 1, TAIWANESE)
    assert (found["expires_at"], found["resend_after"]) == (desk.now + 120_000, desk.now)
    columns = "purpose, priority, status, batch_id, reference, expires_at - created_at, failover"
    (row,) = desk.yard.rows(f"SELECT {columns} FROM messages WHERE id = ?", found["message"])
    assert row == ("otp", 0, "queued", found["id"], "login-7", 120_000, True)
    code = desk.code(found)
    assert len(code) == 6
    first, second = await desk.verify(found["id"], code), await desk.verify(found["id"], code)
    assert (first.verified, first.reason) == (True, "")
    assert (second.verified, second.reason) == (False, "used")
    assert await desk.status(found["id"]) == "verified"


async def test_a_right_code_that_many_type_at_once_is_verified_for_one_of_them(desk: Desk) -> None:
    found = await desk.send()
    code = desk.code(found)
    verdicts = await asyncio.gather(*(desk.verify(found["id"], code) for _ in range(20)))
    assert sum(verdict.verified for verdict in verdicts) == 1
    assert {verdict.reason for verdict in verdicts if not verdict.verified} == {"used"}


async def test_guessing_from_many_sides_at_once_gets_no_more_than_the_attempts(desk: Desk) -> None:
    found = await desk.send()
    bad = wrong(desk.code(found))
    verdicts = await asyncio.gather(*(desk.verify(found["id"], bad) for _ in range(30)))
    assert not any(verdict.verified for verdict in verdicts)
    assert sorted(v.attempts_left for v in verdicts if v.reason == "wrong_code") == [1, 2, 3, 4]
    assert (await desk.verify(found["id"], desk.code(found))).reason == "locked"
    assert await desk.status(found["id"]) == "failed"


async def test_nothing_but_the_message_holds_the_code(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    found = await desk.send(length=10)
    code = desk.code(found)
    await desk.verify(found["id"], wrong(code))
    ((digest,),) = desk.yard.rows("SELECT digest FROM otp_codes")
    assert code.encode() not in bytes(digest)
    assert code not in json.dumps(found)
    assert code not in caplog.text
    life = await desk.yard.database.read(lambda tx: queries.timeline(tx, desk.yard.workspace_id, found["message"]))
    assert code not in json.dumps(life)
    columns = "id, reference, metadata, batch_id, error_detail"
    assert code not in str(desk.yard.rows(f"SELECT {columns} FROM messages"))


async def test_a_fingerprint_is_bound_to_its_row(desk: Desk) -> None:
    first, second = await desk.send(TAIWANESE), await desk.send(KOREAN)
    code = desk.code(first)
    desk.yard.database.write_now(
        lambda tx: tx.run(
            "UPDATE otp_codes SET digest = (SELECT digest FROM otp_codes WHERE id = ?) WHERE id = ?",
            (first["id"], second["id"]),
        )
    )
    assert not (await desk.verify(second["id"], code)).verified
    assert (await desk.verify(first["id"], code)).verified


async def test_a_code_ends_with_its_time(desk: Desk) -> None:
    found = await desk.send(expires_in=60)
    desk.now += 60_000
    assert await desk.status(found["id"]) == "expired"
    verdict = await desk.verify(found["id"], desk.code(found))
    assert (verdict.verified, verdict.reason, verdict.attempts_left) == (False, "expired", 5)


async def test_a_new_code_takes_the_place_of_the_older_one_and_stops_its_message(desk: Desk) -> None:
    older, other = await desk.send(), await desk.send(AMERICAN)
    newer = await desk.send()
    assert (await desk.verify(older["id"], desk.code(older))).reason == "cancelled"
    assert (await desk.verify(newer["id"], desk.code(newer))).verified
    assert (await desk.verify(other["id"], desk.code(other))).verified
    statuses = dict(desk.yard.rows("SELECT id, status FROM messages"))
    assert [statuses[one["message"]] for one in (older, newer, other)] == ["cancelled", "queued", "queued"]


async def test_an_address_waits_between_two_codes(desk: Desk) -> None:
    desk = Desk(desk.yard, limits=Limits())
    await desk.send()
    desk.now += 20_000
    with pytest.raises(RateLimited, match=r"\+886\*\*\*678 left a moment ago; wait 40 s") as refused:
        await desk.send()
    assert (refused.value.code, refused.value.retry_after) == ("code_too_soon", 40.0)
    await desk.send(AMERICAN)
    desk.now += 40_000
    await desk.send()


async def test_two_who_ask_at_once_for_one_address_get_one_code(desk: Desk) -> None:
    desk = Desk(desk.yard, limits=Limits())
    outcomes = await asyncio.gather(*(desk.send() for _ in range(6)), return_exceptions=True)
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 5
    assert len(desk.yard.rows("SELECT id FROM messages")) == 1


async def test_an_address_has_five_codes_an_hour_and_sending_again_counts(desk: Desk) -> None:
    desk = Desk(desk.yard, limits=Limits())
    started = desk.now
    for _ in range(4):
        found = await desk.send()
        desk.now += MINUTE
    await desk.resend(found["id"])
    desk.now += MINUTE
    for refused in (desk.send(), desk.resend(found["id"])):
        with pytest.raises(RateLimited, match="at most 5 codes") as error:
            await refused
        assert (error.value.code, error.value.retry_after) == ("code_limit", (started + HOUR - desk.now) / 1000)
    desk.now = started + HOUR
    await desk.send()


async def test_an_address_whose_codes_are_guessed_at_is_locked_out(desk: Desk) -> None:
    desk = Desk(desk.yard, limits=Limits(burned=2))
    for _ in range(2):
        found = await desk.send()
        for _ in range(5):
            await desk.verify(found["id"], wrong(desk.code(found)))
        desk.now += MINUTE
    with pytest.raises(RateLimited, match="guessed at") as refused:
        await desk.send()
    assert refused.value.code == "code_locked_out"
    await desk.send(AMERICAN)


async def test_codes_to_a_country_where_nobody_types_them_stop(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(desk.yard, limits=Limits(unverified=3))
    numbers = [f"+8210123456{number}" for number in range(70, 80)]
    sent = [await desk.send(number) for number in numbers[:3]]
    with pytest.raises(RateLimited, match="None of the 3 codes sent to KR") as refused:
        await desk.send(numbers[3])
    assert refused.value.code == "country_unverified"
    assert refused.value.retry_after == 3600
    assert "none of 3 codes to KR" in caplog.text
    await desk.send(TAIWANESE)
    assert (await desk.verify(sent[0]["id"], desk.code(sent[0]))).verified
    await desk.send(numbers[3])


async def test_sending_again_brings_the_same_code_in_a_new_message(desk: Desk) -> None:
    desk = Desk(desk.yard, limits=Limits())
    found = await desk.send()
    with pytest.raises(RateLimited, match="wait 60 s"):
        await desk.resend(found["id"])
    desk.now += MINUTE
    again = await desk.resend(found["id"])
    assert (again["id"], again["sends"], again["expires_at"]) == (found["id"], 2, found["expires_at"])
    assert again["resend_after"] == desk.now + MINUTE
    assert again["message"] != found["message"]
    assert desk.text(again["message"]) == desk.text(found["message"])
    columns = "purpose, batch_id, expires_at - created_at"
    assert desk.yard.rows(f"SELECT {columns} FROM messages WHERE id = ?", again["message"]) == [
        ("otp", found["id"], 240_000)
    ]
    assert (await desk.verify(found["id"], desk.code(found))).verified
    with pytest.raises(Conflict, match="because it was verified"):
        await desk.resend(found["id"])


async def test_sending_again_keeps_to_the_account_that_was_named(desk: Desk) -> None:
    await desk.yard.account("twilio", "second", sender="+15005550007", settings={"base_url": "http://127.0.0.1:9"})
    found = await desk.send(account="second", sender="+15005550008")
    again = await desk.resend(found["id"])
    rows = desk.yard.rows("SELECT account_id, sender, failover FROM messages ORDER BY id")
    second = desk.yard.directory.require(desk.yard.workspace_id, "second").id
    assert rows == [(second, "+15005550008", False)] * 2
    assert again["account"] == ""


async def test_what_cannot_be_sent_again_is_refused(desk: Desk) -> None:
    found = await desk.send()
    with pytest.raises(Conflict, match="not told by a call"):
        await desk.resend(found["id"], by_voice=True)
    desk.suppress(TAIWANESE)
    with pytest.raises(Conflict, match="No code was sent"):
        await desk.resend(found["id"])
    desk.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET content = '\"•••\"'"))
    with pytest.raises(Conflict, match="no longer kept"):
        await desk.resend(found["id"])
    with pytest.raises(NotFound):
        await desk.resend("nothing")


async def test_sending_again_has_to_find_a_way(desk: Desk) -> None:
    found = await desk.send()
    (route,) = desk.yard.routes.list(desk.yard.workspace_id)
    await desk.yard.routes.delete(desk.yard.workspace_id, route["id"])
    with pytest.raises(Invalid, match="There is no route"):
        await desk.resend(found["id"])
    assert (await desk.verify(found["id"], desk.code(found))).verified


async def test_somebody_who_must_not_be_contacted_gets_no_code(desk: Desk) -> None:
    desk.suppress(TAIWANESE)
    with pytest.raises(Conflict, match="must not be contacted") as refused:
        await desk.send()
    assert refused.value.code == "recipient_suppressed"
    assert desk.yard.rows("SELECT id FROM otp_codes") == []


async def test_codes_of_another_workspace_do_not_exist(desk: Desk) -> None:
    found = await desk.send()
    for asked in (
        desk.codes.verify("elsewhere", found["id"], "123456"),
        desk.codes.get("elsewhere", found["id"]),
        desk.codes.resend("elsewhere", found["id"]),
    ):
        with pytest.raises(NotFound, match="no one-time code"):
            await asked


async def test_a_test_key_reaches_emulated_accounts_only(desk: Desk) -> None:
    await desk.yard.account("twilio", "real")
    await desk.send(test=True)
    with pytest.raises(Invalid, match="A test key reaches emulated accounts only"):
        await desk.send(account="real", test=True)


async def test_an_hour_after_its_end_a_code_is_gone_from_its_messages(desk: Desk) -> None:
    found, young = await desk.send(expires_in=60), await desk.send(AMERICAN, expires_in=3600)
    again = await desk.resend(found["id"])
    desk.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET status = 'sent', due_at = NULL"))
    desk.now += HOUR + 30_000
    assert await desk.codes.tidy() == 0
    desk.now += MINUTE
    assert await desk.codes.tidy() == 1
    assert await desk.codes.tidy() == 0
    assert [desk.text(one) for one in (found["message"], again["message"])] == ["•••", "•••"]
    assert len(desk.code(young)) == 6
    assert len(desk.yard.rows("SELECT id FROM otp_codes WHERE digest IS NULL")) == 1
    desk.now += 31 * 24 * HOUR
    assert await desk.codes.tidy() == 1
    assert desk.yard.rows("SELECT id FROM otp_codes") == []


async def test_a_message_that_has_not_left_keeps_its_text(desk: Desk) -> None:
    found = await desk.send(expires_in=60)
    desk.now += 2 * HOUR
    assert await desk.codes.tidy() == 0
    assert len(desk.code(found)) == 6
    desk.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET status = 'expired', due_at = NULL"))
    assert await desk.codes.tidy() == 1
    assert desk.text(found["message"]) == "•••"


async def test_a_stored_template_says_the_code_its_own_way(desk: Desk) -> None:
    await desk.templates.add(desk.yard.workspace_id, code="login", body="{shop}: {code}, {minutes} min")
    found = await desk.send(template="login", variables={"shop": "Acme"}, expires_in=240, length=4)
    code = desk.code(found)
    assert desk.text(found["message"]) == f"Acme: {code}, 4 min"
    assert len(code) == 4


async def test_a_registered_template_carries_the_code_to_a_provider_that_wants_one(desk: Desk) -> None:
    forms = {"msg91": {"name": "6a4503e82abed18d7607c632", "variables": {"otp": "{code}"}}}
    registered = {"forms": forms, "registration": {"template_id": "1007165158208125858"}}
    await desk.templates.add(desk.yard.workspace_id, code="dlt", body="Code {code}", registered=registered)
    await desk.yard.accounts.add(
        desk.yard.workspace_id, provider="msg91", name="india", sender="ACMEIN", settings={"authkey": "invented-key"}
    )
    found = await desk.send("+919876543210", account="india", provider=False, template="dlt")
    content = desk.content(found["message"])
    assert content["variants"]["msg91"]["variables"] == {"otp": desk.code(found)}
    again = await desk.resend(found["id"])
    assert desk.content(again["message"]) == content
    desk.yard.database.write_now(lambda tx: tx.run("UPDATE messages SET status = 'sent', due_at = NULL"))
    desk.now += 2 * HOUR
    await desk.codes.tidy()
    assert desk.content(found["message"]) == "•••"


@only_sqlite
@pytest.mark.parametrize(
    ("registered", "body", "pointer"),
    [
        (None, "Welcome, {minutes}", "/template"),
        ({"forms": {"msg91": {"name": "x", "variables": {"1": "{minutes}"}}}}, "Code {code}", "/template"),
        (None, "{shop}: {code}", "/variables/shop"),
    ],
)
async def test_a_template_that_does_not_say_the_code_is_refused(
    desk: Desk, registered: dict[str, object] | None, body: str, pointer: str
) -> None:
    await desk.templates.add(desk.yard.workspace_id, code="odd", body=body, registered=registered)
    with pytest.raises(Invalid) as refused:
        await desk.send(template="odd")
    assert [error.pointer for error in refused.value.errors] == [pointer]


@only_sqlite
@pytest.mark.parametrize(
    ("wish", "pointers"),
    [
        ({"to": "12"}, ["/to"]),
        ({"length": 3, "expires_in": 59}, ["/length", "/expires_in"]),
        ({"length": 11, "expires_in": 3601}, ["/length", "/expires_in"]),
        ({"reference": "r" * 256, "sender": "\0"}, ["/reference", "/sender"]),
        ({"language": "fr"}, ["/language"]),
        ({"template": "nobody"}, ["/template"]),
        ({"account": "nobody"}, ["/account"]),
        ({"channel": Channel.WHATSAPP}, ["/to"]),
        ({"provider": True}, ["/provider"]),
        ({"provider": True, "account": "main"}, ["/account"]),
    ],
)
async def test_a_wish_that_cannot_be_met_names_what_is_wrong(
    desk: Desk, wish: dict[str, Any], pointers: list[str]
) -> None:
    with pytest.raises(Invalid) as refused:
        await desk.send(**{"to": TAIWANESE, **wish})
    assert [error.pointer for error in refused.value.errors] == pointers
    assert desk.yard.rows("SELECT id FROM otp_codes") == []


@only_sqlite
async def test_a_text_the_account_cannot_carry_points_to_the_template(desk: Desk) -> None:
    await desk.yard.account("mitake", "taiwan")
    await desk.templates.add(desk.yard.workspace_id, code="odd", body="{code} $$ x")
    with pytest.raises(Invalid) as refused:
        await desk.send(account="taiwan", template="odd")
    assert [error.pointer for error in refused.value.errors] == ["/template"]


@only_sqlite
@pytest.mark.parametrize(
    ("to", "language", "expected"),
    [(KOREAN, "", "ko"), (TAIWANESE, "", "zh-Hant"), (AMERICAN, "", "en"), (AMERICAN, "hi-IN", "hi")],
)
async def test_the_usual_text_speaks_the_recipients_language(desk: Desk, to: str, language: str, expected: str) -> None:
    found = await desk.send(to, language=language)
    wanted = TEXTS[expected].replace("{code}", desk.code(found)).replace("{minutes}", "5")
    assert desk.text(found["message"]) == wanted


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("EN-gb", "en"), ("zh", "zh-Hant"), ("zh_TW", "zh-Hant"), ("zh-Hant-HK", "zh-Hant"), ("ko", "ko"), ("hi", "hi")],
)
def test_a_language_is_recognised_with_its_region(wanted: str, found: str) -> None:
    assert language_of(wanted, "US") == found


@pytest.mark.parametrize("wanted", ["fr", "zh-CN", "zh-Hans", "zh-Hans-TW", "x"])
def test_a_language_without_a_text_is_refused(wanted: str) -> None:
    with pytest.raises(Invalid, match="Expected one of the languages en, ko, zh-Hant, hi"):
        language_of(wanted, "")


@pytest.mark.parametrize(("language", "country"), [("en", "US"), ("ko", "KR"), ("zh-Hant", "TW"), ("hi", "IN")])
def test_the_usual_text_is_one_sms(language: str, country: str) -> None:
    text = TEXTS[language].replace("{code}", "1234567890").replace("{minutes}", "60")
    measured = inspect_text(text, country, "sms").to_dict()
    assert measured["parts"] == 1
    assert measured["class"] in {"SMS", ""}


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("123456", "123456"),
        (" 123 456\n", "123456"),
        ("123-456", "123456"),
        ("１２３４５６", "123456"),
        ("१२३४५६", "123456"),
        ("0012", "0012"),
    ],
)
def test_a_code_is_read_as_people_type_it(typed: str, code: str) -> None:
    assert read_code(typed) == code


async def test_what_can_be_no_code_uses_up_no_attempt(desk: Desk) -> None:
    found = await desk.send()
    for typed in ("", "12a456", "1" * 13, "½"):
        with pytest.raises(Invalid, match="the 1 to 12 digits of a code") as refused:
            await desk.verify(found["id"], typed)
        assert refused.value.errors[0].pointer == "/code"
    assert (await desk.verify(found["id"], wrong(desk.code(found)))).attempts_left == 4


async def test_codes_live_by_the_wall_clock_and_the_usual_limits(desk: Desk) -> None:
    yard = desk.yard
    plain = OneTimeCodes(
        yard.database, yard.directory, yard.intake, desk.templates, yard.vault, yard.provider.exchange,
        desk.codes._there._tokens,
    )  # fmt: skip
    found = await plain.send(yard.workspace_id, CodeWish(to=AMERICAN))
    assert abs(found["created_at"] - desk.now) < MINUTE
    assert found["resend_after"] - found["created_at"] == MINUTE
    with pytest.raises(RateLimited):
        await plain.send(yard.workspace_id, CodeWish(to=AMERICAN))
