"""
Routes: set, listed, removed, explained.
"""

from typing import Any

import pytest

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import Invalid, NotFound
from tests.yard import TAIWANESE, Yard


async def refused(yard: Yard, **given: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        await yard.routes.set(yard.workspace_id, **{"channel": Channel.SMS, **given})
    assert yard.routes.list(yard.workspace_id) == []
    return [(found.pointer, found.code) for found in error.value.errors]


async def test_a_route_takes_accounts_by_name_or_id(yard: Yard) -> None:
    first, second = await yard.account("mitake", "taiwan"), await yard.account("twilio", "world")
    made = await yard.routes.set(
        yard.workspace_id,
        channel=Channel.SMS,
        accounts=["taiwan", second],
        country="tw",
        purpose=Purpose.OTP,
        failover=False,
    )
    assert yard.routes.list(yard.workspace_id) == [made]
    assert made["accounts"] == [{"id": first, "name": "taiwan"}, {"id": second, "name": "world"}]
    assert (made["channel"], made["country"], made["purpose"], made["failover"]) == ("sms", "TW", "otp", False)
    assert made["detail"] == "sms to TW, otp"


async def test_setting_a_route_again_replaces_it_and_keeps_its_id(yard: Yard) -> None:
    await yard.account("mitake", "taiwan")
    await yard.account("twilio", "world")
    first = await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["taiwan", "world"])
    second = await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["world"], failover=True)
    assert second["id"] == first["id"]
    assert [account["name"] for account in second["accounts"]] == ["world"]
    assert second["failover"] is True
    assert len(yard.routes.list(yard.workspace_id)) == 1


async def test_what_is_wrong_with_a_route_is_named(yard: Yard) -> None:
    await yard.account("mitake", "taiwan")
    assert await refused(yard, accounts=[]) == [("/accounts", "empty")]
    assert await refused(yard, accounts=["nobody", "taiwan"]) == [("/accounts/0", "unknown_account")]
    assert await refused(yard, accounts=["taiwan", "taiwan"]) == [("/accounts/1", "listed_twice")]
    assert await refused(yard, accounts=["taiwan"], channel=Channel.MMS) == [("/accounts/0", "channel_not_carried")]
    assert await refused(yard, accounts=["taiwan"], country="KR") == [("/accounts/0", "country_not_reached")]
    assert await refused(yard, accounts=["taiwan"], country="Taiwan") == [("/country", "bad_country")]


async def test_without_accounts_the_refusal_says_there_are_none(yard: Yard) -> None:
    with pytest.raises(Invalid, match="the accounts are: none yet"):
        await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["main"])


async def test_another_workspaces_account_is_unknown(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    with pytest.raises(Invalid, match="There is no account"):
        await yard.routes.set("another", channel=Channel.SMS, accounts=[account_id])


async def test_a_removed_route_is_gone_and_removing_it_again_says_so(yard: Yard) -> None:
    await yard.account("twilio", "world")
    made = await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=["world"])
    with pytest.raises(NotFound):
        await yard.routes.delete("another", made["id"])
    await yard.routes.delete(yard.workspace_id, made["id"])
    assert yard.routes.list(yard.workspace_id) == []
    with pytest.raises(NotFound, match="routes list"):
        await yard.routes.delete(yard.workspace_id, made["id"])


async def test_an_explanation_names_the_route_and_every_account(yard: Yard) -> None:
    taiwan, world = await yard.account("mitake", "taiwan"), await yard.account("twilio", "world")
    made = await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[taiwan, world])
    found = yard.routes.explain(yard.workspace_id, to="0912 345 678", country="TW")
    assert (found["to"], found["country"], found["route"]) == (TAIWANESE, "TW", made)
    assert found["failover"] is True
    assert found["accounts"] == [
        {"id": taiwan, "name": "taiwan", "usable": True, "detail": "First choice."},
        {"id": world, "name": "world", "usable": True, "detail": "Used when the accounts before it fail."},
    ]


async def test_an_explanation_without_a_route_says_how_to_make_one(yard: Yard) -> None:
    found = yard.routes.explain(yard.workspace_id, to=TAIWANESE, purpose=Purpose.OTP)
    assert (found["code"], found["route"], found["accounts"]) == ("no_route", None, [])
    assert "sendyard routes set" in found["detail"]


async def test_only_a_number_that_can_be_texted_is_explained(yard: Yard) -> None:
    with pytest.raises(Invalid) as error:
        yard.routes.explain(yard.workspace_id, to="+886223456789")
    assert error.value.errors[0].pointer == "/to"


async def test_a_route_whose_account_is_gone_is_still_listed(yard: Yard) -> None:
    gone = await yard.account("twilio", "gone")
    await yard.routes.set(yard.workspace_id, channel=Channel.SMS, accounts=[gone])
    await yard.database.write(lambda tx: tx.run("DELETE FROM accounts"))
    await yard.directory.refresh()
    assert yard.routes.list(yard.workspace_id)[0]["accounts"] == [{"id": gone, "name": ""}]
