"""
How much memory this process has had at most.
"""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")


def peak_mb() -> int:
    """
    Give the peak of this process in MiB.

    Linux hands the figure of `getrusage` from a process to those it starts, so the kernel's own page is read there.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "VmHWM":
                return round(int(value.split()[0]) / 1024)
    # Bytes on macOS, kibibytes elsewhere.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
