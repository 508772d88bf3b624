"""
What SleekFlow, or WhatsApp behind it, would refuse and what can be known before it is asked.
"""

import re
from collections.abc import Iterator

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Media, TemplateRef
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.sleekflow.messages import BUTTON
from sendyard.providers.sleekflow.spec import SleekFlowAccount
from sendyard.providers.whatsapp import Carrier, problems_of_content

_CARRIER = Carrier("WhatsApp")
_SENDER = re.compile(r"(\+?[0-9]{8,15})?")
_BUTTON = re.compile(r"button:[0-9]")


def problems_of(account: SleekFlowAccount, outgoing: Outgoing) -> Iterator[Problem]:
    """Yield everything wrong with one message that can be known beforehand."""
    content = outgoing.content
    if outgoing.to.kind is not AddressKind.PHONE:
        yield Problem("not_a_number", "SleekFlow sends to phone numbers only: give the person's number.")
    if not _SENDER.fullmatch(outgoing.sender):
        detail = f"{outgoing.sender!r} is no WhatsApp number: give the digits that stand in SleekFlow, Channels."
        yield Problem("sender_not_a_number", detail)
    if isinstance(content, Media):
        detail = (
            "SleekFlow takes a file's bytes, never its address: send the address as text, or a template with a file."
        )
        yield Problem("media_unsupported", detail)
        return
    if isinstance(content, TemplateRef):
        yield from _template(account, content)
    yield from problems_of_content(_CARRIER, content)


def _template(account: SleekFlowAccount, template: TemplateRef) -> Iterator[Problem]:
    if not template.name:
        yield Problem("template_missing", "Name the template as it is called in SleekFlow.")
    if account.channel == "whatsapp360dialog" and not account.template_namespace:
        detail = "Templates of 360dialog need their namespace: enter it in the account's settings."
        yield Problem("namespace_missing", detail)
    for name in template.variables:
        if name.startswith(BUTTON) and not _BUTTON.fullmatch(name):
            yield Problem("variable_name", f"{name!r} is no button: write button:0 for the first, and so on.")
