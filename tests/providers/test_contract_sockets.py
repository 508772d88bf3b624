"""
The contract suite's second half: every adapter against its emulator through real sockets.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from yarl import URL

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.emulator.reports import Pace
from sendyard.emulator.scenarios import Callbacks, Effect, Error, Garbage, Outcome, Refuse, Rule, Throttle
from sendyard.emulator.server import EmulatorServer
from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
    Found,
    MediaFile,
    MediaUpload,
    NotFound,
    Pending,
    Poll,
    ReportPolling,
    SubmitLookup,
    TokenAuth,
    UploadedMedia,
)
from sendyard.providers.contract import (
    Accepted,
    AccountSettings,
    Adapter,
    Call,
    DeliveryEvent,
    Outgoing,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.emulation import Emulator
from sendyard.providers.registry import SLUGS, adapters, emulators
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse
from tests.providers.wire_pair import TOLD_WHEN_ASKED, account_fields, magic_address, outgoing

each_provider = pytest.mark.parametrize("slug", SLUGS)

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000") + bytes(64) + bytes.fromhex("ffd9")


@dataclass
class Line:
    """One account of one provider: the adapter here, the emulator there, sockets between."""

    adapter: Adapter
    emulator: Emulator
    server: EmulatorServer
    client: aiohttp.ClientSession
    account: AccountSettings
    callback_url: str = ""
    token: str = ""
    exchanges: int = 0

    def open(self, account: AccountSettings) -> None:
        """Go on with another account, as the directory opens it."""
        self.account, self.adapter = account, self.adapter.for_account(account)

    def call(self) -> Call:
        self.exchanges += 1
        return Call(
            account=self.account,
            now=datetime.now(UTC),
            nonce=f"{self.exchanges:016x}",
            exchange_id=f"01a1fbba-0000-7000-8000-{self.exchanges:012d}",
            token=self.token,
            callback_url=self.callback_url,
        )

    async def sign_in(self) -> ProviderError | None:
        """Fetch the token first, where the provider wants one; returns why there is none."""
        if isinstance(self.adapter, TokenAuth) and self.adapter.wants_token(call := self.call()):
            token = self.adapter.parse_token(call, await self.exchange(self.adapter.build_token(call)))
            if isinstance(token, ProviderError):
                return token
            self.token = token.value
        return None

    async def exchange(self, request: HttpRequest) -> HttpResponse:
        async with self.client.request(
            request.method, URL(request.url, encoded=True), headers=request.headers, data=request.body or None
        ) as answer:
            body = await answer.read()
            return HttpResponse(answer.status, {name.lower(): value for name, value in answer.headers.items()}, body)

    async def submit(self, batch: Sequence[Outgoing], call: Call | None = None) -> list[Receipt]:
        if refused := await self.sign_in():
            return [Refused(message.message_id, refused) for message in batch]
        request = self.adapter.build_submit(call or self.call(), batch)
        return self.adapter.parse_submit(batch, await self.exchange(request))

    def batch(self, *special: str) -> list[Outgoing]:
        """As many messages as fit, at most three; recipients with the given magic endings come first."""
        size = min(3, self.adapter.spec.batch.limit)
        messages = [outgoing(self.adapter, self.emulator, count + 1) for count in range(size)]
        for place, ending in enumerate(special):
            to = magic_address(self.adapter, self.emulator, ending)
            messages[place] = replace(messages[place], to=to)
        return messages

    def scenario(self, effect: Effect, **selectors: Any) -> None:
        self.server.world.scenarios.add(Rule(effect=effect, **selectors))

    async def reports_due(self) -> None:
        """Wait until nothing more will happen by itself."""
        world = self.server.world
        for _ in range(12_000):
            if not world.reporter.pending and not world.sender.pending:
                return
            await asyncio.sleep(0.005)
        raise TimeoutError("reports and callbacks do not come to an end")

    @property
    def mailbox(self) -> list[tuple[str, str, str]]:
        return [(letter.received.to, letter.received.text, letter.received.sender) for _, letter in self._letters()]

    def _letters(self) -> Any:
        return self.server.world.mailbox.find(provider=self.adapter.spec.slug)


@pytest.fixture
async def server() -> AsyncIterator[EmulatorServer]:
    async with EmulatorServer(pace=Pace(sent=0.005, final=0.01), retry_scale=0.0001) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def line(slug: str, server: EmulatorServer, client: aiohttp.ClientSession) -> Line:
    """A line without callbacks."""
    adapter, emulator = adapters()[slug], emulators()[slug]
    fields = account_fields(adapter, emulator, callbacks=False)
    account = adapter.Account(base_url=server.base_url(slug), **fields)
    return Line(adapter.for_account(account), emulator, server, client, account)


class Ears:
    """Our side of callbacks: hands each to the adapter and answers as the adapter says."""

    def __init__(self) -> None:
        self.line: Line | None = None
        self.events: list[DeliveryEvent] = []

    async def handle(self, request: web.BaseRequest) -> web.Response:
        assert self.line
        headers = {name.lower(): value for name, value in request.headers.items()}
        url = str(URL(self.line.callback_url).join(URL(request.raw_path, encoded=True)))
        heard = CallbackRequest(request.method, url, request.rel_url.raw_query_string, headers, await request.read())
        result = self.line.adapter.parse_callback(self.line.call(), heard)
        self.events += [event for event in result.events if isinstance(event, DeliveryEvent)]
        return web.Response(status=result.reply.status, headers=dict(result.reply.headers), body=result.reply.body)

    async def catch_up(self, batch: Sequence[Outgoing], receipts: Sequence[Receipt], *, times: int = 1) -> None:
        """Ask for the reports that this provider tells only when asked, once or more often."""
        assert self.line
        adapter = self.line.adapter
        if adapter.spec.slug not in TOLD_WHEN_ASKED:
            return
        assert isinstance(adapter, ReportPolling)
        assert not self.events
        for message, receipt in list(zip(batch, receipts, strict=True)) * times:
            assert isinstance(receipt, Accepted)
            pending = [Pending(message.reference, receipt.provider_ref, message.to, datetime.now(UTC))]
            call = self.line.call()
            answer = await self.line.exchange(adapter.build_poll(call, "", pending))
            poll = adapter.parse_poll(call, pending, answer)
            self.events += [event for event in poll.events if isinstance(event, DeliveryEvent)]

    def of(self, message: Outgoing, receipt: Receipt) -> list[DeliveryEvent]:
        """Events of one message, found by whatever the provider gave."""
        reference = receipt.provider_ref if isinstance(receipt, Accepted) else ""
        return [
            event
            for event in self.events
            if message.reference == event.key.reference
            # One id may stand for a whole batch; then the recipient tells, as in the ledger.
            or (reference == event.key.provider_ref and event.key.recipient in {"", message.to.value})
        ]


@pytest.fixture
async def ears(line: Line) -> AsyncIterator[Ears]:
    """Make the line one with callbacks."""
    listening = Ears()
    runner = web.ServerRunner(web.Server(listening.handle), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    slug = line.adapter.spec.slug
    line.callback_url = f"http://127.0.0.1:{runner.addresses[0][1]}/callbacks/{slug}/tok"
    fields = account_fields(line.adapter, line.emulator, callbacks=True)
    line.open(line.adapter.Account(base_url=line.server.base_url(slug), **fields))
    hosted = line.server.world.hosted[slug]
    line.emulator.register(hosted.state, {**fields, "callback_url": line.callback_url})
    listening.line = line
    yield listening
    await runner.cleanup()


def kinds(receipts: Sequence[Receipt]) -> list[ErrorKind | None]:
    """The refusals' kinds; None for a message that was accepted."""
    assert not [receipt for receipt in receipts if isinstance(receipt, Unknown)], receipts
    return [receipt.error.kind if isinstance(receipt, Refused) else None for receipt in receipts]


@each_provider
async def test_messages_arrive_and_their_reports_come_back(slug: str, line: Line, ears: Ears) -> None:
    batch = line.batch()
    receipts = await line.submit(batch)
    assert kinds(receipts) == [None] * len(batch)
    assert [receipt.message_id for receipt in receipts] == [message.message_id for message in batch]
    sent = [(message.to.value, getattr(message.content, "body", ""), message.sender) for message in batch]
    assert line.mailbox == sent
    await line.reports_due()
    await ears.catch_up(batch, receipts)
    for message, receipt in zip(batch, receipts, strict=True):
        statuses = [event.status for event in ears.of(message, receipt)]
        assert statuses in ([ReportStatus.DELIVERED], [ReportStatus.SENT, ReportStatus.DELIVERED])
    records = line.server.world.sender.records
    assert all(record.accepted and record.tries == 1 for record in records), list(records)


@each_provider
async def test_a_failed_report_brings_its_class(slug: str, line: Line, ears: Ears) -> None:
    line.scenario(Outcome(status="failed", kind=ErrorKind.UNDELIVERABLE))
    (message, *_) = batch = line.batch()
    (receipt, *_) = receipts = await line.submit(batch)
    await line.reports_due()
    await ears.catch_up(batch, receipts)
    final = ears.of(message, receipt)[-1]
    assert final.status is ReportStatus.FAILED
    assert final.error
    assert final.error.kind is ErrorKind.UNDELIVERABLE
    assert line.mailbox == []


@each_provider
async def test_a_report_that_comes_twice_carries_one_key(slug: str, line: Line, ears: Ears) -> None:
    line.scenario(Callbacks(copies=2))
    batch = line.batch()[:1]
    (receipt,) = await line.submit(batch)
    await line.reports_due()
    await ears.catch_up(batch, [receipt], times=2)
    events = ears.of(batch[0], receipt)
    assert len(events) == 2 * len({event.dedupe_key for event in events})


@each_provider
async def test_an_invalid_credential_is_an_account_problem(slug: str, line: Line) -> None:
    secrets = {
        name: SecretStr("invalid-credential")
        for name in line.emulator.sample_account
        if isinstance(getattr(line.account, name), SecretStr)
    }
    line.open(line.account.model_copy(update=secrets))
    assert kinds(await line.submit(line.batch()[:1])) == [ErrorKind.AUTH_FAILED]
    assert line.mailbox == []
    if isinstance(line.adapter, AccountProbe):
        call = line.call()
        result = line.adapter.parse_probe(call, await line.exchange(line.adapter.build_probe(call)))
        assert not result.ok
        assert len(result.detail) > 20


@each_provider
async def test_a_refusal_hits_its_recipient_alone(slug: str, line: Line) -> None:
    batch = line.batch("990001")
    wanted = [ErrorKind.INVALID_RECIPIENT, *[None] * (len(batch) - 1)]
    assert kinds(await line.submit(batch)) == wanted
    assert [to for to, _, _ in line.mailbox] == [message.to.value for message in batch[1:]]


@each_provider
async def test_throttling_is_told_with_its_waiting_time(slug: str, line: Line) -> None:
    line.scenario(Throttle(retry_after=3), count=1)
    line.scenario(Throttle(), count=1)
    batch = line.batch()
    for wait in (3.0, None):
        for receipt in await line.submit(batch):
            assert isinstance(receipt, Refused)
            assert (receipt.error.kind, receipt.error.retry_after) == (ErrorKind.THROTTLED, wait)
    assert kinds(await line.submit(batch)) == [None] * len(batch)


@each_provider
async def test_not_now_is_never_taken_for_acceptance(slug: str, line: Line) -> None:
    line.scenario(Error())
    for receipt in await line.submit(line.batch()):
        if isinstance(receipt, Refused):
            assert receipt.error.kind is ErrorKind.UNAVAILABLE
        else:
            assert isinstance(receipt, Unknown)
    assert line.mailbox == []


@each_provider
@pytest.mark.parametrize("effect", [Error(status=500, accepted=True), Error(status=502), Garbage(accepted=True)])
async def test_an_answer_that_proves_nothing_is_unknown(slug: str, line: Line, effect: Effect) -> None:
    line.scenario(effect)
    batch = line.batch()
    request = line.adapter.build_submit(line.call(), batch)
    response = await line.exchange(request)
    assert _unknown(lambda: line.adapter.parse_submit(batch, response))


def _unknown(parse: Callable[[], list[Receipt]]) -> bool:
    """No receipt, or only `Unknown`: the engine treats a ProtocolError in the same way."""
    try:
        return all(isinstance(receipt, Unknown) for receipt in parse())
    except ProtocolError:
        return True


@each_provider
async def test_repeating_an_exchange_sends_once_where_the_provider_deduplicates(slug: str, line: Line) -> None:
    if not line.adapter.spec.reference.dedup_seconds:
        pytest.skip(f"{slug} does not de-duplicate")
    line.scenario(Error(status=500, accepted=True), count=1)
    batch, call = line.batch(), line.call()
    for _ in range(3):
        await line.submit(batch, call)
    assert [to for to, _, _ in line.mailbox] == [message.to.value for message in batch]


@each_provider
async def test_asking_for_reports_brings_them_until_acknowledged(slug: str, line: Line) -> None:
    adapter = line.adapter
    if not isinstance(adapter, ReportPolling):
        pytest.skip(f"{slug} has no polling")
    message = line.batch()[0]
    if not adapter.reports_on(message.to):
        pytest.skip(f"{slug} tells nothing of messages to one person")
    (receipt,) = await line.submit([message])
    assert isinstance(receipt, Accepted)
    await line.reports_due()
    pending = [Pending(message.reference, receipt.provider_ref, message.to, datetime.now(UTC))]
    asked = pending if adapter.spec.poll_limit else []

    async def ask() -> Poll:
        call = line.call()
        return adapter.parse_poll(call, asked, await line.exchange(adapter.build_poll(call, "", asked)))

    poll = await ask()
    events = [event for event in poll.events if isinstance(event, DeliveryEvent)]
    assert [event.status for event in events] == [ReportStatus.DELIVERED]
    assert receipt.provider_ref == events[0].key.provider_ref or message.reference == events[0].key.reference
    if poll.acknowledge:
        assert (await ask()).events == poll.events
        await line.exchange(poll.acknowledge)
        assert not (await ask()).events


@each_provider
async def test_a_lookup_finds_what_was_accepted_and_nothing_else(slug: str, line: Line) -> None:
    adapter = line.adapter
    if not isinstance(adapter, SubmitLookup):
        pytest.skip(f"{slug} has no lookup")
    submitted_at = datetime.now(UTC)
    sent = line.batch()[0]
    line.scenario(Error(status=500, accepted=True), count=1)
    await line.submit([sent])
    never = replace(sent, to=magic_address(adapter, line.emulator, "990006"), reference="ref-never")
    for message, wanted in ((sent, Found), (never, NotFound)):
        request = adapter.build_lookup(line.call(), message, submitted_at)
        assert isinstance(adapter.parse_lookup(message, submitted_at, await line.exchange(request)), wanted)


@each_provider
async def test_the_balance_is_an_amount(slug: str, line: Line) -> None:
    if not isinstance(line.adapter, BalanceQuery):
        pytest.skip(f"{slug} has no balance query")
    answer = await line.exchange(line.adapter.build_balance(line.call()))
    assert isinstance(line.adapter.parse_balance(answer), Money)


@each_provider
async def test_the_probe_of_a_working_account_succeeds(slug: str, line: Line) -> None:
    if not isinstance(line.adapter, AccountProbe):
        pytest.skip(f"{slug} has no probe")
    call = line.call()
    result = line.adapter.parse_probe(call, await line.exchange(line.adapter.build_probe(call)))
    assert (result.ok, result.error) == (True, None)
    assert result.detail


@each_provider
async def test_an_uploaded_file_gets_a_handle(slug: str, line: Line) -> None:
    if not isinstance(line.adapter, MediaUpload):
        pytest.skip(f"{slug} takes no uploads")
    file = MediaFile(Channel.MMS, "picture.jpg", "image/jpeg", JPEG)
    uploaded = line.adapter.parse_upload(await line.exchange(line.adapter.build_upload(line.call(), file)))
    assert isinstance(uploaded, UploadedMedia)
    assert uploaded.handle


@each_provider
async def test_a_class_of_refusal_arrives_as_that_class(slug: str, line: Line) -> None:
    """A scenario names a class; whatever code the provider has for it, the adapter reads the class again."""
    spec = line.adapter.spec
    message = line.batch()[0]
    for kind in (ErrorKind.NOT_REGISTERED, ErrorKind.CONTENT_REJECTED, ErrorKind.OUT_OF_CREDIT):
        line.server.world.scenarios.reset("0")
        line.scenario(Refuse(kind=kind))
        (found,) = kinds(await line.submit([message]))
        assert found is kind or kind not in {code.meaning for code in spec.codes.values()}, f"{kind} came as {found}"
