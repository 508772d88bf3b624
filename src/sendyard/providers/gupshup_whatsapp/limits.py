"""
What Gupshup or WhatsApp would refuse and what can be known before they are asked.

Source of what Gupshup alone wants: docs.gupshup.io/docs/session-messages.
"""

import re
from collections.abc import Iterator

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Interactive, TemplateRef
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.whatsapp import Carrier, problems_of_content

_CARRIER = Carrier("Gupshup", header_uploads=True)
_NUMBER = re.compile(r"\+[0-9]{6,15}")
_SENDER = re.compile(r"([0-9]{6,15})?")
_TEMPLATE_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VARIABLE = re.compile(r"header|[1-9][0-9]?|button:[0-9]")


def problems_of(outgoing: Outgoing) -> Iterator[Problem]:
    """Yield everything wrong with one message that is known beforehand."""
    if outgoing.to.kind is not AddressKind.PHONE or not _NUMBER.fullmatch(outgoing.to.value):
        yield Problem("recipient_not_a_number", "Gupshup reaches people by their phone number only: give one.")
    if not _SENDER.fullmatch(outgoing.sender):
        detail = f"Expected the business number as digits with the country code, found {outgoing.sender!r}."
        yield Problem("sender_not_a_number", detail)
    content = outgoing.content
    if isinstance(content, TemplateRef):
        yield from _template(content)
    elif isinstance(content, Interactive):
        if len({choice.title for choice in content.choices}) < len(content.choices):
            yield Problem("choices_same_title", "Gupshup wants a title of its own for each choice: change one.")
        if content.list_label and content.footer:
            yield Problem("footer_not_possible", "A list at Gupshup has no footer: put it into the text.")
    yield from problems_of_content(_CARRIER, content)


def _template(content: TemplateRef) -> Iterator[Problem]:
    if not _TEMPLATE_ID.fullmatch(content.name):
        detail = f"Gupshup names a template by its id (five groups of hexadecimal digits), found {content.name!r}."
        yield Problem("template_not_an_id", detail)
    names = list(content.variables)
    if unknown := sorted(name for name in names if not _VARIABLE.fullmatch(name)):
        yield Problem("variable_unknown", f"Name variables header, 1, 2, … or button:0, found {', '.join(unknown)}.")
    numbers = sorted(int(name) for name in names if name.isascii() and name.isdecimal())
    if numbers != list(range(1, len(numbers) + 1)):
        detail = "Variables travel by position: give all of the body from 1 on, without a gap."
        yield Problem("variables_with_gaps", detail)
