"""
Our side of SleekFlow's wire: one message a request; what became of it stands in its conversation.

A message whose request had no usable answer cannot be asked for: its conversation is known only from an answer.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, cast
from urllib.parse import quote, urlencode

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    ContactPush,
    Pending,
    Poll,
    ProbeResult,
    Profile,
    ProfileLookup,
    ProviderSender,
    ReportPolling,
    SenderList,
    TemplateCatalog,
    TemplatePage,
)
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    Receipt,
)
from sendyard.providers.sleekflow.answers import event_of, receipt_of, refusal_of, rows_of
from sendyard.providers.sleekflow.catalogue import contact_id, profile_of, senders_of, templates_of
from sendyard.providers.sleekflow.codes import SENTENCES
from sendyard.providers.sleekflow.limits import problems_of
from sendyard.providers.sleekflow.messages import message_body
from sendyard.providers.sleekflow.spec import SPEC, SleekFlowAccount
from sendyard.providers.sleekflow.webhooks import read_callback
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_encode = msgspec.json.Encoder().encode
_WHOLE_CONVERSATION = 1000  # the most one page may have; nobody documents which end comes first


class SleekFlowAdapter(Adapter, ReportPolling, AccountProbe, TemplateCatalog, SenderList, ProfileLookup, ContactPush):
    """SleekFlow's Platform API, on the host of the company's region."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = SleekFlowAccount

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what cannot travel: files, and what is beyond WhatsApp's limits."""
        return list(problems_of(cast("SleekFlowAccount", account), outgoing))

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build one text, template or interactive message, labelled with our reference."""
        (outgoing,) = batch
        account = cast("SleekFlowAccount", call.account)
        url, _, writing = _door_of(account)
        return HttpRequest("POST", f"{url}/message/send/json", writing, _encode(message_body(account, outgoing)))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Read the message object; its status may already say that it failed. Raises ProtocolError."""
        (outgoing,) = batch
        return [receipt_of(outgoing.message_id, response)]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Read what a flow tells of an incoming message; echoes of our own bring nothing."""
        return read_callback(cast("SleekFlowAccount", call.account), request)

    def build_poll(self, call: Call, cursor: str, pending: Sequence[Pending]) -> HttpRequest:
        """
        Read the conversation of one attempt.

        Where the answer to the submit named none, the contact is asked for it first; it comes back as the cursor.
        """
        (asked,) = pending
        conversation = asked.provider_ref.rpartition("/")[0]
        person, _, known = cursor.partition(" ")
        if not conversation and person == asked.to.value:
            conversation = known
        if not conversation:
            return _contact_request(call, asked.to)
        query = urlencode({"offset": 0, "limit": _WHOLE_CONVERSATION})
        return _get(call, f"/conversation/message/{quote(conversation, safe='')}?{query}")

    def parse_poll(self, call: Call, pending: Sequence[Pending], response: HttpResponse) -> Poll:
        """Find the attempt among the messages, or the conversation of a contact. Raises ProtocolError."""
        del call
        (asked,) = pending
        rows = rows_of(response)
        if "/" not in asked.provider_ref:
            contact = next((row for row in rows if row.phone_number and row.conversation_id and not row.status), None)
            if contact is not None:
                return Poll((), cursor=f"{asked.to.value} {contact.conversation_id}")
        event = event_of(asked, rows)
        return Poll((event,) if event else ())

    def build_probe(self, call: Call) -> HttpRequest:
        """Read one contact: that proves key and region, sends nothing and costs nothing."""
        return _get(call, "/contact?limit=1&offset=0")

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say whether key and region fit, and where to find them. Raises ProtocolError."""
        error = refusal_of(response)
        if error is None:
            rows_of(response)
            return ProbeResult(ok=True, detail="The key works in this region.", facts={"host": call.account.base_url})
        known = SENTENCES.get(error.code)
        if error.kind is ErrorKind.UNAVAILABLE:
            detail = f"SleekFlow answered HTTP {response.status}; try again later."
        else:
            said = error.detail.rstrip(". ")
            detail = f"SleekFlow refuses the account ({said}). {known.advice if known else ''}".rstrip()
        return ProbeResult(ok=False, detail=detail, error=error)

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """Ask for the templates of the account's own number. Raises AppError `Invalid` where none is named."""
        del cursor
        number = cast("SleekFlowAccount", call.account).from_number
        if not number:
            detail = "SleekFlow lists templates by number: enter the own WhatsApp number in the account's settings."
            raise Invalid("from_number_needed", detail)
        return _get(call, f"/cloudapi/template?channelNumber={number}")

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read the list, which has no pages. Raises ProtocolError."""
        del call, cursor
        return refusal_of(response) or TemplatePage(templates_of(response))

    def build_senders(self, call: Call) -> HttpRequest:
        """Ask for the company's channels."""
        return _get(call, "/conversation/channel")

    def parse_senders(self, call: Call, response: HttpResponse) -> Sequence[ProviderSender] | ProviderError:
        """Read the channels. Raises ProtocolError."""
        del call
        refused = refusal_of(response)
        return senders_of(response) if refused is None else refused

    def build_profile(self, call: Call, person: Address) -> HttpRequest:
        """Ask for the contact with a number."""
        return _contact_request(call, person)

    def parse_profile(self, response: HttpResponse) -> Profile | ProviderError:
        """Read the contact. Raises ProtocolError."""
        return refusal_of(response) or profile_of(response)

    def build_contact(self, call: Call, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
        """Add or update one contact; of the fields SleekFlow's call takes `email`."""
        first, _, last = name.strip().partition(" ")
        contact = {"phoneNumber": person.value.removeprefix("+"), "firstName": first}
        if last:
            contact["lastName"] = last.strip()
        if fields.get("email"):
            contact["email"] = fields["email"]
        url, _, writing = _door_of(cast("SleekFlowAccount", call.account))
        # Always an array; one row each, because a bad row would refuse all of them.
        return HttpRequest("POST", f"{url}/contact/addOrUpdate", writing, _encode([contact]))

    def parse_contact(self, response: HttpResponse) -> str | ProviderError:
        """Read SleekFlow's id of the contact. Raises ProtocolError."""
        refused = refusal_of(response)
        return contact_id(response) if refused is None else refused


@lru_cache(maxsize=256)
def _door_of(account: SleekFlowAccount) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
    """Where an account's requests go, the headers of a question and those of what carries a body."""
    reading = {"accept": "application/json", "x-sleekflow-api-key": account.api_key.get_secret_value()}
    return f"{account.base_url}/api", reading, {**reading, "content-type": "application/json"}


def _get(call: Call, path: str) -> HttpRequest:
    url, reading, _ = _door_of(cast("SleekFlowAccount", call.account))
    return HttpRequest("GET", f"{url}{path}", reading)


def _contact_request(call: Call, person: Address) -> HttpRequest:
    query = urlencode({"limit": 1, "offset": 0, "phoneNumber": person.value.removeprefix("+")})
    return _get(call, f"/contact?{query}")
