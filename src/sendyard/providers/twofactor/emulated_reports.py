"""
Reports of the emulated 2Factor: the XML log of a session, and the three kinds of form posts.
"""

from datetime import datetime, timedelta, timezone
from urllib.parse import urlencode
from xml.sax.saxutils import escape

from sendyard.providers.emulation import Handled
from sendyard.providers.twofactor.panel import Customer, PanelState, Stored
from sendyard.providers.wire import HttpRequest, HttpResponse

_INDIA = timezone(timedelta(hours=5, minutes=30))
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_XML = {"content-type": "text/xml"}
_GROUPS = {"DELIVERED": ("3", "DELIVERED"), "SUBMITTED": ("1", "PENDING"), "EXPIRED": ("4", "EXPIRED")}
_REJECTED = ("5", "REJECTED")


def log(state: PanelState, customer: Customer, product: str, session: str) -> Handled:
    """The log of one session of a product; codes are in none."""
    rows = [stored for stored in state.rows(customer.name, session) if stored.product == product]
    if not rows:
        return Handled(HttpResponse(200, _XML, b"<smsLog><logStatus>Invalid</logStatus></smsLog>"))
    body = "".join(map(_row, rows))
    return Handled(HttpResponse(200, _XML, f"<smsLog><logStatus>Valid</logStatus>{body}</smsLog>".encode()))


def _row(stored: Stored) -> str:
    group, _ = _GROUPS.get(stored.word, _REJECTED)
    delivered = _stamp(stored.final_at) if stored.final_at and stored.word == "DELIVERED" else ""
    failed = stored.final_at is not None and stored.word != "DELIVERED"
    return (
        f"<sms><smsMeta><smsFrom>{escape(stored.sender)}</smsFrom><smsTo>{stored.to[1:]}</smsTo>"
        f"<smsDate>{_stamp(stored.accepted_at)[:10]}</smsDate><creditsCharged>{stored.parts}</creditsCharged></smsMeta>"
        f"<smsStatus><sentAt>{_stamp(stored.accepted_at)}</sentAt><deliveredAt>{delivered}</deliveredAt>"
        f"<statusDesc>{escape(stored.word)}</statusDesc><statusId>5</statusId><statusGroupId>{group}</statusGroupId>"
        f"</smsStatus><smsError><errorId>{'NA' if failed else 0}</errorId><errorGroupId>0</errorGroupId>"
        f"<isPermanent>{'true' if failed else 'false'}</isPermanent></smsError></sms>"
    )


def callback(url: str, session: str, stored: Stored) -> HttpRequest:
    """Push one final status, in the form of its product."""
    national = stored.to[3:]
    if stored.product == "SMS_OTP":
        fields = {"mode": "SMS_OTP", "SessionId": session, "To": national, "Status": stored.word}
    elif stored.product == "VOICE_OTP":
        fields = {
            "mode": "VOICE_OTP",
            "SessionId": session,
            "To": national,
            "Status": stored.word,
            "api_request_time": _stamp(stored.accepted_at),
            "call_start_time": _stamp(stored.accepted_at),
            "call_end_time": _stamp(stored.final_at or stored.accepted_at),
            "callDetailStatus": f"{stored.word} (NORMAL_CLEARING)",
        }
    else:
        group, name = _GROUPS.get(stored.word, _REJECTED)
        delivered = stored.word == "DELIVERED"
        fields = {
            "SessionId": session,
            "SmsTo": stored.to[1:],
            "SmsStatus": stored.word,
            "StatusGroupId": group,
            "StatusGroupName": name,
            "StatusId": "5" if delivered else "0",
            "StatusName": "DELIVERED_TO_HANDSET" if delivered else stored.word,
            "StatusDescription": "Message delivered to handset" if delivered else "Message not delivered",
            "ErrorGroupId": "0",
            "ErrorGroupName": "OK",
            "ErrorId": "0",
            "ErrorName": "NO_ERROR",
            "ErrorDescription": "No Error" if delivered else "",
            "ErrorPermanent": "false" if delivered else "true",
        }
    return HttpRequest("POST", url, _FORM, urlencode(fields).encode())


def _stamp(when: datetime) -> str:
    return f"{when.astimezone(_INDIA):%Y-%m-%d %H:%M:%S}"
