"""
What happens to a message at the emulated Mitake reaches the adapter, by scenario, callback and poll.
"""

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import Accepted, DeliveryEvent, Refused, Unknown
from sendyard.providers.emulation import Received, Refusal, Report
from sendyard.providers.mitake import ADAPTER, EMULATOR
from sendyard.providers.mitake.counter import MitakeState
from sendyard.providers.wire import CallbackRequest
from tests.providers.mitake_wire import NOW, arrive, call, outgoing, submit


def settled(state: MitakeState, received: Received, report: Report) -> tuple[DeliveryEvent, DeliveryEvent]:
    """One report as the callback tells it and as the poll tells it."""
    callback = EMULATOR.settle(state, received, report)
    assert callback is not None
    query = callback.url.partition("?")[2]
    result = ADAPTER.parse_callback(call(), CallbackRequest("GET", callback.url, query, {}, b""))
    assert EMULATOR.callback_accepted(received, result.reply)
    pending = [Pending(received.reference, received.provider_ref, Address.phone(received.to), NOW)]
    polled = EMULATOR.handle(arrive(ADAPTER.build_poll(call(), "", pending)), state)
    [by_poll] = ADAPTER.parse_poll(call(), pending, polled.response).events
    [by_callback] = result.events
    assert isinstance(by_callback, DeliveryEvent)
    assert isinstance(by_poll, DeliveryEvent)
    return by_callback, by_poll


@pytest.mark.parametrize(
    ("report", "status", "kind", "code"),
    [
        (Report(ReportStatus.SENT, NOW), "sent", None, "1"),
        (Report(ReportStatus.DELIVERED, NOW), "delivered", None, "4"),
        (Report(ReportStatus.READ, NOW), "delivered", None, "4"),
        (Report(ReportStatus.FAILED, NOW), "failed", "undeliverable", "8"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.UNDELIVERABLE), "failed", "undeliverable", "8"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.INVALID_RECIPIENT), "failed", "invalid_recipient", "6"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.BLOCKED), "failed", "blocked", "7"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.CONTENT_REJECTED), "failed", "content_rejected", "5"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.EXPIRED), "failed", "expired", "9"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.OUT_OF_CREDIT), "failed", "undeliverable", "8"),
        (Report(ReportStatus.FAILED, NOW, None, "*"), "failed", "unavailable", "*"),
        (Report(ReportStatus.UNMAPPED, NOW), "unmapped", "unmapped", "g"),
    ],
)
def test_a_report_reaches_the_adapter_alike_by_callback_and_by_poll(
    report: Report, status: str, kind: str | None, code: str
) -> None:
    state = EMULATOR.new_state()
    _, handled = submit(state, [outgoing()])
    for event in settled(state, handled.received[0], report):
        assert (event.status, event.raw_status, event.error.kind if event.error else None) == (status, code, kind)
        assert (event.key.provider_ref, event.key.recipient) == ("0000000001", "+886900000001")
        assert (event.occurred_at, event.dedupe_key) == (NOW, f"0000000001:{code}")


def test_a_late_word_of_the_carrier_does_not_undo_a_delivery_in_the_query() -> None:
    state = EMULATOR.new_state()
    _, handled = submit(state, [outgoing()])
    settled(state, handled.received[0], Report(ReportStatus.DELIVERED, NOW))
    by_callback, by_poll = settled(state, handled.received[0], Report(ReportStatus.SENT, NOW))
    assert (by_callback.status, by_poll.status) == (ReportStatus.SENT, ReportStatus.DELIVERED)


def test_without_a_response_address_there_is_no_callback() -> None:
    state = EMULATOR.new_state()
    _, handled = submit(state, [outgoing()], call(callback_url=""))
    assert EMULATOR.settle(state, handled.received[0], Report(ReportStatus.DELIVERED, NOW)) is None
    assert state.messages["0000000001"].code == "4"


@pytest.mark.parametrize("kind", [kind for kind in ErrorKind if kind is not ErrorKind.UNMAPPED])
def test_a_scenario_that_refuses_one_recipient_spares_the_others(kind: ErrorKind) -> None:
    batch = [outgoing(1), outgoing(2), outgoing(3)]
    receipts, handled = submit(
        EMULATOR.new_state(), batch, refusal=lambda to: Refusal(kind) if to == "+886900000002" else None
    )
    first, refused, last = receipts
    assert isinstance(first, Accepted)
    assert isinstance(last, Accepted)
    assert isinstance(refused, Refused)
    # Mitake has no code of its own for these; the nearest stands for them.
    nearest = {
        ErrorKind.OPTED_OUT: ErrorKind.BLOCKED,
        ErrorKind.NOT_REGISTERED: ErrorKind.CONTENT_REJECTED,
        ErrorKind.REGISTRY_REFUSED: ErrorKind.CONTENT_REJECTED,
    }
    assert refused.error.kind is nearest.get(kind, kind)
    assert [one.to for one in handled.received] == ["+886900000001", "+886900000003"]


def test_a_scenario_may_name_the_code_itself_or_ask_for_one_nobody_knows() -> None:
    [receipt], _ = submit(EMULATOR.new_state(), [outgoing()], refusal=lambda _to: Refusal(ErrorKind.EXPIRED, "t"))
    assert isinstance(receipt, Refused)
    assert receipt.error.code == "t"
    [receipt], _ = submit(EMULATOR.new_state(), [outgoing()], refusal=lambda _to: Refusal(ErrorKind.UNMAPPED))
    assert isinstance(receipt, Unknown)


def test_a_single_send_refused_for_its_account_is_answered_without_a_block() -> None:
    request = ADAPTER.build_submit(call(), [outgoing()])
    refusing = arrive(request, refusal=lambda _to: Refusal(ErrorKind.AUTH_FAILED))
    answer = EMULATOR.handle(refusing, EMULATOR.new_state()).response
    assert answer.body.decode("cp950") == "statuscode=e\r\nError=帳號、密碼錯誤\r\n"


def test_throttling_and_pauses_are_told_in_mitakes_form() -> None:
    batch = [outgoing(1), outgoing(2)]
    request = arrive(ADAPTER.build_submit(call(), batch))
    for wait in (None, 4.0):
        receipts = ADAPTER.parse_submit(batch, EMULATOR.throttled(request, wait))
        errors = [one.error for one in receipts if isinstance(one, Refused)]
        assert [(one.kind, one.code, one.retry_after) for one in errors] == [("throttled", "l", wait)] * 2
    receipts = ADAPTER.parse_submit(batch, EMULATOR.unavailable(request))
    assert [one.error.kind for one in receipts if isinstance(one, Refused)] == ["unavailable"] * 2
