"""
Routing: which accounts, in which order, and the sentence for each.
"""

from typing import Any

from sendyard.delivery.routing import Decision, decide
from sendyard.domain.channels import Channel, Purpose
from tests.yard import Yard, only_sqlite

pytestmark = only_sqlite


def decision(yard: Yard, country: str = "TW", purpose: Purpose = Purpose.TRANSACTIONAL, **rest: Any) -> Decision:
    return decide(
        yard.directory,
        yard.workspace_id,
        channel=rest.pop("channel", Channel.SMS),
        country=country,
        purpose=purpose,
        **rest,
    )


async def route(yard: Yard, *accounts: str, **rest: Any) -> None:
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=accounts, **rest)


async def test_the_order_of_the_route_is_the_order_of_choice(yard: Yard) -> None:
    first, second = await yard.account("twilio", "first"), await yard.account("mitake", "second")
    await route(yard, first, second)
    found = decision(yard)
    assert found.accounts == (first, second)
    assert found.code == ""
    assert found.detail == "The route for sms to any country, any purpose applies."
    assert [(step.account, step.usable, step.detail) for step in found.reasons] == [
        ("first", True, "First choice."),
        ("second", True, "Used when the accounts before it fail."),
    ]


async def test_failover_goes_by_purpose_unless_the_route_says_otherwise(yard: Yard) -> None:
    first, second = await yard.account("twilio", "first"), await yard.account("twilio", "second")
    await route(yard, first, second)
    assert [decision(yard, purpose=purpose).failover for purpose in Purpose] == [True, True, False]
    assert decision(yard, purpose=Purpose.PROMOTIONAL).reasons[1].detail == "Not used: this route has no failover."
    await route(yard, first, second, failover=True)
    assert decision(yard, purpose=Purpose.PROMOTIONAL).failover
    await route(yard, first, second, failover=False)
    assert not decision(yard, purpose=Purpose.OTP).failover


async def test_accounts_that_lack_the_country_or_channel_are_skipped_with_the_reason(yard: Yard) -> None:
    taiwan, world = await yard.account("mitake", "taiwan"), await yard.account("twilio", "world")
    await route(yard, taiwan, world)
    found = decision(yard, "KR")
    assert found.accounts == (world,)
    assert found.reasons[0].detail == "Mitake 三竹簡訊 does not reach KR; it reaches TW."
    pinned = decision(yard, channel=Channel.MMS, account="taiwan")
    assert (pinned.accounts, pinned.code) == ((), "no_usable_account")
    assert "does not carry mms; it carries sms." in pinned.detail


async def test_a_number_of_unknown_country_is_not_held_against_an_account(yard: Yard) -> None:
    taiwan = await yard.account("mitake", "taiwan")
    await route(yard, taiwan)
    assert decision(yard, "").accounts == (taiwan,)


async def test_a_paused_account_is_skipped_while_another_is_usable(yard: Yard) -> None:
    first, second = await yard.account("twilio", "first"), await yard.account("twilio", "second")
    await route(yard, first, second)
    await yard.accounts.pause(yard.workspace_id, first, "No credit left")
    found = decision(yard)
    assert found.accounts == (second,)
    assert found.reasons[0].detail == "It is paused: No credit left. Another account is used meanwhile."
    await yard.accounts.resume(yard.workspace_id, first)
    assert decision(yard).accounts == (first, second)


async def test_when_all_are_paused_the_message_waits_in_the_first(yard: Yard) -> None:
    first, second = await yard.account("twilio", "first"), await yard.account("twilio", "second")
    await route(yard, first, second)
    for account_id in (first, second):
        await yard.accounts.pause(yard.workspace_id, account_id)
    found = decision(yard)
    assert found.accounts == (first, second)
    assert found.reasons[0].detail == "It is paused: Paused by hand. The message waits here until it is resumed."
    assert found.reasons[1].detail == "It is paused: Paused by hand. It comes after the accounts before it."
    assert all(step.usable for step in found.reasons)


async def test_a_pause_without_a_reason_says_so(yard: Yard) -> None:
    account_id = await yard.account("twilio", "quiet")
    await yard.database.write(lambda tx: tx.run("UPDATE accounts SET status = 'paused' WHERE id = ?", (account_id,)))
    await yard.directory.refresh()
    assert "It is paused: no reason was given." in decision(yard, account="quiet").reasons[0].detail


async def test_an_account_that_has_the_wanted_sender_is_preferred_to_those_with_another(yard: Yard) -> None:
    other = await yard.account("twilio", "other", sender="+12025550111")
    right = await yard.account("twilio", "right", sender="+12025550122")
    open_to_any = await yard.account("twilio", "open")
    await route(yard, other, right, open_to_any)
    found = decision(yard, "US", sender="+12025550122")
    assert found.accounts == (right, open_to_any)
    assert found.reasons[0].detail == "Its sender is +12025550111; another account of the route has +12025550122."


async def test_a_sender_no_account_is_known_for_excludes_nobody(yard: Yard) -> None:
    first = await yard.account("twilio", "first", sender="+12025550111")
    await route(yard, first)
    assert decision(yard, "US", sender="+12025550199").accounts == (first,)


async def test_a_named_account_needs_no_route_and_has_no_failover(yard: Yard) -> None:
    account_id = await yard.account("twilio", "direct")
    for name in ("direct", account_id):
        found = decision(yard, account=name)
        assert (found.accounts, found.failover, found.route_id) == ((account_id,), False, "")
        assert found.detail == "The account direct was asked for, so no route applies."


async def test_an_unknown_account_is_said_to_be_unknown(yard: Yard) -> None:
    found = decision(yard, account="nobody")
    assert (found.accounts, found.code) == ((), "unknown_account")
    assert "'nobody'" in found.detail


async def test_a_missing_route_comes_with_the_command_that_makes_one(yard: Yard) -> None:
    found = decision(yard, "KR", Purpose.OTP)
    assert (found.accounts, found.code) == ((), "no_route")
    assert "`sendyard routes set --channel sms --country KR ACCOUNT…`" in found.detail
    assert "There is no route for sms (otp)." in decision(yard, "", Purpose.OTP).detail


async def test_an_account_that_was_removed_is_named_as_gone(yard: Yard) -> None:
    gone, kept = await yard.account("twilio", "gone"), await yard.account("twilio", "kept")
    await route(yard, gone, kept)
    await yard.database.write(lambda tx: tx.run("DELETE FROM accounts WHERE id = ?", (gone,)))
    await yard.directory.refresh()
    found = decision(yard)
    assert found.accounts == (kept,)
    assert (found.reasons[0].account, found.reasons[0].usable) == (gone, False)
    assert "no longer exists" in found.reasons[0].detail


async def test_a_test_key_reaches_emulated_accounts_only(yard: Yard) -> None:
    real, emulated = await yard.account("twilio", "real"), await yard.account("mitake", "emulated")
    await route(yard, real, emulated)
    found = decision(yard, emulated_only=True)
    assert found.accounts == (emulated,)
    assert "test key" in found.reasons[0].detail
    assert decision(yard).accounts == (real, emulated)


async def test_decisions_are_kept_until_something_changes_and_never_without_bound(yard: Yard) -> None:
    await route(yard, await yard.account("twilio", "first"))
    assert decision(yard) is decision(yard)
    for number in range(5000):
        decision(yard, sender=f"S{number}")
    assert 0 < len(yard.directory.memo) <= 4096
