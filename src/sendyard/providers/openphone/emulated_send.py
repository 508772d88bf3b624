"""
What the emulated Quo takes for sending, and what it refuses.

Rules: https://www.quo.com/docs/mdx/api-reference/messages/send-a-text-message.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import count_gsm
from sendyard.providers.emulation import EmulatedRequest, Received
from sendyard.providers.openphone.codes import REFUSALS
from sendyard.providers.openphone.emulated_workspace import Message, OpenPhoneState, Workspace
from sendyard.providers.openphone.spec import E164, MAX_TEXT, NUMBER_ID, SPACES

_USER = re.compile(r"US[0-9A-Za-z_-]+")
_PRICE = Decimal("0.01")  # a segment to the US or Canada; other countries' rates are not in the sheet
_MAX_GROUP = 10

_STATUS = {
    "0800409": 409,
    "0201500": 500,
    "international_not_enabled": 403,
    **{code: int(code[4:]) for code in REFUSALS if code.isdecimal() and code.startswith("02")},
    **{code: int(code[5:]) for code in REFUSALS if code.startswith("http:")},
}
_PATHS = {"invalid_to": "/to/0", "invalid_from": "/from", "invalid_content": "/content"}

# Quo documents no error for a person who wrote STOP: a bad request without a path stands for it.
_BY_KIND = {
    ErrorKind.THROTTLED: "http:429",
    ErrorKind.UNAVAILABLE: "0201500",
    ErrorKind.AUTH_FAILED: "0200401",
    ErrorKind.OUT_OF_CREDIT: "0200402",
    ErrorKind.NOT_REGISTERED: "0206400",
    ErrorKind.UNSUPPORTED: "international_not_enabled",
    ErrorKind.INVALID_RECIPIENT: "invalid_to",
    ErrorKind.CONTENT_REJECTED: "invalid_content",
    ErrorKind.UNMAPPED: "0299403",
}

_object = msgspec.json.Decoder(dict[str, Any])


class RefusedError(Exception):
    """An answer with an error: its HTTP status, Quo's code ("" for none), words and faults."""

    def __init__(self, status: int, code: str, title: str, faults: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(title)
        self.status = status
        self.code = code
        self.title = title
        self.faults = faults


def refusal_of(code: str, kind: ErrorKind = ErrorKind.UNMAPPED) -> RefusedError:
    """The answer that carries `code`; with a code that Quo's submit does not know, one of the class `kind`."""
    known = code if code in REFUSALS else _BY_KIND.get(kind, "http:400")
    wording = REFUSALS[known].wording if known in REFUSALS else "Forbidden"
    if path := _PATHS.get(known):
        # Not documented, made after the pattern of the documented ones: 02 for messages, 400 at its end.
        return RefusedError(400, "0200400", "Bad Request", ((path, "Invalid value"),))
    return RefusedError(_STATUS.get(known, 403), known if known.isdecimal() else "", wording)


def object_of(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises RefusedError."""
    try:
        return _object.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RefusedError(400, "0200400", "Bad Request", (("", "Expected object"),)) from None


def create(workspace: Workspace, request: EmulatedRequest, state: OpenPhoneState) -> tuple[Message, list[Received]]:
    """Take one message, to one person or to a group in which everybody sees everybody. Raises RefusedError."""
    given = object_of(request.body)
    if faults := _faults(given):
        raise RefusedError(400, "0200400", "Bad Request", tuple(faults))
    text, sender, people = given["content"], given["from"], tuple(given["to"])
    if workspace.senders and sender not in workspace.senders:
        raise refusal_of("0200404")
    user = given.get("userId", "US000emulated")
    if workspace.users and user not in workspace.users:
        raise refusal_of("0202403")
    parts = count_gsm(text).parts
    _check_account(workspace, people, parts, request)
    for person in people:
        if (sender, person) in workspace.opted_out:
            raise refusal_of("http:400")
        if refusal := request.refusal(person):
            raise refusal_of(refusal.code, refusal.kind)
    now = request.now
    message = Message(state.next_id("AC", now), workspace.org, people, sender, text, "queued", now, now, user_id=user)
    state.keep(message)
    workspace.credit -= _PRICE * parts
    if any(person.startswith("+1") for person in people):
        day = f"{now:%Y-%m-%d}"
        workspace.sent_on = {day: workspace.sent_on.get(day, 0) + 1}
    received = [
        Received(workspace.org, person, sender, Channel.SMS, text, message.id, parts=parts, at=now) for person in people
    ]
    return message, received


def _faults(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    content, sender, people = given.get("content"), given.get("from"), given.get("to")
    if not isinstance(content, str) or not 1 <= len(content) <= MAX_TEXT or not content.strip(SPACES):
        found.append(("/content", f"Expected string of 1 to {MAX_TEXT} characters matching '.*\\S.*'"))
    if not isinstance(sender, str) or not (E164.fullmatch(sender) or NUMBER_ID.fullmatch(sender)):
        found.append(("/from", "Expected a phone number id or an E.164 number"))
    if not isinstance(people, list) or not 1 <= len(people) <= _MAX_GROUP:
        found.append(("/to", f"Expected array of 1 to {_MAX_GROUP} items"))
    else:
        found += [
            (f"/to/{place}", "Expected string to match '^\\+[1-9]\\d{1,14}$'")
            for place, person in enumerate(people)
            if not isinstance(person, str) or not E164.fullmatch(person)
        ]
    user = given.get("userId", "US0")
    if not isinstance(user, str) or not _USER.fullmatch(user):
        found.append(("/userId", "Expected string to match '^US(.*)$'"))
    if given.get("setInboxStatus", "done") != "done":
        found.append(("/setInboxStatus", "Expected 'done'"))
    return found


def _check_account(workspace: Workspace, people: tuple[str, ...], parts: int, request: EmulatedRequest) -> None:
    american = any(person.startswith("+1") for person in people)
    if workspace.is_expired:
        raise refusal_of("0201402")
    if american and not workspace.a2p_approved:
        raise refusal_of("0206400")
    if not workspace.international and not all(person.startswith("+1") for person in people):
        raise refusal_of("international_not_enabled")
    if american and workspace.daily_cap and workspace.sent_on.get(f"{request.now:%Y-%m-%d}", 0) >= workspace.daily_cap:
        raise refusal_of("0204403")
    if workspace.credit < _PRICE * parts:
        raise refusal_of("0200402")
