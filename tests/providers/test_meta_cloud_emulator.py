"""
The emulated Meta: what it refuses, how fast it lets messages pass, and what it tells by webhook.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, Text
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import (
    MediaFile,
    UploadedMedia,
)
from sendyard.providers.contract import (
    Accepted,
    AccountNotice,
    Outgoing,
    Refused,
)
from sendyard.providers.emulation import EmulatedRequest, Report
from sendyard.providers.meta_cloud import ADAPTER, EMULATOR
from sendyard.providers.meta_cloud import emulated_state as memory
from sendyard.providers.wire import HttpRequest, HttpResponse
from tests.providers.meta_cloud_wire import (
    BASE,
    HELLO,
    ID,
    PERSON,
    USER,
    WABA,
    ask,
    code_of,
    error,
    events,
    pair,
    report,
    said,
    send,
    send_at_once,
    write,
)
from tests.providers.wire_pair import Pair


def test_a_free_form_message_outside_the_window_is_taken_and_fails_later() -> None:
    line = pair()
    assert isinstance(send(line, Text("Hi")), Accepted)
    event = report(line, ReportStatus.SENT)
    assert (event.status, event.error and event.error.code) == (ReportStatus.FAILED, "131047")
    assert EMULATOR.settle(line.state, line.received[-1], Report(ReportStatus.DELIVERED, line.now)) is None


def test_a_person_who_writes_opens_the_window_for_a_day() -> None:
    line = pair()
    write(line)
    send(line, Text("Hello"))
    assert report(line, ReportStatus.SENT).status is ReportStatus.SENT
    line.now += timedelta(hours=24)
    send(line, Text("Still there?"))
    assert report(line, ReportStatus.SENT).error is not None


def test_a_person_without_a_phone_number_writes_and_is_answered() -> None:
    line = pair()
    event = write(line, "Grüß / dich 👍", USER.value)
    assert (event.sender, event.sender_kind) == (USER.value, AddressKind.WHATSAPP_ID)
    assert event.content == Text("Grüß / dich 👍")
    assert isinstance(send(line, Text("Hi"), USER), Accepted)
    assert line.received[-1].to == USER.value
    assert report(line).key.recipient == USER.value


def test_webhooks_escape_characters_and_slashes() -> None:
    line = pair()
    callback = EMULATOR.inbound(line.state, account=ID, sender="+1", recipient=ID, text="é/👍", now=line.now)
    assert callback
    assert b'"\\u00e9\\/\\ud83d\\udc4d"' in callback.body


@pytest.mark.parametrize(
    ("opened", "content", "sent", "delivered", "read"),
    [
        (False, HELLO, "sent (PMP, regular, utility)", "delivered (PMP, regular, utility)", "read"),
        (
            True,
            HELLO,
            "sent (PMP, free_customer_service, utility)",
            "delivered (PMP, free_customer_service, utility)",
            "read",
        ),
        (
            True,
            Text("Hi"),
            "sent (PMP, free_customer_service, service)",
            "delivered (PMP, free_customer_service, service)",
            "read",
        ),
    ],
)
def test_the_price_rule_stands_on_sent_and_on_one_of_delivered_and_read(
    *, opened: bool, content: Content, sent: str, delivered: str, read: str
) -> None:
    line = pair()
    if opened:
        write(line)
    send(line, content)
    words = [
        report(line, status).raw_status for status in (ReportStatus.SENT, ReportStatus.DELIVERED, ReportStatus.READ)
    ]
    assert words == [sent, delivered, read]


def test_reports_name_our_reference_and_the_message() -> None:
    line = pair()
    receipt = send(line, HELLO)
    event = report(line)
    assert isinstance(receipt, Accepted)
    assert (event.key.reference, event.key.provider_ref) == ("ref-1", receipt.provider_ref)
    assert event.key.recipient == PERSON.value
    assert event.occurred_at == line.now


@pytest.mark.parametrize("code", ["131049", "999999", "100:33"])
def test_a_failure_may_be_told_by_meta_own_code(code: str) -> None:
    line = pair()
    send(line, HELLO)
    failed = report(line, ReportStatus.FAILED, kind=ErrorKind.UNDELIVERABLE, code=code)
    assert failed.error
    assert failed.error.code == code.partition(":")[0]


def test_a_message_without_a_reference_is_reported_without_one() -> None:
    line = pair()
    line.submit([Outgoing("m1", "", Channel.WHATSAPP, PERSON, "", HELLO)])
    assert report(line).key.reference == ""


def test_a_number_that_is_gone_reports_nothing() -> None:
    line = pair()
    send(line, HELLO)
    line.state.numbers.clear()
    assert EMULATOR.settle(line.state, line.received[-1], Report(ReportStatus.SENT, line.now)) is None


def test_without_an_address_nobody_is_told() -> None:
    line = Pair("meta_cloud")
    send(line, HELLO)
    assert EMULATOR.settle(line.state, line.received[-1], Report(ReportStatus.SENT, line.now)) is None
    assert EMULATOR.inbound(line.state, account=ID, sender="+1", recipient=ID, text="Hi", now=line.now) is None
    assert EMULATOR.inbound(line.state, account="9", sender="+1", recipient=ID, text="Hi", now=line.now) is None


def test_one_person_gets_45_at_once_and_then_one_in_six_seconds() -> None:
    line = pair()
    refused = [code_of(send_at_once(line)) for _ in range(46)]
    assert refused == [*[""] * 45, "131056"]
    (receipt,) = [send_at_once(line)]
    assert isinstance(receipt, Refused)
    assert (receipt.error.kind, receipt.error.retry_after) == (ErrorKind.THROTTLED, 1.0)
    other = Address.phone("+919812345679")
    assert code_of(send(line, HELLO, other)) == ""
    line.now += timedelta(seconds=16)
    assert code_of(send_at_once(line)) == ""


def test_a_number_sends_80_a_second() -> None:
    line = pair()
    people = [Address.phone(f"+9198{n:08d}") for n in range(81)]
    refused = [code_of(send_at_once(line, person)) for person in people]
    assert refused == [*[""] * 80, "130429"]
    assert code_of(send(line, HELLO, people[-1])) == ""


@pytest.mark.parametrize(("tier", "limit"), [("TIER_250", 250), ("TIER_2K", 2000)])
def test_a_portfolio_reaches_so_many_people_a_day(tier: str, limit: int) -> None:
    line = pair(messaging_limit=tier, senders=["100000000000009"])
    portfolio = line.state.portfolios.setdefault(WABA, memory.Portfolio())
    for n in range(limit):
        assert portfolio.may_reach(f"+9198{n:08d}", limit, line.now)
    new = Address.phone("+919899999999")
    for sender in (ID, "100000000000009"):
        assert code_of(send(line, HELLO, new, sender)) == "131048", sender
    assert code_of(send(line, HELLO, Address.phone("+919800000000"))) == ""
    write(line, sender=new.value)
    assert code_of(send(line, Text("Hi"), new)) == ""
    line.now += timedelta(hours=24)
    assert code_of(send(line, HELLO, Address.phone("+919899999998"))) == ""


def test_every_messaging_limit_is_shown_and_told() -> None:
    line = pair(messaging_limit="TIER_250", quality="YELLOW")
    for tier, shown in (
        ("TIER_250", "250"),
        ("TIER_2K", "2000"),
        ("TIER_10K", "10000"),
        ("TIER_100K", "100000"),
        ("TIER_UNLIMITED", "unlimited"),
    ):
        callback = EMULATOR.change_limit(line.state, account=ID, tier=tier, event="UPGRADE", now=line.now)
        (notice,) = events(line, callback)
        assert isinstance(notice, AccountNotice)
        assert notice.facts["current_limit"] == shown
        call = line.call()
        usage = ADAPTER.parse_usage(call, line.exchange(ADAPTER.build_usage(call)))
        assert isinstance(usage, Mapping)
        assert (usage["limit"], usage["quality"]) == (shown, "yellow")


def test_the_senders_are_the_numbers_of_the_account() -> None:
    line = pair(senders=["100000000000009"])
    call = line.call()
    found = ADAPTER.parse_senders(call, line.exchange(ADAPTER.build_senders(call)))
    assert not isinstance(found, ProviderError)
    assert [sender.sender for sender in found] == [ID, "100000000000009"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phone_number_id": "100000000000404"}, "phone number ID"),
        ({"access_token": "EAAGsomebodyelse"}, "Generate token"),
        ({"waba_id": "299999999999999"}, "WhatsApp Business Account ID"),
    ],
)
def test_the_connection_test_names_the_wrong_credential(changes: dict[str, str], words: str) -> None:
    line = pair()
    line.account = type(line.account).model_validate(
        {**EMULATOR.sample_account, "base_url": line.account.base_url, **changes}
    )
    call = line.call()
    result = ADAPTER.parse_probe(call, line.exchange(ADAPTER.build_probe(call)))
    assert not result.ok
    assert words in result.detail


def test_a_blocked_account_fails_the_connection_test() -> None:
    line = pair(health="BLOCKED")
    call = line.call()
    assert not ADAPTER.parse_probe(call, line.exchange(ADAPTER.build_probe(call))).ok


def test_another_account_of_the_token_is_not_seen() -> None:
    line = pair()
    assert error(ask(line, "GET", "/299999999999999/message_templates")) == (400, 100, 33)
    assert error(ask(line, "GET", f"/{WABA}/message_templates", authorization="Bearer other")) == (401, 190, 467)
    assert error(ask(line, "GET", f"/{WABA}/message_templates", authorization="Basic x")) == (401, 104, None)


PNG = b"\x89PNG" + bytes(60)


def test_an_uploaded_file_is_sent_described_and_deleted() -> None:
    line = pair()
    request = ADAPTER.build_upload(line.call(), MediaFile(Channel.WHATSAPP, "a.png", "image/png", PNG))
    uploaded = ADAPTER.parse_upload(line.exchange(request))
    assert isinstance(uploaded, UploadedMedia)
    picture = Media((MediaItem("image/png", handle=uploaded.handle),), "Look")
    assert code_of(send(line, picture)) == ""
    assert (line.received[-1].media, line.received[-1].text) == ((uploaded.handle,), "Look")
    described = said(ask(line, "GET", f"/{uploaded.handle}"))
    assert (described["mime_type"], described["file_size"]) == ("image/png", len(PNG))
    assert said(ask(line, "DELETE", f"/{uploaded.handle}")) == {"success": True}
    assert code_of(send(line, picture)) == "131009"


def form(line: Pair, *parts: tuple[str, str, bytes]) -> HttpResponse:
    body = b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + data + b"\r\n"
        for name, extra, data in parts
    )
    token = EMULATOR.sample_account["access_token"]
    headers = {"authorization": f"Bearer {token}", "content-type": "multipart/form-data; boundary=b"}
    body += b"--b\r\n\r\na part without a name\r\n--b--\r\n"
    return line.exchange(HttpRequest("POST", f"http://emulator.test/v25.0/{ID}/media", headers, body))


PRODUCT = ("messaging_product", "", b"whatsapp")


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ((), 100),
        ((PRODUCT,), 100),
        ((PRODUCT, ("file", '; filename="a"\r\nContent-Type: image/gif', b"GIF")), 100),
        ((PRODUCT, ("type", "", b"image/gif"), ("file", '; filename="a"', b"GIF")), 100),
        ((PRODUCT, ("file", '; filename="a"\r\nContent-Type: image/png', b"")), 131053),
        ((PRODUCT, ("file", '; filename="a"\r\nContent-Type: image/webp', bytes(512_001))), 131053),
    ],
)
def test_a_file_that_meta_does_not_take_is_refused(parts: tuple[tuple[str, str, bytes], ...], code: int) -> None:
    assert error(form(pair(), *parts))[1] == code


def test_an_upload_that_is_no_form_is_refused() -> None:
    assert error(ask(pair(), "POST", f"/{ID}/media", {}))[1] == 100


def test_buttons_and_lists_arrive_with_their_text() -> None:
    line = pair()
    write(line)
    yes = Choice("y", "Yes")
    assert code_of(send(line, Interactive("Come in?", (yes, Choice("n", "No")), "Party", "Saturday"))) == ""
    assert code_of(send(line, Interactive("Which?", (Choice("a", "Tea", "hot"),), list_label="Choose"))) == ""
    assert [received.text for received in line.received] == ["Come in?", "Which?"]
    assert report(line, ReportStatus.SENT).error is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], 100),
        ({"to": "919812345678"}, 100),
        ({"messaging_product": "whatsapp", "text": {"body": "Hi"}}, 100),
        ({**BASE, "recipient_type": "group", "text": {"body": "Hi"}}, 131051),
        ({**BASE, "to": "12", "text": {"body": "Hi"}}, 131009),
        ({**BASE, "to": "", "recipient": "nobody", "text": {"body": "Hi"}}, 100),
        ({**BASE, "to": "+1 (555) 078-3881", "text": {"body": "Hi"}}, 131021),
        ({**BASE, "text": {"body": "Hi"}, "biz_opaque_callback_data": "x" * 513}, 100),
        ({**BASE, "text": {"body": "Hi"}, "biz_opaque_callback_data": 1}, 100),
        ({**BASE, "type": "text"}, 131008),
        ({**BASE, "type": ["text"]}, 131008),
        ({**BASE, "type": "text", "text": {"body": ""}}, 131008),
        ({**BASE, "type": "text", "text": {"body": "x" * 4097}}, 131009),
        ({**BASE, "type": "image", "image": {}}, 131008),
        ({**BASE, "type": "image", "image": {"id": "404"}}, 131009),
        ({**BASE, "type": "hologram", "hologram": {}}, 131051),
        ({**BASE, "type": "location", "location": {"latitude": 1}}, 131008),
        ({**BASE, "type": "interactive", "interactive": {}}, 131008),
        (
            {**BASE, "type": "interactive", "interactive": {"type": "button", "body": {"text": "x"}, "action": {}}},
            131009,
        ),
        ({**BASE, "type": "interactive", "interactive": {"type": "list", "body": {"text": "x"}, "action": {}}}, 131008),
        (
            {
                **BASE,
                "type": "interactive",
                "interactive": {"type": "button", "body": {"text": "x"}, "action": {"buttons": [{"reply": 1}]}},
            },
            131008,
        ),
        ({**BASE, "type": "template", "template": {"name": "sample_message", "language": "en_US"}}, 132001),
    ],
)
def test_a_malformed_message_is_refused(body: Any, code: int) -> None:
    line = pair()
    assert error(ask(line, "POST", f"/{ID}/messages", body))[1] == code
    assert line.received == []


def test_places_and_reactions_are_taken() -> None:
    line = pair()
    for kind, content in (
        ("location", {"latitude": 25.0, "longitude": 121.5, "name": "101"}),
        ("reaction", {"message_id": "wamid.X", "emoji": "👍"}),
    ):
        assert ask(line, "POST", f"/{ID}/messages", {**BASE, "type": kind, kind: content}).status == 200
    assert [received.text for received in line.received] == ["101", "👍"]


def test_only_marketing_templates_go_by_the_marketing_api() -> None:
    line = pair(templates=[{"name": "sale", "body": "Sale", "category": "MARKETING"}])
    sale = {"type": "template", "template": {"name": "sale", "language": {"code": "en_US"}}}
    assert ask(line, "POST", f"/{ID}/marketing_messages", {**BASE, **sale}).status == 200
    assert error(ask(line, "POST", f"/{ID}/marketing_messages", {**BASE, "text": {"body": "Hi"}}))[1] == 134100


def test_marking_as_read_sends_nothing() -> None:
    line = pair()
    answer = ask(line, "POST", f"/{ID}/messages", {**BASE, "status": "read", "message_id": "wamid.X"})
    assert said(answer) == {"success": True}
    assert line.received == []


def test_profile_registration_and_subscription_are_kept() -> None:
    line = pair()
    path = f"/{ID}/whatsapp_business_profile"
    assert said(ask(line, "POST", path, {"messaging_product": "whatsapp", "about": "Open"})) == {"success": True}
    assert said(ask(line, "GET", path))["data"][0]["about"] == "Open"
    register = {"messaging_product": "whatsapp", "pin": "123456"}
    assert said(ask(line, "POST", f"/{ID}/register", register)) == {"success": True}
    assert error(ask(line, "POST", f"/{ID}/register", {"pin": "1"}))[1] == 133005
    apps = f"/{WABA}/subscribed_apps"
    assert said(ask(line, "GET", apps))["data"] == []
    ask(line, "POST", apps, {})
    assert len(said(ask(line, "GET", apps))["data"]) == 1
    ask(line, "DELETE", apps)
    assert said(ask(line, "GET", apps))["data"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", f"/{ID}/messages"), ("GET", f"/{ID}/messages"), ("PATCH", f"/{ID}"), ("GET", f"/{ID}/flows")],
)
def test_what_is_not_documented_does_not_exist(method: str, path: str) -> None:
    assert ask(pair(), method, path).status == 404


@pytest.mark.parametrize(
    "account",
    [
        {},
        {**EMULATOR.sample_account, "phone_number_id": "+1"},
        {**EMULATOR.sample_account, "access_token": ""},
        {**EMULATOR.sample_account, "messaging_limit": "TIER_7"},
        {**EMULATOR.sample_account, "no_such_field": "x"},
    ],
)
def test_an_account_that_cannot_be_is_not_registered(account: dict[str, Any]) -> None:
    state = EMULATOR.new_state()
    with pytest.raises(Invalid):
        EMULATOR.register(state, account)
    assert not state.is_closed


def test_the_oldest_people_and_files_are_forgotten() -> None:
    state = EMULATOR.new_state()
    for n in range(5):
        state.keep_medium({"id": str(n)})
        memory.trim(state.media, 3)
    assert list(state.media) == ["2", "3", "4"]


def test_a_load_target_answers_with_ids_of_their_own() -> None:
    line = Pair("meta_cloud")
    request = EmulatedRequest("POST", f"/v25.0/{ID}/messages", "", {}, b"{}", line.now)
    message = line.outgoing()
    found = [ADAPTER.parse_submit([message], EMULATOR.accept_all(request, serial))[0] for serial in (1, 2)]
    assert all(isinstance(receipt, Accepted) for receipt in found)
    assert found[0] != found[1]
