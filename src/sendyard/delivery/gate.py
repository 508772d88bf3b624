"""
How many requests of one account are open at once, and who goes first when one ends.
"""

import asyncio
import heapq
import itertools

from sendyard.domain.channels import Purpose

_RESERVE = 10  # one in so many is kept for one-time codes and transactional messages


class Gate:
    """
    Lets in as many as the limit says, the most urgent first; promotional messages leave a reserve free.

    The limit may change between two calls: it is the account's, and accounts are edited.
    """

    def __init__(self) -> None:
        """Nobody is in."""
        self.inside = 0
        self._limit = 1
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    async def enter(self, priority: int, limit: int) -> None:
        """Wait for a place; `leave` must follow, also after a failure."""
        self._limit = limit
        if not self._waiting and self._has_room(priority):
            self.inside += 1
            return
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        self._let_in()
        await turn

    def leave(self) -> None:
        """Give the place to whoever is most urgent."""
        self.inside -= 1
        self._let_in()

    def least_urgent(self) -> int:
        """The priority of the least urgent that waits; -1 when nobody does."""
        return max((priority for priority, _, _ in self._waiting), default=-1)

    def _has_room(self, priority: int) -> bool:
        kept = self._limit // _RESERVE if priority == Purpose.PROMOTIONAL.priority else 0
        return self.inside < self._limit - kept

    def _let_in(self) -> None:
        while self._waiting and self._has_room(self._waiting[0][0]):
            turn = heapq.heappop(self._waiting)[2]
            if not turn.done():
                self.inside += 1
                turn.set_result(None)
