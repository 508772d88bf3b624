"""
Reservations of the emulated BizGO: made, listed, changed, called off, and sent when their time has come.

The time comes with the account's next request after it, since an emulator has no clock of its own. Sheet section 7.
"""

import heapq
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from sendyard.providers.bizgo.codes import ACCEPTED
from sendyard.providers.bizgo.emulated_flow import is_advertising
from sendyard.providers.bizgo.emulated_send import Row, judge, keep, opened
from sendyard.providers.bizgo.emulated_state import KST, Account, Reservation, State
from sendyard.providers.emulation import EmulatedRequest

_FORMAT = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}")
_SOONEST, _LATEST = timedelta(minutes=10), timedelta(days=365)
_ADVERT_HOURS = range(8, 20)
_COUNT = re.compile(r"\d{1,4}")
_NAME_CHARACTERS = 100


class _Change(msgspec.Struct, rename="camel"):
    resv_send_time: str = ""
    resv_name: str | None = None


_CHANGE = msgspec.json.Decoder(_Change)


class Reserved(NamedTuple):
    """The answer to a request to reserve."""

    code: str
    rows: Sequence[Row] = ()
    key: str = ""
    reference: str | None = None


def reserve(request: EmulatedRequest, account: Account, state: State) -> Reserved:
    """Keep the messages of one request until their time; there is no idempotency, so a repetition keeps them twice."""
    code, send, hops = opened(request, account)
    at = _time(send.resv_send_time or "")
    if not code:
        code = _time_code(at, request.now, advertising=is_advertising(hops)) or _name_code(send.resv_name)
    if code or at is None:
        return Reserved(code)
    judged = judge(request, account, state, send, hops)
    if judged.code:
        return Reserved(judged.code)
    number = state.next()
    key = f"RESV{number:012d}"
    account.reservations[key] = Reservation(
        key,
        number,
        send.resv_name or "",
        at,
        request.now,
        is_advertising(hops),
        partial(keep, account, state, hops, judged),
        len(judged.drafts),
    )
    heapq.heappush(account.due, (at, number, key))
    return Reserved(ACCEPTED, judged.rows, key, send.ref)


def listed(query: str, account: Account) -> dict[str, Any] | None:
    """Reservations from a time on, in the order made; None when the question is not understood."""
    asked = dict(parse_qsl(query))
    since, limit, last = _time(asked.get("resvSendTime", "")), asked.get("limit", "100"), asked.get("lastSeq", "0")
    if since is None or not (_COUNT.fullmatch(limit) and 1 <= int(limit) <= 1000 and last.isdecimal()):
        return None
    fitting = [one for one in account.reservations.values() if one.at >= since and one.number > int(last)]
    page = fitting[: int(limit)]
    return {
        "reservations": [row_of(one) for one in page],
        "lastSeq": page[-1].number if page else 0,
        "hasNext": len(fitting) > len(page),
    }


def row_of(reservation: Reservation) -> dict[str, Any]:
    """One reservation as BizGO shows it."""
    sent = reservation.expected if reservation.status == "PROCESSING" else 0
    return {
        "seq": reservation.number,
        "resvKey": reservation.key,
        "resvName": reservation.name,
        "productType": "MESSAGE",
        "status": reservation.status,
        "adYn": "Y" if reservation.advertising else "N",
        "resvSendTime": _clock(reservation.at),
        "expectedCnt": reservation.expected,
        "sentCnt": sent,
        "regDate": _clock(reservation.made_at),
    }


def change(request: EmulatedRequest, account: Account, reservation: Reservation) -> str:
    """Move or rename a waiting reservation; gives the code that refuses it, "" for none."""
    try:
        wanted = _CHANGE.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "A011"
    if reservation.status != "PENDING":
        return "A824"
    at = _time(wanted.resv_send_time)
    code = _time_code(at, request.now, advertising=reservation.advertising) or _name_code(wanted.resv_name)
    if code or at is None:
        return code
    reservation.at = at
    reservation.name = reservation.name if wanted.resv_name is None else wanted.resv_name
    heapq.heappush(account.due, (at, reservation.number, reservation.key))
    return ""


_ALLOWED: Mapping[str, tuple[frozenset[str], str]] = {
    "cancel": (frozenset({"PENDING", "STOPPED"}), "CANCELLED"),
    "stop": (frozenset({"PROCESSING"}), "STOPPED"),
    "resume": (frozenset({"STOPPED"}), "PROCESSING"),
}


def move(reservation: Reservation, verb: str) -> str:
    """Call off, stop or resume; gives the code that refuses it, "" for none."""
    before, after = _ALLOWED[verb]
    if reservation.status not in before:
        return "A824"
    reservation.status = after
    return ""


def _time_code(at: datetime | None, now: datetime, *, advertising: bool) -> str:
    if at is None:
        return "A315"
    if at < now + _SOONEST:
        return "A316"
    if at > now + _LATEST:
        return "A331"
    return "A330" if advertising and at.astimezone(KST).hour not in _ADVERT_HOURS else ""


def _name_code(name: str | None) -> str:
    return "A332" if name is not None and len(name) > _NAME_CHARACTERS else ""


def _time(text: str) -> datetime | None:
    if not _FORMAT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=KST)
    except ValueError:
        return None


def _clock(at: datetime) -> str:
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")
