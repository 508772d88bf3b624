"""
One operation of the interface: what it takes, what it answers, who may ask for it.

The same declaration serves requests and fills the OpenAPI document, so the two cannot differ.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import msgspec

from sendyard.api.problems import CONTENT_TYPE, Problem, encode_problem, headers_of, problem_of
from sendyard.api.uploads import Upload
from sendyard.domain.errors import AppError
from sendyard.features.people import Principal

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
DEFAULT_BODY_LIMIT = 1024 * 1024

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
B = TypeVar("B")
Q = TypeVar("Q")

encode = msgspec.json.Encoder(decimal_format="string").encode
"""The one encoder of answers: money leaves as text, times as RFC 3339 in UTC."""


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For operations without query parameters."""


class NoBody(msgspec.Struct, frozen=True):
    """For operations that read no body."""


@dataclass(frozen=True, slots=True)
class Once:
    """The key a caller chose so that repeating a create is harmless, and the digest of what was asked."""

    key: str
    fingerprint: bytes


@dataclass(slots=True)
class Ask(Generic[B, Q]):
    """A request that passed the door: authenticated, decoded and allowed."""

    principal: Principal
    path: Mapping[str, str]
    query: Q
    body: B
    accept: str = ""
    once: Once | None = None
    last_event_id: str = ""  # of a stream that is taken up again
    upload: Upload | None = None

    @property
    def file(self) -> Upload:
        """What came with a request for an operation that takes a file; removed after the answer unless moved away."""
        if self.upload is None:
            raise RuntimeError("this operation takes no file")
        return self.upload

    @property
    def workspace_id(self) -> str:
        """Whose data this is about."""
        return self.principal.workspace_id

    @property
    def is_test(self) -> bool:
        """Whether only emulated accounts may carry what is asked for."""
        return self.principal.is_test


@dataclass(slots=True)
class Answer:
    """What goes back: a body, or a stream of pieces instead."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """
    One method on one path below `/api/v1`.

    `handler` returns a Struct to be encoded with `status`, or a whole `Answer`. `creates` makes it take an
    `Idempotency-Key`; `own_transaction` says that the handler stores the key together with its result.
    `secret_answer` keeps what repetitions get encrypted.
    `is_hot` serves it before the framework's routing; its path has no parameters then.
    `takes_file` gives the handler a file on disk (`Ask.file`): the body itself, or the file of a form, whose other
    fields count as query parameters.
    `refuses` lists the problem statuses its handler may raise, beyond those that every door may.
    """

    method: Method
    path: str
    handler: Callable[[Any], Awaitable[Any]]
    summary: str
    tag: str
    answers: Any = None
    status: int = 200
    scope: str = ""
    body: type[Any] = NoBody
    body_optional: bool = False
    query: type[Any] = NoQuery
    creates: bool = False
    own_transaction: bool = False
    secret_answer: bool = False
    is_hot: bool = False
    takes_file: bool = False
    refuses: Sequence[int] = ()
    body_limit: int = DEFAULT_BODY_LIMIT
    content_types: Sequence[str] = (JSON,)
    decoder: msgspec.json.Decoder[Any] = field(init=False)

    def __post_init__(self) -> None:
        """Make the decoder once."""
        object.__setattr__(self, "decoder", msgspec.json.Decoder(self.body))

    @property
    def takes_body(self) -> bool:
        """Whether a JSON body belongs to it."""
        return self.body is not NoBody

    @property
    def problem_statuses(self) -> list[int]:
        """Every status under which it may answer with a problem document."""
        found = {401, 403, 422, 503, *self.refuses}
        if self.takes_body or self.takes_file:
            found |= {400, 413, 415}
        if self.creates:
            found.add(409)
        return sorted(found)


def refusal(error: AppError) -> Answer:
    """The answer for an error that the caller can do something about."""
    return problem_answer(problem_of(error), headers_of(error))


def problem_answer(problem: Problem, headers: Mapping[str, str] | None = None) -> Answer:
    """A problem document as an answer."""
    return Answer(problem.status, encode_problem(problem), CONTENT_TYPE, headers or {})
