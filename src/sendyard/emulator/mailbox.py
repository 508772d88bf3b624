"""
What handsets received: the only witness that does not depend on Sendyard's own books.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sendyard.providers.emulation import Received


@dataclass(frozen=True, slots=True)
class Letter:
    """One message a provider took, and whether it fails before a handset has it."""

    provider: str
    received: Received
    at: datetime
    fails: bool


class Mailbox:
    """Letters in the order providers took them; a position is how many came before, and stays valid until emptied."""

    def __init__(self) -> None:
        """Start empty."""
        self._letters: list[Letter] = []

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, letter: Letter) -> None:
        """Append."""
        self._letters.append(letter)

    def empty(self) -> int:
        """Throw everything away; returns how many there were."""
        thrown, self._letters = len(self._letters), []
        return thrown

    def find(
        self, *, provider: str = "", to: str = "", fails: bool = False, after: int = 0
    ) -> Iterator[tuple[int, Letter]]:
        """Positions (counted from 1) and letters, oldest first, from behind position `after`."""
        for position, letter in enumerate(islice(self._letters, after, None), after + 1):
            if (
                letter.fails == fails
                and (not provider or letter.provider == provider)
                and (not to or letter.received.to == to)
            ):
                yield position, letter


def as_document(letter: Letter) -> dict[str, Any]:
    """The letter as the control API shows it; the field names are a promise."""
    received = letter.received
    return {
        "provider": letter.provider,
        "account": received.account,
        "to": received.to,
        "sender": received.sender,
        "channel": received.channel.value,
        "text": received.text,
        "media": list(received.media),
        "template": received.template,
        "variables": dict(received.variables),
        "reference": received.reference,
        "provider_ref": received.provider_ref,
        "at": letter.at,
    }
