"""
The one suite over all provider folders: what every provider must keep, whoever wrote it.

A rule is a test function, named without `test_`; a folder is freed of one only by a reason in
`spec.exemptions`. What a provider does not offer at all ("-" in the table) is not a failing.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from string import ascii_lowercase, ascii_uppercase, digits

import pytest
from pydantic import SecretStr, ValidationError

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
    Found,
    Inconclusive,
    MediaFile,
    MediaUpload,
    OptOutList,
    OptOutPage,
    OptOutTelling,
    ReportPolling,
    SubmitLookup,
)
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    CallbackRejected,
    ProtocolError,
)
from sendyard.providers.registry import SLUGS, adapters, emulators
from sendyard.providers.spec import CallbackAuth
from sendyard.providers.wire import CallbackRequest, HttpResponse
from tests.providers import test_contract_both_sides, test_contract_sockets
from tests.providers.samples import (
    Case,
    account_of,
    adapter_of,
    address,
    assert_event,
    assert_receipt,
    assert_same_request,
    body_of,
    call_for,
    callback_of,
    cases,
    moment,
    outgoing_of,
    pending_of,
    response_of,
    secrets_of,
)

ABILITIES = {
    "poll": ReportPolling,
    "lookup": SubmitLookup,
    "balance": BalanceQuery,
    "probe": AccountProbe,
    "upload": MediaUpload,
    "listed": OptOutList,
    "telling": OptOutTelling,
}
SIGNED = {CallbackAuth.SIGNATURE, CallbackAuth.TIMESTAMP_SIGNATURE, CallbackAuth.SHARED_SECRET}


each_provider = pytest.mark.parametrize("slug", SLUGS)


def each_case(*kinds: str) -> pytest.MarkDecorator:
    """Parametrise over every sample of these kinds; a provider without any is skipped, not forgotten."""
    parameters = []
    for slug in SLUGS:
        found = [(kind, case) for kind in kinds for case in cases(slug, kind)]
        parameters += [pytest.param(slug, kind, case, id=f"{slug}: {case['name']}") for kind, case in found]
        if not found:
            parameters.append(pytest.param(slug, "", {}, id=f"{slug}: none"))
    return pytest.mark.parametrize(("slug", "kind", "case"), parameters)


@each_provider
def test_exemptions_name_a_rule_and_give_a_reason(slug: str) -> None:
    named = (*globals(), *vars(test_contract_both_sides), *vars(test_contract_sockets))
    rules = {name.removeprefix("test_") for name in named if name.startswith("test_")}
    for name, reason in adapters()[slug].spec.exemptions.items():
        assert name in rules, f"{slug} is exempt from {name!r}, which is no rule"
        assert len(reason) > 30


@each_provider
def test_folder_is_complete(slug: str) -> None:
    folder = files(f"sendyard.providers.{slug}")
    adapter = adapters()[slug]
    for name in ("spec.py", "adapter.py", "emulator.py", "README.md"):
        assert (folder / name).is_file(), f"{slug} has no {name}"
    abilities = set(type(adapter).__mro__)
    for kind in ("submit", "callback", *(kind for kind, ability in ABILITIES.items() if ability in abilities)):
        assert cases(slug, kind), f"{slug} has no samples/{kind}.json"
    assert adapter.spec.slug == emulators()[slug].spec.slug == slug


@each_provider
def test_spec_names_its_sources_and_every_code_says_something(slug: str) -> None:
    spec = adapters()[slug].spec
    assert spec.docs
    assert all(url.startswith("https://") for url in spec.docs)
    assert spec.codes
    assert not [code for code, known in spec.codes.items() if not known.wording]
    assert spec.meaning("no such code") is ErrorKind.UNMAPPED


# A refusal of these classes stays until a person does something; the rest the engine repeats, or nobody can change.
FOR_A_PERSON = {
    ErrorKind.AUTH_FAILED,
    ErrorKind.BLOCKED,
    ErrorKind.CONTENT_REJECTED,
    ErrorKind.INVALID_RECIPIENT,
    ErrorKind.NOT_REGISTERED,
    ErrorKind.OUT_OF_CREDIT,
    ErrorKind.REGISTRY_REFUSED,
    ErrorKind.UNSUPPORTED,
}


@each_provider
def test_a_failure_that_is_left_to_a_person_says_what_to_do(slug: str) -> None:
    codes = adapters()[slug].spec.codes
    assert not [code for code, known in codes.items() if known.meaning in FOR_A_PERSON and not known.advice]


@each_provider
def test_a_failure_is_explained_in_english(slug: str) -> None:
    failures = {
        code: known for code, known in adapters()[slug].spec.codes.items() if isinstance(known.meaning, ErrorKind)
    }
    foreign = {code: known for code, known in failures.items() if not known.wording.isascii()}
    assert not [
        code for code, known in foreign.items() if not known.advice and not re.search("[a-z]{2} [a-z]", known.wording)
    ]


@each_provider
def test_account_fields_tell_where_to_find_their_values(slug: str) -> None:
    for name, field in adapters()[slug].Account.model_fields.items():
        assert field.title, f"{slug}: {name} has no title"
        assert field.description, f"{slug}: {name} has no description"
        assert len(field.description) > 20


@each_case("submit")
def test_submit_samples_build_and_parse_exactly(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    batch = [outgoing_of(one) for one in case["outgoing"]]
    if "request" in case:
        assert_same_request(adapter.build_submit(call_for(slug, account_of(adapter, case)), batch), case["request"])
    if "response" not in case:
        return
    if "raises" in case:
        with pytest.raises(ProtocolError):
            adapter.parse_submit(batch, response_of(case["response"]))
        return
    receipts = adapter.parse_submit(batch, response_of(case["response"]))
    wanted = {one["message_id"]: one for one in case["receipts"]}
    assert len(receipts) == len(wanted)
    for receipt in receipts:
        assert_receipt(receipt, wanted[receipt.message_id])


@each_case("callback")
def test_callback_samples_parse_and_are_answered_exactly(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    call = call_for(slug, account_of(adapter, case))
    request = callback_of(case["request"])
    if "raises" in case:
        error = {"ProtocolError": ProtocolError, "CallbackRejected": CallbackRejected}[case["raises"]]
        with pytest.raises(error):
            adapter.parse_callback(call, request)
        return
    result = adapter.parse_callback(call, request)
    assert len(result.events) == len(case["events"])
    for event, wanted in zip(result.events, case["events"], strict=True):
        assert_event(event, wanted)
    assert result.reply.status == case["reply"]["status"]
    assert result.reply.body == body_of(case["reply"])


@each_case("poll")
def test_poll(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    assert isinstance(adapter, ReportPolling)
    call = call_for(slug, account_of(adapter, case))
    pending = [pending_of(one) for one in case.get("pending", ())]
    if "request" in case:
        assert_same_request(adapter.build_poll(call, case.get("cursor", ""), pending), case["request"])
    if "response" not in case:
        return
    if "raises" in case:
        with pytest.raises(ProtocolError):
            adapter.parse_poll(call, pending, response_of(case["response"]))
        return
    poll = adapter.parse_poll(call, pending, response_of(case["response"]))
    expected = case["expected"]
    assert len(poll.events) == len(expected["events"])
    for event, wanted in zip(poll.events, expected["events"], strict=True):
        assert_event(event, wanted)
    assert poll.cursor == expected.get("cursor", "")
    assert poll.more == expected.get("more", False)
    acknowledge = expected.get("acknowledge")
    assert bool(poll.acknowledge) == bool(acknowledge)
    if poll.acknowledge:
        assert_same_request(poll.acknowledge, acknowledge)


@each_case("lookup")
def test_lookup(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    assert isinstance(adapter, SubmitLookup)
    call = call_for(slug, account_of(adapter, case))
    message, at = outgoing_of(case["outgoing"]), moment(case["submitted_at"])
    if "request" in case:
        assert_same_request(adapter.build_lookup(call, message, at), case["request"])
    if "response" not in case:
        return
    if "raises" in case:
        with pytest.raises(ProtocolError):
            adapter.parse_lookup(message, at, response_of(case["response"]))
        return
    found = adapter.parse_lookup(message, at, response_of(case["response"]))
    expected = case["expected"]
    assert type(found).__name__.lower() == expected["type"].lower().replace("_", "")
    if isinstance(found, Found):
        assert found.provider_ref == expected["provider_ref"]
        if "event" in expected:
            assert found.event
            assert_event(found.event, expected["event"])
    elif isinstance(found, Inconclusive):
        assert found.reason


@each_case("balance")
def test_balance(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    assert isinstance(adapter, BalanceQuery)
    if "request" in case:
        assert_same_request(adapter.build_balance(call_for(slug, account_of(adapter, case))), case["request"])
    if "response" not in case:
        return
    if "raises" in case:
        with pytest.raises(ProtocolError):
            adapter.parse_balance(response_of(case["response"]))
        return
    found, expected = adapter.parse_balance(response_of(case["response"])), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (expected["kind"], expected["code"])
    else:
        assert (str(found.amount), found.currency) == (expected["amount"], expected["currency"])


@each_case("probe")
def test_probe(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    assert isinstance(adapter, AccountProbe)
    call = call_for(slug, account_of(adapter, case))
    if "request" in case:
        assert_same_request(adapter.build_probe(call), case["request"])
    if "response" not in case:
        return
    if "raises" in case:
        with pytest.raises(ProtocolError):
            adapter.parse_probe(call, response_of(case["response"]))
        return
    found, expected = adapter.parse_probe(call, response_of(case["response"])), case["expected"]
    assert found.ok == expected["ok"]
    assert all(words in found.detail for words in _texts(expected.get("detail_contains", ())))
    assert expected.get("facts", {}).items() <= dict(found.facts).items()
    assert (found.error.kind if found.error else None) == expected.get("kind", found.error and found.error.kind)


def _texts(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


@each_case("upload")
def test_upload(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    assert isinstance(adapter, MediaUpload)
    if "request" in case:
        given = case["file"]
        data = body_of({"body_hex": given["data_hex"]} if "data_hex" in given else {"body": given["data"]})
        file = MediaFile(given["channel"], given["filename"], given["content_type"], data)
        assert_same_request(adapter.build_upload(call_for(slug, account_of(adapter, case)), file), case["request"])
    if "response" not in case:
        return
    if "raises" in case:
        with pytest.raises(ProtocolError):
            adapter.parse_upload(response_of(case["response"]))
        return
    found, expected = adapter.parse_upload(response_of(case["response"])), case["expected"]
    if isinstance(found, ProviderError):
        assert (found.kind, found.code) == (expected["kind"], expected["code"])
        return
    assert found.handle == expected["handle"]
    if expected.get("expires_at"):
        assert found.expires_at == moment(expected["expires_at"])


@each_case("listed")
def test_listed(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    assert isinstance(adapter, OptOutList)
    assert adapter.listed_channel in adapter.spec.channels
    call = call_for(slug, account_of(adapter, case))
    if "request" in case:
        assert_same_request(adapter.build_listed(call, case["cursor"]), case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            adapter.parse_listed(call, case["cursor"], response_of(case["response"]))
        return
    found = adapter.parse_listed(call, case["cursor"], response_of(case["response"]))
    if "error" in case:
        assert isinstance(found, ProviderError)
        assert (found.kind, found.code) == (case["error"]["kind"], case["error"]["code"])
        return
    assert isinstance(found, OptOutPage)
    people = [(one.person, one.refuses, one.word) for one in found.people]
    wanted = case["expected"]["people"]
    assert people == [(address(one["person"]), one["refuses"], one["word"]) for one in wanted]
    since = [one["since"] and moment(one["since"]) for one in wanted if "since" in one]
    assert [one.since for one in found.people] == (since or [None] * len(people))
    assert found.cursor == case["expected"]["cursor"]


@each_case("telling")
def test_telling(slug: str, kind: str, case: Case) -> None:
    adapter = adapter_of(slug, case)
    assert isinstance(adapter, OptOutTelling)
    assert adapter.told_channel in adapter.spec.channels
    if "request" in case:
        call = call_for(slug, account_of(adapter, case))
        built = adapter.build_telling(call, address(case["person"]), refuses=case["refuses"])
        assert_same_request(built, case["request"])
    if "raises" in case:
        with pytest.raises(ProtocolError):
            adapter.parse_telling(response_of(case["response"]))
        return
    found = adapter.parse_telling(response_of(case["response"]))
    wanted = case.get("error")
    assert (found and (found.kind, found.code)) == (wanted and (wanted["kind"], wanted["code"]))


@each_case("submit", "callback", "poll")
def test_codes_in_samples_have_the_class_of_the_table(slug: str, kind: str, case: Case) -> None:
    spec = adapters()[slug].spec
    said = [*case.get("receipts", ()), *case.get("events", ()), *case.get("expected", {}).get("events", ())]
    for one in said:
        known = spec.codes.get(one.get("code", ""))
        if known and isinstance(known.meaning, ErrorKind):
            assert one["kind"] == known.meaning, one


def _signed_samples(slug: str) -> list[tuple[AccountSettings, CallbackRequest]]:
    adapter = adapters()[slug]
    if adapter.spec.callback_auth not in SIGNED:
        pytest.skip(f"{slug} signs nothing; only the unguessable address protects its callbacks")
    return [
        (account_of(adapter, case), callback_of(case["request"]))
        for case in cases(slug, "callback")
        if case.get("raises") != "CallbackRejected"
    ]


def _assert_rejected(slug: str, account: AccountSettings, request: CallbackRequest) -> None:
    with pytest.raises(CallbackRejected):
        adapters()[slug].for_account(account).parse_callback(call_for(slug, account), request)


@each_provider
def test_callback_body_tampering(slug: str) -> None:
    tampered = 0
    for account, request in _signed_samples(slug):
        for place in range(0, len(request.body), max(1, len(request.body) // 12)):
            body = bytearray(request.body)
            # One digit or letter for another: a change that leaves the format as it was.
            body[place] = ord(_other(chr(body[place]))) if chr(body[place]).isalnum() else body[place] ^ 1
            _assert_rejected(slug, account, replace(request, body=bytes(body)))
            tampered += 1
    assert tampered


@each_provider
def test_callback_signature_tampering(slug: str) -> None:
    tampered = 0
    for account, request in _signed_samples(slug):
        for name in [name for name in request.headers if name.endswith(("signature", "signature-256", "timestamp"))]:
            value = request.headers[name]
            places = [place for place, character in enumerate(value) if character.isalnum()]
            for place in (places[0], places[len(places) // 2]):
                forged = value[:place] + _other(value[place]) + value[place + 1 :]
                _assert_rejected(slug, account, replace(request, headers={**request.headers, name: forged}))
                tampered += 1
            without = {key: kept for key, kept in request.headers.items() if key != name}
            _assert_rejected(slug, account, replace(request, headers=without))
    assert tampered


@each_provider
def test_callback_of_another_account_is_rejected(slug: str) -> None:
    for account, request in _signed_samples(slug):
        secrets = {
            name: SecretStr("".join(map(_other, value.get_secret_value())))
            for name in type(account).model_fields
            if isinstance(value := getattr(account, name), SecretStr)
        }
        _assert_rejected(slug, account.model_copy(update=secrets), request)


def _other(character: str) -> str:
    """Another character of the same kind, so that formats stay valid and values do not."""
    for alphabet in (digits, ascii_lowercase, ascii_uppercase):
        if character in alphabet:
            # Hexadecimal digits stay hexadecimal, and case alone is no difference.
            return alphabet[
                (alphabet.index(character) + 1) % min(len(alphabet), 6 if character in "abcdefABCDEF" else 26)
            ]
    return character


@each_provider
def test_no_secret_shows_in_texts_and_errors(slug: str) -> None:
    seen = 0
    for kind in ("submit", "callback", "probe"):
        for case in cases(slug, kind):
            adapter = adapter_of(slug, case)
            account = account_of(adapter, case)
            call = call_for(slug, account)
            texts = [repr(account), str(account), repr(call), account.model_dump_json(), repr(account.model_dump())]
            if kind == "submit":
                batch = [outgoing_of(one) for one in case["outgoing"]]
                texts += _said(adapter.parse_submit, batch, HttpResponse(200, {}, b"\xff{"))
                texts += [repr(problem) for one in batch for problem in adapter.check(account, one)]
            if kind == "callback":
                forged = replace(callback_of(case["request"]), headers={}, body=b"\xff{")
                texts += _said(adapter.parse_callback, call, forged)
            if kind == "probe" and isinstance(adapter, AccountProbe) and "response" in case:
                answer = response_of(case["response"])
                texts += _said(adapter.parse_probe, call, answer)
            for secret in filter(None, secrets_of(account)):
                seen += 1
                assert not [text for text in texts if secret in text]
    assert seen


def _said(parse: Callable[..., object], *given: object) -> list[str]:
    try:
        return [repr(parse(*given))]
    except (ProtocolError, CallbackRejected) as error:
        return [repr(error), str(error)]


@each_provider
def test_an_invalid_account_is_refused_without_repeating_secrets(slug: str) -> None:
    adapter, emulator = adapters()[slug], emulators()[slug]
    valid = {"base_url": f"https://emulator.test{emulator.base_path}", **emulator.sample_account}
    with pytest.raises(ValidationError):
        adapter.Account(**{**valid, "no_such_field": "x"})
    with pytest.raises(ValidationError):
        adapter.Account(**{**valid, "base_url": "not an address"})
    secret_fields = [name for name in valid if isinstance(getattr(adapter.Account(**valid), name), SecretStr)]
    assert secret_fields
    for name in secret_fields:
        # Longer than any provider allows, with characters that none of them has in a credential.
        unusable = f" {valid[name]}\n" * 50
        assert valid[name] not in _complaint(adapter, {**valid, name: unusable})


def _complaint(adapter: Adapter, fields: dict[str, str]) -> str:
    try:
        return str(adapter.Account(**fields))
    except ValidationError as refused:
        return str(refused)
