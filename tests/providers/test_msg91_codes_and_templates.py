"""
One-time codes and templates between our side and the emulated MSG91.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import (
    OtpCheck,
    OtpStarted,
    OtpWanted,
    ProviderTemplate,
)
from sendyard.providers.contract import TemplateState
from sendyard.providers.emulation import Refusal
from sendyard.providers.msg91 import ADAPTER
from sendyard.providers.msg91.emulated_state import SAMPLE_OTP_TEMPLATE, SAMPLE_TEMPLATE
from tests.providers.msg91_wire import KEY, ORDER, ORDER_TEMPLATE, Yard, page, said


def wanted(**changes: Any) -> OtpWanted:
    return replace(OtpWanted("o1", Address.phone("+919876543210")), **changes)


def start(yard: Yard, **changes: Any) -> OtpStarted | ProviderError:
    return ADAPTER.parse_otp(yard.exchange(ADAPTER.build_otp(yard.call(), wanted(**changes))))


def check(yard: Yard, code: str) -> OtpCheck:
    return ADAPTER.parse_otp_check(yard.exchange(ADAPTER.build_otp_check(yard.call(), wanted(), "", code)))


def resend(yard: Yard, *, by_voice: bool = False) -> OtpStarted | ProviderError:
    request = ADAPTER.build_otp_resend(yard.call(), wanted(), "", by_voice=by_voice)
    return ADAPTER.parse_otp_resend(yard.exchange(request))


def typed(yard: Yard) -> str:
    """What the person reads on the handset."""
    return yard.received[-1].text.partition(" ")[0]


def test_a_code_that_msg91_makes_is_verified_once() -> None:
    yard = Yard()
    started = start(yard)
    assert isinstance(started, OtpStarted)
    assert started.provider_ref == yard.received[-1].provider_ref
    code = typed(yard)
    assert (len(code), code.isdigit()) == (6, True)
    assert check(yard, str((int(code) + 1) % 10**6).zfill(6)) is OtpCheck.WRONG_CODE
    assert check(yard, "abc") is OtpCheck.WRONG_CODE
    assert check(yard, code) is OtpCheck.VERIFIED
    assert check(yard, code) is OtpCheck.NO_SESSION


def test_a_code_of_our_own_is_the_one_that_is_verified_and_a_new_one_takes_its_place() -> None:
    yard = Yard()
    start(yard, code="4821")
    assert yard.received[-1].text == "4821 is your ACME code. - ACMEIN"
    start(yard, code="9407")
    assert check(yard, "4821") is OtpCheck.WRONG_CODE
    assert check(yard, "9407") is OtpCheck.VERIFIED


def test_codes_expire_when_they_should() -> None:
    yard = Yard()
    start(yard, code="4821", expires_in=60)
    yard.now += timedelta(seconds=60)
    assert check(yard, "4821") is OtpCheck.EXPIRED
    again = resend(yard)
    assert isinstance(again, ProviderError)
    assert again.code == "otp_expired"


def test_tries_are_limited_even_for_the_right_code() -> None:
    yard = Yard()
    start(yard, code="4821")
    assert [check(yard, "0000") for _ in range(5)] == [OtpCheck.WRONG_CODE] * 5
    assert check(yard, "4821") is OtpCheck.NO_SESSION


def test_nothing_was_sent_so_nothing_can_be_checked_or_sent_again() -> None:
    yard = Yard()
    assert check(yard, "4821") is OtpCheck.NO_SESSION
    again = resend(yard)
    assert isinstance(again, ProviderError)
    assert (again.kind, again.code) == (ErrorKind.EXPIRED, "no_otp_request")


def test_a_code_is_sent_again_three_times_as_text_or_by_a_call() -> None:
    yard = Yard()
    start(yard, code="4821")
    assert isinstance(resend(yard), OtpStarted)
    assert [one.text for one in yard.received] == ["4821 is your ACME code. - ACMEIN"] * 2
    assert isinstance(resend(yard, by_voice=True), OtpStarted)
    assert len(yard.received) == 2
    assert isinstance(resend(yard), OtpStarted)
    again = resend(yard)
    assert isinstance(again, ProviderError)
    assert again.code == "retry_count_maxed"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("mobile=98&template_id=x", "Mobile number empty"),
        (f"mobile=919876543210&template_id={SAMPLE_TEMPLATE}", "Template ID Missing"),
        (f"mobile=919876543210&template_id={SAMPLE_OTP_TEMPLATE}&otp=12ab", "OTP empty or not numeric"),
    ],
)
def test_a_code_that_cannot_be_sent_is_refused_with_http_200(query: str, words: str) -> None:
    answer = Yard().ask("GET", "/v5/otp", query)
    assert (answer.status, said(answer)["type"]) == (200, "error")
    assert words in said(answer)["message"]


def test_codes_have_defaults_where_a_request_says_nothing() -> None:
    yard = Yard()
    yard.ask("GET", "/v5/otp", f"mobile=919876543210&template_id={SAMPLE_OTP_TEMPLATE}&authkey={KEY}", key="")
    assert len(typed(yard)) == 4
    yard.now += timedelta(minutes=14)
    assert check(yard, typed(yard)) is OtpCheck.VERIFIED
    assert said(yard.ask("GET", "/v5/otp/retry", "mobile=98"))["message"].startswith("Mobile number")


def test_the_key_is_asked_for_in_words_where_codes_are_concerned() -> None:
    assert said(Yard().ask("POST", "/v5/otp", key=""))["message"] == "Auth Key missing"
    assert said(Yard().ask("POST", "/v5/otp", key="invalid"))["message"] == "Invalid authkey"


@pytest.mark.parametrize(
    ("refusal", "code"),
    [(Refusal(ErrorKind.INVALID_RECIPIENT), "202"), (Refusal(ErrorKind.OUT_OF_CREDIT), "301")],
)
def test_a_scenario_can_refuse_a_code(refusal: Refusal, code: str) -> None:
    yard = Yard()
    request = ADAPTER.build_otp(yard.call(), wanted())
    found = ADAPTER.parse_otp(yard.exchange(request, lambda _to: refusal))
    assert isinstance(found, ProviderError)
    assert found.code == code


def test_codes_have_a_log_of_their_own_and_no_callbacks() -> None:
    yard = Yard(credit=5)
    start(yard)
    yard.send()
    assert yard.delivered(0) is None
    query = "startDate=2026-11-21&endDate=2026-11-21"
    of_codes, of_messages = (
        said(yard.ask("GET", f"/v5/report/logs/{kind}", query))["data"] for kind in ("otp", "p/sms")
    )
    assert [(len(of_codes), of_codes[0]["status"]), (len(of_messages), of_messages[0]["status"])] == [
        (1, "Delivered"),
        (1, "Submitted"),
    ]


def test_the_templates_of_an_account_are_read_one_after_the_other() -> None:
    yard = Yard(templates=[ORDER_TEMPLATE])
    yard.account = yard.account.model_copy(update={"template_ids": f"{SAMPLE_TEMPLATE},{ORDER},{ORDER[::-1]}"})
    found: list[ProviderTemplate] = []
    cursor = ""
    for _ in range(3):
        read = page(yard, cursor)
        found += read.templates
        cursor = read.cursor
    assert cursor == ""
    assert [(one.name, one.state) for one in found] == [
        (SAMPLE_TEMPLATE, TemplateState.APPROVED),
        (ORDER, TemplateState.APPROVED),
        (ORDER[::-1], TemplateState.DISABLED),
    ]
    assert found[1].variables == ("name", "order")


def test_the_sample_content_fits_the_sample_template() -> None:
    yard = Yard()
    content = yard.outgoing().content
    assert isinstance(content, TemplateRef)
    (template,) = page(yard, "").templates
    assert ADAPTER.fits(template, content) == []


def test_a_template_that_was_handed_in_waits_and_a_new_version_is_sent_once_it_is_active() -> None:
    yard = Yard()
    draft = ProviderTemplate(
        "Order", TemplateState.DRAFT, body="Order ##order##", registration={"header": "ACMEIN", "template_id": "1" * 19}
    )
    answer = yard.exchange(ADAPTER.build_template(yard.call(), draft, {}))
    created = ADAPTER.parse_template(draft, answer)
    assert isinstance(created, ProviderTemplate)
    assert (created.state, created.variables) == (TemplateState.PENDING, ("order",))
    (waiting,) = page(yard, created.name).templates
    assert (waiting.state, waiting.raw_state) == (TemplateState.UNMAPPED, "status=0 dlt_verified=0")
    further = {"template_id": created.name, "template": "Order ##order## left", "sender_id": "ACMEIN"}
    assert said(yard.ask("POST", "/v5/sms/addTemplateVersion", body=further))["data"]["id"] == "2"
    yard.ask("GET", "/v5/sms/markActive", f"template_id={created.name}&id=2")
    (newest,) = page(yard, created.name).templates
    assert newest.body == "Order ##order## left"


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "addTemplate", {"template_name": "x"}, "required"),
        ("POST", "addTemplateVersion", {"template_id": ORDER, "template": "x"}, "Template ID Missing"),
        ("POST", "addTemplateVersion", {"template_id": SAMPLE_TEMPLATE}, "required"),
        ("GET", "markActive", {"template_id": SAMPLE_TEMPLATE, "id": "9"}, "Template ID Missing"),
        ("POST", "getTemplateVersions", [], "Template ID Missing"),
    ],
)
def test_template_calls_that_miss_something_are_refused(method: str, path: str, body: Any, words: str) -> None:
    assert words in said(Yard().ask(method, f"/v5/sms/{path}", body=body))["message"]
