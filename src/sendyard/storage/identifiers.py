"""
Where identifiers come from: the wall clock and the system's entropy.
"""

import secrets
import threading
import time

from sendyard.domain.ids import compose_uuid7

_lock = threading.Lock()
_last_ms = 0
_last_random = 0


def new_id() -> str:
    """Make a UUIDv7 that sorts after every one this process made before (RFC 9562, method 2)."""
    global _last_ms, _last_random  # noqa: PLW0603 - the sequence is the process's own
    now_ms = time.time_ns() // 1_000_000
    with _lock:
        if now_ms > _last_ms:
            _last_ms = now_ms
            # The highest bit stays free, so that counting up cannot overflow within a millisecond.
            _last_random = secrets.randbits(73)
        else:
            _last_random += 1 + secrets.randbits(32)
        return compose_uuid7(_last_ms, _last_random & (1 << 74) - 1)


def now_ms() -> int:
    """Milliseconds since 1970, the form in which times are stored."""
    return time.time_ns() // 1_000_000
