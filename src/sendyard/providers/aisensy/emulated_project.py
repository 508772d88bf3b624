"""
The Project API as the emulated AiSensy serves it (sheet, section 5).

Answers whose form nobody documents (contacts, campaigns, figures) are made as the requests suggest.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.providers.aisensy.codes import META
from sendyard.providers.aisensy.emulated_state import AiSensyState, Campaign, Project, Template
from sendyard.providers.emulation import EmulatedRequest, Received

DIGITS = re.compile(r"[0-9]{8,15}")
_WINDOW = timedelta(hours=24)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FILES = ("image", "video", "audio", "document")
_OK, _BAD, _NONE = 200, 400, 404

Answer = tuple[int, dict[str, Any], tuple[Received, ...]]


class MetaRefusalError(Exception):
    """A no in Meta's form: the number, and its words."""

    def __init__(self, code: str, text: str = "") -> None:
        """Take Meta's number; its own wording unless other words are given."""
        super().__init__(text or (META[code].wording if code in META else "Something new"))
        self.code = code


# The first of Meta's numbers for each class.
NUMBERS = {
    **{known.meaning: code for code, known in reversed(list(META.items()))},
    ErrorKind.CONTENT_REJECTED: "131009",
    ErrorKind.UNMAPPED: "139999",
}


def answer(project: Project, state: AiSensyState, request: EmulatedRequest, call: list[str], body: Any) -> Answer:
    """Answer one authenticated call. Raises MetaRefusalError."""
    given = body if isinstance(body, dict) else {}
    if (request.method, call) == ("POST", ["messages"]):
        return _send(project, state, request, given)
    match call:
        case ["campaign", "analytics", campaign_id] if request.method == "POST":
            return _analytics(project, campaign_id, given)
        case ["campaign", "api", campaign_id] if request.method == "GET":
            found = [_campaign(one) for one in project.campaigns.values() if one.id == campaign_id]
            return (_OK, found[0], ()) if found else (_NONE, {"message": "Campaign does not exist."}, ())
    manage = _CALLS.get((request.method, "/".join(call)))
    return manage(project, request, given) if manage else (_NONE, {"message": "Not Found"}, ())


def _send(project: Project, state: AiSensyState, request: EmulatedRequest, given: dict[str, Any]) -> Answer:
    to, kind = given.get("to"), given.get("type")
    if not isinstance(to, str) or not DIGITS.fullmatch(to) or given.get("recipient_type") != "individual":
        raise MetaRefusalError("100", "(#100) Invalid parameter: to")
    say = {"text": _text, "template": _template, "interactive": _interactive, **dict.fromkeys(_FILES, _file)}.get(
        kind if isinstance(kind, str) else ""
    )
    part = given.get(kind) if isinstance(kind, str) else None
    if say is None or not isinstance(part, dict):
        raise MetaRefusalError("131051")
    name, text, media = say(project, request, part)
    if refusal := request.refusal(f"+{to}"):
        raise MetaRefusalError(
            refusal.code if refusal.code.isdecimal() else NUMBERS.get(refusal.kind, NUMBERS[ErrorKind.UNMAPPED])
        )
    heard = project.heard_from.get(to)
    if project.strict_window and not name and (heard is None or request.now - heard > _WINDOW):
        raise MetaRefusalError("131047")
    message = state.keep(project, to, str(kind).upper(), request.now)
    received = Received(
        account=project.name if state.is_closed else request.path.split("/")[4],
        to=f"+{to}",
        sender=project.number,
        channel=Channel.WHATSAPP,
        text=text,
        provider_ref=message.wamid,
        media=media,
        template=name,
        at=request.now,
        extra={"id": message.id},
    )
    told = {
        "messaging_product": "whatsapp",
        "contacts": [{"input": to, "wa_id": to}],
        "messages": [{"id": message.wamid}],
    }
    return _OK, told, (received,)


Said = tuple[str, str, tuple[str, ...]]
"""Name of the template ("" without one), text and files."""


def _text(_project: Project, _request: EmulatedRequest, part: dict[str, Any]) -> Said:
    body = part.get("body")
    if not isinstance(body, str) or not 1 <= len(body) <= 4096:
        raise MetaRefusalError("131008")
    return "", body, ()


def _file(_project: Project, _request: EmulatedRequest, part: dict[str, Any]) -> Said:
    link, caption = part.get("link"), part.get("caption", "")
    if not isinstance(link, str) or not link.startswith(("http://", "https://")):
        raise MetaRefusalError("131053")
    return "", caption if isinstance(caption, str) else "", (link,)


def _interactive(_project: Project, _request: EmulatedRequest, part: dict[str, Any]) -> Said:
    match part:
        case {"type": "button", "body": {"text": str(text)}, "action": {"buttons": [_, *_] as pressed}}:
            fits = len(pressed) <= 3
        case {"type": "list", "body": {"text": str(text)}, "action": {"button": str(), "sections": [{"rows": rows}]}}:
            fits = isinstance(rows, list) and 1 <= len(rows) <= 10
        case _:
            raise MetaRefusalError("131009")
    if not fits or not text:
        raise MetaRefusalError("131009")
    return "", text, ()


def _template(project: Project, request: EmulatedRequest, part: dict[str, Any]) -> Said:
    match part:
        case {"name": str(name), "language": {"code": str()}}:
            components = part.get("components", [])
        case _:
            raise MetaRefusalError("131008")
    values: list[str] = []
    media: tuple[str, ...] = ()
    for component in components if isinstance(components, list) else ():
        match component:
            case {"type": "body", "parameters": list(parameters)}:
                values = [str(one.get("text", "")) for one in parameters if isinstance(one, dict)]
            case {"type": "header", "parameters": [{"type": str(kind), **file}]} if kind in _FILES:
                link = file.get(kind)
                media = (str(link.get("link", "")),) if isinstance(link, dict) else ()
    return name, _filled(project, request, name, values, media), media


def _filled(project: Project, request: EmulatedRequest, name: str, values: list[str], media: tuple[str, ...]) -> str:
    template = project.templates.get(name)
    if template is None:
        if project.is_strict or "unknown" in name:
            raise MetaRefusalError("132001")
        return ", ".join(values)
    if (status := template.status_at(request.now)) != "APPROVED":
        raise MetaRefusalError({"PAUSED": "132015", "DISABLED": "132016"}.get(status, "132001"))
    if len(values) != len(template.variables):
        raise MetaRefusalError("132000")
    if template.header and not media:
        raise MetaRefusalError("132012")
    return template.filled(values)


def _row(template: Template, request: EmulatedRequest) -> dict[str, Any]:
    return {
        "id": template.id,
        "name": template.name,
        "status": template.status_at(request.now),
        "text": template.text,
        "language": template.language,
        "category": template.category,
        "components": template.components
        or [
            *([{"type": "HEADER", "format": template.header.upper()}] if template.header else []),
            {"type": "BODY", "text": template.text},
        ],
    }


def _create_template(project: Project, request: EmulatedRequest, given: dict[str, Any]) -> Answer:
    match given:
        case {"name": str(name), "language": str(language), "category": str(category), "components": list(components)}:
            bodies = [one for one in components if isinstance(one, dict) and one.get("type") == "BODY"]
        case _:
            raise MetaRefusalError("100")
    if name in project.templates or not bodies or not isinstance(bodies[0].get("text"), str):
        raise MetaRefusalError("100", "(#100) Invalid parameter: the name is taken or the body is missing")
    template = Template(
        name,
        bodies[0]["text"],
        language=language,
        category=category,
        status="PENDING",
        components=components,
        submitted_at=request.now,
    )
    project.add_template(template)
    return _OK, {"id": template.id, "status": "PENDING", "category": category}, ()


def _campaign(campaign: Campaign) -> dict[str, str]:
    return {
        "id": campaign.id,
        "campaign_name": campaign.name,
        "template_name": campaign.template,
        "status": campaign.status,
    }


def _list_templates(project: Project, request: EmulatedRequest, _given: dict[str, Any]) -> Answer:
    return _OK, {"template": [_row(one, request) for one in project.templates.values()]}, ()


def _list_campaigns(project: Project, _request: EmulatedRequest, _given: dict[str, Any]) -> Answer:
    return _OK, {"campaigns": [_campaign(one) for one in project.campaigns.values()]}, ()


def _get_media(_project: Project, _request: EmulatedRequest, _given: dict[str, Any]) -> Answer:
    """No person sends files here, so none is found."""
    return _NONE, {"message": "Media not found"}, ()


def _create_campaign(project: Project, _request: EmulatedRequest, given: dict[str, Any]) -> Answer:
    match given:
        case {"campaign_name": str(name), "template_name": str(template)} if name not in project.campaigns:
            if template not in project.templates:
                return _BAD, {"message": "Template does not exist"}, ()
            return _OK, _campaign(project.add_campaign(name, template)), ()
        case _:
            return _BAD, {"message": "campaign_name must be new, and template_name given"}, ()


def _campaigns(project: Project, _request: EmulatedRequest, given: dict[str, Any]) -> Answer:
    skip, limit = given.get("skip", 0), given.get("limit", 10)
    if not isinstance(skip, int) or not isinstance(limit, int) or skip < 0 or not 1 <= limit <= 100:
        return _BAD, {"message": "limit must lie between 1 and 100"}, ()
    found = list(project.campaigns.values())[skip : skip + limit]
    rows = [
        {"name": one.name, "type": "API", "status": one.status, "submitted": _sent(project, one.id)} for one in found
    ]
    return _OK, {"campaigns": rows, "total": len(project.campaigns)}, ()


def _sent(project: Project, campaign_id: str) -> int:
    return sum(counts["sent"] for (of, _), counts in project.figures.items() if of == campaign_id)


def _analytics(project: Project, wanted: str, given: dict[str, Any]) -> Answer:
    start, end = given.get("start_date"), given.get("end_date")
    if not all(isinstance(day, str) and _DAY.fullmatch(day) for day in (start, end)):
        return _BAD, {"message": "start_date and end_date must be yyyy-mm-dd"}, ()
    if all(one.id != wanted for one in project.campaigns.values()):
        return _NONE, {"message": "Campaign does not exist."}, ()
    rows = [
        {
            "date": day,
            **{name: counts[name] for name in ("sent", "delivered", "read", "failed")},
            "credit_usage": counts["delivered"],
        }
        for (of, day), counts in sorted(project.figures.items())
        if of == wanted and str(start) <= day <= str(end)
    ]
    empty = {"date": start, "sent": 0, "delivered": 0, "read": 0, "failed": 0, "credit_usage": 0}
    return _OK, {"data": rows or [empty]}, ()


def _contact(project: Project, request: EmulatedRequest, _given: dict[str, Any]) -> Answer:
    query = parse_qs(request.query)
    if query.get("action") != ["FetchContact"]:
        return _BAD, {"message": "action must be FetchContact"}, ()
    found = project.contacts.get(query.get("mobile_number", [""])[0])
    return (_OK, {"contact": found}, ()) if found else (_NONE, {"message": "Contact not found"}, ())


def _create_contact(project: Project, request: EmulatedRequest, given: dict[str, Any]) -> Answer:
    match given:
        case {"mobile_number": str(digits), "name": str(name)} if DIGITS.fullmatch(digits):
            return _OK, {"contact": note_contact(project, digits, name, "API", request)}, ()
        case _:
            return _BAD, {"message": "mobile_number and name are required"}, ()


def note_contact(project: Project, digits: str, name: str, source: str, request: EmulatedRequest) -> dict[str, str]:
    """Make a contact, or give the one there is."""
    contact = project.contacts.get(digits)
    if contact is None:
        contact = project.contacts[digits] = {
            "id": f"k{len(project.contacts) + 1:06d}",
            "name": name,
            "phone_number": digits,
            "source": source,
            "created_at": request.now.isoformat(),
        }
    return contact


_CALLS: Mapping[tuple[str, str], Callable[[Project, EmulatedRequest, dict[str, Any]], Answer]] = {
    ("GET", "wa_template"): _list_templates,
    ("GET", "wa_template/"): _list_templates,
    ("POST", "wa_template"): _create_template,
    ("GET", "campaign/api"): _list_campaigns,
    ("POST", "campaign/api"): _create_campaign,
    ("POST", "campaigns"): _campaigns,
    ("GET", "contact"): _contact,
    ("POST", "contact"): _create_contact,
    ("POST", "get-media"): _get_media,
}
