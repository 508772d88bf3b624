"""
What WATI or WhatsApp would refuse: found before anything is sent.

Limits of buttons and lists: https://developers.facebook.com/docs/whatsapp/guides/interactive-messages/.
"""

from collections.abc import Iterator

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import Interactive, Media, TemplateRef, Text
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.wati.sending import HEADER_PARAMETER
from sendyard.providers.wati.spec import WatiAccount

_BODY = 1024
_FOOTER = 60
_HEADER = 60
_BUTTONS = 3
_BUTTON = 20
_ROWS = 10
_ROW = 24
_DESCRIPTION = 72
_PUBLIC = ("https://", "http://")


def problems_of(account: WatiAccount, outgoing: Outgoing) -> Iterator[Problem]:
    """Yield every reason why this account cannot carry it."""
    content, is_v3 = outgoing.content, account.api_version == "v3"
    if outgoing.to.kind is AddressKind.LINE_ID:
        yield Problem(ErrorKind.UNSUPPORTED, "WATI reaches WhatsApp users only: give a phone number or a WhatsApp id.")
    elif outgoing.to.kind is AddressKind.WHATSAPP_ID and not is_v3:
        yield Problem(ErrorKind.UNSUPPORTED, "A WhatsApp id without a number needs API generation v3; set the account.")
    if isinstance(content, TemplateRef):
        yield from _template(content)
    elif isinstance(content, Text):
        if not content.body.strip():
            yield Problem(ErrorKind.CONTENT_REJECTED, "A text must not be blank; write something.")
    elif not is_v3:
        detail = f"Files, buttons and lists need API generation v3; this account has {account.api_version}."
        yield Problem(ErrorKind.UNSUPPORTED, detail)
    elif isinstance(content, Media):
        yield from _media(content)
    else:
        yield from _interactive(content)


def _template(content: TemplateRef) -> Iterator[Problem]:
    if not content.name:
        yield Problem(ErrorKind.NOT_REGISTERED, "A template is sent by its name at WATI; this one has none.")
    if blank := [name for name, value in content.variables.items() if not value.strip()]:
        detail = f"WATI refuses blank values; fill in {', '.join(blank)}."
        yield Problem(ErrorKind.CONTENT_REJECTED, detail)
    if len(content.media) > 1 or any(not item.url.startswith(_PUBLIC) for item in content.media):
        detail = "The header of a template takes one file, by a public address; WATI has no upload for it."
        yield Problem(ErrorKind.CONTENT_REJECTED, detail)
    if content.media and HEADER_PARAMETER in content.variables:
        detail = f"A file travels as the parameter {HEADER_PARAMETER!r}; give either the file or that variable."
        yield Problem(ErrorKind.CONTENT_REJECTED, detail)


def _media(content: Media) -> Iterator[Problem]:
    if len(content.items) != 1 or not content.items[0].url.startswith(_PUBLIC):
        detail = "One WhatsApp message carries one file, by a public address; send several files one by one."
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
    if not content.body.strip() or any(not choice.title.strip() for choice in content.choices):
        yield Problem(ErrorKind.CONTENT_REJECTED, "Body and titles must not be blank; write something.")
