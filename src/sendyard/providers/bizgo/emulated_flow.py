"""
What the emulated BizGO demands of each flow item, and what an item says once its places are filled.

Sheet sections 4.2 to 4.6 and 12. Naver's channel answers A325, as for an account without it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from sendyard.domain.channels import Channel
from sendyard.providers.bizgo.emulated_state import Account
from sendyard.providers.bizgo.places import matches
from sendyard.providers.bizgo.spec import (
    ALIMTALK_CHARACTERS,
    BRAND_CHARACTERS,
    INTERNATIONAL_CHARACTERS,
    LMS_BYTES,
    MAX_PICTURES,
    SMS_BYTES,
    TITLE_BYTES,
)

_SENDER = re.compile(r"\d{8,12}")
_SECONDS = re.compile(r"\d{1,8}")
_FOOTER = re.compile(r"[0-9-]{1,20}")
_NAVER = "navertalk"
_BRAND_TYPES = frozenset({"FT", "FI", "FW", "FL", "FP", "FM", "FC", "FA", "FG"})
_RCS_KINDS = {"RPSS": "RS", "RPLS": "RL", "RPMS": "RM"}

_SPELLING = {
    "sender": "from",
    "file_key": "fileKey",
    "client_sub_id": "clientSubId",
    "sender_key": "senderKey",
    "template_code": "templateCode",
    "send_type": "sendType",
    "msg_type": "msgType",
    "format_id": "formatId",
    "brand_key": "brandKey",
    "expiry_option": "expiryOption",
    "copy_allowed": "copyAllowed",
    "ad_flag": "adFlag",
}


class Item(msgspec.Struct, rename=_SPELLING):
    """Every field that some channel's item may have."""

    sender: str = ""
    text: str = ""
    title: str = ""
    file_key: list[str] | None = None
    ttl: str | None = None
    client_sub_id: str = ""
    sender_key: str = ""
    template_code: str = ""
    send_type: str = ""
    msg_type: str = ""
    targeting: str = ""
    header: str = ""
    footer: str = ""
    ad_flag: str = "Y"
    format_id: str = ""
    brand_key: str = ""
    body: dict[str, str] | None = None
    expiry_option: str = "1"
    copy_allowed: str = "0"
    attachment: dict[str, Any] | None = None
    carousel: dict[str, Any] | None = None
    buttons: list[Any] | None = None


class Hop(NamedTuple):
    """One item with the names its reports carry; `text` is what stands in it before places are filled."""

    service: str
    kind: str
    channel: Channel
    item: Item
    text: str = ""


def hop_of(name: str, item: Item) -> Hop:
    """Name one flow item."""
    if name == "mms":
        kind, channel = ("MM", Channel.MMS) if item.file_key else ("LM", Channel.SMS)
        return Hop("MMS", kind, channel, item, item.text)
    if name == "rcs":
        said = [text for part, text in (item.body or {}).items() if part not in {"title", "media"}]
        return Hop("RCS", _RCS_KINDS.get(item.format_id[:4], "RD"), Channel.RCS, item, "\n".join(said))
    if name not in _PLAIN_NAMES:
        return Hop("", name, Channel.RCS, item)  # refused before it can carry anything
    kind = {"sms": "SM", "alimtalk": item.msg_type or "AT", "brandmessage": item.msg_type}.get(name, "")
    return Hop(name.upper(), kind, _PLAIN_NAMES[name], item, item.text)


_PLAIN_NAMES = {
    "sms": Channel.SMS,
    "international": Channel.SMS,
    "alimtalk": Channel.ALIMTALK,
    "brandmessage": Channel.BRANDMESSAGE,
}


def title_of(item: Item) -> str:
    """What stands above the text of any channel."""
    return item.title or (item.body or {}).get("title", "")


def is_advertising(hops: Sequence[Hop]) -> bool:
    """Whether a flow is advertising by its own account."""
    return any(hop.service == "BRANDMESSAGE" or (hop.service == "RCS" and hop.item.header == "1") for hop in hops)


def hop_code(hop: Hop, account: Account) -> str:
    """Code that refuses one flow item, "" for none; texts with places are judged once they are filled."""
    judge = _JUDGES.get(hop.service)
    if judge is None:
        return "A325" if hop.kind == _NAVER else "A300"
    code = next((code for wrong, code in judge(hop.item, account) if wrong), "")
    return code or ("" if "#{" in hop.text or _by_provider(hop) else text_code(hop, hop.text))


def text_code(hop: Hop, text: str) -> str:
    """Code that refuses a filled text on a channel, "" when it fits."""
    if hop.service in {"SMS", "MMS"}:
        size = _cp949_bytes(text)
        if not size:
            return "A303"
        return "A328" if size > (SMS_BYTES if hop.service == "SMS" else LMS_BYTES) else ""
    most = {"ALIMTALK": ALIMTALK_CHARACTERS, "INTERNATIONAL": INTERNATIONAL_CHARACTERS}.get(hop.service, 0)
    if hop.service == "BRANDMESSAGE":
        most = BRAND_CHARACTERS.get(hop.kind, 0)
    if most and not text:
        return "A303"
    return "A328" if most and len(text) > most else ""


def _by_provider(hop: Hop) -> bool:
    return hop.item.send_type == "template"


Checks = Sequence[tuple[bool, str]]


def _text_message(item: Item, account: Account, *, short: bool) -> Checks:
    files, title_bytes = item.file_key or [], _cp949_bytes(item.title)
    return [
        *_sender(item, account),
        (not item.text, "A303"),
        (short and bool(item.title or files), "A300"),
        (title_bytes is None or title_bytes > TITLE_BYTES, "A300"),
        (len(files) > MAX_PICTURES, "A319"),
        (any(file not in account.files for file in files), "A217"),
    ]


def _sender(item: Item, account: Account) -> Checks:
    sender = item.sender.replace("-", "")
    return [
        (not _SENDER.fullmatch(sender), "A302"),
        (account.senders is not None and sender not in account.senders, "A327"),
        (item.ttl is not None and not _SECONDS.fullmatch(item.ttl), "A304"),
    ]


def _international(item: Item, account: Account) -> Checks:
    return [
        *_sender(item, account),
        (bool(item.title or item.file_key), "A321"),
        (not item.text, "A303"),
        (len(item.client_sub_id) > 20, "A313"),
    ]


def _alimtalk(item: Item, account: Account) -> Checks:
    del account
    buttons = _entries(item.attachment, "button")
    return [
        (not item.sender_key, "A502"),
        (not item.template_code, "A505"),
        (item.send_type not in {"", "template"}, "A571"),
        (not item.send_type and item.msg_type not in {"AT", "AI"}, "A523"),
        (not item.send_type and not item.text, "A303"),
        (len(item.header) > 16, "A565"),
        (any(not one.get("type") for one in buttons), "A524"),
        (any(not one.get("name") for one in buttons), "A525"),
    ]


def _brandmessage(item: Item, account: Account) -> Checks:
    free, known = item.send_type == "free", item.send_type in {"basic", "template", "free"}
    attachment = item.attachment or {}
    buttons, image = _entries(attachment, "button"), attachment.get("image")
    address = image.get("imgUrl") if isinstance(image, dict) else None
    return [
        (not item.sender_key, "A502"),
        (not known, "A571"),
        (item.send_type != "template" and item.msg_type not in _BRAND_TYPES, "A523"),
        (not free and not item.template_code, "A505"),
        (item.targeting not in ({"M", "N", "O", "I", ""} if free else {"M", "N", "O", "I"}), "A570"),
        (len(item.header) > 20, "A565"),
        (item.ad_flag != "Y" and (item.ad_flag != "N" or item.msg_type in {"FL", "FC", "FA"}), "A506"),
        (len(buttons) > 5, "A503"),
        (any(one.get("type") == "WL" and not (one.get("urlPc") and one.get("urlMobile")) for one in buttons), "A524"),
        (any(not 1 <= len(str(one.get("name", ""))) <= 28 for one in buttons), "A525"),
        (free and item.msg_type in {"FI", "FW", "FM"} and address not in account.files, "A513"),
        (item.msg_type in {"FC", "FA"} and not 2 <= len(_entries(item.carousel, "list")) <= 10, "A567"),
    ]


def _rcs(item: Item, account: Account) -> Checks:
    media = (item.body or {}).get("media")
    return [
        *_sender(item, account),
        (not item.format_id, "A404"),
        (not item.brand_key, "A420"),
        (not item.body or (media is not None and media not in account.files), "A415"),
        (item.expiry_option not in {"1", "2", "3", "4"}, "A408"),
        (item.copy_allowed not in {"0", "1"}, "A407"),
        (item.header not in {"", "0", "1"}, "A411"),
        (item.header == "1" and not item.footer, "A412"),
        (any(not _suggestions(button) for button in item.buttons or ()), "A406"),
    ]


_JUDGES: Mapping[str, Callable[[Item, Account], Checks]] = {
    "SMS": lambda item, account: _text_message(item, account, short=True),
    "MMS": lambda item, account: _text_message(item, account, short=False),
    "INTERNATIONAL": _international,
    "ALIMTALK": _alimtalk,
    "BRANDMESSAGE": _brandmessage,
    "RCS": _rcs,
}


def _suggestions(button: Any) -> bool:
    entries = _entries(button, "suggestions")
    return bool(entries) and all(one.get("displayText") for one in entries)


def _entries(holder: Any, name: str) -> Sequence[dict[str, Any]]:
    entries = holder.get(name) if isinstance(holder, dict) else None
    return [entry if isinstance(entry, dict) else {} for entry in entries] if isinstance(entries, list) else []


def _cp949_bytes(text: str) -> int | None:
    """Bytes on the carriers' wire; None when a character has none."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode("cp949"))
    except UnicodeEncodeError:
        return None


def flaw_of(hop: Hop, text: str, attachment: str, account: Account) -> str:
    """Report code of a message that is accepted and cannot arrive as it stands, "" for none."""
    if hop.service == "RCS":
        checks = (
            (hop.item.header == "1" and not _FOOTER.fullmatch(hop.item.footer), "33107"),
            (hop.item.header != "1" and bool(hop.item.footer), "33105"),
            (text.lstrip().startswith("(광고)"), "55701"),
        )
        return next((code for wrong, code in checks if wrong), "")
    # An account without templates of its own in the emulator may name any.
    return _unlike_template(hop, text, attachment, account) if hop.service == "ALIMTALK" and account.templates else ""


def _unlike_template(hop: Hop, text: str, attachment: str, account: Account) -> str:
    template = account.templates.get(hop.item.template_code)
    if template is None or template.row["inspectionStatus"] != "APR":
        return "63015"
    if _by_provider(hop):
        return ""
    if not matches(template.row["text"], text):
        return "63016"
    wanted = msgspec.json.encode(template.row.get("attachment") or {}).decode()
    return "" if matches(wanted, attachment or "{}") else "63027"
