"""
Everything beside sending: templates, the delivery logs, the balance and the check of a key.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sendyard.domain.status import ReportStatus
from sendyard.providers.emulation import EmulatedRequest, Handled
from sendyard.providers.msg91.codes import CODES, STATES
from sendyard.providers.msg91.emulated_answers import failure, json_answer, parameters, refusal, stamp, text_answer
from sendyard.providers.msg91.emulated_state import Account, Message, State, Version
from sendyard.providers.wire import HttpResponse

LONGEST_RANGE = timedelta(days=3)
ROWS_SHOWN = 5000  # invented: no page size is published


def versions(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """All versions of one template."""
    del state
    found = account.templates.get(parameters(request).get("template_id", ""))
    if not found:
        return Handled(refusal("211"))
    data = [
        {
            "id": str(one.number),
            "template_id": one.template_id,
            "template_name": one.name,
            "template_data": one.text,
            "DLT_ID": one.dlt_id,
            "sender_id": one.sender_id,
            "version": f"v{one.number}.0",
            "status": "1" if one.approved else "0",
            "active_status": "1" if one.active else "0",
            "dlt_verified": "10" if one.dlt_verified else "0",
        }
        for one in found
    ]
    return Handled(_fine(data))


def add_template(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """A new template: its first version waits for approval."""
    given = parameters(request)
    if not all(given.get(name) for name in ("template_name", "template", "sender_id")):
        return Handled(failure("template_name, template and sender_id are required"))
    identifier = state.next_id()
    account.templates[identifier] = [_waiting(identifier, given, 1, given["template_name"])]
    return Handled(_fine({"template_id": identifier, "message": "Template added"}))


def add_version(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """A further version, waiting; the active one stays."""
    del state
    given = parameters(request)
    known = account.templates.get(given.get("template_id", ""))
    if not known:
        return Handled(refusal("211"))
    if not given.get("template"):
        return Handled(failure("template is required"))
    known.append(_waiting(known[0].template_id, given, len(known) + 1, known[0].name))
    return Handled(_fine({"id": str(len(known)), "template_id": known[0].template_id}))


def mark_active(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """Make one version the one that is sent."""
    del state
    given = parameters(request)
    known = account.templates.get(given.get("template_id", ""), [])
    chosen = next((one for one in known if str(one.number) == given.get("id", "")), None)
    if chosen is None:
        return Handled(refusal("211"))
    for one in known:
        one.active = one is chosen
    return Handled(_fine({"message": "Template version marked as active"}))


def message_log(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """Messages of a flow, of at most three days."""
    del state
    return _log(request, account, is_otp=False)


def code_log(request: EmulatedRequest, state: State, account: Account) -> Handled:
    """Messages that carried one-time codes."""
    del state
    return _log(request, account, is_otp=True)


def _log(request: EmulatedRequest, account: Account, *, is_otp: bool) -> Handled:
    given = parameters(request)
    try:
        first, last = (date.fromisoformat(given.get(name, "")) for name in ("startDate", "endDate"))
    except ValueError:
        return Handled(failure("startDate and endDate are required (YYYY-MM-DD)"))
    if not timedelta() <= last - first <= LONGEST_RANGE:
        return Handled(failure("Date range should not exceed 3 days"))
    rows = _found(request, account, (first.isoformat(), last.isoformat(), given.get("requestId", ""), str(is_otp)))
    shown = [_row(one) for one in rows[-ROWS_SHOWN:]]
    answer = {"type": "success", "hasError": False, "data": shown, "metadata": {"total": len(rows)}}
    return Handled(json_answer(answer))


def _found(request: EmulatedRequest, account: Account, wanted: tuple[str, str, str, str]) -> list[Message]:
    """Messages in the order of their requests; the same filter finds the same ones as long as it is cached."""
    at, rows = account.cached.get(wanted, (None, []))
    if at is not None and (request.now - at).total_seconds() < account.panel.log_cache_seconds:
        return rows
    first, last, request_id, is_otp = wanted
    if request_id:
        rows = [one for one in account.requests.get(request_id, ()) if first <= stamp(one.requested_at)[:10] <= last]
    else:
        rows = [one for day in sorted(account.days) if first <= day <= last for one in account.days[day]]
    rows = [one for one in rows if str(one.is_otp) == is_otp]
    if account.panel.log_cache_seconds:
        account.cached[wanted] = (request.now, rows)
    return rows


def _row(message: Message) -> Mapping[str, str]:
    known = STATES.get(message.state)
    done = stamp(message.settled_at) if message.settled_at else " "
    sent = message.state != "submitted"
    is_final = known is None or known.meaning is not ReportStatus.SENT
    return {
        "requestId": message.request_id,
        "telNum": message.number,
        "status": known.wording if known else message.state,
        "requestDate": stamp(message.requested_at),
        "sentDateTime": stamp(message.requested_at) if sent else "",
        "deliveryDate": done.partition(" ")[0] if is_final else "",
        "deliveryTime": done.partition(" ")[2] if is_final else "",
        "senderId": message.sender,
        "credit": str(message.credit),
        "failureReason": reason_words(message.reason),
        "CRQID": message.crqid or "0",
    }


def reason_words(reason: str) -> str:
    """A number with its name, as operators' answers are shown; other reasons stand for themselves."""
    return f"{reason}:{CODES[reason].wording}" if reason.isdigit() and reason in CODES else reason


def balance(request: EmulatedRequest, account: Account) -> Handled:
    """A bare number; both routes draw on the same credit."""
    if parameters(request).get("type") not in {"1", "4"}:
        return Handled(text_answer("107"))
    return Handled(text_answer(str(account.credit)))


def _waiting(identifier: str, given: Mapping[str, str], number: int, name: str) -> Version:
    return Version(
        template_id=identifier,
        text=given["template"],
        name=name,
        sender_id=given.get("sender_id", ""),
        dlt_id=given.get("dlt_template_id", ""),
        number=number,
        approved=False,
        active=number == 1,
        dlt_verified=False,
    )


def _fine(data: Any) -> HttpResponse:
    return json_answer({"status": "success", "hasError": False, "errors": [], "data": data})
