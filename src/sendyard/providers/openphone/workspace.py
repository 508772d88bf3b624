"""
What a workspace has besides messages: numbers, contacts, and whether its key works.

Sources: the OpenAPI file `openphone-public-api-v1-prod.json` (phone numbers, contacts).
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.errors import ProviderError
from sendyard.providers.abilities import ProbeResult, ProviderSender
from sendyard.providers.openphone.answers import decode, error_of
from sendyard.providers.openphone.codes import KEY_PLACE
from sendyard.providers.openphone.door import Door
from sendyard.providers.openphone.spec import SPEC
from sendyard.providers.wire import HttpRequest, HttpResponse

SOURCE = "sendyard"
"""Stands as `source` at every contact we make, so that Quo's users see where it came from."""

_CONTACT_FIELDS = {"first_name": "firstName", "last_name": "lastName", "company": "company", "role": "role"}
_OWN_FIELDS = {*_CONTACT_FIELDS, "email", "id", "external_id"}


class _Rules(msgspec.Struct, frozen=True):
    messaging: dict[str, str] = {}


class _Number(msgspec.Struct, frozen=True):
    id: str
    number: str
    name: str | None = None
    porting: str | None = msgspec.field(name="portingStatus", default=None)
    restrictions: _Rules | None = None
    users: list[msgspec.Raw] = []


class _Numbers(msgspec.Struct, frozen=True):
    data: list[_Number]


class _Identified(msgspec.Struct, frozen=True):
    id: str


class _Contact(msgspec.Struct, frozen=True):
    data: _Identified


_numbers = msgspec.json.Decoder(_Numbers)
_contact = msgspec.json.Decoder(_Contact)
_encoder = msgspec.json.Encoder()


def numbers_request(door: Door) -> HttpRequest:
    """List the workspace's numbers: costs nothing, and needs nothing but a working key."""
    return HttpRequest("GET", f"{door.v1_url}/phone-numbers", door.reading)


def read_senders(response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
    """Read the numbers; one that may write to no region is not usable. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    return [_sender(number) for number in decode(_numbers, response.body, "a list of phone numbers").data]


def _sender(number: _Number) -> ProviderSender:
    regions = number.restrictions.messaging if number.restrictions else {}
    facts = {"id": number.id, "users": str(len(number.users)), "porting": number.porting or ""}
    facts |= {f"messaging_{region}": rule for region, rule in regions.items()}
    return ProviderSender(
        sender=number.number,
        name=number.name or "",
        channels=(Channel.SMS,),
        usable=not regions or any(rule != "restricted" for rule in regions.values()),
        facts={name: value for name, value in facts.items() if value},
    )


def read_probe(response: HttpResponse) -> ProbeResult:
    """Say whether the key works and from which numbers it can send. Raises ProtocolError."""
    found = read_senders(response)
    if isinstance(found, ProviderError):
        known = SPEC.codes.get(found.code)
        advice = known.advice if known and known.advice else f"Check the API key: {KEY_PLACE}."
        return ProbeResult(ok=False, detail=f"Quo answered: {found.detail.rstrip('.')}. {advice}", error=found)
    numbers = [sender.sender for sender in found if sender.usable]
    if not numbers:
        detail = (
            "The API key works, but the workspace has no number that may send: look at Quo, Settings, Phone numbers."
        )
        return ProbeResult(ok=False, detail=detail, facts={"numbers": "0"})
    detail = f"The API key works; the workspace sends from {len(numbers)} number{'s' * (len(numbers) > 1)}."
    return ProbeResult(ok=True, detail=detail, facts={"numbers": str(len(numbers)), "senders": ", ".join(numbers)})


def contact_request(door: Door, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
    """
    Add a contact, or with `id` (Quo's) among the fields bring that one up to date.

    `first_name`, `last_name`, `company`, `role` and `email` are Quo's own; any other field is the key of a custom one.
    Updating replaces the contact's lists of numbers and addresses by what is given here.
    """
    default: dict[str, object] = {"firstName": name}
    default |= {theirs: fields[ours] for ours, theirs in _CONTACT_FIELDS.items() if fields.get(ours)}
    default["phoneNumbers"] = [{"name": "primary", "value": person.value}]
    if fields.get("email"):
        default["emails"] = [{"name": "primary", "value": fields["email"]}]
    document: dict[str, object] = {"defaultFields": default}
    if custom := [{"key": key, "value": value} for key, value in fields.items() if key not in _OWN_FIELDS]:
        document["customFields"] = custom
    document |= {"source": SOURCE, "externalId": fields.get("external_id") or person.value}
    if known := fields.get("id"):
        return HttpRequest(
            "PATCH", f"{door.v1_url}/contacts/{quote(known, safe='')}", door.writing, _encoder.encode(document)
        )
    return HttpRequest("POST", f"{door.v1_url}/contacts", door.writing, _encoder.encode(document))


def read_contact(response: HttpResponse) -> str | ProviderError:
    """Read Quo's id of the contact. Raises ProtocolError."""
    if response.status not in {200, 201}:
        return error_of(response)
    return decode(_contact, response.body, "a contact").data.id
