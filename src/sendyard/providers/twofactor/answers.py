"""
How 2Factor answers: `{"Status": "Success"|"Error", "Details": "…"}`, with HTTP statuses that prove little.

Errors come with HTTP 400, 401 and also 200; a right code after its time comes as a success. So the body decides, and a
5xx or anything else than this JSON settles nothing (sheet section 4).
"""

from decimal import Decimal
from functools import lru_cache

import msgspec

from sendyard.domain.errors import ErrorKind, ProviderError
from sendyard.domain.money import Money
from sendyard.providers.contract import ProtocolError
from sendyard.providers.twofactor.codes import CODES, name_of
from sendyard.providers.twofactor.spec import SPEC
from sendyard.providers.wire import HttpResponse


class Answer(msgspec.Struct):
    """One answer; `Details` is a sentence, a session id or a number."""

    status: str = msgspec.field(name="Status", default="")
    details: str | int | float | None = msgspec.field(name="Details", default=None)

    @property
    def text(self) -> str:
        """`Details` as text, without blanks around it."""
        return "" if self.details is None else str(self.details).strip()


_DECODER = msgspec.json.Decoder(Answer)


def read(response: HttpResponse) -> Answer:
    """
    Decode an answer that may be judged.

    Raises:
        ProtocolError: the server failed (5xx), or the body is not the documented JSON.
    """
    if response.status >= 500:
        raise ProtocolError(f"expected an answer of 2Factor, found HTTP {response.status}")
    try:
        answer = _DECODER.decode(response.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if response.status == 429:
            return Answer("Error", CODES["too_many_requests"].wording)
        raise ProtocolError(f"expected JSON with Status from 2Factor, found HTTP {response.status}: {error}") from error
    if answer.status.lower() not in {"success", "error"}:
        raise ProtocolError(f"expected Status 'Success' or 'Error' from 2Factor, found {answer.status[:30]!r}")
    return answer


def refusal(answer: Answer, response: HttpResponse) -> ProviderError | None:
    """2Factor's no, or None for its yes. Raises ProtocolError for a yes with a failing HTTP status."""
    if response.status == 429:
        return ProviderError(ErrorKind.THROTTLED, "too_many_requests", answer.text, _retry_after(response))
    if answer.status.lower() == "error":
        code = name_of(answer.text)
        return ProviderError(SPEC.error_kind(code), code, answer.text, _retry_after(response))
    if response.status != 200:
        raise ProtocolError(f"expected HTTP 200 with Status 'Success' from 2Factor, found {response.status}")
    return None


def session_of(answer: Answer) -> str:
    """The session id of a successful send. Raises ProtocolError when `Details` is none."""
    session = answer.text
    if not 8 <= len(session) <= 64 or not session.replace("-", "").isalnum() or not session.isascii():
        raise ProtocolError(f"expected a session id in Details from 2Factor, found {session[:30]!r}")
    return session


@lru_cache(maxsize=256)
def credits_of(text: str) -> Money:
    """A number of messages that are paid for. Raises ProtocolError when it is no number."""
    digits = text.removeprefix("-")
    if not (1 <= len(digits) <= 15 and digits.isascii() and digits.replace(".", "", 1).isdigit()):
        raise ProtocolError(f"expected a number of messages in Details from 2Factor, found {text[:30]!r}")
    return Money(Decimal(text), "XPT")


def _retry_after(response: HttpResponse) -> float | None:
    given = response.headers.get("retry-after", "").strip()
    return float(given) if given.isascii() and given.isdigit() and len(given) < 6 else None
