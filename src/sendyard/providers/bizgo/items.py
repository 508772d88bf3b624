"""
One item of a flow: how each channel's message is written.

Sources: sheet sections 4.2 to 4.6; the shapes of buttons are those of `bizgo-sdk-comm` 1.2.0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from sendyard.domain.channels import Channel
from sendyard.domain.content import Choice, Content, Interactive, Media, TemplateRef, title_of
from sendyard.providers.bizgo.extras import BRAND_KEY, SENDER_KEY, TARGETING, Extras
from sendyard.providers.bizgo.spec import SMS_BYTES, BizgoAccount

Item = dict[str, Any]
Body = str | Mapping[str, str]
"""A text, or the named parts of an RCS template; each may be a place such as `#{text}`."""

SHORT_RCS, LONG_RCS, PICTURE_RCS = "RPSSAXX001", "RPLSAXX001", "RPMSMTX001"
WEB = ("https://", "http://")
PHONE = "tel:"
_EXPIRY = ((190, "2"), (3600, "3"), (86_400, "4"))
"""RCS names four times only: 40 s, 3 min 10 s, 1 h, and a day when it is left out. The longest that fits is taken."""


class Shape(NamedTuple):
    """All of one flow item except its text."""

    service: str  # sms, mms, international, alimtalk, brandmessage, rcs
    title: str = ""
    pictures: tuple[str, ...] = ()
    template: str = ""
    by_provider: bool = False  # the provider renders the template from its variables
    buttons: tuple[Choice, ...] = ()
    parts: tuple[str, ...] = ()  # names of an RCS template's parts


class Frame(NamedTuple):
    """What the items of one flow share."""

    account: BizgoAccount
    extras: Extras
    sender: str
    ttl: str  # seconds; blank without an end
    advertising: bool


def shape_of(channel: Channel, content: Content, *, korean: bool) -> Shape:
    """Pick the item for one content; text messages are `sms`, `mms` (LMS and MMS) or, abroad, `international`."""
    if channel is not Channel.SMS and channel is not Channel.MMS:
        return _shape_beyond_text(channel.value, content)
    if not korean:
        return _ABROAD
    title = title_of(content)
    if isinstance(content, Media):
        return Shape("mms", title, tuple(item.handle for item in content.items))
    if title or (channel is Channel.MMS and not isinstance(content, TemplateRef)) or not fits_sms(content.body):
        return Shape("mms", title) if title else _LMS
    return _SMS


_SMS, _LMS, _ABROAD = Shape("sms"), Shape("mms"), Shape("international")


def _shape_beyond_text(service: str, content: Content) -> Shape:
    if isinstance(content, TemplateRef):
        return _template_shape(service, content)
    pictures = tuple(item.handle for item in content.items) if isinstance(content, Media) else ()
    buttons = tuple(content.choices) if isinstance(content, Interactive) else ()
    return Shape(service, heading_of(content), pictures, buttons=buttons)


def heading_of(content: Content) -> str:
    """What stands above the text."""
    return content.header if isinstance(content, Interactive) else title_of(content)


def fits_sms(text: str) -> bool:
    """Whether a text has at most 90 bytes of CP949."""
    # Text that CP949 cannot write is refused by `check`; where it comes this far, BizGO's own answer decides.
    return len(text if text.isascii() else text.encode("cp949", "replace")) <= SMS_BYTES


def build_item(shape: Shape, body: Body, frame: Frame) -> Item:
    """Write one item; `body` is its text, or a place that each recipient's words fill."""
    return {shape.service: _BUILDERS[shape.service](shape, body, frame)}


def _template_shape(service: str, content: TemplateRef) -> Shape:
    pictures = tuple(item.handle for item in content.media) if content.media else ()
    if service == "rcs":
        return Shape(service, "", pictures, content.name, parts=tuple(content.variables))
    return Shape(service, "", pictures, content.name, service == "brandmessage" or not content.body)


def _sms(shape: Shape, body: Body, frame: Frame) -> Item:
    del shape
    return _filled({"from": frame.sender, "text": body, "ttl": frame.ttl, "originCID": frame.account.origin_cid})


def _mms(shape: Shape, body: Body, frame: Frame) -> Item:
    pictures = list(shape.pictures)
    item = {"from": frame.sender, "text": body, "title": shape.title, "fileKey": pictures, "ttl": frame.ttl}
    return _filled({**item, "originCID": frame.account.origin_cid})


def _international(shape: Shape, body: Body, frame: Frame) -> Item:
    del shape
    item = {"from": frame.sender, "text": body, "ttl": frame.ttl, "clientSubId": frame.account.client_sub_id}
    return _filled({**item, **frame.extras.of("international")})


def _alimtalk(shape: Shape, body: Body, frame: Frame) -> Item:
    item = {"senderKey": sender_key_of(frame), "templateCode": shape.template}
    if shape.by_provider:
        # BizGO writes the whole message then: text, title, buttons.
        return {**item, "sendType": "template"}
    whole = {**item, "msgType": "AI" if shape.pictures else "AT", "text": body}
    return _filled({**whole, **frame.extras.of("alimtalk")})


def _brandmessage(shape: Shape, body: Body, frame: Frame) -> Item:
    account, extras = frame.account, frame.extras
    item = {"senderKey": sender_key_of(frame), "targeting": extras.plain.get(TARGETING) or account.targeting}
    item |= {"originCID": account.origin_cid, "unsubscribePhoneNumber": account.opt_out_number}
    item["unsubscribeAuthNumber"] = account.opt_out_code
    more = dict(extras.of("brandmessage"))
    if shape.template:
        allowed = {name: value for name, value in more.items() if name in _WITH_TEMPLATE}
        return _filled({"sendType": "template", "templateCode": shape.template, **item, **allowed})
    attachment: Item = dict(more.pop("attachment", {}))
    if shape.pictures:
        attachment["image"] = {"imgUrl": shape.pictures[0], **attachment.get("image", {})}
    if shape.buttons:
        attachment["button"] = [_web_button(choice) for choice in shape.buttons]
    free = {"sendType": "free", "msgType": "FI" if shape.pictures else "FT", "text": body, "header": shape.title}
    return _filled({**free, **item, **more, "attachment": attachment})


_WITH_TEMPLATE = frozenset({"pushAlarm", "unsubscribePhoneNumber", "unsubscribeAuthNumber"})


def _web_button(choice: Choice) -> Item:
    return {"type": "WL", "name": choice.title, "urlMobile": choice.id, "urlPc": choice.id}


def _rcs(shape: Shape, body: Body, frame: Frame) -> Item:
    account, extras = frame.account, frame.extras
    parts: dict[str, Any] = {"title": shape.title, "description": body} if isinstance(body, str) else dict(body)
    if shape.pictures:
        parts["media"] = shape.pictures[0]
    item: Item = {
        "from": frame.sender,
        "formatId": shape.template or _usual_format(shape),
        "brandKey": extras.plain.get(BRAND_KEY) or account.rcs_brand_key,
        "brandId": account.rcs_brand_id,
        "body": _filled(parts),
        "buttons": [{"suggestions": [_suggestion(choice) for choice in shape.buttons]}] if shape.buttons else [],
        "ttl": frame.ttl,
        "expiryOption": _expiry(frame.ttl),
    }
    if frame.advertising:
        item |= {"header": "1", "footer": account.opt_out_number}
    return _filled({**item, **extras.of("rcs")})


def _usual_format(shape: Shape) -> str:
    return PICTURE_RCS if shape.pictures else LONG_RCS if shape.title or shape.buttons else SHORT_RCS


def _suggestion(choice: Choice) -> Item:
    if choice.id.startswith(PHONE):
        action: Item = {"dialerAction": {"dialPhoneNumber": {"phoneNumber": choice.id.removeprefix(PHONE)}}}
    else:
        action = {"urlAction": {"openUrl": {"url": choice.id}}}
    return {"displayText": choice.title, "action": action}


def _expiry(ttl: str) -> str:
    return next((option for below, option in _EXPIRY if int(ttl) < below), "") if ttl else ""


def sender_key_of(frame: Frame) -> str:
    """The Kakao channel: the template's, else the account's."""
    return frame.extras.plain.get(SENDER_KEY) or frame.account.sender_key


def _filled(item: Mapping[str, Any]) -> Item:
    """Without what is blank: BizGO wants such fields left out."""
    return {name: value for name, value in item.items() if value not in ("", [], {})}


_BUILDERS: Mapping[str, Callable[[Shape, Body, Frame], Item]] = {
    "sms": _sms,
    "mms": _mms,
    "international": _international,
    "alimtalk": _alimtalk,
    "brandmessage": _brandmessage,
    "rcs": _rcs,
}


def rcs_body(names: Sequence[str], position: int) -> dict[str, str]:
    """Places for the parts of an RCS template, named so that no other item's words meet them."""
    return {name: f"#{{text{position + 1}_{name}}}" for name in names}
