"""
Taiwan: the sender's name in every SMS, registered addresses and numbers, and promotional hours.
"""

import re
from collections.abc import Iterator

from sendyard.domain.channels import Channel
from sendyard.domain.countries.courtesy import courtesy_rule
from sendyard.domain.countries.hours import clock, daily, first_open
from sendyard.domain.countries.links import (
    CHAT_HOSTS,
    PUBLIC_SHORTENERS,
    find_numbers,
    find_urls,
    host_of,
    is_allowed_number,
    is_allowed_url,
    outside,
)
from sendyard.domain.countries.rules import PROMOTIONAL, Aspect, Finding, Level, Need, Pack, Rule, Source, Waiver
from sendyard.domain.countries.situation import ConsentKind, Situation

ZONE = "Asia/Taipei"
PROMOTIONAL_HOURS = daily("09:00-12:30", "13:30-21:00")

_SMS = frozenset({Channel.SMS})
_IDENTITY = Source("Carriers' sender identity rule (簡訊實名制)", "", "", "2025-11-01")
_ADDRESSES = Source(
    "Fraud Crime Hazard Prevention Act (詐欺犯罪危害防制條例)",
    "§14(2)",
    "https://finance.ettoday.net/news/2854095",
    "2024-11-18",
)
_SHORT_CODES = Source("Government short code 111", "", "https://www.cio.com.tw/93016", "2025-06")
_GUIDELINE = Source("A carrier partner's SMS guideline for Taiwan")

_FIRST_WORDS = 8
"""Characters within which a name counts as the first words; a greeting or bracket may stand before it."""


_FULL_WIDTH = re.compile("[！-～]")
_TO_HALF_WIDTH = {code: code - 0xFEE0 for code in range(ord("！"), ord("～") + 1)}


def _look_width(situation: Situation) -> Iterator[Finding]:
    words, text = situation.sender.identity_words, situation.text
    if not _FULL_WIDTH.search(text) or any(word in text for word in words):
        return
    plain = text.translate(_TO_HALF_WIDTH)
    for word in words:
        at = plain.find(word)
        if at >= 0:
            end = at + len(word)
            yield Finding(
                f"Latin letters of the sender's name must be half-width: expected {word!r}, found "
                f"{text[at:end]!r}. They are rewritten.",
                fixed=text[:at] + word + text[end:],
                span=(at, end),
            )
            return


def _look_identity(situation: Situation) -> Iterator[Finding]:
    words, text = situation.sender.identity_words, situation.text
    if not words:
        yield Finding(
            "Every SMS to Taiwan names its sender by a word the carriers have approved, and none is configured. "
            "Enter the approved name in the sender's settings; texts without it are blocked by the carriers.",
            level=Level.WARN,
            kind="unconfigured",
        )
    elif not any(word in text for word in words):
        yield Finding(
            f"Every SMS to Taiwan names its sender; expected {' or '.join(words)}, found neither at the start nor "
            f"later. 【{words[0]}】 is put in front.",
            fixed=f"【{words[0]}】{text}",
        )


def _look_identity_place(situation: Situation) -> Iterator[Finding]:
    words, text = situation.sender.identity_words, situation.text
    places = [text.find(word) for word in words if word in text]
    if places and min(places) > _FIRST_WORDS:
        at = min(places)
        yield Finding(
            f"The sender's name stands at character {at + 1}; carriers recommend it as the first words. Begin with "
            f"【{words[0]}】.",
            span=(at, at + 1),
        )


def _look_urls(situation: Situation) -> Iterator[Finding]:
    allowed = situation.allowed.urls
    for found in find_urls(situation.text):
        span = (found.start, found.end)
        if allowed is not None and is_allowed_url(found.value, allowed):
            continue
        if host_of(found.value) in PUBLIC_SHORTENERS:
            yield Finding(
                f"{found.value} is a public short address, which is not sent to Taiwan. Use a registered address of "
                "your own.",
                span=span,
                kind="shortener",
            )
        elif allowed is None:
            yield Finding(
                f"Addresses in SMS to Taiwan must be registered beforehand; nobody has entered the list here, so "
                f"{found.value} is not checked. Enter the registered addresses.",
                level=Level.WARN,
                span=span,
            )
        else:
            yield Finding(
                f"{found.value} is not among the registered addresses, so it is not sent. Register it with the "
                "provider and enter it here, or remove it.",
                span=span,
            )


def _look_numbers(situation: Situation) -> Iterator[Finding]:
    allowed = situation.allowed.numbers
    urls = [(one.start, one.end) for one in find_urls(situation.text)]
    for found in outside(find_numbers(situation.text, "TW"), urls):
        if allowed is None:
            yield Finding(
                f"Telephone numbers in SMS to Taiwan must be registered beforehand; nobody has entered the list "
                f"here, so {found.value} is not checked. Enter the registered numbers.",
                level=Level.WARN,
                span=(found.start, found.end),
            )
        elif not is_allowed_number(found.value, allowed, "TW"):
            yield Finding(
                f"{found.value} is not among the registered numbers, so it is not sent. Register it with the "
                "provider and enter it here, or remove it.",
                span=(found.start, found.end),
            )


_OFFICIAL = ("111", "165", "1922")
# At the start, in name brackets, or with the words of an office. "Call 165" further on is advice, 111年 is a year.
_POSING = re.compile(
    r"\A\s*[\[(（<《]?\s*(?:111|165|1922)(?![\d,.:/\-年月元號人])|【\s*(?:111|165|1922)\D{0,8}】|(?:111|165|1922)\s?(?:政府|官方|簡訊平台|短碼)"
)


def _look_official(situation: Situation) -> Iterator[Finding]:
    if situation.sender.value in _OFFICIAL:
        yield Finding(
            f"{situation.sender.value} belongs to the government and cannot be a sender. Choose your own sender.",
            kind="sender",
        )
    if found := _POSING.search(situation.text):
        yield Finding(
            f"{found[0].strip()!r} makes the message look as if the government's {', '.join(_OFFICIAL)} had sent it. "
            "Remove it.",
            span=found.span(),
        )


_TOPICS = re.compile(
    r"槍|彈藥|賭|博弈|博彩|娛樂城|成人|情色|援交|貸款|借貸|借錢|選舉|投票給|毒品|大麻|威士忌|啤酒|紅酒|酒類|\bcasino\b|\bloans?\b",
    re.IGNORECASE,
)


def _look_topics(situation: Situation) -> Iterator[Finding]:
    if found := _TOPICS.search(situation.text):
        yield Finding(
            f"{found[0]!r} may fall under content that routes to Taiwan refuse: weapons, gambling, adult, loans, "
            "politics, religion, drugs, alcohol. Ask the provider before sending.",
            span=found.span(),
        )


def _look_chats(situation: Situation) -> Iterator[Finding]:
    for found in find_urls(situation.text):
        if host_of(found.value) in CHAT_HOSTS:
            yield Finding(
                f"{found.value} opens a private chat, which some routes to Taiwan refuse. Link to your own page "
                "instead.",
                span=(found.start, found.end),
            )


_REFUSE = re.compile(r"退訂|取消訂閱|拒收|停止接收|\bSTOP\b|\bTD\b|不再收到", re.IGNORECASE)


def _look_refuse(situation: Situation) -> Iterator[Finding]:
    if not _REFUSE.search(situation.text):
        yield Finding(
            "The text does not say how to refuse further advertising. No statute with words for it was found; add "
            "for example 回覆「退訂」停止接收, or a number where replies are not possible."
        )


def _look_consent(situation: Situation) -> Iterator[Finding]:
    if not situation.consent(ConsentKind.MARKETING, ConsentKind.WRITTEN):
        yield Finding(
            "No consent to advertising is recorded, and the personal data act asks for a basis to use the number. "
            "Record it."
        )


def _look_hours(situation: Situation) -> Iterator[Finding]:
    until = first_open(PROMOTIONAL_HOURS, (ZONE,), situation.at)
    if until and until > situation.at:
        yield Finding(
            f"Advertising to Taiwan goes out 09:00–12:30 and 13:30–21:00 Taipei time; it is "
            f"{clock(situation.at, ZONE)} there. It waits until {clock(until, ZONE)}.",
            until=until,
        )


RULES = (
    Rule(
        id="tw.official_sender",
        what="Nobody poses as the government's 111, 165 or 1922.",
        source=_SHORT_CODES,
        level=Level.BLOCK,
        aspect=Aspect.CONTENT,
        satisfy="Remove the code from sender and opening words.",
        waiver=Waiver.OWNER,
        look=_look_official,
        channels=_SMS,
    ),
    Rule(
        id="tw.url_allow_list",
        what="Addresses in an SMS are registered beforehand; public short ones are not sent.",
        source=_ADDRESSES,
        level=Level.BLOCK,
        aspect=Aspect.CONTENT,
        satisfy="Register the address with the provider and enter it here.",
        waiver=Waiver.OWNER,
        look=_look_urls,
        channels=_SMS,
    ),
    Rule(
        id="tw.number_allow_list",
        what="Telephone numbers in an SMS are registered beforehand.",
        source=_ADDRESSES,
        level=Level.BLOCK,
        aspect=Aspect.CONTENT,
        satisfy="Register the number with the provider and enter it here.",
        waiver=Waiver.OWNER,
        look=_look_numbers,
        channels=_SMS,
    ),
    Rule(
        id="tw.chat_link",
        what="No addresses of private chats.",
        source=_GUIDELINE,
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Link to your own page.",
        waiver=Waiver.MANAGER,
        look=_look_chats,
        channels=_SMS,
        uncertain=True,
    ),
    Rule(
        id="tw.topics",
        what="No weapons, gambling, adult content, loans, politics, religion, drugs or alcohol.",
        source=_GUIDELINE,
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Ask the provider before sending.",
        waiver=Waiver.MANAGER,
        look=_look_topics,
        channels=_SMS,
        uncertain=True,
    ),
    Rule(
        id="tw.identity_place",
        what="The sender's name stands at the start.",
        source=_IDENTITY,
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Begin the text with the name.",
        waiver=Waiver.MANAGER,
        look=_look_identity_place,
        channels=_SMS,
    ),
    Rule(
        id="tw.refusal",
        what="Advertising says how to refuse more.",
        source=Source("Sendyard house rule"),
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Add the words.",
        waiver=Waiver.MANAGER,
        look=_look_refuse,
        channels=_SMS,
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    Rule(
        id="tw.identity_width",
        what="Latin letters of the sender's name are half-width.",
        source=_IDENTITY,
        level=Level.FIX,
        aspect=Aspect.CONTENT,
        satisfy="Nothing to do: the letters are rewritten.",
        waiver=Waiver.NOBODY,
        look=_look_width,
        channels=_SMS,
    ),
    Rule(
        id="tw.identity",
        what="Every SMS names its sender by a word the carriers approved.",
        source=_IDENTITY,
        level=Level.FIX,
        aspect=Aspect.CONTENT,
        satisfy="Enter the approved name in the sender's settings; it is put in front.",
        waiver=Waiver.OWNER,
        look=_look_identity,
        channels=_SMS,
    ),
    Rule(
        id="tw.consent",
        what="Advertising has a recorded consent.",
        source=Source("Personal Data Protection Act (個人資料保護法)"),
        level=Level.WARN,
        aspect=Aspect.CONSENT,
        satisfy="Record when and how the person agreed.",
        waiver=Waiver.MANAGER,
        look=_look_consent,
        purposes=PROMOTIONAL,
        needs=frozenset({Need.CONSENTS}),
        uncertain=True,
    ),
    Rule(
        id="tw.hours",
        what="No advertising 12:30–13:30 and 21:00–09:00 Taipei time.",
        source=_GUIDELINE,
        level=Level.DEFER,
        aspect=Aspect.TIME,
        satisfy="Let it wait for the next opening.",
        waiver=Waiver.MANAGER,
        look=_look_hours,
        channels=_SMS,
        purposes=PROMOTIONAL,
        uncertain=True,
    ),
    courtesy_rule("tw", ZONE),
)

PACK = Pack("tw", "Taiwan", frozenset({"TW"}), RULES)
