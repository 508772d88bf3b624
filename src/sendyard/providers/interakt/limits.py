"""
What Interakt or WhatsApp would refuse: found before anything is sent.
"""

from collections.abc import Iterator

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.interakt.sending import BUTTON, HEADER, body_variables, button_variables
from sendyard.providers.whatsapp import MAX_ROWS, Carrier, problems_of_content

_CARRIER = Carrier("Interakt")


def problems_of(outgoing: Outgoing) -> Iterator[Problem]:
    """Yield every reason why this account cannot carry it."""
    content = outgoing.content
    if outgoing.to.kind is not AddressKind.PHONE:
        yield Problem(ErrorKind.UNSUPPORTED, "Interakt sends to phone numbers only; route ids without one elsewhere.")
    if isinstance(content, TemplateRef):
        yield from _template(content)
    yield from problems_of_content(_CARRIER, content)


def _template(content: TemplateRef) -> Iterator[Problem]:
    if not content.name or not content.language:
        detail = "A template is sent by Interakt's code name and its language code (such as en); give both."
        yield Problem("template_missing", detail)
    numbered = body_variables(content.variables)
    buttons = button_variables(content.variables)
    named = [
        name
        for name in content.variables
        if not name.isdecimal() and name != HEADER and not (name.startswith(BUTTON) and name[len(BUTTON) :].isdecimal())
    ]
    if named or [int(name) for name in numbered] != list(range(1, len(numbered) + 1)):
        found = ", ".join(content.variables)
        detail = f"Interakt counts variables: name them 1, 2, … ({HEADER} and {BUTTON}0 beside them); found {found}."
        yield Problem("variable_name", detail)
    if len(buttons) > MAX_ROWS:
        yield Problem("template_buttons", f"A template has at most {MAX_ROWS} buttons; found {len(buttons)}.")
