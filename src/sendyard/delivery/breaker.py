"""
A circuit breaker per account: stop asking a provider that is down, try one request, come back.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

_CONSECUTIVE = 5
_WINDOW = 20
_SHARE = 0.5
_FIRST_PAUSE = 2.0  # seconds; doubles with each failed probe
_LONGEST_PAUSE = 60.0


@dataclass(slots=True)
class Breaker:
    """
    Closed: everything passes. Open: nothing does until `retry_at`. Half open: one request decides.

    Only trouble that says nothing about the message counts: unavailable, no connection, no answer.
    """

    clock: Callable[[], float]
    retry_at: float = 0.0
    _pause: float = 0.0
    _probing: bool = False
    _consecutive: int = 0
    _recent: deque[bool] = field(default_factory=lambda: deque(maxlen=_WINDOW))

    @property
    def is_open(self) -> bool:
        """Whether the account is taken to be down (also while one request is trying it)."""
        return self._pause > 0

    def allows(self) -> int:
        """How many requests may leave now: -1 for any number, 1 for a probe, 0 for none."""
        if not self.is_open:
            return -1
        return 0 if self._probing or self.clock() < self.retry_at else 1

    def probing(self) -> None:
        """Note that the one request has left."""
        self._probing = True

    def succeeded(self) -> None:
        """Any answer of the provider to the message, a refusal included."""
        self._consecutive = 0
        self._recent.append(True)
        if self.is_open:
            self._pause, self._probing = 0.0, False
            self._recent.clear()

    def failed(self) -> None:
        """The provider was not there, or said that it is not."""
        self._consecutive += 1
        self._recent.append(False)
        full = len(self._recent) == _WINDOW and self._recent.count(False) >= _SHARE * _WINDOW
        if self._probing or (not self.is_open and (self._consecutive >= _CONSECUTIVE or full)):
            self._pause = min(_LONGEST_PAUSE, self._pause * 2 or _FIRST_PAUSE)
            self._probing = False
            self.retry_at = self.clock() + self._pause
