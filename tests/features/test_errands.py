"""
What providers are told and asked beside messages: until they have answered, and never twice for nothing.
"""

import json
from typing import Any

import pytest

from sendyard.delivery.facts import Facts
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import NotSent, Transport
from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.errors import Conflict, NotFound
from sendyard.features.audience import Arrivals, Details, Errands
from sendyard.features.audience.errands import running as running_module
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.features.opting_play import Listening
from tests.yard import KOREAN, TAIWANESE, Yard

LINE_USER = "U" + "1" * 32
LINE = {"channel_access_token": "invented", "channel_secret": "0" * 32, "base_url": "http://127.0.0.1:9"}
QUO = {"api_key": "invented", "base_url": "http://127.0.0.1:9"}


class Wire(Transport):
    """Answers what a test wants, and remembers what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[HttpResponse | Exception] = []
        self.asked: list[HttpRequest] = []

    async def exchange(self, request: HttpRequest, timeout: Any) -> HttpResponse:  # noqa: ASYNC109
        del timeout
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Counter:
    """A workspace with errands to run."""

    def __init__(self, yard: Yard) -> None:
        self.yard, self.id = yard, yard.workspace_id
        self.listening = Listening.of(yard)
        self.wire = Wire()
        self.errands = Errands(yard.database, yard.directory, self.wire, Tokens(self.wire))
        self.arrivals = Arrivals(yard.database, yard.directory.address_keys)

    def answer(self, status: int, **document: Any) -> None:
        self.wire.answers.append(
            HttpResponse(status, {"content-type": "application/json"}, json.dumps(document).encode())
        )

    async def come_due(self) -> int:
        await self.yard.database.write(lambda tx: tx.run("UPDATE errands SET next_at = 0, lease_until = 0"))
        return await self.errands.round()


@pytest.fixture
def counter(yard: Yard) -> Counter:
    return Counter(yard)


async def _line(counter: Counter, **rest: Any) -> None:
    entry = await counter.listening.account("line", settings=LINE)
    event = {"channel": Channel.LINE, "sender_kind": AddressKind.LINE_ID, "recipient": "U" + "9" * 32, **rest}
    await counter.listening.hear(entry, LINE_USER, "hello", **event)


async def test_somebody_without_a_name_is_looked_up_once_and_becomes_a_lead_with_it(counter: Counter) -> None:
    await _line(counter)
    await _line(counter)
    assert await counter.come_due() == 1
    (waiting,) = await counter.errands.list(counter.id)
    assert (waiting["state"], waiting["error"]) == ("waiting", "The contact is not there yet.")
    await counter.arrivals.round()
    counter.answer(200, userId=LINE_USER, displayName=" 王  小明 ")
    assert await counter.come_due() == 1
    (person,) = await counter.listening.crowd.contacts.list(counter.id)
    assert (person["name"], person["lead"], person["source"]) == ("王 小明", "new", "inbound:line")
    (done,) = await counter.errands.list(counter.id, kind="profile", state="done")
    assert (done["subject"], done["result"], done["account"]) == (LINE_USER, "王 小明", "line")
    assert await counter.come_due() == 0
    assert len(counter.wire.asked) == 1


async def test_a_name_that_is_known_is_not_asked_for_and_never_replaced(counter: Counter) -> None:
    await counter.listening.crowd.add(KOREAN, name="Kim", identities=[("line_id", LINE_USER)])
    await _line(counter)
    assert await counter.come_due() == 1
    assert counter.wire.asked == []
    # What the event tells counts only where there is no name.
    await counter.listening.crowd.add(TAIWANESE)
    twilio = await counter.listening.account("twilio", sender="+15005550006")
    await counter.listening.hear(twilio, TAIWANESE, "hi", profile_name=" Wang  Ming ")
    await counter.listening.hear(twilio, KOREAN, "hi", profile_name="Somebody")
    await counter.arrivals.round()
    found = await counter.listening.crowd.contacts.list(counter.id)
    assert [one["name"] for one in found] == ["Kim", "Wang Ming"]


async def test_a_person_whom_nobody_knows_later_is_given_up(counter: Counter) -> None:
    await _line(counter)
    await counter.yard.database.write(lambda tx: tx.run("UPDATE errands SET created_at = 0"))
    await counter.come_due()
    (found,) = await counter.errands.list(counter.id)
    assert (found["state"], found["error"]) == ("refused", "Nobody has this address.")


async def test_a_contact_is_pushed_at_once_and_brought_up_to_date_by_the_provider_s_id(counter: Counter) -> None:
    await counter.listening.account("openphone", settings=QUO)
    contact = await counter.listening.crowd.add(
        "+12025550123", name="Ada Lovelace", identities=[("email", "ada@x.example")]
    )
    counter.answer(201, data={"id": "CT1"})
    pushed = await counter.errands.push_contact(counter.id, contact["id"], account="openphone")
    assert (pushed["state"], pushed["result"], pushed["tries"]) == ("done", "CT1", 1)
    assert b"ada@x.example" in counter.wire.asked[0].body
    counter.answer(200, data={"id": "CT1"})
    again = await counter.errands.push_contact(counter.id, contact["id"], account="openphone")
    assert again["id"] == pushed["id"]
    assert counter.wire.asked[1].method == "PATCH"
    assert "CT1" in counter.wire.asked[1].url


async def test_while_a_provider_is_away_an_errand_waits_and_is_given_up_in_the_end(counter: Counter) -> None:
    await counter.listening.account("openphone", settings=QUO)
    contact = await counter.listening.crowd.add("+12025550123", name="Ada")
    counter.wire.answers = [NotSent("no connection to invented")]
    waiting = await counter.errands.push_contact(counter.id, contact["id"], account="openphone")
    assert (waiting["state"], waiting["tries"], waiting["settled_at"]) == ("waiting", 1, None)
    assert "no connection" in waiting["error"]
    assert "invented" not in waiting["error"]
    assert waiting["next_try_at"] > waiting["created_at"]
    assert await counter.errands.round() == 0
    for _ in range(len(running_module._DELAYS_MS)):
        counter.wire.answers = [NotSent("still away")]
        await counter.come_due()
    (given_up,) = await counter.errands.list(counter.id, state="refused", subject=contact["id"])
    assert "It was tried 8 times." in given_up["error"]
    # Asked for anew, it begins again.
    counter.answer(201, data={"id": "CT2"})
    assert (await counter.errands.push_contact(counter.id, contact["id"], account="openphone"))["state"] == "done"


async def test_a_provider_s_no_is_final_unless_it_says_later(counter: Counter) -> None:
    await counter.listening.account("openphone", settings=QUO)
    contact = await counter.listening.crowd.add("+12025550123", name="Ada")
    counter.answer(429, message="slow down", code="0000429")
    assert (await counter.errands.push_contact(counter.id, contact["id"], account="openphone"))["state"] == "waiting"
    counter.answer(400, message="bad", code="0800400")
    await counter.come_due()
    (refused,) = await counter.errands.list(counter.id)
    assert refused["state"] == "refused"
    assert "refused" in refused["error"]


async def test_the_workspace_s_own_opt_out_number_is_registered(counter: Counter, monkeypatch: Any) -> None:
    settings = {"sender_key": "f" * 40, "base_url": "http://127.0.0.1:9"}
    await counter.listening.account("bizgo", settings=settings)
    with pytest.raises(Conflict, match="no opt-out number"):
        await counter.errands.register_opt_out_number(counter.id, account="bizgo")
    monkeypatch.setattr(counter.yard.directory, "facts", lambda _: Facts(opt_out_number="080-123-4567"))
    counter.answer(
        200, common={"authCode": "A000", "authResult": "Success", "infobankTrId": "x"}, data={"code": "A000"}
    )
    found = await counter.errands.register_opt_out_number(counter.id, account="bizgo", code="12")
    assert (found["state"], found["result"], found["subject"]) == ("done", "080-123-4567", "")
    assert json.loads(counter.wire.asked[0].body)["brandmessage"]["unsubscribeAuthNumber"] == "12"
    malformed = await counter.errands.register_opt_out_number(counter.id, account="bizgo", number="02-1")
    assert malformed["state"] == "refused"
    assert "080-123-4567" in malformed["error"]


async def test_what_cannot_be_pushed_is_refused_before_anything_is_kept(counter: Counter) -> None:
    await counter.listening.account("openphone", settings=QUO)
    await counter.listening.account("mitake")
    mail = await counter.listening.crowd.contacts.add(counter.id, Details(identities=[("email", "n@x.example")]))
    person = await counter.listening.crowd.add(KOREAN)
    for contact, account, error in (
        (person["id"], "mitake", Conflict),
        (mail["id"], "openphone", Conflict),
        ("none", "openphone", NotFound),
        (person["id"], "none", NotFound),
    ):
        with pytest.raises(error):
            await counter.errands.push_contact(counter.id, contact, account=account)
    with pytest.raises(Conflict, match="keeps no opt-out number"):
        await counter.errands.register_opt_out_number(counter.id, account="mitake", number="080-123-4567")
    assert await counter.errands.list(counter.id) == []


async def test_an_account_that_is_gone_ends_its_errands_and_so_does_erasing_the_person(counter: Counter) -> None:
    await counter.listening.account("openphone", settings=QUO)
    contact = await counter.listening.crowd.add("+12025550123", name="Ada")
    counter.wire.answers = [NotSent("away")]
    await counter.errands.push_contact(counter.id, contact["id"], account="openphone")
    await counter.yard.database.write(lambda tx: tx.run("UPDATE errands SET account_id = 'gone'"))
    await counter.come_due()
    (ended,) = await counter.errands.list(counter.id)
    assert (ended["state"], ended["account"]) == ("refused", "gone")
    await counter.listening.crowd.erasing.erase(counter.id, contact["id"])
    assert await counter.errands.list(counter.id) == []
