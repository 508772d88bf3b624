"""
Files that messages carry.
"""

from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment
from sendyard.api.message_views import moment
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Operation, refusal
from sendyard.domain.channels import Channel
from sendyard.domain.errors import AppError, FieldError, Invalid, Unavailable
from sendyard.features.media import LARGEST, Content, MediaLibrary

_FORM_ROOM = 64 * 1024  # bytes that a form adds to its file
_INLINE = ("image/", "video/", "audio/")
_SAFE_HEADERS = {
    "x-content-type-options": "nosniff",
    # Even a picture that is also a page must not be able to do anything.
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "cross-origin",
}


class MediumName(msgspec.Struct, forbid_unknown_fields=True):
    """What a file is called."""

    name: Annotated[str, Meta(description="A form's file brings its own.", max_length=500)] = ""


class MediumAnswer(msgspec.Struct):
    """A file, and what its content says it is."""

    id: str
    name: Annotated[str, Meta(description="Made safe; its ending tells the type.")]
    content_type: str
    bytes: int
    width: Annotated[int | None, Meta(description="Of a picture, upright.")]
    height: int | None
    digest: Annotated[str, Meta(description="SHA-256 in hexadecimal.")]
    created_at: Moment
    kept_until: Annotated[Moment, Meta(description="Removed after it, unless a message or a template needs it.")]


class MediumList(msgspec.Struct):
    """Files, newest first."""

    data: list[MediumAnswer]
    next: str | None


class MediumPage(msgspec.Struct, forbid_unknown_fields=True):
    """Which files to list."""

    after: str | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class AsSentWish(msgspec.Struct, forbid_unknown_fields=True):
    """For whom to show a file: as it was uploaded, or as one account would be given it on a channel."""

    account: Annotated[str, Meta(description="Id or name.")] = ""
    channel: Channel | None = None


class PreviewWish(msgspec.Struct, forbid_unknown_fields=True):
    """Where the file would be sent."""

    channel: Channel
    account: Annotated[str, Meta(description="Id or name; every account that carries the channel when empty.")] = ""


class AsSent(msgspec.Struct):
    """What a provider would be given."""

    content_type: str
    bytes: int
    width: int | None
    height: int | None
    changes: Annotated[list[str], Meta(description="What is done to the file, in words; empty when nothing is.")]


class MediaProblem(msgspec.Struct):
    """Why an account would not send it."""

    code: str
    detail: str


class AccountPreview(msgspec.Struct):
    """What would become of a file at one account."""

    account: str
    account_name: str
    provider: str
    channel: Channel
    way: Annotated[str | None, Meta(description="link, upload or inline; null where no files are carried.")]
    sent: AsSent | None
    problems: list[MediaProblem]


class MediaPreview(msgspec.Struct):
    """What would become of a file, account by account."""

    data: list[AccountPreview]


class MediaDoor:
    """The operations under `/media`."""

    def __init__(self, library: MediaLibrary) -> None:
        """Take the feature they speak for."""
        self._library = library

    def operations(self) -> list[Operation]:
        """Everything callers can do with files."""
        tag, one, read, send = "Media", "/media/{id}", "messages:read", "messages:send"
        return [
            Operation(method="POST", path="/media", handler=self.add, tag=tag, scope=send, status=201,
                      summary="Upload a file; the same bytes give the same one", query=MediumName,
                      answers=MediumAnswer, takes_file=True, creates=True, body_limit=LARGEST + _FORM_ROOM),
            Operation(method="GET", path="/media", handler=self.list, tag=tag, scope=read,
                      summary="List files, newest first", query=MediumPage, answers=MediumList),
            Operation(method="GET", path=one, handler=self.get, tag=tag, scope=read, summary="One file",
                      answers=MediumAnswer, refuses=(404,)),
            Operation(method="DELETE", path=one, handler=self.delete, tag=tag, scope=send, status=204,
                      summary="Remove a file that nothing needs", refuses=(404, 409)),
            Operation(method="GET", path=f"{one}/content", handler=self.content, tag=tag, scope=read,
                      summary="The bytes of a file, as uploaded or as an account would be given them",
                      query=AsSentWish, answers=bytes, content_types=("*/*",), refuses=(404,)),
            Operation(method="POST", path=f"{one}/preview", handler=self.preview, tag=tag, scope=read,
                      summary="What would be sent, account by account", query=PreviewWish, answers=MediaPreview,
                      refuses=(404,)),
        ]  # fmt: skip

    async def add(self, ask: Ask[NoBody, MediumName]) -> MediumAnswer:
        """Take a file in."""
        upload = ask.file
        name = ask.query.name or upload.name
        return shown(await self._library.add(ask.workspace_id, name, upload.path))

    async def list(self, ask: Ask[NoBody, MediumPage]) -> MediumList:
        """List files."""
        limit = ask.query.limit
        found = await self._library.all(ask.workspace_id, after=ask.query.after, limit=limit + 1)
        data = [shown(one) for one in found[:limit]]
        return MediumList(data, data[-1].id if len(found) > limit else None)

    async def get(self, ask: Ask[NoBody, NoQuery]) -> MediumAnswer:
        """Give one file's facts."""
        return shown(await self._library.get(ask.workspace_id, ask.path["id"]))

    async def delete(self, ask: Ask[NoBody, NoQuery]) -> None:
        """Remove one."""
        await self._library.delete(ask.workspace_id, ask.path["id"])

    async def content(self, ask: Ask[NoBody, AsSentWish]) -> Answer:
        """Give the bytes."""
        wish = ask.query
        if bool(wish.account) != (wish.channel is not None):
            detail = "Expected account and channel together, or neither."
            raise Invalid("invalid_query", detail, errors=[FieldError("channel", "required", detail)])
        found = await self._library.content(
            ask.workspace_id, ask.path["id"], account=wish.account, channel=wish.channel or ""
        )
        return served(found)

    async def preview(self, ask: Ask[NoBody, PreviewWish]) -> MediaPreview:
        """Say what would be sent."""
        wish = ask.query
        found = await self._library.preview(ask.workspace_id, ask.path["id"], wish.channel, account=wish.account)
        return MediaPreview(msgspec.convert(found, list[AccountPreview]))


class PublicFiles:
    """Files behind signed links, for providers: no key, no listing, nothing that tells why one is not given."""

    def __init__(self, library: MediaLibrary) -> None:
        """Take who keeps the files."""
        self._library = library

    async def __call__(self, file_id: str, expires: str, signature: str) -> Answer:
        """Answer a request for one link."""
        try:
            return served(await self._library.linked(file_id, expires, signature))
        except Unavailable:
            # Who asks here is told nothing of how the installation is built.
            return refusal(Unavailable("file_not_at_hand", "The file cannot be had at the moment; ask again shortly."))
        except AppError as error:
            return refusal(error)


def shown(found: dict[str, Any]) -> MediumAnswer:
    """A file as callers get it."""
    times = {name: moment(found[name]) for name in ("created_at", "kept_until")}
    return MediumAnswer(**(found | times))


def served(content: Content) -> Answer:
    """A file as an answer that no browser takes for anything else."""
    kind = "inline" if content.content_type.startswith(_INLINE) else "attachment"
    headers = _SAFE_HEADERS | {
        "content-disposition": f"{kind}; filename*=UTF-8''{quote(content.name, safe='')}",
        "content-length": str(content.size),
        "cache-control": "private, max-age=3600",
    }
    return Answer(200, content_type=content.content_type, headers=headers, stream=content.pieces)
