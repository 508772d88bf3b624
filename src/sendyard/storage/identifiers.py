"""
Where identifiers come from: the wall clock and the system's entropy.
"""

import itertools
import os
import struct
import threading
import time

from sendyard.domain.ids import compose_uuid7, compose_uuid7s

_AT_ONCE = 1024  # identifiers whose entropy is drawn together
_BLOCK = 8192  # bytes of entropy asked for at once: a system call for each identifier would cost more than the rest
_lock = threading.Lock()
_last_ms = 0
_last_random = 0
_entropy = memoryview(b"")


def new_id() -> str:
    """Make a UUIDv7 that sorts after every one this process made before (RFC 9562, method 2)."""
    global _last_ms, _last_random  # noqa: PLW0603 - the sequence is the process's own
    now = time.time_ns() // 1_000_000
    with _lock:
        if now > _last_ms:
            _last_ms = now
            # The highest bit stays free, so that counting up cannot overflow within a millisecond.
            _last_random = int.from_bytes(_draw(10)) & (1 << 73) - 1
        else:
            _last_random += 1 + int.from_bytes(_draw(4))
        milliseconds, chance = _last_ms, _last_random
    return compose_uuid7(milliseconds, chance)


def new_ids(count: int) -> list[str]:
    """Make so many identifiers at once, each sorting after the one before."""
    global _last_ms, _last_random  # noqa: PLW0603 - the sequence is the process's own
    now = time.time_ns() // 1_000_000
    with _lock:
        if now > _last_ms:
            _last_ms = now
            _last_random = int.from_bytes(_draw(10)) & (1 << 73) - 1
        drawn = b"".join(_draw(4 * min(_AT_ONCE, count - at)) for at in range(0, count, _AT_ONCE))
        steps = struct.unpack(f"<{count}I", drawn)
        randoms = [*itertools.accumulate(steps, lambda random, step: random + 1 + step, initial=_last_random)]
        _last_random = randoms[-1]
        milliseconds = _last_ms
    return compose_uuid7s(milliseconds, randoms[1:])


def entropy(count: int) -> bytes:
    """So many unpredictable bytes, at most a block."""
    with _lock:
        return _draw(count)


def _draw(count: int) -> bytes:
    """Take from the block; to be called with the lock held."""
    global _entropy  # noqa: PLW0603 - likewise
    if len(_entropy) < count:
        _entropy = memoryview(os.urandom(_BLOCK))
    taken, _entropy = _entropy[:count], _entropy[count:]
    return bytes(taken)


def _forget_entropy() -> None:
    global _entropy  # noqa: PLW0603 - likewise
    _entropy = memoryview(b"")


# Two processes must not draw from one block.
os.register_at_fork(after_in_child=_forget_entropy)


def now_ms() -> int:
    """Milliseconds since 1970, the form in which times are stored."""
    return time.time_ns() // 1_000_000
