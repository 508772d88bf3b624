"""
Pictures are handed over before they are sent: to the carriers (MMS), to RCS and to Kakao.

Sources: sheet sections 3 and 9.
"""

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import MediaFile, UploadedMedia
from sendyard.providers.bizgo.answers import Envelope, payload, read, refusal
from sendyard.providers.bizgo.reports import moment
from sendyard.providers.bizgo.spec import PICTURE_BYTES
from sendyard.providers.contract import ProtocolError
from sendyard.providers.wire import HttpResponse

_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_UNSAFE_IN_FILENAME = re.compile(r"[^A-Za-z0-9._-]+")
_MEGABYTES = 5 * 1024 * 1024

BRAND_KINDS: Final = (
    "default",
    "wide",
    "wideItemList/first",
    "wideItemList",
    "carouselFeed",
    "carouselCommerce",
    "catalog/oddFirst",
    "catalog",
)
"""Kakao's kinds of pictures; a file is named after its kind, as in `wide/summer.jpg`, else it is a `default` one."""


class _File(msgspec.Struct, rename="camel"):
    file_key: str | None = None
    media: str | None = None
    img_url: str | None = None
    expired: str | None = None


_UPLOADED = msgspec.json.Decoder(Envelope[_File])


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart form, ready to be posted to `path`."""

    path: str
    boundary: str
    body: bytes


def upload_form(file: MediaFile, nonce: str) -> Form:
    """Build the form. Raises AppError `Invalid` for what the channel does not take."""
    kind = "jpeg" if file.data.startswith(_JPEG) else "png" if file.data.startswith(_PNG) else ""
    declared = {"image/jpeg": "jpeg", "image/jpg": "jpeg", "image/png": "png"}.get(file.content_type, "")
    path, filename = _place(file)
    if file.channel in {Channel.SMS, Channel.MMS}:
        if kind != "jpeg" or declared != kind:
            raise Invalid(
                "picture_not_jpeg",
                f"BizGO takes JPEG pictures for MMS, found {file.content_type} ({file.filename}): convert it first.",
            )
    elif not kind or declared != kind:
        raise Invalid(
            "picture_not_jpeg_or_png",
            f"BizGO takes JPEG and PNG pictures here, found {file.content_type} ({file.filename}): convert it first.",
        )
    most = _most_bytes(path)
    if len(file.data) > most:
        raise Invalid(
            "picture_too_large", f"The picture may have {most} bytes, found {len(file.data)}: make it smaller."
        )
    boundary = f"sendyard-{nonce}"
    name = _UNSAFE_IN_FILENAME.sub("_", filename) or f"picture.{'jpg' if kind == 'jpeg' else kind}"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: image/{kind}\r\n\r\n"
    )
    return Form(path, boundary, head.encode("ascii") + file.data + f"\r\n--{boundary}--\r\n".encode("ascii"))


def _place(file: MediaFile) -> tuple[str, str]:
    if file.channel in {Channel.SMS, Channel.MMS}:
        return "/v1/file/mms", file.filename
    if file.channel == Channel.RCS:
        return "/v1/file/rcs", file.filename
    if file.channel != Channel.BRANDMESSAGE:
        raise Invalid(
            "upload_not_needed",
            f"BizGO takes no pictures for {file.channel}; use mms, rcs or brandmessage.",
        )
    kind = next((one for one in BRAND_KINDS if file.filename.startswith(f"{one}/")), "")
    return f"/v1/file/brandmessage/{kind or 'default'}", file.filename.removeprefix(
        f"{kind}/"
    ) if kind else file.filename


def _most_bytes(path: str) -> int:
    if path == "/v1/file/mms":
        return PICTURE_BYTES
    # For RCS no size is stated; Kakao's larger limit keeps mistakes out.
    return 500 * 1024 if path == "/v1/file/brandmessage/default" else _MEGABYTES


def read_upload(response: HttpResponse) -> UploadedMedia | ProviderError:
    """Read the handle (`fileKey`, `media` or `imgUrl`) and how long it may be used."""
    envelope = read(_UPLOADED, response)
    error = refusal(envelope, response)
    if error is not None:
        return error
    file = payload(envelope)
    handle = file.file_key or file.media or file.img_url
    if not handle:
        raise ProtocolError("expected fileKey, media or imgUrl in BizGO's answer to an upload, found none")
    return UploadedMedia(handle, moment(file.expired))
