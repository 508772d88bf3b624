"""
What the emulated Meta takes as a message, and what it says to the rest (sheet, sections 3 and 5).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from sendyard.providers.meta_cloud.emulated_errors import RefusedError
from sendyard.providers.meta_cloud.emulated_state import Number, State, Template

_FILES = frozenset({"image", "video", "audio", "document", "sticker"})
_BUTTONS = {"URL": ("url", "text"), "OTP": ("url", "text"), "COPY_CODE": ("copy_code", "coupon_code")}
_DIGITS = re.compile(r"[0-9]{5,15}")
_USER_ID = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}")
_SPELLING = str.maketrans("", "", "+ -()")

_json = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Order:
    """One message as it was asked for."""

    to: str  # E.164 or a business-scoped user id
    input: str  # as it stood in the request
    kind: str
    text: str
    reference: str = ""
    media: tuple[str, ...] = ()
    template: Template | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


def document_of(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises RefusedError."""
    try:
        given = _json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise RefusedError("100", "The body is not a JSON object.")
    return given


def read_order(given: dict[str, Any], number: Number, state: State, now: datetime) -> Order:
    """Read a message. Raises RefusedError."""
    if given.get("messaging_product") != "whatsapp":
        raise RefusedError("100", "The parameter messaging_product is required.")
    if given.get("recipient_type", "individual") != "individual":
        raise RefusedError("131051", "Groups are not emulated.")
    to, as_given = _recipient(given)
    if to == f"+{number.display}":
        raise RefusedError("131021")
    reference = given.get("biz_opaque_callback_data", "")
    if not isinstance(reference, str) or len(reference) > 512:
        raise RefusedError("100", "biz_opaque_callback_data has up to 512 characters.")
    kind = given.get("type", "text")
    content = given.get(kind) if isinstance(kind, str) else None
    if not isinstance(content, dict):
        raise RefusedError("131008", f"The parameter {str(kind)[:40]} is required.")
    if kind == "template":
        template = _template_of(content, number, state, now)
        values, text = _filled(content, template, state)
        if template.category == "AUTHENTICATION" and not to.startswith("+"):
            raise RefusedError("131062")
        return Order(to, as_given, kind, text, reference, _header_files(content), template, values)
    media = (_file(content, state),) if kind in _FILES else ()
    return Order(to, as_given, str(kind), _free_text(str(kind), content), reference, media)


def _free_text(kind: str, content: dict[str, Any]) -> str:
    """What a person reads of a message that is no template."""
    if kind in _FILES:
        return _limited(content, "caption", 0, 1024)
    if kind == "interactive":
        return _pressable(content)
    if kind == "text":
        return _limited(content, "body", 1, 4096)
    if kind in {"location", "reaction"}:
        wanted = ("latitude", "longitude") if kind == "location" else ("message_id", "emoji")
        if any(name not in content for name in wanted):
            raise RefusedError("131008", f"{kind} needs {' and '.join(wanted)}.")
        return str(content.get("emoji", content.get("name", "")))
    raise RefusedError("131051", f"Message type {kind[:40]} is not supported.")


def _recipient(given: dict[str, Any]) -> tuple[str, str]:
    phone, user = given.get("to"), given.get("recipient")
    if isinstance(phone, str) and phone:
        digits = phone.translate(_SPELLING)
        if not _DIGITS.fullmatch(digits):
            raise RefusedError("131009", "The parameter to is no phone number.")
        return f"+{digits}", phone
    if isinstance(user, str) and _USER_ID.fullmatch(user):
        return user, user
    raise RefusedError("100", "The parameter to or recipient is required.")


def _limited(content: dict[str, Any], name: str, least: int, most: int) -> str:
    value = content.get(name, "")
    if not isinstance(value, str) or not least <= len(value) <= most:
        raise RefusedError("131009" if value else "131008", f"{name} has {least} to {most} characters.")
    return value


def _file(content: dict[str, Any], state: State) -> str:
    handle, link = content.get("id"), content.get("link")
    if isinstance(handle, str) and handle:
        if handle not in state.media:
            raise RefusedError("131009", "There is no media with this id.")
        return handle
    if isinstance(link, str) and link.startswith(("https://", "http://")):
        return link
    raise RefusedError("131008", "A file needs an id or a link.")


def _pressable(content: dict[str, Any]) -> str:
    action, body = content.get("action"), content.get("body")
    if not isinstance(action, dict) or not isinstance(body, dict):
        raise RefusedError("131008", "interactive needs body and action.")
    if content.get("type") == "button":
        text = _limited(body, "text", 1, 1024)
        buttons = _dicts(action.get("buttons"))
        titles = [(_dict(one.get("reply")), 20, 256) for one in buttons]
        most = 3
    else:
        text = _limited(body, "text", 1, 4096)
        _limited(action, "button", 1, 20)
        titles = [(row, 24, 200) for section in _dicts(action.get("sections")) for row in _dicts(section.get("rows"))]
        most = 10
    if not 1 <= len(titles) <= most:
        raise RefusedError("131009", f"There are 1 to {most} choices.")
    for choice, title, identifier in titles:
        _limited(choice, "title", 1, title)
        _limited(choice, "id", 1, identifier)
        _limited(choice, "description", 0, 72)
    return text


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _template_of(content: dict[str, Any], number: Number, state: State, now: datetime) -> Template:
    name, language = content.get("name"), _dict(content.get("language")).get("code")
    template = state.by_name.get((state.shelf(number.waba_id), str(name), str(language)))
    if template:
        template.review(now)
    if template and template.status == "PAUSED":
        raise RefusedError("132015")
    if template and template.status == "DISABLED":
        raise RefusedError("132016")
    if not template or template.status != "APPROVED":
        raise RefusedError("132001", f"template name ({str(name)[:40]}) does not exist in {str(language)[:10]}")
    return template


def _filled(content: dict[str, Any], template: Template, state: State) -> tuple[dict[str, str], str]:
    values = _values(content, template, state)
    text = template.filled(values)
    if len(text) > 1024:
        raise RefusedError("132005")
    return values, text


def _values(content: dict[str, Any], template: Template, state: State) -> dict[str, str]:
    """The body's values by name, after checking header, body and buttons against the template."""
    header: list[dict[str, Any]] = []
    body: list[dict[str, Any]] = []
    buttons: dict[int, dict[str, Any]] = {}
    for component in _dicts(content.get("components")):
        parameters = _dicts(component.get("parameters"))
        match str(component.get("type", "")).lower():
            case "header":
                header = parameters
            case "body":
                body = parameters
            case "button" if str(index := component.get("index")).isdecimal() and int(str(index)) < 10:
                buttons[int(str(index))] = component
            case _:
                raise RefusedError("132018", "An unknown component.")
    _check_header(header, template, state)
    if len(body) != len(template.body_variables):
        raise RefusedError(
            "132000",
            f"body: number of localizable_params ({len(body)}) does not match the expected number of params "
            f"({len(template.body_variables)})",
        )
    _check_buttons(buttons, template)
    if template.is_named:
        values = {str(one.get("parameter_name")): _text(one) for one in body}
        if set(values) != set(template.body_variables):
            raise RefusedError("132018", "parameter_name does not match the template.")
        return values
    names = sorted(template.body_variables, key=int)
    return {name: _text(one) for name, one in zip(names, body, strict=True)}


def _text(parameter: dict[str, Any]) -> str:
    if parameter.get("type") != "text" or not isinstance(parameter.get("text"), str):
        raise RefusedError("132012", "Expected a parameter of type text.")
    if not parameter["text"]:
        raise RefusedError("131008", "Required parameter is missing: the text of a parameter is empty.")
    return str(parameter["text"])


def _check_header(given: list[dict[str, Any]], template: Template, state: State) -> None:
    kind = str(template.header.get("format", "TEXT")).lower() if template.header else ""
    if kind in {"image", "video", "document"}:
        if [one.get("type") for one in given] != [kind]:
            raise RefusedError("132012", f"header: Format mismatch, expected {kind.upper()}")
        _file(_dict(given[0].get(kind)), state)
    elif len(given) != len(template.header_variables):
        raise RefusedError("132000", "header: number of parameters does not match")
    else:
        for parameter in given:
            _text(parameter)


def _check_buttons(given: Mapping[int, dict[str, Any]], template: Template) -> None:
    for index, button in enumerate(template.buttons):
        kind = str(button.get("type", "")).upper()
        if kind not in _BUTTONS or (kind == "URL" and "{{" not in str(button.get("url", ""))):
            continue
        sub_type, parameter_kind = _BUTTONS[kind]
        component = given.get(index, {})
        parameters = _dicts(component.get("parameters"))
        is_this = str(component.get("sub_type")).lower() == sub_type
        if not is_this or not parameters or not parameters[0].get(parameter_kind):
            raise RefusedError("131008", f"buttons: Button at index {index} of type {kind} requires a parameter")
    if any(index >= len(template.buttons) for index in given):
        raise RefusedError("132018", "There is no button with this index.")


def _header_files(content: dict[str, Any]) -> tuple[str, ...]:
    parameters = [
        parameter
        for component in _dicts(content.get("components"))
        if str(component.get("type")).lower() == "header"
        for parameter in _dicts(component.get("parameters"))
    ]
    files = [_dict(parameter.get(str(parameter.get("type")))) for parameter in parameters]
    return tuple(str(file.get("id") or file.get("link")) for file in files if file)
