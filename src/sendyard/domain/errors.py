"""
Everything that can go wrong, sorted by who has to act.

A provider's no is data (`ProviderError`); an impossible wish of a caller is an `AppError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class ErrorKind(StrEnum):
    """What a provider's refusal or failure means for us; `delivery.policy` says what follows."""

    THROTTLED = "throttled"  # too fast: wait, then the same route
    UNAVAILABLE = "unavailable"  # the provider says it did not take it, or could not be reached
    AUTH_FAILED = "auth_failed"  # credentials refused: pause the account
    OUT_OF_CREDIT = "out_of_credit"  # no money left there: pause the account
    NOT_REGISTERED = "not_registered"  # sender, template or entity unknown to the provider
    REGISTRY_REFUSED = "registry_refused"  # a regulator's registry refuses sender, template or entity, whoever sends
    UNSUPPORTED = "unsupported"  # this account cannot carry it (country, channel, region)
    INVALID_RECIPIENT = "invalid_recipient"  # the address cannot receive it, whoever sends it
    OPTED_OUT = "opted_out"  # the person asked not to be contacted
    BLOCKED = "blocked"  # do-not-disturb list or carrier block
    CONTENT_REJECTED = "content_rejected"  # the text, template or media is not allowed
    EXPIRED = "expired"  # its validity passed at the provider
    UNDELIVERABLE = "undeliverable"  # handset or network could not
    UNMAPPED = "unmapped"  # a code missing from our table


@dataclass(frozen=True, slots=True)
class ProviderError:
    """A provider's no: our class of it, and the provider's own code and words."""

    kind: ErrorKind
    code: str
    detail: str = ""
    retry_after: float | None = None  # seconds the provider asked us to wait
    recipient_only: bool = False  # a throttle of this one recipient: others may be sent to meanwhile


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with what a caller gave; `pointer` is a JSON pointer such as `/to`."""

    pointer: str
    code: str
    detail: str


class AppError(Exception):
    """The caller asked for something impossible; interfaces turn it into a problem, page or exit code."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "The request cannot be done"

    def __init__(self, code: str, detail: str, *, errors: Sequence[FieldError] = ()) -> None:
        """Take a stable code, one sentence (expected, found, what to do) and the fields at fault."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)


class Invalid(AppError):
    """Something given is not usable."""

    status = 422
    title = "Something given is not usable"


class Unauthorized(AppError):
    """No valid key was given."""

    status = 401
    title = "A valid API key is needed"


class Forbidden(AppError):
    """The key is valid but may not do this."""

    status = 403
    title = "This key may not do that"


class NotFound(AppError):
    """There is no such thing in this workspace."""

    status = 404
    title = "Not found"


class Conflict(AppError):
    """The thing is not in a state in which this can be done."""

    status = 409
    title = "Not possible in the present state"

    def __init__(
        self, code: str, detail: str, *, errors: Sequence[FieldError] = (), retry_after: float | None = None
    ) -> None:
        """Also take the seconds after which asking again makes sense, if it ever does."""
        super().__init__(code, detail, errors=errors)
        self.retry_after = retry_after


class RateLimited(AppError):
    """The caller is too fast."""

    status = 429
    title = "Too many requests"

    def __init__(self, code: str, detail: str, *, retry_after: float) -> None:
        """Also take the seconds to wait."""
        super().__init__(code, detail)
        self.retry_after = retry_after


class Unavailable(AppError):
    """A part of the installation is away; asking again later may work."""

    status = 503
    title = "Not available at the moment"
