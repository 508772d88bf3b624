"""
What BizGO cannot carry: found before anything is sent, each with what to do.
"""

import re
from collections.abc import Iterator

from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, TemplateRef, title_of
from sendyard.domain.korean import count_korean
from sendyard.providers.bizgo.spec import ALIMTALK_CHARACTERS, LMS_BYTES, MAX_PICTURES, SENDER_KEY, TITLE_BYTES
from sendyard.providers.contract import Outgoing, Problem

_MOBILE = re.compile(r"\+821[016789]\d{7,8}")
_SENDER = re.compile(r"\d{8,12}")
_OUR_WORDS = re.compile(r"text\d*")  # names that `flow` gives to rendered texts


def problems(outgoing: Outgoing) -> Iterator[Problem]:
    """Go through recipient, sender and every content of the flow, fallbacks included."""
    if not _MOBILE.fullmatch(outgoing.to.value):
        yield Problem(
            "not_a_korean_mobile",
            f"BizGO reaches Korean mobile numbers (+8210…) only, not {outgoing.to.masked}. Route it through another "
            "account.",
        )
    if not _SENDER.fullmatch(outgoing.sender.replace("-", "")):
        yield Problem(
            "sender_not_a_number",
            f"BizGO needs a registered Korean sender number of 8 to 12 digits, found {outgoing.sender!r}.",
        )
    yield from _content_problems(outgoing, outgoing.channel, outgoing.content)
    for channel, content in outgoing.fallback:
        yield from _content_problems(outgoing, channel, content)


def _content_problems(outgoing: Outgoing, channel: Channel, content: Content) -> Iterator[Problem]:
    if channel is Channel.ALIMTALK:
        yield from _template_problems(outgoing, content)
    elif channel in {Channel.SMS, Channel.MMS}:
        yield from _text_problems(content)
    else:
        yield Problem("channel_not_carried", f"This account cannot carry {channel.value}; use sms, mms or alimtalk.")


def _template_problems(outgoing: Outgoing, content: Content) -> Iterator[Problem]:
    if not isinstance(content, TemplateRef):
        yield Problem("template_needed", "AlimTalk carries approved templates only: name the template.")
        return
    if not outgoing.registration.get(SENDER_KEY):
        yield Problem(
            "sender_key_missing", "AlimTalk needs the Kakao channel's sender key: add it to the sender's registration."
        )
    if len(content.body) > ALIMTALK_CHARACTERS:
        yield Problem(
            "text_too_long", f"AlimTalk takes {ALIMTALK_CHARACTERS} characters, found {len(content.body)}: shorten it."
        )
    taken = sorted(name for name in content.variables if _OUR_WORDS.fullmatch(name))
    if taken:
        yield Problem(
            "variable_name_taken", f"Rename the template variable {taken[0]!r}: the name is used by the wire."
        )


def _text_problems(content: Content) -> Iterator[Problem]:
    title = title_of(content)
    media = content if isinstance(content, Media) else None
    if not content.body:
        yield Problem("text_empty", "BizGO refuses an empty text: write at least one character.")
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
