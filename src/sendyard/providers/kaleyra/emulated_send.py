"""
The emulated sends: SMS, WhatsApp of version 1 and of version 2.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import count_gsm
from sendyard.providers.emulation import EmulatedRequest, Handled, Received, Refusal
from sendyard.providers.kaleyra.codes import CODES, FIELD, REFUSALS
from sendyard.providers.kaleyra.emulated_state import Customer, KaleyraState, Profile, Stored
from sendyard.providers.wire import HttpResponse

_JSON = {"content-type": "application/json"}
_E164 = re.compile(r"\+?([1-9][0-9]{6,14})")
_PLACE = re.compile(r"\{\{([A-Za-z0-9_]+)\}\}")
_TYPES = frozenset({"MKT", "TXN", "OTP", "DEFAULT"})
_MOST_NUMBERS = 100
_PRICE = Decimal("0.35")
_FREE_FORM = frozenset({"image", "video", "audio", "document", "sticker"})
_STATUS = {ErrorKind.AUTH_FAILED: 401, ErrorKind.THROTTLED: 429, ErrorKind.OUT_OF_CREDIT: 402}

_object = msgspec.json.Decoder(dict[str, Any])

_CODE_OF_KIND = {
    known.meaning: name
    for table in (CODES, REFUSALS)
    for name, known in reversed(list(table.items()))
    if isinstance(known.meaning, ErrorKind)
} | {ErrorKind.INVALID_RECIPIENT: f"{FIELD}to", ErrorKind.CONTENT_REJECTED: f"{FIELD}body"}


class RefusedError(Exception):
    """A no: a code of ours or of Kaleyra's, or `field:` and the field at fault."""

    def __init__(self, code: str, status: int = 0, text: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class _Order:
    """One message as it was asked for, whichever way."""

    channel: Channel
    sender: str
    text: str
    reference: str = ""
    media: tuple[str, ...] = ()
    template: str = ""
    variables: Mapping[str, str] | None = None
    profile: Profile | None = None
    way: str = "sms"  # sms, v1 or v2: the form of its reports


def said(value: Any, status: int = 200) -> HttpResponse:
    """Answer with a JSON document."""
    return HttpResponse(status, _JSON, msgspec.json.encode(value))


def refusal(refused: RefusedError) -> HttpResponse:
    """Say no in the form that fits: a text per field, or a code."""
    known = CODES.get(refused.code)
    text = refused.text or (known.wording if known else "parked")
    kind = known.meaning if known else ErrorKind.UNMAPPED
    status = refused.status or (_STATUS.get(kind, 400) if isinstance(kind, ErrorKind) else 400)
    if refused.code.startswith(FIELD):
        return said({"error": {refused.code.removeprefix(FIELD): text}}, status)
    if refused.code.startswith("http:"):
        return said({"message": text, "error": {}}, int(refused.code.removeprefix("http:")))
    return said({"code": refused.code, "message": text, "error": {}}, status)


def take_sms(request: EmulatedRequest, state: KaleyraState, customer: Customer) -> Handled:
    """Take an SMS to up to a hundred numbers. Raises RefusedError."""
    given = fields_of(request)
    numbers = [number.strip() for number in _text(given, "to").split(",")]
    if len(numbers) > _MOST_NUMBERS:
        raise RefusedError(f"{FIELD}to", text=f"more than {_MOST_NUMBERS} numbers")
    sender, text = _text(given, "sender"), _text(given, "body")
    if not sender or (customer.senders and sender not in customer.senders):
        raise RefusedError(f"{FIELD}sender")
    if _text(given, "type") not in _TYPES:
        raise RefusedError(f"{FIELD}type")
    if not text.strip():
        raise RefusedError(f"{FIELD}body")
    profile = _profile_of(given.get("callback")) or (customer.profile if given.get("callback_profile_id") else None)
    order = _Order(Channel.SMS, sender, text, _text(given, "ref"), profile=profile)
    received = _accept(request, state, customer, numbers, order)
    data = [{"message_id": one.provider_ref, "recipient": one.to} for one in received]
    answer = {
        "body": text,
        "sender": sender,
        "type": given["type"],
        "source": "API",
        "id": received[0].provider_ref.partition(":")[0],
        "createdDateTime": f"{request.now:%Y-%m-%d %H:%M:%S}+00:00",
        "totalCount": len(received),
        "data": data,
        "error": {},
    }
    return Handled(said(answer, 202), received)


def take_form(request: EmulatedRequest, state: KaleyraState, customer: Customer) -> Handled:
    """Take a WhatsApp message of version 1, or an SMS at the older address. Raises RefusedError."""
    given = fields_of(request)
    if _text(given, "channel").lower() != "whatsapp":
        return take_sms(request, state, customer)
    number = _business_number(customer, _text(given, "from"))
    kind = _text(given, "type")
    media = (_text(given, "media_url"),) if kind in {"media", "mediatemplate"} else ()
    if media == ("",):
        raise RefusedError(f"{FIELD}media")
    url = _text(given, "callback_url")
    order = _Order(
        Channel.WHATSAPP,
        number,
        _text(given, "caption") if kind == "media" else _text(given, "body"),
        media=media,
        profile=Profile(url, "GET") if url else None,
        way="v1",
    )
    if kind in {"template", "mediatemplate"}:
        params = re.findall(r'"([^"]*)"', _text(given, "params"))
        variables = {str(index): value for index, value in enumerate(params, 1)}
        name = _text(given, "template_name")
        order = _templated(customer, order, name, variables)
    elif kind not in {"text", "media"}:
        raise RefusedError(f"{FIELD}type")
    elif kind == "text" and not order.text.strip():
        raise RefusedError(f"{FIELD}body")
    (received,) = _accept(request, state, customer, [_text(given, "to")], order)
    return Handled(said({"id": received.provider_ref}, 202), (received,))


def take_meta(request: EmulatedRequest, state: KaleyraState, customer: Customer, number: str) -> Handled:
    """Take a WhatsApp message of version 2. Raises RefusedError."""
    given = fields_of(request)
    message = given.get("messaging_object")
    if not isinstance(message, dict) or message.get("messaging_product") != "whatsapp":
        raise RefusedError("WA400")
    extra = given.get("extra_info")
    order = _Order(
        Channel.WHATSAPP,
        _business_number(customer, number, "WA401"),
        "",
        reference=_text(extra, "ref") if isinstance(extra, dict) else "",
        profile=customer.profile,
        way="v2",
    )
    (received,) = _accept(request, state, customer, [_text(message, "to")], _meta_order(customer, order, message))
    answer = {"code": "WA200", "message": "Accepted", "data": {"message_id": received.provider_ref}, "error": {}}
    return Handled(said(answer), (received,))


def fields_of(request: EmulatedRequest) -> dict[str, Any]:
    """JSON or form, as its type says. Raises RefusedError."""
    if "json" in request.headers.get("content-type", ""):
        try:
            return _object.decode(request.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise RefusedError("WA400", text="The payload is no JSON") from None
    return dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))


def _meta_order(customer: Customer, order: _Order, message: Mapping[str, Any]) -> _Order:
    match message:
        case {"type": "text", "text": {"body": str(text)}} if text.strip() and len(text) <= 4096:
            return replace(order, text=text)
        case {"type": "template", "template": {"name": str(name), "language": {"code": str()}}}:
            components = message["template"].get("components", [])
            return _templated(customer, order, name, _variables(components), _header_file(components))
        case {"type": str(kind)} if kind in _FREE_FORM and isinstance(file := message.get(kind), dict):
            return replace(order, text=_text(file, "caption"), media=(_text(file, "link") or _text(file, "id"),))
        case {"type": "interactive", "interactive": {"body": {"text": str(text)}, "action": dict()}}:
            return replace(order, text=text)
        case _:
            raise RefusedError("WA400")


def _variables(components: object) -> dict[str, str]:
    """Values of the body by number, or by name where the template has names."""
    for component in components if isinstance(components, list) else []:
        if isinstance(component, dict) and component.get("type") == "body":
            parameters = [one for one in component.get("parameters", ()) if isinstance(one, dict)]
            return {
                _text(one, "parameter_name") or str(index): _text(one, "text")
                for index, one in enumerate(parameters, 1)
            }
    return {}


def _header_file(components: object) -> tuple[str, ...]:
    for component in components if isinstance(components, list) else []:
        if isinstance(component, dict) and component.get("type") == "header":
            for one in component.get("parameters", ()):
                file = one.get(one.get("type")) if isinstance(one, dict) else None
                if isinstance(file, dict):
                    return (_text(file, "link") or _text(file, "id"),)
    return ()


def _templated(
    customer: Customer, order: _Order, name: str, variables: dict[str, str], media: tuple[str, ...] = ()
) -> _Order:
    """Fill a template in; where none is registered, any name goes and the values stand for the text."""
    text = customer.templates.get(name)
    if text is None and (customer.templates or not name):
        raise RefusedError("132001" if order.way == "v2" else f"{FIELD}template_name")
    if text is None:
        text = " ".join(variables.values())
    elif set(_PLACE.findall(text)) != set(variables):
        raise RefusedError("132000")
    else:
        text = _PLACE.sub(lambda found: variables[found[1]], text)
    return replace(order, text=text, template=name, variables=variables, media=media or order.media)


def _business_number(customer: Customer, number: str, code: str = f"{FIELD}from") -> str:
    if not (number.isascii() and number.isdecimal()) or (customer.wa_numbers and number not in customer.wa_numbers):
        raise RefusedError(code)
    return number


def _accept(
    request: EmulatedRequest, state: KaleyraState, customer: Customer, numbers: list[str], order: _Order
) -> list[Received]:
    """Take all numbers or none."""
    people = [_e164(number) for number in numbers]
    for to in people:
        if refused := request.refusal(to):
            raise RefusedError(_refusal_code(refused, order.channel))
    if order.channel is Channel.WHATSAPP:
        customer.sent_today += 1
        if customer.daily_limit and customer.sent_today > customer.daily_limit:
            raise RefusedError("WAV2101")
    parts = count_gsm(order.text).parts if order.channel is Channel.SMS else 1
    if customer.credit < _PRICE * parts * len(people):
        raise RefusedError("E110")
    customer.credit -= _PRICE * parts * len(people)
    campaign = state.next_id(request.now)
    received = [
        Received(
            account=customer.sid,
            to=to,
            sender=order.sender,
            channel=order.channel,
            text=order.text,
            provider_ref=f"{campaign}:{index}",
            reference=order.reference,
            media=order.media,
            template=order.template,
            variables=order.variables or {},
            callback_url=order.profile.url if order.profile else "",
            parts=parts,
            at=request.now,
            extra={"way": order.way},
        )
        for index, to in enumerate(people)
    ]
    for one in received:
        state.keep(one.provider_ref, Stored(customer.sid, "Sent", "SUBMITTED"), order.profile)
    return received


def _e164(number: str) -> str:
    if found := _E164.fullmatch(number):
        return f"+{found[1]}"
    raise RefusedError(f"{FIELD}to")


def _refusal_code(refused: Refusal, channel: Channel) -> str:
    if channel is Channel.SMS and not refused.code and refused.kind is ErrorKind.NOT_REGISTERED:
        return f"{FIELD}sender"
    return refused.code or _CODE_OF_KIND.get(refused.kind, f"{FIELD}campaign")


def _profile_of(callback: object) -> Profile | None:
    """What one SMS brings along: as an object, or as JSON in a form field."""
    if isinstance(callback, str):
        try:
            callback = _object.decode(callback)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            callback = None
    if not isinstance(callback, dict) or not _text(callback, "url"):
        return None
    told = Profile(_text(callback, "url"), _text(callback, "method") or "POST", _texts(callback.get("header")))
    payload = _texts(callback.get("payload"))
    return replace(told, payload=payload) if payload else told


def _texts(given: object) -> dict[str, str]:
    return {name: str(value) for name, value in given.items()} if isinstance(given, dict) else {}


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    return str(value) if isinstance(value, str | int) else ""
