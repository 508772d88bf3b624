"""
Our side of AiSensy's wire: one message a request, by the Campaign API or the Project API of one account.

There is no way to ask for a message afterwards, and no field for a reference of ours; webhooks bring the reports.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, cast
from urllib.parse import urlencode

import msgspec

from sendyard.domain.addresses import Address
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.providers.abilities import (
    AccountProbe,
    ContactPush,
    ProbeResult,
    Profile,
    ProfileLookup,
    ProviderTemplate,
    TemplateCatalog,
    TemplatePage,
    TemplateSubmission,
    UsageQuery,
)
from sendyard.providers.aisensy.answers import receipt_of, refusal_of
from sendyard.providers.aisensy.catalogue import creation_of, made_of, templates_of
from sendyard.providers.aisensy.door import JSON, door_of, project_door
from sendyard.providers.aisensy.limits import problems_of
from sendyard.providers.aisensy.messages import campaign_body, goes_by_campaign, project_body
from sendyard.providers.aisensy.probe import probe_request, read_probe
from sendyard.providers.aisensy.project import contact_id, figures_of, month_of, profile_of
from sendyard.providers.aisensy.spec import SPEC, AiSensyAccount
from sendyard.providers.aisensy.webhooks import read_callback
from sendyard.providers.contract import (
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    Receipt,
)
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_encode = msgspec.json.Encoder().encode


class AiSensyAdapter(
    Adapter, AccountProbe, TemplateCatalog, TemplateSubmission, ContactPush, ProfileLookup, UsageQuery
):
    """AiSensy's Campaign API (`/campaign/t1/api/v2`) and Project API (`/project-apis/v1`)."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = AiSensyAccount

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name what cannot travel: anything but templates without the Project API, and WhatsApp's own limits."""
        return list(problems_of(cast("AiSensyAccount", account), outgoing))

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """Build one message; templates by the API that `send_via` names, the rest by the Project API."""
        (outgoing,) = batch
        account = cast("AiSensyAccount", call.account)
        content = outgoing.content
        if isinstance(content, TemplateRef) and goes_by_campaign(account, outgoing):
            door = door_of(account)
            body = campaign_body(account, door.key, outgoing.to.value, content)
            return HttpRequest("POST", door.send, JSON, _encode(body))
        door = project_door(account)
        return HttpRequest(
            "POST", f"{door.project}/messages", door.writing, _encode(project_body(outgoing.to.value, outgoing))
        )

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """Take nothing for accepted but `"success":"true"` or a message id. Raises ProtocolError."""
        (outgoing,) = batch
        return [receipt_of(outgoing.message_id, response)]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """Check X-AiSensy-Signature over the raw body, then read a status report or an inbound message."""
        return read_callback(cast("AiSensyAccount", call.account), request)

    def build_probe(self, call: Call) -> HttpRequest:
        """Ask for the details of the default campaign, or for the templates where they travel by the Project API."""
        return probe_request(cast("AiSensyAccount", call.account))

    def parse_probe(self, call: Call, response: HttpResponse) -> ProbeResult:
        """Say what works, or which value to copy again from where. Raises ProtocolError."""
        return read_probe(cast("AiSensyAccount", call.account), response)

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """Ask for all templates; the list has no pages. Raises AppError `Invalid` without the Project API."""
        del cursor
        door = project_door(call.account)
        return HttpRequest("GET", f"{door.project}/wa_template/", door.reading)

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read the list. Raises ProtocolError."""
        del call, cursor
        return refusal_of(response) or TemplatePage(templates_of(response))

    def fits(self, template: ProviderTemplate | None, wanted: TemplateRef) -> list[Problem]:
        """Compare with AiSensy's copy; a name it does not list may be that of a campaign, which it lists nowhere."""
        return super().fits(template, wanted) if template else []

    def build_template(self, call: Call, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
        """Hand a template in; the body is Meta's, for AiSensy documents none. Raises AppError `Invalid`."""
        door = project_door(call.account)
        return HttpRequest("POST", f"{door.project}/wa_template", door.writing, _encode(creation_of(template, samples)))

    def parse_template(self, template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
        """Read what became of it. Raises ProtocolError."""
        return refusal_of(response) or made_of(template, response)

    def build_contact(self, call: Call, person: Address, name: str, fields: Mapping[str, str]) -> HttpRequest:
        """Make a contact of number and name: AiSensy's call takes no further fields."""
        del fields
        door = project_door(call.account)
        body = {"mobile_number": person.value.removeprefix("+"), "name": name}
        return HttpRequest("POST", f"{door.project}/contact", door.writing, _encode(body))

    def parse_contact(self, response: HttpResponse) -> str | ProviderError:
        """Read AiSensy's id of the contact. Raises ProtocolError."""
        refused = refusal_of(response)
        return contact_id(response) if refused is None else refused

    def build_profile(self, call: Call, person: Address) -> HttpRequest:
        """Ask for a contact by number."""
        door = project_door(call.account)
        query = urlencode({"action": "FetchContact", "mobile_number": person.value.removeprefix("+")})
        return HttpRequest("GET", f"{door.project}/contact?{query}", door.reading)

    def parse_profile(self, response: HttpResponse) -> Profile | ProviderError:
        """Read the contact; AiSensy answers 404 for a person it does not know. Raises ProtocolError."""
        if response.status == 404:
            return ProviderError(ErrorKind.INVALID_RECIPIENT, "http:404", "AiSensy has no contact with this number")
        return refusal_of(response) or profile_of(response)

    def build_usage(self, call: Call) -> HttpRequest:
        """Ask for this month's figures of the account's campaign. Raises AppError `Invalid` where none is named."""
        door = project_door(call.account)
        campaign = cast("AiSensyAccount", call.account).campaign_id
        if not campaign:
            detail = "AiSensy counts by campaign: enter the id of the campaign to measure in the account's settings."
            raise Invalid("campaign_id_needed", detail)
        first, today = month_of(call.now)
        body = _encode({"start_date": first, "end_date": today})
        return HttpRequest("POST", f"{door.project}/campaign/analytics/{campaign}", door.writing, body)

    def parse_usage(self, call: Call, response: HttpResponse) -> Mapping[str, str] | ProviderError:
        """Read the sums of this month: `sent`, `delivered`, `read`, `failed`, `credits`. Raises ProtocolError."""
        refused = refusal_of(response)
        if refused:
            return refused
        first, today = month_of(call.now)
        return {**figures_of(response), "from": first, "to": today}
