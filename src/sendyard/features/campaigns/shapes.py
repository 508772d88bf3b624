"""
Rehearsing many rows by few: rows whose values look alike make messages that differ in nothing a preflight counts.

Two rows look alike when they are of one country and language and their values differ only in which letter of an
alphabet or which digit stands where: `Ann 17` and `Bob 42`. Such texts have the same length, parts, bytes and layout,
so one of them is rendered and checked for all, and they share its message. What depends on the very words (a topic
that routes refuse) is found by the check of each row as it is prepared for sending; a preflight of a million rows may
miss it.
"""

from collections.abc import Hashable, Sequence

from sendyard.delivery.directory import Directory
from sendyard.domain.errors import AppError
from sendyard.features.campaigns.audience.rows import Recipient
from sendyard.features.campaigns.drafts import prepare_rows
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.links import RowAddresses
from sendyard.ledger.entries import NewMessage

_MOST = 20_000  # shapes kept; rows beyond them are checked one by one
_SEPARATOR = "\0"
_EXAMPLES = 5  # refusals of one shape that are worked out in full, for their own words

_ALPHABETS = ((0x41, 0x5A), (0x61, 0x7A), (0x30, 0x39), (0xAC00, 0xD7A3), (0x4E00, 0x9FFF), (0x905, 0x939))
"""Capital and small Latin letters, digits, Hangul syllables, Han characters, letters of Devanagari."""


class _Alphabets(dict[int, int]):
    """A table for `str.translate` that puts the first of its alphabet in place of a character."""

    def __missing__(self, code: int) -> int:
        found = next((first for first, last in _ALPHABETS if first <= code <= last), code)
        self[code] = found
        return found


_alphabets = _Alphabets()


class Shapes:
    """Prepares the rows of one campaign, chunk after chunk; remembers one outcome for each shape of values."""

    def __init__(
        self, directory: Directory, campaign: CampaignRow, moment: int, links: RowAddresses | None = None
    ) -> None:
        """Take the accounts, the campaign, the moment of its start (milliseconds since 1970) and its links."""
        self._directory = directory
        self._campaign = campaign
        self._moment = moment
        self._links = links
        self._known: dict[Hashable, NewMessage | AppError] = {}
        self._refused: dict[Hashable, int] = {}

    def prepare(self, rows: Sequence[Recipient], moments: Sequence[int | None] = ()) -> list[NewMessage | AppError]:
        """
        Give one outcome per row, in order; rows with `moments` of their own are all checked one by one.

        The message of rows that look alike bears the address and the number of one of them.
        """
        if moments:
            return self._checked(rows, moments)
        # All at once: a table has to be begun anew for each text. No text that is stored holds the separator.
        looks = _SEPARATOR.join([row.variables for row in rows]).translate(_alphabets).split(_SEPARATOR)
        shapes = [(row.country, row.language, look) for row, look in zip(rows, looks, strict=True)]
        outcomes: list[NewMessage | AppError | None] = [None] * len(rows)
        unknown: dict[Hashable, int] = {}
        alone: list[int] = []
        for position, shape in enumerate(shapes):
            if shape in self._known or shape in unknown:
                continue
            unknown[shape] = position
            alone.append(position)
        for position, outcome in zip(alone, self._checked([rows[at] for at in alone]), strict=True):
            outcomes[position] = outcome
            self._remember(shapes[position], outcome)
        later: list[int] = []
        for position, shape in enumerate(shapes):
            if outcomes[position] is None:
                known = self._known.get(shape)
                if known is None:
                    later.append(position)
                else:
                    outcomes[position] = known
        for position, outcome in zip(later, self._checked([rows[at] for at in later]), strict=True):
            outcomes[position] = outcome
            self._remember(shapes[position], outcome)
        return [outcome for outcome in outcomes if outcome is not None]

    def _checked(self, rows: Sequence[Recipient], moments: Sequence[int | None] = ()) -> list[NewMessage | AppError]:
        return prepare_rows(self._directory, self._campaign, rows, self._moment, send_at=moments, links=self._links)

    def _remember(self, shape: Hashable, outcome: NewMessage | AppError) -> None:
        if isinstance(outcome, AppError):
            seen = self._refused[shape] = self._refused.get(shape, 0) + 1
            if seen < _EXAMPLES:
                return
        if len(self._known) < _MOST:
            self._known[shape] = outcome
