"""
Uploads to the emulated BizGO: pictures for MMS, RCS and brand messages.

Sheet section 9. Sizes in pixels are not looked at.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from sendyard.providers.bizgo.emulated_reports import korean_time
from sendyard.providers.bizgo.emulated_state import Account, State
from sendyard.providers.bizgo.spec import PICTURE_BYTES
from sendyard.providers.emulation import EmulatedRequest

_BOUNDARY = re.compile(r'multipart/form-data;.*boundary="?([^";]+)"?', re.IGNORECASE)
_DISPOSITION = re.compile(
    rb'content-disposition:\s*form-data;\s*name="([^"]*)"(?:;\s*filename="([^"]*)")?', re.IGNORECASE
)
_PART_TYPE = re.compile(rb"content-type:\s*([^\s;]+)", re.IGNORECASE)
_MAGIC = ((b"\xff\xd8\xff", "jpeg"), (b"\x89PNG", "png"))
_DECLARED = {"image/jpeg": "jpeg", "image/jpg": "jpeg", "image/png": "png"}
_MOST_BYTES = {"mms": PICTURE_BYTES, "brandmessage/default": 500 * 1024}
_OTHERWISE = 5 * 1024 * 1024

TARGETS = (
    "mms|rcs|brandmessage/(?:default|wide|wideItemList(?:/first)?|carouselFeed|carouselCommerce|catalog(?:/oddFirst)?)"
)
"""What may follow `/v1/file/`, as a pattern."""


class Stored(NamedTuple):
    """A code that refuses the file, or what is answered for it."""

    code: str = ""
    data: Mapping[str, Any] | None = None


def store(request: EmulatedRequest, account: Account, state: State, target: str) -> Stored:
    """Take one picture for one kind of message."""
    parts = _parts(request)
    if "file" not in parts:
        return Stored("A204")
    filename, content_type, data = parts["file"]
    kind = next((kind for start, kind in _MAGIC if data.startswith(start)), "")
    checks = (
        (not filename, "A208"),
        (kind != _DECLARED.get(content_type, ""), "A205"),
        (kind not in ({"jpeg"} if target == "mms" else {"jpeg", "png"}), "A206"),
        (len(data) > _MOST_BYTES.get(target, _OTHERWISE), "A200"),
    )
    code = next((code for wrong, code in checks if wrong), "")
    if code:
        return Stored(code)
    expires = request.now + timedelta(days=365)
    if target.startswith("brandmessage"):
        address = f"https://mud-kage.example.test/{target}/{state.next()}.{kind}"
        account.files[address] = expires
        return Stored(data={"imgUrl": address})
    own = parts["fileKey"][2].decode("utf-8", "replace") if "fileKey" in parts else ""
    name, key = ("media", f"maapfile://MK-{state.next()}") if target == "rcs" else ("fileKey", f"FK-{state.next()}")
    account.files[own or key] = expires
    return Stored(data={name: own or key, "expired": korean_time(expires)})


def _parts(request: EmulatedRequest) -> dict[str, tuple[str, str, bytes]]:
    """Parts of a multipart form by name: filename, content type, bytes; empty when it is no form."""
    boundary = _BOUNDARY.match(request.headers.get("content-type", ""))
    if not boundary:
        return {}
    parts: dict[str, tuple[str, str, bytes]] = {}
    for part in request.body.split(b"--" + boundary[1].encode("latin-1"))[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        named, typed = _DISPOSITION.search(head), _PART_TYPE.search(head)
        if named:
            filename = (named[2] or b"").decode("utf-8", "replace")
            content_type = typed[1].decode("latin-1").lower() if typed else ""
            parts[named[1].decode("utf-8", "replace")] = (filename, content_type, data.removesuffix(b"\r\n"))
    return parts
