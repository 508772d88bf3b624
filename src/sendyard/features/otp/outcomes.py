"""
How a code stands, as callers are told.
"""

from typing import Any

from sendyard.domain.errors import AppError, Conflict, FieldError, Invalid
from sendyard.features.otp.queries import CodeRow
from sendyard.features.otp.wishes import Verdict

_REASONS = {"verified": "used", "failed": "locked", "expired": "expired", "cancelled": "cancelled"}
_STATUSES = {"expired": "expired", "locked": "failed"}
_WHY = {
    "used": "it was verified",
    "locked": "none of its attempts is left",
    "expired": "its time is over",
    "cancelled": "a newer code took its place",
}


def over(row: CodeRow, now: int) -> str:
    """Why nothing more can be done with a code, in a word of `Verdict.reason`; "" for one that is open."""
    if reason := _REASONS.get(row.status, ""):
        return reason
    if row.expires_at <= now:
        return "expired"
    return "locked" if row.attempts_left <= 0 else ""


def verdict(row: CodeRow, now: int, *, verified: bool, reason: str) -> Verdict:
    """Answer by the row as it is afterwards: whoever lost a race learns what won it."""
    left = max(0, row.attempts_left)
    if verified:
        return Verdict(verified=True, reason="", attempts_left=left)
    return Verdict(verified=False, reason=over(row, now) or reason, attempts_left=left)


def document(row: CodeRow, now: int, provider: str) -> dict[str, Any]:
    """Describe a code without the code; `provider` is the slug of who checks it, "" for us."""
    return {
        "id": row.id,
        "status": _STATUSES.get(over(row, now), row.status),
        "to": row.address,
        "channel": row.channel,
        "account": row.account_id or "",
        "provider": provider,
        "message": row.message_id,
        "reference": row.reference,
        "attempts_left": max(0, row.attempts_left),
        "sends": row.sends,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "resend_after": row.resend_after,
        "verified_at": row.verified_at,
    }


def suppressed(why: str) -> Conflict:
    """Refuse to send a code to somebody who must not be contacted."""
    return Conflict("recipient_suppressed", f"No code was sent. {why}")


def too_late(reason: str) -> Conflict:
    """Refuse to send a code again that is over."""
    return Conflict("code_over", f"This code cannot be sent again, because {_WHY[reason]}; send a new code.")


def in_our_words(error: AppError) -> AppError:
    """Point to what a caller of ours can change: the text of a code comes from its template."""
    if not isinstance(error, Invalid):
        return error
    moved = [
        FieldError("/template" if fault.pointer == "/text" else fault.pointer, fault.code, fault.detail)
        for fault in error.errors
    ]
    return Invalid(error.code, error.detail, errors=moved)
