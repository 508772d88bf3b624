"""
What the emulated LINE takes for sending, and what it refuses.

Rules: https://developers.line.biz/en/reference/messaging-api/#send-push-message and #send-multicast-message,
https://developers.line.biz/en/docs/messaging-api/retrying-api-request/.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.gsm import utf16_units
from sendyard.providers.emulation import EmulatedRequest, Received
from sendyard.providers.line.codes import CODES
from sendyard.providers.line.emulated_channel import LineChannel, LineState, Taken
from sendyard.providers.line.spec import (
    CHAT,
    MAX_ALT,
    MAX_BUTTONS,
    MAX_DATA,
    MAX_LABEL,
    MAX_OBJECTS,
    MAX_RECIPIENTS,
    MAX_TEMPLATE_TEXT,
    MAX_TEXT,
    MAX_TITLED_TEXT,
    PERSON,
)
from sendyard.providers.wire import HttpResponse

JSON_HEADERS: Mapping[str, str] = {"content-type": "application/json"}
_MAX_BODY = 2 * 1024 * 1024
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_URL = re.compile(r"https://\S{1,1992}")
_UNIT = re.compile(r"[A-Za-z0-9_]{1,30}")

_STATUSES = {"monthly_limit": 429, "rate_limit": 429, **{c: int(c[5:]) for c in CODES if c.startswith("http:")}}
# LINE has no sentence for some classes; the nearest one stands in, for the last a status that is in no table.
_BY_KIND = {
    ErrorKind.THROTTLED: "rate_limit",
    ErrorKind.UNAVAILABLE: "http:500",
    ErrorKind.AUTH_FAILED: "http:401",
    ErrorKind.OUT_OF_CREDIT: "monthly_limit",
    ErrorKind.NOT_REGISTERED: "http:403",
    ErrorKind.UNSUPPORTED: "http:404",
    ErrorKind.INVALID_RECIPIENT: "failed_to_send",
    ErrorKind.OPTED_OUT: "failed_to_send",
    ErrorKind.EXPIRED: "invalid_reply_token",
}
_SENTENCES = {
    "invalid_body": "The request body has 1 error(s)",
    "invalid_to": "The property, 'to', in the request body is invalid (line: -, column: -)",
    "http:404": "Not found",
    "http:409": "Conflict",
}
_REFUSALS = frozenset(CODES) - {"accepted", "already_accepted", "invalid_client", "profile_not_found", "batch_refused"}

_encoder = msgspec.json.Encoder()
_object = msgspec.json.Decoder(dict[str, Any])


class RefusedError(Exception):
    """An answer with an error: its HTTP status, its sentence and details (property, sentence)."""

    def __init__(self, status: int, sentence: str, details: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.details = details


def refusal_of(code: str, kind: ErrorKind = ErrorKind.UNMAPPED) -> RefusedError:
    """The answer that means `code`; for a code that LINE's sending does not know, one of the class `kind`."""
    known = code if code in _REFUSALS else _BY_KIND.get(kind, "invalid_body")
    return RefusedError(_STATUSES.get(known, 400), _SENTENCES.get(known, CODES[known].wording))


def as_json(status: int, document: Mapping[str, Any], request_id: str, **headers: str) -> HttpResponse:
    """An answer with this document; every one has a request id."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, {**JSON_HEADERS, "x-line-request-id": request_id, **named}, _encoder.encode(document))


def as_error(refused: RefusedError, request_id: str) -> HttpResponse:
    """An error in LINE's form; details may be absent."""
    document: dict[str, Any] = {"message": str(refused)}
    if refused.details:
        document["details"] = [{"message": words, "property": name} for name, words in refused.details]
    return as_json(refused.status, document, request_id)


def object_of(body: bytes) -> dict[str, Any]:
    """Read a JSON object. Raises RefusedError."""
    if len(body) > _MAX_BODY:
        raise RefusedError(413, "Request body is too large")
    try:
        return _object.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RefusedError(400, "The request body could not be parsed as JSON") from None


def send(
    channel: LineChannel, request: EmulatedRequest, state: LineState, request_id: str, *, kind: str
) -> tuple[HttpResponse, list[Received]]:
    """Answer a push or a multicast, once for each retry key. Raises RefusedError."""
    key = retry_key_of(request)
    if repeated := repetition(channel, request, request_id, key, kind):
        return repeated, []
    given = object_of(request.body)
    people = _people(given.get("to"), kind)
    check_objects(given)
    reached = _reached(channel, people, request, kind)
    charge(channel, reached, request, kind)
    sent: tuple[str, ...] = ()
    if kind == "push":
        sent = tuple(f"4612{state.next_number():014d}" for _ in given["messages"])
    if key:
        channel.retry_keys[key] = Taken(request_id, sent, request.now)
    reference = sent[0] if sent else request_id
    received = [received_of(channel, given, person, reference, request) for person in reached]
    return as_json(200, {"sentMessages": _sent(sent)} if sent else {}, request_id), received


def retry_key_of(request: EmulatedRequest) -> str:
    """The retry key, "" for none. Raises RefusedError for one that is no UUID."""
    key = request.headers.get("x-line-retry-key", "")
    if key and not _UUID.fullmatch(key):
        raise RefusedError(400, "The retry key is invalid", (("X-Line-Retry-Key", "Must be a UUID"),))
    return key


def repetition(
    channel: LineChannel, request: EmulatedRequest, request_id: str, key: str, kind: str
) -> HttpResponse | None:
    """Answer the repetition of a call that was accepted; None for any other. Raises RefusedError for the rate."""
    if not channel.draw(kind, request.now):
        raise refusal_of("rate_limit")
    taken = channel.accepted(key, request.now) if key else None
    if taken is None:
        return None
    repeated: dict[str, Any] = {"message": "The retry key is already accepted"}
    if taken.sent:
        repeated["sentMessages"] = _sent(taken.sent)
    return as_json(409, repeated, request_id, x_line_accepted_request_id=taken.request_id)


def charge(channel: LineChannel, people: Sequence[str], request: EmulatedRequest, kind: str) -> None:
    """Count people for the month. Raises RefusedError when it has not so many left."""
    if channel.monthly_limit and channel.used + len(people) > channel.monthly_limit:
        raise refusal_of("monthly_limit")
    channel.count(kind, people, request.now)


def _sent(ids: Sequence[str]) -> list[dict[str, str]]:
    return [{"id": one, "quoteToken": f"quote-{one}"} for one in ids]


def _people(to: Any, kind: str) -> list[str]:
    """Recipients of a call; one malformed id refuses it whole."""
    people = [to] if kind == "push" else to
    if not isinstance(people, list) or not 1 <= len(people) <= MAX_RECIPIENTS:
        raise refusal_of("invalid_to")
    shape = CHAT if kind == "push" else PERSON
    wrong = [place for place, person in enumerate(people) if not isinstance(person, str) or not shape.fullmatch(person)]
    if wrong:
        sentence = str(refusal_of("invalid_to"))
        named = [(f"to[{place}]" if kind == "multicast" else "to", "Must be a user id") for place in wrong[:10]]
        raise RefusedError(400, sentence, named)
    return people


def _reached(channel: LineChannel, people: Sequence[str], request: EmulatedRequest, kind: str) -> list[str]:
    """People who get it; who blocked the account gets nothing and is not counted. Raises RefusedError."""
    reached = []
    for person in dict.fromkeys(people):
        if refusal := request.refusal(person):
            silent = refusal.kind in {ErrorKind.INVALID_RECIPIENT, ErrorKind.OPTED_OUT} and not refusal.code
            if not (silent and kind == "multicast"):
                raise refusal_of(refusal.code, refusal.kind)
        elif person not in channel.blocked:
            reached.append(person)
    return reached


def received_of(
    channel: LineChannel, given: Mapping[str, Any], person: str, reference: str, request: EmulatedRequest
) -> Received:
    """What one person's phone shows: texts, and of anything else what can be read of it."""
    objects = given["messages"]
    lines = [text for one in objects if (text := _readable(one))]
    files = tuple(one["originalContentUrl"] for one in objects if "originalContentUrl" in one)
    name = next((one["sender"].get("name", "") for one in objects if isinstance(one.get("sender"), dict)), "")
    return Received(
        channel.name,
        person,
        name,
        Channel.LINE,
        "\n".join(lines),
        reference,
        media=files,
        at=request.now,
        extra={"types": ",".join(one["type"] for one in objects)},
    )


def _readable(one: Mapping[str, Any]) -> str:
    if one["type"] == "template":
        return str(one["template"].get("text", one["altText"]))
    return str(one.get("text", one.get("altText", "")))


def check_objects(given: Mapping[str, Any]) -> None:
    """Refuse what LINE would refuse of the messages and of what stands beside them. Raises RefusedError."""
    objects = given.get("messages")
    if not isinstance(objects, list) or not 1 <= len(objects) <= MAX_OBJECTS:
        raise RefusedError(400, "The request body has 1 error(s)", (("messages", "Size must be between 1 and 5"),))
    faults = [
        (f"messages[{place}]{name and '.'}{name}", words)
        for place, one in enumerate(objects)
        for name, words in (_faults(one) if isinstance(one, dict) else [("", "Must be an object")])
    ]
    units = given.get("customAggregationUnits", [])
    if not isinstance(units, list) or len(units) > 1 or not all(_UNIT.fullmatch(str(unit)) for unit in units):
        faults.append(("customAggregationUnits", "Must be one name of up to 30 characters"))
    if not isinstance(given.get("notificationDisabled", False), bool):
        faults.append(("notificationDisabled", "Must be a boolean"))
    if faults:
        raise RefusedError(400, f"The request body has {len(faults)} error(s)", faults)


def _faults(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    match one.get("type"):
        case "text":
            return _length(one, "text", MAX_TEXT)
        case "image" | "video":
            urls = ("originalContentUrl", "previewImageUrl")
            return [(name, "Must be a valid https URL") for name in urls if not _URL.fullmatch(str(one.get(name)))]
        case "template":
            return _length(one, "altText", MAX_ALT) + _buttons(one.get("template"))
        case "flex":
            contents = one.get("contents")
            known = isinstance(contents, dict) and contents.get("type") in {"bubble", "carousel"}
            return _length(one, "altText", MAX_ALT) + (
                [] if known else [("contents", "Must be a bubble or a carousel")]
            )
        case _:
            return [("type", "Must be one of: text, image, video, template, flex")]


def _length(one: Mapping[str, Any], name: str, most: int) -> list[tuple[str, str]]:
    text = one.get(name)
    if not isinstance(text, str) or not text:
        return [(name, "May not be empty")]
    return [] if utf16_units(text) <= most else [(name, f"Length must be between 0 and {most}")]


def _buttons(template: Any) -> list[tuple[str, str]]:
    if not isinstance(template, dict) or template.get("type") not in {"buttons", "confirm"}:
        return [("template.type", "Must be one of: buttons, confirm")]
    actions = template.get("actions")
    if not isinstance(actions, list) or not 1 <= len(actions) <= MAX_BUTTONS:
        return [("template.actions", f"Size must be between 1 and {MAX_BUTTONS}")]
    room = MAX_TITLED_TEXT if template.get("title") else MAX_TEMPLATE_TEXT
    faults = [(f"template.{name}", words) for name, words in _length(template, "text", room)]
    for place, action in enumerate(actions):
        known = action if isinstance(action, dict) else {}
        faults += [(f"template.actions[{place}].{name}", words) for name, words in _length(known, "label", MAX_LABEL)]
        if known.get("type") == "postback":
            faults += [(f"template.actions[{place}].{name}", words) for name, words in _length(known, "data", MAX_DATA)]
    return faults
