"""
The folder of files beside a backup of the database, when files are kept in the data directory.

Files never change once they are there, so a copy is whole when it has every file that the database names. It is taken
in two passes: what is there before the database is read, and afterwards what came meanwhile.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sendyard.domain.errors import Conflict

T = TypeVar("T")


def folder_of(file: Path) -> Path:
    """Where the files of a backup are."""
    return file.with_name(f"{file.name}.media")


def save_beside(source: Path, file: Path, save: Callable[[], T], *, overwrite: bool) -> tuple[T, int]:
    """
    Copy the files of `source` beside a backup that `save` makes; gives what that gives and the number of files.

    Without a folder `source`, none is made.

    Raises:
        Conflict: the folder exists.
        OSError: it cannot be written; nothing is left behind then.
    """
    target = folder_of(file)
    if target.exists() and not overwrite:
        raise Conflict("file_exists", f"{target} exists already; choose another name, or overwrite it with --force.")
    if not source.is_dir():
        return save(), 0
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        copied = _copy(source, draft)
        saved = save()
        copied += _copy(source, draft)
        if target.exists():
            shutil.rmtree(target)
        draft.replace(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return saved, copied


def load_beside(target: Path, file: Path) -> int:
    """Bring the files of a backup back; gives how many were missing there."""
    source = folder_of(file)
    return _copy(source, target) if source.is_dir() else 0


def _copy(source: Path, target: Path) -> int:
    """Copy what is not there yet; what begins with a dot is on its way and nobody's."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    copied = 0
    for folder, names, files in os.walk(source):
        names[:] = [name for name in names if not name.startswith(".")]
        into = target / Path(folder).relative_to(source)
        into.mkdir(mode=0o700, exist_ok=True)
        for name in files:
            if name.startswith(".") or (into / name).exists():
                continue
            try:
                shutil.copy2(Path(folder) / name, into / name)
            except FileNotFoundError:
                continue  # removed meanwhile, so nothing names it
            copied += 1
    return copied
