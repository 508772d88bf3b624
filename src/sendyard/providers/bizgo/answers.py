"""
How BizGO answers: the envelope of every response, and in which order its layers are judged.

`{"common": {authCode…}, "data": {code, result, data: {…}}}`: first the gateway's `common.authCode`, then the
service's `data.code`, then the HTTP status, then the rows. Codes decide; the words vary in case.
"""

import math
from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.bizgo.codes import ACCEPTED, GATEWAY, THROTTLED
from sendyard.providers.bizgo.spec import SPEC
from sendyard.providers.contract import ProtocolError
from sendyard.providers.wire import HttpResponse

Payload = TypeVar("Payload")

_LONGEST_WAIT = 60.0


class Common(msgspec.Struct, rename="camel"):
    """What the gateway says."""

    auth_code: str | None = None
    auth_result: str | None = None


class Row(msgspec.Struct, rename="camel"):
    """What became of one recipient; `msgKey` may be absent."""

    to: str = ""
    msg_key: str | None = None
    code: str = ""
    result: str | None = None


class Data(msgspec.Struct, Generic[Payload]):
    """What the service says; `destinations` stands here in an older form of the send answer."""

    code: str | None = None
    result: str | None = None
    data: Payload | None = None
    destinations: list[Row] | None = None


class Envelope(msgspec.Struct, Generic[Payload]):
    """One whole answer."""

    common: Common | None = None
    data: Data[Payload] | None = None


def read(decoder: "msgspec.json.Decoder[Envelope[Payload]]", response: HttpResponse) -> Envelope[Payload]:
    """Decode an answer. Raises ProtocolError when it is not the documented envelope."""
    try:
        envelope = decoder.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"expected BizGO's JSON envelope, found HTTP {response.status} with {error}") from error
    if envelope.common is None and envelope.data is None:
        raise ProtocolError(f"expected 'common' and 'data' in BizGO's answer, found neither (HTTP {response.status})")
    return envelope


def payload(envelope: Envelope[Payload]) -> Payload:
    """What the service brought. Raises ProtocolError when it brought nothing."""
    data = envelope.data
    if data is None or data.data is None:
        raise ProtocolError("expected data.data in BizGO's answer, found none")
    return data.data


def refusal(envelope: Envelope[Payload], response: HttpResponse) -> ProviderError | None:
    """
    Judge the layers above the rows: None when all of them say yes.

    A failing HTTP status without a code of BizGO's becomes the code `http:<status>`.
    """
    common, data = envelope.common, envelope.data
    if common is not None and common.auth_code is not None and common.auth_code != ACCEPTED:
        return _error(GATEWAY + common.auth_code, common.auth_result, response)
    if data is not None and data.code is not None and data.code != ACCEPTED:
        return _error(data.code, data.result, response)
    return bare_status(response)


def bare_status(response: HttpResponse) -> ProviderError | None:
    """Judge by HTTP status alone, where the body carries no code: None below 300."""
    if response.status < 300:
        return None
    if response.status == 429:
        return _error(THROTTLED, None, response)
    return ProviderError(ErrorKind.UNMAPPED, f"http:{response.status}", "no code of BizGO's in the answer")


def error_of(code: str, detail: str | None) -> ProviderError:
    """Class one service or gateway code; `detail` falls back to the documented wording."""
    known = SPEC.codes.get(code)
    return ProviderError(SPEC.error_kind(code), code, detail or (known.wording if known else ""))


def explain(error: ProviderError) -> str:
    """One sentence on a refusal for people: code, words, and what to do."""
    known = SPEC.codes.get(error.code)
    advice = f" {known.advice}" if known and known.advice else ""
    return f"BizGO answered {error.code} ({error.detail or 'no words'}).{advice}"


def _error(code: str, detail: str | None, response: HttpResponse) -> ProviderError:
    error = error_of(code, detail)
    if error.kind is ErrorKind.THROTTLED or response.status == 429:
        return ProviderError(ErrorKind.THROTTLED, code, error.detail, retry_after(response.headers))
    return error


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a `Retry-After` header, at most 60; None when absent or unusable."""
    try:
        seconds = float(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return min(seconds, _LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None
