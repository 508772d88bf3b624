"""
How the emulated Gupshup says yes and no.
"""

from typing import Any

import msgspec

from sendyard.providers.wire import HttpResponse

_JSON = {"content-type": "application/json"}
# Submits are answered as text, though the body is JSON.
_TEXT = {"content-type": "text/html;charset=utf-8"}


class RefusedError(Exception):
    """A request Gupshup does not take, with its HTTP status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def refusal(refused: RefusedError) -> HttpResponse:
    """Say no in Gupshup's envelope."""
    return said({"status": "error", "message": refused.text}, refused.status, _JSON)


def said(value: Any, status: int = 200, headers: dict[str, str] = _JSON) -> HttpResponse:
    """Answer with a JSON document."""
    return HttpResponse(status, headers, msgspec.json.encode(value))


def submitted(message_id: str) -> HttpResponse:
    """Say that a message was taken."""
    return said({"status": "submitted", "messageId": message_id}, 202, _TEXT)
