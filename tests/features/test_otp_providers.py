"""
One-time codes that providers make, send and check: through their emulators over sockets.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import Any

import pytest

from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent
from sendyard.domain.errors import Conflict, ErrorKind, Invalid, RateLimited
from sendyard.emulator.scenarios import Error, Garbage, Hang, Refuse, Reset
from sendyard.features.otp import CodeWish, Limits, OneTimeCodes
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.features.otp_desk import INDIAN, MINUTE, Desk, wrong
from tests.running import Running, impatient
from tests.yard import Yard, only_sqlite

TEMPLATE = "ACME Login"


@dataclass
class Yards:
    """A yard whose accounts lead to emulators, and codes that go the product's own way to them."""

    running: Running
    desk: Desk

    async def account(self, provider: str, name: str, sender: str = "", **settings: str) -> str:
        """Add an account that leads to the emulator."""
        server, yard = self.running.server, self.running.yard
        usual = {"twofactor": {"otp_template": TEMPLATE}}.get(provider, {})
        given = {
            **server.world.hosted[provider].emulator.sample_account,
            "base_url": server.base_url(provider),
            **usual,
            **settings,
        }
        senders = {"twilio": "+15005550006", "twofactor": "ACMEIN"}
        added = await yard.accounts.add(
            yard.workspace_id, provider=provider, name=name, settings=given, sender=sender or senders.get(provider, "")
        )
        return str(added["id"])

    def text(self, to: str = INDIAN) -> str:
        """The latest text on a handset."""
        return [letter.received.text for letter in self.running.letters() if letter.received.to == to][-1]

    def code(self, to: str = INDIAN) -> str:
        return next(str(word) for word in re.findall("[0-9]+", self.text(to)) if len(word) in {4, 6})


@pytest.fixture
def yards(running: Running) -> Yards:
    desk = Desk(running.yard)

    async def exchange(entry: AccountEntry, request: HttpRequest) -> HttpResponse:
        # As `bootstrap.Yard` does it.
        try:
            return await running.transport.exchange(request, entry.adapter.spec.timeout)
        except (NotSent, Lost) as error:
            raise ConnectionError(str(error)) from error

    yard = running.yard
    desk.codes = OneTimeCodes(
        yard.database, yard.directory, yard.intake, desk.templates, yard.vault, exchange, Tokens(running.transport),
        limits=desk.limits, clock=lambda: desk.now,
    )  # fmt: skip
    return Yards(running, desk)


@pytest.mark.parametrize("provider", ["twofactor", "msg91"])
async def test_a_provider_makes_sends_and_checks_a_code(yards: Yards, provider: str) -> None:
    desk = yards.desk
    account_id = await yards.account(provider, "codes")
    found = await desk.send(INDIAN, account="codes")
    assert (found["status"], found["account"], found["provider"]) == ("pending", account_id, provider)
    assert found["message"] is None
    code = yards.code()
    assert len(code) == 6
    first = await desk.verify(found["id"], wrong(code))
    assert (first.verified, first.reason, first.attempts_left) == (False, "wrong_code", 4)
    assert (await desk.verify(found["id"], code)).verified
    assert (await desk.verify(found["id"], code)).reason == "used"
    assert await desk.status(found["id"]) == "verified"
    assert code not in str(desk.yard.rows("SELECT * FROM otp_codes"))


@only_sqlite
async def test_kaleyra_makes_codes_too(yards: Yards) -> None:
    await yards.account("kaleyra", "codes")
    found = await yards.desk.send(INDIAN, account="codes")
    code = yards.code()
    assert (await yards.desk.verify(found["id"], wrong(code))).reason == "wrong_code"
    assert (await yards.desk.verify(found["id"], code)).verified


async def test_a_right_code_at_a_provider_counts_for_one_of_many(yards: Yards) -> None:
    await yards.account("twofactor", "codes")
    found = await yards.desk.send(INDIAN, account="codes")
    verdicts = await asyncio.gather(*(yards.desk.verify(found["id"], yards.code()) for _ in range(5)))
    assert sum(verdict.verified for verdict in verdicts) == 1


async def test_guessing_at_a_provider_ends_with_our_attempts(yards: Yards) -> None:
    await yards.account("twofactor", "codes")
    found = await yards.desk.send(INDIAN, account="codes")
    bad = wrong(yards.code())
    verdicts = await asyncio.gather(*(yards.desk.verify(found["id"], bad) for _ in range(12)))
    assert not any(verdict.verified for verdict in verdicts)
    assert (await yards.desk.verify(found["id"], yards.code())).reason == "locked"
    assert await yards.desk.status(found["id"]) == "failed"


@only_sqlite
async def test_any_account_that_makes_codes_is_found_where_a_provider_is_wanted(yards: Yards) -> None:
    desk, yard = yards.desk, yards.running.yard
    await yards.account("twilio", "plain")
    first, second = await yards.account("twofactor", "first"), await yards.account("msg91", "second")
    assert (await desk.send(INDIAN, provider=True))["account"] == first
    await yard.routes.set(yard.workspace_id, channel=_sms(), country="IN", accounts=["plain", "second"])
    assert (await desk.send(INDIAN, provider=True))["account"] == second
    await yard.accounts.pause(yard.workspace_id, "second", "No credit.")
    assert (await desk.send(INDIAN, provider=True))["account"] == first
    with pytest.raises(Invalid, match=r"second is paused: No credit\."):
        await desk.send(INDIAN, account="second")
    with pytest.raises(Invalid, match="No account of a provider that makes codes"):
        await desk.send("+12025550123", provider=True)
    with pytest.raises(Invalid, match="does not reach US"):
        await desk.send("+12025550123", account="first")
    own = await desk.send(INDIAN)
    assert (own["account"], own["provider"]) == ("", "")


@only_sqlite
async def test_a_test_key_neither_sends_nor_checks_at_a_real_provider(yards: Yards) -> None:
    desk = yards.desk
    await yards.account("twofactor", "emulated")
    found = await desk.send(INDIAN, account="emulated", test=True)
    assert (await desk.verify(found["id"], yards.code(), test=True)).verified
    await yards.account("twofactor", "real", base_url="https://provider.invalid/API")
    with pytest.raises(Invalid, match="emulated accounts only"):
        await desk.send(INDIAN, account="real", test=True)
    real = desk.yard.directory.require(desk.yard.workspace_id, "real").id
    other = await desk.send(INDIAN, account="emulated")
    _set(desk.yard, "account_id = ?", real)
    with pytest.raises(Invalid, match="emulated accounts only"):
        await desk.verify(other["id"], "123456", test=True)
    with pytest.raises(Invalid, match="emulated accounts only"):
        await desk.resend(other["id"], test=True)


async def test_a_lost_answer_leaves_a_code_that_can_be_verified(yards: Yards, monkeypatch: pytest.MonkeyPatch) -> None:
    await yards.account("msg91", "codes")
    await yards.desk.send(INDIAN, account="codes")  # which signs the account in
    rule = yards.running.scenario(Hang(seconds=600, accepted=True), scope="all")
    with monkeypatch.context() as patch:
        impatient(patch, "msg91")
        found = await yards.desk.send(INDIAN, account="codes")
    yards.running.server.world.scenarios.remove(rule)
    assert found["status"] == "unknown"
    assert await yards.desk.status(found["id"]) == "unknown"
    assert (await yards.desk.verify(found["id"], wrong(yards.code()))).reason == "wrong_code"
    assert (await yards.desk.verify(found["id"], yards.code())).verified


@only_sqlite
async def test_a_check_that_finds_nobody_uses_up_no_attempt(yards: Yards) -> None:
    await yards.account("twofactor", "codes")
    found = await yards.desk.send(INDIAN, account="codes")
    rule = yards.running.scenario(Reset(), scope="all")
    verdict = await yards.desk.verify(found["id"], yards.code())
    assert (verdict.verified, verdict.reason, verdict.attempts_left) == (False, "unavailable", 5)
    yards.running.server.world.scenarios.remove(rule)
    assert (await yards.desk.verify(found["id"], yards.code())).verified


@only_sqlite
async def test_a_lost_session_is_no_obstacle_where_the_number_is_enough(yards: Yards) -> None:
    await yards.account("twofactor", "codes")
    rule = yards.running.scenario(Garbage(accepted=True), scope="all")
    found = await yards.desk.send(INDIAN, account="codes")
    yards.running.server.world.scenarios.remove(rule)
    assert found["status"] == "unknown"
    assert (await yards.desk.verify(found["id"], yards.code())).verified


@only_sqlite
async def test_a_server_error_settles_nothing(yards: Yards) -> None:
    await yards.account("msg91", "codes")
    await yards.desk.send(INDIAN, account="codes")  # which signs the account in
    rule = yards.running.scenario(Error(status=502, accepted=True), scope="all")
    found = await yards.desk.send(INDIAN, account="codes")
    assert found["status"] == "unknown"
    verdict = await yards.desk.verify(found["id"], "123456")
    assert (verdict.verified, verdict.reason, verdict.attempts_left) == (False, "unavailable", 5)
    yards.running.server.world.scenarios.remove(rule)
    assert (await yards.desk.verify(found["id"], yards.code())).verified


async def test_a_refusal_leaves_no_code_and_the_older_one_in_force(yards: Yards) -> None:
    desk = yards.desk
    await yards.account("msg91", "codes")
    older = await desk.send(INDIAN, account="codes")
    code = yards.code()
    rule = yards.running.scenario(Refuse(kind=ErrorKind.INVALID_RECIPIENT))
    with pytest.raises(Conflict, match="MSG91 did not send the code") as refused:
        await desk.send(INDIAN, account="codes")
    assert refused.value.code == "provider_refused"
    yards.running.server.world.scenarios.remove(rule)
    assert len(desk.yard.rows("SELECT id FROM otp_codes")) == 1
    assert (await desk.verify(older["id"], code)).verified


@only_sqlite
async def test_a_provider_nobody_can_reach_has_certainly_sent_nothing(yards: Yards) -> None:
    await yards.account("twofactor", "codes", base_url="http://127.0.0.1:9/API")
    with pytest.raises(Conflict, match="no connection") as refused:
        await yards.desk.send(INDIAN, account="codes")
    assert "0a1b2c3d" not in refused.value.detail
    assert yards.desk.yard.rows("SELECT id FROM otp_codes") == []


@only_sqlite
async def test_a_setting_that_is_missing_is_told_before_anything_is_asked(yards: Yards) -> None:
    await yards.account("twofactor", "codes", otp_template="")
    with pytest.raises(Invalid, match="needs the name of an approved OTP template"):
        await yards.desk.send(INDIAN, account="codes")
    found = await yards.desk.send(INDIAN, account="codes", template=TEMPLATE, length=4)
    assert len(yards.code()) == 4
    assert (await yards.desk.verify(found["id"], yards.code())).verified


@only_sqlite
async def test_limits_hold_for_codes_of_providers(yards: Yards) -> None:
    desk = yards.desk
    desk.codes._limits = Limits()
    await yards.account("msg91", "codes")
    found = await desk.send(INDIAN, account="codes")
    with pytest.raises(RateLimited):
        await desk.send(INDIAN, account="codes")
    with pytest.raises(RateLimited):
        await desk.resend(found["id"])
    assert len(yards.running.letters()) == 1
    desk.suppress(INDIAN)
    desk.now += MINUTE
    for asked in (desk.send(INDIAN, account="codes"), desk.resend(found["id"])):
        with pytest.raises(Conflict, match="must not be contacted"):
            await asked
    assert len(yards.running.letters()) == 1


@only_sqlite
async def test_the_hourly_limit_of_a_recipient_holds_for_codes_of_providers(yards: Yards) -> None:
    await yards.account("msg91", "codes", sender="ACMEIN")
    await yards.account("twofactor", "texts")
    await yards.desk.yard.hourly_limit(1)
    await yards.desk.send(INDIAN, account="texts", provider=False)
    with pytest.raises(RateLimited, match="at most 1 messages"):
        await yards.desk.send(INDIAN, account="codes")


async def test_a_provider_sends_the_same_code_again_by_text_or_by_a_call(yards: Yards) -> None:
    desk = yards.desk
    await yards.account("msg91", "codes")
    found = await desk.send(INDIAN, account="codes")
    code = yards.code()
    again = await desk.resend(found["id"])
    assert (again["id"], again["sends"], again["expires_at"]) == (found["id"], 2, found["expires_at"])
    assert [letter.received.variables["OTP"] for letter in yards.running.letters()] == [code, code]
    called = await desk.resend(found["id"], by_voice=True)
    assert (called["status"], called["sends"]) == ("pending", 3)
    assert len(yards.running.letters()) == 2
    assert (await desk.verify(found["id"], code)).verified


@only_sqlite
async def test_where_a_code_cannot_be_repeated_a_new_one_takes_its_place(yards: Yards) -> None:
    desk = yards.desk
    await yards.account("twofactor", "codes")
    found = await desk.send(INDIAN, account="codes", expires_in=120)
    code = yards.code()
    with pytest.raises(Conflict, match="tells no code by a call"):
        await desk.resend(found["id"], by_voice=True)
    desk.now += MINUTE
    again = await desk.resend(found["id"], length=4)
    assert (again["status"], again["sends"], again["expires_at"]) == ("pending", 2, desk.now + 120_000)
    assert yards.code() != code
    assert (await desk.verify(found["id"], code)).reason == "wrong_code"
    assert (await desk.verify(found["id"], yards.code())).verified


@only_sqlite
async def test_a_lost_answer_to_a_repeat_is_told_and_costs_nothing(yards: Yards) -> None:
    desk = yards.desk
    await yards.account("twofactor", "new")
    await yards.account("msg91", "same")
    for name in ("new", "same"):
        found = await desk.send(INDIAN, account=name)
        rule = yards.running.scenario(Garbage(accepted=True), scope="all")
        again = await desk.resend(found["id"])
        yards.running.server.world.scenarios.remove(rule)
        assert again["status"] == "unknown"
        # The same code is as good as before; which of two new ones counts, only the number tells.
        assert await desk.status(found["id"]) == {"new": "unknown", "same": "pending"}[name]
        assert (await desk.verify(found["id"], yards.code())).verified


@only_sqlite
async def test_a_refused_repeat_may_be_tried_again_at_once(yards: Yards) -> None:
    desk = yards.desk
    desk.codes._limits = Limits()
    await yards.account("msg91", "codes")
    found = await desk.send(INDIAN, account="codes")
    desk.now += MINUTE
    yards.running.server.world.hosted["msg91"].state.accounts["270001AsendyardInvented"].panel.otp_resends = 0
    with pytest.raises(Conflict, match="did not send the code"):
        await desk.resend(found["id"])
    yards.running.server.world.hosted["msg91"].state.accounts["270001AsendyardInvented"].panel.otp_resends = 3
    assert (await desk.resend(found["id"]))["sends"] == 2


@only_sqlite
async def test_what_a_provider_says_ends_a_code(yards: Yards) -> None:
    desk = yards.desk
    await yards.account("msg91", "codes")
    found = await desk.send(INDIAN, account="codes")
    live = yards.running.server.world.hosted["msg91"].state.accounts["270001AsendyardInvented"].codes
    number = INDIAN.removeprefix("+")
    kept = live.pop(number)
    assert (await desk.verify(found["id"], kept.code)).reason == "no_session"
    live[number] = kept
    kept.expires_at = kept.expires_at.replace(year=2001)
    assert (await desk.verify(found["id"], kept.code)).reason == "expired"
    assert await desk.status(found["id"]) == "expired"


@only_sqlite
async def test_an_account_that_is_gone_leaves_its_codes_unavailable(yards: Yards) -> None:
    desk = yards.desk
    await yards.account("msg91", "codes")
    found = await desk.send(INDIAN, account="codes")
    _set(desk.yard, "account_id = ?", "nobody")
    verdict = await desk.verify(found["id"], "123456")
    assert (verdict.reason, verdict.attempts_left) == ("unavailable", 5)
    with pytest.raises(Conflict, match="is gone"):
        await desk.resend(found["id"])
    assert (await desk.codes.get(desk.yard.workspace_id, found["id"]))["provider"] == ""


@only_sqlite
async def test_a_code_that_was_replaced_while_the_provider_was_asked_is_not_verified(
    yards: Yards, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = yards.desk
    await yards.account("msg91", "codes")
    found = await desk.send(INDIAN, account="codes")
    check = desk.codes._there.check

    async def slow(*asked: Any) -> Any:
        said = await check(*asked)
        _set(desk.yard, "status = ?", "cancelled")
        return said

    monkeypatch.setattr(desk.codes._there, "check", slow)
    verdict = await desk.verify(found["id"], yards.code())
    assert (verdict.verified, verdict.reason) == (False, "cancelled")


async def test_a_code_of_our_own_reaches_the_handset_and_no_log(yards: Yards) -> None:
    running, desk = yards.running, yards.desk
    await yards.account("twofactor", "codes", sender="ACMEIN")
    forms = {"twofactor": {"name": TEMPLATE, "variables": {"otp": "{code}"}}}
    await desk.templates.add(desk.yard.workspace_id, code="login", body="{code}", registered={"forms": forms})
    running.start()
    found = await desk.send(INDIAN, account="codes", provider=False, template="login")
    await running.reach([found["message"]], "sent", "delivered")
    code = yards.code()
    # 2Factor takes a code of ours in the path of the address.
    ((request, response),) = desk.yard.rows("SELECT request, response FROM exchanges")
    assert "/SMS/•••/•••/ACME%20Login" in request
    assert code not in request
    assert response is None
    everything = str(desk.yard.rows("SELECT * FROM attempts")) + str(desk.yard.rows("SELECT * FROM events"))
    assert code not in everything
    assert (await desk.verify(found["id"], code)).verified


@only_sqlite
async def test_a_code_goes_another_way_when_its_first_fails(yards: Yards) -> None:
    running, desk = yards.running, yards.desk
    first, second = await yards.account("twilio", "first"), await yards.account("twilio", "second")
    await desk.yard.routes.set(desk.yard.workspace_id, channel=_sms(), accounts=["first", "second"])
    running.scenario(Refuse(kind=ErrorKind.OUT_OF_CREDIT), count=1)
    running.start()
    found = await desk.send("+12025550123")
    await running.reach([found["message"]], "sent", "delivered")
    tried = [account for (account,) in desk.yard.rows("SELECT account_id FROM attempts ORDER BY submitted_at")]
    assert tried == [first, second]
    assert (await desk.verify(found["id"], yards.code("+12025550123"))).verified


@only_sqlite
async def test_an_account_that_cannot_sign_in_is_told_apart(yards: Yards) -> None:
    await yards.account("msg91", "codes")
    rule = yards.running.scenario(Error(status=502), scope="all")
    with pytest.raises(Conflict, match="not signed in") as refused:
        await yards.desk.send(INDIAN, account="codes")
    assert refused.value.code == "provider_unreachable"
    assert yards.desk.yard.rows("SELECT id FROM otp_codes") == []
    yards.running.server.world.scenarios.remove(rule)
    assert (await yards.desk.send(INDIAN, account="codes"))["status"] == "pending"


def _sms() -> Any:
    return CodeWish(to="").channel


def _set(yard: Yard, change: str, *values: Any) -> None:
    yard.database.write_now(lambda tx: tx.run(f"UPDATE otp_codes SET {change}", values))
