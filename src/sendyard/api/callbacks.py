"""
The door for provider callbacks: `/callbacks/{provider}/{token}`, any method, no key.

What arrives is handed on as it came; who sent it and what it means is decided in `delivery.ingest`.
"""

import logging
from typing import Any, Protocol

from sendyard.api.desk import Disconnected, Receive, failure, read_body
from sendyard.api.operations import Answer, refusal
from sendyard.domain.errors import AppError, NotFound, Unavailable
from sendyard.providers.wire import CallbackRequest, HttpResponse
from sendyard.storage.failures import DATABASE_AWAY

BODY_LIMIT = 1024 * 1024

_log = logging.getLogger(__name__)


class Receiver(Protocol):
    """Takes callbacks; `delivery.ingest.Ingest` does."""

    async def receive(self, provider: str, token: str, request: CallbackRequest) -> HttpResponse:
        """Authenticate, store, and give the answer this provider wants."""


class Callbacks:
    """An ASGI door in front of a receiver."""

    def __init__(self, receiver: Receiver, public_url: str) -> None:
        """Take the address providers call us at, which is what they sign; "" when none is configured."""
        self._receiver = receiver
        self._public_url = public_url

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Serve one callback."""
        try:
            answer = await self._answer(scope, receive)
        except Disconnected:
            return
        except AppError as error:
            answer = _response(refusal(error))
        except DATABASE_AWAY as error:
            _log.error("a callback could not be stored, so the provider is asked to repeat it: %s", error)
            answer = _response(refusal(Unavailable("database_unavailable", "The database did not answer; try again.")))
        except Exception:  # noqa: BLE001 - logged; the provider is answered and repeats the callback
            answer = _response(failure("a callback"))
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def _answer(self, scope: Any, receive: Receive) -> HttpResponse:
        provider, _, token = scope["path"].removeprefix("/callbacks/").partition("/")
        if not token or "/" in token:
            raise NotFound("not_found", "A callback address is /callbacks/PROVIDER/TOKEN, as `accounts list` shows it.")
        raw_headers = dict(scope["headers"])
        body = await read_body(raw_headers, receive, BODY_LIMIT)
        query = scope["query_string"].decode("latin-1")
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        request = CallbackRequest(
            method=scope["method"],
            url=f"{self._public_url}{path}" + (f"?{query}" if query else ""),
            query=query,
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in raw_headers.items()},
            body=body,
        )
        return await self._receiver.receive(provider, token, request)


def _response(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.status, {"content-type": answer.content_type, **answer.headers}, answer.body)
