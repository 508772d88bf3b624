"""
Pigeon, the carrier that the generic provider's emulator plays.
"""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Report
from sendyard.providers.generic_http import EMULATOR
from sendyard.providers.generic_http.pigeon import KEPT, Message, PigeonState
from sendyard.providers.wire import HttpResponse
from tests.providers.samples import NOW

KEY = {"authorization": "Bearer invented-key-1", "x-pigeon-loft": "loft"}
LOFT: dict[str, Any] = {"username": "loft", "secret": "invented-key-1"}
ORDER = {"to": "+886912345601", "from": "ACME", "text": "Hi"}


def asked(
    state: PigeonState, path: str = "messages", body: Any = None, method: str = "", **more: Any
) -> tuple[HttpResponse, list[Any]]:
    method = method or ("GET" if body is None else "POST")
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"headers": KEY, "now": NOW, **more}
    handled = EMULATOR.handle(EmulatedRequest(method, f"/v1/{path}", "", body=raw, **given), state)
    return handled.response, list(handled.received)


def code(response: HttpResponse) -> str:
    return str(json.loads(response.body)["error"]["code"])


def registered(**more: Any) -> PigeonState:
    state = EMULATOR.new_state()
    EMULATOR.register(state, {**LOFT, **more})
    return state


def test_a_message_costs_grain_by_its_parts() -> None:
    state = registered(credit="0.13")
    answer, received = asked(state, body={**ORDER, "text": "x" * 161})
    assert (answer.status, json.loads(answer.body)) == (
        202,
        {"status": "queued", "id": "pg-00000001", "parts": 2, "price": "0.0800"},
    )
    assert [(one.to, one.text, one.sender, one.parts) for one in received] == [("+886912345601", "x" * 161, "ACME", 2)]
    assert json.loads(asked(state, "loft")[0].body) == {"loft": "loft", "grain": "0.0500"}
    refused, none = asked(state, body={**ORDER, "text": "x" * 161})
    assert (refused.status, code(refused), none) == (402, "PGN_NO_GRAIN", [])
    assert state.lofts["loft"].credit == Decimal("0.05")


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"to": "0912345601"}, 422, "PGN_BAD_NUMBER"),
        ({"to": "+999123456789"}, 422, "PGN_NO_ROUTE"),
        ({"from": "Other"}, 403, "PGN_UNKNOWN_SENDER"),
        ({"text": ""}, 422, "PGN_TEXT_REFUSED"),
        ({"text": "x" * 1601}, 422, "PGN_TEXT_TOO_LONG"),
    ],
)
def test_a_message_is_refused_with_its_code(changes: dict[str, str], status: int, said: str) -> None:
    state = registered(senders=["ACME"], blocked_countries=["+999"])
    answer, received = asked(state, body={**ORDER, **changes})
    assert (answer.status, code(answer), received) == (status, said, [])


def test_a_sender_has_at_most_twenty_characters() -> None:
    assert code(asked(EMULATOR.new_state(), body={**ORDER, "from": "x" * 21})[0]) == "PGN_UNKNOWN_SENDER"


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"to": 1}'])
def test_a_body_in_another_form_is_refused(body: bytes) -> None:
    assert asked(EMULATOR.new_state(), body=body)[0].status == 422


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer invented-key-2", "x-pigeon-loft": "loft"},
        {"authorization": "Basic invented-key-1", "x-pigeon-loft": "loft"},
        {"authorization": "Bearer invented-key-1", "x-pigeon-loft": "other"},
    ],
)
def test_only_the_registered_loft_with_its_key_gets_in(headers: dict[str, str]) -> None:
    answer, _ = asked(registered(), body=ORDER, headers=headers)
    assert (answer.status, code(answer)) == (401, "PGN_BAD_KEY")


def test_without_registration_every_well_formed_key_works() -> None:
    state = EMULATOR.new_state()
    assert asked(state, "loft")[0].status == 200
    invalid = {"authorization": "Bearer invalid-key", "x-pigeon-loft": "another"}
    assert code(asked(state, "loft", headers=invalid)[0]) == "PGN_BAD_KEY"


def test_what_is_no_loft_cannot_be_registered() -> None:
    with pytest.raises(Invalid, match="no loft"):
        EMULATOR.register(EMULATOR.new_state(), {"username": "loft"})


def test_the_51st_request_of_a_second_is_too_fast() -> None:
    state = EMULATOR.new_state()
    statuses = [asked(state, "loft")[0].status for _ in range(51)]
    assert statuses == [200] * 50 + [429]
    assert asked(state, "loft")[0].headers["retry-after"] == "1"
    assert asked(state, "loft", now=NOW + timedelta(seconds=1))[0].status == 200


@pytest.mark.parametrize(
    ("status", "kind", "given", "word", "error"),
    [
        (ReportStatus.SENT, None, "", "sent", None),
        (ReportStatus.DELIVERED, None, "", "delivered", None),
        (ReportStatus.READ, None, "", "seen", None),
        (ReportStatus.UNMAPPED, None, "", "circling", None),
        (ReportStatus.FAILED, None, "", "failed", "PGN_UNREACHABLE"),
        (ReportStatus.FAILED, ErrorKind.EXPIRED, "", "failed", "PGN_EXPIRED"),
        (ReportStatus.FAILED, ErrorKind.UNMAPPED, "", "failed", "PGN_MYSTERY"),
        (ReportStatus.FAILED, None, "PGN_BLOCKED", "failed", "PGN_BLOCKED"),
    ],
)
def test_a_report_shows_in_questions_and_is_called_back(
    status: ReportStatus, kind: ErrorKind | None, given: str, word: str, error: str | None
) -> None:
    state = registered(callback_url="https://gw.example.test/hook")
    _, (received,) = asked(state, body={**ORDER, "ref": "r1"})
    callback = EMULATOR.settle(state, received, Report(status, NOW, kind, given))
    assert callback
    assert callback.url == "https://gw.example.test/hook"
    event = json.loads(callback.body)
    assert (event["status"], event.get("error", {}).get("code"), event["ref"]) == (word, error, "r1")
    told = json.loads(asked(state, f"messages/{received.provider_ref}")[0].body)
    assert (told["status"], told.get("error", {}).get("code")) == (word, error)


def test_the_address_of_the_message_comes_before_that_of_the_loft() -> None:
    state = registered(callback_url="https://gw.example.test/loft")
    _, (received,) = asked(state, body={**ORDER, "callback": "https://gw.example.test/own"})
    callback = EMULATOR.settle(state, received, Report(ReportStatus.DELIVERED, NOW))
    assert callback
    assert callback.url == "https://gw.example.test/own"


def test_without_an_address_nothing_is_called() -> None:
    state = registered()
    _, (received,) = asked(state, body=ORDER)
    assert EMULATOR.settle(state, received, Report(ReportStatus.DELIVERED, NOW)) is None
    person: dict[str, Any] = {"sender": "+886912345601", "recipient": "ACME", "text": "Hi", "now": NOW}
    assert EMULATOR.inbound(state, account="loft", **person) is None
    assert EMULATOR.inbound(state, account="nobody", **person) is None


def test_a_person_writes_to_the_address_of_the_loft() -> None:
    state = registered(callback_url="https://gw.example.test/hook")
    told = EMULATOR.inbound(state, account="loft", sender="+886912345601", recipient="ACME", text="STOP", now=NOW)
    assert told
    assert json.loads(told.body)["text"] == "STOP"
    assert len(told.headers["x-pigeon-signature"]) == 64


def test_a_message_of_another_loft_does_not_exist() -> None:
    state = EMULATOR.new_state()
    _, (received,) = asked(state, body=ORDER)
    other = {"authorization": "Bearer invented-key-9", "x-pigeon-loft": "other"}
    assert asked(state, f"messages/{received.provider_ref}", headers=other)[0].status == 404
    assert asked(state, "messages/pg-99999999")[0].status == 404


def test_only_the_latest_messages_are_kept() -> None:
    state = EMULATOR.new_state()
    state.messages.update((str(count), Message("loft", "", "")) for count in range(KEPT))
    _, (received,) = asked(state, body=ORDER)
    assert len(state.messages) == KEPT
    assert "0" not in state.messages
    state.messages.clear()
    # A report of a forgotten message is still told, since the carrier's other side knows it.
    assert EMULATOR.settle(state, received, Report(ReportStatus.DELIVERED, NOW)) is None


@pytest.mark.parametrize(("path", "method"), [("messages", "GET"), ("loft", "POST"), ("messages/a/b", "GET")])
def test_what_pigeon_does_not_document_is_not_found(path: str, method: str) -> None:
    assert asked(EMULATOR.new_state(), path, method=method)[0].status == 404
