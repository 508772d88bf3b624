"""
What the emulated Quo shows and keeps besides sending: messages, numbers, contacts, webhooks.

Each function answers one documented call of a workspace. Raises RefusedError.
"""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from sendyard.providers.emulation import EmulatedRequest
from sendyard.providers.openphone.emulated_send import RefusedError, object_of
from sendyard.providers.openphone.emulated_webhooks import add_webhook, new_key, webhook_resource
from sendyard.providers.openphone.emulated_workspace import (
    SAMPLE_NUMBER,
    Message,
    OpenPhoneState,
    Workspace,
    message_resource,
    number_id,
    number_resource,
    stamp,
)
from sendyard.providers.openphone.spec import E164
from sendyard.providers.wire import HttpResponse

JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json"}
_encoder = msgspec.json.Encoder()


def as_json(status: int, document: Mapping[str, Any]) -> HttpResponse:
    """An answer with this document."""
    return HttpResponse(status, JSON_HEADERS, _encoder.encode(document))


def one_message(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState, sid: str) -> HttpResponse:
    """One message of this workspace."""
    del request
    message = state.messages.get(sid)
    if message is None or message.org != workspace.org:
        raise RefusedError(404, "0200404", "Not Found")
    return as_json(200, {"data": message_resource(message)})


def list_v1(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> HttpResponse:
    """The v1 list, which wants our number's id, a person and a page size."""
    asked = parse_qs(request.query)
    number, people = asked.get("phoneNumberId", [""])[0], asked.get("participants", [])
    if not (number and people and asked.get("maxResults", [""])[0].isdecimal()):
        raise RefusedError(400, "0200400", "Bad Request", (("/phoneNumberId", "Expected required property"),))
    since, until = (asked.get(name, [""])[0] for name in ("createdAfter", "createdBefore"))
    found = [
        message_resource(message)
        for message in state.newest_first(workspace.org, people[0])
        if _is_between(message, since, until)
    ]
    shown = [one for one in found if one["phoneNumberId"] == number][: min(int(asked["maxResults"][0][:4]), 100)]
    return as_json(200, {"data": shown, "totalItems": len(shown), "nextPageToken": None})


def list_dated(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> HttpResponse:
    """The dated list, by any of its filters; `to` is the one we look by."""
    asked = {name: values[0] for name, values in parse_qs(request.query).items()}
    limit = asked.get("limit", "10")
    if not (limit.isdecimal() and 1 <= int(limit[:4]) <= 50):
        raise RefusedError(400, "", "Bad Request", (("/limit", "Expected a number from 1 to 50"),))
    exact = {"from": "from", "phoneNumberId": "phoneNumberId", "status": "status", "direction": "direction"}
    messages: Iterable[Message] = state.newest_first(workspace.org, asked.get("to", ""))
    found = [
        shown
        for message in messages
        if _is_between(message, asked.get("createdAt[gt]", ""), asked.get("createdAt[lt]", ""))
        and all(asked.get(name, (shown := message_resource(message))[key]) == shown[key] for name, key in exact.items())
    ]
    more = len(found) > int(limit)
    return as_json(200, {"data": found[: int(limit)], "nextCursor": found[int(limit)]["id"] if more else None})


def _is_between(message: Message, since: str, until: str) -> bool:
    # Dates in one form sort as text.
    created = stamp(message.created)
    return created > since and (not until or created < until)


def numbers(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> HttpResponse:
    """Every number of the workspace."""
    del request, state
    return as_json(200, {"data": [number_resource(number, workspace) for number in _owned(workspace)]})


def one_number(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState, sid: str) -> HttpResponse:
    """One number by its id."""
    del request, state
    for number in _owned(workspace):
        if number_id(number) == sid:
            return as_json(200, {"data": number_resource(number, workspace)})
    raise RefusedError(404, "0300404", "Not Found")


def _owned(workspace: Workspace) -> Iterable[str]:
    return [number for number in workspace.senders if E164.fullmatch(number)] or [SAMPLE_NUMBER]


def organization(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> HttpResponse:
    """The workspace, and whether its subscription is active."""
    del request, state
    status = "expired" if workspace.is_expired else "active"
    return as_json(200, {"data": {"id": workspace.org, "subscriptionStatus": status}})


def add_contact(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> HttpResponse:
    """Add a contact; a source and external id may occur once."""
    given = object_of(request.body)
    if not isinstance(given.get("defaultFields"), dict) or not given["defaultFields"].get("firstName"):
        raise RefusedError(400, "0800400", "Bad Request", (("/defaultFields/firstName", "Expected string"),))
    identity = (given.get("source"), given.get("externalId"))
    if identity[1] and any(
        (known.get("source"), known.get("externalId")) == identity for known in workspace.contacts.values()
    ):
        raise RefusedError(409, "0800409", "Conflict")
    sid = state.next_id("CT", request.now)
    workspace.contacts[sid] = {**given, "id": sid, "createdAt": stamp(request.now), "updatedAt": stamp(request.now)}
    return as_json(201, {"data": workspace.contacts[sid]})


def contacts(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> HttpResponse:
    """The first contacts."""
    del request, state
    found = list(workspace.contacts.values())[:50]
    return as_json(200, {"data": found, "totalItems": len(workspace.contacts), "nextPageToken": None})


def one_contact(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState, sid: str) -> HttpResponse:
    """Show, change or delete a contact."""
    del state
    if sid not in workspace.contacts:
        raise RefusedError(404, "0800404", "Not Found")
    if request.method == "DELETE":
        del workspace.contacts[sid]
        return HttpResponse(204)
    if request.method == "PATCH":
        workspace.contacts[sid] |= {**object_of(request.body), "id": sid, "updatedAt": stamp(request.now)}
    return as_json(200, {"data": workspace.contacts[sid]})


def make_webhook(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> HttpResponse:
    """Make a webhook of the generation whose path is called."""
    is_current = not request.path.startswith("/v1/")
    webhook = add_webhook(workspace, state, request.body, request.now, is_current=is_current)
    return as_json(201, {"data": webhook_resource(webhook, with_key=True)})


def webhooks(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> HttpResponse:
    """The webhooks of one generation."""
    del state
    is_current = not request.path.startswith("/v1/")
    hooks = [hook for hook in workspace.webhooks.values() if hook.is_current == is_current]
    return as_json(200, {"data": [webhook_resource(hook, with_key=False) for hook in hooks]})


def one_webhook(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState, sid: str) -> HttpResponse:
    """Show or delete a webhook, or give it a new key."""
    del state
    hook = workspace.webhooks.get(sid)
    if hook is None or hook.is_current == request.path.startswith("/v1/"):
        raise RefusedError(404, "", "Not Found")
    if request.method == "DELETE":
        del workspace.webhooks[sid]
        return HttpResponse(204)
    if request.method == "POST":
        hook.key = new_key(f"{hook.key} rotated", is_current=True)
        return as_json(200, {"data": webhook_resource(hook, with_key=True)})
    return as_json(200, {"data": webhook_resource(hook, with_key=False)})
