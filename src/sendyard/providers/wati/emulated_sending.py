"""
How the emulated WATI takes messages, whichever generation asks: templates by name, words in open conversations.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.providers.emulation import EmulatedRequest, Handled, Received, Refusal
from sendyard.providers.wati.codes import CODES, SENTENCES, STATUSES
from sendyard.providers.wati.emulated_state import Message, Template, WatiState, Workspace
from sendyard.providers.wire import HttpResponse

JSON = {"content-type": "application/json; charset=utf-8"}
TEXT = {"content-type": "text/plain"}

_NUMBER = re.compile(r"[0-9]{8,15}")
_WHATSAPP_USER = re.compile(r"[A-Z]{2}\.[0-9A-Za-z.]{1,128}")
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_DECLINED = "Declined by rule 77"
"""A sentence that is in no table."""

_encoder = msgspec.json.Encoder()

T = TypeVar("T")


class NamedValue(msgspec.Struct):
    """A parameter or attribute, in every generation."""

    name: str
    value: str


class RefusedError(Exception):
    """The whole request is refused with an HTTP status or, below 300, by saying no in the answer."""

    def __init__(self, status: int, words: str) -> None:
        """Take what the answer will say."""
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a workspace that has signed in."""

    request: EmulatedRequest
    state: WatiState
    workspace: Workspace

    def decode(self, decoder: "msgspec.json.Decoder[T]") -> T:
        """Read the body. Raises RefusedError with 400."""
        try:
            return decoder.decode(self.request.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as problem:
            raise RefusedError(400, f"The request is invalid: {problem}") from None

    def page(self, items: Sequence[T], number_name: str, size_name: str) -> tuple[list[T], int, int]:
        """Cut the page that the query asks for; what is no number counts as left out."""
        given = parse_qs(self.request.query)
        number, size = (_whole(given.get(name, [""])[0], usual) for name, usual in ((number_name, 1), (size_name, 20)))
        return list(items[(number - 1) * size : number * size]), number, size


Calls = Sequence[tuple[re.Pattern[str], Mapping[str, Callable[..., Handled]]]]
"""Paths, and for each method what answers it: called with the visit and the groups of the path."""


def _whole(text: str, usual: int) -> int:
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 6 else usual


def pairs_of(given: Iterable[NamedValue]) -> dict[str, str]:
    """Named values as a mapping."""
    return {pair.name: pair.value for pair in given}


@dataclass(frozen=True, slots=True)
class Wish:
    """One recipient of a template, as the request has it."""

    contact: str  # digits or a WhatsApp user id, nothing checked
    parameters: Mapping[str, str]
    local_id: str = ""


def answer(status: int, body: Any) -> HttpResponse:
    """An answer in JSON."""
    return HttpResponse(status, JSON, _encoder.encode(body))


def template_for(workspace: Workspace, name: str) -> Template:
    """The approved template of this name. Raises RefusedError with 200: WATI says no in the body."""
    template = workspace.templates.get(name)
    if template is None:
        raise RefusedError(200, "Template not found")
    if template.status != "APPROVED":
        raise RefusedError(200, f"Template {name} is not approved")
    return template


def check_parameters(template: Template, wishes: list[Wish]) -> None:
    """Every parameter has a value that is not blank. Raises RefusedError."""
    for wish in wishes:
        for name in template.parameters:
            if not wish.parameters.get(name, "").strip():
                raise RefusedError(200, f"Template {template.name}: parameter {name} is missing or blank")


def check_channel(workspace: Workspace, channel: str) -> None:
    """A channel that is named must be one of the workspace's. Raises RefusedError."""
    if channel and workspace.channels and channel not in workspace.channels:
        raise RefusedError(200, "Channel not found")


def take_template(visit: Visit, template: Template, wish: Wish, channel: str) -> Message | str:
    """Send to one recipient: the message, or the sentence that refuses this recipient alone."""
    if not (_NUMBER.fullmatch(wish.contact) or _WHATSAPP_USER.fullmatch(wish.contact)):
        return "invalid phone number"
    workspace = visit.workspace
    if words := refusal_words(visit.request, wish.contact):
        return words
    if workspace.credit == 0:
        return "Insufficient wallet balance"
    workspace.credit -= 1
    text = _PLACEHOLDER.sub(lambda found: wish.parameters.get(found[1], found[0]), template.body)
    message = _message(visit, wish.contact, text, wish.local_id, channel)
    message.template, message.template_id = template.name, template.id
    visit.state.keep(visit.workspace, message)
    return message


def take_session(visit: Visit, contact: str, text: str, kind: str, channel: str) -> Message | str:
    """Say something in a conversation: the message, or the sentence that refuses it."""
    if words := refusal_words(visit.request, contact):
        return words
    if not visit.workspace.is_open(contact, visit.request.now):
        return "The 24-hour session is closed; send a template message"
    message = _message(visit, contact, text, "", channel)
    message.type = kind
    visit.state.keep(visit.workspace, message)
    return message


def refusal_words(request: EmulatedRequest, contact: str) -> str:
    """The sentence of a scenario that refuses this recipient; statuses refuse the request. Raises RefusedError."""
    refusal = request.refusal(address_of(contact))
    if refusal is None:
        return ""
    code = _code_of(refusal)
    if code in STATUSES:
        raise RefusedError(int(code.removeprefix("http:")), STATUSES[code].wording)
    if code == "quota":
        raise RefusedError(429, SENTENCES[code].wording)
    return SENTENCES[code].wording if code in SENTENCES and code not in _WITHOUT_WORDS else _DECLINED


_WITHOUT_WORDS = frozenset({"refused", "not_accepted"})
_CODES = {
    ErrorKind.AUTH_FAILED: "http:401",
    ErrorKind.UNSUPPORTED: "http:405",
    ErrorKind.THROTTLED: "http:429",
    ErrorKind.NOT_REGISTERED: "template",
    ErrorKind.CONTENT_REJECTED: "template_parameters",
    ErrorKind.OUT_OF_CREDIT: "balance",
    ErrorKind.INVALID_RECIPIENT: "number",
    ErrorKind.UNDELIVERABLE: "number",
    ErrorKind.OPTED_OUT: "opted_out",
    ErrorKind.BLOCKED: "opted_out",
}


def _code_of(refusal: Refusal) -> str:
    if refusal.code in SENTENCES or refusal.code in STATUSES:
        return refusal.code
    kind = CODES[refusal.code].meaning if refusal.code in CODES else refusal.kind
    return _CODES.get(ErrorKind(kind), "refused")


@lru_cache(maxsize=4096)
def address_of(contact: str) -> str:
    """E.164 of a number; the id of a person without one."""
    return f"+{contact}" if contact.isdecimal() else contact


def received_of(workspace: Workspace, message: Message, parameters: Mapping[str, str], link: str = "") -> Received:
    """What a handset will get."""
    return Received(
        account=workspace.name,
        to=address_of(message.contact),
        sender=message.channel,
        channel=Channel.WHATSAPP,
        text=message.text,
        provider_ref=message.local_id,
        reference=message.local_id,
        media=(link,) if link else (),
        template=message.template,
        variables=parameters,
        callback_url=workspace.callback_url,
        at=message.created,
    )


def _message(visit: Visit, contact: str, text: str, local_id: str, channel: str) -> Message:
    state, workspace = visit.state, visit.workspace
    number = state.next_id()
    return Message(
        id=number,
        local_id=local_id or state.next_local_id(),
        wamid=f"wamid.HBg{state.counter:012X}",
        token=workspace.token,
        contact=contact,
        text=text,
        created=visit.request.now,
        channel=channel or next(iter(workspace.channels), ""),
    )
