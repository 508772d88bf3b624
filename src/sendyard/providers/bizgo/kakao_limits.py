"""
What Kakao's two channels demand: AlimTalk (approved templates only) and brand messages (advertising).

Sources: sheet sections 4.5 and 4.6.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sendyard.domain.content import Content, Interactive, Media, TemplateRef
from sendyard.providers.bizgo.extras import SENDER_KEY, TARGETING, Extras
from sendyard.providers.bizgo.items import WEB, heading_of
from sendyard.providers.bizgo.spec import ALIMTALK_CHARACTERS, BRAND_CHARACTERS, BizgoAccount
from sendyard.providers.contract import Problem

_ALIMTALK_LONGEST = {"title": 50, "header": 16}
_BRAND_LONGEST = {
    "header": 20,
    "additionalContent": 34,
    "groupTagKey": 40,
    "unsubscribePhoneNumber": 13,
    "unsubscribeAuthNumber": 10,
}
_BRAND_TYPES = ("FT", "FI", "FW", "FL", "FP", "FM", "FC", "FA", "FG")
_WITH_PICTURE = frozenset({"FI", "FW", "FM"})
_LABELLED = frozenset({"FL", "FC", "FA"})  # adFlag must be Y
_MOST_BUTTONS = 5
_BUTTON_NAME = 28
_LINK_CHARACTERS = 1000


def alimtalk_problems(account: BizgoAccount, extras: Extras, content: Content) -> Iterator[Problem]:
    """Compare one AlimTalk message with what Kakao takes; its approved text is the catalogue's to compare."""
    if not isinstance(content, TemplateRef):
        yield Problem("template_needed", "AlimTalk carries approved templates only: name the template.")
        return
    yield from _sender_key_problems(account, extras)
    if len(content.body) > ALIMTALK_CHARACTERS:
        yield Problem(
            "text_too_long", f"AlimTalk takes {ALIMTALK_CHARACTERS} characters, found {len(content.body)}: shorten it."
        )
    fields = extras.of("alimtalk")
    if fields and not content.body:
        yield Problem(
            "fields_need_text",
            "BizGO writes title and buttons itself when only the template is named: give the whole text beside them.",
        )
    yield from _length_problems("AlimTalk", fields, _ALIMTALK_LONGEST)
    yield from _alimtalk_values(fields)


def _alimtalk_values(fields: Mapping[str, Any]) -> Iterator[Problem]:
    if fields.get("msgType", "AT") not in {"AT", "AI"}:
        yield _wrong("alimtalk.msgType", "AT (text) or AI (picture)")
    if fields.get("responseMethod", "push") not in {"push", "polling"}:
        yield _wrong("alimtalk.responseMethod", "push or polling")
    timeout = fields.get("timeout", "180")
    if not (timeout.isascii() and timeout.isdigit() and 10 <= int(timeout) <= 86_400):
        yield _wrong("alimtalk.timeout", "10 to 86400 seconds")
    attachment = fields.get("attachment", {})
    buttons = _listed(attachment, "button")
    if not all(_named(button) for button in buttons):
        yield _wrong("alimtalk.attachment", "a type and a name for every button")
    highlight = _mapping(attachment.get("itemHighlight"))
    with_picture = fields.get("msgType") == "AI"
    for name, most in (("title", 21 if with_picture else 30), ("description", 13 if with_picture else 19)):
        if len(str(highlight.get(name, ""))) > most:
            yield _wrong("alimtalk.attachment", f"at most {most} characters in the highlight's {name}")
    items = _listed(attachment.get("item"), "list")
    if items and not 2 <= len(items) <= 10:
        yield _wrong("alimtalk.attachment", "2 to 10 entries in the item list")
    replies = _listed(fields.get("supplement"), "quickReply")
    if not all(_named(reply) and len(str(reply["name"])) <= 14 for reply in replies):
        yield _wrong("alimtalk.supplement", "a type and a name of at most 14 characters for every quick reply")


def brandmessage_problems(account: BizgoAccount, extras: Extras, content: Content) -> Iterator[Problem]:
    """Compare one brand message with what Kakao takes."""
    yield from _sender_key_problems(account, extras)
    fields = extras.of("brandmessage")
    targeting = extras.plain.get(TARGETING) or account.targeting
    if targeting not in {"", "M", "N", "O", "I"}:
        yield _wrong(TARGETING, "M, N, O or I")
    if isinstance(content, TemplateRef):
        if not targeting:
            yield Problem(
                "targeting_missing",
                "Templates of brand messages need an audience (M, N, O or I): set it for the account.",
            )
        return
    yield from _free_problems(fields, content)
    if "#{" in heading_of(content):
        yield Problem("place_in_title", "BizGO would fill in '#{…}' in a title: leave it out.")
    yield from _length_problems("A brand message", {"header": heading_of(content), **fields}, _BRAND_LONGEST)
    yield from _button_problems(fields, content)


def _free_problems(fields: Mapping[str, Any], content: Content) -> Iterator[Problem]:
    kind = fields.get("msgType", "FI" if isinstance(content, Media) else "FT")
    if kind not in _BRAND_TYPES:
        yield _wrong("brandmessage.msgType", f"one of {', '.join(_BRAND_TYPES)}")
    most = BRAND_CHARACTERS.get(kind, 0)
    if most and not content.body:
        yield Problem("text_empty", "BizGO refuses an empty text: write at least one character.")
    if most and len(content.body) > most:
        yield Problem("text_too_long", f"A brand message of type {kind} takes {most} characters: shorten it.")
    flag = fields.get("adFlag", "Y")
    if flag not in {"Y", "N"} or (flag == "N" and kind in _LABELLED):
        yield _wrong("brandmessage.adFlag", "Y or N, and Y for FL, FC and FA")
    attachment = fields.get("attachment", {})
    yield from _picture_problems(kind, attachment, content)
    if kind in {"FC", "FA"} and not 2 <= len(_listed(fields.get("carousel"), "list")) <= 10:
        yield _wrong("brandmessage.carousel", "2 to 10 cards")
    if kind == "FG" and not 3 <= len(_listed(attachment.get("catalog"), "list")) <= 7:
        yield _wrong("brandmessage.attachment", "a catalogue of 3 to 7 items")


def _picture_problems(kind: str, attachment: Mapping[str, Any], content: Content) -> Iterator[Problem]:
    media = content if isinstance(content, Media) else None
    image = _mapping(attachment.get("image"))
    if media is not None and (len(media.items) != 1 or not media.items[0].handle):
        yield Problem("picture_not_uploaded", "A brand message carries one picture, uploaded to BizGO first.")
    if "image" in attachment and not image:
        yield _wrong("brandmessage.attachment", "an object as the image")
    if kind in _WITH_PICTURE and media is None and not image.get("imgUrl"):
        yield Problem("picture_missing", f"A brand message of type {kind} needs a picture: attach one.")
    if len(str(image.get("imgLink", ""))) > _LINK_CHARACTERS:
        yield _wrong("brandmessage.attachment", f"at most {_LINK_CHARACTERS} characters in the picture's link")


def _button_problems(fields: Mapping[str, Any], content: Content) -> Iterator[Problem]:
    attachment = fields.get("attachment", {})
    buttons = list(_listed(attachment, "button"))
    if isinstance(content, Interactive):
        if content.footer or content.list_label:
            yield Problem("lists_not_carried", "Brand messages carry neither a list nor a footer: leave them out.")
        if not all(choice.id.startswith(WEB) for choice in content.choices):
            yield Problem(
                "button_without_address", "A brand message's button opens a page: give its https address as its id."
            )
        buttons = [{"type": "WL", "name": one.title, "urlPc": one.id, "urlMobile": one.id} for one in content.choices]
    most = _MOST_BUTTONS - (1 if "coupon" in attachment and fields.get("msgType", "FT") in {"FT", "FI"} else 0)
    if len(buttons) > most:
        yield Problem("too_many_buttons", f"A brand message has at most {most} buttons, found {len(buttons)}.")
    for button in buttons:
        needed = {"WL": ("urlPc", "urlMobile"), "AL": ("urlMobile",)}.get(str(button.get("type")), ())
        if len(str(button.get("name", ""))) > _BUTTON_NAME or not all(button.get(name) for name in needed):
            yield Problem(
                "button_malformed",
                f"A button has a name of at most {_BUTTON_NAME} characters and its addresses (WL: urlPc and "
                "urlMobile, AL: urlMobile).",
            )


def _sender_key_problems(account: BizgoAccount, extras: Extras) -> Iterator[Problem]:
    if not (extras.plain.get(SENDER_KEY) or account.sender_key):
        yield Problem(
            "sender_key_missing",
            "Kakao needs the channel's sender key (발신프로필 키): set it for the account, or with the template.",
        )


def _length_problems(what: str, fields: Mapping[str, Any], longest: Mapping[str, int]) -> Iterator[Problem]:
    for name, most in longest.items():
        if len(fields.get(name, "")) > most:
            yield Problem(f"{name}_too_long", f"{what} takes {most} characters as its {name}: shorten it.")


def _wrong(key: str, expected: str) -> Problem:
    return Problem("field_unusable", f"Expected {expected} in {key!r}.")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(holder: Any, name: str) -> Sequence[Mapping[str, Any]]:
    entries = _mapping(holder).get(name, [])
    return [_mapping(entry) for entry in entries] if isinstance(entries, list) else []


def _named(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("type")) and bool(entry.get("name"))
