"""
The emulated Kaleyra: what it checks, what it remembers, and what it tells.
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import OtpCheck, OtpStarted, OtpWanted, Pending
from sendyard.providers.contract import Accepted, DeliveryEvent, Inbound, Outgoing, Receipt, Refused
from sendyard.providers.emulation import EmulatedRequest, Handled, Refusal, Report
from sendyard.providers.kaleyra import ADAPTER, EMULATOR
from sendyard.providers.kaleyra.emulated_state import Customer, KaleyraState, Profile, Stored
from tests.providers.samples import NOW
from tests.providers.wire_pair import CALLBACK_URL, Pair

SLUG = "kaleyra"
SAMPLE = EMULATOR.sample_account
SID = SAMPLE["sid"]
PICTURE = MediaItem("image/png", "https://cdn.example.test/a.png")
SMS = {"to": "+919876543210", "sender": "SHOPIN", "type": "TXN", "body": "Hello"}


def ask(
    state: KaleyraState, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Handled:
    sent = {"api-key": SAMPLE["api_key"], "content-type": "application/json", **(headers or {})}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return EMULATOR.handle(EmulatedRequest(method, path, "", sent, raw, NOW), state)


def registered(**fields: Any) -> KaleyraState:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {**SAMPLE, "callback_url": CALLBACK_URL, **fields})
    return state


def said(handled: Handled) -> Any:
    return json.loads(handled.response.body)


def whatsapp(content: Content, reference: str = "ref-1") -> Outgoing:
    return Outgoing(
        "m1", reference, Channel.WHATSAPP, Address.phone("+919876543210"), SAMPLE["wa_number"], content, country="IN"
    )


def test_a_list_of_numbers_gets_an_id_each() -> None:
    handled = ask(registered(), "POST", f"/v1/{SID}/sms", {**SMS, "to": "+919876543210, +919876543211"})
    assert handled.response.status == 202
    ids = [one["message_id"] for one in said(handled)["data"]]
    assert [ref.partition(":")[2] for ref in ids] == ["0", "1"]
    assert said(handled)["id"] == ids[0].partition(":")[0]
    assert [one.to for one in handled.received] == ["+919876543210", "+919876543211"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"to": ",".join(["+919876543210"] * 101)}, "to"),
        ({"to": "me"}, "to"),
        ({"to": None}, "to"),
        ({"sender": ""}, "sender"),
        ({"sender": "OTHERS"}, "sender"),
        ({"type": "SMS"}, "type"),
        ({"body": " "}, "body"),
    ],
)
def test_an_sms_is_refused_by_the_field_at_fault(changes: dict[str, Any], error: str) -> None:
    handled = ask(registered(senders=["SHOPIN"]), "POST", f"/v1/{SID}/sms", {**SMS, **changes})
    assert (handled.response.status, list(said(handled)["error"]), list(handled.received)) == (400, [error], [])


def test_an_sms_from_an_unregistered_sender_is_refused_in_the_words_of_sms_not_of_whatsapp() -> None:
    request = EmulatedRequest(
        "POST",
        f"/v1/{SID}/sms",
        "",
        {"api-key": SAMPLE["api_key"], "content-type": "application/json"},
        json.dumps(SMS).encode(),
        NOW,
        refusal=lambda _to: Refusal(ErrorKind.NOT_REGISTERED),
    )
    assert list(said(EMULATOR.handle(request, registered()))["error"]) == ["sender"]


def test_forms_are_read_like_json_and_broken_json_is_refused() -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    callback = json.dumps({"url": CALLBACK_URL, "method": "GET"})
    for path in ("sms", "messages"):
        body = urlencode({**SMS, "callback": callback}).encode()
        (received,) = ask(registered(), "POST", f"/v1/{SID}/{path}", body, form).received
        assert (received.text, received.callback_url) == ("Hello", CALLBACK_URL)
    unread = urlencode({**SMS, "callback": "{"}).encode()
    (received,) = ask(registered(), "POST", f"/v1/{SID}/sms", unread, form).received
    assert received.callback_url == ""
    assert said(ask(registered(), "POST", f"/v1/{SID}/sms", b"{"))["code"] == "WA400"


def test_credentials_are_asked_for_by_sid_and_key() -> None:
    state = registered()
    for path, headers in (
        (f"/v1/{SID}/sms", {"api-key": ""}),
        (f"/v1/{SID}/sms", {"api-key": "another"}),
        ("/v1/HXinvalid/sms", {}),
        ("/v1/HXIN0000/sms", {}),
    ):
        handled = ask(state, "POST", path, SMS, headers)
        assert (handled.response.status, said(handled)["code"]) == (401, "RBC001")
    assert ask(EMULATOR.new_state(), "POST", "/v1/HXIN0000/sms", SMS).response.status == 202


def test_registering_needs_the_fields_of_an_account() -> None:
    with pytest.raises(Invalid, match="Kaleyra account"):
        EMULATOR.register(EMULATOR.new_state(), {"sid": SID})


def test_more_requests_a_second_than_allowed_are_refused() -> None:
    state = registered(per_second=1)
    assert [ask(state, "POST", f"/v1/{SID}/sms", SMS).response.status for _ in range(2)] == [202, 429]


def test_credit_runs_out_by_parts() -> None:
    pair = Pair(SLUG, callbacks=True, console={"credit": "0.80"})
    receipts = [pair.submit([pair.outgoing(count, "x" * 200)])[0] for count in (1, 2)]
    assert isinstance(receipts[0], Accepted)
    assert isinstance(receipts[1], Refused)
    assert (receipts[1].error.kind, receipts[1].error.code) == (ErrorKind.OUT_OF_CREDIT, "E110")


def test_the_state_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_MOST_MESSAGES", "_MOST_CUSTOMERS"):
        monkeypatch.setattr(f"sendyard.providers.kaleyra.emulated_state.{name}", 1)
    monkeypatch.setattr("sendyard.providers.kaleyra.emulator._MOST_VERIFICATIONS", 1)
    state = EMULATOR.new_state()
    for sid in ("HXIN1", "HXIN2"):
        ask(state, "POST", f"/v1/{sid}/sms", {**SMS, "callback": {"url": CALLBACK_URL}})
        ask(state, "POST", f"/v1/{sid}/verify", {"to": {"mobile": "+919876543210"}})
    assert list(state.customers) == ["HXIN2"]
    assert (len(state.messages), len(state.callbacks), len(state.verifications)) == (1, 1, 1)


def test_a_message_or_customer_that_is_forgotten_reports_nothing() -> None:
    pair = Pair(SLUG, callbacks=True)
    pair.submit([pair.outgoing()])
    report = Report(ReportStatus.DELIVERED, NOW)
    state = pair.state
    other = KaleyraState(messages={pair.received[0].provider_ref: Stored(SID, "Sent", "")})
    assert EMULATOR.settle(other, pair.received[0], report) is None
    state.messages.clear()
    assert EMULATOR.settle(state, pair.received[0], report) is None


@pytest.mark.parametrize("api", ["v1", "v2"])
@pytest.mark.parametrize(
    ("content", "text", "media"),
    [
        (Text("नमस्ते"), "नमस्ते", ()),
        (Media([PICTURE], "Look"), "Look", (PICTURE.url,)),
        (TemplateRef("hello", variables={"1": "Asha", "2": "10"}), "Hi Asha, 10", ()),
        (TemplateRef("hello", variables={"1": "Asha", "2": "10"}, media=[PICTURE]), "Hi Asha, 10", (PICTURE.url,)),
    ],
)
def test_whatsapp_reaches_the_handset_by_both_versions(
    api: str, content: Content, text: str, media: tuple[str, ...]
) -> None:
    pair = Pair(SLUG, callbacks=True, console={"templates": {"hello": "Hi {{1}}, {{2}}"}})
    pair.account = pair.account.model_copy(update={"whatsapp_api": api})
    (receipt,) = pair.submit([whatsapp(content)])
    assert isinstance(receipt, Accepted), receipt
    assert [(one.text, one.media, one.channel) for one in pair.received] == [(text, media, Channel.WHATSAPP)]
    assert EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.READ, NOW))


@pytest.mark.parametrize(
    "content",
    [
        Interactive("Fine?", [Choice("y", "Yes")]),
        Interactive("Fine?", [Choice("y", "Yes")], list_label="Choose"),
        TemplateRef("named", variables={"name": "Fine?", "header": "H", "button:0": "x"}),
        Media([MediaItem("application/pdf", "https://x.test/a.pdf")], "Fine?"),
    ],
)
def test_whatsapp_of_the_second_version_carries_more(content: Content) -> None:
    pair = Pair(SLUG)
    (receipt,) = pair.submit([whatsapp(content)])
    assert isinstance(receipt, Accepted)
    assert pair.received[0].text == "Fine?"


@pytest.mark.parametrize(
    ("api", "content", "code"),
    [
        ("v2", TemplateRef("nobody"), "132001"),
        ("v2", TemplateRef("hello", variables={"1": "a"}), "132000"),
        ("v1", TemplateRef("nobody"), "field:template_name"),
        ("v1", TemplateRef("hello", variables={"1": "a"}), "132000"),
    ],
)
def test_templates_are_checked(api: str, content: Content, code: str) -> None:
    pair = Pair(SLUG, callbacks=True, console={"templates": {"hello": "Hi {{1}}, {{2}}"}})
    pair.account = pair.account.model_copy(update={"whatsapp_api": api})
    (receipt,) = pair.submit([whatsapp(content)])
    assert isinstance(receipt, Refused)
    assert receipt.error.code == code


V1 = {"channel": "WhatsApp", "from": SAMPLE["wa_number"], "to": "919876543210", "type": "text", "body": "Hi"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"from": "SHOPIN"}, "from"),
        ({"from": "918012345679"}, "from"),
        ({"type": "media"}, "media"),
        ({"type": "location"}, "type"),
        ({"body": ""}, "body"),
        ({"type": "template"}, "template_name"),
    ],
)
def test_forms_of_the_first_version_are_refused_by_field(changes: dict[str, str], error: str) -> None:
    state = registered(wa_numbers=[SAMPLE["wa_number"]])
    assert list(said(ask(state, "POST", f"/v1/{SID}/messages", {**V1, **changes}))["error"]) == [error]


META = {"messaging_product": "whatsapp", "to": "919876543210"}
TEXT = {"type": "text", "text": {"body": "Hi"}}


@pytest.mark.parametrize(
    ("number", "body", "code"),
    [
        ("918012345678", {}, "WA400"),
        ("918012345678", {"messaging_object": {"messaging_product": "sms"}}, "WA400"),
        ("918012345678", {"messaging_object": {**META, "type": "text", "text": {"body": " "}}}, "WA400"),
        ("918012345678", {"messaging_object": {**META, "type": "dance"}}, "WA400"),
        ("918012345678", {"messaging_object": {**META, "type": "image", "image": "x"}}, "WA400"),
        ("918012345679", {"messaging_object": {**META, **TEXT}}, "WA401"),
    ],
)
def test_objects_of_the_second_version_are_refused_by_code(number: str, body: Any, code: str) -> None:
    state = registered(wa_numbers=["918012345678"])
    handled = ask(state, "POST", f"/v2/{SID}/whatsapp/{number}/messages", body)
    assert (said(handled)["code"], list(handled.received)) == (code, [])


@pytest.mark.parametrize("components", [None, [7], [{"type": "header", "parameters": [7, {"type": "text"}]}]])
def test_templates_need_no_components(components: Any) -> None:
    template = {"name": "hello", "language": {"code": "en"}, "components": components}
    body = {"messaging_object": {**META, "type": "template", "template": template}}
    handled = ask(registered(), "POST", f"/v2/{SID}/whatsapp/918012345678/messages", body)
    assert [one.template for one in handled.received] == ["hello"]


def test_the_daily_limit_of_whatsapp_is_told() -> None:
    pair = Pair(SLUG, callbacks=True, console={"daily_limit": 1})
    receipts: list[Receipt] = [pair.submit([whatsapp(Text("Hi"))])[0] for _ in range(2)]
    assert isinstance(receipts[1], Refused)
    assert (receipts[1].error.kind, receipts[1].error.code) == (ErrorKind.THROTTLED, "WAV2101")


def event_of(pair: Pair, report: Report) -> DeliveryEvent:
    callback = EMULATOR.settle(pair.state, pair.received[0], report)
    assert callback
    (event,) = pair.hear(callback).events
    assert isinstance(event, DeliveryEvent)
    return event


FAILED = Report(ReportStatus.FAILED, NOW, ErrorKind.UNDELIVERABLE, "131026")


def test_reports_of_the_second_version_name_our_reference_and_meta_codes() -> None:
    pair = Pair(SLUG, callbacks=True, console={"wa_price": "0.78"})
    pair.submit([whatsapp(Text("Hi"))])
    delivered = event_of(pair, Report(ReportStatus.DELIVERED, NOW))
    assert (delivered.key.reference, delivered.status, str(delivered.cost)) == ("ref-1", "delivered", "0.78 INR")
    failed = event_of(pair, FAILED)
    assert failed.error
    assert (failed.error.kind, failed.error.code) == (ErrorKind.UNDELIVERABLE, "131026")


def test_reports_of_the_first_version_are_a_get_with_zero_for_a_failure() -> None:
    pair = Pair(SLUG, callbacks=True)
    pair.account = pair.account.model_copy(update={"whatsapp_api": "v1"})
    pair.submit([whatsapp(Text("Hi"), "a/b c")])
    assert event_of(pair, Report(ReportStatus.READ, NOW)).status is ReportStatus.READ
    failed = event_of(pair, FAILED)
    assert (failed.raw_status, failed.key.reference) == ("0", "a/b c")


def test_a_report_out_of_order_changes_nothing_that_is_final() -> None:
    pair = Pair(SLUG, callbacks=True)
    (receipt,) = pair.submit([pair.outgoing()])
    assert isinstance(receipt, Accepted)
    event_of(pair, Report(ReportStatus.DELIVERED, NOW))
    late = event_of(pair, Report(ReportStatus.SENT, NOW))
    assert late.status is ReportStatus.SENT
    pending = [Pending("ref-000001", receipt.provider_ref, pair.outgoing().to, NOW)]
    poll = ADAPTER.parse_poll(pair.call(), pending, pair.exchange(ADAPTER.build_poll(pair.call(), "", pending)))
    assert [event.status for event in poll.events if isinstance(event, DeliveryEvent)] == ["delivered"]


@pytest.mark.parametrize(
    ("report", "status", "code"),
    [
        (Report(ReportStatus.FAILED, NOW), "Undelivered", "ABSENT-SUB"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.OPTED_OUT), "NotSent", "OPT-OUT"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.AUTH_FAILED), "Undelivered", "FAILED"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.BLOCKED, "no such"), "NotSent", "BLACKLIST"),
    ],
)
def test_failures_are_told_by_their_trace(report: Report, status: str, code: str) -> None:
    pair = Pair(SLUG, callbacks=True)
    pair.submit([pair.outgoing()])
    event = event_of(pair, report)
    assert (event.raw_status, event.error and event.error.code) == (status, code)


def test_a_profile_of_ones_own_is_filled_in() -> None:
    payload = {"msg": "<id>", "state": "<status>", "ours": "<ref>", "fixed": "<unheard>"}
    pair = Pair(SLUG, callbacks=True, console={"callback_payload": payload, "callback_method": "GET"})
    names = {"callback_mapping": "id=msg, status=state, reference=ours", "callback_profile_id": "IN_1"}
    pair.account = pair.account.model_copy(update=names)
    pair.submit([pair.outgoing()])
    assert event_of(pair, Report(ReportStatus.DELIVERED, NOW)).key.reference == "ref-000001"


@pytest.mark.parametrize(("recipient", "channel"), [("918012345678", Channel.WHATSAPP), ("+918012345678", Channel.SMS)])
def test_people_write_to_us(recipient: str, channel: Channel) -> None:
    pair = Pair(SLUG, callbacks=True)
    told = EMULATOR.inbound(pair.state, account=SID, sender="+919876543210", recipient=recipient, text="STOP", now=NOW)
    assert told
    (event,) = pair.hear(told).events
    assert isinstance(event, Inbound)
    assert (event.sender, event.content.body, event.recipient, event.channel) == (
        "+919876543210",
        "STOP",
        recipient,
        channel,
    )


def test_nobody_listens_where_no_profile_is_set() -> None:
    given: dict[str, Any] = {"sender": "+919876543210", "recipient": "9", "text": "Hi", "now": NOW}
    assert EMULATOR.inbound(registered(callback_url=""), account=SID, **given) is None
    assert EMULATOR.inbound(EMULATOR.new_state(), account=SID, **given) is None
    assert Customer(SID).profile is None
    assert Profile("https://x.test").method == "POST"


def test_verify_makes_a_code_that_works_once() -> None:
    pair = Pair(SLUG, callbacks=True, console={"flows": [SAMPLE["flow_id"]]})
    wanted = OtpWanted("r1", Address.phone("+919876543210"))
    started = ADAPTER.parse_otp(pair.exchange(ADAPTER.build_otp(pair.call(), wanted)))
    assert isinstance(started, OtpStarted)
    code = pair.received[0].text.split()[-1].rstrip(".")

    def check(given: str, session: str = started.session) -> OtpCheck:
        request = ADAPTER.build_otp_check(pair.call(), wanted, session, given)
        return ADAPTER.parse_otp_check(pair.exchange(request))

    assert check("000000" if code != "000000" else "111111") is OtpCheck.WRONG_CODE
    assert check(code, "nobody") is OtpCheck.NO_SESSION
    assert [check(code), check(code)] == [OtpCheck.VERIFIED, OtpCheck.NO_SESSION]
    assert EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.DELIVERED, NOW)) is None
    again = ADAPTER.parse_otp(pair.exchange(ADAPTER.build_otp(pair.call(), wanted)))
    assert isinstance(again, OtpStarted)
    pair.now += timedelta(minutes=6)
    assert check("000000", again.session) is OtpCheck.EXPIRED


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (OtpWanted("r1", Address.phone("+919876543210"), template="other"), "field:flow_id"),
        (OtpWanted("r1", Address.phone("me")), "field:to"),
    ],
)
def test_verify_refuses_unknown_flows_and_numbers(wanted: OtpWanted, code: str) -> None:
    pair = Pair(SLUG, callbacks=True, console={"flows": [SAMPLE["flow_id"]]})
    found = ADAPTER.parse_otp(pair.exchange(ADAPTER.build_otp(pair.call(), wanted)))
    assert not isinstance(found, OtpStarted)
    assert found.code == code
    assert said(ask(pair.state, "POST", f"/v1/{SID}/verify", {"to": "me", "flow_id": SAMPLE["flow_id"]}))["error"]


def test_messages_of_other_accounts_are_not_shown() -> None:
    state = EMULATOR.new_state()
    (received,) = ask(state, "POST", f"/v1/{SID}/sms", SMS).received
    query = f"message_ids={received.provider_ref},nobody:0"
    shown = []
    for sid in (SID, "HXIN2"):
        request = EmulatedRequest("GET", f"/v1/{sid}/messages/status", query, {"api-key": "x"}, b"", NOW)
        shown.append(len(json.loads(EMULATOR.handle(request, state).response.body)["data"]))
    assert shown == [1, 0]


def test_a_message_without_any_callback_is_still_known() -> None:
    pair = Pair(SLUG)
    pair.submit([replace(pair.outgoing(), sender="SHOPIN")])
    assert EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.DELIVERED, NOW)) is None
    assert pair.state.messages[pair.received[0].provider_ref].status == "Delivered"


AWKWARD = 'a "b" \\ {c} [d] & e = f + 100% \r\n\t\x00 é 한글 😀 </x> {{1}}'


@pytest.mark.parametrize("api", ["v1", "v2"])
@pytest.mark.parametrize("content", [Text(AWKWARD), Media([PICTURE], AWKWARD)])
def test_a_whatsapp_text_with_every_separator_arrives_as_it_was_written(api: str, content: Content) -> None:
    pair = Pair(SLUG)
    pair.account = pair.account.model_copy(update={"whatsapp_api": api})
    assert ADAPTER.check(pair.account, whatsapp(content)) == []
    (receipt,) = pair.submit([whatsapp(content)])
    assert isinstance(receipt, Accepted)
    assert pair.received[0].text == AWKWARD
