"""
Templates as MSG91 has them: one per question, because it has no call that lists them.

Variables are `##name##`, with capitals that matter; a misspelled one still "succeeds" and arrives blank, so what is
sent is compared with the active version first (sheet, sections 3 and 6).
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import msgspec

from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ErrorKind, Invalid, ProviderError
from sendyard.providers.abilities import ProviderTemplate, TemplateCatalog, TemplatePage, TemplateSubmission
from sendyard.providers.contract import Call, Problem, ProtocolError, TemplateState
from sendyard.providers.msg91.account_check import json_headers
from sendyard.providers.msg91.answers import Answer, read, word
from sendyard.providers.msg91.codes import TEMPLATE_UNKNOWN
from sendyard.providers.msg91.spec import Msg91Account
from sendyard.providers.wire import HttpRequest, HttpResponse

VARIABLE = re.compile(r"##([A-Za-z0-9_]+)##")
NO_IDS = "no_template_ids"

_BODY = msgspec.json.Encoder()
_YES, _DLT_PASSED = "1", "10"
_UNKNOWN_THERE = "MSG91 knows no template with this id; compare it with MSG91, SMS > Templates"


class _Version(msgspec.Struct):
    id: Any = None
    template_id: Any = None
    template_name: Any = None
    template_data: Any = None
    dlt_id: Any = msgspec.field(default=None, name="DLT_ID")
    sender_id: Any = None
    version: Any = None
    status: Any = None
    active_status: Any = None
    dlt_verified: Any = None


_VERSIONS = msgspec.json.Decoder(list[_Version])
_CREATED = msgspec.json.Decoder(_Version)


class Msg91Templates(TemplateCatalog, TemplateSubmission):
    """The templates whose ids a person entered; `cursor` is the id of the one to ask for."""

    asks_by_name = True
    minds_language = False

    def build_templates(self, call: Call, cursor: str) -> HttpRequest:
        """Ask for the versions of one template: the one at `cursor`, any id will do, or the first entered."""
        account = cast("Msg91Account", call.account)
        wanted = cursor or next(iter(account.named_templates), "")
        body = _BODY.encode({"template_id": wanted})
        return HttpRequest("POST", f"{account.base_url}/sms/getTemplateVersions", json_headers(account), body)

    def parse_templates(self, call: Call, cursor: str, response: HttpResponse) -> TemplatePage | ProviderError:
        """Read the active version; an id that MSG91 does not know becomes a disabled template. Raises ProtocolError."""
        named = cast("Msg91Account", call.account).named_templates
        wanted = cursor or next(iter(named), "")
        following = named[named.index(wanted) + 1 :] if wanted in named else ()
        cursor = next(iter(following), "")
        answer = read(response)
        if not isinstance(answer, Answer):
            if answer.code != TEMPLATE_UNKNOWN:
                return answer
            if not wanted:
                detail = (
                    "MSG91 has no call that lists templates: enter the ids from MSG91, SMS > Templates, in this account"
                )
                return ProviderError(ErrorKind.NOT_REGISTERED, NO_IDS, detail)
            return TemplatePage((_missing(wanted),), cursor)
        try:
            versions = _VERSIONS.decode(answer.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
            raise ProtocolError(f"expected a list of template versions from MSG91, found {wrong}") from wrong
        return TemplatePage((_template(wanted, versions) if versions else _missing(wanted),), cursor)

    def fits(self, template: ProviderTemplate | None, wanted: TemplateRef) -> list[Problem]:
        """Also compare spelling of variables, and our text with the active version: MSG91 itself compares nothing."""
        found = super().fits(template, wanted)
        if template is None or template.state is not TemplateState.APPROVED:
            return found
        missing = [name for name in template.variables if name not in wanted.variables]
        folded = {name.casefold(): name for name in wanted.variables}
        alike = [f"{name}, not {folded[name.casefold()]}" for name in missing if name.casefold() in folded]
        if alike:
            detail = f"MSG91 minds capitals in names of variables and leaves others blank: write {'; '.join(alike)}."
            return [Problem("template_variables_misspelled", detail)]
        if found:
            return found
        there = VARIABLE.sub(lambda name: wanted.variables[name[1]], template.body)
        if wanted.body and there != wanted.body:
            return [Problem("template_text_differs", _difference(there, wanted.body, wanted.name))]
        return []

    def variable(self, name: str) -> str:
        """As MSG91 writes it."""
        return f"##{name}##"

    def build_template(self, call: Call, template: ProviderTemplate, samples: Mapping[str, str]) -> HttpRequest:
        """
        Hand a text in, with `##name##` for variables; samples are not asked for.

        `registration` gives the header (`header`) and, for India, the DLT content template id (`template_id`).
        """
        del samples
        account = cast("Msg91Account", call.account)
        header = template.registration.get("header", "")
        if not template.body or not header:
            raise Invalid(
                "template_incomplete",
                "MSG91 needs a text and a header for a new template: fill both, and the DLT template id for India.",
            )
        body = {
            "template_name": template.name,
            "template": template.body,
            "sender_id": header,
            "dlt_template_id": template.registration.get("template_id", ""),
            "smsType": "NORMAL" if template.body.isascii() else "UNICODE",
        }
        return HttpRequest("POST", f"{account.base_url}/sms/addTemplate", json_headers(account), _BODY.encode(body))

    def parse_template(self, template: ProviderTemplate, response: HttpResponse) -> ProviderTemplate | ProviderError:
        """The template, pending, by MSG91's id where the answer tells it. Raises ProtocolError."""
        answer = read(response)
        if not isinstance(answer, Answer):
            return answer
        try:
            created = _CREATED.decode(answer.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            created = _Version()
        identifier = word(created.template_id) or word(created.id)
        reason = "" if identifier else "look up its id in MSG91, SMS > Templates"
        variables = variables_of(template.body)
        return replace(
            template,
            name=identifier or template.name,
            state=TemplateState.PENDING,
            provider_ref=identifier,
            variables=variables,
            reason=reason,
        )


def variables_of(text: str) -> tuple[str, ...]:
    """Names of the variables of a text, in the order in which they first occur."""
    return tuple(dict.fromkeys(VARIABLE.findall(text)))


def _template(wanted: str, versions: list[_Version]) -> ProviderTemplate:
    active = next((one for one in versions if word(one.active_status) == _YES), None)
    shown = active or versions[-1]
    body = shown.template_data if isinstance(shown.template_data, str) else ""
    state, reason = _standing(shown) if active else (TemplateState.DISABLED, "no version is active; mark one in MSG91")
    registration = {
        "template_id": word(shown.dlt_id),
        "header": word(shown.sender_id),
        "name": word(shown.template_name),
        "version": word(shown.version),
    }
    return ProviderTemplate(
        name=wanted,
        state=state,
        provider_ref=word(shown.id),
        raw_state=f"status={word(shown.status)} dlt_verified={word(shown.dlt_verified)}",
        body=body,
        variables=variables_of(body),
        reason=reason,
        registration={name: value for name, value in registration.items() if value},
    )


def _standing(active: _Version) -> tuple[TemplateState, str]:
    """Approved is a status of 1, and with a DLT id also a DLT check of 10; other values are not documented."""
    if word(active.status) != _YES:
        return TemplateState.UNMAPPED, f"MSG91 gives its status as {word(active.status) or 'nothing'}, not 1 (approved)"
    if word(active.dlt_id) and word(active.dlt_verified) != _DLT_PASSED:
        return TemplateState.PENDING, "MSG91 has not verified it with the DLT portal; see MSG91, SMS > Templates"
    return TemplateState.APPROVED, ""


def _missing(wanted: str) -> ProviderTemplate:
    return ProviderTemplate(name=wanted, state=TemplateState.DISABLED, reason=_UNKNOWN_THERE)


def _difference(there: str, here: str, name: str) -> str:
    """Where two texts part, so that a person sees the very characters."""
    place = next(
        (place for place, pair in enumerate(zip(there, here, strict=False)) if pair[0] != pair[1]),
        min(len(there), len(here)),
    )
    return (
        f"MSG91's active version of {name} differs from our text at character {place + 1}: "
        f"there {there[place : place + 20]!r}, here {here[place : place + 20]!r}; sync the template."
    )
