"""
Messages to an audience, between LINE's adapter and its emulator: sent once, worked off by people, told when asked.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.errors import ErrorKind
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import Accepted, AccountNotice, CallbackEvent, DeliveryEvent, Receipt, Refused
from sendyard.providers.emulation import Received, Refusal, Report
from sendyard.providers.line import ADAPTER, EMULATOR
from sendyard.providers.line.emulated_channel import LineState
from sendyard.providers.line.spec import PERSON
from tests.providers.line_wire import NOW, account, arrive, ask, call, document, outgoing, person, submit

AUDIENCE = "audience:5614991017776"


def progress_of(state: LineState, receipt: Receipt) -> list[CallbackEvent]:
    assert isinstance(receipt, Accepted)
    pending = [Pending("ref-1", receipt.provider_ref, outgoing(to=AUDIENCE).to, NOW)]
    answer = EMULATOR.handle(arrive(ADAPTER.build_poll(call(), "", pending)), state).response
    return list(ADAPTER.parse_poll(call(), pending, answer).events)


def statuses(events: list[CallbackEvent]) -> list[str]:
    return [event.raw_status for event in events if isinstance(event, DeliveryEvent)]


def settle_all(state: LineState, received: Sequence[Received], status: ReportStatus) -> None:
    for one in received:
        assert EMULATOR.settle(state, one, Report(status, NOW)) is None


def test_a_narrowcast_reaches_its_audience_person_by_person_and_tells_how_many() -> None:
    state = EMULATOR.new_state()
    (receipt,), handled = submit(state, [outgoing("Sale", to=AUDIENCE)])
    people = handled.received
    assert len({one.to for one in people}) == 50
    assert all(PERSON.fullmatch(one.to) and one.text == "Sale" for one in people)
    assert statuses(progress_of(state, receipt)) == ["waiting"]
    settle_all(state, people, ReportStatus.SENT)
    assert statuses(progress_of(state, receipt)) == ["sending"]
    settle_all(state, people[:2], ReportStatus.FAILED)
    settle_all(state, people[2:], ReportStatus.DELIVERED)
    settle_all(state, people[2:], ReportStatus.READ)
    report, notice = progress_of(state, receipt)
    assert isinstance(report, DeliveryEvent)
    assert isinstance(notice, AccountNotice)
    assert (report.status, report.key.recipient) == (ReportStatus.DELIVERED, AUDIENCE)
    assert (notice.facts["reached"], notice.facts["missed"], notice.facts["meant"]) == ("48", "2", "50")
    assert notice.detail == f"A message to {AUDIENCE} reached 48 of 50 people."


def test_a_narrowcast_that_is_repeated_is_sent_once() -> None:
    state = EMULATOR.new_state()
    (first,), _ = submit(state, [outgoing(to=AUDIENCE)])
    (again,), handled = submit(state, [outgoing(to=AUDIENCE)])
    assert (again, list(handled.received)) == (first, [])


def test_an_audience_that_is_too_small_fails_later() -> None:
    state = EMULATOR.new_state()
    people = {"7": [person(number) for number in range(1, 50)], "8": [person(number) for number in range(1, 51)]}
    EMULATOR.register(state, {**EMULATOR.sample_account, "audiences": people, "blocked": people["8"]})
    (small,), handled = submit(state, [outgoing(to="audience:7")])
    assert list(handled.received) == []
    (failed,) = progress_of(state, small)
    assert isinstance(failed, DeliveryEvent)
    assert failed.error
    assert (failed.status, failed.error.code) == (ReportStatus.FAILED, "narrowcast:4")
    (blocked,), _ = submit(state, [outgoing(to="audience:8")], call(exchange=2))
    failed = progress_of(state, blocked)[0]
    assert isinstance(failed, DeliveryEvent)
    assert failed.error
    assert failed.error.code == "nobody_reached"
    (unknown,), _ = submit(state, [outgoing(to="audience:9")], call(exchange=3))
    assert isinstance(unknown, Refused)
    assert unknown.error.kind is ErrorKind.CONTENT_REJECTED


def test_narrowcasts_are_limited_by_the_hour_and_by_the_month() -> None:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {**EMULATOR.sample_account, "audiences": True, "monthly_limit": 60})
    kinds = []
    for exchange in range(1, 63):
        (receipt,), _ = submit(state, [outgoing(to=AUDIENCE)], call(exchange=exchange))
        kinds.append(receipt.error.kind if isinstance(receipt, Refused) else None)
    assert (kinds[0], set(kinds[1:60]), set(kinds[60:])) == (None, {ErrorKind.OUT_OF_CREDIT}, {ErrorKind.THROTTLED})
    later = call(exchange=99, now=NOW + timedelta(minutes=1))
    (receipt,), _ = submit(state, [outgoing(to=AUDIENCE)], later)
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.OUT_OF_CREDIT


@pytest.mark.parametrize(
    "recipient",
    [None, {"type": "operator", "and": []}, {"type": "audience"}, {"type": "audience", "audienceGroupId": True}],
)
def test_a_narrowcast_wants_one_audience(recipient: Any) -> None:
    body = {"messages": [{"type": "text", "text": "Sale"}], "recipient": recipient}
    answer = ask(EMULATOR.new_state(), "POST", "/v2/bot/message/narrowcast", body)
    assert (answer.status, document(answer)["details"][0]["property"]) == (400, "recipient")


def test_progress_is_told_of_ones_own_narrowcasts_only() -> None:
    state = EMULATOR.new_state()
    (receipt,), _ = submit(state, [outgoing(to=AUDIENCE)])
    assert isinstance(receipt, Accepted)
    path = "/v2/bot/message/progress/narrowcast"
    assert ask(state, "GET", f"{path}?requestId={receipt.provider_ref}").status == 200
    assert ask(state, "GET", f"{path}?requestId={receipt.provider_ref}", token="another-channel").status == 404
    assert ask(state, "GET", path).status == 400


def test_a_scenario_may_refuse_an_audience_or_some_of_its_people() -> None:
    state = EMULATOR.new_state()
    (refused,), _ = submit(
        state,
        [outgoing(to=AUDIENCE)],
        refusal=lambda to: Refusal(ErrorKind.UNSUPPORTED) if to == AUDIENCE else None,
    )
    assert isinstance(refused, Refused)
    (_,), handled = submit(
        state,
        [outgoing(to=AUDIENCE)],
        call(exchange=2),
        refusal=lambda to: Refusal(ErrorKind.INVALID_RECIPIENT) if to.endswith("7") else None,
    )
    assert len(handled.received) == 45


def test_only_messages_to_audiences_are_asked_about() -> None:
    assert ADAPTER.reports_on(outgoing(to=AUDIENCE).to)
    assert not ADAPTER.reports_on(outgoing().to)


def test_an_account_must_allow_audiences_because_opt_outs_do_not_hold_there() -> None:
    (problem,) = ADAPTER.check(account(), outgoing(to=AUDIENCE))
    assert problem.code == "audience_not_allowed"
    assert "opt-outs" in problem.detail
    assert ADAPTER.check(account(audiences=True), outgoing(to=AUDIENCE)) == []


def test_an_audience_shares_its_call_with_nobody() -> None:
    keys = {ADAPTER.batch_key(outgoing(to=to, number=number)) for number, to in enumerate([AUDIENCE, "", "audience:7"])}
    assert len(keys) == 3


def test_statistics_units_stay_away_from_narrowcasts() -> None:
    """LINE takes `customAggregationUnits` with push and multicast only."""
    settings = account(audiences=True, aggregation_unit="camp42", silent=True)
    request = ADAPTER.build_submit(call(settings), [outgoing(to=AUDIENCE)])
    assert b"customAggregationUnits" not in request.body
    assert b'"notificationDisabled":true' in request.body
