"""
Files at the emulated Meta: upload, address, deletion (sheet, sections 2 and 3).
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from sendyard.providers.emulation import EmulatedRequest
from sendyard.providers.meta_cloud.emulated_errors import RefusedError, as_json
from sendyard.providers.meta_cloud.emulated_state import State
from sendyard.providers.wire import HttpResponse

_MB = 1024 * 1024
_LARGEST: Mapping[str, int] = {
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * _MB),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * _MB),
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * _MB),
    "image/webp": 500 * 1024,
}
_BOUNDARY = re.compile(r'multipart/form-data;.*boundary="?([^";]+)"?', re.IGNORECASE)
_DISPOSITION = re.compile(rb'content-disposition:[^\r\n]*?[; ]name="([^"]*)"', re.IGNORECASE)
_PART_TYPE = re.compile(rb"content-type: *([^\r\n]+)", re.IGNORECASE)


def upload(request: EmulatedRequest, state: State) -> HttpResponse:
    """Take in a file."""
    parts = _parts(request)
    if parts.get("messaging_product", ("", b""))[1] != b"whatsapp":
        raise RefusedError("100", "The parameter messaging_product is required.")
    if "file" not in parts:
        raise RefusedError("100", "The parameter file is required.")
    content_type, data = parts["file"]
    named = parts["type"][1].decode("latin-1") if "type" in parts else content_type
    if named.startswith(("image/", "video/", "audio/")) and named not in _LARGEST:
        raise RefusedError("100", f"Param file must be a file with one of the following types; got {named[:60]}.")
    if not 0 < len(data) <= _LARGEST.get(named, 100 * _MB):
        raise RefusedError("131053", "The file is empty or too large.")
    medium = {
        "messaging_product": "whatsapp",
        "id": state.next_id(),
        "mime_type": named,
        "sha256": sha256(data).hexdigest(),
        "file_size": len(data),
    }
    state.keep_medium(medium)
    return as_json({"id": medium["id"]})


def describe(medium: dict[str, Any]) -> HttpResponse:
    """Where the file could be fetched for five minutes."""
    return as_json({"url": f"https://lookaside.example.test/whatsapp/?mid={medium['id']}"} | medium)


def delete(medium: dict[str, Any], state: State) -> HttpResponse:
    """Forget the file."""
    del state.media[medium["id"]]
    return as_json({"success": True})


def _parts(request: EmulatedRequest) -> dict[str, tuple[str, bytes]]:
    """Parts of the form by name: content type and bytes; empty when it is no form."""
    boundary = _BOUNDARY.match(request.headers.get("content-type", ""))
    if not boundary:
        return {}
    parts: dict[str, tuple[str, bytes]] = {}
    for part in request.body.split(b"--" + boundary[1].encode("utf-8", "replace"))[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        if named := _DISPOSITION.search(head):
            typed = _PART_TYPE.search(head)
            content_type = typed[1].decode("latin-1").strip().lower() if typed else ""
            parts[named[1].decode("utf-8", "replace")] = (content_type, data.removesuffix(b"\r\n"))
    return parts
