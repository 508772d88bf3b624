"""
What WATI or WhatsApp would refuse: found before anything is sent.
"""

from collections.abc import Iterator

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import TemplateRef, Text
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.wati.spec import WatiAccount
from sendyard.providers.whatsapp import Carrier, problems_of_content

_CARRIER = Carrier("WATI")


def problems_of(account: WatiAccount, outgoing: Outgoing) -> Iterator[Problem]:
    """Yield every reason why this account cannot carry it."""
    content, is_v3 = outgoing.content, account.api_version == "v3"
    if outgoing.to.kind is AddressKind.LINE_ID:
        yield Problem(ErrorKind.UNSUPPORTED, "WATI reaches WhatsApp users only: give a phone number or a WhatsApp id.")
    elif outgoing.to.kind is AddressKind.WHATSAPP_ID and not is_v3:
        yield Problem(ErrorKind.UNSUPPORTED, "A WhatsApp id without a number needs API generation v3; set the account.")
    if isinstance(content, TemplateRef) and not content.name:
        yield Problem("template_missing", "A template is sent by its name at WATI; this one has none.")
    if not is_v3 and not isinstance(content, TemplateRef | Text):
        detail = f"Files, buttons and lists need API generation v3; this account has {account.api_version}."
        yield Problem(ErrorKind.UNSUPPORTED, detail)
    else:
        yield from problems_of_content(_CARRIER, content)
