"""
Where a file comes from and what it really is, whatever its name says.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from sendyard.domain.errors import FieldError, Invalid

Source: TypeAlias = Path | BinaryIO
"""A file on disk, or an open one that can seek; the latter stays open."""

_HEAD = 4096
_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"{\\rtf", "a rich-text document"),
)
_ZIP = b"PK\x03\x04"
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_MARKUP = (b"<!doctype html", b"<html", b"<table", b"<?xml", b"<meta", b"<head")
_ADVICE = "Open it in a spreadsheet program and save it as XLSX or as CSV UTF-8."
_TEXT_ENDINGS = frozenset({"", ".csv", ".tsv", ".tab", ".txt"})
_WORKBOOK_ENDINGS = frozenset({".xlsx", ".xlsm"})


@dataclass(slots=True)
class Gauge:
    """How far reading has come, in bytes of what is read: the file, or the sheet inside a workbook."""

    done: int = 0
    total: int = 0


def refused(code: str, detail: str) -> Invalid:
    """The error for a file that cannot be used as a whole."""
    return Invalid(code, detail, errors=[FieldError("/file", code, detail)])


@contextlib.contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """Give the file at its beginning."""
    if isinstance(source, Path):
        with source.open("rb") as stream:
            yield stream
    else:
        source.seek(0)
        yield source


def size_of(stream: BinaryIO) -> int:
    """Give the bytes of an open file, and leave it at its beginning."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return size


def is_workbook(stream: BinaryIO) -> bool:
    """
    Say whether a file is a workbook (true) or text, by its first bytes.

    Raises:
        Invalid: it is empty, or neither; the message says what to do instead.
    """
    head = stream.read(_HEAD)
    stream.seek(0)
    if head.startswith(_ZIP):
        if b"opendocument" in head[:200]:
            raise refused("not_a_table", f"Expected a CSV or XLSX file, found an OpenDocument file. {_ADVICE}")
        return True
    if head.startswith(_OLD_OFFICE):
        raise refused(
            "old_workbook",
            f"Expected a CSV or XLSX file, found an old Excel workbook (.xls) or one with a password. {_ADVICE}",
        )
    for start, name in _OTHERS:
        if head.startswith(start):
            raise refused("not_a_table", f"Expected a CSV or XLSX file, found {name}. {_ADVICE}")
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
        raise refused("not_a_table", f"Expected a CSV or XLSX file, found a web page or XML. {_ADVICE}")
    return False


def remark_on_name(name: str, *, workbook: bool) -> str:
    """Say that a file's name promises another kind of file than it is, or ""."""
    ending = Path(name).suffix.lower()
    if not name or ending in (_WORKBOOK_ENDINGS if workbook else _TEXT_ENDINGS):
        return ""
    return f"The name ends in {ending or 'nothing'}, but the file is {'a workbook' if workbook else 'text'}; read so."


def name_of(source: Source) -> str:
    """Give the name of a file as far as it is known."""
    name = source if isinstance(source, Path) else getattr(source, "name", "")
    return Path(name).name if isinstance(name, str | Path) else ""


class Measured(io.RawIOBase):
    """A file that notes in a gauge how far it was read, and is not closed with its readers."""

    def __init__(self, stream: BinaryIO, gauge: Gauge) -> None:
        """Take the file at the place to read from."""
        self._stream = stream
        self._gauge = gauge

    def readable(self) -> bool:
        """As the protocol asks."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Read on."""
        block = self._stream.read(len(buffer))
        buffer[: len(block)] = block
        self._gauge.done += len(block)
        return len(block)
