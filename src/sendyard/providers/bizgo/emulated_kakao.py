"""
The Kakao channel at the emulated BizGO: its templates with their inspection, and its opt-out number.

Sheet sections 3 and 10; templates as in `bizgo-sdk-comm` 1.2.0.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from sendyard.providers.bizgo.codes import ACCEPTED
from sendyard.providers.bizgo.emulated_state import Account, Template
from sendyard.providers.bizgo.spec import ALIMTALK_CHARACTERS

_INSPECTION_TAKES = timedelta(minutes=1)
_NUMBER = re.compile(r"[0-9-]{1,13}")
_CODE = re.compile(r"[0-9]{0,10}")
_COUNT = re.compile(r"\d{1,6}")
_DOCUMENT = msgspec.json.Decoder(dict[str, dict[str, Any]])


class Told(NamedTuple):
    """A service code, and what comes with it."""

    code: str
    data: Mapping[str, Any] | None = None


def listed(kind: str, query: str, account: Account, now: datetime) -> Told:
    """One page of the templates of a kind: `alimtalk` whole, `brandmessage` by code and status."""
    asked = dict(parse_qsl(query))
    offset, limit = asked.get("offset", "0"), asked.get("limit", "100")
    if not asked.get("senderKey"):
        return Told("A502")
    if not (_COUNT.fullmatch(offset) and _COUNT.fullmatch(limit)):
        return Told("A300")
    if kind == "alimtalk":
        rows = [one.look(now) for one in account.templates.values()]
    else:
        rows = [
            {"templateCode": row["templateCode"], "status": row["status"]} for row in account.brand_templates.values()
        ]
    page = rows[int(offset) : int(offset) + int(limit)]
    return Told(ACCEPTED, {kind: {"templates": [{"senderKey": asked["senderKey"], **row} for row in page]}})


def shown(query: str, account: Account, now: datetime) -> Told:
    """One AlimTalk template."""
    asked = dict(parse_qsl(query))
    template = account.templates.get(asked.get("templateCode", ""))
    return Told("A820") if template is None else Told(ACCEPTED, {"alimtalk": template.look(now)})


def registered(body: bytes, account: Account) -> Told:
    """Take a new AlimTalk template; nobody inspects it yet."""
    given = _inner(body, "alimtalk")
    code, text = given.get("templateCode"), given.get("text")
    checks = (
        (not given, "A011"),
        (not given.get("senderKey"), "A502"),
        (not isinstance(code, str) or not 1 <= len(code) <= 30 or code in account.templates, "A505"),
        (not isinstance(text, str) or not text, "A303"),
        (isinstance(text, str) and len(text) > ALIMTALK_CHARACTERS, "A328"),
        (not given.get("templateName") or not given.get("templateMessageType"), "A300"),
        (not given.get("templateEmphasizeType"), "A300"),
    )
    refused = next((code for wrong, code in checks if wrong), "")
    if refused:
        return Told(refused)
    row = {**given, "msgType": "AI" if given.get("imgUrl") else "AT", "inspectionStatus": "REG", "status": "R"}
    account.templates[str(code)] = Template(row)
    return Told(ACCEPTED, {"alimtalk": row})


def inspection(body: bytes, account: Account, now: datetime, *, wanted: bool) -> Told:
    """Ask for an inspection, or call one off that was asked for."""
    given = _inner(body, "alimtalk")
    template = account.templates.get(str(given.get("templateCode", "")))
    if not given.get("senderKey"):
        return Told("A502")
    if template is None:
        return Told("A505")
    if template.look(now)["inspectionStatus"] != ("REG" if wanted else "REQ"):
        return Told("A300")
    template.row["inspectionStatus"] = "REQ" if wanted else "REG"
    template.inspect_at = now + _INSPECTION_TAKES if wanted else None
    return Told(ACCEPTED)


def opted_out(body: bytes, account: Account) -> Told:
    """Remember the channel's free opt-out number."""
    given = _inner(body, "brandmessage")
    number, code = given.get("unsubscribePhoneNumber"), given.get("unsubscribeAuthNumber", "")
    if not given.get("senderKey"):
        return Told("A502")
    if not isinstance(number, str) or not _NUMBER.fullmatch(number) or not _CODE.fullmatch(str(code)):
        return Told("A300")
    account.opt_out_numbers[str(given["senderKey"])] = number
    return Told(ACCEPTED)


def _inner(body: bytes, name: str) -> dict[str, Any]:
    try:
        return _DOCUMENT.decode(body).get(name, {})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
