"""
The delivery log of the emulated Fast2SMS, and its webhook, whose body the customer wrote.
"""

from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode

import msgspec

from sendyard.providers.emulation import Handled
from sendyard.providers.fast2sms.refusals import HEADERS
from sendyard.providers.fast2sms.wallet import Sent
from sendyard.providers.wire import HttpRequest, HttpResponse

_INDIA = timezone(timedelta(hours=5, minutes=30))
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_ENCODE = msgspec.json.Encoder().encode


def log(request_id: str, call: Sent | None) -> Handled:
    """Every number of one call, as a number; no data for what is not known."""
    data = []
    if call is not None:
        rows = [
            {
                "mobile": int(to[3:]),
                "sender_id": row.sender,
                "status": row.status,
                "status_description": row.description,
                "character_count": row.parts * 160,
                "delivery_time": _stamp(row.at),
            }
            for to, row in call.rows.items()
        ]
        data.append({"request_id": request_id, "route": call.route, "delivery_status": rows})
    return Handled(HttpResponse(200, HEADERS, _ENCODE({"success": True, "data": data})))


def callback(url: str, request_id: str, call: Sent, to: str) -> HttpRequest:
    """One webhook: the body with its variables filled in, in the form that was chosen."""
    row = call.rows[to]
    form, template = call.webhook
    values = {
        "request_id": request_id,
        "route": call.route,
        "sender_id": row.sender,
        "mobile": to[3:],
        "status": row.status,
        "status_description": row.description,
        "delivery_time": _stamp(row.at),
        **dict(zip(("udf1", "udf2", "udf3"), call.udf, strict=True)),
    }
    body = template
    for name, value in values.items():
        body = body.replace("{{" + name + "}}", value.replace("\\", "\\\\").replace('"', '\\"'))
    if form == "json":
        return HttpRequest("POST", url, HEADERS, body.encode())
    if form == "form-json":
        return HttpRequest("POST", url, _FORM, urlencode({"data": body}).encode())
    if form == "get":
        return HttpRequest("GET", f"{url}{'&' if '?' in url else '?'}{urlencode(values)}")
    return HttpRequest("POST", url, _FORM, urlencode(values).encode())


def _stamp(when: datetime | None) -> str:
    return f"{when.astimezone(_INDIA):%Y-%m-%d %H:%M:%S}" if when else ""
