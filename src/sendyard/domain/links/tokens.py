"""
The token of a short address: which link, for whom, in nine characters that say neither.

A token is the pair (number of the link, row of the recipient) under a keyed permutation of 62^9 values: a Feistel
network of ten rounds, walked until the value has nine digits (format-preserving encryption as NIST SP 800-38G
describes it, with BLAKE2s as the round function). So a campaign of a million people needs no row for any of them until
somebody clicks; nobody can tell the next token from this one; and nearly every token that was not issued fails: eight
bits must come out as zero, and the link must exist and have such a row.
"""

from hashlib import blake2s

LENGTH = 9
"""Characters of a token; the same for every recipient, so that a text has its length before it has its token."""
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
MOST_LINKS = 1 << 24
MOST_ROWS = 1 << 21
"""Row 0 is the link itself, for places where nobody in particular is meant."""

_SIZE = 62**LENGTH
_HALF = 27  # bits: two halves hold 54, and 62^9 is a little less
_MASK = (1 << _HALF) - 1
_ROUNDS = 10
_SPARE = 8  # bits that are zero in every token of ours
_DIGITS = {character: value for value, character in enumerate(ALPHABET)}


class Tokens:
    """Makes and reads tokens with one key."""

    def __init__(self, key: bytes) -> None:
        """Take a secret of 16 to 32 bytes; whoever knows it can make tokens."""
        if not 16 <= len(key) <= 32:
            raise ValueError(f"expected a key of 16 to 32 bytes, found {len(key)}")
        # Hashing the key once and copying the state costs half of hashing it for each round.
        self._rounds = [blake2s(key=key, digest_size=8, salt=bytes([number])) for number in range(_ROUNDS)]

    def write(self, link_no: int, row: int = 0) -> str:
        """
        Give the token of a link for the recipient in a row.

        Raises:
            ValueError: a number is outside 1 to 16,777,215 (links) or 0 to 2,097,151 (rows).
        """
        if not (0 < link_no < MOST_LINKS and 0 <= row < MOST_ROWS):
            raise ValueError(f"expected a link below {MOST_LINKS} and a row below {MOST_ROWS}, found {link_no}, {row}")
        value = self._forward((link_no << 21 | row) << _SPARE)
        while value >= _SIZE:
            value = self._forward(value)
        digits = []
        for _ in range(LENGTH):
            value, digit = divmod(value, 62)
            digits.append(ALPHABET[digit])
        return "".join(digits)

    def read(self, token: str) -> tuple[int, int] | None:
        """Give link and row of a token; None for anything this key did not make."""
        if len(token) != LENGTH:
            return None
        value = 0
        for character in reversed(token):
            digit = _DIGITS.get(character)
            if digit is None:
                return None
            value = value * 62 + digit
        value = self._backward(value)
        while value >= _SIZE:
            value = self._backward(value)
        pair, spare = value >> _SPARE, value & (1 << _SPARE) - 1
        link_no, row = pair >> 21, pair & MOST_ROWS - 1
        return (link_no, row) if not spare and 0 < link_no < MOST_LINKS else None

    def _forward(self, value: int) -> int:
        left, right = value >> _HALF, value & _MASK
        for number in range(_ROUNDS):
            left, right = right, left ^ self._mix(number, right)
        return left << _HALF | right

    def _backward(self, value: int) -> int:
        left, right = value >> _HALF, value & _MASK
        for number in reversed(range(_ROUNDS)):
            left, right = right ^ self._mix(number, left), left
        return left << _HALF | right

    def _mix(self, number: int, half: int) -> int:
        state = self._rounds[number].copy()
        state.update(half.to_bytes(4))
        return int.from_bytes(state.digest()) & _MASK
