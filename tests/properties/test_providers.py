"""
What holds for any text and any bytes, at every provider.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sendyard.domain.content import Content
from sendyard.domain.errors import Invalid
from sendyard.providers.abilities import (
    AccountProbe,
    BalanceQuery,
    MediaUpload,
    OptOutList,
    OptOutTelling,
    Pending,
    ReportPolling,
    SubmitLookup,
)
from sendyard.providers.contract import Accepted, Adapter, CallbackRejected, ProtocolError
from sendyard.providers.emulation import EmulatedRequest
from sendyard.providers.registry import SLUGS, emulators
from sendyard.providers.wire import HttpResponse
from tests.providers.samples import NOW, account_of, adapter_of, body_of, call_for, callback_of, cases
from tests.providers.wire_pair import Pair, outgoing, problems

_T = TypeVar("_T")

each_provider = pytest.mark.parametrize("slug", SLUGS)
generous = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,  # a red run must be red again
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

# Where formats hurt: their separators, line ends, escapes, and characters that change charset or width.
AWKWARD = st.sampled_from(
    (
        *("$$", "$", "\r\n", "\n", "\r", "\x06", "\t", "[a]", "msgid=1", "=", "&", "%", "%24", "+", "#{x}", "{x}"),
        *('"', "\\", "한글", "뷁", "中文", "€", "^", "—", "“”", "😀", "é", "\u00a0", "\u200b", "\ufeff", "\x00"),
        *("\x1b", "</", "\\u0041"),
    )
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(AWKWARD | st.text(alphabet="abc 가나 訂單", max_size=5), max_size=8).map("".join),
    st.text(alphabet="가나다 ABC\n", min_size=1, max_size=120),
    st.text(alphabet="訂單已確認 ABC\n", min_size=1, max_size=120),
)


@each_provider
@generous
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_any_text_that_passes_the_checks_arrives_as_exactly_that(slug: str, texts: list[str]) -> None:
    pair = Pair(slug)
    messages = [pair.outgoing(count, text) for count, text in enumerate(texts, 1)]
    messages = [message for message in messages if not problems(pair.adapter, pair.account, message)]
    assume(messages)
    for batch in _batches(pair.adapter, messages):
        receipts = pair.submit(batch)
        assert [type(receipt) for receipt in receipts] == [Accepted] * len(batch), receipts
    arrived = {received.to: received.text for received in pair.received}
    assert len(pair.received) == len(messages)
    assert arrived == {message.to.value: _body(message.content) for message in messages}


def _body(content: Content) -> str:
    return content.body


def _batches(adapter: Adapter, messages: list[Any]) -> list[list[Any]]:
    batches: list[list[Any]] = []
    for message in messages:
        fitting = [
            batch
            for batch in batches
            if len(batch) < adapter.spec.batch.limit and adapter.batch_key(batch[0]) == adapter.batch_key(message)
        ]
        if fitting:
            fitting[0].append(message)
        else:
            batches.append([message])
    return batches


@each_provider
@generous
@given(text=TEXTS)
def test_checks_accept_what_people_write(slug: str, text: str) -> None:
    """A check that refused everything would make the other properties empty."""
    pair = Pair(slug)
    plain = "".join(character for character in text if character.isascii() and character.isprintable())
    assume(plain.strip())
    message = pair.outgoing(1, plain.replace("$$", "$ "))
    assume("$$" not in _body(message.content))
    assert not problems(pair.adapter, pair.account, message)


@cache
def _sample_bodies(slug: str, kind: str) -> tuple[bytes, ...]:
    answers = [case["response"] for case in cases(slug, kind) if "response" in case]
    return tuple(dict.fromkeys(body_of(answer) for answer in answers)) or (b"{}",)


@st.composite
def damaged(draw: st.DrawFn, bodies: tuple[bytes, ...]) -> bytes:
    """Bytes that were a good answer before something happened to them, or never were."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.binary(max_size=300))
    body = bytearray(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, max(0, len(body) - 1)))
        end = start + draw(st.sampled_from([0, 1, 1, 4, 20]))
        body[start:end] = draw(
            st.sampled_from([b"", b"null", b"[]", b"{}", b'"', b"9" * 400, b"-1", b"1e999", b"\xff", b"\r\n", b"="])
            | st.binary(max_size=3)
        )
    return bytes(body)


STATUSES = st.sampled_from([200, 200, 201, 204, 302, 400, 401, 403, 404, 408, 429, 500, 503])
HEADERS = st.sampled_from([{}, {"retry-after": "7"}, {"retry-after": "soon"}, {"retry-after": "9" * 400}])


@each_provider
@generous
@given(data=st.data())
def test_random_answers_raise_only_protocol_errors(slug: str, data: st.DataObject) -> None:
    pair = Pair(slug)
    adapter, call, message = pair.adapter, pair.call(), pair.outgoing()

    def answer(kind: str) -> HttpResponse:
        return HttpResponse(data.draw(STATUSES), data.draw(HEADERS), data.draw(damaged(_sample_bodies(slug, kind))))

    receipts = _read(lambda: adapter.parse_submit([message], answer("submit")))
    assert receipts is None or [receipt.message_id for receipt in receipts] in ([], [message.message_id])
    if isinstance(adapter, ReportPolling):
        pending = [Pending(message.reference, "SM1", message.to, NOW)]
        _read(lambda: adapter.parse_poll(call, pending, answer("poll")))
    if isinstance(adapter, SubmitLookup):
        _read(lambda: adapter.parse_lookup(message, NOW, answer("lookup")))
    if isinstance(adapter, BalanceQuery):
        _read(lambda: adapter.parse_balance(answer("balance")))
    if isinstance(adapter, AccountProbe):
        _read(lambda: adapter.parse_probe(call, answer("probe")))
    if isinstance(adapter, MediaUpload):
        _read(lambda: adapter.parse_upload(answer("upload")))
    if isinstance(adapter, OptOutList):
        _read(lambda: adapter.parse_listed(call, "", answer("listed")))
    if isinstance(adapter, OptOutTelling):
        _read(lambda: adapter.parse_telling(answer("telling")))


@each_provider
@generous
@given(data=st.data())
def test_random_callbacks_raise_only_rejections_and_protocol_errors(slug: str, data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(cases(slug, "callback")))
    adapter = adapter_of(slug, case)
    call, request = call_for(slug, account_of(adapter, case)), callback_of(case["request"])
    body = data.draw(damaged((request.body,)))
    query = data.draw(damaged((request.query.encode(),))).decode("latin-1")
    headers = {name: data.draw(st.just(value) | st.text(max_size=20)) for name, value in request.headers.items()}
    _read(lambda: adapter.parse_callback(call, replace(request, body=body)))
    _read(lambda: adapter.parse_callback(call, replace(request, query=query, url=f"https://gw.example.test/?{query}")))
    _read(lambda: adapter.parse_callback(call, replace(request, headers=headers)))


def _read(parse: Callable[[], _T]) -> _T | None:
    try:
        return parse()
    except (ProtocolError, CallbackRejected, Invalid) as said:
        return None if str(said) else pytest.fail("an error without a word")


@each_provider
@generous
@given(data=st.data())
def test_the_emulator_answers_whatever_it_is_sent(slug: str, data: st.DataObject) -> None:
    pair = Pair(slug)
    good = pair.adapter.build_submit(pair.call(), [outgoing(pair.adapter, pair.emulator)])
    emulator = emulators()[slug]
    path, _, query = good.url.removeprefix("http://emulator.test").partition("?")
    headers = {name.lower(): value for name, value in good.headers.items()}
    for name in data.draw(st.sets(st.sampled_from(sorted(headers)))):
        headers[name] = data.draw(st.text(max_size=30))
    handled = emulator.handle(
        EmulatedRequest(
            data.draw(st.sampled_from(["POST", "POST", "GET", "PUT", "DELETE"])),
            data.draw(st.just(path) | damaged((path.encode(),)).map(lambda raw: raw.decode("latin-1"))),
            data.draw(st.just(query) | damaged((query.encode(),)).map(lambda raw: raw.decode("latin-1"))),
            headers,
            data.draw(damaged((good.body,))),
            NOW,
        ),
        pair.state,
    )
    assert 200 <= handled.response.status < 600
