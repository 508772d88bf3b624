"""
The emulated Gupshup: what it checks, what it remembers, and what it tells.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, Text
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.domain.money import Money
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import OptOutPage, ProviderTemplate, TemplatePage
from sendyard.providers.contract import Accepted, DeliveryEvent, Inbound, Refused, TemplateChange, TemplateState
from sendyard.providers.emulation import EmulatedRequest, Handled, Report
from sendyard.providers.gupshup_whatsapp import ADAPTER, EMULATOR
from sendyard.providers.gupshup_whatsapp.desk import SAMPLE_TEMPLATE, Customer, GupshupState
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.samples import NOW, call_for
from tests.providers.wire_pair import CALLBACK_URL, Pair

SLUG = "gupshup_whatsapp"
SAMPLE = EMULATOR.sample_account
APP = SAMPLE["app_id"]
KEY = {"apikey": SAMPLE["api_key"]}
TOKEN = {"token": SAMPLE["partner_token"]}


def ask(
    state: GupshupState,
    method: str,
    path: str,
    fields: dict[str, Any] | None = None,
    headers: dict[str, str] = KEY,
    now: datetime = NOW,
    query: str = "",
) -> Handled:
    given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (fields or {}).items()}
    return EMULATOR.handle(EmulatedRequest(method, path, query, headers, urlencode(given).encode(), now), state)


def said(response: HttpResponse) -> Any:
    return json.loads(response.body)


def registered(**fields: Any) -> GupshupState:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {**SAMPLE, "callback_url": CALLBACK_URL, **fields})
    return state


def form(**changes: Any) -> dict[str, Any]:
    given = {"channel": "whatsapp", "source": SAMPLE["source"], "destination": "919876543210", "src.name": "ShopApp"}
    return {name: value for name, value in {**given, **changes}.items() if value is not None}


TEXT = {"type": "text", "text": "Hello"}
YES = Choice("y", "Yes")


@pytest.mark.parametrize(
    ("message", "text", "media"),
    [
        (TEXT, "Hello", ()),
        (
            {"type": "image", "originalUrl": "https://x.test/a.png", "caption": "Look"},
            "Look",
            ("https://x.test/a.png",),
        ),
        ({"type": "document", "url": "https://x.test/a.pdf", "filename": "a.pdf"}, "", ("https://x.test/a.pdf",)),
        ({"type": "location", "longitude": 1, "latitude": 2, "name": "Park"}, "Park", ()),
        ({"type": "reaction", "msgId": "x", "emoji": "👍"}, "👍", ()),
        (
            {"type": "quick_reply", "content": {"type": "text", "text": "Fine?"}, "options": [{"title": "Yes"}]},
            "Fine?",
            (),
        ),
        ({"type": "list", "body": "Size?", "globalButtons": [{}], "items": [{"options": [{}]}, {}, 7]}, "Size?", ()),
    ],
)
def test_session_messages_reach_the_handset(message: dict[str, Any], text: str, media: tuple[str, ...]) -> None:
    handled = ask(EMULATOR.new_state(), "POST", "/wa/api/v1/msg", form(message=message))
    assert handled.response.status == 202
    assert [(one.text, one.media, one.account) for one in handled.received] == [(text, media, "ShopApp")]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"channel": "sms"}, "Invalid Channel"),
        ({"channel": None}, "Invalid Channel"),
        ({"src.name": None}, "App not found"),
        ({"src.name": "Other"}, "App not found"),
        ({"source": None}, "Invalid source"),
        ({"source": "917834811115"}, "Invalid source"),
        ({"destination": "+91987"}, "Invalid Destination"),
        ({"message": None}, "Invalid message JSON"),
        ({"message": "[1]"}, "Invalid message JSON"),
        ({"message": {"type": "text", "text": " "}}, "Invalid message"),
        ({"message": {"type": "text", "text": "x" * 4097}}, "more than 4096"),
        ({"message": {"type": "image", "originalUrl": ""}}, "Invalid message"),
        ({"message": {"type": "video", "url": "https://x.test", "caption": "x" * 1025}}, "more than 1024"),
        ({"message": {"type": "quick_reply", "content": {"text": "a"}, "options": [1, 2, 3, 4]}}, "more than 3"),
        (
            {"message": {"type": "list", "body": "a", "globalButtons": [1], "items": [{"options": [0] * 11}]}},
            "more than 10",
        ),
        ({"message": {"type": "carousel"}}, "Invalid message"),
    ],
)
def test_forms_that_gupshup_would_refuse_are_refused(changes: dict[str, Any], text: str) -> None:
    handled = ask(registered(), "POST", "/wa/api/v1/msg", form(**{"message": TEXT, **changes}))
    assert (handled.response.status, handled.received) == (400, ())
    assert text in said(handled.response)["message"]


IMAGE = {
    "id": "11111111-2222-4333-8444-555555555555",
    "element_name": "sale",
    "body": "Hi {{1}}, {{2}} off",
    "kind": "IMAGE",
    "buttons": [{"type": "URL", "url": "https://x.test/{{1}}"}],
}
GREETING = {
    "id": "11111111-2222-4333-8444-666666666666",
    "element_name": "hi",
    "body": "{{2}} {{1}}",
    "header": "{{1}}",
}
PICTURE = {"type": "image", "image": {"link": "https://x.test/a.png"}}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"template": "c6aecef6"}, "Invalid template JSON"),
        ({"template": {"id": SAMPLE_TEMPLATE, "params": "a"}}, "Invalid template params"),
        ({"template": {"id": "nobody", "params": []}}, "did not match"),
        ({"template": {"id": SAMPLE_TEMPLATE, "params": []}}, "parameter count"),
        ({"template": {"id": SAMPLE_TEMPLATE, "params": [" "]}}, "parameter format"),
        ({"template": {"id": IMAGE["id"], "params": ["a", "b", "c"]}}, "message JSON"),
        (
            {"template": {"id": IMAGE["id"], "params": ["a", "b", "c"]}, "message": {"type": "video"}},
            "parameter format",
        ),
        (
            {"template": {"id": IMAGE["id"], "params": ["a", "b", "c"]}, "message": {"type": "image", "image": {}}},
            "Media Url",
        ),
    ],
)
def test_templates_are_checked_before_they_leave(fields: dict[str, Any], text: str) -> None:
    handled = ask(registered(templates=[IMAGE, GREETING]), "POST", "/wa/api/v1/template/msg", form(**fields))
    assert handled.response.status == 400
    assert text in said(handled.response)["message"]


def test_templates_are_filled_in_by_position() -> None:
    state = registered(templates=[IMAGE, GREETING])
    fields = form(template={"id": IMAGE["id"], "params": ["Asha", "10%", "sale"]}, message=PICTURE)
    (sale,) = ask(state, "POST", "/wa/api/v1/template/msg", fields).received
    assert (sale.text, sale.media, sale.template) == ("Hi Asha, 10% off", ("https://x.test/a.png",), IMAGE["id"])
    fields = form(template={"id": GREETING["id"], "params": ["Shop", "Asha", "Hello"]})
    (greeting,) = ask(state, "POST", "/wa/api/v1/template/msg", fields).received
    assert greeting.text == "Hello Asha"


@pytest.mark.parametrize(("status", "text"), [("PAUSED", "paused"), ("PENDING", "did not match")])
def test_only_approved_templates_leave(status: str, text: str) -> None:
    state = registered(templates=[{**GREETING, "status": status}])
    fields = form(template={"id": GREETING["id"], "params": ["a", "b", "c"]})
    assert text in said(ask(state, "POST", "/wa/api/v1/template/msg", fields).response)["message"]


def test_the_wallet_empties_and_then_refuses() -> None:
    pair = Pair(SLUG, callbacks=True, console={"credit": "0.010"})
    assert [type(pair.submit([pair.outgoing(count)])[0]) for count in (1, 2, 3)] == [Accepted, Accepted, Refused]
    left = ADAPTER.parse_balance(pair.exchange(ADAPTER.build_balance(pair.call())))
    assert isinstance(left, Money)
    assert left.amount < 0
    used = ADAPTER.parse_usage(pair.call(), pair.exchange(ADAPTER.build_usage(pair.call())))
    assert isinstance(used, dict)
    assert (used["outgoing"], used["fees"]) == ("2", "0.018")


def test_more_requests_a_second_than_allowed_are_refused() -> None:
    state = registered(per_second=2)
    answers = [ask(state, "POST", "/wa/api/v1/msg", form(message=TEXT)).response.status for _ in range(3)]
    assert answers == [202, 202, 429]
    later = datetime.fromtimestamp(NOW.timestamp() + 1, UTC)
    assert ask(state, "POST", "/wa/api/v1/msg", form(message=TEXT), now=later).response.status == 202


def test_credentials_are_asked_for_by_name() -> None:
    state = registered()
    unknown = ask(state, "GET", f"/wa/app/{APP}/template", headers={"apikey": "another"}).response
    assert (unknown.status, said(unknown)["message"]) == (401, "Portal User Not Found With APIKey")
    assert ask(state, "GET", f"/wa/app/{APP}/template", headers={}).response.status == 401
    assert ask(state, "GET", "/wa/app/00000000-0000-4000-8000-000000000000/template").response.status == 400
    for headers in ({}, {"token": "sk_other"}, {"authorization": "sk_invalid"}):
        assert ask(state, "GET", f"/partner/app/{APP}/wallet/balance", headers=headers).response.status == 401
    assert ask(EMULATOR.new_state(), "GET", f"/partner/app/{APP}/wallet/balance", headers=TOKEN).response.status == 200


def test_registering_needs_the_fields_of_an_account() -> None:
    with pytest.raises(Invalid, match="Gupshup account"):
        EMULATOR.register(EMULATOR.new_state(), {"api_key": "key"})


def test_a_new_template_waits_until_it_is_decided() -> None:
    pair = Pair(SLUG, callbacks=True)
    draft = ProviderTemplate("order", TemplateState.DRAFT, category="UTILITY", body="Hi {{1}}")
    built = ADAPTER.build_template(pair.call(), draft, {"1": "Asha"})
    created = ADAPTER.parse_template(draft, pair.exchange(built))
    assert isinstance(created, ProviderTemplate)
    assert created.state is TemplateState.PENDING
    assert not isinstance(ADAPTER.parse_template(draft, pair.exchange(built)), ProviderTemplate)
    told = EMULATOR.decide(pair.state, "ShopApp", created.name, "REJECTED", pair.now, "INVALID_FORMAT")
    assert told
    (event,) = pair.hear(told).events
    assert isinstance(event, TemplateChange)
    assert (event.name, event.state, event.reason) == (created.name, TemplateState.REJECTED, "INVALID_FORMAT")
    listed = ADAPTER.parse_templates(pair.call(), "", pair.exchange(ADAPTER.build_templates(pair.call(), "")))
    assert isinstance(listed, TemplatePage)
    assert [one.reason for one in listed.templates if one.name == created.name] == ["INVALID_FORMAT"]
    with pytest.raises(Invalid, match="no template"):
        EMULATOR.decide(pair.state, "ShopApp", "nobody", "APPROVED", pair.now)
    with pytest.raises(Invalid, match="no template"):
        EMULATOR.decide(pair.state, "Nobody", created.name, "APPROVED", pair.now)


def test_a_decision_nobody_listens_to_is_not_told() -> None:
    state = registered(callback_url="", templates=[GREETING])
    assert EMULATOR.decide(state, "ShopApp", str(GREETING["id"]), "APPROVED", NOW) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"content": ""}, "content missing"),
        ({"category": "TICKET"}, "category"),
        ({"buttons": "{"}, "buttons"),
    ],
)
def test_a_template_with_parts_missing_is_refused(changes: dict[str, str], text: str) -> None:
    given = {"elementName": "a", "content": "b", "category": "UTILITY", "vertical": "c", "example": "d", **changes}
    handled = ask(registered(), "POST", f"/partner/app/{APP}/templates", given, TOKEN)
    assert text in said(handled.response)["message"]


def test_one_template_can_be_fetched() -> None:
    state = registered(templates=[{**IMAGE, "header": "H", "footer": "F"}])
    found = ask(state, "GET", f"/wa/app/{APP}/template/{IMAGE['id']}").response
    meta = json.loads(said(found)["template"]["containerMeta"])
    assert (meta["header"], meta["footer"], len(meta["buttons"])) == ("H", "F", 1)
    assert ask(state, "GET", f"/wa/app/{APP}/template/nobody").response.status == 404
    listed = ask(state, "GET", f"/partner/app/{APP}/templates", headers=TOKEN).response
    assert len(said(listed)["templates"]) == 2


def test_opt_ins_are_remembered() -> None:
    state = registered()
    assert ask(state, "POST", "/sm/api/v1/app/opt/in/ShopApp", {"user": "919876543210"}).response.status == 202
    assert ask(state, "POST", "/sm/api/v1/app/opt/in/Other", {"user": "919876543210"}).response.status == 400
    assert ask(state, "POST", "/sm/api/v1/app/opt/in/ShopApp", {"user": "me"}).response.status == 400
    listed = said(ask(state, "GET", "/sm/api/v1/users/ShopApp").response)
    wanted = {"countryCode": "91", "phoneCode": "9876543210", "optinStatus": "OPT_IN"}
    assert listed["users"] == [wanted]


def _exchange(state: GupshupState, request: HttpRequest) -> HttpResponse:
    path = urlsplit(request.url).path
    return EMULATOR.handle(
        EmulatedRequest(request.method, path, "", request.headers, request.body, NOW), state
    ).response


def _tell(state: GupshupState, number: str, *, refuses: bool) -> ProviderError | None:
    given = call_for(SLUG, ADAPTER.Account(**SAMPLE))
    request = ADAPTER.build_telling(given, Address.phone(number), refuses=refuses)
    return ADAPTER.parse_telling(_exchange(state, request))


def test_what_the_adapter_tells_is_what_it_reads() -> None:
    state = registered(opted_out=["919876543213", "12"])
    assert _tell(state, "+919876543210", refuses=True) is None
    assert _tell(state, "+919876543211", refuses=False) is None
    assert _tell(state, "+919876543211", refuses=True) is None
    assert _tell(state, "+919876543210", refuses=False) is None
    given = call_for(SLUG, ADAPTER.Account(**SAMPLE))
    page = ADAPTER.parse_listed(given, "", _exchange(state, ADAPTER.build_listed(given, "")))
    assert isinstance(page, OptOutPage)
    assert {one.person.value: one.refuses for one in page.people} == {
        "+919876543210": False,
        "+919876543211": True,
        "+919876543213": True,
    }


def test_a_young_app_has_no_list() -> None:
    refused = _tell(registered(is_young=True), "+919876543210", refuses=True)
    assert refused
    assert refused.code == "unknown_app"


def test_a_customer_forgets_the_oldest_opt_in_and_the_state_the_oldest_customer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sendyard.providers.gupshup_whatsapp.desk._MOST_OPT_INS", 1)
    monkeypatch.setattr("sendyard.providers.gupshup_whatsapp.desk._MOST_CUSTOMERS", 1)
    customer = Customer("key", "App")
    for phone in ("1", "2"):
        customer.opt_in(phone)
    assert list(customer.opted_in) == ["2"]
    state = GupshupState()
    for key in ("one", "two"):
        state.add(Customer(key, key))
    assert (list(state.customers), list(state.apps)) == (["two"], ["two"])


def test_the_webhook_can_be_set_by_api() -> None:
    state, path = registered(callback_url=""), f"/wa/app/{APP}/subscription"
    assert said(ask(state, "GET", path).response)["subscriptions"] == []
    assert ask(state, "POST", path, {"url": "ftp://x.test"}).response.status == 400
    ask(state, "POST", path, {"url": CALLBACK_URL, "version": "3"})
    assert said(ask(state, "GET", path).response)["subscriptions"][0]["version"] == 3
    ask(state, "DELETE", path)
    assert said(ask(state, "GET", path).response)["subscriptions"] == []


def test_uploads_want_a_file_and_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    state, path = registered(), f"/wa/{APP}/wa/media/"
    assert ask(state, "POST", path, {"file": "x"}).response.status == 400
    monkeypatch.setattr("sendyard.providers.gupshup_whatsapp.emulated_console._MAX_UPLOAD", 1)
    assert ask(state, "POST", path, {"file": "x"}).response.status == 413
    assert ask(state, "PUT", f"/wa/app/{APP}/msg/x/read").response.status == 202


def test_usage_wants_two_dates() -> None:
    assert ask(registered(), "GET", f"/partner/app/{APP}/usage", headers=TOKEN).response.status == 400


def reports(console: dict[str, Any], *told: Report) -> list[DeliveryEvent]:
    pair = Pair(SLUG, callbacks=True, console=console)
    pair.submit([pair.outgoing()])
    heard = []
    for report in told:
        callback = EMULATOR.settle(pair.state, pair.received[0], report)
        assert callback
        heard += [event for event in pair.hear(callback).events if isinstance(event, DeliveryEvent)]
    ids = {event.key.provider_ref == pair.received[0].provider_ref for event in heard}
    assert ids == {not console.get("drops_gs_id")}
    return heard


STEPS = [Report(status, NOW) for status in (ReportStatus.SENT, ReportStatus.DELIVERED, ReportStatus.READ)]


@pytest.mark.parametrize("version", [2, 3])
def test_both_versions_tell_the_whole_way(version: int) -> None:
    heard = reports({"event_version": version, "first_event": "enqueued"}, *STEPS, Report(ReportStatus.UNMAPPED, NOW))
    assert [event.raw_status for event in heard] == ["enqueued", "delivered", "read", "parked"]
    assert all(event.key.recipient for event in heard)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("as_text", [True, False])
@pytest.mark.parametrize(
    ("report", "code"),
    [
        (Report(ReportStatus.FAILED, NOW, ErrorKind.OPTED_OUT), "1012"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.EXPIRED), "failed"),
        (Report(ReportStatus.FAILED, NOW, None, "failed"), "failed"),
        (Report(ReportStatus.FAILED, NOW, None, "131026"), "131026"),
        (Report(ReportStatus.FAILED, NOW, ErrorKind.BLOCKED, "no such code"), "1008"),
    ],
)
def test_failures_are_told_with_their_code(version: int, report: Report, code: str, *, as_text: bool) -> None:
    (event,) = reports({"event_version": version, "codes_as_text": as_text}, report)
    assert event.error
    assert event.error.code == code


def test_late_reports_come_without_our_id() -> None:
    assert [event.status for event in reports({"drops_gs_id": True}, *STEPS[1:])] == ["delivered", "read"]


@pytest.mark.parametrize("version", [2, 3])
def test_people_write_to_us(version: int) -> None:
    pair = Pair(SLUG, callbacks=True, console={"event_version": version})
    told = EMULATOR.inbound(
        pair.state, account="ShopApp", sender="+919876543210", recipient="917834811114", text="STOP", now=NOW
    )
    assert told
    (event,) = pair.hear(told).events
    assert isinstance(event, Inbound)
    assert (event.sender, event.content.body, event.recipient) == ("+919876543210", "STOP", "917834811114")


def test_nobody_listens_where_no_webhook_is_set() -> None:
    given: dict[str, Any] = {"sender": "+919876543210", "recipient": "", "text": "Hi", "now": NOW}
    assert EMULATOR.inbound(registered(callback_url=""), account="ShopApp", **given) is None
    assert EMULATOR.inbound(EMULATOR.new_state(), account="ShopApp", **given) is None
    pair = Pair(SLUG)
    pair.submit([pair.outgoing()])
    assert EMULATOR.settle(pair.state, pair.received[0], Report(ReportStatus.DELIVERED, NOW)) is None


def test_the_number_is_shown_with_its_limit() -> None:
    for pair in (Pair(SLUG), Pair(SLUG, callbacks=True)):
        found = ADAPTER.parse_senders(pair.call(), pair.exchange(ADAPTER.build_senders(pair.call())))
        assert isinstance(found, list)
        assert [(one.sender, one.facts["messaging_limit"]) for one in found] == [(SAMPLE["source"], "TIER_10K")]


def test_an_approval_without_an_agreed_header_is_told_plainly() -> None:
    state = registered(templates=[GREETING])
    told = EMULATOR.decide(state, "ShopApp", str(GREETING["id"]), "APPROVED", NOW)
    assert told
    assert set(told.headers) == {"content-type"}
    assert "rejectedReason" not in json.loads(told.body)["payload"]


AWKWARD = 'a "b" \\ {c} [d] & e = f + 100% \r\n\t\x00 é 한글 😀 </x> {{1}}'


@pytest.mark.parametrize(
    "content",
    [Text(AWKWARD), Media([MediaItem("video/mp4", "https://x.test/a.mp4")], AWKWARD), Interactive(AWKWARD, [YES])],
)
def test_a_text_with_every_separator_arrives_as_it_was_written(content: Content) -> None:
    pair = Pair(SLUG)
    message = replace(pair.outgoing(), content=content)
    assert ADAPTER.check(pair.account, message) == []
    (receipt,) = pair.submit([message])
    assert isinstance(receipt, Accepted)
    assert pair.received[0].text == AWKWARD
