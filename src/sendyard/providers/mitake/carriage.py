"""
What Mitake's wire can carry: one line per message, `$$` between fields, 0x06 for a line break.

Source: specification 2.14, chapters SmSend (`smbody`) and SmBulkSend.
"""

import re

from sendyard.domain.content import Content
from sendyard.domain.errors import ErrorKind
from sendyard.domain.parts import count_gsm
from sendyard.providers.contract import Problem

# A line feed is carried; a lone surrogate is not a character and has no bytes.
_UNCARRIED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST_RESPONSE_URL = 256


def body_of(content: Content) -> str:
    """The text with every line break as the one byte 0x06, so that no text can begin a record of its own."""
    return content.body.replace("\r\n", "\x06").replace("\r", "\x06").replace("\n", "\x06")


def response_url(callback_url: str) -> str:
    """Where reports go; none for an address Mitake would not take whole, polling finds those reports."""
    url = callback_url.replace("$", "%24")  # two of them would be a field's end
    return url if len(url) <= _LONGEST_RESPONSE_URL else ""


def text_problems(body: str, *, long_sms: bool) -> list[Problem]:
    """Why a text would not arrive exactly as written; `long_sms`: the account may send more than one part."""
    if not body.strip():
        detail = "The text is empty; Mitake refuses empty messages, so write something."
    elif "$$" in body:
        detail = "The text contains $$, which separates fields on Mitake's wire; put a space between, or drop one."
    elif "\r" in body:
        detail = "The text contains a carriage return; write each line break as a line feed, which is how it arrives."
    elif found := _UNCARRIED.search(body):
        position, char = found.start() + 1, ord(found.group())
        detail = f"The text contains the control character U+{char:04X} at position {position}; remove it."
    elif not long_sms and (parts := count_gsm(body).parts) > 1:
        detail = (
            f"The text needs {parts} parts and this Mitake account may send one, so Mitake would cut it off; "
            'shorten it, or ask Mitake for long messages and then turn on "Long messages" for the account.'
        )
        return [Problem(ErrorKind.UNSUPPORTED, detail)]
    else:
        return []
    return [Problem(ErrorKind.CONTENT_REJECTED, detail)]
