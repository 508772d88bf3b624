"""
How many codes may leave: for one address, and for a country whose codes nobody ever types in.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sendyard.domain.addresses import mask
from sendyard.domain.errors import RateLimited
from sendyard.features.otp import queries
from sendyard.features.otp.queries import CodeRow
from sendyard.storage.transaction import Transaction

HOUR_MS = 3_600_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The limits of every workspace.

    `unverified` guards against toll fraud: once so many codes went to one country within the hour and not one of
    them was typed in, no more go there until the hour is over.
    """

    pause_ms: int = 60_000  # between two sends to one address
    hourly: int = 5  # sends to one address within an hour
    burned: int = 3  # codes of one address that ran out of attempts within an hour
    unverified: int = 100

    def judge(
        self, tx: Transaction, workspace_id: str, address: str, country: str, now: int, *, again: str = ""
    ) -> RateLimited | None:
        """
        Say whether another send to the address must wait; `again` is the code that is to be sent once more.

        Returned and not raised: a work function that raises costs its whole group the commit. Nobody else judges
        this address until the transaction ends.
        """
        queries.lock(tx, workspace_id, address)
        codes = queries.recent(tx, workspace_id, address, now - HOUR_MS)
        refusal = self._too_soon(codes, address, now, again) or self._too_many(codes, address, now)
        return refusal or (None if again else self._too_often_unverified(tx, workspace_id, country, now))

    def _too_soon(self, codes: Sequence[CodeRow], address: str, now: int, again: str) -> RateLimited | None:
        # Of several the one that may be sent again last; what was cancelled or verified counts as well.
        until = max((code.resend_after for code in codes if not again or code.id == again), default=now)
        if until <= now:
            return None
        wait = (until - now) / 1000
        detail = f"The last code to {mask(address)} left a moment ago; wait {_seconds(wait)} before the next."
        return RateLimited("code_too_soon", detail, retry_after=wait)

    def _too_many(self, codes: Sequence[CodeRow], address: str, now: int) -> RateLimited | None:
        sends = sum(code.sends for code in codes)
        burned = sum(code.status == "failed" for code in codes)
        if sends < self.hourly and burned < self.burned:
            return None
        wait = max(1.0, (codes[0].created_at + HOUR_MS - now) / 1000)
        if burned >= self.burned:
            detail = f"{burned} codes to {mask(address)} were guessed at until none of their attempts was left"
            return RateLimited("code_locked_out", f"{detail}; wait {_seconds(wait)}.", retry_after=wait)
        detail = f"Expected at most {self.hourly} codes to {mask(address)} within an hour, and that many were sent"
        return RateLimited("code_limit", f"{detail}; wait {_seconds(wait)}.", retry_after=wait)

    def _too_often_unverified(self, tx: Transaction, workspace_id: str, country: str, now: int) -> RateLimited | None:
        codes, verified, first_at = queries.to_country(tx, workspace_id, country, now - HOUR_MS)
        if codes < self.unverified or verified:
            return None
        _log.warning("none of %d codes to %s within the hour was verified; no more go there for now", codes, country)
        wait = max(1.0, (first_at + HOUR_MS - now) / 1000)
        detail = (
            f"None of the {codes} codes sent to {country} within the hour was typed in, as when somebody sends codes "
            f"for the fees of their calls; no more go there for {_seconds(wait)}."
        )
        return RateLimited("country_unverified", detail, retry_after=wait)


def _seconds(wait: float) -> str:
    return f"{max(1, -int(-wait // 1))} s"
