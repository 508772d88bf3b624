"""
Provider accounts: adding, changing, pausing, and trying them out.
"""

import asyncio
import json
from typing import Any, ClassVar, cast

import pytest

from sendyard.delivery import directory as directory_module
from sendyard.delivery.credentials import MASK
from sendyard.delivery.directory import Directory
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Transport
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.features.connections import Accounts
from sendyard.providers.contract import AccountSettings, Adapter, Call
from sendyard.providers.registry import adapter
from sendyard.providers.spec import ProviderSpec, Timeout
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.storage.vault import Vault, generate_key
from tests.yard import MITAKE, PUBLIC_URL, TWILIO, Yard, only_sqlite


async def test_a_new_account_is_listed_without_its_secrets(yard: Yard) -> None:
    added = await yard.accounts.add(
        yard.workspace_id,
        provider="twilio",
        name="Main line",
        settings=TWILIO,
        sender="+12025550111",
        rate_per_second=12.5,
        open_requests=7,
        price_per_part="0.0079",
        currency="usd",
    )
    assert yard.accounts.list(yard.workspace_id) == [added]
    assert yard.accounts.get(yard.workspace_id, "Main line") == added
    assert added["settings"]["auth_token"] == MASK
    assert added["settings"]["account_sid"] == TWILIO["account_sid"]
    assert "invented-token" not in json.dumps(added)
    assert added["callback_url"].startswith(f"{PUBLIC_URL}/callbacks/twilio/")
    assert {name: added[name] for name in ("status", "sender", "rate_per_second", "open_requests", "emulated")} == {
        "status": "active",
        "sender": "+12025550111",
        "rate_per_second": 12.5,
        "open_requests": 7,
        "emulated": False,
    }
    assert (added["price_per_part"], added["currency"]) == ("0.0079", "USD")


async def test_credentials_are_not_in_the_database_in_clear(yard: Yard) -> None:
    await yard.account("twilio")
    ((sealed,),) = yard.rows("SELECT sealed FROM accounts")
    assert b"invented-token" not in bytes(sealed)
    assert TWILIO["account_sid"].encode() not in bytes(sealed)


async def test_a_korean_sender_stays_as_it_is_written(yard: Yard) -> None:
    account_id = await yard.account("bizgo", sender="16009064")
    assert yard.accounts.get(yard.workspace_id, account_id)["sender"] == "16009064"


async def test_accounts_without_a_name_are_named_after_their_provider(yard: Yard) -> None:
    for _ in range(3):
        await yard.account("mitake")
    assert [account["name"] for account in yard.accounts.list(yard.workspace_id)] == ["mitake", "mitake 2", "mitake 3"]


async def test_a_name_is_given_once(yard: Yard) -> None:
    await yard.account("mitake", "Main")
    with pytest.raises(Conflict, match="'Main' already") as refused:
        await yard.account("twilio", "Main")
    assert refused.value.errors[0].pointer == "/name"
    assert len(yard.accounts.list(yard.workspace_id)) == 1


async def test_an_unknown_provider_is_refused_with_the_known_ones(yard: Yard) -> None:
    with pytest.raises(NotFound, match=r"bizgo, every8d, .*mitake.*twilio"):
        await yard.accounts.add(yard.workspace_id, provider="pigeon", settings={})


@only_sqlite
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("name", "n" * 65),
        ("name", 7),
        ("sender", None),
        ("sender", "s" * 201),
        ("sender", "\0"),
        ("rate_per_second", 0),
        ("rate_per_second", -1),
        ("rate_per_second", "fast"),
        ("rate_per_second", True),
        ("rate_per_second", "NaN"),
        ("rate_per_second", "Infinity"),
        ("rate_per_second", "1" * 40),
        ("rate_per_second", 100_001),
        ("open_requests", 0),
        ("open_requests", 1001),
        ("open_requests", 2.5),
        ("price_per_part", "-0.01"),
        ("price_per_part", "1e9"),
        ("currency", "dollars"),
        ("currency", "U$D"),
        ("currency", "원원원"),
        ("colour", "red"),
    ],
)
async def test_an_option_that_makes_no_sense_is_named(yard: Yard, option: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        await yard.accounts.add(yard.workspace_id, provider="twilio", settings=TWILIO, **{option: value})
    assert [error.pointer for error in refused.value.errors] == [f"/{option}"]
    assert yard.accounts.list(yard.workspace_id) == []


async def test_bad_settings_store_nothing(yard: Yard) -> None:
    with pytest.raises(Invalid, match="Account SID"):
        await yard.accounts.add(yard.workspace_id, provider="twilio", settings={**TWILIO, "account_sid": "x"})
    assert yard.rows("SELECT * FROM accounts") == []


async def test_editing_replaces_what_is_given_and_keeps_the_rest(yard: Yard) -> None:
    account_id = await yard.account("twilio", "Main", sender="+12025550111", price_per_part="0.01")
    before = yard.directory.require(yard.workspace_id, account_id)
    edited = await yard.accounts.edit(
        yard.workspace_id,
        "Main",
        {"name": "Side", "rate_per_second": 3, "settings": {"auth_token": "new-token", "smart_encoded": True}},
    )
    after = yard.directory.require(yard.workspace_id, "Side")
    assert (edited["id"], edited["sender"], edited["price_per_part"]) == (account_id, "+12025550111", "0.01")
    assert edited["rate_per_second"] == 3.0
    assert "new-token" in after.secrets
    assert "invented-token" not in after.secrets
    assert after.callback_token == before.callback_token
    back = await yard.accounts.edit(
        yard.workspace_id, "Side", {"rate_per_second": None, "settings": {"auth_token": MASK, "smart_encoded": False}}
    )
    assert back["rate_per_second"] == before.rate_per_second
    assert "new-token" in yard.directory.require(yard.workspace_id, "Side").secrets


async def test_limits_and_price_can_be_taken_back(yard: Yard) -> None:
    defaults = yard.accounts.get(yard.workspace_id, await yard.account("twilio", "plain"))
    account_id = await yard.account("twilio", rate_per_second=3, open_requests=2, price_per_part="0.01")
    edited = await yard.accounts.edit(
        yard.workspace_id, account_id, {"rate_per_second": None, "open_requests": None, "price_per_part": None}
    )
    for option in ("rate_per_second", "open_requests", "price_per_part"):
        assert edited[option] == defaults[option]


async def test_renaming_to_a_taken_name_changes_nothing(yard: Yard) -> None:
    await yard.account("twilio", "Main")
    await yard.account("twilio", "Side", sender="+12025550111")
    with pytest.raises(Conflict, match="'Main' already"):
        await yard.accounts.edit(yard.workspace_id, "Side", {"name": "Main", "sender": ""})
    assert yard.accounts.get(yard.workspace_id, "Side")["sender"] == "+12025550111"
    same = await yard.accounts.edit(yard.workspace_id, "Side", {"name": "Side"})
    assert same["name"] == "Side"


async def test_of_two_that_take_a_name_at_once_one_gets_it(yard: Yard) -> None:
    for name in ("one", "two", "three"):
        await yard.account("twilio", name)
    outcomes = await asyncio.gather(
        *(yard.accounts.edit(yard.workspace_id, name, {"name": "Main"}) for name in ("one", "two", "three")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)] == [Conflict] * 2
    await asyncio.gather(*(yard.account("mitake") for _ in range(4)))
    names = {account["name"] for account in yard.accounts.list(yard.workspace_id)}
    assert {"Main", "mitake", "mitake 2", "mitake 3", "mitake 4"} < names


async def test_an_edit_of_nothing_is_refused(yard: Yard) -> None:
    await yard.account("twilio", "Main")
    with pytest.raises(Invalid, match="found none"):
        await yard.accounts.edit(yard.workspace_id, "Main", {})


async def test_pausing_and_resuming_may_be_repeated(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    for reason in ("No credit left", "Still none"):
        paused = await yard.accounts.pause(yard.workspace_id, account_id, reason)
        assert (paused["status"], paused["pause_reason"]) == ("paused", reason)
    for _ in range(2):
        resumed = await yard.accounts.resume(yard.workspace_id, account_id)
        assert (resumed["status"], resumed["pause_reason"]) == ("active", "")


async def test_resuming_wakes_the_dispatchers(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    woken: list[bool] = []
    write = yard.database.write

    async def watched(work: Any) -> Any:
        def watching(tx: Any) -> Any:
            result = work(tx)
            woken.append(tx.wakes)
            return result

        return await write(watching)

    yard.database.write = watched  # type: ignore[method-assign]
    await yard.accounts.resume(yard.workspace_id, account_id)
    assert woken == [True]


async def test_another_workspace_sees_and_changes_nothing(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    assert yard.accounts.list("another") == []
    for attempt in (
        yard.accounts.pause("another", account_id),
        yard.accounts.edit("another", account_id, {"name": "stolen"}),
        yard.accounts.test("another", account_id),
        yard.accounts.balance("another", account_id),
    ):
        with pytest.raises(NotFound):
            await attempt


# --- trying out --------------------------------------------------------------------------------------------------


async def test_a_test_asks_the_provider_with_the_accounts_credentials(yard: Yard) -> None:
    account_id = await yard.account("mitake")
    yard.provider.answer = HttpResponse(200, body=b"AccountPoint=98\r\n")
    found = await yard.accounts.test(yard.workspace_id, account_id)
    assert found["ok"] is True, found
    (asked,) = yard.provider.requests
    assert asked.url.startswith(MITAKE["base_url"])


async def test_a_failed_test_says_what_to_do(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    yard.provider.answer = HttpResponse(
        401, {"content-type": "application/json"}, b'{"code": 20003, "message": "Authenticate", "status": 401}'
    )
    found = await yard.accounts.test(yard.workspace_id, account_id)
    assert found["ok"] is False
    assert found["detail"]


class Saying:
    """A way to providers on which every question gets one answer."""

    def __init__(self, answer: HttpResponse) -> None:
        self.answer = answer

    async def exchange(self, request: HttpRequest, limits: Timeout) -> HttpResponse:
        del request, limits
        return self.answer


@pytest.mark.parametrize(
    ("provider", "settings", "answer", "words"),
    [
        (
            "msg91",
            {"authkey": "999999AinventedKey0123456789P1"},
            HttpResponse(200, body=b"Invalid authkey"),
            "MSG91 panel, your name > Authkey",
        ),
        (
            "line",
            {"channel_secret": "invented-secret", "channel_id": "1234567890"},
            HttpResponse(400, body=b'{"error": "invalid_client", "error_description": "invalid client_secret"}'),
            "LINE Developers Console, your channel, Basic settings",
        ),
    ],
)
async def test_a_sign_in_that_is_refused_says_where_the_credential_is_found(
    yard: Yard, provider: str, settings: dict[str, str], answer: HttpResponse, words: str
) -> None:
    account_id = await yard.account(provider, settings=settings)
    tokens = Tokens(cast("Transport", Saying(answer)))
    accounts = Accounts(yard.database, yard.vault, yard.directory, yard.provider.exchange, tokens)
    found = await accounts.test(yard.workspace_id, account_id)
    assert found["ok"] is False
    assert words in found["detail"]
    assert "may connect" not in found["detail"]
    assert yard.provider.requests == []


@pytest.mark.parametrize(
    "failure", [OSError("refused invented-token"), TimeoutError(), HttpResponse(200, body=b"\xff")]
)
async def test_a_provider_that_cannot_be_understood_is_a_failed_test_without_secrets(
    yard: Yard, failure: HttpResponse | Exception
) -> None:
    account_id = await yard.account("twilio")
    yard.provider.answer = failure
    found = await yard.accounts.test(yard.workspace_id, account_id)
    assert found["ok"] is False
    assert "invented-token" not in found["detail"]
    assert "https://api.twilio.com" in found["detail"]


async def test_the_balance_is_an_amount_with_its_currency(yard: Yard) -> None:
    account_id = await yard.account("mitake")
    yard.provider.answer = HttpResponse(200, body=b"AccountPoint=98\r\n")
    assert await yard.accounts.balance(yard.workspace_id, account_id) == {"amount": "98", "currency": "XPT"}


async def test_a_balance_that_cannot_be_had_says_why(yard: Yard) -> None:
    taiwan, korea = await yard.account("mitake"), await yard.account("bizgo")
    with pytest.raises(Conflict, match="does not tell its balance"):
        await yard.accounts.balance(yard.workspace_id, korea)
    yard.provider.answer = TimeoutError()
    with pytest.raises(Conflict, match="TimeoutError"):
        await yard.accounts.balance(yard.workspace_id, taiwan)
    yard.provider.answer = HttpResponse(200, body=b"statuscode=e\r\n")
    with pytest.raises(Conflict, match=r"refused: .*code e") as refused:
        await yard.accounts.balance(yard.workspace_id, taiwan)
    assert refused.value.code == "provider_refused"


AISENSY = {"api_key": "invented-key", "project_id": "1", "project_api_password": "invented-password"}


async def test_a_question_the_account_lacks_something_for_says_what_and_blames_no_connection(yard: Yard) -> None:
    account_id = await yard.account("aisensy", settings=AISENSY)
    with pytest.raises(Conflict) as refused:
        await yard.accounts.usage(yard.workspace_id, account_id)
    assert refused.value.code == "campaign_id_needed"
    assert refused.value.detail == (
        "AiSensy counts by campaign: enter the id of the campaign to measure in the account's settings."
    )


async def test_the_providers_full_stop_does_not_stand_in_the_middle_of_the_sentence(yard: Yard) -> None:
    account_id = await yard.account("mitake")
    yard.provider.answer = OSError("it broke.")
    with pytest.raises(Conflict, match=r": it broke\. Check the address"):
        await yard.accounts.balance(yard.workspace_id, account_id)
    yard.provider.answer = HttpResponse(200, body=b"statuscode=e\r\nError=It is wrong.\r\n")
    with pytest.raises(Conflict, match=r"refused: It is wrong \(code e\)\.$"):
        await yard.accounts.balance(yard.workspace_id, account_id)


class _Mute(Adapter):
    """A provider that can only send."""

    spec: ClassVar[ProviderSpec] = adapter("twilio").spec
    Account: ClassVar[type[AccountSettings]] = adapter("twilio").Account

    def build_submit(self, call: Call, batch: Any) -> HttpRequest:
        raise NotImplementedError

    def parse_submit(self, batch: Any, response: HttpResponse) -> Any:
        raise NotImplementedError

    def parse_callback(self, call: Call, request: Any) -> Any:
        raise NotImplementedError


async def test_a_provider_without_such_a_call_cannot_be_tested(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory_module, "adapter_of", lambda _slug: _Mute())
    account_id = await yard.account("twilio")
    with pytest.raises(Conflict, match="offers no call that tests an account"):
        await yard.accounts.test(yard.workspace_id, account_id)


# --- credentials that cannot be opened ---------------------------------------------------------------------------


async def test_an_unreadable_account_cannot_be_used_until_its_settings_are_given_again(yard: Yard) -> None:
    account_id = await yard.account("twilio", "Main")
    vault = Vault([generate_key()])
    directory = Directory(yard.database, vault, PUBLIC_URL)
    await directory.refresh()
    accounts = Accounts(yard.database, vault, directory, yard.provider.exchange)
    assert accounts.get(yard.workspace_id, account_id)["settings"] == {}
    for attempt in (accounts.resume, accounts.test, accounts.balance):
        with pytest.raises(Conflict, match="SENDYARD_SECRET_KEYS") as refused:
            await attempt(yard.workspace_id, account_id)
        assert refused.value.code == "unreadable_credentials"
    mended = await accounts.edit(yard.workspace_id, "Main", {"settings": TWILIO})
    assert mended["status"] == "active"


async def test_rotation_moves_every_account_to_the_newest_key(yard: Yard) -> None:
    account_id = await yard.account("twilio")
    await yard.account("mitake")
    old, new = generate_key(), generate_key()
    first = Accounts(yard.database, Vault([old]), Directory(yard.database, Vault([old])), yard.provider.exchange)
    with pytest.raises(Invalid, match="not among the 1"):
        await first.rotate_keys()
    ring = yard.vault
    ring_and_new = _with_newest(new, ring)
    directory = Directory(yard.database, ring_and_new, PUBLIC_URL)
    rotating = Accounts(yard.database, ring_and_new, directory, yard.provider.exchange)
    assert await rotating.rotate_keys() == 2
    assert await rotating.rotate_keys() == 0
    only_new = Directory(yard.database, Vault([new]))
    await only_new.refresh()
    entry = only_new.require(yard.workspace_id, account_id)
    assert not entry.unreadable
    assert "invented-token" in entry.secrets


def _with_newest(new: str, ring: Vault) -> Vault:
    both = Vault([new])
    both._ciphers |= ring._ciphers
    return both
