"""
The emulated sends: what Gupshup checks in a form before it answers with an id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.providers.emulation import EmulatedRequest, Handled, Received, Refusal
from sendyard.providers.gupshup_whatsapp.codes import CODES
from sendyard.providers.gupshup_whatsapp.desk import Customer, GupshupState, Template
from sendyard.providers.gupshup_whatsapp.replies import RefusedError, submitted
from sendyard.providers.spec import Code

_DESTINATION = re.compile(r"[0-9]{6,15}")
_PLACE = re.compile(r"\{\{([1-9][0-9]?)\}\}")
_SESSION_PRICE = Decimal("0.001")
_TEMPLATE_PRICE = Decimal("0.009")
_MEDIA_KINDS = frozenset({"IMAGE", "VIDEO", "DOCUMENT", "LOCATION"})
_STATUS = {ErrorKind.AUTH_FAILED: 401, ErrorKind.THROTTLED: 429}

_object = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class _Said:
    """What the person gets to see."""

    text: str
    media: tuple[str, ...] = ()
    template: str = ""
    params: tuple[str, ...] = ()


def _first_of_each(codes: Mapping[str, Code]) -> dict[ErrorKind, str]:
    first: dict[ErrorKind, str] = {}
    for name, code in codes.items():
        if isinstance(code.meaning, ErrorKind):
            first.setdefault(code.meaning, name)
    return first


_CODE_OF_KIND = {
    **_first_of_each(CODES),
    ErrorKind.EXPIRED: "failed",
    ErrorKind.REGISTRY_REFUSED: _first_of_each(CODES)[ErrorKind.NOT_REGISTERED],
}


def take(request: EmulatedRequest, state: GupshupState, customer: Customer, *, is_template: bool) -> Handled:
    """
    Judge one form and take its message.

    Raises:
        RefusedError: what Gupshup answers instead.
    """
    form = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    is_legacy = request.path.startswith("/sm/")
    if form.get("channel") != "whatsapp" and not (is_legacy and "channel" not in form):
        raise RefusedError(400, "Invalid Channel")
    app, source, destination = form.get("src.name", ""), form.get("source", ""), form.get("destination", "")
    if (customer.app_name and app != customer.app_name) or (not app and not is_legacy):
        raise RefusedError(400, "App not found")
    if not source or (customer.senders and source not in customer.senders):
        raise RefusedError(400, "Invalid source")
    if not _DESTINATION.fullmatch(destination):
        raise RefusedError(400, "Invalid Destination")
    if refused := request.refusal(f"+{destination}"):
        raise _refused(refused)
    said = _template_message(customer, form) if is_template else _session(_json(form.get("message", ""), "message"))
    if customer.credit <= 0:
        raise RefusedError(400, CODES["1003"].wording)
    customer.charge(_TEMPLATE_PRICE if is_template else _SESSION_PRICE)
    if app and not customer.app_name and app not in state.apps:
        # Nobody registered this app; from now on its name belongs to whoever sends with it.
        customer.app_name = app
        state.add(customer)
    message_id = state.next_id(request.now)
    received = Received(
        account=app or customer.app_name,
        to=f"+{destination}",
        sender=source,
        channel=Channel.WHATSAPP,
        text=said.text,
        provider_ref=message_id,
        media=said.media,
        template=said.template,
        variables={str(index): value for index, value in enumerate(said.params, 1)},
        callback_url=customer.callback_url,
        at=request.now,
        extra={"wa_id": f"gBEG{message_id.replace('-', '')}", "kind": "template" if is_template else "session"},
    )
    return Handled(submitted(message_id), (received,))


def _refused(refusal: Refusal) -> RefusedError:
    name = refusal.code or ("" if refusal.kind is ErrorKind.UNMAPPED else _CODE_OF_KIND[refusal.kind])
    if refusal.kind is ErrorKind.INVALID_RECIPIENT and not refusal.code:
        name = "invalid_destination"
    known = CODES.get(name)
    if known is None or not isinstance(known.meaning, ErrorKind):
        return RefusedError(400, "Held for a review nobody has heard of")
    return RefusedError(_STATUS.get(known.meaning, 400), known.wording)


def _json(text: str, what: str) -> dict[str, Any]:
    try:
        return _object.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RefusedError(400, f"Invalid {what} JSON") from None


def _template_message(customer: Customer, form: Mapping[str, str]) -> _Said:
    template, params = _chosen(customer, form)
    return _Said(_rendered(template, params), _header_file(template, form), template.id, params)


def _chosen(customer: Customer, form: Mapping[str, str]) -> tuple[Template, tuple[str, ...]]:
    wanted = _json(form.get("template", ""), "template")
    params = wanted.get("params", [])
    if not isinstance(params, list):
        raise RefusedError(400, "Invalid template params")
    template = customer.templates.get(str(wanted.get("id")))
    if template is None:
        raise RefusedError(400, CODES["4003"].wording)
    if template.status != "APPROVED":
        raise RefusedError(400, CODES["4005" if template.status == "PAUSED" else "4003"].wording)
    values = tuple(str(param) for param in params)
    if len(values) != _places(template):
        raise RefusedError(400, CODES["132000"].wording)
    if not all(value.strip() for value in values):
        raise RefusedError(400, CODES["132012"].wording)
    return template, values


def _places(template: Template) -> int:
    in_header = 1 if _PLACE.search(template.header) else 0
    in_buttons = sum(1 for button in template.buttons if _PLACE.search(str(button.get("url", ""))))
    return in_header + len(set(_PLACE.findall(template.body))) + in_buttons


def _rendered(template: Template, params: tuple[str, ...]) -> str:
    """The body as the person reads it; a value of the header stands before the body's."""
    skipped = 1 if _PLACE.search(template.header) else 0
    return _PLACE.sub(lambda found: params[skipped + int(found[1]) - 1], template.body)


def _header_file(template: Template, form: Mapping[str, str]) -> tuple[str, ...]:
    if template.kind not in _MEDIA_KINDS:
        return ()
    message = _json(form.get("message", ""), "message")
    kind = str(message.get("type"))
    file = message.get(kind)
    if kind.upper() != template.kind or not isinstance(file, dict):
        raise RefusedError(400, CODES["132012"].wording)
    place = str(file.get("link") or file.get("id") or "")
    if not place:
        raise RefusedError(400, CODES["1010"].wording)
    return (place,)


def _session(message: Mapping[str, Any]) -> _Said:
    """Text and files of a session message, by its type."""
    match message:
        case {"type": "text", "text": str(text)} if text.strip():
            said = _Said(_fitting(text, 4096))
        case {"type": "image", "originalUrl": str(url)} if url:
            said = _Said(_caption(message), (url,))
        case {"type": "file" | "document" | "audio" | "video" | "sticker", "url": str(url)} if url:
            said = _Said(_caption(message), (url,))
        case {"type": "location", "longitude": _, "latitude": _}:
            said = _Said(str(message.get("name", "")))
        case {"type": "reaction", "msgId": str(), "emoji": str(emoji)}:
            said = _Said(emoji)
        case {"type": "quick_reply", "content": {"text": str(text)}, "options": [*options]} if options:
            _no_more_than(options, 3)
            said = _Said(text)
        case {"type": "list", "body": str(text), "globalButtons": [_, *_], "items": [*items]} if items:
            _no_more_than([option for item in items for option in _options(item)], 10)
            said = _Said(text)
        case _:
            raise RefusedError(400, "Invalid message")
    return said


def _options(item: object) -> list[object]:
    options = item.get("options") if isinstance(item, dict) else None
    return options if isinstance(options, list) else []


def _caption(message: Mapping[str, Any]) -> str:
    return _fitting(str(message.get("caption", "")), 1024)


def _fitting(text: str, limit: int) -> str:
    if len(text) > limit:
        raise RefusedError(400, f"Invalid message: more than {limit} characters")
    return text


def _no_more_than(options: list[object], limit: int) -> None:
    if len(options) > limit:
        raise RefusedError(400, f"Invalid message: more than {limit} options")
