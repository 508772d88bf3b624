"""
AiSensy's JSON answers as values, and what they mean for a message.

`success` is the text "true" (a boolean in some answers); refusals are sentences under `message`, `errorMessage` or
`error`, or plain text; the Project API also answers in Meta's form, `error` being an object with a number.
Source: sheet, sections 4 and 5 (help.aisensy.com articles 5358962 and 11501889).
"""

from typing import TypeVar

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.providers.aisensy.codes import META, SENTENCES, named
from sendyard.providers.contract import Accepted, ProtocolError, Receipt, Refused, Unknown
from sendyard.providers.meta_codes import meta_error
from sendyard.providers.wire import HttpResponse

_LONGEST_WAIT = 86_400.0  # seconds; a longer Retry-After is a mistake of someone's
_LONGEST_TEXT = 300

T = TypeVar("T")


class MetaError(msgspec.Struct, frozen=True):
    """An error in Meta's form."""

    code: int | str | None = None
    message: str | None = None


class _Id(msgspec.Struct, frozen=True):
    id: str


class Answer(msgspec.Struct, frozen=True):
    """What either API may say to a message."""

    success: str | bool | None = None
    submitted_message_id: str | None = None
    message: str | None = None
    error_message: str | None = msgspec.field(default=None, name="errorMessage")
    error: str | bool | MetaError | None = None
    messages: tuple[_Id, ...] = ()

    @property
    def is_success(self) -> bool:
        """Whether it says so in so many words."""
        return self.success is True or (isinstance(self.success, str) and self.success.lower() == "true")

    @property
    def is_failure(self) -> bool:
        """Whether it says that it failed, in so many words or by an error."""
        said_no = self.success is False or (isinstance(self.success, str) and self.success.lower() == "false")
        return said_no or bool(self.error_message) or bool(self.error)

    @property
    def text(self) -> str:
        """The sentence, wherever it stands."""
        error = self.error.message if isinstance(self.error, MetaError) else self.error
        return self.message or self.error_message or (error if isinstance(error, str) else "") or ""


_answer = msgspec.json.Decoder(Answer)


def decode(decoder: msgspec.json.Decoder[T], response: HttpResponse, what: str) -> T:
    """Read a body. Raises ProtocolError that names `what` was expected."""
    try:
        return decoder.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
        raise ProtocolError(f"expected {what} as JSON with HTTP {response.status}, found: {problem}") from None


def answer_of(response: HttpResponse) -> Answer:
    """Read an answer; a refusal may also be plain text. Raises ProtocolError."""
    if response.status < 400:
        return decode(_answer, response, "an answer of AiSensy")
    try:
        return _answer.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Answer(message=response.body[:_LONGEST_TEXT].decode("utf-8", "replace"))


def error_of(response: HttpResponse, answer: Answer) -> ProviderError:
    """Sort a no: by Meta's number, by the HTTP status where that is plain, then by the sentence."""
    text = answer.text[:_LONGEST_TEXT] or f"HTTP {response.status}"
    if response.status == 429:
        return ProviderError(ErrorKind.THROTTLED, "rate_limit", text, _retry_after(response))
    if isinstance(answer.error, MetaError) and answer.error.code is not None:
        code = str(answer.error.code)[:20]
        return meta_error(META, code, text)
    name = "api_key" if response.status in {401, 403} else named(text)
    if name:
        kind = SENTENCES[name].meaning
        return ProviderError(kind if isinstance(kind, ErrorKind) else ErrorKind.UNMAPPED, name, text)
    return ProviderError(ErrorKind.UNMAPPED, f"http:{response.status}", text)


def refusal_of(response: HttpResponse) -> ProviderError | None:
    """Why a question was not answered; None for an answer. Raises ProtocolError for a status below 200 or of 3xx."""
    if response.status >= 500:
        return ProviderError(ErrorKind.UNAVAILABLE, f"http:{response.status}", f"HTTP {response.status}")
    if response.status >= 400:
        return error_of(response, answer_of(response))
    if not 200 <= response.status < 300:
        raise ProtocolError(f"expected HTTP 200 or a refusal from AiSensy, found HTTP {response.status}")
    return None


def receipt_of(message_id: str, response: HttpResponse) -> Receipt:
    """
    Judge the answer to a message, of either API.

    Raises:
        ProtocolError: a 2xx that is no JSON, or a status that no API of AiSensy's has.
    """
    status = response.status
    if status >= 500 or status == 408:
        return Unknown(message_id, f"AiSensy answered HTTP {status}, which leaves open whether it took the message")
    answer = answer_of(response)
    if status >= 400:
        return Refused(message_id, error_of(response, answer))
    if not 200 <= status < 300:
        raise ProtocolError(f"expected HTTP 200 or a refusal from AiSensy, found HTTP {status}")
    is_taken = answer.is_success or bool(answer.messages)
    if answer.is_failure and not is_taken:
        return Refused(message_id, error_of(response, answer))
    if answer.is_failure or not is_taken:
        both = "both yes and no" if is_taken else "neither yes nor no"
        return Unknown(message_id, f"AiSensy's answer says {both}: {answer.text[:100]}")
    return Accepted(message_id, answer.messages[0].id if answer.messages else answer.submitted_message_id or "")


def _retry_after(response: HttpResponse) -> float | None:
    """Seconds of `Retry-After`; None for its date form, which says nothing without a clock."""
    value = response.headers.get("retry-after", "").strip()
    return min(float(value), _LONGEST_WAIT) if value.isascii() and value.isdecimal() else None
