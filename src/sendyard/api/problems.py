"""
Errors as RFC 9457 problem documents, the one error shape of the whole interface.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import msgspec

from sendyard.domain.errors import AppError, Conflict, RateLimited, Unauthorized, Unavailable

CONTENT_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:sendyard:error:"


class ProblemField(msgspec.Struct, frozen=True):
    """
    One thing wrong with what was given.
    """

    pointer: str
    """JSON pointer into the body, or the name of a query parameter or header."""
    code: str
    detail: str


class Problem(msgspec.Struct, frozen=True):
    """
    What went wrong, in words for a person and a code for a program (RFC 9457).
    """

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: Sequence[ProblemField] = ()


class MalformedBody(AppError):
    """The body is not what its content type says."""

    status = 400
    title = "The body cannot be read"


class WrongMethod(AppError):
    """The address exists, but not with this method."""

    status = 405
    title = "The address does not take this method"


class BodyTooLarge(AppError):
    """More was sent than the operation takes."""

    status = 413
    title = "The body is too large"


class WrongMediaType(AppError):
    """The body comes in a form the operation does not read."""

    status = 415
    title = "The body comes in a form that is not read here"


_encode = msgspec.json.Encoder().encode


def problem_of(error: AppError) -> Problem:
    """Describe an error the caller can do something about."""
    return Problem(
        type=_TYPE_PREFIX + error.code,
        title=error.title,
        status=error.status,
        code=error.code,
        detail=error.detail,
        errors=[ProblemField(field.pointer, field.code, field.detail) for field in error.errors],
    )


def problem_for_status(status: int, code: str, detail: str) -> Problem:
    """Describe an error by its HTTP status alone."""
    return Problem(type=_TYPE_PREFIX + code, title=HTTPStatus(status).phrase, status=status, code=code, detail=detail)


def encode_problem(problem: Problem) -> bytes:
    """The document as bytes of `CONTENT_TYPE`."""
    return _encode(problem)


def headers_of(error: AppError) -> Mapping[str, str]:
    """Headers that HTTP wants beside some errors: how to authenticate, when to come back."""
    if isinstance(error, Unauthorized):
        return {"www-authenticate": "Bearer"}
    if isinstance(error, Conflict | RateLimited) and error.retry_after is not None:
        # Whole seconds, rounded up: coming back a moment early would be refused again.
        return {"retry-after": str(max(1, -int(-error.retry_after // 1)))}
    if isinstance(error, Unavailable):
        return {"retry-after": "5"}
    return {}
