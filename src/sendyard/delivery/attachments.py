"""
Files of ours in messages: what a provider takes instead of them, found before the message leaves.

A file is handed over to the provider first, fetched by it from a signed link, or put into the message itself, as
`spec.media` says. Uploads run beside the lane of their account; nothing here holds a transaction meanwhile.
"""

import asyncio
import base64
import hashlib
import json
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sendyard.delivery.credentials import masked
from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.redaction import redact
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text, files_of
from sendyard.domain.errors import AppError, ErrorKind, ProviderError, Unavailable
from sendyard.providers.abilities import MediaFile, MediaUpload, UploadedMedia
from sendyard.providers.contract import AccountSettings, Outgoing, ProtocolError, Refused
from sendyard.providers.spec import MediaLimits, MediaWay, Timeout
from sendyard.storage.engine import Database
from sendyard.storage.media_handles import find_handle, keep_handle

_MOST_HELD = 512  # files whose place at a provider is known without asking the database
_AGAIN = 2.0  # seconds for which a failure answers every message that waits; the next try is a new one
_AT_ONCE = 4  # uploads, so that a few large files do not fill the memory
_SLOWEST = 200_000  # bytes a second that an upload may be expected to make
_MARGIN_MS = 60_000  # before its end a handle is not begun with
_UNTOLD_MS = 86_400_000  # how long a handle is trusted where neither answer nor spec says
_DAY = 86_400
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MediaForm:
    """One file as one provider gets it: as it was uploaded to us, or made to fit."""

    id: str
    workspace_id: str
    key: str  # where its bytes are
    content_type: str
    name: str
    size: int  # bytes
    digest: bytes  # SHA-256


class Supply(Protocol):
    """Whoever keeps our files; declared by its caller."""

    async def form(self, workspace_id: str, medium_id: str, limits: MediaLimits) -> MediaForm:
        """
        Give a file as it fits the limits.

        Raises:
            AppError: there is no such file, or it cannot be made to fit; `Unavailable` when asking later may work.
        """

    async def read(self, form: MediaForm) -> bytes:
        """Read all of it."""

    def link(self, form: MediaForm, until: datetime) -> str:
        """Give an address under which anybody may fetch it until then; "" when no public address is configured."""


@dataclass(frozen=True, slots=True)
class _Held:
    form: MediaForm
    way: MediaWay
    value: str  # handle or `data:` address; "" for links, which each message has of its own
    ends_at: float  # seconds since 1970
    settings: AccountSettings  # of the account at that time: at another place an upload is not known

    def at(self, entry: AccountEntry) -> bool:
        """Whether it was found for the account as it is now."""
        return self.settings is entry.settings or self.settings == entry.settings


_Key = tuple[str, Channel, str]  # account, channel, medium


class Attachments:
    """Finds what stands for our files at a provider, each at most once at a time. Use it from one event loop."""

    def __init__(
        self,
        database: Database,
        transport: Transport,
        tokens: Tokens,
        supply: Supply,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take where handles are kept, the way to providers, who keeps the files, and a clock (seconds since 1970)."""
        self._database = database
        self._transport = transport
        self._tokens = tokens
        self._supply = supply
        self._clock = clock
        self._held: OrderedDict[_Key, _Held] = OrderedDict()
        self._refused: dict[_Key, tuple[ProviderError, float]] = {}
        self._working: dict[_Key, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    def ready(
        self, entry: AccountEntry, outgoing: Outgoing, stir: Callable[[], None] = lambda: None
    ) -> Outgoing | ProviderError | None:
        """
        Give the message as the adapter can build it, or why it cannot be sent.

        None: a file is not ready yet; it is worked on, and `stir` is called when there is more to say.
        """
        content = outgoing.content
        if isinstance(content, Text) and not outgoing.fallback:
            return outgoing
        wanted = _wanted(outgoing)
        if not wanted:
            return outgoing
        found: dict[tuple[Channel, str], _Held] = {}
        waiting = False
        for channel, medium_id in wanted:
            held = self._state(entry, channel, medium_id, stir)
            if isinstance(held, ProviderError):
                return held
            if held is None:
                waiting = True
            else:
                found[channel, medium_id] = held
        return None if waiting else self._filled(outgoing, found)

    async def resolved(self, entry: AccountEntry, outgoing: Outgoing) -> Outgoing | ProviderError:
        """Like `ready`, waiting for it."""
        while True:
            found = self.ready(entry, outgoing)
            if found is not None:
                return found
            await asyncio.wait([task for key, task in self._working.items() if key[0] == entry.id])

    async def close(self) -> None:
        """Stop what is worked on: its messages were not handed over and are claimed anew."""
        tasks = list(self._working.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _state(
        self, entry: AccountEntry, channel: Channel, medium_id: str, stir: Callable[[], None]
    ) -> _Held | ProviderError | None:
        key = entry.id, channel, medium_id
        held = self._held.get(key)
        if held is not None and held.ends_at > self._clock() and held.at(entry):
            self._held.move_to_end(key)
            return held
        refused = self._refused.get(key)
        if refused is not None:
            error, until = refused
            if self._clock() < until:
                if until == math.inf:
                    # From its first telling on: a lane that looks late must hear of it too.
                    self._refused[key] = error, self._clock() + _AGAIN
                return error
            del self._refused[key]
        if key not in self._working:
            task = asyncio.create_task(self._work(entry, channel, medium_id), name=f"file {medium_id}")
            self._working[key] = task
            task.add_done_callback(lambda _: self._done(key, stir))
        return None

    def _done(self, key: _Key, stir: Callable[[], None]) -> None:
        self._working.pop(key, None)
        stir()

    async def _work(self, entry: AccountEntry, channel: Channel, medium_id: str) -> None:
        key = entry.id, channel, medium_id
        try:
            found = await self._obtain(entry, channel, medium_id)
        except Unavailable as error:
            found = _away(error.detail)
        except Exception:  # noqa: BLE001 - any fault of an adapter, a full disk
            _log.exception("a file is not ready", extra={"medium": medium_id, "account": entry.id})
            found = _away("the file could not be made ready; the log has more")
        if isinstance(found, ProviderError):
            self._refused[key] = found, math.inf
            if len(self._refused) > _MOST_HELD:
                del self._refused[next(iter(self._refused))]
            return
        self._held[key] = found
        while len(self._held) > _MOST_HELD:
            self._held.popitem(last=False)

    async def _obtain(self, entry: AccountEntry, channel: Channel, medium_id: str) -> _Held | ProviderError:
        limits = entry.adapter.spec.media.get(channel)
        if limits is None:
            detail = f"{entry.adapter.spec.name} carries no files on {channel}"
            return ProviderError(ErrorKind.UNSUPPORTED, "media_not_carried", detail)
        try:
            form = await self._supply.form(entry.workspace_id, medium_id, limits)
        except Unavailable:
            raise
        except AppError as error:
            return ProviderError(ErrorKind.CONTENT_REJECTED, error.code, error.detail)
        match limits.way:
            case MediaWay.LINK:
                if not self._supply.link(form, datetime.fromtimestamp(self._clock(), UTC)):
                    return ProviderError(ErrorKind.UNSUPPORTED, "media_needs_public_url", NO_PUBLIC_URL)
                return _Held(form, limits.way, "", math.inf, entry.settings)
            case MediaWay.INLINE:
                data = base64.b64encode(await self._supply.read(form)).decode()
                value = f"data:{form.content_type};base64,{data}"
                return _Held(form, limits.way, value, math.inf, entry.settings)
            case MediaWay.UPLOAD:
                return await self._handle(entry, channel, form, limits)

    async def _handle(
        self, entry: AccountEntry, channel: Channel, form: MediaForm, limits: MediaLimits
    ) -> _Held | ProviderError:
        mark = _mark(form, entry.settings)
        now = int(self._clock() * 1000)
        known = await self._database.read(
            lambda tx: find_handle(tx, entry.id, mark, channel.value, now=now + _MARGIN_MS)
        )
        if known is None:
            async with self._room:
                uploaded = await self._upload(entry, channel, form)
            if isinstance(uploaded, ProviderError):
                return uploaded
            if uploaded.expires_at is not None:
                ends_at = int(uploaded.expires_at.timestamp() * 1000)
            else:
                ends_at = now + (limits.handle_seconds * 1000 or _UNTOLD_MS)
            known = uploaded.handle, ends_at
            await self._database.write(
                lambda tx: keep_handle(
                    tx,
                    entry.workspace_id,
                    entry.id,
                    mark,
                    channel.value,
                    handle=uploaded.handle,
                    expires_at=ends_at,
                )
            )
        # One that ends at once is used at once: it would otherwise be fetched for ever.
        ends_at_latest = max(known[1] - _MARGIN_MS, now + int(_AGAIN * 1000))
        return _Held(form, limits.way, known[0], ends_at_latest / 1000, entry.settings)

    async def _upload(self, entry: AccountEntry, channel: Channel, form: MediaForm) -> UploadedMedia | ProviderError:
        adapter = entry.adapter
        if not isinstance(adapter, MediaUpload):
            raise TypeError(f"{entry.provider} takes no uploads")
        data = await self._supply.read(form)
        usual = adapter.spec.timeout
        patience = Timeout(usual.connect, usual.total + len(data) / _SLOWEST)
        try:
            call = await self._tokens.call(entry)
            request = adapter.build_upload(call, MediaFile(channel, form.name, form.content_type, data))
            response = await self._transport.exchange(request, patience)
            if response.status >= 500:
                return _away(f"the provider answered {response.status} to an upload")
            found = adapter.parse_upload(response)
        except AppError as error:
            return ProviderError(ErrorKind.CONTENT_REJECTED, error.code, error.detail)
        except (NotSent, Lost, ProtocolError) as error:
            # Nobody has got anything yet, so an upload whose end is not known is simply made again.
            return _away(redact(f"the file could not be handed over: {error}", entry.secrets))
        if isinstance(found, ProviderError):
            (receipt,) = self._tokens.second_chance(entry, call, [Refused("", found)])
            return receipt.error if isinstance(receipt, Refused) else found
        return found

    def _filled(self, outgoing: Outgoing, found: dict[tuple[Channel, str], _Held]) -> Outgoing:
        until = _until(outgoing.valid_until or datetime.fromtimestamp(self._clock(), UTC))

        def fill(channel: Channel, content: Content) -> Content:
            return with_files(content, lambda item: self._item(item, found[channel, item.medium_id], until))

        fallback = tuple((channel, fill(channel, content)) for channel, content in outgoing.fallback)
        return replace(outgoing, content=fill(outgoing.channel, outgoing.content), fallback=fallback)

    def _item(self, item: MediaItem, held: _Held, until: datetime) -> MediaItem:
        form = held.form
        url, handle = held.value, ""
        if held.way is MediaWay.LINK:
            url = self._supply.link(form, until)
        elif held.way is MediaWay.UPLOAD:
            url, handle = "", held.value
        is_other = form.content_type != item.content_type
        name = form.name if is_other or not item.filename else item.filename
        return MediaItem(form.content_type, url, handle, name, form.size)


NO_PUBLIC_URL = (
    "This provider fetches files from an address: set SENDYARD_PUBLIC_URL to the https address under which this "
    "server is reached from outside."
)


def with_files(content: Content, change: Callable[[MediaItem], MediaItem]) -> Content:
    """Give the content with each file of ours changed; files from elsewhere stay."""
    if isinstance(content, Media):
        return replace(content, items=tuple(change(item) if item.medium_id else item for item in content.items))
    if isinstance(content, TemplateRef) and content.media:
        return replace(content, media=tuple(change(item) if item.medium_id else item for item in content.media))
    return content


def _wanted(outgoing: Outgoing) -> list[tuple[Channel, str]]:
    contents = ((outgoing.channel, outgoing.content), *outgoing.fallback)
    return [(channel, item.medium_id) for channel, content in contents for item in files_of(content) if item.medium_id]


def _until(moment: datetime) -> datetime:
    """
    When the links of a message end: a day after it may be sent at the latest, at a midnight.

    So a repeated exchange has the same links, and what leaves on one day can share a request.
    """
    seconds = math.ceil((moment + timedelta(days=1)).timestamp() / _DAY) * _DAY
    return datetime.fromtimestamp(seconds, UTC)


def _mark(form: MediaForm, settings: AccountSettings) -> bytes:
    """Name a file at one place: a handle of another place there is not known here. Secrets do not change a place."""
    return hashlib.sha256(form.digest + json.dumps(masked(settings), sort_keys=True).encode()).digest()


def _away(detail: str) -> ProviderError:
    return ProviderError(ErrorKind.UNAVAILABLE, "upload_failed", detail)
