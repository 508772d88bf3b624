"""
The OpenAPI 3.1 document, made from the declared operations and from the very Structs that read and write.
"""

from collections.abc import Hashable, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any, cast

import msgspec

from sendyard.api.operations import NoQuery, Operation
from sendyard.api.problems import CONTENT_TYPE, Problem

_REFERENCE = "#/components/schemas/{name}"
_PROBLEM_WORDS = {
    400: "The body is not JSON.",
    401: "No valid API key was given.",
    403: "The key may not do this.",
    404: "There is no such thing in this workspace.",
    409: "Not possible in the present state, or the first request with this Idempotency-Key is still running.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    422: "Something given is not usable; `errors` names each place.",
    429: "Too many messages to this recipient within the hour; see `Retry-After`.",
    502: "The provider gave no usable answer.",
    503: "A part of the installation is away; see `Retry-After`.",
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes repeating this request harmless for 24 hours: the first answer comes again, with the "
    "header `Idempotent-Replay: true`.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}

_FILE = {
    "required": True,
    "description": "The file itself, whatever its Content-Type, or a form with one file; other fields of the form "
    "count as query parameters.",
    "content": {
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
    },
}


def describe(operations: Sequence[Operation], version: str) -> dict[str, Any]:
    """Build the document; paths are relative to `/api/v1`."""
    shapes = [operation.body for operation in operations if operation.takes_body]
    shapes += [operation.answers for operation in operations if operation.answers is not None]
    queries = [operation.query for operation in operations]
    _, components = msgspec.json.schema_components([*shapes, *queries, Problem], ref_template=_REFERENCE)
    query_schemas = {query.__name__: components[query.__name__] for query in queries}
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        entry = _operation(operation, query_schemas[operation.query.__name__])
        paths.setdefault(operation.path, {})[operation.method.lower()] = entry
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Sendyard",
            "version": version,
            "description": "Send messages through the providers you have accounts with. Times are RFC 3339 in UTC, "
            "money is a decimal string with a currency, addresses are E.164. Errors are problem documents (RFC 9457).",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"key": []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in components.items() if name not in query_schemas},
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "sy_live_…"}},
        },
    }


def _operation(operation: Operation, query: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": f"{operation.tag}-{operation.handler.__name__}".lower().replace("_", "-").replace(" ", "-"),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation, query),
        "responses": _responses(operation),
    }
    if operation.scope:
        entry["description"] = f"Needs the scope `{operation.scope}`."
    if operation.takes_body:
        content = {"application/json": {"schema": _schema(cast("Hashable", operation.body))}}
        entry["requestBody"] = {"required": not operation.body_optional, "content": content}
    if operation.takes_file:
        entry["requestBody"] = _FILE
    return entry


def _parameters(operation: Operation, query: dict[str, Any]) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in operation.path.split("/") if part.startswith("{")]
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}} for name in names
    ]
    if operation.query is not NoQuery:
        for name, schema in query["properties"].items():
            found.append({"name": name, "in": "query", "required": False, "schema": _without_null(schema)})
    if operation.creates:
        found.append(_IDEMPOTENCY_KEY)
    return found


def _responses(operation: Operation) -> dict[str, Any]:
    done: dict[str, Any] = {"description": HTTPStatus(operation.status).phrase}
    if operation.answers is not None:
        done["content"] = {
            kind: {"schema": _schema(operation.answers) if kind == "application/json" else {"type": "string"}}
            for kind in operation.content_types
        }
    refused = {
        str(status): {
            "description": _PROBLEM_WORDS[status],
            "content": {CONTENT_TYPE: {"schema": _schema(Problem)}},
        }
        for status in operation.problem_statuses
    }
    return {str(operation.status): done, **refused}


@cache
def _schema(shape: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REFERENCE)
    return schema


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter that is left out is simply not there; null cannot be written in a query."""
    kept = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    default = {"default": schema["default"]} if schema.get("default") not in {None, ""} else {}
    if not kept:
        return rest | default
    return (rest | kept[0] if len(kept) == 1 else rest | {"anyOf": kept}) | default
