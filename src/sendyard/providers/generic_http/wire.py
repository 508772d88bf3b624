"""
An account made ready: templates compiled, tables read, paths taken apart; once per account, never per message.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sendyard.domain.errors import ErrorKind
from sendyard.domain.gsm import is_gsm
from sendyard.domain.phone import country_of, national_digits
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Pending
from sendyard.providers.contract import Call, Outgoing
from sendyard.providers.generic_http.account import ALPHABETS, PURPOSES, GenericHttpAccount
from sendyard.providers.generic_http.paths import Path, compile_path, compile_pattern
from sendyard.providers.generic_http.placeholders import (
    RequestTemplate,
    compile_request,
    filled_with,
    in_address,
    in_header,
)
from sendyard.providers.generic_http.tables import listed, read_http, read_kinds, read_statuses, read_words
from sendyard.providers.generic_http.wording import CONTENT_TYPES, ESCAPES, read_headers
from sendyard.providers.wire import HttpRequest


@dataclass(frozen=True, slots=True)
class CallbackPaths:
    """Where things stand in a callback; None for what it does not tell."""

    reference: Path | None
    id: Path | None
    recipient: Path | None
    status: Path | None
    error: Path | None
    time: Path | None


@dataclass(frozen=True, slots=True)
class InboundPaths:
    """Where things stand in what a person wrote."""

    when: Path | None
    when_values: frozenset[str]
    sender: Path | None
    recipient: Path | None
    text: Path | None
    id: Path | None
    time: Path | None


@dataclass(frozen=True, slots=True)
class Wire:
    """One account, ready for use."""

    account: GenericHttpAccount
    target: RequestTemplate[Call, Outgoing]
    body: RequestTemplate[Call, Outgoing]
    fixed_headers: Mapping[str, str]
    headers: tuple[tuple[str, RequestTemplate[Call, Outgoing]], ...]  # those that differ from message to message
    poll: RequestTemplate[Call, Pending]
    throttled: frozenset[int]
    refused: frozenset[int]
    accepted: frozenset[int]
    success: Path | None
    success_values: frozenset[str]
    success_pattern: "re.Pattern[str] | None"
    id: Path | None
    parts: Path | None
    cost: Path | None
    error: Path | None
    error_text: Path | None
    kinds: Mapping[str, ErrorKind | None]
    statuses: Mapping[str, ReportStatus]
    callback_list: Path | None
    callback: CallbackPaths
    inbound: InboundPaths
    balance: Path | None
    probe: Path | None
    poll_status: Path | None
    poll_error: Path | None


def written(account: GenericHttpAccount, e164: str, country: str = "") -> str:
    """
    Write a number as the carrier wants it.

    Raises:
        ValueError: national form is wanted, and the number belongs to no country we know.
    """
    if account.number_format == "e164":
        return e164
    if account.number_format == "no_plus":
        return e164[1:]
    return national_digits(e164, account.country or country or country_of(e164))


def wire_of(account: GenericHttpAccount) -> Wire:
    """Make an account ready."""
    constants = _constants(account)
    getters = _message_getters(account)
    headers = _headers(account)
    compiled = {name: compile_request(value, getters, constants, in_header) for name, value in headers.items()}
    prefix = account.base_url.replace("%", "%%")
    target = compile_request(account.send_path, getters, constants, in_address)
    poll = compile_request(account.poll_path, _poll_getters(account), constants, in_address)
    return Wire(
        account=account,
        target=RequestTemplate(prefix + target.form, target.getters, in_address),
        body=compile_request(account.body, getters, constants, ESCAPES[account.body_kind]),
        fixed_headers={name: one.form % () for name, one in compiled.items() if not one.getters},
        headers=tuple((name, one) for name, one in compiled.items() if one.getters),
        poll=RequestTemplate(prefix + poll.form, poll.getters, in_address),
        throttled=read_http(account.throttle_status),
        # A request that came too late (408) may have been read all the same.
        refused=read_http(account.refused_status) - {408},
        accepted=read_http(account.success_status),
        success=_path(account.success_path),
        success_values=listed(account.success_values),
        success_pattern=compile_pattern(account.success_pattern) if account.success_pattern else None,
        id=_path(account.id_path),
        parts=_path(account.parts_path),
        cost=_path(account.cost_path),
        error=_path(account.error_path),
        error_text=_path(account.error_text_path),
        kinds=read_kinds(account.error_kinds),
        statuses=read_statuses(account.status_words),
        callback_list=_path(account.callback_list),
        callback=CallbackPaths(
            reference=_told(account, account.callback_reference),
            id=_told(account, account.callback_id),
            recipient=_told(account, account.callback_recipient),
            status=_told(account, account.callback_status),
            error=_told(account, account.callback_error),
            time=_told(account, account.callback_time),
        ),
        inbound=InboundPaths(
            when=_told(account, account.inbound_when_path),
            when_values=listed(account.inbound_when_values),
            sender=_told(account, account.inbound_from),
            recipient=_told(account, account.inbound_to),
            text=_told(account, account.inbound_text),
            id=_told(account, account.inbound_id),
            time=_told(account, account.inbound_time),
        ),
        balance=_path(account.balance_at),
        probe=_path(account.probe_at),
        poll_status=_path(account.poll_status),
        poll_error=_path(account.poll_error),
    )


def question(call: Call, wire: Wire, template: str) -> HttpRequest:
    """Build a question that is about no message; rare, so it is compiled each time."""
    constants = _constants(wire.account) | {"timestamp": str(int(call.now.timestamp()))}
    target = filled_with(template, lambda name: in_address(constants[name]))
    return asked(call, wire, f"{wire.account.base_url}{target}")


def asked(call: Call, wire: Wire, url: str) -> HttpRequest:
    """Put a question with the account's headers; with POST the query travels as a form body."""
    headers = {name: value for name, value in wire.fixed_headers.items() if name != "content-type"}
    moment = {"timestamp": str(int(call.now.timestamp())), "exchange": call.exchange_id, "reference": call.exchange_id}
    constants = _constants(wire.account) | moment
    written_headers = _headers(wire.account)
    for name, _ in wire.headers:
        headers[name] = filled_with(written_headers[name], lambda word: in_header(constants[word]))
    if wire.account.ask_method == "GET":
        return HttpRequest("GET", url, headers)
    address, _, query = url.partition("?")
    return HttpRequest("POST", address, headers | {"content-type": CONTENT_TYPES["form"]}, query.encode())


def _headers(account: GenericHttpAccount) -> dict[str, str]:
    written_headers = read_headers(account.headers)
    if account.body_kind in CONTENT_TYPES:
        written_headers.setdefault("content-type", CONTENT_TYPES[account.body_kind])
    return written_headers


def _constants(account: GenericHttpAccount) -> dict[str, str]:
    secret = account.secret.get_secret_value()
    return {
        "username": account.username,
        "secret": secret,
        "secret_2": account.secret_2.get_secret_value(),
        "basic": b64encode(f"{account.username}:{secret}".encode()).decode(),
    }


def _message_getters(account: GenericHttpAccount) -> dict[str, Callable[[Call, Outgoing], str]]:
    alphabets = read_words(account.alphabet_words, ALPHABETS)
    purposes = read_words(account.purpose_words, PURPOSES)
    gsm, unicode = alphabets["gsm"], alphabets["unicode"]
    return {
        "to": lambda _call, one: written(account, one.to.value, one.country),
        "text": lambda _call, one: text_of(one),
        "sender": lambda _call, one: one.sender,
        "reference": lambda _call, one: one.reference,
        "callback_url": lambda call, _one: call.callback_url,
        "exchange": lambda call, _one: call.exchange_id,
        "timestamp": lambda call, _one: str(int(call.now.timestamp())),
        "purpose": lambda _call, one: purposes[one.purpose.value],
        "alphabet": lambda _call, one: gsm if is_gsm(text_of(one)) else unicode,
        "entity_id": lambda _call, one: one.registration.get("entity_id", ""),
        "template_id": lambda _call, one: one.registration.get("template_id", ""),
        "country": lambda _call, one: one.country,
    }


def _poll_getters(account: GenericHttpAccount) -> dict[str, Callable[[Call, Pending], str]]:
    return {
        "to": lambda _call, one: written(account, one.to.value),
        "reference": lambda _call, one: one.reference,
        "id": lambda _call, one: one.provider_ref,
    }


def text_of(outgoing: Outgoing) -> str:
    """What the person will read; `check` lets nothing but texts through."""
    return outgoing.content.body


def _path(source: str) -> Path | None:
    return compile_path(source) if source else None


def _told(account: GenericHttpAccount, source: str) -> Path | None:
    if not source or account.callback_format == "json" or source.startswith("/"):
        return _path(source)
    return Path(source)  # the name of a parameter, whatever characters it has
