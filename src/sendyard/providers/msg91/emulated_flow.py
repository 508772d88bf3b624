"""
`POST /flow` as it behaves: it says success to nearly everything, and drops in silence what it does not like.
"""

import re
from typing import Any

from sendyard.domain.channels import Channel
from sendyard.domain.parts import count_gsm
from sendyard.providers.emulation import EmulatedRequest, Handled, Received
from sendyard.providers.msg91.codes import BAD_KEY, BAD_MOBILE, DUPLICATE, TEMPLATE_UNKNOWN
from sendyard.providers.msg91.emulated_answers import body_of, json_answer, refusal, refusal_code, stamp
from sendyard.providers.msg91.emulated_state import Account, Message, State, Version
from sendyard.providers.wire import HttpResponse

_NUMBER = re.compile(r"[0-9]{8,15}")
_MARK = re.compile(r"##([A-Za-z0-9_]+)##")
_META = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_OWN_FIELDS = frozenset({"mobiles", "CRQID", "UUID"})


def send(request: EmulatedRequest, state: State, account: Account | None) -> Handled:
    """Answer one send; `account` is None for a key that MSG91 does not know."""
    if account is None:
        # Nobody's panel says otherwise, so it is what field teams saw: success, and nothing happens.
        strict = any(not known.panel.hollow for known in state.accounts.values())
        return Handled(refusal(BAD_KEY) if strict else _success(state.next_id()))
    body = body_of(request)
    template_id = body.get("template_id") or body.get("flow_id")
    version = account.active(template_id) if isinstance(template_id, str) else None
    if version is None:
        says_so = str(body.get("realTimeResponse", "0")) == "1" or not account.panel.hollow
        return Handled(refusal(TEMPLATE_UNKNOWN) if says_so else _success(state.next_id()))
    return _take(request, state, account, version, body)


def _take(request: EmulatedRequest, state: State, account: Account, version: Version, body: dict[str, Any]) -> Handled:
    recipients = [one for one in _listed(body.get("recipients")) if isinstance(one, dict)]
    numbers = [str(one.get("mobiles", "")) for one in recipients]
    sender = str(body.get("sender") or version.sender_id)
    if not any(numbers):
        return Handled(refusal("101"))
    if account.panel.senders and sender not in account.panel.senders:
        return Handled(refusal("203"))
    wanted = [request.refusal(f"+{number}") for number in numbers]
    if len(recipients) == 1 and (wanted[0] or not _NUMBER.fullmatch(numbers[0])):
        return Handled(refusal(refusal_code(wanted[0]) if wanted[0] else BAD_MOBILE))
    if account.is_repeated(request.body, request.now):
        return Handled(refusal(DUPLICATE))
    texts = [_render(version.text, one) for one in recipients]
    parts = [count_gsm(text).parts or 1 for text in texts]
    if sum(parts) > account.credit:
        return Handled(_success(state.next_id()) if account.panel.hollow else refusal("301"))
    request_id = state.next_id()
    received: list[Received] = []
    for one, number, refused, text, cost in zip(recipients, numbers, wanted, texts, parts, strict=True):
        message = Message(
            account=account,
            request_id=request_id,
            number=number,
            crqid=_meta(one, "CRQID") or _meta(body, "CRQID"),
            sender=sender,
            credit=cost,
            requested_at=request.now,
        )
        row = state.keep(message, stamp(request.now)[:10])
        if refused or not _NUMBER.fullmatch(number):
            message.state = "16"
            message.reason = refusal_code(refused) if refused else "INVALID-SUB"
            message.settled_at = request.now
            continue
        account.credit -= cost
        received.append(_received(message, text, version, one, row))
    account.remember(request.body, request.now)
    return Handled(_success(request_id), received)


def _received(message: Message, text: str, version: Version, one: dict[str, Any], row: str) -> Received:
    return Received(
        account=message.account.name,
        to=f"+{message.number}",
        sender=message.sender,
        channel=Channel.SMS,
        text=text,
        provider_ref=message.request_id,
        reference=message.crqid,
        template=version.template_id,
        variables={name: str(value) for name, value in one.items() if name not in _OWN_FIELDS},
        callback_url=message.account.panel.callback_url,
        parts=message.credit,
        at=message.requested_at,
        extra={"row": row},
    )


def _success(request_id: str) -> HttpResponse:
    return json_answer({"type": "success", "message": request_id})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _render(text: str, values: dict[str, Any]) -> str:
    """A variable without a value, or with a misspelled name, arrives blank."""
    return _MARK.sub(lambda found: str(values.get(found[1], "")), text)


def _meta(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    return value if isinstance(value, str) and _META.fullmatch(value) else ""
