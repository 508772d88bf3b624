"""
What BizGO cannot carry: found before anything is sent, each with what to do.
"""

import re
from collections.abc import Iterator

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, TemplateRef, title_of
from sendyard.domain.korean import count_korean
from sendyard.providers.bizgo.extras import NO_EXTRAS, Extras, read_extras
from sendyard.providers.bizgo.kakao_limits import alimtalk_problems, brandmessage_problems
from sendyard.providers.bizgo.numbers import is_korean
from sendyard.providers.bizgo.rcs_limits import rcs_problems
from sendyard.providers.bizgo.spec import (
    INTERNATIONAL_CHARACTERS,
    LMS_BYTES,
    MAX_PICTURES,
    TITLE_BYTES,
    BizgoAccount,
)
from sendyard.providers.contract import Outgoing, Problem

_MOBILE = re.compile(r"\+821[016789]\d{7,8}")
_ABROAD = re.compile(r"\+\d{8,15}")
_SENDER = re.compile(r"\d{8,12}")
_OUR_WORDS = re.compile(r"text\d*(?:_.*)?", re.DOTALL)  # names that `flow` gives to rendered texts


def problems(account: BizgoAccount, outgoing: Outgoing) -> Iterator[Problem]:
    """Go through recipient, sender and every content of the flow, fallbacks included."""
    flow = ((outgoing.channel, outgoing.content), *outgoing.fallback)
    korean = is_korean(outgoing.to.value)
    yield from _recipient_problems(outgoing, korean=korean)
    if not _SENDER.fullmatch(outgoing.sender.replace("-", "")):
        yield Problem(
            "sender_not_a_number",
            f"BizGO needs a registered Korean sender number of 8 to 12 digits, found {outgoing.sender!r}.",
        )
    extras = read_extras(outgoing.registration) if outgoing.registration else NO_EXTRAS
    if extras.wrong:
        yield Problem("registration_unusable", extras.wrong)
    for channel, content in flow:
        yield from _content_problems(account, outgoing, extras, channel, content)


def _recipient_problems(outgoing: Outgoing, *, korean: bool) -> Iterator[Problem]:
    if korean:
        if not _MOBILE.fullmatch(outgoing.to.value):
            yield Problem(
                "not_a_korean_mobile",
                f"In Korea, BizGO reaches mobile numbers (+8210…) only, not {outgoing.to.masked}. Route it through "
                "another account.",
            )
        return
    beyond = [channel for channel in (outgoing.channel, *(hop[0] for hop in outgoing.fallback)) if channel != "sms"]
    if beyond:
        yield Problem(
            "not_a_korean_mobile",
            f"Outside Korea BizGO carries text messages only, not {beyond[0]} to {outgoing.to.masked}: send sms, or "
            "use another account.",
        )
    if not _ABROAD.fullmatch(outgoing.to.value):
        yield Problem("number_not_carried", "BizGO takes numbers of 8 to 15 digits with their country code abroad.")


def _content_problems(
    account: BizgoAccount, outgoing: Outgoing, extras: Extras, channel: Channel, content: Content
) -> Iterator[Problem]:
    if channel is Channel.SMS or channel is Channel.MMS:
        yield from _text_problems(content) if is_korean(outgoing.to.value) else _abroad_problems(content)
        return
    if channel is Channel.ALIMTALK:
        yield from alimtalk_problems(account, extras, content)
    elif channel is Channel.BRANDMESSAGE:
        yield from brandmessage_problems(account, extras, content)
    elif channel is Channel.RCS:
        yield from rcs_problems(account, extras, content, outgoing.purpose)
    else:
        yield Problem(
            "channel_not_carried",
            f"This account cannot carry {channel.value}; use sms, mms, alimtalk, brandmessage or rcs.",
        )
    if isinstance(content, TemplateRef):
        taken = sorted(name for name in content.variables if _OUR_WORDS.fullmatch(name))
        if taken:
            yield Problem(
                "variable_name_taken",
                f"Rename the template variable {taken[0]!r}: BizGO's requests have a field of that name.",
            )


def _text_problems(content: Content) -> Iterator[Problem]:
    title = title_of(content)
    media = content if isinstance(content, Media) else None
    if not content.body:
        yield _EMPTY
    if "#{" in title:
        yield _PLACE_IN_TITLE
    for what, text, limit in (("text", content.body, LMS_BYTES), ("title", title, TITLE_BYTES)):
        count = count_korean(text)
        if count.unencodable:
            found = " ".join(count.unencodable)
            yield Problem(
                "characters_not_in_cp949",
                f"Korean carriers cannot show these characters of the {what}: {found}. Replace them.",
            )
        if count.bytes > limit:
            yield Problem(
                f"{what}_too_long", f"The {what} has {count.bytes} bytes, at most {limit} are carried: shorten it."
            )
    if media is None:
        return
    if not 1 <= len(media.items) <= MAX_PICTURES:
        yield Problem("too_many_pictures", f"An MMS carries one to {MAX_PICTURES} pictures, found {len(media.items)}.")
    if not all(item.handle for item in media.items):
        yield Problem("picture_not_uploaded", "Every picture must be uploaded to BizGO first; it fetches no addresses.")


_EMPTY = Problem("text_empty", "BizGO refuses an empty text: write at least one character.")
_PLACE_IN_TITLE = Problem("place_in_title", "BizGO would fill in '#{…}' in a title: leave it out.")


def _abroad_problems(content: Content) -> Iterator[Problem]:
    """UTF-8, so characters are counted; neither title nor pictures (A321)."""
    if not content.body:
        yield _EMPTY
    if len(content.body) > INTERNATIONAL_CHARACTERS:
        yield Problem(
            "text_too_long",
            f"Texts abroad have at most {INTERNATIONAL_CHARACTERS} characters, found {len(content.body)}: shorten it.",
        )
    if title_of(content):
        yield Problem("title_not_carried", "Messages abroad carry no title: leave it out.")
    if isinstance(content, Media):
        yield Problem("pictures_not_carried", "Messages abroad carry no pictures: put a link into the text.")
