"""
How the emulated Every8d shows reports and replies: TAB-separated (`RESPFORMAT` 0), JSON (1) or XML (2).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import msgspec

from sendyard.providers.every8d.console import Reply, Row
from sendyard.providers.every8d.intake import TAIPEI
from sendyard.providers.wire import HttpResponse

_PAGE = 1000
_encode = msgspec.json.Encoder().encode


def status_page(batch_id: str, rows: Sequence[Row], page: int, form: str) -> HttpResponse:
    """One page of the rows of a batch; `SMS_COUNT` counts all of them."""
    shown = rows[_PAGE * (page - 1) : _PAGE * page]
    if form not in {"1", "2"}:
        columns = [
            f"{row.name}\t{row.mobile}\t{_time(row.sent_at, '/')}\t{row.cost:f}\t{row.code}\r\n" for row in shown
        ]
        return _answer("text/plain", f"{len(rows)}\r\n{''.join(columns)}".encode())
    document: dict[str, Any] = {"SMS_COUNT": len(rows), "BID": batch_id}
    if shown:
        document["DATA"] = [_row(row) for row in shown]
    return _document(document, form)


def replies_page(batch_id: str, replies: Sequence[Reply], page: int, form: str) -> HttpResponse:
    """One page of the replies to a batch."""
    shown = [
        {
            "NAME": "",
            "MOBILE": reply.mobile,
            "CONTENT": reply.content,
            "RECEIVED_TIME": _time(reply.received_at, "-"),
        }
        for reply in replies[_PAGE * (page - 1) : _PAGE * page]
    ]
    if form != "1":
        lines = ["\t".join(one.values()) for one in shown]
        return _answer("text/plain", "\r\n".join([str(len(replies)), *lines, ""]).encode("utf-8", "replace"))
    return _document({"SMS_COUNT": len(replies), "BID": batch_id, "DATA": shown}, form)


def _row(row: Row) -> dict[str, str]:
    failed = row.code.startswith("-") or row.code == "303"
    return {
        "MR": row.mr,
        "NAME": row.name,
        "MOBILE": row.mobile,
        "SEND_TIME": _time(row.sent_at, "-"),
        "COST": f"{row.cost:f}",
        "STATUS": row.code,
        "REAL_COST": f"{Decimal(0) if failed else row.cost:f}",
        "RECEIVED_TIME": _time(row.received_at, "-") if row.received_at else "",
    }


def _document(document: Mapping[str, Any], form: str) -> HttpResponse:
    if form == "1":
        return _answer("application/json", _encode(document))
    rows = "".join(f"<DATA>{_elements(row)}</DATA>" for row in document.get("DATA", ()))
    counts = _elements({"SMS_COUNT": str(document["SMS_COUNT"]), "BID": document["BID"]})
    return _answer("text/xml", f'<?xml version="1.0" encoding="utf-8"?><SMS>{counts}{rows}</SMS>'.encode())


def _elements(fields: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


def _answer(kind: str, body: bytes) -> HttpResponse:
    return HttpResponse(200, {"content-type": f"{kind}; charset=utf-8"}, body)


def _time(when: datetime, separator: str) -> str:
    return f"{when.astimezone(TAIPEI):%Y{separator}%m{separator}%d %H:%M:%S}"
