"""
Lists that providers keep of who refused: they only ever add refusals here, and are told ours where that is wanted.
"""

from typing import Any
from urllib.parse import urlsplit

import pytest

from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import NotSent
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.errors import Conflict, Invalid, NotFound
from sendyard.features.audience import Consents, Erasing, Errands, ProviderLists, Suppressions
from sendyard.features.audience.opt_outs import lists as lists_module
from sendyard.providers.abilities import OptOutList, OptOutPage
from sendyard.providers.registry import adapters
from sendyard.providers.wire import HttpResponse
from sendyard.storage.identifiers import now_ms
from tests.features.audience_play import Crowd
from tests.features.list_play import Provider
from tests.yard import Yard

INDIANS = [f"+9198765432{tail}" for tail in range(10, 20)]
ASHA, RAVI, MEERA, SAM = INDIANS[:4]


class Desk:
    """A workspace with an account whose provider keeps a list."""

    def __init__(self, yard: Yard, provider: Provider) -> None:
        self.yard, self.id, self.provider = yard, yard.workspace_id, provider
        tokens = Tokens(provider)
        self.late = 0  # milliseconds by which the clock is ahead
        self.lists = ProviderLists(yard.database, yard.directory, provider, tokens, clock=lambda: now_ms() + self.late)
        self.errands = Errands(yard.database, yard.directory, provider, tokens)
        self.suppressions = Suppressions(yard.database)

    async def account(self, slug: str = "gupshup_whatsapp", **settings: Any) -> None:
        fields = {**self.provider.settings, "base_url": "http://127.0.0.1:9", **settings}
        await self.yard.account(slug, "in-main", settings=fields)

    async def sync(self) -> dict[str, Any]:
        return await self.lists.sync(self.id, "in-main")

    async def stopped(self) -> list[str]:
        return [one["address"] for one in await self.suppressions.list(self.id)]

    async def told(self) -> list[str]:
        """Let everything due be told; gives the paths that were asked meanwhile."""
        before = len(self.provider.asked)
        self.late = 200_000
        await self.lists.round()
        await self.yard.database.write(lambda tx: tx.run("UPDATE errands SET next_at = 0"))
        while await self.errands.round():
            await self.yard.database.write(lambda tx: tx.run("UPDATE errands SET next_at = 0"))
        return [f"{urlsplit(one.url).path.split('/')[-2]} {one.body.decode()}" for one in self.provider.asked[before:]]


@pytest.fixture
async def desk(yard: Yard) -> Desk:
    desk = Desk(yard, Provider("gupshup_whatsapp", opted_out=[ASHA[1:], RAVI[1:]]))
    await desk.account()
    return desk


async def test_a_list_suppresses_who_refuses_there_and_takes_back_what_they_had_agreed_to(desk: Desk) -> None:
    consents = Consents(desk.yard.database)
    await consents.add(desk.id, to=ASHA, channel=Channel.WHATSAPP)
    await consents.add(desk.id, to=ASHA, channel=Channel.SMS)
    (before,) = await desk.lists.list(desk.id)
    assert (before["state"], before["reads"], before["takes"], before["every_hours"]) == ("never", True, True, 0)
    done = await desk.sync()
    assert (done["state"], done["refusing"], done["agreed"], done["added"], done["error"]) == ("done", 2, 0, 2, "")
    assert done["done_at"] >= done["began_at"]
    found = await desk.suppressions.list(desk.id, to=ASHA)
    assert [(one["channel"], one["purpose"], one["reason"], one["source"], one["evidence"]) for one in found] == [
        ("whatsapp", "", "opted_out", "list of in-main", "OPT_OUT")
    ]
    held = await consents.in_force(desk.id, to=ASHA)
    assert {(one["channel"], one["state"]) for one in held} == {("sms", "granted"), ("whatsapp", "withdrawn")}
    again = await desk.sync()
    assert (again["refusing"], again["added"]) == (2, 0)


async def test_an_old_refusal_on_a_list_does_not_undo_that_somebody_came_back_and_a_new_one_counts(desk: Desk) -> None:
    await desk.sync()
    await desk.suppressions.remove(desk.id, to=ASHA, channel=Channel.WHATSAPP)
    assert (await desk.sync())["added"] == 0
    assert await desk.stopped() == [RAVI]
    # Nothing is lifted because a list no longer names somebody; two readings without them, and a refusal is new.
    customer = next(iter(desk.provider.state.customers.values()))
    customer.opt_in(ASHA[1:])
    customer.opt_in(RAVI[1:])
    for _ in range(3):
        assert (await desk.sync())["agreed"] == 2
    assert await desk.stopped() == [RAVI]
    customer.opt_out(ASHA[1:])
    assert (await desk.sync())["added"] == 1
    assert sorted(await desk.stopped()) == sorted([ASHA, RAVI])


async def test_an_erased_person_stays_hidden_and_stopped(desk: Desk) -> None:
    await desk.sync()
    contact = await Crowd(desk.yard).add(ASHA, name="Asha")
    await Erasing(desk.yard.database, desk.yard.directory.address_keys).erase(desk.id, contact["id"])
    assert (await desk.sync())["added"] == 0
    assert await desk.stopped() == [RAVI]
    kept = await desk.yard.database.read(lambda tx: tx.rows("SELECT address FROM provider_list_people"))
    assert [address for (address,) in kept] == [RAVI]


async def test_a_long_list_is_read_in_stretches_and_only_its_switched_off_broadcasts_are_refusals(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = [f"+9198{count:08d}" for count in range(150)]
    desk = Desk(yard, Provider("wati", no_broadcasts=numbers))
    await desk.account("wati", base_url="http://127.0.0.1:9/100200")
    monkeypatch.setattr(lists_module, "_AT_A_STRETCH", 0.0)
    first = await desk.sync()
    assert (first["state"], first["refusing"]) == ("reading", 100)
    assert first["next_at"] <= now_ms()
    assert await desk.lists.round() == 1
    (done,) = await desk.lists.list(desk.id)
    assert (done["state"], done["refusing"], done["added"], done["next_at"]) == ("done", 150, 150, None)
    (one,) = await desk.suppressions.list(desk.id, to=numbers[0])
    assert (one["channel"], one["purpose"]) == ("whatsapp", Purpose.PROMOTIONAL.value)
    assert not done["takes"]
    with pytest.raises(Conflict, match="no call by which it is told"):
        await desk.lists.change(desk.id, "in-main", tell=True, by="k")


async def test_a_provider_that_is_away_is_asked_again_where_it_was_left_and_one_that_refuses_is_not(desk: Desk) -> None:
    desk.provider.failures = [NotSent("no connection")]
    failed = await desk.sync()
    assert (failed["state"], failed["error"], failed["done_at"]) == ("failed", "no connection", None)
    assert failed["next_at"] > now_ms()
    desk.provider.failures = [HttpResponse(429, {"retry-after": "7"}, b"")]
    before = now_ms()
    slow = await desk.sync()
    assert before + 6_000 < slow["next_at"] <= now_ms() + 7_000
    desk.late = 60_000
    assert await desk.lists.round() == 1
    assert await desk.lists.round() == 0
    assert (await desk.lists.list(desk.id))[0]["state"] == "done"
    desk.provider.console(is_young=True)
    refused = await desk.sync()
    assert (refused["state"], refused["next_at"]) == ("failed", None)
    assert "App not supported" in refused["error"]


async def test_a_list_is_read_by_itself_as_often_as_was_decided(desk: Desk) -> None:
    kept = await desk.lists.change(desk.id, "in-main", every_hours=24, by="k")
    assert (kept["every_hours"], kept["tells"], kept["next_at"] <= now_ms()) == (24, False, True)
    assert await desk.lists.round() == 1
    assert await desk.lists.round() == 0
    desk.late = 24 * 3_600_000 + 1000
    assert await desk.lists.round() == 1
    kept = await desk.lists.change(desk.id, "in-main", every_hours=0, by="k")
    assert kept["next_at"] is None
    # What was refused is asked again the next day when it is read by itself.
    await desk.lists.change(desk.id, "in-main", every_hours=1, by="k")
    desk.provider.console(is_young=True)
    assert (await desk.sync())["next_at"] - now_ms() > 23 * 3_600_000


async def test_only_one_process_reads_a_list_at_a_time_and_a_dead_one_is_followed(desk: Desk) -> None:
    await desk.lists.change(desk.id, "in-main", every_hours=1, by="k")
    taken = f"UPDATE provider_lists SET lease_until = {now_ms() + 60_000}"
    await desk.yard.database.write(lambda tx: tx.run(taken))
    with pytest.raises(Conflict, match="being read at this moment"):
        await desk.sync()
    assert await desk.lists.round() == 0
    desk.late = 120_000
    assert await desk.lists.round() == 1


async def test_a_list_that_leads_to_itself_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter = adapters()["gupshup_whatsapp"]
    assert isinstance(adapter, OptOutList)
    page = OptOutPage([], "again")
    monkeypatch.setattr(type(adapter), "parse_listed", lambda *_: page)
    failed = await desk.sync()
    assert "does not end" in failed["error"]


async def test_our_refusals_are_told_once_and_taken_back_when_the_person_came_back(desk: Desk) -> None:
    await desk.sync()
    await desk.suppressions.add(desk.id, to=MEERA, reason="opted_out")
    await desk.suppressions.add(desk.id, to=SAM, reason="do_not_call")
    await desk.suppressions.add(desk.id, to="U" + "1" * 32, reason="opted_out")
    assert await desk.told() == []
    kept = await desk.lists.change(desk.id, "in-main", tell=True, by="k")
    assert (kept["tells"], kept["every_hours"]) == (True, 0)
    # Not those that came from this very list, nor a number nobody refused, nor a person of another channel.
    assert await desk.told() == [f"out user={MEERA[1:]}"]
    (errand,) = await desk.errands.list(desk.id, kind="opt_out")
    assert (errand["subject"], errand["state"], errand["result"]) == (MEERA, "done", "refused")
    assert await desk.told() == []
    await desk.suppressions.remove(desk.id, to=MEERA)
    assert await desk.told() == [f"in user={MEERA[1:]}"]
    assert await desk.told() == []
    await desk.suppressions.add(desk.id, to=MEERA, reason="opted_out")
    assert await desk.told() == [f"out user={MEERA[1:]}"]


async def test_word_of_a_refusal_waits_while_the_provider_is_away(desk: Desk) -> None:
    await desk.lists.change(desk.id, "in-main", tell=True, by="k")
    await desk.suppressions.add(desk.id, to=MEERA, reason="complaint")
    desk.provider.failures = [NotSent("away"), HttpResponse(503)]
    assert await desk.told() == [f"out user={MEERA[1:]}"] * 3
    (errand,) = await desk.errands.list(desk.id, kind="opt_out")
    assert (errand["state"], errand["tries"]) == ("done", 3)


async def test_a_provider_that_documents_nothing_says_so(desk: Desk) -> None:
    await desk.yard.account("mitake", "tw-main")
    found = {one["account"]: one for one in await desk.lists.list(desk.id)}
    assert found["tw-main"]["state"] == "none"
    assert "documents no list of who refused" in found["tw-main"]["detail"]
    with pytest.raises(Conflict, match="documents no list"):
        await desk.lists.sync(desk.id, "tw-main")
    with pytest.raises(Conflict, match="documents no list"):
        await desk.lists.change(desk.id, "tw-main", every_hours=1, by="k")
    with pytest.raises(NotFound):
        await desk.lists.sync(desk.id, "nobody")
    with pytest.raises(Invalid, match="found neither"):
        await desk.lists.change(desk.id, "in-main", by="k")
    with pytest.raises(Invalid, match="to 720 hours"):
        await desk.lists.change(desk.id, "in-main", every_hours=721, by="k")
