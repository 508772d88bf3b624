"""
Which account an exchange belongs to, from its request to its answer.

The contract gives an answer to an adapter without its account, because every other adapter reads the answers of all
accounts alike. Here only the account says how an answer is read, so the request leaves a note.
"""

from contextvars import ContextVar

from sendyard.providers.contract import ProtocolError
from sendyard.providers.generic_http.wire import Wire

_KEPT = 20_000
"""Exchanges remembered at least: far more than are ever open at once."""

_asked: ContextVar[Wire | None] = ContextVar("generic_http_asked", default=None)


class Exchanges:
    """Notes by the reference of the message, which is new for each attempt; the oldest half goes when it is full."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._young: dict[str, Wire] = {}
        self._old: dict[str, Wire] = {}

    def note(self, reference: str, wire: Wire) -> None:
        """Remember for whom a request was built."""
        if len(self._young) >= _KEPT:
            self._old, self._young = self._young, {}
        self._young[reference] = wire

    def wire_for(self, reference: str) -> Wire:
        """Give the account's wire. Raises ProtocolError for an exchange that was never built here."""
        wire = self._young.get(reference) or self._old.get(reference)
        if wire is None:
            raise ProtocolError(f"expected the answer to a request built here, found one for {reference[:40]!r}")
        return wire


def note_question(wire: Wire) -> None:
    """Remember, within the task that asks, whose balance is asked for."""
    _asked.set(wire)


def wire_of_question() -> Wire:
    """Give the wire of the question this task asked. Raises ProtocolError when it asked none."""
    wire = _asked.get()
    if wire is None:
        raise ProtocolError("expected the answer to a question asked by this task, found one that nobody asked")
    return wire
