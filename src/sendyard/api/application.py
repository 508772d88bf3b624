"""
The whole web side as one ASGI application: REST interface, callbacks, health, metrics and the reference page.

Litestar routes; the two doors that carry the load, accepting one message and callbacks, stand before it
because routing alone costs as much there as all of their own work.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import msgspec
from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream

from sendyard.api.callbacks import Callbacks
from sendyard.api.desk import Desk, Disconnected, Receive, failure
from sendyard.api.health import Health
from sendyard.api.media import PublicFiles
from sendyard.api.openapi import describe
from sendyard.api.operations import JSON, Answer, Operation, problem_answer
from sendyard.api.problems import problem_for_status
from sendyard.api.short_doors import ShortDoors

BASE = "/api/v1"
_PAGES = files("sendyard.api") / "pages"
_SECURITY_HEADERS = {
    # The page shows what the document says and must not be able to do more, wherever it is served.
    "content-security-policy": "default-src 'none'; connect-src 'self'; style-src 'self'; script-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class Application:
    """An ASGI application; built once per process. `document` is its OpenAPI description."""

    def __init__(
        self,
        desk: Desk,
        operations: Sequence[Operation],
        callbacks: Callbacks,
        health: Health,
        files: PublicFiles,
        short_doors: ShortDoors,
    ) -> None:
        """Take the desk, what it serves, and the doors that need no key."""
        self._desk = desk
        self._callbacks = callbacks
        self._short_doors = short_doors
        self._hot = {
            (operation.method, BASE + operation.path): operation for operation in operations if operation.is_hot
        }
        self.document = describe(operations, version("sendyard"))
        self._litestar = Litestar(
            [
                *(_handler(desk, operation) for operation in operations),
                _fixed(f"{BASE}/openapi.json", msgspec.json.encode(self.document), JSON),
                _fixed("/api/docs", (_PAGES / "reference.html").read_bytes(), "text/html; charset=utf-8"),
                _fixed("/api/docs/reference.js", (_PAGES / "reference.js").read_bytes(), "text/javascript"),
                _fixed("/api/docs/reference.css", (_PAGES / "reference.css").read_bytes(), "text/css"),
                _fixed("/", (_PAGES / "welcome.html").read_bytes(), "text/html; charset=utf-8"),
                _public(files),
                _plain("/healthz", health.alive),
                _plain("/readyz", health.ready),
                _plain("/metrics", health.metrics),
            ],
            openapi_config=None,
            logging_config=None,
            exception_handlers={HTTPException: _refused, Exception: _failed},
            # The desk has a limit for each operation.
            request_max_body_size=None,
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection event."""
        if scope["type"] == "http":
            path = scope["path"]
            operation = self._hot.get((scope["method"], path))
            if operation is not None:
                await self._at_hot_door(operation, scope, receive, send)
                return
            if path.startswith("/callbacks/"):
                await self._callbacks(scope, receive, send)
                return
            if self._short_doors.serves(path):
                await self._short_doors(scope, send)
                return
        await self._litestar(scope, receive, send)

    async def _at_hot_door(self, operation: Operation, scope: Any, receive: Receive, send: Any) -> None:
        try:
            answer = await self._desk.answer(operation, dict(scope["headers"]), scope["query_string"], {}, receive)
        except Disconnected:
            return
        await send_answer(answer.status, answer.content_type, answer.headers, answer.body, send)


async def send_answer(status: int, content_type: str, headers: Mapping[str, str], body: bytes, send: Any) -> None:
    """Write one answer in ASGI's two messages."""
    lines: list[tuple[bytes, bytes]] = [
        (b"content-type", content_type.encode("latin-1")),
        (b"content-length", b"%d" % len(body)),
    ]
    lines += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _handler(desk: Desk, operation: Operation) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> Response[Any]:
        headers = dict(request.scope["headers"])
        path = {name: str(value) for name, value in request.path_params.items()}
        try:
            answer = await desk.answer(operation, headers, request.scope["query_string"], path, request.receive)
        except Disconnected:
            return Response(b"", status_code=400)
        return response_of(answer)

    return HTTPRouteHandler(
        BASE + operation.path.replace("}", ":str}"),
        http_method=[operation.method],
        # What the framework would assume for a method; every answer brings its own.
        status_code=200,
        name=f"{operation.method} {operation.path}",
        include_in_schema=False,
    )(serve)


def response_of(answer: Answer) -> Response[Any]:
    """An answer as the framework wants it."""
    headers = dict(answer.headers)
    # The framework adds the charset to every text by itself.
    media_type = answer.content_type.removesuffix("; charset=utf-8")
    if answer.stream is not None:
        return Stream(answer.stream, status_code=answer.status, media_type=media_type, headers=headers)
    return Response(answer.body, status_code=answer.status, media_type=media_type, headers=headers)


def _fixed(path: str, content: bytes, content_type: str) -> HTTPRouteHandler:
    async def serve() -> Response[Any]:
        return response_of(Answer(200, content, content_type, _SECURITY_HEADERS))

    return HTTPRouteHandler(path, http_method=["GET"], include_in_schema=False)(serve)


def _public(files: PublicFiles) -> HTTPRouteHandler:
    async def serve(request: Request[Any, Any, Any]) -> Response[Any]:
        given = {name: str(value) for name, value in request.path_params.items()}
        answer = await files(given["file_id"], given["expires"], given["signature"])
        if request.method == "HEAD":
            answer.stream = None
        return response_of(answer)

    path = "/media/public/{file_id:str}/{expires:str}/{signature:str}/{name:str}"
    return HTTPRouteHandler(path, http_method=["GET", "HEAD"], include_in_schema=False)(serve)


def _plain(path: str, source: Any) -> HTTPRouteHandler:
    async def serve() -> Response[Any]:
        return response_of(await source())

    return HTTPRouteHandler(path, http_method=["GET"], include_in_schema=False)(serve)


def _refused(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    status = error.status_code
    words = {
        404: ("not_found", "There is nothing at this address; /api/docs lists what there is."),
        405: ("method_not_allowed", "This address does not take this method; the header Allow lists those it does."),
    }
    code, detail = words.get(status, (f"http_{status}", error.detail))
    return response_of(problem_answer(problem_for_status(status, code, detail), error.headers or {}))


def _failed(request: Request[Any, Any, Any], _error: Exception) -> Response[Any]:
    return response_of(failure(f"{request.method} {request.url.path}"))
