"""
The contract suite's rules about adapter and emulator together, joined without sockets.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files

import pytest

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.status import ReportStatus
from sendyard.providers.contract import Accepted, DeliveryEvent, Refused
from sendyard.providers.emulation import EmulatedRequest, Refusal, Report
from sendyard.providers.registry import SLUGS, adapters, emulators
from tests.providers.samples import NOW
from tests.providers.wire_pair import TOLD_WHEN_ASKED, Pair

each_provider = pytest.mark.parametrize("slug", SLUGS)


@each_provider
def test_emulator_does_not_know_the_adapter(slug: str) -> None:
    folder = files(f"sendyard.providers.{slug}")
    package = f"sendyard.providers.{slug}"
    seen: set[str] = set()
    waiting = [f"{package}.emulator"]
    while waiting:
        module = waiting.pop()
        seen.add(module)
        source = (folder / f"{module.removeprefix(package + '.')}.py").read_text("utf-8")
        waiting += [name for name in _imports_within(package, source) if name not in seen]
    assert f"{package}.adapter" not in seen


def _imports_within(package: str, source: str) -> Iterator[str]:
    folder = files(package)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue
        for name in (node.module, *(f"{node.module}.{alias.name}" for alias in node.names)):
            if name.startswith(f"{package}.") and (folder / f"{name.removeprefix(package + '.')}.py").is_file():
                yield name


@each_provider
def test_every_code_keeps_its_class_over_the_wire(slug: str) -> None:
    """Each error code, said by the emulator as a refusal or in a report, is read as the table has it."""
    codes = adapters()[slug].spec.codes
    read_as: dict[str, set[ErrorKind]] = {}
    errors_told = [code for code, known in codes.items() if isinstance(known.meaning, ErrorKind)]
    for code in errors_told:
        # One string may be a code of the submit and none of the reports, so either reading will do; a code
        # that leaves the fate of a submit open shows in neither.
        refused = _refused_with(slug, code)
        errors = (refused, _failed_with(slug, code)) if refused else ()
        if kinds := {error.kind for error in errors if error and error.code == code}:
            read_as[code] = kinds
    assert not {code: kinds for code, kinds in read_as.items() if codes[code].meaning not in kinds}
    assert len(read_as) > len(errors_told) / 2


@each_provider
def test_a_code_in_no_table_is_unmapped_not_an_exception(slug: str) -> None:
    refused = _refused_with(slug, "", ErrorKind.UNMAPPED)
    assert refused is None or refused.kind is ErrorKind.UNMAPPED
    pair = Pair(slug, callbacks=True)
    events = _reported(pair, Report(ReportStatus.FAILED, pair.now, ErrorKind.UNMAPPED))
    assert [event.error.kind if event.error else event.status for event in events] == ["unmapped"]


def _refused_with(slug: str, code: str, kind: ErrorKind = ErrorKind.CONTENT_REJECTED) -> ProviderError | None:
    pair = Pair(slug)
    (receipt,) = pair.submit([pair.outgoing()], lambda _to: Refusal(kind, code))
    assert not isinstance(receipt, Accepted)
    return receipt.error if isinstance(receipt, Refused) else None


def _failed_with(slug: str, code: str) -> ProviderError | None:
    pair = Pair(slug, callbacks=True)
    events = _reported(pair, Report(ReportStatus.FAILED, pair.now, ErrorKind.UNDELIVERABLE, code))
    return events[0].error if events else None


def _reported(pair: Pair, report: Report) -> list[DeliveryEvent]:
    (receipt,) = pair.submit([pair.outgoing()])
    callback = pair.emulator.settle(pair.state, pair.received[0], replace(report, at=pair.now))
    if pair.slug in TOLD_WHEN_ASKED:
        assert callback is None
        return pair.asked(receipt)
    if "messages_arrive_and_their_reports_come_back" in pair.adapter.spec.exemptions:
        assert callback is None, "a provider that reports nothing must not call back"
        return []
    assert callback, "with a callback address, every final report is called back"
    return [event for event in pair.hear(callback).events if isinstance(event, DeliveryEvent)]


@each_provider
@pytest.mark.parametrize("kind", ErrorKind)
def test_every_class_of_error_can_be_asked_of_the_emulator(slug: str, kind: ErrorKind) -> None:
    """Where a provider has no word for a class, its nearest one stands in; a message is never taken all the same."""
    pair = Pair(slug, callbacks=True)
    (receipt,) = pair.submit([pair.outgoing()], lambda _to: Refusal(kind))
    assert not isinstance(receipt, Accepted) or "a_refusal_hits_its_recipient_alone" in pair.adapter.spec.exemptions
    pair = Pair(slug, callbacks=True)
    pair.submit([pair.outgoing()])
    pair.emulator.settle(pair.state, pair.received[0], Report(ReportStatus.FAILED, pair.now, kind))


@each_provider
def test_a_callback_that_waited_is_signed_for_the_hour_in_which_it_leaves(slug: str) -> None:
    """A repetition hours later proves itself as the first try did, and says the same."""
    pair = Pair(slug, callbacks=True)
    pair.submit([pair.outgoing()])
    report = Report(ReportStatus.DELIVERED, pair.now)
    callback = pair.emulator.settle(pair.state, pair.received[0], report)
    if callback is None:
        pytest.skip(f"{slug} calls back no report")
    first = pair.hear(callback)
    at_once = pair.emulator.sent_later(pair.state, callback, report.at)
    assert at_once == callback, "the same moment makes the same bytes"
    pair.now += timedelta(hours=10)
    later = pair.emulator.sent_later(pair.state, callback, pair.now)
    assert pair.hear(later).events == first.events
    assert (later.method, later.url, later.body) == (callback.method, callback.url, callback.body)


@each_provider
def test_emulator_answers_404_to_what_is_not_documented(slug: str) -> None:
    emulator = emulators()[slug]
    for path in ("/", "/no/such/path", f"{emulator.base_path}/no-such-call", "/%ff"):
        for method in ("GET", "POST", "DELETE"):
            headers = {"authorization": "Basic QUM6eA=="}
            handled = emulator.handle(EmulatedRequest(method, path, "", headers, b"", NOW), emulator.new_state())
            assert handled.response.status == 404, f"{method} {path}"
            assert not handled.received
