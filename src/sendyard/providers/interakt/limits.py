"""
What Interakt or WhatsApp would refuse: found before anything is sent.

Limits of buttons and lists: https://developers.facebook.com/docs/whatsapp/guides/interactive-messages/.
"""

from collections.abc import Iterator, Sequence

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Interactive, Media, MediaItem, TemplateRef
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.interakt.sending import BUTTON, HEADER, body_variables, button_variables

_BODY = 1024
_FOOTER = 60
_HEADER = 60
_BUTTONS = 3
_BUTTON = 20
_ROWS = 10
_ROW = 24
_DESCRIPTION = 72
_PUBLIC = ("https://", "http://")


def problems_of(outgoing: Outgoing) -> Iterator[Problem]:
    """Yield every reason why this account cannot carry it."""
    content = outgoing.content
    if outgoing.to.kind is not AddressKind.PHONE:
        yield Problem(ErrorKind.UNSUPPORTED, "Interakt sends to phone numbers only; route ids without one elsewhere.")
    if isinstance(content, TemplateRef):
        yield from _template(content)
    elif isinstance(content, Media):
        if len(content.items) != 1:
            detail = "One WhatsApp message carries one file; send several files one by one."
            yield Problem(ErrorKind.CONTENT_REJECTED, detail)
        yield from _files(content.items)
    elif isinstance(content, Interactive):
        yield from _interactive(content)
    elif not content.body.strip():
        yield Problem(ErrorKind.CONTENT_REJECTED, "A text must not be blank; write something.")


def _template(content: TemplateRef) -> Iterator[Problem]:
    if not content.name or not content.language:
        detail = "A template is sent by Interakt's code name and its language code (such as en); give both."
        yield Problem(ErrorKind.NOT_REGISTERED, detail)
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
        yield Problem(ErrorKind.CONTENT_REJECTED, detail)
    if blank := [name for name, value in content.variables.items() if not value.strip()]:
        detail = f"WhatsApp refuses blank values; fill in {', '.join(blank)}."
        yield Problem(ErrorKind.CONTENT_REJECTED, detail)
    if len(content.media) > 1 or (content.media and HEADER in content.variables):
        detail = "The header of a template has one value: a text or one file."
        yield Problem(ErrorKind.CONTENT_REJECTED, detail)
    if len(buttons) > _ROWS:
        yield Problem(ErrorKind.CONTENT_REJECTED, f"A template has at most {_ROWS} buttons; found {len(buttons)}.")
    yield from _files(content.media)


def _files(items: Sequence[MediaItem]) -> Iterator[Problem]:
    if any(not item.url.startswith(_PUBLIC) for item in items):
        detail = "Interakt fetches files from a public address; give one beginning with https."
        yield Problem(ErrorKind.CONTENT_REJECTED, detail)


def _interactive(content: Interactive) -> Iterator[Problem]:
    most, title = (_ROWS, _ROW) if content.list_label else (_BUTTONS, _BUTTON)
    if not 1 <= len(content.choices) <= most:
        what = "rows" if content.list_label else "buttons"
        yield Problem(ErrorKind.CONTENT_REJECTED, f"WhatsApp shows 1 to {most} {what}; found {len(content.choices)}.")
    texts = [
        ("body", content.body, _BODY),
        ("header", content.header, _HEADER),
        ("footer", content.footer, _FOOTER),
        ("list label", content.list_label, _BUTTON),
        *(("title", choice.title, title) for choice in content.choices),
        *(("description", choice.description, _DESCRIPTION) for choice in content.choices),
    ]
    for what, text, limit in texts:
        if len(text) > limit:
            detail = f"The {what} {text[:20]!r}… is longer than the {limit} characters WhatsApp shows; shorten it."
            yield Problem(ErrorKind.CONTENT_REJECTED, detail)
    if not content.body.strip() or any(not (choice.id and choice.title.strip()) for choice in content.choices):
        yield Problem(ErrorKind.CONTENT_REJECTED, "Body, titles and ids must not be blank; write something.")
