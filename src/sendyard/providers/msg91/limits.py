"""
What MSG91 cannot carry, or would carry badly without a word: found before anything is sent.
"""

import re
from collections.abc import Iterator

from sendyard.domain.channels import Purpose
from sendyard.domain.content import TemplateRef
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.msg91.spec import TEMPLATE_ID, Msg91Account

_MOBILE = re.compile(r"\+91[6-9][0-9]{9}")
_HEADER = re.compile(r"[A-Za-z]{3,8}|[0-9]{6}")
_DLT_ID = re.compile(r"[0-9]{19}")
_VARIABLE = re.compile(r"[A-Za-z0-9_]+")
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAKEN = frozenset({"mobiles", "mobile", "CRQID", "UUID"})
"""Names that mean something else beside the variables of a recipient (sheet, section 3)."""


def problems(account: Msg91Account, outgoing: Outgoing) -> Iterator[Problem]:
    """Go through recipient, sender, registration, template and values."""
    if not _MOBILE.fullmatch(outgoing.to.value):
        yield Problem(
            "not_an_indian_mobile",
            f"MSG91 reaches Indian mobile numbers here (+91 and ten digits from 6 to 9), not {outgoing.to.masked}; "
            "route others elsewhere.",
        )
    yield from _sender_problems(outgoing)
    registered = outgoing.registration.get("template_id", "")
    if registered and not _DLT_ID.fullmatch(registered):
        yield Problem(
            "dlt_template_id",
            f"A DLT template id has 19 digits, found {registered!r}; copy it from the DLT portal.",
        )
    if isinstance(outgoing.content, TemplateRef):
        yield from _template_problems(account, outgoing.content)
    else:
        yield Problem(
            "template_needed",
            "MSG91 sends registered templates only: choose a template and fill its variables.",
        )


def _sender_problems(outgoing: Outgoing) -> Iterator[Problem]:
    sender = outgoing.sender
    if not sender:
        return
    if not _HEADER.fullmatch(sender):
        yield Problem(
            "sender_not_a_header",
            f"MSG91 needs the bare DLT header, six letters or digits such as ACMEIN, found {sender!r}; "
            "the operator adds prefix and suffix.",
        )
    elif sender.isdigit() and outgoing.purpose is not Purpose.PROMOTIONAL:
        yield Problem(
            "header_is_promotional",
            f"The numeric header {sender} carries promotional messages only; use a header of letters.",
        )


def _template_problems(account: Msg91Account, content: TemplateRef) -> Iterator[Problem]:
    if not TEMPLATE_ID.fullmatch(content.name):
        yield Problem(
            "template_id",
            f"MSG91's template id has 24 hexadecimal characters, found {content.name!r}; copy it from MSG91, "
            "SMS > Templates (19 digits are the DLT portal's id).",
        )
    if content.media:
        yield Problem("media_not_carried", "MSG91 carries text only; leave the file out or put a link in a variable.")
    for name, value in content.variables.items():
        if name in _TAKEN or not _VARIABLE.fullmatch(name):
            yield Problem(
                "variable_name",
                f"MSG91 cannot fill a variable named {name!r}; name it with letters, digits and _ (not "
                f"{', '.join(sorted(_TAKEN))}).",
            )
        if found := _value_problem(value, account.value_limit):
            yield Problem("variable_value", f"The value of {name!r} {found}")


def _value_problem(value: str, limit: int) -> str:
    if _SURROGATE.search(value):
        return "holds half a character (a lone surrogate); write it again."
    if not limit:
        return ""
    if "\n" in value or "\r" in value or "<" in value or ">" in value:
        return "holds a line break or an angle bracket, which operators refuse in a variable; take it out."
    if "{#" in value:
        return "holds {#, which stands for a variable on the DLT portal; put a real value."
    if len(value) > limit and not _LINK.fullmatch(value):
        return (
            f"has {len(value)} characters, and operators take {limit}; shorten it, or split it over two variables "
            "that follow each other in the template."
        )
    return ""
