"""
Contacts at Interakt ("users"), with traits; a send makes them as well.

Source: https://documenter.getpostman.com/view/14760594/2sA2r7zibM (Track Users).
"""

from collections.abc import Mapping

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.contract import ProtocolError
from sendyard.providers.interakt.answers import envelope, error_of, refusal
from sendyard.providers.interakt.sending import headers_of
from sendyard.providers.interakt.spec import InteraktAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

_body = msgspec.json.Encoder()


def contact_request(account: InteraktAccount, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
    """Add one or bring it up to date. Raises AppError `Invalid` for an address that is no number."""
    if person.kind is not AddressKind.PHONE:
        raise Invalid("contact_needs_number", "Interakt keeps contacts by phone number; give one.")
    traits = {**({"name": name} if name else {}), **fields}
    body = {"fullPhoneNumber": person.value[1:], "traits": traits}
    return HttpRequest("POST", f"{account.base_url}/track/users/", headers_of(account), _body.encode(body))


def read_contact(response: HttpResponse) -> str | ProviderError:
    """Nothing: Interakt answers 202 without an id. Raises ProtocolError."""
    if not 200 <= response.status < 300:
        if error := error_of(response):
            return error
        raise ProtocolError(f"expected a contact from Interakt, found HTTP {response.status}")
    said = envelope(response)
    if said.result is None:
        raise ProtocolError("expected result from Interakt, found none")
    return "" if said.result else refusal(said.message or "")
