"""
Callbacks of the generic provider: proved as the account says, then read as it says.
"""

import hmac
import json
from base64 import b64encode
from typing import Any

import pytest

from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import CallbackEvent, CallbackRejected, DeliveryEvent, Inbound, ProtocolError
from sendyard.providers.generic_http.account import GenericHttpAccount
from sendyard.providers.wire import CallbackRequest
from tests.providers.generic_http_wire import adapter, call, small
from tests.providers.samples import NOW

URL = "https://gw.example.test/callbacks/generic_http/tok"


def heard(asked: GenericHttpAccount, request: CallbackRequest) -> list[CallbackEvent]:
    return list(adapter(asked).parse_callback(call(asked), request).events)


def reports(**changes: Any) -> GenericHttpAccount:
    return small(
        **{
            "callback_format": "json",
            "callback_id": "id",
            "callback_status": "state",
            "status_words": "ok=delivered, no=failed",
            **changes,
        }
    )


def post(body: str | bytes, **headers: str) -> CallbackRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return CallbackRequest("POST", URL, "", named, body.encode() if isinstance(body, str) else body)


BODY = b'{"id": "7", "state": "ok"}'


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("stamped", [False, True])
def test_a_signature_covers_every_bit_and_belongs_to_one_account(
    algorithm: str, encoding: str, *, stamped: bool
) -> None:
    asked = reports(
        callback_proof="signature",
        proof_name="X-Sig",
        webhook_secret="invented-hook",
        signature_algorithm=algorithm,
        signature_encoding=encoding,
        signature_prefix="v1=",
        timestamp_header="X-Time" if stamped else "",
    )
    stamp = str(int(NOW.timestamp()))

    def request(body: bytes = BODY, secret: str = "invented-hook", stamp: str = stamp) -> CallbackRequest:
        signed = f"{stamp}.".encode() + BODY if stamped else BODY
        digest = hmac.digest(secret.encode(), signed, algorithm)
        written = digest.hex() if encoding == "hex" else b64encode(digest).decode()
        return post(body, x_sig=f"v1={written}", x_time=stamp)

    assert len(heard(asked, request())) == 1
    for place in range(len(BODY)):
        flipped = BODY[:place] + bytes([BODY[place] ^ 1]) + BODY[place + 1 :]
        with pytest.raises(CallbackRejected):
            heard(asked, request(flipped))
    genuine = request()
    signature = genuine.headers["x-sig"]
    forged = signature[:5] + ("a" if signature[5] != "a" else "b") + signature[6:]
    for wrong in (
        request(secret="another-hook"),
        post(BODY, x_sig=forged, x_time=stamp),
        post(BODY, x_sig=signature.removeprefix("v1="), x_time=stamp),
        post(BODY, x_time=stamp),
        post(BODY, x_sig="é\ud800", x_time=stamp),
    ):
        with pytest.raises(CallbackRejected, match="X-Sig"):
            heard(asked, wrong)
    if stamped:
        for late in (-301, 301):
            with pytest.raises(CallbackRejected, match="300 seconds off"):
                heard(asked, request(stamp=str(int(NOW.timestamp()) + late)))
        for unusable in ("", "soon", "9" * 13, "-1", "²"):
            with pytest.raises(CallbackRejected, match="no Unix seconds"):
                heard(asked, request(stamp=unusable))


def test_a_callback_without_body_is_signed_over_its_query() -> None:
    asked = reports(
        callback_format="query", callback_proof="signature", proof_name="X-Sig", webhook_secret="invented-hook"
    )
    signature = hmac.digest(b"invented-hook", b"id=7&state=ok", "sha256").hex()
    genuine = CallbackRequest("GET", URL, "id=7&state=ok", {"x-sig": signature}, b"")
    assert len(heard(asked, genuine)) == 1
    with pytest.raises(CallbackRejected):
        heard(asked, CallbackRequest("GET", URL, "id=8&state=ok", {"x-sig": signature}, b""))


@pytest.mark.parametrize("where", ["header", "query"])
def test_a_shared_secret_must_be_there_and_right(where: str) -> None:
    asked = reports(callback_proof=where, proof_name="key", webhook_secret="invented-hook")

    def request(key: str) -> CallbackRequest:
        in_query = where == "query"
        return CallbackRequest("POST", URL, f"key={key}" if in_query else "", {} if in_query else {"key": key}, BODY)

    assert len(heard(asked, request("invented-hook"))) == 1
    for wrong in ("", "invented-hooK", "invented-hook2"):
        with pytest.raises(CallbackRejected, match=f"the {where} key"):
            heard(asked, request(wrong))
    with pytest.raises(CallbackRejected):
        heard(asked, CallbackRequest("POST", URL, "", {}, BODY))


def test_without_a_proof_the_unguessable_address_is_enough_and_the_reply_is_the_accounts() -> None:
    asked = reports(callback_reply="<ok/>")
    result = adapter(asked).parse_callback(call(asked), post(BODY))
    assert (result.reply.status, result.reply.body) == (200, b"<ok/>")
    assert result.reply.headers["content-type"].startswith("text/plain")
    (event,) = result.events
    assert isinstance(event, DeliveryEvent)
    assert event.status is ReportStatus.DELIVERED


@pytest.mark.parametrize(
    ("changes", "body", "words"),
    [
        ({}, b"\xff", "in UTF-8"),
        ({}, b"x=y", "in JSON"),
        ({}, b"[]", "expected a status"),
        ({"callback_list": "events"}, b'{"events": {}}', "a list at events"),
        ({"callback_format": "form"}, b"state=ok", "neither ours nor theirs"),
    ],
)
def test_a_callback_in_another_form_is_a_protocol_error(changes: dict[str, Any], body: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        heard(reports(**changes), post(body))


def test_an_account_without_callbacks_or_reports_says_so() -> None:
    with pytest.raises(ProtocolError, match="describe none"):
        heard(small(), post(BODY))
    only_people = small(
        callback_format="json",
        inbound_from="from",
        inbound_text="text",
        inbound_when_path="kind",
        inbound_when_values="mo",
    )
    with pytest.raises(ProtocolError, match="callback_status, which is not set"):
        heard(only_people, post('{"kind": "dlr"}'))


def test_codes_of_failures_are_read_by_the_accounts_table() -> None:
    asked = reports(callback_error="err", error_kinds="7=blocked, 8=unknown, no=expired")
    for code, kind in (("7", "blocked"), ("8", "unmapped"), ("9", "unmapped"), ("", "expired")):
        (event,) = heard(asked, post(json.dumps({"id": "1", "state": "no", "err": code})))
        assert isinstance(event, DeliveryEvent)
        assert event.error
        assert (event.status, event.error.kind, event.error.code) == ("failed", kind, code or "no")
    (delivered,) = heard(asked, post('{"id": "1", "state": "ok", "err": "7"}'))
    assert isinstance(delivered, DeliveryEvent)
    assert delivered.error is None


@pytest.mark.parametrize(
    ("form", "country", "told", "recipient"),
    [
        ("e164", "", "+886912345601", "+886912345601"),
        ("no_plus", "", "886912345601", "+886912345601"),
        ("national", "TW", "0912345601", "+886912345601"),
        ("national", "TW", "+886912345601", "+886912345601"),
        ("national", "", "0912345601", ""),
        ("e164", "", "ACME", ""),
        ("e164", "", "12", ""),
    ],
)
def test_numbers_in_callbacks_come_back_to_e164(form: str, country: str, told: str, recipient: str) -> None:
    asked = reports(number_format=form, country=country, callback_recipient="to")
    (event,) = heard(asked, post(json.dumps({"id": "1", "state": "ok", "to": told})))
    assert isinstance(event, DeliveryEvent)
    assert event.key.recipient == recipient


def test_what_people_write_twice_is_known_by_its_id_or_its_words() -> None:
    asked = small(callback_format="form", inbound_from="from", inbound_text="text", inbound_id="id", inbound_time="at")
    keys = []
    for body in (
        "from=%2B886912345601&text=Hi&at=1",
        "from=%2B886912345601&text=Hi&at=2",
        "from=886912345601&text=Hi&at=1",
    ):
        (event,) = heard(asked, post(body))
        assert isinstance(event, Inbound)
        keys.append(event.dedupe_key)
    assert keys[0] == keys[2] != keys[1]
    (named,) = heard(asked, post("from=%2B886912345601&text=Hi&id=77"))
    assert isinstance(named, Inbound)
    assert named.dedupe_key == named.provider_ref == "77"
