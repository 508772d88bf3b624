"""
Files of a workspace: taken in, shown, made to fit an account, removed when nobody needs them.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sendyard.delivery.attachments import MediaForm
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.fitting import MADE_TO_FIT, foreseen, listed, type_as_sent
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import OURS, Media, MediaItem
from sendyard.domain.errors import AppError, Conflict, FieldError, Invalid, NotFound, Unavailable
from sendyard.features.media import queries
from sendyard.features.media.kinds import judge
from sendyard.features.media.links import Links
from sendyard.features.media.names import safe_name
from sendyard.features.media.pictures import Fitted, fit, measure
from sendyard.features.media.queries import Form, Medium
from sendyard.features.media.stores import Store
from sendyard.providers.contract import Outgoing
from sendyard.providers.spec import MediaLimits
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import new_id, now_ms
from sendyard.storage.media_handles import forget_handles

LARGEST = 100 * 1024 * 1024
"""Bytes of the largest file that is taken: WhatsApp's limit for a document."""
KEPT_MS = 30 * 86_400_000
"""How long a file is kept that no message and no template names."""

_SPOOL = ".incoming"
_LEFT_BEHIND = 86_400.0  # seconds after which bytes that no row names are those of an upload that broke off
_TIDIED = 500  # files removed in one round
_DECODED_AT_ONCE = 2  # pictures: each may take 200 MB while it is unpacked
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file, ready to be served."""

    content_type: str
    name: str
    size: int
    pieces: AsyncIterator[bytes]


class MediaLibrary:
    """Everything about files. Use it from one event loop."""

    def __init__(
        self,
        database: Database,
        store: Store,
        directory: Directory,
        links: Links,
        *,
        spool: Path,
        largest: int = LARGEST,
    ) -> None:
        """Take where rows and bytes are, the accounts, what makes links, and a directory for uploads on their way."""
        self._database = database
        self._store = store
        self._directory = directory
        self._links = links
        self._spool = spool / _SPOOL
        self._largest = largest
        self._decoding = asyncio.Semaphore(_DECODED_AT_ONCE)

    async def add_copy(self, workspace_id: str, file: Path) -> dict[str, Any]:
        """Like `add`, of a file that stays where it is, under its own name."""
        copy = await asyncio.to_thread(self._spooled)
        try:
            await asyncio.to_thread(shutil.copyfile, file, copy)
            return await self.add(workspace_id, file.name, copy)
        finally:
            await asyncio.to_thread(copy.unlink, missing_ok=True)

    async def add(self, workspace_id: str, name: str, file: Path) -> dict[str, Any]:
        """
        Take a file in, from its place on this disk; the same bytes give the same one. Afterwards it is gone there.

        Raises:
            Invalid: it is too large, broken, or of no kind that is taken.
        """
        try:
            size = (await asyncio.to_thread(file.stat)).st_size
            if size > self._largest:
                detail = f"Expected a file of at most {self._largest:,} bytes, found {size:,}; make it smaller."
                raise _invalid("media_too_large", detail)
            content_type, width, height = await self._examine(file)
            digest = await asyncio.to_thread(_digest, file)
            medium_id, now = new_id(), now_ms()
            medium = Medium(
                id=medium_id,
                workspace_id=workspace_id,
                digest=digest,
                # The id makes the key new each time: what is being removed and what is being added never meet.
                key=f"{workspace_id}/{digest.hex()[:2]}/{digest.hex()}-{medium_id}",
                content_type=content_type,
                bytes=size,
                width=width,
                height=height,
                name=safe_name(name, content_type),
                created_at=now,
                kept_until=now + KEPT_MS,
            )
            await self._store.put(medium.key, file)
        finally:
            await asyncio.to_thread(file.unlink, missing_ok=True)
        kept = await self._database.write(lambda tx: queries.insert_medium(tx, medium))
        if kept.id != medium.id:
            await self._store.delete(medium.key)
        return _shown(kept)

    async def all(self, workspace_id: str, *, after: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """List files, newest first."""
        found = await self._database.read(lambda tx: queries.media(tx, workspace_id, after=after, limit=limit))
        return [_shown(one) for one in found]

    async def get(self, workspace_id: str, medium_id: str) -> dict[str, Any]:
        """Give one. Raises NotFound."""
        return _shown(await self._medium(workspace_id, medium_id))

    async def delete(self, workspace_id: str, medium_id: str) -> None:
        """
        Remove one with everything made of it.

        Raises:
            NotFound: there is none.
            Conflict: a template or a campaign names it, or messages with it wait.
            Unavailable: the place of its bytes is away; nothing was removed.
        """
        await self._medium(workspace_id, medium_id)
        user, waiting = await self._database.read(lambda tx: queries.users_of(tx, workspace_id, medium_id))
        if user:
            detail = f"The {user} names this file; take it out there first, with a new version or another draft."
            raise Conflict("media_in_use", detail)
        if waiting:
            detail = f"{waiting:,} messages with this file have not left yet; cancel them, or wait until they have."
            raise Conflict("media_in_use", detail)
        await self._store.check()
        await self._remove(workspace_id, medium_id)

    async def items(self, workspace_id: str, ids: Collection[str], *, until: int) -> dict[str, MediaItem]:
        """
        Give files as messages carry them, and keep them until then (milliseconds since 1970) and a while longer.

        Raises:
            Invalid: `unknown_media`, one error per id at fault, in the order given.
        """
        found = await self._database.read(lambda tx: queries.some_media(tx, workspace_id, ids))
        unknown = [one for one in ids if one not in found]
        if unknown:
            errors = [FieldError("", "unknown_media", f"There is no file {one!r:.60}.") for one in unknown]
            raise Invalid("unknown_media", errors[0].detail, errors=errors)
        kept_until = until + KEPT_MS
        if any(medium.kept_until < kept_until for medium in found.values()):
            await self._database.write(lambda tx: queries.keep_until(tx, workspace_id, found, kept_until))
        return {
            one.id: MediaItem(one.content_type, f"{OURS}{one.id}", filename=one.name, size=one.bytes)
            for one in found.values()
        }

    async def content(self, workspace_id: str, medium_id: str, *, account: str = "", channel: str = "") -> Content:
        """
        Give the bytes: as they were uploaded, or with `account` and `channel` as they would be sent there.

        Raises:
            NotFound: there is no such file or account, or its bytes are gone.
            Invalid: the account does not take it.
            Unavailable: the place of its bytes is away.
        """
        medium = await self._medium(workspace_id, medium_id)
        if not account:
            pieces = await _begun(self._store.stream(medium.key))
            return Content(medium.content_type, medium.name, medium.bytes, pieces)
        entry = self._directory.require(workspace_id, account)
        form = await self.form(workspace_id, medium_id, _limits(entry, Channel(channel)))
        return Content(form.content_type, form.name, form.size, await _begun(self._store.stream(form.key)))

    async def preview(
        self, workspace_id: str, medium_id: str, channel: Channel, *, account: str = ""
    ) -> list[dict[str, Any]]:
        """
        Say what would be sent: for one account, or for every one that may carry the channel.

        Raises:
            NotFound: there is no such file or account.
        """
        medium = await self._medium(workspace_id, medium_id)
        if account:
            entries = [self._directory.require(workspace_id, account)]
        else:
            known = self._directory.accounts(workspace_id)
            entries = [entry for entry in known if channel in entry.adapter.spec.channels]
        return [await self._previewed(medium, entry, channel) for entry in entries]

    async def linked(self, file_id: str, expires: str, signature: str) -> Content:
        """
        Give what a link names.

        Raises:
            NotFound: the link is not ours, or over, or the file is gone; nothing tells which.
            Unavailable: the place of its bytes is away.
        """
        found = None
        if self._links.is_good(file_id, expires, signature, now=time.time()):
            found = await self._database.read(lambda tx: queries.by_link(tx, file_id))
        if found is None:
            raise NotFound("no_such_file", "There is no such file, or its link is over.")
        name = found.name if isinstance(found, Medium) else safe_name("file", found.content_type)
        return Content(found.content_type, name, found.bytes, await _begun(self._store.stream(found.key)))

    async def form(self, workspace_id: str, medium_id: str, limits: MediaLimits) -> MediaForm:
        """Give a file as it fits the limits; see `delivery.attachments.Supply`."""
        medium = await self._medium(workspace_id, medium_id)
        form = await self._fitted(medium, limits)
        if form is None:
            return MediaForm(
                medium.id, workspace_id, medium.key, medium.content_type, medium.name, medium.bytes, medium.digest
            )
        name = safe_name(medium.name.rpartition(".")[0], form.content_type)
        return MediaForm(form.id, workspace_id, form.key, form.content_type, name, form.bytes, form.digest)

    async def read(self, form: MediaForm) -> bytes:
        """Read all of a form."""
        return await self._store.read(form.key)

    def link(self, form: MediaForm, until: datetime) -> str:
        """Give an address under which anybody may fetch it until then; "" without a public address."""
        return self._links.make(form.id, until, form.name)

    async def tidy(self) -> int:
        """Remove what nobody needs any more; returns how many files went, none while the place of bytes is away."""
        now = now_ms()
        gone = 0
        await self._database.write(lambda tx: forget_handles(tx, now=now))
        await asyncio.to_thread(sweep, self._spool, _LEFT_BEHIND)
        try:
            await self._store.check()
        except Unavailable as away:
            _log.warning("files nobody needs any more wait: %s", away.detail)
            return gone
        for workspace_id, medium_id in await self._database.read(
            lambda tx: queries.overdue(tx, now=now, limit=_TIDIED)
        ):
            gone += await self._let_go(workspace_id, medium_id, now + KEPT_MS)
        if keys := await self._store.left_behind(_LEFT_BEHIND):
            for key in await self._database.read(lambda tx: queries.unknown_keys(tx, keys)):
                await self._store.delete(key)
        return gone

    async def _let_go(self, workspace_id: str, medium_id: str, later: int) -> bool:
        """Remove one that nobody needs; keep another until later."""
        user, waiting = await self._database.read(lambda tx: queries.users_of(tx, workspace_id, medium_id))
        if user or waiting:
            await self._database.write(lambda tx: queries.keep_until(tx, workspace_id, [medium_id], later))
            return False
        await self._remove(workspace_id, medium_id)
        return True

    async def _medium(self, workspace_id: str, medium_id: str) -> Medium:
        found = await self._database.read(lambda tx: queries.some_media(tx, workspace_id, [medium_id]))
        if medium_id not in found:
            raise NotFound("unknown_media", f"There is no file {medium_id!r:.60}.")
        return found[medium_id]

    async def _remove(self, workspace_id: str, medium_id: str) -> None:
        # The rows go first: bytes without a row are swept later, a row without bytes would be a broken promise.
        keys = await self._database.write(lambda tx: queries.delete_medium(tx, workspace_id, medium_id))
        for key in keys:
            try:
                await self._store.delete(key)
            except Unavailable as away:
                # For whoever asked, the file is gone; what is left in a bucket only its owner can see.
                _log.warning("the object …/%s stays in the bucket and can be removed there: %s", key, away.detail)

    def _spooled(self) -> Path:
        self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._spool / new_id()
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return file

    async def _examine(self, file: Path) -> tuple[str, int | None, int | None]:
        content_type = await asyncio.to_thread(judge, file)
        if not content_type.startswith("image/"):
            return content_type, None, None
        async with self._decoding:
            return content_type, *await asyncio.to_thread(measure, file, content_type)

    async def _fitted(self, medium: Medium, limits: MediaLimits) -> Form | None:
        """Give the form of a file for some limits; None when it fits as it is. Raises Invalid."""
        rule = limits.rule_of(medium.content_type)
        if medium.content_type not in MADE_TO_FIT:
            if rule is None:
                detail = f"Expected {listed(limits)}, found {medium.content_type}."
                raise _invalid("media_type_not_taken", detail)
            if medium.bytes > rule.max_bytes:
                detail = f"Expected at most {rule.max_bytes:,} bytes, found {medium.bytes:,}; make the file smaller."
                raise _invalid("media_too_large", detail)
            return None
        if not type_as_sent(limits, medium.content_type):
            raise _invalid("media_type_not_taken", f"Expected {listed(limits)}, found {medium.content_type}.")
        recipe = _recipe(limits)
        known = await self._database.read(lambda tx: queries.form_of(tx, medium.id, recipe))
        if known is not None:
            return known
        data = await self._store.read(medium.key)
        async with self._decoding:
            fitted = await asyncio.to_thread(fit, data, medium.content_type, limits)
        return None if fitted is None else await self._kept(medium, recipe, fitted)

    async def _kept(self, medium: Medium, recipe: str, fitted: Fitted) -> Form:
        form_id, digest = new_id(), hashlib.sha256(fitted.data).digest()
        form = Form(
            id=form_id,
            workspace_id=medium.workspace_id,
            medium_id=medium.id,
            recipe=recipe,
            digest=digest,
            key=f"{medium.workspace_id}/{digest.hex()[:2]}/{digest.hex()}-{form_id}",
            content_type=fitted.content_type,
            bytes=len(fitted.data),
            width=fitted.width,
            height=fitted.height,
            changes=json.dumps(fitted.changes),
            created_at=now_ms(),
        )
        file = await asyncio.to_thread(self._spooled)
        await asyncio.to_thread(file.write_bytes, fitted.data)
        await self._store.put(form.key, file)
        kept = await self._database.write(lambda tx: queries.insert_form(tx, form))
        if kept.id != form.id:
            await self._store.delete(form.key)
        return kept

    async def _previewed(self, medium: Medium, entry: AccountEntry, channel: Channel) -> dict[str, Any]:
        item = MediaItem(medium.content_type, f"{OURS}{medium.id}", filename=medium.name, size=medium.bytes)
        message = Outgoing("", "", channel, Address.known("+10000000000"), "", Media((item,)))
        limits = entry.adapter.spec.media.get(channel)
        problems = [(one.code, one.detail) for one in foreseen(self._directory.public_url, entry, message)[1]]
        sent = None
        if limits is not None and not problems:
            try:
                sent = await self._as_sent(medium, limits)
            except AppError as error:
                problems = [(error.code, error.detail)]
        return {
            "account": entry.id,
            "account_name": entry.name,
            "provider": entry.provider,
            "channel": channel.value,
            "way": limits.way.value if limits is not None else None,
            "sent": sent,
            "problems": [{"code": code, "detail": detail} for code, detail in problems],
        }

    async def _as_sent(self, medium: Medium, limits: MediaLimits) -> dict[str, Any]:
        form = await self._fitted(medium, limits)
        found = form or medium
        return {
            "content_type": found.content_type,
            "bytes": found.bytes,
            "width": found.width,
            "height": found.height,
            "changes": form.told if form else [],
        }


async def _begun(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Read the first piece, so that whoever asks hears of bytes that cannot be had before the answer begins."""
    first = await anext(pieces, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return whole()


def sweep(folder: Path, seconds: float) -> None:
    """Remove files of a folder that nobody wrote to for so long: uploads that a crash broke off."""
    before = time.time() - seconds
    for file in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):
            if file.stat().st_mtime < before:
                file.unlink()


def _digest(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def _limits(entry: AccountEntry, channel: Channel) -> MediaLimits:
    limits = entry.adapter.spec.media.get(channel)
    if limits is None:
        raise _invalid("media_not_carried", f"{entry.adapter.spec.name} carries no files on {channel}.")
    return limits


def _recipe(limits: MediaLimits) -> str:
    """Name limits as far as they decide about a picture: equal ones share a form."""
    return ";".join(
        f"{','.join(sorted(rule.types & MADE_TO_FIT))}<={rule.max_bytes},{rule.max_width}x{rule.max_height}"
        for rule in limits.rules
        if rule.types & MADE_TO_FIT
    )


def _shown(medium: Medium) -> dict[str, Any]:
    return {
        "id": medium.id,
        "name": medium.name,
        "content_type": medium.content_type,
        "bytes": medium.bytes,
        "width": medium.width,
        "height": medium.height,
        "digest": medium.digest.hex(),
        "created_at": medium.created_at,
        "kept_until": medium.kept_until,
    }


def _invalid(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError("", code, detail)])
