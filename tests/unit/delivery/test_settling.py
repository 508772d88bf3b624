"""
From a provider's answer to what is written: every receipt, every consequence for the account.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sendyard.delivery.batches import Batch, build, new_exchange
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.policy import Policy
from sendyard.delivery.roundtrip import round_trip
from sendyard.delivery.settling import Settled, record, settle
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.channels import Purpose
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import AttemptStatus, MessageStatus
from sendyard.ledger.entries import Posting
from sendyard.providers.contract import Accepted, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.wire import HttpRequest, HttpResponse
from sendyard.storage.identifiers import now_ms
from tests.unit.delivery.test_batches import claimed, numbers
from tests.yard import Yard

NOW = 1_785_000_000_000
ANSWER = HttpResponse(200, {}, b"an answer with invented-password in it")


@pytest.fixture
async def account(yard: Yard) -> AccountEntry:
    found = yard.directory.account(await yard.account("mitake", sender="", price_per_part="1.5", currency="TWD"))
    assert found is not None
    return found


def policy() -> Policy:
    return Policy(usable=lambda _account: True, jitter=lambda: 0.5)


def batch_of(account: AccountEntry, count: int = 1, **rest: Any) -> Batch:
    postings = [Posting(message, 1, "") for message in claimed(*numbers(count), **rest)]
    return build(account, new_exchange(account, postings))


def settled(account: AccountEntry, batch: Batch, *receipts: Receipt, response: HttpResponse | None = ANSWER) -> Settled:
    return settle(batch, account, receipts, policy(), now=NOW, response=response)


def ids(batch: Batch) -> list[str]:
    return [outgoing.message_id for outgoing in batch.outgoing]


def no(message_id: str, kind: ErrorKind, **rest: Any) -> Refused:
    return Refused(message_id, ProviderError(kind, "code", "words", **rest))


def test_an_accepted_message_costs_what_the_provider_says(account: AccountEntry) -> None:
    batch = batch_of(account)
    found = settled(account, batch, Accepted(ids(batch)[0], "REF", 2, Money(Decimal("3.10"), "XPT")))
    (outcome,) = found.closing.outcomes
    assert (outcome.provider_ref, outcome.parts, outcome.cost_amount, outcome.cost_currency) == (
        "REF",
        2,
        "3.10",
        "XPT",
    )
    assert (outcome.attempt_status, outcome.message_status) == (AttemptStatus.SENT, MessageStatus.SENT)
    assert (found.closing.status, found.closing.next_try_at, found.healthy) == ("closed", None, True)


def test_else_it_costs_the_account_s_price_a_part(account: AccountEntry) -> None:
    batch = batch_of(account, parts=3)
    (outcome,) = settled(account, batch, Accepted(ids(batch)[0])).closing.outcomes
    assert (outcome.parts, outcome.cost_amount, outcome.cost_currency) == (3, "4.5", "TWD")
    assert outcome.provider_ref is None


def test_without_a_price_the_cost_is_not_known(account: AccountEntry) -> None:
    free = replace(account, price_per_part=None)
    batch = batch_of(free)
    (outcome,) = settled(free, batch, Accepted(ids(batch)[0])).closing.outcomes
    assert (outcome.cost_amount, outcome.cost_currency) == (None, None)


def test_message_in_doubt_is_counted_at_the_account_s_price(account: AccountEntry) -> None:
    batch = batch_of(account, parts=3)
    (outcome,) = settled(account, batch, Unknown(ids(batch)[0], "no answer")).closing.outcomes
    assert (outcome.parts, outcome.cost_amount, outcome.cost_currency) == (3, "4.5", "TWD")
    free = replace(account, price_per_part=None)
    (outcome,) = settled(free, batch, Unknown(ids(batch)[0], "no answer")).closing.outcomes
    assert (outcome.cost_amount, outcome.cost_currency) == (None, None)


def test_each_of_a_batch_gets_its_own_outcome(account: AccountEntry) -> None:
    batch = batch_of(account, 4)
    one, two, three, four = ids(batch)
    found = settled(
        account,
        batch,
        Accepted(one, "R"),
        no(two, ErrorKind.OPTED_OUT),
        no(three, ErrorKind.THROTTLED),
        Unknown(four, "no block for invented-password"),
    )
    assert [outcome.message_status.value for outcome in found.closing.outcomes] == [
        "sent",
        "failed",
        "queued",
        "unknown",
    ]
    assert found.opted_out == [numbers(4)[1]]
    assert (found.closing.status, found.closing.next_try_at) == ("doubtful", NOW + 3000)
    silence = found.closing.outcomes[3].error
    assert silence is not None
    assert silence.detail == "no block for •••"


@pytest.mark.parametrize(
    ("receipts", "healthy"),
    [
        ([ErrorKind.UNAVAILABLE, ErrorKind.UNAVAILABLE], False),
        ([None, None], False),  # silence
        ([ErrorKind.UNAVAILABLE, None], False),
        ([ErrorKind.UNAVAILABLE, ErrorKind.INVALID_RECIPIENT], True),
        ([None, ErrorKind.THROTTLED], True),
    ],
)
def test_only_an_answer_about_the_message_shows_that_the_provider_is_there(
    account: AccountEntry, receipts: Sequence[ErrorKind | None], healthy: bool
) -> None:
    batch = batch_of(account, 2)
    given = [
        no(message_id, kind) if kind else Unknown(message_id, "nothing")
        for message_id, kind in zip(ids(batch), receipts, strict=True)
    ]
    assert settled(account, batch, *given).healthy is healthy


@pytest.mark.parametrize(("asked", "held"), [(None, 1.0), (0.0, 0.0), (7.5, 7.5)])
def test_being_too_fast_holds_the_account(account: AccountEntry, asked: float | None, held: float) -> None:
    batch = batch_of(account, 2)
    one, two = ids(batch)
    found = settled(account, batch, no(one, ErrorKind.THROTTLED, retry_after=asked), Accepted(two))
    assert found.hold == held


@pytest.mark.parametrize("kind", [ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT])
async def test_an_account_that_needs_repair_is_paused_with_the_reason(
    yard: Yard, account: AccountEntry, kind: ErrorKind
) -> None:
    batch = batch_of(account)
    refused = Refused(ids(batch)[0], ProviderError(kind, "not listed", "wrong password invented-password"))
    found = settled(account, batch, refused)
    await yard.database.write(lambda tx: record(tx, [(account, found)], now=now_ms()))
    assert yard.rows("SELECT status, pause_reason FROM accounts") == [("paused", f"{kind}: wrong password •••")]
    # A second one does not overwrite who paused it first.
    other = settled(account, batch, Refused(ids(batch)[0], ProviderError(kind, "later", "")))
    await yard.database.write(lambda tx: record(tx, [(account, other)], now=now_ms()))
    assert yard.rows("SELECT pause_reason FROM accounts") == [(f"{kind}: wrong password •••",)]


async def test_the_reason_of_a_pause_says_what_to_do_where_the_code_is_known(yard: Yard, account: AccountEntry) -> None:
    batch = batch_of(account)
    code, known = next(
        (code, known) for code, known in account.adapter.spec.codes.items() if known.meaning is ErrorKind.AUTH_FAILED
    )
    found = settled(account, batch, Refused(ids(batch)[0], ProviderError(ErrorKind.AUTH_FAILED, code, "Not you.")))
    await yard.database.write(lambda tx: record(tx, [(account, found)], now=now_ms()))
    assert yard.rows("SELECT pause_reason FROM accounts") == [(f"auth_failed: Not you. {known.advice}",)]


async def test_who_opted_out_is_on_the_list_once(yard: Yard, account: AccountEntry) -> None:
    batch = batch_of(account)
    found = settled(account, batch, no(ids(batch)[0], ErrorKind.OPTED_OUT))
    for _ in range(2):
        await yard.database.write(lambda tx: record(tx, [(account, found)], now=now_ms()))
    assert yard.rows("SELECT address, channel, reason, source FROM suppressions") == [
        (numbers(1)[0], "", "opted_out", f"provider:{account.name}")
    ]


@pytest.mark.parametrize(
    ("kind", "still"),
    [(kind, kind in {"throttled", "unavailable", "auth_failed", "out_of_credit"}) for kind in ErrorKind],
)
def test_refusing_a_repetition_settles_the_first_try_only_if_it_judges_the_message(
    account: AccountEntry, kind: ErrorKind, still: bool
) -> None:
    batch = batch_of(account)
    batch.exchange.postings[0].in_doubt = True
    found = settled(account, batch, no(ids(batch)[0], kind))
    assert (found.closing.outcomes[0].message_status is MessageStatus.UNKNOWN) is still
    assert (found.closing.status == "doubtful") is still


def test_the_exchange_is_kept_without_secrets(account: AccountEntry) -> None:
    batch = batch_of(account)
    closing = settled(account, batch, Accepted(ids(batch)[0])).closing
    assert closing.http_status == 200
    assert closing.response == "an answer with ••• in it"
    assert closing.request is not None
    assert "hello" in closing.request
    assert "invented-password" not in closing.request


def test_a_one_time_code_is_not_kept_in_the_log(account: AccountEntry) -> None:
    batch = batch_of(account, purpose=Purpose.OTP)
    closing = settled(account, batch, Accepted(ids(batch)[0])).closing
    assert closing.request is not None
    assert "hello" not in closing.request
    assert closing.response is None


def test_without_an_answer_there_is_none_to_keep(account: AccountEntry) -> None:
    batch = batch_of(account)
    closing = settled(account, batch, Unknown(ids(batch)[0], "silence"), response=None).closing
    assert (closing.http_status, closing.response) == (None, None)


def test_a_missing_report_is_asked_for_after_the_providers_usual_time(account: AccountEntry) -> None:
    spec = account.adapter.spec
    batch = batch_of(account)
    (outcome,) = settled(account, batch, Accepted(ids(batch)[0])).closing.outcomes
    assert outcome.poll_at == NOW + int(1000 * spec.confirm_within)
    unreachable = replace(account, callback_url="")
    (outcome,) = settled(unreachable, batch, Accepted(ids(batch)[0])).closing.outcomes
    assert outcome.poll_at == NOW + int(1000 * spec.poll_delays[0])


async def test_providers_that_hand_out_what_they_have_are_not_asked_for_one(yard: Yard) -> None:
    account = yard.directory.account(await yard.account("bizgo", sender="15880000"))
    assert account is not None
    postings = [Posting(message, 1, "15880000") for message in claimed("+821011111111")]
    batch = build(account, new_exchange(account, postings))
    (outcome,) = settled(account, batch, Accepted(ids(batch)[0])).closing.outcomes
    assert outcome.poll_at is None


class Wire(Transport):
    """Answers, or fails, as it is told."""

    def __init__(self, answer: HttpResponse | Exception) -> None:
        super().__init__()
        self.answer = answer

    async def exchange(self, request: HttpRequest, timeout: object) -> HttpResponse:  # noqa: ASYNC109
        del request, timeout
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_whatever_happens_every_message_gets_a_receipt(
    account: AccountEntry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    batch = batch_of(account, 3)
    kind = type(account.adapter)

    async def receipts(answer: HttpResponse | Exception, parse: Any = None) -> list[Receipt]:
        with monkeypatch.context() as patch:
            if parse:
                patch.setattr(kind, "parse_submit", parse)
            found, response = await round_trip(Wire(answer), account, batch)
        assert [receipt.message_id for receipt in found] == ids(batch)
        assert (response is None) == isinstance(answer, Exception)
        return found

    not_sent = await receipts(NotSent("no connection: refused"))
    assert {receipt.error.kind for receipt in not_sent if isinstance(receipt, Refused)} == {ErrorKind.UNAVAILABLE}
    assert all(isinstance(receipt, Refused) for receipt in not_sent)
    assert all(isinstance(receipt, Unknown) for receipt in await receipts(Lost("reset")))

    def unreadable(*_: object) -> None:
        raise ProtocolError("found invented-password")

    silent = await receipts(ANSWER, unreadable)
    assert {receipt.reason for receipt in silent if isinstance(receipt, Unknown)} == {"unreadable answer: found •••"}

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    assert all(isinstance(receipt, Unknown) for receipt in await receipts(ANSWER, defect))
    assert "could not read an answer" in caplog.text

    def forgetful(_self: object, given: Sequence[Any], _response: object) -> list[Receipt]:
        return [Accepted(given[2].message_id), Accepted(given[0].message_id)]

    assert [type(receipt) for receipt in await receipts(ANSWER, forgetful)] == [Accepted, Unknown, Accepted]
