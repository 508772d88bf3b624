"""
What 2Factor would refuse, or accept and never deliver, and what can be known before it is asked.
"""

import re
from functools import lru_cache

from sendyard.domain.addresses import AddressKind
from sendyard.domain.content import TemplateRef, Text
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.twofactor.one_time import CODE, is_code
from sendyard.providers.twofactor.spec import TwoFactorAccount

_MOBILE = re.compile(r"\+91[6-9][0-9]{9}")
# What a handset shows, XY-HEADER-S: operator and suffix are added on the way and must not be sent.
_SHOWN_SENDER = re.compile(r"(?:[A-Z]{2}-)?([A-Za-z]{3,8}|[0-9]{6})(?:-[PSTG])?")
_UNCARRIED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_VARIABLE = re.compile(r"(?:VAR)?([1-9][0-9]?)")
_MOST_VARIABLES = 10  # classic accounts take 5, newer ones more; 10 is the most that was seen


@lru_cache(maxsize=1024)
def header_of(sender: str) -> str:
    """The registered header of a sender as people write it, or "" when it cannot be one."""
    found = _SHOWN_SENDER.fullmatch(sender)
    return found[1] if found else ""


def variables_of(content: TemplateRef) -> list[tuple[str, str]]:
    """`VAR1`, `VAR2`, … with their values; names may be given as `1` or `VAR1`."""
    given = content.variables
    return [(name if name.startswith("VAR") else f"VAR{name}", given[name]) for name in given]


def is_one_time_code(outgoing: Outgoing) -> bool:
    """Whether a message leaves by the OTP product: a template whose only variable is `otp`."""
    return isinstance(outgoing.content, TemplateRef) and outgoing.content.variables.keys() == {CODE}


def problems_of(account: TwoFactorAccount, outgoing: Outgoing) -> list[Problem]:
    """Everything wrong with one message."""
    found = []
    if outgoing.to.kind is not AddressKind.PHONE or not _MOBILE.fullmatch(outgoing.to.value):
        detail = (
            "2Factor reaches Indian mobile numbers only (+91 and ten digits, the first 6 to 9); route others elsewhere."
        )
        found.append(Problem(ErrorKind.UNSUPPORTED, detail))
    content = outgoing.content
    if not isinstance(content, Text | TemplateRef):
        return [*found, Problem(ErrorKind.UNSUPPORTED, "2Factor carries texts and templates only; leave out the rest.")]
    if isinstance(content, TemplateRef):
        found += _template(content)
        if CODE in content.variables:
            return found + _one_time(content)
        if account.product == "promotional" and account.interface == "v1":
            detail = (
                "Promotional messages of interface v1 are plain texts; send the text itself, or choose interface r1."
            )
            found.append(Problem(ErrorKind.UNSUPPORTED, detail))
    else:
        found += _text(content.body)
    if account.product == "otp":
        detail = (
            "This account sends one-time codes only; use a template with the one variable 'otp', or another product."
        )
        found.append(Problem(ErrorKind.UNSUPPORTED, detail))
    if not header_of(outgoing.sender):
        detail = f"Expected a DLT header such as ACMEIN (promotional: six digits) as sender, found {outgoing.sender!r}."
        found.append(Problem(ErrorKind.NOT_REGISTERED, detail))
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
    found = []
    if not content.name.strip() or set(content.name) & set("/?#") or _UNCARRIED.search(content.name):
        detail = f"Expected a template name without '/', '?' and '#', found {content.name!r}; rename it in the panel."
        found.append(Problem("template_name", detail))
    for name, value in content.variables.items():
        if not value.strip() or _UNCARRIED.search(value):
            detail = f"The variable {name} is empty or holds a control character; give it a plain value."
            found.append(Problem("variable_value", detail))
    if CODE not in content.variables:
        places = [_VARIABLE.fullmatch(name) for name in content.variables]
        numbers = sorted(int(place[1]) for place in places if place)
        if len(places) > _MOST_VARIABLES or numbers != list(range(1, len(places) + 1)):
            detail = f"Expected the variables VAR1, VAR2, … (at most {_MOST_VARIABLES}), or 'otp' alone; name them so."
            found.append(Problem("variable_names", detail))
    return found


def _one_time(content: TemplateRef) -> list[Problem]:
    if len(content.variables) > 1 or not is_code(content.variables[CODE]):
        detail = "A one-time code is the only variable of its template and has four to six digits; shorten it."
        return [Problem("otp_code", detail)]
    return []
