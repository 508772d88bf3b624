"""
When the last of many messages would leave, at the present limits and within the hours that rules leave open.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_SLOT_MS = 15 * 60_000  # hours begin and end on quarters
_LONGEST_MS = 31 * 86_400_000  # what takes longer is as good as never

IsOpen = Callable[[int], bool]
"""Whether messages may leave at a moment, in milliseconds since 1970."""


@dataclass(slots=True)
class Load:
    """Work of one kind that waits for its moment at one account."""

    at: int
    left: float  # milliseconds at the account's rate
    is_open: IsOpen | None  # None: at any hour

    def take(self, at: int, seconds: float) -> float:
        """
        Take one message that may leave from `at` on.

        Gives the earliest moment at which it is gone: nothing but what came before it with its own moment and kind, at
        open hours, is counted.
        """
        self.at = min(self.at, at)
        self.left += seconds * 1000
        gone = self.at + self.left
        return max(at, gone)


def slot_of(at: int) -> int:
    """Give the beginning of the slot in which a moment lies."""
    return at - at % _SLOT_MS


@dataclass(slots=True)
class Timetable:
    """
    The work of every account, which are independent of each other.

    Loads of one account that are equal in moment and kind are added up, so a million messages are some hundred loads.
    """

    loads: dict[str, dict[tuple[int, object], Load]] = field(default_factory=dict)

    def load(self, account_id: str, at: int, kind: object, is_open: IsOpen | None) -> Load:
        """Give the load for messages of this account, moment and `kind`, which names what `is_open` depends on."""
        of_account = self.loads.get(account_id)
        if of_account is None:
            of_account = self.loads[account_id] = {}
        # Messages within one slot begin together, so that deferrals to the minute make few loads.
        key = (slot_of(at), kind)
        found = of_account.get(key)
        if found is None:
            found = of_account[key] = Load(at, 0.0, is_open)
        return found

    def ends(self) -> dict[str, int | None]:
        """Say of each account when its last is gone; None where that is more than a month away."""
        return {account_id: _end(loads.values()) for account_id, loads in self.loads.items()}

    def end(self) -> int | None:
        """Say when the last of all is gone; None when there is nothing, or when that is more than a month away."""
        ends = self.ends().values()
        known = [end for end in ends if end is not None]
        return max(known) if known and len(known) == len(ends) else None


def _end(loads: Iterable[Load]) -> int | None:
    waiting = sorted((Load(load.at, load.left, load.is_open) for load in loads), key=lambda load: load.at)
    if all(load.is_open is None for load in waiting):
        now = float(waiting[0].at)
        for load in waiting:
            now = max(now, load.at) + load.left
        return int(now)
    moment = waiting[0].at
    latest, end = moment + _LONGEST_MS, float(moment)
    while waiting and moment < latest:
        # One slot: what has begun and is open shares the account, the earliest first.
        until = moment - moment % _SLOT_MS + _SLOT_MS
        clock = float(moment)
        for load in waiting:
            if load.at >= until or clock >= until:
                break
            if load.is_open is not None and not load.is_open(moment):
                continue
            clock = max(clock, load.at)
            took = min(load.left, until - clock)
            load.left -= took
            clock += took
            end = max(end, clock)
        waiting = [load for load in waiting if load.left > 0]
        moment = until
    return None if waiting else int(end)
