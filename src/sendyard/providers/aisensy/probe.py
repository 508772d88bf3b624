"""
"Test connection": a question that sends nothing and costs nothing.

The vendor's own connector asks for the details of a campaign to learn whether a key is good (sheet, section 4); with
templates by the Project API, the list of templates proves its id and password instead.
"""

from typing import Any

import msgspec

from sendyard.domain.errors import ErrorKind
from sendyard.providers.abilities import ProbeResult
from sendyard.providers.aisensy.answers import answer_of, decode, error_of
from sendyard.providers.aisensy.catalogue import templates_of
from sendyard.providers.aisensy.codes import SENTENCES
from sendyard.providers.aisensy.door import JSON, door_of
from sendyard.providers.aisensy.spec import AiSensyAccount
from sendyard.providers.contract import ProtocolError, TemplateState
from sendyard.providers.wire import HttpRequest, HttpResponse

_ANY_CAMPAIGN = "test"
"""Asked for where no campaign is named; that it does not exist says nothing about the key."""

_PLACE = "Copy project id and Project API password again from AiSensy: Manage, API Key, Project API."
_UNTRIED = " Project id and Project API password were not tried; syncing templates tries them."

_NOT_ABOUT_A_CAMPAIGN = frozenset({ErrorKind.AUTH_FAILED, ErrorKind.OUT_OF_CREDIT, ErrorKind.THROTTLED})


class _Fields(msgspec.Struct, frozen=True):
    template_params: tuple[Any, ...] = msgspec.field(default=(), name="templateParams")
    media: dict[str, Any] | None = None


class _Holder(msgspec.Struct, frozen=True):
    fields: _Fields | None = msgspec.field(default=None, name="requestBody")


class _Details(_Holder, frozen=True):
    data: _Holder | None = None
    campaign: _Holder | None = None


_details = msgspec.json.Decoder(_Details)
_encoder = msgspec.json.Encoder()


def probe_request(account: AiSensyAccount) -> HttpRequest:
    """Ask for the details of the account's campaign, or for its templates."""
    door = door_of(account)
    if account.send_via == "project":
        return HttpRequest("GET", f"{door.project}/wa_template/", door.reading)
    body = {"apiKey": door.key, "campaignName": account.default_campaign_name or _ANY_CAMPAIGN}
    return HttpRequest("POST", door.details, JSON, _encoder.encode(body))


def read_probe(account: AiSensyAccount, response: HttpResponse) -> ProbeResult:
    """Say what works, or which value to copy again from where. Raises ProtocolError."""
    if account.send_via == "project":
        return _read_templates(response)
    campaign = account.default_campaign_name
    answer = answer_of(response)
    if response.status < 400 and not answer.is_failure:
        if not 200 <= response.status < 300:
            raise ProtocolError(f"expected the details of a campaign, found HTTP {response.status}")
        details = decode(_details, response, "the details of a campaign")
        return _found(account, account.default_campaign_name if answer.is_success else "", details)
    error = error_of(response, answer)
    said = error.detail.rstrip(".! ")
    known = SENTENCES.get(error.code)
    advice = f" {known.advice}" if known else ""
    if response.status >= 500:
        detail = f"AiSensy answered HTTP {response.status}; try again later."
        return ProbeResult(ok=False, detail=detail, error=error)
    if error.code in {"campaign_unknown", "campaign_not_live"} and campaign:
        detail = f"The API key works, but AiSensy says of the campaign {campaign!r}: {said}.{advice}"
        return ProbeResult(ok=False, detail=detail, error=error)
    # The code for a campaign that does not exist is documented nowhere: only words about the key speak of the key.
    is_about_it = response.status in {200, 400} or error.code == "campaign_unknown"
    if not campaign and is_about_it and error.kind not in _NOT_ABOUT_A_CAMPAIGN:
        untried = _UNTRIED if account.project_id else ""
        detail = f"The API key works. Name a default API campaign to have it checked as well.{untried}"
        return ProbeResult(ok=True, detail=detail, facts={"campaign": ""})
    return ProbeResult(ok=False, detail=f"AiSensy refuses the account: {said}.{advice}", error=error)


def _found(account: AiSensyAccount, campaign: str, details: _Details) -> ProbeResult:
    """Judge a good answer; `campaign` is "" where none was asked for or AiSensy does not call it fine."""
    holder = next((one for one in (details, details.data, details.campaign) if one and one.fields), details)
    untried = _UNTRIED if account.project_id else ""
    if not campaign or holder.fields is None:
        return ProbeResult(ok=True, detail=f"The API key works.{untried}", facts={"campaign": campaign})
    count = len(holder.fields.template_params)
    takes_file = bool(holder.fields.media)
    needs = f"{count} variable{'' if count == 1 else 's'}{' and a file' if takes_file else ''}"
    facts = {"campaign": campaign, "variables": str(count), "media": "yes" if takes_file else "no"}
    detail = f"The API key works; the campaign {campaign!r} takes {needs}.{untried}"
    return ProbeResult(ok=True, detail=detail, facts=facts)


def _read_templates(response: HttpResponse) -> ProbeResult:
    if response.status < 400:
        approved = [one for one in templates_of(response) if one.state is TemplateState.APPROVED]
        are = "is" if len(approved) == 1 else "are"
        detail = f"The Project API works; {len(approved)} of its templates {are} approved."
        return ProbeResult(ok=True, detail=detail, facts={"approved_templates": str(len(approved))})
    error = error_of(response, answer_of(response))
    said = error.detail.rstrip(".! ")
    if response.status >= 500:
        detail = f"AiSensy answered HTTP {response.status}; try again later."
    elif error.kind is ErrorKind.AUTH_FAILED or response.status == 404:
        detail = f"AiSensy refuses the Project API: {said}. {_PLACE}"
    else:
        detail = f"AiSensy refuses the Project API: {said}."
    return ProbeResult(ok=False, detail=detail, error=error)
