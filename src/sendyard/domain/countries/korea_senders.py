"""
Korean sender numbers: which forms exist, and that they are registered before use. Never rewritten, only judged.
"""

import re
from collections.abc import Iterator

from sendyard.domain.countries.rules import TEXTS, Aspect, Finding, Level, Rule, Source, Waiver
from sendyard.domain.countries.situation import Registration, Situation

_SENDERS = Source(
    "Telecommunications Business Act (전기통신사업법)",
    "Art. 84-2",
    "https://sms.posbank.co.kr/sub_580.html?idx=423&job=view",
    "2015-10-16",
)
_SENDER_FORM = Source("KISA guideline on sender numbers", "", "https://solapi.zendesk.com/hc/ko/articles/360021357793")

_SENDER_FORMS = (
    re.compile(r"010\d{8}"),
    re.compile(r"01[16789]\d{7,8}"),
    re.compile(r"02\d{7,8}"),
    re.compile(r"0(?:3[1-3]|4[1-4]|5[1-5]|6[1-4])\d{7,8}"),
    re.compile(r"0[78]0\d{7,8}"),
    re.compile(r"060\d{7,8}"),
    re.compile(r"030\d{8,9}"),
    re.compile(r"1[4568]\d{6}"),
)
_SPECIAL = re.compile(r"1\d{2,3}")


def _look_sender_form(situation: Situation) -> Iterator[Finding]:
    value = situation.sender.value
    if not value:
        return
    digits = re.sub(r"[\s\-.()]", "", value)
    if value.startswith("+"):
        yield Finding(
            f"A Korean sender is written in its national form, found {value}. Enter it as it was registered, such as "
            "02-123-4567 or 1588-1234, without country code."
        )
    elif _SPECIAL.fullmatch(digits) and situation.sender.registration is Registration.APPROVED:
        return
    elif digits.startswith("050"):
        yield Finding(
            f"Forwarding numbers (050) can no longer be registered as senders, found {value}. Use another number.",
            level=Level.WARN,
            kind="forwarding",
        )
    elif not any(form.fullmatch(digits) for form in _SENDER_FORMS):
        yield Finding(
            f"Expected a Korean sender number: a landline with area code, 010 with 11 digits, 070 or 080, or a "
            f"nationwide number of exactly 8 digits (15xx, 16xx, 18xx); found {value!r:.30}. Correct it."
        )


def _look_registration(situation: Situation) -> Iterator[Finding]:
    state, value = situation.sender.registration, situation.sender.value
    if not value or state is Registration.APPROVED:
        return
    if state is Registration.UNKNOWN:
        yield Finding(
            f"Nobody has confirmed that sender {value} is registered with the relay; unregistered ones are blocked. "
            "Record the registration.",
            level=Level.WARN,
        )
    else:
        yield Finding(
            f"Sender {value} must be registered with the relay before use, and its registration is {state.value}. "
            "Register it with the proof of subscription (통신서비스 이용증명원), or choose another sender."
        )


SENDER_RULES = (
    Rule(
        id="kr.sender_form",
        what="A sender is a Korean number in its national form.",
        source=_SENDER_FORM,
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy="Enter the number as registered: 8 to 11 digits, nationwide numbers without area code.",
        waiver=Waiver.OWNER,
        look=_look_sender_form,
        channels=TEXTS,
    ),
    Rule(
        id="kr.sender_registered",
        what="A sender number is registered with the relay before use.",
        source=_SENDERS,
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy="Register the number with the relay and record it.",
        waiver=Waiver.OWNER,
        look=_look_registration,
        channels=TEXTS,
    ),
)
