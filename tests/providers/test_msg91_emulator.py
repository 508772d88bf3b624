"""
The emulated MSG91: hollow success, the log that tells the truth, and all shapes of callbacks.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import (
    Found,
    Inconclusive,
    NotFound,
    Token,
)
from sendyard.providers.contract import Accepted, DeliveryEvent, Outgoing, Refused, Unknown
from sendyard.providers.emulation import EmulatedRequest, Refusal, Report
from sendyard.providers.msg91 import ADAPTER, EMULATOR
from sendyard.providers.msg91.emulated_state import SAMPLE_TEMPLATE
from tests.providers.msg91_wire import KEY, ORDER, ORDER_TEMPLATE, Yard, events, page, said, statuses
from tests.providers.wire_pair import CALLBACK_URL


def test_a_wrong_key_is_answered_with_success_and_nothing_is_sent() -> None:
    yard = Yard().with_key("invalid-key")
    message = yard.outgoing()
    (receipt,) = ADAPTER.parse_submit([message], yard.exchange(ADAPTER.build_submit(yard.call(), [message])))
    assert isinstance(receipt, Accepted)
    assert yard.received == []


def test_the_check_before_sending_finds_a_wrong_key() -> None:
    yard = Yard().with_key("invalid-key")
    call = yard.call()
    found = ADAPTER.parse_token(call, yard.exchange(ADAPTER.build_token(call)))
    assert isinstance(found, ProviderError)
    assert found.kind is ErrorKind.AUTH_FAILED
    right = Yard()
    call = right.call()
    assert isinstance(ADAPTER.parse_token(call, right.exchange(ADAPTER.build_token(call))), Token)


def test_an_account_that_is_not_hollow_refuses_what_others_drop() -> None:
    yard = Yard(hollow=False, credit=0)
    (receipt,) = yard.send()
    assert isinstance(receipt, Refused)
    assert receipt.error.kind is ErrorKind.OUT_OF_CREDIT
    assert said(yard.ask("POST", "/v5/flow", body={"template_id": ORDER}))["message"].startswith("Template ID Missing")
    assert yard.ask("POST", "/v5/flow", body={}, key="somebody-else").status == 401
    assert yard.ask("POST", "/v5/flow", body={}, key="").status == 401


def test_an_unknown_template_is_dropped_in_silence_unless_an_immediate_answer_was_asked_for() -> None:
    yard = Yard()
    unknown = {"template_id": ORDER, "recipients": [{"mobiles": "919876543210"}]}
    assert said(yard.ask("POST", "/v5/flow/", body=unknown))["type"] == "success"
    asked = yard.ask("POST", "/v5/flow", body={**unknown, "realTimeResponse": "1"})
    assert (asked.status, said(asked)["type"]) == (400, "error")
    message = replace(yard.outgoing(), content=TemplateRef(ORDER))
    (receipt,) = yard.send(message)
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.code) == (ErrorKind.NOT_REGISTERED, "211")
    assert yard.received == []


def test_without_credit_a_send_succeeds_and_the_log_shows_after_two_hours_that_it_was_dropped() -> None:
    yard = Yard(credit=0)
    message = yard.outgoing()
    (receipt,) = yard.send(message)
    assert yard.received == []
    assert statuses(yard.poll(receipt, message)) == []
    (event,) = events(yard.poll(receipt, message, later=timedelta(hours=2)))
    assert event.error
    assert (event.key.reference, event.error.code) == (message.reference, "not_in_log")


def test_each_recipient_gets_its_own_values_under_the_header_of_the_template() -> None:
    yard = Yard(templates=[ORDER_TEMPLATE])
    batch = [
        replace(yard.outgoing(count), sender="", content=TemplateRef(ORDER, variables={"name": name, "order": order}))
        for count, (name, order) in enumerate([("Asha", "A-17"), ("Ravi", "##name##")], 1)
    ]
    receipts = yard.send(*batch)
    assert [(one.text, one.sender, one.reference) for one in yard.received] == [
        ("Dear Asha, order A-17 is out for delivery. - ACMEIN", "ACMEIN", "ref-000001"),
        ("Dear Ravi, order ##name## is out for delivery. - ACMEIN", "ACMEIN", "ref-000002"),
    ]
    refs = {receipt.provider_ref for receipt in receipts if isinstance(receipt, Accepted)}
    assert refs == {one.provider_ref for one in yard.received}
    assert len(refs) == 1


def test_a_misspelled_variable_arrives_blank_and_the_version_check_says_so_before() -> None:
    yard = Yard(templates=[ORDER_TEMPLATE])
    content = TemplateRef(ORDER, variables={"Name": "Asha", "order": "A-17"})
    yard.send(replace(yard.outgoing(), content=content))
    assert yard.received[0].text == "Dear , order A-17 is out for delivery. - ACMEIN"
    (template,) = page(yard, ORDER).templates
    assert [problem.code for problem in ADAPTER.fits(template, content)] == ["template_variables_misspelled"]


def test_the_older_name_of_the_template_and_request_wide_ids_are_understood() -> None:
    yard = Yard()
    body = {"flow_id": SAMPLE_TEMPLATE, "CRQID": "all", "recipients": [{"mobiles": "919876543210", "text": 7}]}
    assert said(yard.ask("POST", "/v5/flow", body=body))["type"] == "success"
    assert [(one.text, one.reference) for one in yard.received] == [("7", "all")]
    body["CRQID"] = "not allowed !"
    yard.ask("POST", "/v5/flow", body=body)
    assert yard.received[1].reference == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipients": []}, "101"),
        ({"recipients": "919876543210"}, "101"),
        ({"recipients": [{"mobile": "919876543210"}]}, "101"),
        ({"recipients": [{"mobiles": "+91 98"}]}, "202"),
        ({"sender": "OTHERX"}, "203"),
    ],
)
def test_a_request_that_misses_something_is_refused(changes: dict[str, Any], code: str) -> None:
    yard = Yard(senders=["ACMEIN"])
    good = {"template_id": SAMPLE_TEMPLATE, "recipients": [{"mobiles": "919876543210", "text": "x"}]}
    assert said(yard.ask("POST", "/v5/flow", body={**good, **changes}))["code"] == code
    assert yard.received == []
    assert said(yard.ask("POST", "/v5/flow", body=good))["type"] == "success"


def test_a_bad_number_among_good_ones_shows_only_in_the_log() -> None:
    yard = Yard()
    batch = [yard.outgoing(count) for count in (1, 2, 3)]
    bad = batch[1].to.value
    receipts = yard.submit(batch, lambda to: Refusal(ErrorKind.INVALID_RECIPIENT, "INVALID-SUB") if to == bad else None)
    assert [type(receipt) for receipt in receipts] == [Accepted] * 3
    assert [one.to for one in yard.received] == [batch[0].to.value, batch[2].to.value]
    poll = yard.poll(receipts[0], batch[0])
    assert statuses(poll) == ["sent", "INVALID-SUB", "sent"]
    assert [event.key.reference for event in events(poll)] == [message.reference for message in batch]
    assert events(poll)[1].status is ReportStatus.FAILED
    recipients = [{"mobiles": "919876543210", "text": "x"}, {"mobiles": "12", "text": "y"}]
    yard.ask("POST", "/v5/flow", body={"template_id": SAMPLE_TEMPLATE, "recipients": recipients})
    assert len(yard.received) == 3


def test_the_same_request_within_ten_seconds_is_discarded_and_leaves_the_outcome_open() -> None:
    yard = Yard()
    message = yard.outgoing()
    yard.send(message)
    (receipt,) = yard.send(message)
    assert isinstance(receipt, Unknown)
    yard.now += timedelta(seconds=9)
    assert isinstance(yard.send(message)[0], Accepted)
    assert len(yard.received) == 2


def test_credit_falls_by_parts_and_the_balance_shows_it() -> None:
    yard = Yard(credit=10)
    yard.send(yard.outgoing(1, "x" * 161))
    answer = yard.exchange(ADAPTER.build_balance(yard.call()))
    assert answer.headers["content-type"].startswith("text/plain")
    found = ADAPTER.parse_balance(answer)
    assert isinstance(found, Money)
    assert str(found) == "8 XPT"
    assert yard.ask("GET", "/balance.php", "type=9").body == b"107"
    assert yard.ask("GET", "/balance.php", f"type=1&authkey={KEY}", key="").body == b"8"
    assert b"Invalid" in yard.ask("GET", "/balance.php", "type=4", key="").body


def test_an_address_that_is_not_allowed_gets_418_from_every_call() -> None:
    yard = Yard(unlisted_ip=True)
    (receipt,) = yard.send()
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.code) == (ErrorKind.AUTH_FAILED, "418")
    assert yard.ask("GET", "/validate.php").body == b"418"
    for method, path in (
        ("GET", "/balance.php"),
        ("POST", "/v5/otp"),
        ("POST", "/v5/report/logs/p/sms"),
        ("GET", "/v5/sms/getTemplateVersions"),
    ):
        assert said(yard.ask(method, path))["apiError"] == "418", path
    probe = ADAPTER.parse_probe(yard.call(), yard.exchange(ADAPTER.build_probe(yard.call())))
    assert not probe.ok
    assert "allow-list" in probe.detail


@pytest.mark.parametrize("path", ["/v5/report/logs/p/sms", "/v5/sms/getTemplateVersions", "/v5/report/logs/otp"])
def test_everything_but_a_send_authenticates(path: str) -> None:
    yard = Yard()
    assert said(yard.ask("GET", path, key=""))["apiError"] == "106"
    assert said(yard.ask("GET", path, key="invalid"))["apiError"] == "201"
    assert said(Yard(credit=1).ask("GET", path, key="nobody"))["apiError"] == "201"


@pytest.mark.parametrize("path", ["/v5/balance", "/v5/report/delivery", "/v5/template", "/v5/flow/x", "/v2/sendsms"])
def test_paths_of_older_documents_do_not_exist(path: str) -> None:
    assert Yard().ask("GET", path).status == Yard().ask("POST", path).status == 404


def test_a_call_by_another_method_does_not_exist() -> None:
    for method, path in (("GET", "/v5/flow"), ("DELETE", "/v5/otp"), ("POST", "/validate.php"), ("PUT", "/v5/otp")):
        assert Yard().ask(method, path).status == 404, path


@pytest.mark.parametrize("fields", [{}, {"authkey": "two words"}, {"authkey": KEY, "webhook": "v9"}, {"authkey": 7}])
def test_an_unusable_account_is_not_registered(fields: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        EMULATOR.register(EMULATOR.new_state(), fields)


def test_the_log_wants_days_and_takes_three_at_most() -> None:
    yard = Yard()
    for query in ("", "startDate=2026-11-20", "startDate=today&endDate=2026-11-21"):
        assert "required" in said(yard.ask("GET", "/v5/report/logs/p/sms", query))["message"]
    for first in ("2026-11-17", "2026-11-22"):
        asked = yard.ask("POST", "/v5/report/logs/p/sms", body={"startDate": first, "endDate": "2026-11-21"})
        assert "3 days" in said(asked)["message"]


def test_the_log_repeats_its_answer_to_the_same_question_for_a_while() -> None:
    yard = Yard(log_cache_seconds=120)
    query = "startDate=2026-11-21&endDate=2026-11-21"

    def shown() -> int:
        return len(said(yard.ask("GET", "/v5/report/logs/p/sms", query))["data"])

    assert shown() == 0
    yard.send()
    assert shown() == 0
    yard.now += timedelta(seconds=120)
    assert shown() == 1


def test_reports_are_in_the_log_until_the_last_one_for_good() -> None:
    yard = Yard()
    message = yard.outgoing()
    (receipt,) = yard.send(message)
    assert statuses(yard.poll(receipt, message)) == ["sent"]
    assert yard.settle(Report(ReportStatus.SENT, yard.now)) is None
    assert statuses(yard.poll(receipt, message)) == ["sent"]
    yard.delivered()
    yard.settle(Report(ReportStatus.SENT, yard.now))
    (event,) = events(yard.poll(receipt, message))
    assert (event.status, event.raw_status) == (ReportStatus.DELIVERED, "Delivered")
    assert event.occurred_at
    assert abs(event.occurred_at - yard.now) < timedelta(seconds=5)
    yard.settle(Report(ReportStatus.UNMAPPED, yard.now))
    assert statuses(yard.poll(receipt, message)) == ["delivered"]


def test_an_undocumented_state_is_shown_and_changes_nothing() -> None:
    yard = Yard()
    message = yard.outgoing()
    (receipt,) = yard.send(message)
    yard.settle(Report(ReportStatus.UNMAPPED, yard.now))
    assert statuses(yard.poll(receipt, message)) == ["unmapped"]


def test_a_lookup_finds_what_was_taken_and_rules_out_only_what_younger_messages_outlived() -> None:
    yard = Yard()
    taken, never = yard.outgoing(1), yard.outgoing(2)
    (receipt,) = yard.send(taken)
    submitted_at = yard.now

    def asked(message: Outgoing) -> object:
        request = ADAPTER.build_lookup(yard.call(), message, submitted_at)
        return ADAPTER.parse_lookup(message, submitted_at, yard.exchange(request))

    found = asked(taken)
    assert isinstance(found, Found)
    assert isinstance(receipt, Accepted)
    assert found.provider_ref == receipt.provider_ref
    assert isinstance(asked(never), Inconclusive)
    yard.now += timedelta(minutes=1)
    yard.send(yard.outgoing(3))
    assert isinstance(asked(never), NotFound)


@pytest.mark.parametrize("webhook", ["v2", "v3", "v4", "new"])
def test_every_generation_of_callbacks_says_the_same(webhook: str) -> None:
    yard = Yard(webhook=webhook)
    batch = [yard.outgoing(1), yard.outgoing(2), yard.outgoing(3)]
    yard.send(*batch)
    reports = [
        Report(ReportStatus.DELIVERED, yard.now),
        Report(ReportStatus.FAILED, yard.now, ErrorKind.CONTENT_REJECTED, "633"),
        Report(ReportStatus.FAILED, yard.now, ErrorKind.UNDELIVERABLE),
    ]
    heard: list[DeliveryEvent] = []
    for place, report in enumerate(reports):
        callback = yard.settle(report, place)
        assert callback
        assert callback.url == CALLBACK_URL
        result = yard.hear(callback)
        assert result.reply.status == 200
        heard += [event for event in result.events if isinstance(event, DeliveryEvent)]
    assert [event.key.reference for event in heard] == [message.reference for message in batch]
    assert [event.error.code if event.error else event.status for event in heard] == ["delivered", "633", "2"]
    assert {event.occurred_at for event in heard} == {yard.now}


@pytest.mark.parametrize(("webhook", "tells"), [("new", True), ("v2", False), ("v3", False), ("v4", False)])
def test_only_the_newest_generation_tells_that_a_request_was_received(webhook: str, *, tells: bool) -> None:
    yard = Yard(webhook=webhook)
    yard.send()
    callback = yard.settle(Report(ReportStatus.SENT, yard.now))
    assert bool(callback) == tells
    if callback:
        (event,) = yard.hear(callback).events
        assert isinstance(event, DeliveryEvent)
        assert (event.status, event.raw_status) == (ReportStatus.SENT, "request_received")


@pytest.mark.parametrize("webhook", ["v2", "v3", "v4", "new"])
def test_states_that_have_a_word_only_and_undocumented_ones_travel_in_every_generation(webhook: str) -> None:
    yard = Yard(webhook=webhook)
    yard.send(yard.outgoing(1), yard.outgoing(2))
    told = yard.settle(Report(ReportStatus.FAILED, yard.now, ErrorKind.OPTED_OUT))
    odd = yard.settle(Report(ReportStatus.FAILED, yard.now, ErrorKind.UNMAPPED), 1)
    assert told
    assert odd
    (opted_out,), (unmapped,) = yard.hear(told).events, yard.hear(odd).events
    assert isinstance(opted_out, DeliveryEvent)
    assert isinstance(unmapped, DeliveryEvent)
    assert opted_out.status is ReportStatus.FAILED
    assert unmapped.status is ReportStatus.UNMAPPED


def test_without_a_callback_address_nobody_is_called() -> None:
    yard = Yard(callback_url="")
    yard.send()
    assert yard.delivered() is None


def test_a_scenario_can_throttle_and_nothing_is_documented_for_not_now() -> None:
    request = EmulatedRequest("POST", "/api/v5/flow", "", {}, b"", Yard().now)
    assert EMULATOR.throttled(request, None).headers.get("retry-after") is None
    assert EMULATOR.throttled(request, 3).headers["retry-after"] == "3"
    assert EMULATOR.unavailable(request).status == 503


def test_people_cannot_write_to_a_header_of_letters() -> None:
    yard = Yard()
    sent = EMULATOR.inbound(
        yard.state, account="x", sender="+919876543210", recipient="ACMEIN", text="hi", now=yard.now
    )
    assert sent is None
    assert urlsplit(ADAPTER.build_submit(yard.call(), [yard.outgoing()]).url).path == "/api/v5/flow"
