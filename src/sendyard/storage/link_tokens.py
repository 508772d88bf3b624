"""
Tokens of short addresses under the keys of the ring.
"""

from sendyard.domain.links.tokens import MOST_LINKS, MOST_ROWS, Tokens
from sendyard.storage.vault import Vault

_PURPOSE = "tokens of short addresses"


class LinkTokens:
    """
    Writes with the newest key of the ring, reads with each.

    An address in somebody's hands cannot be written anew, so it leads somewhere as long as its key stays in the ring.
    """

    def __init__(self, vault: Vault) -> None:
        """Take the ring."""
        self._ring = [Tokens(key) for key in vault.derived(_PURPOSE)]
        self.write = self._ring[0].write

    def read(self, token: str) -> list[tuple[int, int]]:
        """Give every (number, row) that a token may mean, the newest key's first; nothing for what is not ours."""
        return [found for one in self._ring if (found := one.read(token))]

    @property
    def sample(self) -> str:
        """A token that leads nowhere, to show how an address looks."""
        return self.write(MOST_LINKS - 1, MOST_ROWS - 1)
