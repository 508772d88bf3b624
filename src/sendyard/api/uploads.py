"""
Files that callers send: as the body itself, or as the one file of a form; written to disk as they come.
"""

import asyncio
import contextlib
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from multipart import MultipartError, PushMultipartParser, parse_options_header

from sendyard.api.problems import MalformedBody, WrongMediaType

_AT_ONCE = 1 << 20  # bytes that gather before a thread writes them
_LONGEST_FIELD = 64 * 1024
_MOST_PARTS = 50
_FORM = b"multipart/form-data"


@dataclass(frozen=True, slots=True)
class Upload:
    """
    A file that arrived whole: where it lies until the answer is given, and the SHA-256 of its bytes.

    `name` and `media_type` are what the caller says; a body without a form has no name. `fields` are the other parts of
    the form.
    """

    path: Path
    name: str
    media_type: str
    size: int
    digest: bytes
    fields: Mapping[str, str] = field(default_factory=dict)


class _Spool:
    """The file on its way to disk; nobody but the owner may read it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder, prefix="arriving-")  # made with mode 600
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        self._waiting: list[bytes] = []
        self._gathered = 0
        self._digest = hashlib.sha256()
        self.path = Path(name)
        self.size = 0

    async def add(self, piece: bytes) -> None:
        self._waiting.append(piece)
        self._gathered += len(piece)
        if self._gathered >= _AT_ONCE:
            await self._write()

    async def finish(self) -> bytes:
        """Write what is left, and give the digest of everything."""
        await self._write()
        self._file.close()
        return self._digest.digest()

    def discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    async def _write(self) -> None:
        block = b"".join(self._waiting)
        self._waiting.clear()
        self._gathered = 0
        self.size += len(block)
        await asyncio.to_thread(self._keep, block)

    def _keep(self, block: bytes) -> None:
        self._digest.update(block)
        self._file.write(block)


async def take_upload(headers: Mapping[bytes, bytes], pieces: AsyncIterator[bytes], folder: Path) -> Upload:
    """
    Write a body to disk as it comes; whoever gets the upload moves or removes the file.

    Args:
        headers: of the request, names in lower case.
        pieces: of the body.
        folder: where the file lies; made if it is not there.

    Raises:
        MalformedBody: a form that cannot be read, or one without a file or with several.
        WrongMediaType: the body is compressed.
    """
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise WrongMediaType("wrong_content_encoding", "Expected a body without Content-Encoding.")
    given = headers.get(b"content-type", b"").decode("latin-1")
    spool = _Spool(folder)
    with contextlib.ExitStack() as undo:
        undo.callback(spool.discard)
        if given.encode("latin-1").lower().startswith(_FORM):
            found = await _from_form(given, pieces, spool)
        else:
            async for piece in pieces:
                await spool.add(piece)
            found = Upload(spool.path, "", given, spool.size, await spool.finish())
        undo.pop_all()
    return Upload(spool.path, found.name, found.media_type, spool.size, found.digest, found.fields)


async def _from_form(given: str, pieces: AsyncIterator[bytes], spool: _Spool) -> Upload:
    name = media_type = ""
    files = 0
    fields: dict[str, str] = {}
    at: tuple[str, bool] | None = None
    text = bytearray()
    boundary = parse_options_header(given)[1].get("boundary", "")
    try:
        parser = PushMultipartParser(boundary, max_segment_count=_MOST_PARTS)
        async for piece in pieces:
            for event in parser.parse(piece):
                if event is None:
                    if at is not None and not at[1]:
                        fields[at[0]] = text.decode("utf-8", "replace")
                    at = None
                elif isinstance(event, bytes | bytearray):
                    if at is not None and at[1]:
                        await spool.add(bytes(event))
                    else:
                        text += event
                        _expect(len(text) <= _LONGEST_FIELD, "fields of at most 64 KB", "a longer one")
                else:
                    at = (event.name or "", event.filename is not None)
                    text.clear()
                    if event.filename is not None:
                        files += 1
                        name, media_type = event.filename, event.content_type or ""
        parser.close()
    except MultipartError as error:
        raise MalformedBody("malformed_form", f"The body is not the form its Content-Type promises: {error}.") from None
    _expect(files == 1, "a form with one file", f"{files} files")
    return Upload(spool.path, name, media_type, spool.size, await spool.finish(), fields)


def _expect(fine: bool, expected: str, found: str) -> None:  # noqa: FBT001 - reads as a condition
    if not fine:
        raise MalformedBody("malformed_form", f"Expected {expected}, found {found}.")
