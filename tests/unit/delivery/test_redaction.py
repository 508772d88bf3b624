"""
Secrets leave no trace, in whatever form the wire carries them.
"""

import base64
from urllib.parse import quote, quote_plus

import pytest

from sendyard.delivery.redaction import describe_request, describe_response, redact
from sendyard.providers.wire import HttpRequest, HttpResponse

SECRET = "p@ss wörd+/=&"
FORMS = {
    "plain": SECRET,
    "in a path": quote(SECRET, safe=""),
    "in a form": quote_plus(SECRET),
    "in a Basic header": base64.b64encode(SECRET.encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_replaced_in_every_form(form: str) -> None:
    assert redact(f"before {form} after {form}.", [SECRET]) == "before ••• after •••."


def test_a_secret_that_contains_another_goes_as_a_whole() -> None:
    assert redact("token-long and token", ["token", "token-long"]) == "••• and •••"


def test_text_without_secrets_stays() -> None:
    assert redact("nothing to hide", [SECRET]) == "nothing to hide"
    assert redact("nothing is secret", []) == "nothing is secret"


def test_very_short_values_would_blot_out_ordinary_words() -> None:
    assert redact("a key of abc", ["abc", ""]) == "a key of abc"


def test_a_request_is_described_without_headers_and_without_secrets() -> None:
    request = HttpRequest(
        "POST",
        f"https://api.example/v1/{quote(SECRET, safe='')}/send?to=1",
        {"authorization": f"Bearer {SECRET}"},
        f"text=hi&key={quote_plus(SECRET)}".encode(),
    )
    described = describe_request(request, (SECRET,), with_body=True)
    assert described == "POST https://api.example/v1/•••/send?to=1\n\ntext=hi&key=•••"


def test_the_body_of_a_one_time_code_is_left_out() -> None:
    request = HttpRequest("POST", "https://api.example/send", {}, b"your code is 123456")
    assert describe_request(request, (), with_body=False) == "POST https://api.example/send"


def test_a_one_time_code_in_the_address_is_left_out_as_well() -> None:
    in_path = HttpRequest("POST", "https://127.0.0.1:9025/V1/invented-key/SMS/919876543210/123456/Login")
    assert describe_request(in_path, ("invented-key",), with_body=False) == (
        "POST https://127.0.0.1:9025/V1/•••/SMS/•••/•••/Login"
    )
    in_query = HttpRequest("GET", "https://api.example/send?text=code%20123456")
    assert describe_request(in_query, (), with_body=False) == "GET https://api.example/send?•••"


def test_a_request_without_a_body_is_one_line() -> None:
    assert describe_request(HttpRequest("GET", "https://api.example/x"), (), with_body=True) == (
        "GET https://api.example/x"
    )


def test_long_bodies_are_cut_and_say_how_long_they_were() -> None:
    described = describe_response(HttpResponse(200, {}, "한".encode() * 5000), ())
    assert described == "한" * 2000 + "… (15000 bytes)"


def test_bytes_that_are_no_text_can_be_kept_by_any_database() -> None:
    assert describe_response(HttpResponse(200, {}, b"a\x00b\xff"), ()) == "a�b�"


def test_a_secret_at_the_cut_does_not_leave_its_beginning() -> None:
    body = b"x" * 1990 + SECRET.encode() + b"y" * 3000
    described = describe_response(HttpResponse(200, {}, body), (SECRET,))
    assert SECRET[:4] not in described
