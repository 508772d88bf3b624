"""
The providers' published clients send through our emulators over sockets, told nothing but another address.

What they say in comparison with our adapters is in `tests/providers/test_*_official_client.py`; here it is what they
make of our emulators' answers, refusals and outages.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import requests
from bizgo import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    Bizgo,
    InternalServerError,
    InvalidResponseError,
    RateLimitError,
)
from mitake import APIError, MitakeClient, MitakeError
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from sendyard.delivery.transport import Transport
from sendyard.emulator.reports import Pace
from sendyard.emulator.server import EmulatorServer
from sendyard.providers.contract import Accepted, Call
from sendyard.providers.registry import adapters, emulators
from tests.providers.wire_pair import account_fields, magic_address, number, outgoing

ADAPTERS = adapters()
SAMPLES = {slug: dict(emulator.sample_account) for slug, emulator in emulators().items()}
SENDERS = {slug: emulator.sample_sender for slug, emulator in emulators().items()}
TEXTS = {
    "twilio": "Hi & bye, 王小姐 👍\n100% = +1",
    "bizgo": "안녕 & bye #1\n100% = +1",
    "mitake": "【幸福氣】A&B=100% +1; $5",
}
# Mitake's client knows one kind of error more, `APIError`, for an answer that is one.
NO_ANSWER = {"twilio": requests.ConnectionError, "bizgo": APIConnectionError, "mitake": MitakeError}
JPEG = b"\xff\xd8\xff\xe0 invented \xff\xd9"
PATIENCE = 60.0  # seconds for something that happens by itself

each_client = pytest.mark.parametrize("slug", sorted(TEXTS))


def person(slug: str, count: int = 1) -> str:
    return number(ADAPTERS[slug], count)


def magic(slug: str, ending: str) -> str:
    return magic_address(ADAPTERS[slug], emulators()[slug], ending).value


def local(to: str) -> str:
    """A Korean or Taiwanese number as people dial it at home, which is how two of the clients want it."""
    return "0" + to.removeprefix("+886").removeprefix("+82")


class Yard:
    """All emulators in a thread with a loop of its own, asked through their control API as from another process."""

    def __init__(self) -> None:
        self._server = EmulatorServer(pace=Pace(sent=0.01, final=0.02))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="emulators")
        self._thread.start()
        self.open()
        # Nothing here is TLS, and reading the machine's certificates would be most of a test's time.
        self._control = httpx.Client(base_url=self._server.control_url, trust_env=False, verify=False)

    def open(self) -> None:
        """Listen; on the same port as before, if there was one."""
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result(PATIENCE)

    def close(self) -> None:
        """Listen no longer; what the emulators know stays."""
        asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(PATIENCE)

    def end(self) -> None:
        self._control.close()
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._loop.close()

    def origin(self, slug: str) -> str:
        """Where the clients find a provider: they add the whole documented path themselves."""
        return f"{self._server.url}/{slug}"

    def base_url(self, slug: str) -> str:
        """Where our adapters find a provider."""
        return self._server.base_url(slug)

    def command(self, path: str, **document: Any) -> None:
        answer = self._control.post(path, json=document)
        assert answer.is_success, answer.text

    def letters(self, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._control.get("/mailbox", params=query).json()
        return found

    def mailbox(self) -> list[tuple[str, str, str]]:
        return [(letter["to"], letter["text"], letter["provider_ref"]) for letter in self.letters()]


class Officials:
    """Makes clients as their makers' documentation does, and closes them."""

    def __init__(self, yard: Yard, closing: ExitStack) -> None:
        self._yard = yard
        self._closing = closing

    def twilio(self, token: str = SAMPLES["twilio"]["auth_token"], timeout: float | None = None) -> Client:
        http = TwilioHttpClient(timeout=timeout)
        assert http.session is not None
        self._closing.callback(http.session.close)
        made = Client(SAMPLES["twilio"]["account_sid"], token, http_client=http, environment={"none": "none"})
        made.api.base_url = self._yard.origin("twilio")
        return made

    def bizgo(self, key: str = SAMPLES["bizgo"]["api_key"], **options: Any) -> Bizgo:
        return self._closing.enter_context(Bizgo(api_key=key, base_url=self._yard.origin("bizgo"), **options))

    def mitake(self, password: str = SAMPLES["mitake"]["password"]) -> MitakeClient:
        made = MitakeClient(SAMPLES["mitake"]["username"], password, base_url=self._yard.origin("mitake"))
        self._closing.callback(made.session.close)
        return made

    def sender(self, slug: str) -> Callable[[str, str, str], str]:
        """What sends a text to an E.164 number with our reference, where there is one, and gives the provider's."""
        if slug == "twilio":
            twilio = self.twilio()
            return lambda to, text, _: str(twilio.messages.create(to=to, from_=SENDERS[slug], body=text).sid)
        if slug == "bizgo":
            bizgo = self.bizgo()
            return lambda to, text, reference: str(
                bizgo.send.sms(to=local(to), from_=SENDERS[slug], text=text, ref=reference).msg_keys[0]
            )
        mitake = self.mitake()
        return lambda to, text, reference: str(
            mitake.send_batch_sms([{"to": local(to), "message": text, "message_id": reference}])["msgid"]
        )


@pytest.fixture
def yard() -> Iterator[Yard]:
    running = Yard()
    yield running
    running.end()


@pytest.fixture
def officials(yard: Yard) -> Iterator[Officials]:
    with ExitStack() as closing:
        yield Officials(yard, closing)


def eventually(ask: Callable[[], Any]) -> Any:
    """The first answer that is not empty."""
    end = time.monotonic() + PATIENCE
    while not (answer := ask()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
    return answer


# What every client must experience alike.


@each_client
def test_a_message_reaches_the_handset_as_it_was_written(slug: str, yard: Yard, officials: Officials) -> None:
    reference = officials.sender(slug)(person(slug), TEXTS[slug], "ref-1")
    assert yard.mailbox() == [(person(slug), TEXTS[slug], reference)]
    assert reference


@each_client
async def test_our_own_path_leaves_the_same_letter_as_the_official_client(
    slug: str, yard: Yard, officials: Officials
) -> None:
    adapter, emulator = ADAPTERS[slug], emulators()[slug]
    message = outgoing(adapter, emulator, text=TEXTS[slug])
    officials.sender(slug)(message.to.value, TEXTS[slug], message.reference)
    (theirs,) = yard.letters()

    yard.command("/reset")
    fields = account_fields(adapter, emulator, callbacks=False)
    call = Call(
        account=adapter.Account(base_url=yard.base_url(slug), **fields),
        now=datetime.now(UTC),
        nonce=f"{1:016x}",
        exchange_id=f"01a1fbba-0000-7000-8000-{1:012d}",
    )
    async with Transport() as transport:
        answer = await transport.exchange(adapter.build_submit(call, [message]), adapter.spec.timeout)
    (receipt,) = adapter.parse_submit([message], answer)
    (ours,) = yard.letters()
    assert isinstance(receipt, Accepted)
    assert receipt.provider_ref == ours["provider_ref"]
    decided_there = {"provider_ref", "at"}
    assert {name: ours[name] for name in ours.keys() - decided_there} == {
        name: theirs[name] for name in theirs.keys() - decided_there
    }


@each_client
def test_messages_from_several_threads_arrive_once_each(slug: str, yard: Yard, officials: Officials) -> None:
    send = officials.sender(slug)
    people = [person(slug, count) for count in range(1, 21)]
    with ThreadPoolExecutor(4) as threads:
        references = list(threads.map(lambda to: send(to, f"for {to}", f"ref{to}"), people))
    assert sorted(yard.mailbox()) == sorted((to, f"for {to}", ref) for to, ref in zip(people, references, strict=True))


@each_client
def test_a_client_finds_the_provider_again_after_an_outage(slug: str, yard: Yard, officials: Officials) -> None:
    send = officials.sender(slug)
    send(person(slug), "before", "ref-1")
    yard.close()
    with pytest.raises(NO_ANSWER[slug]) as away:
        send(person(slug), "meanwhile", "ref-2")
    assert not isinstance(away.value, APIError)
    yard.open()
    send(person(slug), "after", "ref-3")
    assert [text for _, text, _ in yard.mailbox()] == ["before", "after"]


@each_client
@pytest.mark.parametrize(("ending", "arrives"), [("990014", False), ("990015", True)])
def test_a_lost_connection_says_nothing_of_what_was_taken(
    slug: str, ending: str, arrives: bool, yard: Yard, officials: Officials
) -> None:
    with pytest.raises(NO_ANSWER[slug]) as lost:
        officials.sender(slug)(magic(slug, ending), "hi", "ref-1")
    assert not isinstance(lost.value, APIError)
    assert [text for _, text, _ in yard.mailbox()] == ["hi"] * arrives


# Twilio.


def test_the_twilio_client_follows_a_message_to_its_delivery(yard: Yard, officials: Officials) -> None:
    client = officials.twilio()
    made = client.messages.create(to=person("twilio"), from_=SENDERS["twilio"], body="Hi")
    assert made.status == "queued"
    sid = str(made.sid)
    eventually(lambda: client.messages(sid).fetch().status == "delivered")
    found = client.messages(sid).fetch()
    assert (found.to, found.body, found.error_code) == (person("twilio"), "Hi", None)
    assert found.price == "-0.00790"


def test_the_twilio_client_learns_why_a_message_failed(yard: Yard, officials: Officials) -> None:
    client, to = officials.twilio(), magic("twilio", "990005")
    sid = str(client.messages.create(to=to, from_=SENDERS["twilio"], body="Hi").sid)
    found = eventually(lambda: [one for one in [client.messages(sid).fetch()] if one.error_code])[0]
    assert found.status in {"undelivered", "failed"}
    assert yard.mailbox() == []
    assert [letter["provider_ref"] for letter in yard.letters(failed="true")] == [sid]


def test_the_twilio_client_follows_the_list_from_page_to_page(yard: Yard, officials: Officials) -> None:
    client, to = officials.twilio(), person("twilio")
    for count in range(5):
        client.messages.create(to=to, from_=SENDERS["twilio"], body=str(count))
    client.messages.create(to=person("twilio", 2), from_=SENDERS["twilio"], body="for another")
    assert [one.body for one in client.messages.list(to=to, page_size=2)] == ["4", "3", "2", "1", "0"]
    assert client.balance.fetch().currency == "USD"


def test_the_twilio_client_tells_a_wrong_token(yard: Yard, officials: Officials) -> None:
    client = officials.twilio(token="an-invalid-token")
    for ask in (
        lambda: client.messages.create(to=person("twilio"), from_=SENDERS["twilio"], body="Hi"),
        client.balance.fetch,
    ):
        with pytest.raises(TwilioRestException) as refused:
            ask()
        assert (refused.value.status, refused.value.code) == (401, 20003)
    assert yard.mailbox() == []


@pytest.mark.parametrize(
    ("to", "code"),
    [("+1555", 21211), (magic("twilio", "990001"), 21211), (magic("twilio", "990003"), 21610)],
)
def test_the_twilio_client_tells_why_a_recipient_is_refused(
    to: str, code: int, yard: Yard, officials: Officials
) -> None:
    with pytest.raises(TwilioRestException) as refused:
        officials.twilio().messages.create(to=to, from_=SENDERS["twilio"], body="Hi")
    assert (refused.value.status, refused.value.code) == (400, code)
    assert yard.mailbox() == []


def test_the_twilio_client_is_throttled_once(yard: Yard, officials: Officials) -> None:
    client, to = officials.twilio(), magic("twilio", "990002")
    with pytest.raises(TwilioRestException) as refused:
        client.messages.create(to=to, from_=SENDERS["twilio"], body="Hi")
    assert (refused.value.status, refused.value.code) == (429, 20429)
    sid = client.messages.create(to=to, from_=SENDERS["twilio"], body="Hi").sid
    assert yard.mailbox() == [(to, "Hi", sid)]


def test_the_twilio_client_meets_an_outage_in_everything_it_asks(yard: Yard, officials: Officials) -> None:
    client = officials.twilio()
    yard.command("/scenarios", provider="twilio", scope="all", effect={"type": "error"})
    for ask in (
        lambda: client.messages.create(to=person("twilio"), from_=SENDERS["twilio"], body="Hi"),
        client.balance.fetch,
    ):
        with pytest.raises(TwilioRestException) as refused:
            ask()
        assert refused.value.status == 503
    with pytest.raises(TwilioException, match="Unable to fetch page"):
        client.messages.list()
    assert yard.mailbox() == []


def test_the_twilio_client_gives_up_on_a_silent_provider_that_took_the_message(
    yard: Yard, officials: Officials
) -> None:
    to = magic("twilio", "990009")
    with pytest.raises(requests.ReadTimeout):
        officials.twilio(timeout=1).messages.create(to=to, from_=SENDERS["twilio"], body="Hi")
    (found,) = eventually(lambda: officials.twilio().messages.list(to=to))
    assert yard.mailbox() == [(to, "Hi", found.sid)]


# BizGO.


def test_the_bizgo_client_polls_acknowledges_and_looks_up(yard: Yard, officials: Officials) -> None:
    client = officials.bizgo()
    sent = client.send.sms(to=local(person("bizgo")), from_=SENDERS["bizgo"], text="안내", ref="ref-1")
    batch = eventually(lambda: [one for one in [client.reports.poll()] if not one.empty])[0]
    (key,) = sent.msg_keys
    assert [(one.msg_key, one.report_code, one.ref) for one in batch.reports] == [(key, "10000", "ref-1")]
    client.reports.ack(batch.report_id)
    assert client.reports.poll().empty
    assert [one.report_code for one in client.reports.inquiry(key)] == ["10000"]
    assert [one.to for one in client.messages.status(key)] == [local(person("bizgo"))]


def test_the_bizgo_client_sends_an_uploaded_picture(yard: Yard, officials: Officials) -> None:
    client = officials.bizgo()
    key = client.files.upload_mms(JPEG, filename="a.jpg").file_key
    client.send.mms(to=local(person("bizgo")), from_=SENDERS["bizgo"], text="새 메뉴", file_keys=[str(key)])
    (letter,) = yard.letters()
    assert (letter["channel"], letter["text"], letter["media"]) == ("mms", "새 메뉴", [key])


def test_the_bizgo_client_tells_a_wrong_key(yard: Yard, officials: Officials) -> None:
    client = officials.bizgo(key="an-invalid-key")
    with pytest.raises(AuthenticationError) as refused:
        client.send.sms(to=local(person("bizgo")), from_=SENDERS["bizgo"], text="hi")
    assert (refused.value.http_status, refused.value.code, refused.value.layer) == (401, "A401", "gateway")
    with pytest.raises(AuthenticationError):
        client.reports.poll()
    assert yard.mailbox() == []


def test_the_bizgo_client_tells_which_of_its_recipients_is_refused(yard: Yard, officials: Officials) -> None:
    good, magically_bad = person("bizgo"), magic("bizgo", "990001")
    to = [local(good), "0100000", local(magically_bad)]
    sent = officials.bizgo().send.sms(to=to, from_=SENDERS["bizgo"], text="hi")
    assert [(one.to, one.code) for one in sent.failed] == [("0100000", "A306"), (local(magically_bad), "A306")]
    assert yard.mailbox() == [(good, "hi", sent.msg_keys[0])]


def test_the_bizgo_client_waits_as_told_and_sends_once(yard: Yard, officials: Officials) -> None:
    to = magic("bizgo", "990002")
    begun = time.monotonic()
    sent = officials.bizgo().send.sms(to=local(to), from_=SENDERS["bizgo"], text="hi")
    assert time.monotonic() - begun >= 1
    assert yard.mailbox() == [(to, "hi", sent.msg_keys[0])]


def test_the_bizgo_client_reads_the_waiting_time(yard: Yard, officials: Officials) -> None:
    yard.command("/scenarios", effect={"type": "throttle", "retry_after": 7})
    with pytest.raises(RateLimitError) as refused:
        officials.bizgo(max_retries=0).send.sms(to=local(person("bizgo")), from_=SENDERS["bizgo"], text="hi")
    assert (refused.value.code, refused.value.retry_after) == ("A020", 7)
    assert yard.mailbox() == []


def test_the_bizgo_client_repeats_a_lost_answer_without_sending_twice(yard: Yard, officials: Officials) -> None:
    to = magic("bizgo", "990015")
    sent = officials.bizgo().send.sms(to=local(to), from_=SENDERS["bizgo"], text="hi", idempotency_key="order-17")
    assert [one.code for one in sent.duplicates] == ["A301"]
    assert [(to, text) for to, text, _ in yard.mailbox()] == [(to, "hi")]


def test_the_bizgo_client_meets_an_outage_in_everything_it_asks(yard: Yard, officials: Officials) -> None:
    client = officials.bizgo(max_retries=0)
    yard.command("/scenarios", provider="bizgo", scope="all", effect={"type": "error"})
    for ask in (
        lambda: client.send.sms(to=local(person("bizgo")), from_=SENDERS["bizgo"], text="hi"),
        client.reports.poll,
    ):
        with pytest.raises(InternalServerError) as refused:
            ask()
        assert (refused.value.http_status, refused.value.code) == (503, "A920")
    assert yard.mailbox() == []


def test_the_bizgo_client_gives_up_on_a_silent_provider_that_took_the_message(yard: Yard, officials: Officials) -> None:
    with pytest.raises(APITimeoutError):
        officials.bizgo(timeout=1).send.sms(to=local(magic("bizgo", "990009")), from_=SENDERS["bizgo"], text="hi")
    assert [text for _, text, _ in eventually(yard.mailbox)] == ["hi"]


def test_the_bizgo_client_does_not_take_garbage_for_an_answer(yard: Yard, officials: Officials) -> None:
    with pytest.raises(InvalidResponseError):
        officials.bizgo().send.sms(to=local(magic("bizgo", "990016")), from_=SENDERS["bizgo"], text="hi")
    assert [text for _, text, _ in yard.mailbox()] == ["hi"]


# Mitake.


def in_big5(text: str) -> str:
    """What Mitake said: its answers are Big5 and do not say so, and this client reads them as Latin-1."""
    return text.encode("latin-1").decode("cp950")


def test_the_mitake_client_reads_its_message_id_and_what_is_left(yard: Yard, officials: Officials) -> None:
    yard.command("/accounts", provider="mitake", **SAMPLES["mitake"], credit=110)
    client = officials.mitake()
    answer = client.send_sms(local(person("mitake")), TEXTS["mitake"])
    assert (answer["statuscode"], answer["AccountPoint"]) == ("1", "109")
    assert yard.mailbox() == [(person("mitake"), TEXTS["mitake"], answer["msgid"])]
    assert client.query_account_balance() == {"AccountPoint": "109"}


def test_the_mitake_client_sends_several_messages_in_one_request(yard: Yard, officials: Officials) -> None:
    texts = {person("mitake", count): f"第{count}則" for count in (1, 2, 3)}
    answer = officials.mitake().send_batch_sms([{"to": local(to), "message": text} for to, text in texts.items()])
    letters = yard.letters()
    assert {letter["to"]: letter["text"] for letter in letters} == texts
    assert [letter["reference"] for letter in letters] == ["1", "2", "3"]
    # This client keeps one block of the answer, the last.
    assert answer["msgid"] == letters[-1]["provider_ref"]


def test_the_mitake_client_is_told_a_wrong_password(yard: Yard, officials: Officials) -> None:
    client = officials.mitake(password="an-invalid-one")
    for answer in (client.send_sms(local(person("mitake")), "hi"), client.query_account_balance()):
        assert (answer["statuscode"], in_big5(answer["Error"])) == ("e", "帳號、密碼錯誤")
    assert yard.mailbox() == []


@pytest.mark.parametrize("to", ["0223456789", local(magic("mitake", "990001"))])
def test_the_mitake_client_is_told_that_a_recipient_is_none(to: str, yard: Yard, officials: Officials) -> None:
    answer = officials.mitake().send_sms(to, "hi")
    assert (answer["statuscode"], in_big5(answer["Error"])) == ("v", "無效的手機號碼")
    assert "msgid" not in answer
    assert yard.mailbox() == []


def test_the_mitake_client_is_throttled_once(yard: Yard, officials: Officials) -> None:
    client, to = officials.mitake(), magic("mitake", "990002")
    assert client.send_sms(local(to), "hi")["statuscode"] == "l"
    answer = client.send_sms(local(to), "hi")
    assert yard.mailbox() == [(to, "hi", answer["msgid"])]


def test_the_mitake_client_meets_an_outage_in_everything_it_asks(yard: Yard, officials: Officials) -> None:
    client = officials.mitake()
    yard.command("/scenarios", provider="mitake", scope="all", effect={"type": "error"})
    assert client.send_sms(local(person("mitake")), "hi")["statuscode"] == "r"
    assert client.query_account_balance()["statuscode"] == "r"
    yard.command("/reset")
    yard.command("/scenarios", effect={"type": "error", "status": 502})
    with pytest.raises(APIError) as refused:
        client.send_sms(local(person("mitake")), "hi")
    assert refused.value.status_code == 502
    assert yard.mailbox() == []


def test_the_mitake_client_asks_for_reports_where_nothing_is_documented(yard: Yard, officials: Officials) -> None:
    client = officials.mitake()
    msgid = client.send_sms(local(person("mitake")), "hi")["msgid"]
    with pytest.raises(APIError) as refused:
        client.query_message_status([msgid])
    assert refused.value.status_code == 404
