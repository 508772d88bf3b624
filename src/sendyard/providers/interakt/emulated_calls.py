"""
The calls of the public API, as the emulated Interakt answers them.

Source: https://documenter.getpostman.com/view/14760594/2sA2r7zibM.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qs

import msgspec

from sendyard.providers.emulation import EmulatedRequest, Handled
from sendyard.providers.interakt.emulated_state import InteraktState, Template, Workspace
from sendyard.providers.wire import HttpResponse

T = TypeVar("T")

PAGE = 100
_JSON = {"content-type": "application/json"}
_PLACEHOLDER = re.compile(r"\{\{(\d+)\}\}")
_encoder = msgspec.json.Encoder()


class RefusedError(Exception):
    """A request is refused with an HTTP status and a sentence."""

    def __init__(self, status: int, words: str) -> None:
        """Take what the answer will say."""
        super().__init__(words)
        self.status = status


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a workspace that has signed in."""

    request: EmulatedRequest
    state: InteraktState
    workspace: Workspace

    def decode(self, decoder: "msgspec.json.Decoder[T]") -> T:
        """Read the body. Raises RefusedError with 400."""
        try:
            return decoder.decode(self.request.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise RefusedError(400, "Request body is not as documented") from None

    def asked(self, name: str) -> str:
        """One parameter of the query."""
        return parse_qs(self.request.query).get(name, [""])[0]

    def offset(self) -> int:
        """Where a page begins; what is no number counts as the beginning."""
        text = self.asked("offset")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0


class Person(msgspec.Struct, rename="camel"):
    """Whom a call is about, in either form of a number."""

    full_phone_number: str = ""
    country_code: str = ""
    phone_number: str = ""
    user_id: str = ""

    def contact(self) -> str:
        """Digits with the country code, or the customer's own id. Raises RefusedError."""
        if self.full_phone_number and (self.country_code or self.phone_number):
            raise RefusedError(400, "Give either fullPhoneNumber or countryCode and phoneNumber, not both")
        digits = (self.full_phone_number or f"{self.country_code}{self.phone_number}").removeprefix("+")
        if not digits and self.user_id:
            return self.user_id
        if not re.fullmatch(r"[1-9][0-9]{7,14}", digits) or (self.phone_number and not self.country_code):
            raise RefusedError(400, "Phone number is not valid")
        return digits


class _User(Person):
    traits: dict[str, Any] = {}
    tags: list[str] = []


class _Event(Person):
    event: str = ""
    traits: dict[str, Any] = {}


class _Filter(msgspec.Struct):
    trait: str
    op: str
    val: Any


class _Query(msgspec.Struct):
    filters: list[_Filter] = []


class _Campaign(msgspec.Struct):
    campaign_name: str
    campaign_type: str
    template_name: str
    language_code: str


class _Assignment(msgspec.Struct):
    user_phone_number: str
    agent_email: str


class _NewTemplate(msgspec.Struct):
    display_name: str
    language: str
    category: str
    body: str
    body_text: list[str] = []
    header_format: str | None = None
    header: str | None = None
    header_text: list[str] = []
    footer: str | None = None
    button_type: str | None = None
    buttons: list[dict[str, str]] = []
    button_text: list[str] = []


_user = msgspec.json.Decoder(_User)
_event = msgspec.json.Decoder(_Event)
_query = msgspec.json.Decoder(_Query)
_campaign = msgspec.json.Decoder(_Campaign)
_assignment = msgspec.json.Decoder(_Assignment)
_new_template = msgspec.json.Decoder(_NewTemplate)

Calls = Sequence[tuple[re.Pattern[str], Mapping[str, Callable[..., Handled]]]]
"""Paths, and for each method what answers it: called with the visit and the groups of the path."""


def answer(status: int, body: Any) -> HttpResponse:
    """An answer in JSON."""
    return HttpResponse(status, _JSON, _encoder.encode(body))


def _put_user(visit: Visit) -> Handled:
    given = visit.decode(_user)
    known = visit.workspace.contacts.setdefault(
        given.contact(), {"id": visit.state.next_id(), "phone_number": given.contact(), "traits": {}, "tags": []}
    )
    known["traits"].update(given.traits)
    known["tags"] = sorted({*known["tags"], *given.tags})
    return Handled(answer(202, {"result": True, "message": "Customer is being added or updated"}))


def _put_event(visit: Visit) -> Handled:
    given = visit.decode(_event)
    given.contact()
    if not given.event:
        raise RefusedError(400, "event is required")
    return Handled(answer(201, {"result": True, "message": "Event tracked", "id": visit.state.next_id()}))


def _find_users(visit: Visit) -> Handled:
    given = visit.decode(_query)
    if any(one.op != "eq" for one in given.filters):
        raise RefusedError(400, "op is not known")
    found = [
        contact
        for contact in visit.workspace.contacts.values()
        if all(contact["traits"].get(one.trait) == one.val for one in given.filters)
    ]
    start = visit.offset()
    body = {
        "result": True,
        "data": {"customers": found[start : start + PAGE]},
        "has_next_page": len(found) > start + PAGE,
        "total_customers": len(found),
    }
    return Handled(answer(200, body))


def _user_by(visit: Visit, field: str, value: str) -> Handled:
    found = [
        contact
        for contact in visit.workspace.contacts.values()
        if (contact["id"] == value if field == "id" else contact["phone_number"].endswith(value))
    ]
    body = {"result": True, "data": {"customers": found}, "has_next_page": False, "total_customers": len(found)}
    return Handled(answer(200, body))


def _assign(visit: Visit) -> Handled:
    given = visit.decode(_assignment)
    if "@" not in given.agent_email or not given.user_phone_number:
        raise RefusedError(400, "user_phone_number and agent_email are required")
    return Handled(answer(200, {"result": True, "message": "Chat assigned"}))


def _make_campaign(visit: Visit) -> Handled:
    given = visit.decode(_campaign)
    if given.campaign_type != "PublicAPI":
        raise RefusedError(400, "campaign_type must be PublicAPI")
    if (given.template_name, given.language_code) not in visit.workspace.templates:
        raise RefusedError(400, missing_template(given.template_name, given.language_code))
    name = visit.state.next_id()
    visit.workspace.campaigns[name] = given.campaign_name
    data = {"campaignId": name, "name": given.campaign_name, "type": given.campaign_type}
    return Handled(answer(201, {"result": True, "message": "Campaign created", "data": data}))


def missing_template(name: str, language: str) -> str:
    """The sentence about a template that is not there."""
    return f"Template with name {name} and language {language} does not exist"


def _list_templates(visit: Visit) -> Handled:
    # `name` is not a filter: Interakt passes over it in silence.
    wanted = (visit.asked("template_name"), visit.asked("approval_status"), visit.asked("language"))
    name, status, language = (one if one != "all" else "" for one in wanted)
    found = [
        one
        for one in visit.workspace.templates.values()
        if name in {"", one.name} and status in {"", one.approval_status} and language in {"", one.language}
    ]
    start = visit.offset()
    shown = [_as_template(one, place) for place, one in enumerate(found[start : start + PAGE])]
    more = len(found) > start + PAGE
    return Handled(answer(200, {"count": len(found), "has_next": more, "results": {"templates": shown}}))


def _as_template(one: Template, place: int) -> dict[str, Any]:
    # Buttons are a text with JSON, every other time encoded twice.
    buttons = json.dumps(list(one.buttons))
    return {
        "id": one.id,
        "name": one.name,
        "display_name": one.name.replace("_", " "),
        "language": one.language,
        "category": one.category,
        "header_format": one.header_format,
        "header": one.header,
        "header_handle_file_url": None,
        "body": one.body,
        "footer": one.footer,
        "buttons": json.dumps(buttons) if place % 2 else buttons,
        "approval_status": one.approval_status,
        "variable_present": "Yes" if one.values else "No",
    }


def _make_template(visit: Visit) -> Handled:
    given = visit.decode(_new_template)
    values = len(set(_PLACEHOLDER.findall(given.body)))
    if values != len(given.body_text):
        raise RefusedError(400, "body_text must have one sample for each variable")
    name = given.display_name.strip().lower().replace(" ", "_")
    language = "en" if given.language == "English" else given.language
    if (name, language) in visit.workspace.templates:
        raise RefusedError(400, f"Template {name} exists already")
    made = Template(
        visit.state.next_id(),
        name,
        given.body,
        values,
        language,
        given.category.upper(),
        "WAITING",
        given.header_format,
        given.header,
        given.footer,
        tuple(given.buttons),
    )
    visit.workspace.templates[name, language] = made
    return Handled(answer(201, {"result": True, "message": "Template created", "data": {"id": made.id}}))


CALLS: Calls = (
    (re.compile(r"track/users/"), {"POST": _put_user}),
    (re.compile(r"track/events/"), {"POST": _put_event}),
    (re.compile(r"track/organization/templates"), {"GET": _list_templates}),
    (re.compile(r"track/templates/"), {"POST": _make_template}),
    (re.compile(r"create-campaign/"), {"POST": _make_campaign}),
    (re.compile(r"assignment/"), {"POST": _assign}),
    (re.compile(r"apis/users/"), {"POST": _find_users}),
    (re.compile(r"apis/users/(phone_number|id)/([^/]+)"), {"GET": _user_by}),
)
