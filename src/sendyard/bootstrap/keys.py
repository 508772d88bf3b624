"""
The key ring that encrypts credentials.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from sendyard.domain.errors import Invalid
from sendyard.settings import Settings
from sendyard.storage.vault import generate_key

Role = Literal["all", "web", "worker"]
"""Everything in one process, only the web side, or only the sending side."""


def key_ring(settings: Settings) -> Sequence[str]:
    """
    The keys that encrypt credentials, newest first: from the environment, else from the file, made if absent.

    Raises:
        Invalid: others may read the file.
    """
    if given := settings.secret_keys.get_secret_value():
        return [key for part in given.split(",") if (key := part.strip())]
    file = settings.key_ring_file
    if not file.exists():
        _make_key_file(file)
    if file.stat().st_mode & 0o077:
        raise Invalid("exposed_key_ring", f"Expected {file} to be readable by its owner only; run: chmod 600 {file}")
    return file.read_text(encoding="ascii", errors="replace").split()


def _make_key_file(file: Path) -> None:
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as output:
        output.write(generate_key() + "\n")
        output.flush()
        os.fsync(output.fileno())
    # A link appears whole or not at all; a process that was faster keeps its own ring.
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(draft)
    draft.unlink()
