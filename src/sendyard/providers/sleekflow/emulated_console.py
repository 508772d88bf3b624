"""
What the emulated SleekFlow lists and keeps beside messages: templates, channels, contacts and conversations.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from sendyard.providers.emulation import EmulatedRequest, Handled
from sendyard.providers.sleekflow.codes import SENTENCES
from sendyard.providers.sleekflow.emulated_flow import as_message
from sendyard.providers.sleekflow.emulated_intake import DIGITS, RefusedError, company_of, json_of, said, send
from sendyard.providers.sleekflow.emulated_state import Company, SleekFlowState, digits_of


def answer(request: EmulatedRequest, state: SleekFlowState) -> Handled:
    """Answer one call; paths are read whatever their case. Raises RefusedError."""
    path = request.path.lower()
    start, _, identifier = path.rpartition("/")
    if call := _CALLS.get((request.method, path)):
        return call(company_of(request, state), request, state)
    if call_below := _CALLS_BELOW.get((request.method, start)):
        return call_below(company_of(request, state), request, identifier)
    return said(404, {"code": 404, "message": "Not Found"})


def _list_templates(company: Company, request: EmulatedRequest, _state: SleekFlowState) -> Handled:
    if parse_qs(request.query).get("channelNumber") != [company.number]:
        raise RefusedError(400, SENTENCES["channel"].wording)
    rows = [template.as_row(place) for place, template in enumerate(company.templates.values(), 1)]
    return said(200, {"whatsappTemplates": rows})


def _list_channels(company: Company, _request: EmulatedRequest, _state: SleekFlowState) -> Handled:
    row = {"channelType": company.channel, "channelIdentityId": company.number, "channelDisplayName": "Main number"}
    return said(200, [row, {"channelType": "web", "channelDisplayName": "Web chat"}])


def _page(request: EmulatedRequest) -> tuple[int, int]:
    """`offset` and the end of the page."""
    query = parse_qs(request.query)
    offset, limit = query.get("offset", ["0"])[0], query.get("limit", ["10"])[0]
    if not all(one.isascii() and one.isdecimal() and len(one) < 8 for one in (offset, limit)) or int(limit) > 1000:
        raise RefusedError(400, "limit must not be more than 1000")
    return int(offset), int(offset) + int(limit)


def _list_contacts(company: Company, request: EmulatedRequest, _state: SleekFlowState) -> Handled:
    start, end = _page(request)
    wanted = parse_qs(request.query).get("phoneNumber")
    found = (
        [company.contacts[one] for one in wanted if one in company.contacts] if wanted else company.contacts.values()
    )
    return said(200, list(found)[start:end])


def _add_contacts(company: Company, request: EmulatedRequest, _state: SleekFlowState) -> Handled:
    rows = json_of(request)
    if not isinstance(rows, list):
        raise RefusedError(400, "The body must be an array")
    if not all(isinstance(row, dict) and DIGITS.fullmatch(str(row.get("phoneNumber"))) for row in rows):
        raise RefusedError(400, SENTENCES["recipient"].wording)
    found = []
    for row in rows:
        contact = company.contact(row["phoneNumber"])
        contact.update({key: str(row[key]) for key in ("firstName", "lastName", "email") if row.get(key)})
        found.append(contact)
    return said(200, found)


def _list_conversations(company: Company, request: EmulatedRequest, _state: SleekFlowState) -> Handled:
    start, end = _page(request)
    rows = [{"conversationId": one.id, "phoneNumber": one.digits} for one in company.conversations.values()]
    return said(200, rows[start:end])


def _list_labels(_company: Company, _request: EmulatedRequest, _state: SleekFlowState) -> Handled:
    return said(200, [])


def _conversation(company: Company, _request: EmulatedRequest, identifier: str) -> Handled:
    conversation = company.conversations.get(digits_of(identifier))
    if conversation is None:
        raise RefusedError(404, "Conversation not found")
    return said(200, {"conversationId": conversation.id, "phoneNumber": conversation.digits})


def _messages(company: Company, request: EmulatedRequest, identifier: str) -> Handled:
    start, end = _page(request)
    conversation = company.conversations.get(digits_of(identifier))
    if conversation is None:
        raise RefusedError(404, "Conversation not found")
    page = list(conversation.messages)[start:end]
    return said(200, [as_message(company, one, conversation.digits) for one in page])


def _update_contact(company: Company, request: EmulatedRequest, identifier: str) -> Handled:
    contact = next((one for one in company.contacts.values() if one["id"] == identifier), None)
    given = json_of(request)
    if contact is None or not isinstance(given, dict):
        raise RefusedError(404, "Contact not found")
    contact.update({key: str(given[key]) for key in ("firstName", "lastName") if given.get(key)})
    return said(200, contact)


_CALLS: Mapping[tuple[str, str], Callable[[Company, EmulatedRequest, SleekFlowState], Handled]] = {
    ("POST", "/api/message/send/json"): send,
    ("GET", "/api/cloudapi/template"): _list_templates,
    ("GET", "/api/conversation/channel"): _list_channels,
    ("GET", "/api/conversation/all"): _list_conversations,
    ("GET", "/api/contact"): _list_contacts,
    ("POST", "/api/contact/addorupdate"): _add_contacts,
    ("GET", "/api/labels"): _list_labels,
}
_CALLS_BELOW: Mapping[tuple[str, str], Callable[[Company, EmulatedRequest, str], Handled]] = {
    ("GET", "/api/conversation"): _conversation,
    ("GET", "/api/conversation/message"): _messages,
    ("POST", "/api/contact/update"): _update_contact,
}
