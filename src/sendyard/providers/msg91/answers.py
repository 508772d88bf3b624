"""
How MSG91 answers, and how an answer is judged: never by its HTTP status alone.

`{"type": "success" | "error", "message": …}` from the older calls, `{"status": …, "hasError": …, "errors": …,
"code": …, "apiError": …}` from the newer ones; errors come with HTTP 200 as well as with 400, 401 and 418
(sheet, sections 1, 3 and 4).
"""

import math
from typing import Any

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.contract import ProtocolError
from sendyard.providers.msg91.codes import CODES, THROTTLED, WINDOW_CLOSED, code_of_words
from sendyard.providers.msg91.spec import SPEC
from sendyard.providers.wire import HttpResponse

_SAYING = {401: "401", 418: "418", 429: THROTTLED}
"""HTTP statuses that say enough without a body."""

_LONGEST_WAIT = 3600.0
_UNTIL_THE_WINDOW_OPENS = 3600.0  # asked again each hour; the route is closed from 21:00 to 10:00
_WORDS_KEPT = 200


class Answer(msgspec.Struct):
    """One answer of a version 5 call; `data` is read by who asked."""

    type: Any = None
    message: Any = None
    request_id: Any = None
    status: Any = None
    has_error: Any = msgspec.field(default=None, name="hasError")
    errors: Any = None
    code: Any = None
    api_error: Any = msgspec.field(default=None, name="apiError")
    data: msgspec.Raw = msgspec.field(default_factory=lambda: msgspec.Raw(b"null"))
    metadata: Any = None

    @property
    def request(self) -> str:
        """The request id, which newer answers name so and older ones give as `message`."""
        return word(self.request_id) or word(self.message)

    @property
    def words(self) -> str:
        """What MSG91 says about it, for people and for `code_of_words`."""
        return word(self.message) or word(self.errors)

    @property
    def succeeded(self) -> bool:
        """Whether it says "success", and nothing beside it says otherwise."""
        return "success" in {word(self.type), word(self.status)} and not self.failed

    @property
    def failed(self) -> bool:
        """Whether it says that something was refused."""
        return self.has_error is True or word(self.type) == "error" or word(self.status) in {"fail", "error"}


_ANSWER = msgspec.json.Decoder(Answer)


def word(value: Any) -> str:
    """A text or number as text without blanks at its ends; the first one of a list; "" for anything else."""
    if isinstance(value, str):
        return value.strip()[:_WORDS_KEPT]
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list) and value:
        return word(value[0])
    return ""


def read(response: HttpResponse) -> Answer | ProviderError:
    """
    Judge an answer: what it brought when it says success, MSG91's no otherwise.

    Raises:
        ProtocolError: it says neither in a documented form.
    """
    if response.status >= 500:
        return ProviderError(ErrorKind.UNAVAILABLE, f"http:{response.status}", f"HTTP {response.status}")
    try:
        answer = _ANSWER.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        if saying := _SAYING.get(response.status):
            return error_of(saying, "", response)
        raise ProtocolError(f"expected a JSON object from MSG91, found HTTP {response.status} with {wrong}") from wrong
    if answer.failed:
        return error_of(_code(answer, response), answer.words, response)
    if saying := _SAYING.get(response.status):
        return error_of(saying, answer.words, response)
    if response.status >= 300 or not answer.succeeded:
        found = word(answer.type) or word(answer.status)
        raise ProtocolError(f"expected success or error from MSG91, found HTTP {response.status} with {found!r}")
    return answer


def _code(answer: Answer, response: HttpResponse) -> str:
    """The most telling code: `apiError`, a documented sentence, `code`, the HTTP status."""
    given, general = word(answer.api_error), word(answer.code)
    if given in CODES:
        return given
    return (
        code_of_words(answer.words)
        or (general if general in CODES else "")
        or _SAYING.get(response.status, "")
        or given
        or general
        or "error"
    )


def error_of(code: str, words: str, response: HttpResponse) -> ProviderError:
    """MSG91's no: its class, its words or else the documented ones, and how long to wait."""
    known = CODES.get(code)
    kind = SPEC.error_kind(code)
    wait = None
    if code == WINDOW_CLOSED:
        wait = _UNTIL_THE_WINDOW_OPENS
    elif kind is ErrorKind.THROTTLED:
        wait = _retry_after(response)
    return ProviderError(kind, code, words or (known.wording if known else ""), wait)


def explain(error: ProviderError) -> str:
    """One sentence or two for people: code, words, and what to do about it."""
    known = CODES.get(error.code)
    advice = f" {known.advice}" if known and known.advice else ""
    return f"MSG91 answered {error.code} ({error.detail or 'no words'}).{advice}"


def _retry_after(response: HttpResponse) -> float | None:
    """Seconds of a `Retry-After` header, which MSG91 does not document and a proxy before it may send."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, _LONGEST_WAIT) if math.isfinite(seconds) and seconds >= 0 else None
