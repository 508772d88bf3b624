"""
Gupshup's own list of who opted in and out; apps created after August 2025 have none of these calls.

Sources: docs.gupshup.io/reference (opt-in, opt-out and "get user list" of an app), shapes from public clients.
"""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

import msgspec

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.errors import Invalid, ProviderError
from sendyard.domain.phone import parse_phone
from sendyard.providers.abilities import ListedPerson, OptOutPage
from sendyard.providers.contract import ProtocolError
from sendyard.providers.gupshup_whatsapp.answers import decode, error_of
from sendyard.providers.gupshup_whatsapp.events import moment
from sendyard.providers.gupshup_whatsapp.spec import GupshupWhatsappAccount
from sendyard.providers.wire import HttpRequest, HttpResponse

_STATES = {"OPT_IN": False, "OPT_OUT": True}


class _User(msgspec.Struct, frozen=True, rename="camel"):
    phone_code: str | None = None
    country_code: str | None = None
    optin_status: str | None = None
    optin_time_stamp: int | str | None = None


class _Users(msgspec.Struct, frozen=True):
    status: str | None = None
    users: list[_User] | None = None


_users = msgspec.json.Decoder(_Users)


def listed_request(account: GupshupWhatsappAccount, headers: Mapping[str, str]) -> HttpRequest:
    """Everybody at once; there are no pages."""
    return HttpRequest("GET", f"{account.base_url}/sm/api/v1/users/{_name(account)}", headers)


def read_listed(response: HttpResponse) -> OptOutPage | ProviderError:
    """Who opted in or out; people in neither state, and numbers that are none, are left out. Raises ProtocolError."""
    if response.status != 200:
        return error_of(response)
    found = decode(_users, response.body, "users")
    if found.status == "error":
        return error_of(response)
    if found.users is None:
        raise ProtocolError("expected users, found none")
    return OptOutPage([one for user in found.users if (one := _person(user))])


def telling_request(
    account: GupshupWhatsappAccount, headers: Mapping[str, str], person: Address, *, refuses: bool
) -> HttpRequest:
    """
    Mark one person as opted in or out.

    Raises:
        Invalid: the person is not known by a phone number.
    """
    if person.kind is not AddressKind.PHONE:
        raise Invalid("recipient_not_a_number", "Gupshup marks the opt-in of phone numbers only; give one.")
    url = f"{account.base_url}/sm/api/v1/app/opt/{'out' if refuses else 'in'}/{_name(account)}"
    return HttpRequest("POST", url, headers, urlencode({"user": person.value.removeprefix("+")}).encode())


def read_telling(response: HttpResponse) -> ProviderError | None:
    """Any 2xx is a yes, usually without a body. Raises ProtocolError."""
    return None if 200 <= response.status < 300 else error_of(response)


def _person(user: _User) -> ListedPerson | None:
    refuses = _STATES.get(user.optin_status or "")
    if refuses is None:
        return None
    # Some lists repeat the country code in `phoneCode`, and a national number may begin with the same digits: so
    # whichever is a number of a plan.
    written = (f"{user.country_code or ''}{user.phone_code or ''}", user.phone_code or "")
    number = next((e164 for one in written if (e164 := parse_phone(f"+{one.lstrip('+')}").e164)), "")
    if not number:
        return None
    return ListedPerson(Address.phone(number), refuses, user.optin_status or "", moment(user.optin_time_stamp))


def _name(account: GupshupWhatsappAccount) -> str:
    return quote(account.app_name, safe="")
