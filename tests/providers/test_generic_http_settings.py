"""
Settings of the generic provider: every mistake is named with its field before anything is stored.
"""

from typing import Any

import pytest
from pydantic import ValidationError

from sendyard.delivery.credentials import masked, parse_settings
from sendyard.domain.errors import ErrorKind, Invalid
from sendyard.domain.status import ReportStatus
from sendyard.providers.generic_http import ADAPTER
from sendyard.providers.generic_http.account import GenericHttpAccount
from sendyard.providers.generic_http.tables import read_http, read_kinds, read_statuses
from sendyard.providers.generic_http.wire import wire_of
from tests.providers.generic_http_wire import EXAMPLES, PIGEON, SMALL, account, small


def mistakes(**changes: Any) -> dict[str, str]:
    """Field → sentence of every error; "" is the account as a whole."""
    try:
        GenericHttpAccount(**{**SMALL, **changes})
    except ValidationError as refused:
        return {str(one["loc"][0]) if one["loc"] else "": one["msg"] for one in refused.errors()}
    return {}


def test_the_examples_of_the_readme_and_the_least_account_are_valid() -> None:
    assert set(EXAMPLES) == {"Sparrow", "Heron", "Stork"}
    for carrier in (*EXAMPLES, "Pigeon"):
        assert wire_of(account(carrier)).account.carrier == carrier
    assert mistakes() == {}


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"base_url": "not an address"}, "base_url", "expected an address"),
        ({"base_url": "ftp://carrier.example"}, "base_url", "expected an address"),
        ({"base_url": "https://user:pass@carrier.example"}, "base_url", "without name, password"),
        ({"base_url": "https://carrier.example/?a=b"}, "base_url", "question mark"),
        ({"base_url": "https://{sender}.example"}, "base_url", "no value can change the host"),
        ({"base_url": "https://carrier.example/a b"}, "base_url", "expected an address"),
        ({"send_path": "send"}, "send_path", "begins with a slash"),
        ({"send_path": "@evil.example/"}, "send_path", "begins with a slash"),
        ({"send_path": "//evil.example/"}, "send_path", "two slashes"),
        ({"send_path": "/{text}"}, "send_path", "unknown placeholder {text}"),
        ({"send_path": "/send?x={test}"}, "send_path", "unknown placeholder {test}"),
        ({"send_path": "/send?x={text.__class__}"}, "send_path", "'{text.__class__}' is no placeholder"),
        ({"send_path": "/send?x={Text}"}, "send_path", "'{Text}' is no placeholder"),
        ({"send_path": "/send?x={"}, "send_path", "a brace that belongs to no placeholder"),
        ({"send_path": "/send#top"}, "send_path", "'#' cannot stand in an address"),
        ({"send_path": "/se nd"}, "send_path", "' ' cannot stand in an address"),
        ({"send_path": "/send?key={secret}"}, "send_path", "has {secret}, but secret is empty"),
        ({"headers": "Authorization: Bearer abc"}, "headers", "shows a key to everybody"),
        ({"headers": "X-Key abc"}, "headers", "expected lines such as"),
        ({"headers": "Bad Name: x"}, "headers", "expected lines such as"),
        ({"headers": "Host: evil.example"}, "headers", "the header host is set by the connection"),
        ({"headers": "X-A: 1\nx-a: 2"}, "headers", "the header x-a stands there twice"),
        ({"headers": "X-A: é"}, "headers", "not ASCII"),
        ({"headers": "X-A: a\x00b"}, "headers", "control character"),
        ({"headers": "X-A: {text}"}, "headers", "unknown placeholder {text}"),
        ({"headers": "Authorization: Basic {basic}", "secret": "invented"}, "headers", "but username is empty"),
        ({"headers": "X-K: {secret}", "secret": "geheim-é"}, "headers", "secret has a character that is not ASCII"),
        ({"body": ""}, "body", "is empty, but the kind of body is json"),
        ({"body": '{"text": "{text}"}'}, "body", "neither path nor body has {to}, so nobody"),
        ({"body": '{"to": "{to}"}'}, "body", "neither path nor body has {text}"),
        ({"body": '{"to": "{to}", "text": {text}}'}, "body", "put quotation marks around placeholders"),
        ({"body": '{"to": {to}, "text": "{text}"}'}, "body", "is no JSON"),
        ({"body": '{"to": {to}, "text": "{text}"}', "number_format": "national"}, "body", "is no JSON"),
        ({"body": '{"to": "{to}", "text": "{text}", "x": "{basic}"}'}, "body", "unknown placeholder {basic}"),
        ({"body": '{"to": "{to}", "text": "{Text}"}'}, "body", "'{Text}' is no placeholder"),
        ({"body_kind": "none"}, "body", "the kind of body is none"),
        ({"method": "GET"}, "body", "a GET carries no body"),
        ({"body_kind": "form"}, "body", "a brace that belongs to no placeholder"),
        ({"body_kind": "form", "body": "{to}&{text}"}, "body", "is no form"),
        ({"body_kind": "form", "body": "to={to}& text={text}"}, "body", "must percent-encode"),
        ({"body_kind": "xml", "body": "<a>{to}{text}"}, "body", "is no XML"),
        ({"body_kind": "xml", "body": "<!DOCTYPE a><a>{to}{text}</a>"}, "body", "no declaration"),
        ({"body_kind": "xml", "body": "<a><?x {text}?>{to}</a>"}, "body", "where XML does not keep its value"),
        ({"body_kind": "plain", "body": "{text} to {to}"}, "body", "at the very end"),
        (
            {"body": '{"to": "{to}", "text": "{text}", "key": "{secret}"}', "secret": 'quo"te'},
            "body",
            "could not be hidden",
        ),
        ({"success_status": ""}, "success_status", "at least one"),
        ({"success_status": "2xx"}, "success_status", "expected HTTP statuses"),
        ({"success_status": "299-200"}, "success_status", "expected HTTP statuses"),
        ({"id_path": ""}, "success_status", "a bare 200 proves nothing"),
        ({"refused_status": "200-499"}, "refused_status", "200 is a success in HTTP"),
        ({"throttle_status": "fast"}, "throttle_status", "expected HTTP statuses"),
        ({"success_path": "status"}, "success_values", "belong together"),
        ({"success_values": "ok"}, "success_values", "belong together"),
        ({"success_pattern": "("}, "success_pattern", "is no regular expression"),
        ({"success_pattern": "x" * 201}, "success_pattern", "may have 200 characters"),
        ({"id_path": "data..id"}, "id_path", "is no path: stopped at '..id'"),
        ({"id_path": "data[x]"}, "id_path", "is no path"),
        ({"id_path": "x" * 201}, "id_path", "may have 200 characters"),
        ({"id_path": "/OK (.+)"}, "id_path", "does not end"),
        ({"id_path": "/OK .+/"}, "id_path", "has 0 groups"),
        ({"id_path": "/(O)(K)/"}, "id_path", "has 2 groups"),
        ({"error_kinds": "21"}, "error_kinds", "expected pairs"),
        ({"error_kinds": "=blocked"}, "error_kinds", "expected pairs"),
        ({"error_kinds": "21=bad_number"}, "error_kinds", "the class must be one of throttled"),
        ({"error_kinds": "21=unmapped"}, "error_kinds", "the class must be one of"),
        ({"error_kinds": "21=blocked, 21=expired"}, "error_kinds", "'21' stands there twice"),
        ({"currency": "euro"}, "currency", "pattern"),
        ({"number_format": "plus"}, "number_format", "national"),
        ({"country": "Taiwan"}, "country", "pattern"),
        ({"alphabet_words": "ucs2=8"}, "alphabet_words", "which are gsm, unicode"),
        ({"purpose_words": "sms=1"}, "purpose_words", "which are otp, transactional, promotional"),
        ({"callback_status": "state"}, "callback_status", "the format of callbacks is none"),
        ({"callback_format": "json", "callback_status": "state"}, "callback_status", "must name its message"),
        (
            {"callback_format": "json", "callback_status": "state", "callback_id": "id"},
            "status_words",
            "no report would mean anything",
        ),
        ({"callback_format": "json"}, "", "callbacks have a format but say nothing"),
        ({"callback_format": "json", "callback_id": "a..b"}, "callback_id", "is no path"),
        ({"callback_format": "form", "callback_list": "events"}, "callback_list", "only a callback in JSON"),
        ({"callback_format": "form", "callback_id": "/x/"}, "callback_id", "has 0 groups"),
        ({"status_words": "DELIVRD=arrived"}, "status_words", "must be one of sent, delivered, read, failed"),
        ({"callback_proof": "signature", "proof_name": "X-Sig"}, "callback_proof", "needs the name of the proof"),
        ({"callback_proof": "header", "webhook_secret": "s"}, "callback_proof", "needs the name of the proof"),
        ({"callback_format": "json", "inbound_text": "text"}, "inbound_text", "give both paths or none"),
        (
            {"callback_format": "json", "inbound_from": "f", "inbound_text": "t", "inbound_when_path": "w"},
            "inbound_text",
            "inbound_when_path and inbound_when_values belong together",
        ),
        ({"balance_path": "/credit"}, "balance_at", "belong together"),
        ({"balance_at": "credit"}, "balance_at", "belong together"),
        ({"balance_path": "/credit?to={to}"}, "balance_path", "unknown placeholder {to}"),
        ({"poll_path": "/state", "poll_status": "s", "status_words": "a=sent"}, "poll_status", "names no message"),
        ({"poll_path": "/state/{id}"}, "poll_status", "belong together"),
        ({"poll_path": "/state/{id}", "poll_status": "s"}, "poll_status", "there are no status words"),
        ({"secret": "invented"}, "", "no template has {secret} or {basic}"),
        ({"secret_2": "invented"}, "", "no template has {secret_2}"),
        ({"secret": "two\nlines"}, "secret", "line break"),
        ({"username": "a\rb"}, "username", "line break"),
        ({"unheard_of": "x"}, "unheard_of", "not permitted"),
    ],
)
def test_a_mistake_is_named_with_its_field(changes: dict[str, Any], field: str, words: str) -> None:
    found = mistakes(**changes)
    assert words in found.get(field, ""), found


def test_several_mistakes_are_told_at_once_and_without_secrets() -> None:
    given = {**SMALL, "secret": "invented\nsecret", "id_path": "..", "error_kinds": "x"}
    with pytest.raises(Invalid) as refused:
        parse_settings(ADAPTER, given)
    assert {error.pointer for error in refused.value.errors} >= {
        "/settings/secret",
        "/settings/id_path",
        "/settings/error_kinds",
    }
    assert not [error for error in refused.value.errors if "invented" in error.detail]


def test_a_missing_address_says_where_to_find_it() -> None:
    with pytest.raises(Invalid, match="from the carrier's documentation"):
        parse_settings(ADAPTER, {name: value for name, value in SMALL.items() if name != "base_url"})


def test_secrets_are_masked_where_settings_are_shown() -> None:
    shown = str(masked(account()))
    assert "invented-pigeon-key-1" not in shown
    assert PIGEON["webhook_secret"] not in shown


def test_tables_are_read_line_by_line_and_between_commas() -> None:
    assert read_kinds("1=blocked, 2=unknown\n\n a=b =expired,")["a=b"] is ErrorKind.EXPIRED
    assert read_kinds("2=unknown")["2"] is None
    assert read_kinds("")["http:401"] is ErrorKind.AUTH_FAILED
    assert read_kinds("http:401=unavailable")["http:401"] is ErrorKind.UNAVAILABLE
    assert read_statuses("DELIVRD=delivered")["delivrd"] is ReportStatus.DELIVERED
    assert read_http("200, 202-204") == {200, 202, 203, 204}


def test_other_bodies_are_valid_where_their_format_holds() -> None:
    assert small(body_kind="xml", body='<sms to="{to}"><text>{text}</text></sms>').body_kind == "xml"
    assert small(body_kind="plain", body="{to} {reference}\n{text}").body_kind == "plain"
    assert small(body='{"to": {to}, "at": {timestamp}, "text": "{text}"}', number_format="no_plus").body_kind == "json"
    assert small(body='{"to": "{to}", "text": "{text}", "more": {}, "key": "{secret}"}', secret="invented").secret
    assert small(id_path="", success_status="202").id_path == ""
    assert small(secret_2="invented-2", headers="X-Second: {secret_2}").headers
