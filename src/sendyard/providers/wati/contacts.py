"""
Contacts kept at WATI. Sending needs none: WATI makes one for every number it sends to.

Sources: https://docs.wati.io/reference (v3 `POST` and `PUT /contacts`), v1 `addContact/{number}` and `getContacts`.
"""

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import ListedPerson, OptOutPage
from sendyard.providers.contract import ProtocolError
from sendyard.providers.wati.answers import decode, error_of, refusal, wire_number
from sendyard.providers.wati.door import door_of
from sendyard.providers.wati.spec import WatiAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

PAGE = 100


class _Contact(msgspec.Struct):
    id: str | None = None


class _Answer(msgspec.Struct):
    """v3 answers the contact itself (or a list after an update), v1 a result with the contact in it."""

    id: str | None = None
    contact_list: list[_Contact] | None = None
    result: bool | str | None = None
    contact: _Contact | None = None
    info: str | None = None
    message: str | None = None
    error: str | None = None


class _Listed(msgspec.Struct, rename="camel"):
    wa_id: str | None = msgspec.field(default=None, name="wAid")
    opted_in: bool | None = None
    allow_broadcast: bool | None = None


class _Link(msgspec.Struct):
    total: int | None = None


class _List(msgspec.Struct):
    contact_list: list[_Listed] | None = None
    result: bool | str | None = None
    info: str | None = None
    link: _Link | None = None


_answer = msgspec.json.Decoder(_Answer)
_list = msgspec.json.Decoder(_List)
_body = msgspec.json.Encoder()


def listed_request(account: WatiAccount, cursor: str) -> HttpRequest:
    """One page of contacts; only v1's call is documented with `optedIn` and `allowBroadcast`."""
    door = door_of(account)
    return HttpRequest("GET", f"{door.v1}/getContacts?pageSize={PAGE}&pageNumber={cursor or '1'}", door.reading)


def read_listed(cursor: str, response: HttpResponse) -> OptOutPage | ProviderError:
    """
    Who may have no broadcasts, and who opted in.

    `optedIn` is false for everybody who never said anything, so only `allowBroadcast: false` is a refusal.

    Raises:
        ProtocolError: the answer is in no documented form.
    """
    if response.status != 200:
        if error := error_of(response):
            return error
        raise ProtocolError(f"expected contacts from WATI, found HTTP {response.status}")
    found = decode(_list, response, "contacts")
    if found.result is False:
        return refusal(found.info or "")
    if found.contact_list is None:
        raise ProtocolError("expected a contact_list from WATI, found none")
    number = int(cursor or "1")
    total = found.link.total if found.link else None
    # Without a total a full page promises another one.
    full = len(found.contact_list) >= PAGE
    more = full if total is None else bool(found.contact_list) and number * PAGE < total
    people = [one for contact in found.contact_list if (one := _said(contact))]
    return OptOutPage(people, str(number + 1) if more else "")


def _said(contact: _Listed) -> ListedPerson | None:
    if not contact.wa_id or (contact.allow_broadcast is not False and not contact.opted_in):
        return None
    known = contact.wa_id.removeprefix("+")
    person = Address.known(f"+{known}" if known.isascii() and known.isdecimal() else known)
    refuses = contact.allow_broadcast is False
    return ListedPerson(person, refuses, "allowBroadcast: false" if refuses else "optedIn: true")


def contact_request(account: WatiAccount, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
    """
    Add a contact by number; one without a number can only be brought up to date, by v3.

    Raises:
        Invalid: an address that WATI has no contact for in this generation.
    """
    door = door_of(account)
    attributes = [{"name": key, "value": value} for key, value in fields.items()]
    if person.kind is AddressKind.PHONE:
        number = wire_number(person)
        if account.api_version == "v3":
            body = {"whatsapp_number": number, "name": name, "custom_params": attributes}
            return HttpRequest("POST", f"{door.v3}/contacts", door.writing, _body.encode(body))
        body = {"name": name, "customParams": attributes}
        return HttpRequest("POST", f"{door.v1}/addContact/{quote(number)}", door.writing, _body.encode(body))
    if person.kind is AddressKind.WHATSAPP_ID and account.api_version == "v3":
        update = {
            "contacts": [{"target": person.value, "customParams": [{"name": "name", "value": name}, *attributes]}]
        }
        return HttpRequest("PUT", f"{door.v3}/contacts", door.writing, _body.encode(update))
    detail = "WATI keeps contacts by phone number (with API generation v3 also by WhatsApp id); give one."
    raise Invalid("contact_needs_number", detail)


def read_contact(response: HttpResponse) -> str | ProviderError:
    """WATI's id of the contact. Raises ProtocolError."""
    if not 200 <= response.status < 300:
        if error := error_of(response):
            return error
        raise ProtocolError(f"expected a contact from WATI, found HTTP {response.status}")
    answer = decode(_answer, response, "a contact")
    if answer.result is False:
        return refusal(answer.info or answer.message or answer.error or "")
    found = answer.contact or next(iter(answer.contact_list or ()), None) or _Contact(answer.id)
    if found.id is None and answer.result is None and answer.contact_list is None:
        raise ProtocolError("expected a contact from WATI, found neither id nor result")
    return found.id or ""
