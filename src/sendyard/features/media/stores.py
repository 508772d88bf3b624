"""
Where the bytes of files are: the data directory, or a bucket that speaks S3.

A key is used once and never written again, so nothing here needs a lock.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qs, urlsplit

from sendyard.domain.errors import Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_PIECE = 256 * 1024  # bytes
_RANGE = 4 * 1024 * 1024  # bytes of a bucket's object that are asked for at once
_CONNECT = timedelta(seconds=5)
_REQUEST = timedelta(seconds=20)  # for one part of at most 5 MB
_RETRIES = 2
_REFUSED = ("401 Unauthorized", "403 Forbidden")  # of a listing the library has no error of its own for these
_log = logging.getLogger(__name__)


class Store(Protocol):
    """
    Keeps bytes under keys such as `workspace/ab/abcd…`.

    Everything raises AppError `Unavailable` while the place is away, refuses our key or is not there at all.
    """

    async def put(self, key: str, file: Path) -> None:
        """Take a file over; it is gone from its place afterwards."""

    async def read(self, key: str) -> bytes:
        """Read all of it. Raises AppError `NotFound` when it is gone."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Read piece by piece. Raises AppError `NotFound` at the first when it is gone."""

    async def delete(self, key: str) -> None:
        """Remove it; nothing happens when it is gone already."""

    async def check(self) -> None:
        """Return when the place can be asked."""

    async def left_behind(self, seconds: float) -> list[str]:
        """List what was put longer ago than that, if this store can be swept; nothing otherwise."""


class FileStore:
    """Files below one directory, readable by their owner only."""

    def __init__(self, root: Path) -> None:
        """Take the directory; it is made when the first file comes."""
        self._root = root

    async def put(self, key: str, file: Path) -> None:
        """Move the file to its place: after a crash all of it is there, or nothing."""
        await asyncio.to_thread(self._move, file, self._root / key)

    async def read(self, key: str) -> bytes:
        """Read all of it."""
        try:
            return await asyncio.to_thread((self._root / key).read_bytes)
        except FileNotFoundError:
            raise _gone(key) from None

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Read piece by piece."""
        try:
            file = await asyncio.to_thread((self._root / key).open, "rb")
        except FileNotFoundError:
            raise _gone(key) from None
        with file:
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece

    async def delete(self, key: str) -> None:
        """Remove it."""
        await asyncio.to_thread((self._root / key).unlink, missing_ok=True)

    async def check(self) -> None:
        """Return: the first file makes the directory."""

    async def left_behind(self, seconds: float) -> list[str]:
        """List what is older."""
        return await asyncio.to_thread(self._older, time.time() - seconds)

    def _move(self, file: Path, place: Path) -> None:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.chmod(0o600)
        _flush(file)
        file.replace(place)
        _flush(place.parent)

    def _older(self, before: float) -> list[str]:
        found = []
        for file in self._root.glob("*/*/*"):
            with contextlib.suppress(FileNotFoundError):
                if file.stat().st_mtime < before:
                    found.append(file.relative_to(self._root).as_posix())
        return found


class BucketStore:
    """Objects of a bucket. Never swept: another installation may keep its own beside ours."""

    def __init__(self, bucket: "ObjectStore") -> None:
        """Take the opened bucket."""
        self._bucket = bucket

    async def put(self, key: str, file: Path) -> None:
        """Upload the file, in parts when it is large."""
        import obstore  # noqa: PLC0415 - a library of many megabytes, for those who keep files in a bucket

        with _answering():
            await obstore.put_async(self._bucket, key, file)
        await asyncio.to_thread(file.unlink)

    async def read(self, key: str) -> bytes:
        """Download all of it."""
        return b"".join([piece async for piece in self.stream(key)])

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Download piece by piece."""
        import obstore  # noqa: PLC0415 - as above

        # Each range is a request of its own: how long whoever reads takes must not count against the bucket.
        start, end = 0, 1
        while start < end:
            with _answering(key):
                answer = await obstore.get_async(self._bucket, key, options={"range": (start, start + _RANGE)})
                end = answer.meta["size"]
                piece = bytes(await answer.bytes_async())
            start += len(piece)
            yield piece

    async def delete(self, key: str) -> None:
        """Remove it."""
        import obstore  # noqa: PLC0415 - as above

        with _answering(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._bucket, key)

    async def check(self) -> None:
        """List one object: a key that is refused and a bucket that is not there show as well."""
        import obstore  # noqa: PLC0415 - as above

        with _answering():
            async for _some in obstore.list(self._bucket, chunk_size=1):
                return

    async def left_behind(self, seconds: float) -> list[str]:
        """Nothing."""
        del seconds
        return []


def open_store(url: str, directory: Path, *, key_id: str = "", secret: str = "") -> Store:
    """
    Open the store that the settings name: the directory when `url` is empty.

    A bucket is `s3://bucket/prefix`, with `?region=…&endpoint=https://…` where it is not Amazon's; without a key the
    machine's own role is used.

    Raises:
        Invalid: the URL is not usable.
    """
    if not url:
        return FileStore(directory)
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != "s3" or not parts.hostname or options.keys() - {"region", "endpoint"}:
        detail = f"SENDYARD_MEDIA_URL: expected s3://bucket/prefix?region=…&endpoint=https://…, found {url!r}."
        raise Invalid("bad_settings", detail)
    from obstore.store import S3Store  # noqa: PLC0415 - as above

    config = {"region": options.get("region", "us-east-1")}
    if endpoint := options.get("endpoint"):
        config["endpoint"] = endpoint
    if key_id:
        config |= {"access_key_id": key_id, "secret_access_key": secret}
    prefix = parts.path.strip("/")
    is_plain = config.get("endpoint", "").startswith("http://")
    bucket = S3Store(
        parts.hostname,
        prefix=prefix or None,
        config=config,  # type: ignore[arg-type]
        client_options={"allow_http": is_plain, "connect_timeout": _CONNECT, "timeout": _REQUEST},
        # Whoever uploads waits meanwhile; messages have tries of their own.
        retry_config={"max_retries": _RETRIES, "retry_timeout": _REQUEST},
    )
    return BucketStore(bucket)


@contextlib.contextmanager
def _answering(key: str = "") -> Iterator[None]:
    """Tell what a bucket may do wrong as `Unavailable`, and as `NotFound` that it has no object of that key."""
    from obstore import exceptions  # noqa: PLC0415 - as above

    try:
        yield
    except (exceptions.BaseError, FileNotFoundError) as error:
        told = str(error).partition("\n")[0]
        # Both are 404; of a bucket that is gone nothing is known of any file.
        has_bucket = "NoSuchBucket" not in str(error)
        if key and has_bucket and isinstance(error, FileNotFoundError):
            raise _gone(key) from None
        _log.warning("the bucket of SENDYARD_MEDIA_URL: %s", told)
        if not has_bucket:
            what = "is not there: make the bucket, or correct SENDYARD_MEDIA_URL"
        elif any(refused in told for refused in _REFUSED):
            what = "refuses the key: correct SENDYARD_MEDIA_KEY_ID and SENDYARD_MEDIA_SECRET, or what it may do"
        else:
            what = "did not answer; try again shortly"
        raise Unavailable("media_store_away", f"The bucket in which files are kept {what}.") from None


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _gone(key: str) -> NotFound:
    return NotFound(
        "media_gone", f"The bytes of the file are not in the store any more ({key.rpartition('/')[2]:.16}…)."
    )
