"""
The desk every request passes: who is asking, may they, can it be read, was it asked before.
"""

import hashlib
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sendyard.api.decoding import decode_body, decode_query
from sendyard.api.operations import Answer, Ask, NoBody, NoQuery, Once, Operation, encode, problem_answer, refusal
from sendyard.api.problems import BodyTooLarge, WrongMediaType, problem_for_status
from sendyard.api.uploads import take_upload
from sendyard.domain.errors import AppError, Conflict, FieldError, Forbidden, Invalid, Unauthorized, Unavailable
from sendyard.features.people import ApiKeys, Principal
from sendyard.storage import idempotency
from sendyard.storage.engine import Database
from sendyard.storage.failures import DATABASE_AWAY
from sendyard.storage.identifiers import now_ms
from sendyard.storage.vault import Vault

REPLAY_HEADER = "idempotent-replay"

_log = logging.getLogger(__name__)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_NO_BODY = NoBody()
# Every handler behind these asks whom a team key would reach.
_FOR_TEAMS = frozenset({"messages:send", "otp", "campaigns"})
_NO_QUERY = NoQuery()

Receive = Callable[[], Awaitable[Any]]


class Disconnected(Exception):
    """The caller went away before the whole request had arrived; nobody waits for an answer."""


class Desk:
    """Turns one HTTP request for an operation into one answer, and every failure into a problem document."""

    def __init__(self, database: Database, keys: ApiKeys, vault: Vault, spool: Path) -> None:
        """
        Take what knows the keys, where answers of creates are kept, what seals those that hold a secret, and the folder
        where files lie while they arrive.
        """
        self._database = database
        self._spool = spool
        self._vault = vault
        self._keys = keys

    async def answer(
        self,
        operation: Operation,
        headers: Mapping[bytes, bytes],
        query_string: bytes,
        path: Mapping[str, str],
        receive: Receive,
    ) -> Answer:
        """
        Serve a request; header names are lower case as ASGI has them.

        Raises:
            Disconnected: the caller left while sending.
        """
        try:
            return await self._serve(operation, headers, query_string, path, receive)
        except AppError as error:
            return refusal(error)
        except DATABASE_AWAY as error:
            _log.error("%s %s: the database did not answer: %s", operation.method, operation.path, error)
            return refusal(Unavailable("database_unavailable", "The database did not answer; try again shortly."))
        except Disconnected:
            raise
        except Exception:  # noqa: BLE001 - logged, and whoever asked gets an answer all the same
            return failure(f"{operation.method} {operation.path}")

    async def _serve(
        self,
        operation: Operation,
        headers: Mapping[bytes, bytes],
        query_string: bytes,
        path: Mapping[str, str],
        receive: Receive,
    ) -> Answer:
        principal = await self._principal(operation, headers)
        if operation.takes_file:
            return await self._with_file(operation, principal, headers, query_string, path, receive)
        body: Any = _NO_BODY
        raw = b""
        if operation.takes_body or operation.creates:
            raw = await read_body(headers, receive, operation.body_limit)
        if operation.body_optional and not raw:
            body = operation.body()
        elif operation.takes_body:
            _expect_json(headers)
            body = decode_body(operation.decoder, raw)
        query = decode_query(query_string, operation.query) if query_string else _defaults(operation)
        accept, last = (headers.get(name, b"").decode("latin-1") for name in (b"accept", b"last-event-id"))
        ask: Ask[Any, Any] = Ask(principal, path, query, body, accept, last_event_id=last)
        return await self._handled(operation, ask, headers, raw)

    async def _with_file(
        self,
        operation: Operation,
        principal: Principal,
        headers: Mapping[bytes, bytes],
        query_string: bytes,
        path: Mapping[str, str],
        receive: Receive,
    ) -> Answer:
        # What can be wrong without the file is told before it is taken in.
        decode_query(query_string, operation.query)
        upload = await take_upload(headers, _pieces(headers, receive, operation.body_limit), self._spool)
        try:
            whole = b"&".join(part for part in (query_string, urlencode(upload.fields).encode()) if part)
            ask: Ask[Any, Any] = Ask(principal, path, decode_query(whole, operation.query), _NO_BODY, upload=upload)
            return await self._handled(operation, ask, headers, upload.digest + whole)
        finally:
            upload.path.unlink(missing_ok=True)

    async def _handled(
        self, operation: Operation, ask: Ask[Any, Any], headers: Mapping[bytes, bytes], raw: bytes
    ) -> Answer:
        path = ask.path
        for name, value in path.items():
            if "\0" in value:
                raise Invalid("nul_character", f"The {name} in the address holds the character U+0000.")
        given_key = headers.get(b"idempotency-key") if operation.creates else None
        if given_key is None:
            return _rendered(operation, await operation.handler(ask))
        ask.once = _once(operation, given_key, raw, path)
        if operation.own_transaction:
            return _rendered(operation, await operation.handler(ask))
        return await self._guarded(operation, ask, ask.once)

    async def _principal(self, operation: Operation, headers: Mapping[bytes, bytes]) -> Principal:
        scheme, _, key = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer" or not key:
            raise Unauthorized("no_key", "Expected the header `Authorization: Bearer sy_…`; make a key with "
                                         "`sendyard keys create`.")  # fmt: skip
        given = key.strip().decode("latin-1")
        principal = self._keys.remembered(given) or await self._keys.authenticate(given)
        if operation.scope and not principal.may(operation.scope):
            has = ", ".join(sorted(principal.scopes))
            raise Forbidden("missing_scope", f"Expected a key with the scope {operation.scope!r}; this one has: {has}.")
        if principal.is_team and operation.method != "GET" and operation.scope not in _FOR_TEAMS:
            raise Forbidden("team_key", "A key of the kind team sends to the team and reads; use a live key for this.")
        return principal

    async def _guarded(self, operation: Operation, ask: Ask[Any, Any], once: Once) -> Answer:
        workspace_id = ask.workspace_id
        earlier = await self._database.write(
            lambda tx: idempotency.take(tx, workspace_id, once.key, once.fingerprint, now=now_ms())
        )
        place = f"idempotency {workspace_id} {once.key}"
        if earlier is not None:
            answer = replay(earlier, once)
            if operation.secret_answer:
                answer.body = self._vault.open(earlier.body, place)
            return answer
        try:
            answer = _rendered(operation, await operation.handler(ask))
        except BaseException:
            await self._database.write(lambda tx: idempotency.release(tx, workspace_id, once.key))
            raise
        body = self._vault.seal(answer.body, place) if operation.secret_answer else answer.body
        await self._database.write(lambda tx: idempotency.keep(tx, workspace_id, once.key, answer.status, body))
        return answer


def replay(earlier: idempotency.Earlier, once: Once) -> Answer:
    """
    Answer a create whose key was used before.

    Raises:
        Invalid: the key belongs to another request.
        Conflict: the first request is still running.
    """
    if earlier.fingerprint != once.fingerprint:
        raise Invalid("idempotency_mismatch", "This Idempotency-Key was used for another request; choose a new key "
                      "for new content.", errors=[FieldError("Idempotency-Key", "idempotency_mismatch",
                                                             "belongs to another request")])  # fmt: skip
    if earlier.status is None:
        raise Conflict("idempotency_running", "The first request with this Idempotency-Key is still running; ask "
                                              "again in a moment.", retry_after=1)  # fmt: skip
    return Answer(earlier.status, earlier.body, headers={REPLAY_HEADER: "true"})


def failure(where: str) -> Answer:
    """The answer for a mistake of ours: says nothing but the number under which the log has it."""
    number = secrets.token_hex(6)
    _log.exception("%s failed unexpectedly (%s)", where, number)
    detail = f"Something went wrong on our side; the log has it under {number}."
    return problem_answer(problem_for_status(500, "internal_error", detail))


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """
    Read a request's body, never more than `limit` bytes of it.

    Raises:
        BodyTooLarge: it is longer; the rest is not read.
        Disconnected: the caller left.
    """
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or len(announced) > 15 or int(announced) > limit:
        raise _too_large(limit)
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        return body
    pieces: list[bytes] = []
    size = 0
    while True:
        if message["type"] != "http.request":
            raise Disconnected
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)
        message = await receive()


async def _pieces(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> AsyncIterator[bytes]:
    """Give a body as it comes. Raises BodyTooLarge, Disconnected."""
    announced = headers.get(b"content-length", b"0")
    if not announced.isdigit() or len(announced) > 15 or int(announced) > limit:
        raise _too_large(limit)
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise _too_large(limit)
        if piece:
            yield piece
        if not message.get("more_body"):
            return


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge("body_too_large", f"Expected at most {limit:,} bytes; send less at a time.")


def _expect_json(headers: Mapping[bytes, bytes]) -> None:
    encoding = headers.get(b"content-encoding", b"identity")
    if encoding.lower() != b"identity":
        raise WrongMediaType("wrong_content_encoding", "Expected a body without Content-Encoding.")
    given = headers.get(b"content-type")
    if given is None or given == b"application/json":
        return
    media_type = given.partition(b";")[0].strip().lower()
    if media_type != b"application/json":
        found = given.decode("latin-1")
        raise WrongMediaType("wrong_content_type", f"Expected Content-Type: application/json, found {found!r}.")


def _once(operation: Operation, given: bytes, raw: bytes, path: Mapping[str, str]) -> Once:
    key = given.decode("latin-1")
    if not _KEY.fullmatch(key):
        detail = "Expected 1 to 255 visible ASCII characters"
        raise Invalid("bad_idempotency_key", f"{detail} in Idempotency-Key.",
                      errors=[FieldError("Idempotency-Key", "pattern", detail + ".")])  # fmt: skip
    place = f"{operation.method} {operation.path} {sorted(path.items())}\n"
    return Once(key, hashlib.sha256(place.encode() + raw).digest())


def _defaults(operation: Operation) -> Any:
    return _NO_QUERY if operation.query is NoQuery else decode_query(b"", operation.query)


def _rendered(operation: Operation, result: Any) -> Answer:
    if isinstance(result, Answer):
        return result
    return Answer(operation.status, b"" if result is None else encode(result))
