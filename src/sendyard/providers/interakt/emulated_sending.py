"""
How the emulated Interakt takes a message: `POST /message/`.

Source: https://documenter.getpostman.com/view/14760594/2sA2r7zibM; the words of its refusals are documented nowhere.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.providers.emulation import Handled, Received, Refusal
from sendyard.providers.interakt.codes import CODES, SENTENCES, STATUSES
from sendyard.providers.interakt.emulated_calls import Person, RefusedError, Visit, answer, missing_template
from sendyard.providers.interakt.emulated_state import Message, Template
from sendyard.providers.interakt.spec import LONGEST_CALLBACK_DATA

_PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")
_DECLINED = "Declined by rule 77"
"""A sentence that is in no table."""

_FILES = frozenset({"Image", "Document", "Video", "Audio", "Sticker"})
_INTERACTIVE = frozenset({"InteractiveButton", "InteractiveList"})


class _Template(msgspec.Struct, rename="camel"):
    name: str
    language_code: str
    body_values: list[str] = []
    header_values: list[str] = []
    file_name: str = ""
    button_values: dict[str, list[str]] = {}


class _Interactive(msgspec.Struct):
    type: str
    body: dict[str, str]
    action: dict[str, Any]
    header: dict[str, str] | None = None
    footer: dict[str, str] | None = None


class _Data(msgspec.Struct, rename="camel"):
    message: str | _Interactive = ""
    media_url: str = ""
    file_name: str = ""


class _Send(Person, rename="camel"):
    type: str = ""
    callback_data: str = ""
    campaign_id: str = ""
    template: _Template | None = None
    data: _Data | None = None
    template_category: str = msgspec.field(default="", name="template_category")


_send = msgspec.json.Decoder(_Send)

_CODES = {
    ErrorKind.AUTH_FAILED: "http:401",
    ErrorKind.UNSUPPORTED: "http:404",
    ErrorKind.THROTTLED: "http:429",
    ErrorKind.NOT_REGISTERED: "template",
    ErrorKind.CONTENT_REJECTED: "template_values",
    ErrorKind.OUT_OF_CREDIT: "balance",
    ErrorKind.INVALID_RECIPIENT: "number",
    ErrorKind.UNDELIVERABLE: "number",
    ErrorKind.OPTED_OUT: "opted_out",
    ErrorKind.BLOCKED: "blocked",
}


def take(visit: Visit) -> Handled:
    """Take one message. Raises RefusedError."""
    given = visit.decode(_send)
    contact, workspace = given.contact(), visit.workspace
    if len(given.callback_data) > LONGEST_CALLBACK_DATA:
        raise RefusedError(400, f"callbackData may have {LONGEST_CALLBACK_DATA} characters")
    if given.campaign_id and given.campaign_id not in workspace.campaigns:
        raise RefusedError(400, "campaignId does not exist")
    if given.type == "Template":
        text, media, said = _filled(visit, given)
    else:
        text, media, said = _shown(given)
        if not workspace.is_open(contact, visit.request.now):
            raise RefusedError(400, SENTENCES["window_closed"].wording)
    _refuse(visit.request.refusal(f"+{contact}"), given)
    if workspace.credit == 0:
        raise RefusedError(400, SENTENCES["balance"].wording)
    workspace.credit -= 1
    template = given.template if given.type == "Template" else None
    message = Message(
        visit.state.next_id(),
        workspace.secret,
        contact,
        text,
        given.callback_data,
        template is not None,
        visit.request.now,
    )
    visit.state.keep(message)
    received = Received(
        account=workspace.name,
        to=f"+{contact}",
        sender="",
        channel=Channel.WHATSAPP,
        text=text,
        provider_ref=message.id,
        reference=given.callback_data,
        media=media,
        template=template.name if template else "",
        variables={str(place): value for place, value in enumerate(template.body_values, 1)} if template else {},
        callback_url=workspace.callback_url,
        at=visit.request.now,
        extra=workspace.hook,
    )
    return Handled(answer(201, {"result": True, "message": said, "id": message.id}), (received,))


def _filled(visit: Visit, given: _Send) -> tuple[str, tuple[str, ...], str]:
    """Text, files and the words of acceptance of a template. Raises RefusedError."""
    sent = given.template
    if sent is None:
        raise RefusedError(400, "template is required")
    template = visit.workspace.templates.get((sent.name, sent.language_code))
    if template is None or template.approval_status != "APPROVED":
        raise RefusedError(400, missing_template(sent.name, sent.language_code))
    if given.template_category and given.template_category.upper() != template.category:
        raise RefusedError(400, f"Category {template.category} does not match template_category")
    if len(sent.body_values) != template.values or not all(value.strip() for value in sent.body_values):
        raise RefusedError(400, f"Number of variables does not match: bodyValues wants {template.values}")
    _check_header(template, sent.header_values)
    for index, button in enumerate(template.buttons):
        wants = bool(_PLACEHOLDER.search(button.get("url", "")))
        if wants != bool(sent.button_values.get(str(index))):
            raise RefusedError(400, f"buttonValues does not match button {index}")
    text = _PLACEHOLDER.sub(lambda found: sent.body_values[int(found[1]) - 1], template.body)
    media = tuple(sent.header_values) if template.header_format == "DOCUMENT" else ()
    return text, media, "Message created successfully"


def _check_header(template: Template, values: Sequence[str]) -> None:
    wants = template.header_format == "DOCUMENT" or bool(_PLACEHOLDER.search(template.header or ""))
    if len(values) != int(wants):
        raise RefusedError(400, f"headerValues wants {int(wants)} value(s)")


def _shown(given: _Send) -> tuple[str, tuple[str, ...], str]:
    """Text, files and the words of acceptance of what is said in a conversation. Raises RefusedError."""
    data = given.data or _Data()
    said = data.message
    accepted = "Message queued for sending via Interakt. Check webhook for delivery status"
    if given.type == "Text" and isinstance(said, str) and said:
        return said, (), accepted
    if given.type in _FILES and isinstance(said, str) and data.media_url:
        return said, (data.media_url,), accepted
    if given.type in _INTERACTIVE and isinstance(said, _Interactive) and said.body.get("text"):
        return said.body["text"], (), accepted
    raise RefusedError(400, "type and data do not fit")


def _refuse(refusal: Refusal | None, given: _Send) -> None:
    """Refuse as a scenario wants. Raises RefusedError."""
    if refusal is None:
        return
    code = refusal.code
    if code not in SENTENCES and code not in STATUSES:
        kind = CODES[code].meaning if code in CODES else refusal.kind
        code = _CODES.get(ErrorKind(kind), "refused")
    if code in STATUSES:
        status = int(code.removeprefix("http:"))
        raise RefusedError(status, "" if status == 400 else STATUSES[code].wording)
    if code == "template" and given.template:
        raise RefusedError(400, missing_template(given.template.name, given.template.language_code))
    raise RefusedError(400, _DECLINED if code in {"refused", "no_id"} else SENTENCES[code].wording)
