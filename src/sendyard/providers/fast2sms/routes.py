"""
Which route a message takes, what it sends there, and what Fast2SMS would refuse of it.

A template whose name is a number is a Message ID of the DLT Manager (route dlt); the template `otp`, or the very text
that route sends, is a one-time code (route otp); other texts take the account's route. Source: sheet section 2.
"""

import re
from functools import lru_cache

from sendyard.domain.addresses import AddressKind
from sendyard.domain.channels import Purpose
from sendyard.domain.content import TemplateRef, Text
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.fast2sms.spec import Fast2SmsAccount

OTP = "otp"
"""Name of the template that stands for the fixed text of the route otp."""

OTP_TEXT = "Your OTP: "
"""How that text begins; the digits end it."""

_MOBILE = re.compile(r"\+91[6-9][0-9]{9}")
# What a handset shows, XY-HEADER-S: operator and suffix are added on the way and must not be sent.
_SHOWN_SENDER = re.compile(r"(?:[A-Z]{2}-)?([A-Za-z]{3,6}|[0-9]{6})(?:-[PSTG])?")
_UNCARRIED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_MESSAGE_ID = re.compile(r"[0-9]{1,12}")
_DLT_ID = re.compile(r"[0-9]{19}")
_PLACE = re.compile(r"[1-9][0-9]?")
_CODE = re.compile(r"[0-9]{3,10}")


@lru_cache(maxsize=1024)
def header_of(sender: str) -> str:
    """The registered header of a sender as people write it, or "" when it cannot be one."""
    found = _SHOWN_SENDER.fullmatch(sender)
    return found[1] if found else ""


def code_of(outgoing: Outgoing) -> str:
    """The digits of a one-time code that fits the route otp, or ""."""
    content = outgoing.content
    if isinstance(content, TemplateRef):
        return next(iter(content.variables.values()), "") if content.name == OTP else ""
    if outgoing.purpose is Purpose.OTP and isinstance(content, Text) and content.body.startswith(OTP_TEXT):
        digits = content.body.removeprefix(OTP_TEXT)
        return digits if _CODE.fullmatch(digits) else ""
    return ""


def fields_of(account: Fast2SmsAccount, outgoing: Outgoing) -> dict[str, str]:
    """Everything a call says beyond the numbers and our reference."""
    content = outgoing.content
    if code := code_of(outgoing):
        return {"route": "otp", "variables_values": code}
    if isinstance(content, TemplateRef):
        values = content.variables
        ordered = (values[place] for place in sorted(values, key=int)) if len(values) > 1 else values.values()
        fields = {"route": "dlt", "sender_id": header_of(outgoing.sender), "message": content.name}
        return {**fields, "variables_values": "|".join(ordered)} if values else fields
    body = content.body
    if account.text_route == "quick":
        return {"route": "q", "message": body, "language": "english" if body.isascii() else "unicode"}
    fields = {"route": "dlt_manual", "sender_id": header_of(outgoing.sender), "message": body}
    if template := outgoing.registration.get("template_id"):
        fields["template_id"] = template
    if entity := outgoing.registration.get("entity_id") or account.entity_id:
        fields["entity_id"] = entity
    return fields


def problems_of(account: Fast2SmsAccount, outgoing: Outgoing) -> list[Problem]:
    """Everything wrong with one message."""
    found = []
    if outgoing.to.kind is not AddressKind.PHONE or not _MOBILE.fullmatch(outgoing.to.value):
        detail = "Fast2SMS reaches Indian mobiles only (+91 and ten digits, the first 6 to 9); route others elsewhere."
        found.append(Problem(ErrorKind.UNSUPPORTED, detail))
    content = outgoing.content
    if not isinstance(content, Text | TemplateRef):
        return [
            *found,
            Problem(ErrorKind.UNSUPPORTED, "Fast2SMS carries texts and templates only; leave out the rest."),
        ]
    found += _template(content) if isinstance(content, TemplateRef) else _text(content.body)
    by_quick = isinstance(content, Text) and account.text_route == "quick"
    if by_quick and outgoing.purpose is Purpose.PROMOTIONAL:
        detail = (
            "The quick route is not for offers (998); send by a DLT template or set the account's route to dlt_manual."
        )
        found.append(Problem(ErrorKind.UNSUPPORTED, detail))
    if not by_quick and not code_of(outgoing) and not header_of(outgoing.sender):
        detail = (
            f"Expected a DLT header of 3 to 6 letters (promotional: 6 digits) as sender, found {outgoing.sender!r}."
        )
        found.append(Problem(ErrorKind.NOT_REGISTERED, detail))
    for name in ("entity_id", "template_id"):
        given = outgoing.registration.get(name, "")
        if given and not _DLT_ID.fullmatch(given):
            detail = f"Expected 19 digits as DLT {name}, found {given!r}; copy it from the DLT portal."
            found.append(Problem("registration", detail))
    return found


def _text(body: str) -> list[Problem]:
    if not body.strip():
        return [Problem(ErrorKind.CONTENT_REJECTED, "The text is empty; write something.")]
    if uncarried := _UNCARRIED.search(body):
        position, char = uncarried.start() + 1, ord(uncarried.group())
        detail = f"The text contains the control character U+{char:04X} at position {position}; remove it."
        return [Problem(ErrorKind.CONTENT_REJECTED, detail)]
    return []


def _template(content: TemplateRef) -> list[Problem]:
    if content.name == OTP:
        if len(content.variables) == 1 and all(map(_CODE.fullmatch, content.variables.values())):
            return []
        detail = "The route otp takes one variable of digits only (997); give it the code alone."
        return [Problem("otp_code", detail)]
    found = []
    if not _MESSAGE_ID.fullmatch(content.name):
        detail = (
            f"Expected the numeric Message ID from the DLT Manager of the Fast2SMS panel, found {content.name!r}; "
            "it is neither the text nor the 19-digit DLT template id."
        )
        found.append(Problem("message_id", detail))
    names = content.variables.keys()
    if not all(map(_PLACE.fullmatch, names)) or sorted(map(int, names)) != list(range(1, len(names) + 1)):
        detail = "Expected the variables 1, 2, … in the order of the template; name them so."
        found.append(Problem("variable_names", detail))
    for name, value in content.variables.items():
        if not value.strip() or "|" in value or _UNCARRIED.search(value):
            detail = (
                f"The variable {name} is empty or holds '|' or a control character; Fast2SMS separates values by '|'."
            )
            found.append(Problem("variable_value", detail))
    return found
