"""
What RCS demands, beside the format whose id is sent: BizGO's hub and the carriers check the rest.

Source: sheet section 4.4.
"""

import re
from collections.abc import Iterator

from sendyard.domain.channels import Purpose
from sendyard.domain.content import Content, Interactive, Media, TemplateRef
from sendyard.providers.bizgo.extras import BRAND_KEY, Extras
from sendyard.providers.bizgo.items import PHONE, WEB, heading_of
from sendyard.providers.bizgo.spec import BizgoAccount
from sendyard.providers.contract import Problem

_FOOTER = re.compile(r"[0-9-]{1,20}")
_TYPED_LABEL = re.compile(r"^\s*\(광고\)")
_MEDIA = "maapfile://"


def rcs_problems(account: BizgoAccount, extras: Extras, content: Content, purpose: Purpose) -> Iterator[Problem]:
    """Compare one RCS message with what the hub takes."""
    fields = extras.of("rcs")
    if not (extras.plain.get(BRAND_KEY) or account.rcs_brand_key):
        yield Problem("brand_key_missing", "RCS needs the brand's key: set it for the account (BizGO console, RCS).")
    advertising = fields.get("header", "1" if purpose is Purpose.PROMOTIONAL else "0")
    footer = fields.get("footer", account.opt_out_number if purpose is Purpose.PROMOTIONAL else "")
    if advertising == "1" and not _FOOTER.fullmatch(footer):
        yield Problem(
            "opt_out_number_missing",
            "RCS advertising shows a free opt-out number (digits and hyphens, at most 20): set it for the account.",
        )
    if advertising == "0" and footer:
        yield Problem("footer_without_label", "Only RCS advertising has an opt-out number: leave 'rcs.footer' out.")
    if fields.get("header", "0") not in {"0", "1"} or fields.get("copyAllowed", "0") not in {"0", "1"}:
        yield Problem("field_unusable", "Expected 0 or 1 in 'rcs.header' and 'rcs.copyAllowed'.")
    if fields.get("expiryOption", "1") not in {"1", "2", "3", "4"}:
        yield Problem("field_unusable", "Expected 1 (a day), 2 (40 s), 3 (190 s) or 4 (an hour) in 'rcs.expiryOption'.")
    if _TYPED_LABEL.match(content.body):
        yield Problem(
            "advert_label_typed", "RCS shows the advertising label itself: leave '(광고)' out of the text (55701)."
        )
    if not content.body and not isinstance(content, TemplateRef):
        yield Problem("text_empty", "BizGO refuses an empty text: write at least one character.")
    yield from _part_problems(content)


def _part_problems(content: Content) -> Iterator[Problem]:
    if "#{" in heading_of(content):
        yield Problem("place_in_title", "BizGO would fill in '#{…}' in a title: leave it out.")
    items = content.items if isinstance(content, Media) else content.media if isinstance(content, TemplateRef) else ()
    if (items or isinstance(content, Media)) and not (len(items) == 1 and items[0].handle.startswith(_MEDIA)):
        yield Problem("picture_not_uploaded", "RCS carries one picture, uploaded to BizGO first (maapfile://…).")
    if isinstance(content, TemplateRef) and not (content.variables or content.body):
        yield Problem("text_empty", "An RCS format needs its parts: give them as variables, such as description.")
    if isinstance(content, Interactive):
        if content.footer or content.list_label:
            yield Problem("lists_not_carried", "BizGO's RCS carries neither a list nor a footer: leave them out.")
        if not all(choice.id.startswith((*WEB, PHONE)) for choice in content.choices):
            yield Problem(
                "button_without_address", "An RCS button opens a page or calls: give https://… or tel:… as its id."
            )
