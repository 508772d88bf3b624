"""
What AiSensy, or WhatsApp behind it, would refuse and what can be known before it is asked.
"""

import re
from collections.abc import Iterator

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import TemplateRef
from sendyard.providers.aisensy.messages import BUTTON
from sendyard.providers.aisensy.spec import AiSensyAccount
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.whatsapp import Carrier, problems_of_content

_CARRIER = Carrier("AiSensy")
_BUTTON = re.compile(r"button:[0-9]")


def problems_of(account: AiSensyAccount, outgoing: Outgoing) -> Iterator[Problem]:
    """Yield everything wrong with one message that can be known beforehand."""
    content = outgoing.content
    if outgoing.to.kind is not AddressKind.PHONE:
        yield Problem("not_a_number", "AiSensy sends to phone numbers only: give the person's number.")
    if isinstance(content, TemplateRef):
        yield from _template(account, content)
    elif not account.project_id:
        detail = (
            "The Campaign API carries nothing but templates: send a template, or enter project id and Project API "
            "password for this account (AiSensy, Manage, API Key; Pro plan and above)."
        )
        yield Problem("project_api_needed", detail)
    yield from problems_of_content(_CARRIER, content)


def _template(account: AiSensyAccount, template: TemplateRef) -> Iterator[Problem]:
    if not (template.name or (account.send_via == "campaign" and account.default_campaign_name)):
        yield Problem("template_missing", "Name the API campaign or template, or set the account's default.")
    for name in template.variables:
        if name.startswith(BUTTON) and not _BUTTON.fullmatch(name):
            yield Problem("variable_name", f"{name!r} is no button: write button:0 for the first, and so on.")
