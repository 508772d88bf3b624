"""
Files handed over before they are sent: `POST /{phone_number_id}/media`.

Source: https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media.
"""

import re
from collections.abc import Mapping

import msgspec

from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import MediaFile, UploadedMedia
from sendyard.providers.contract import Call, ProtocolError
from sendyard.providers.meta_cloud.answers import result_of
from sendyard.providers.meta_cloud.door import door_of
from sendyard.providers.meta_cloud.payloads import message_kind
from sendyard.providers.meta_cloud.spec import MetaCloudAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

_KB = 1024
LARGEST: Mapping[str, int] = {
    "image": 5 * _KB * _KB,
    "video": 16 * _KB * _KB,
    "audio": 16 * _KB * _KB,
    "document": 100 * _KB * _KB,
    "sticker": 500 * _KB,  # an animated one; a still one may have 100 KB, which only Meta can tell apart
}
"""Bytes by kind of message."""

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")
_UNSAFE_IN_FILENAME = re.compile(r"[^A-Za-z0-9._-]")
# Pictures, films and sounds that WhatsApp does not know would go as documents; that is rarely what was meant.
_SHOWN = ("image/", "video/", "audio/")


class _Uploaded(msgspec.Struct, frozen=True):
    id: str


_uploaded = msgspec.json.Decoder(_Uploaded)


def upload_request(account: MetaCloudAccount, call: Call, file: MediaFile) -> HttpRequest:
    """Build the multipart form. Raises AppError `Invalid` when the file breaks Meta's limits."""
    content_type = file.content_type.partition(";")[0].strip().lower()
    kind = message_kind(content_type)
    if not _MEDIA_TYPE.fullmatch(content_type) or (kind == "document" and content_type.startswith(_SHOWN)):
        raise Invalid(
            "media_type_not_taken",
            f"WhatsApp does not take {file.content_type!r} ({file.filename}): use JPEG, PNG, MP4, 3GP, AAC, AMR, MP3, "
            "OGG, WebP for stickers, or a document such as PDF.",
        )
    if not 0 < len(file.data) <= LARGEST[kind]:
        raise Invalid(
            "media_too_large",
            f"WhatsApp takes 1 to {LARGEST[kind]} bytes as {kind}, found {len(file.data)}: make the file smaller.",
        )
    boundary = f"sendyard-{call.nonce}"
    name = _UNSAFE_IN_FILENAME.sub("_", file.filename) or "file"
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in (("messaging_product", "whatsapp"), ("type", content_type))
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        f"Content-Type: {content_type}\r\n\r\n"
    )
    door = door_of(account)
    return HttpRequest(
        "POST",
        f"{door.root}/{account.phone_number_id}/media",
        {**door.reading, "content-type": f"multipart/form-data; boundary={boundary}"},
        head.encode("ascii") + file.data + f"\r\n--{boundary}--\r\n".encode("ascii"),
    )


def read_upload(response: HttpResponse) -> UploadedMedia | ProviderError:
    """Read the media id; Meta does not say until when it may be used. Raises ProtocolError."""
    found = result_of(_uploaded, response, "a media id")
    if isinstance(found, ProviderError):
        return found
    if not found.id:
        raise ProtocolError("expected the id of the uploaded file, found an empty one")
    return UploadedMedia(found.id)
