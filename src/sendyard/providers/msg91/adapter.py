"""
Our side of MSG91's wire: `POST /flow` with one object per recipient, and its callbacks.

What MSG91 answers to a send proves little; `account_check`, `templates` and `delivery_log` prove the rest.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, cast

import msgspec

from sendyard.domain.channels import Purpose
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import ErrorKind
from sendyard.providers.contract import (
    Accepted,
    AccountSettings,
    Adapter,
    Call,
    CallbackResult,
    Outgoing,
    Problem,
    ProtocolError,
    Receipt,
    Refused,
    Unknown,
)
from sendyard.providers.msg91.account_check import Msg91AccountCheck, json_headers
from sendyard.providers.msg91.answers import Answer, read
from sendyard.providers.msg91.callbacks import read_callback
from sendyard.providers.msg91.codes import BAD_NUMBER_AMONG_SEVERAL, DUPLICATE
from sendyard.providers.msg91.delivery_log import Msg91Log
from sendyard.providers.msg91.limits import problems
from sendyard.providers.msg91.spec import SPEC, Msg91Account
from sendyard.providers.msg91.templates import Msg91Templates
from sendyard.providers.msg91.verification import Msg91Verification
from sendyard.providers.spec import ProviderSpec
from sendyard.providers.wire import CallbackRequest, HttpRequest, HttpResponse

_BODY = msgspec.json.Encoder()
_PROMOTIONAL_ROUTE = "1"
_TIMED_OUT = 408


class Msg91Adapter(Adapter, Msg91AccountCheck, Msg91Templates, Msg91Log, Msg91Verification):
    """MSG91's version 5 interface."""

    spec: ClassVar[ProviderSpec] = SPEC
    Account: ClassVar[type[AccountSettings]] = Msg91Account

    def build_submit(self, call: Call, batch: Sequence[Outgoing]) -> HttpRequest:
        """One template to many, each recipient with its own values and our reference as CRQID."""
        first = batch[0]
        body: dict[str, Any] = {
            "template_id": cast("TemplateRef", first.content).name,
            # Links arrive as they were written; and what MSG91 can check at once, it shall say at once.
            "short_url": "0",
            "realTimeResponse": "1",
        }
        if first.sender:
            body["sender"] = first.sender
        if _is_promotional(first):
            body["route"] = _PROMOTIONAL_ROUTE
        body["recipients"] = [
            {
                **cast("TemplateRef", one.content).variables,
                "mobiles": one.to.value[1:],
                "CRQID": one.reference,
            }
            for one in batch
        ]
        account = cast("Msg91Account", call.account)
        url, headers = _door(account)
        return HttpRequest("POST", url, headers, _BODY.encode(body))

    def parse_submit(self, batch: Sequence[Outgoing], response: HttpResponse) -> list[Receipt]:
        """
        One word answers all: success names the request they share, an error refuses every one.

        A request MSG91 discards as identical to one less than 10 s before says that the earlier one got through,
        not what became of it: unknown.

        Raises:
            ProtocolError: the answer is in no documented form, which proves nothing.
        """
        if response.status >= 500 or response.status == _TIMED_OUT:
            reason = f"HTTP {response.status} leaves open whether MSG91 took the message"
            return [Unknown(one.message_id, reason) for one in batch]
        answer = read(response)
        if isinstance(answer, Answer):
            if not answer.request:
                raise ProtocolError("expected a request id in 'message' or 'request_id' from MSG91, found none")
            return [Accepted(one.message_id, answer.request) for one in batch]
        if answer.code == DUPLICATE:
            reason = "MSG91 discarded this request as identical to one it got within the 10 seconds before"
            return [Unknown(one.message_id, reason) for one in batch]
        if answer.kind is ErrorKind.INVALID_RECIPIENT and len(batch) > 1:
            answer = replace(answer, kind=ErrorKind.UNAVAILABLE, code=BAD_NUMBER_AMONG_SEVERAL)
        return [Refused(one.message_id, answer) for one in batch]

    def parse_callback(self, call: Call, request: CallbackRequest) -> CallbackResult:
        """
        Read any of the five shapes; the unguessable address is the only proof, checked before this is called.

        Raises:
            ProtocolError: none of the five shapes, or a statement that names no message.
        """
        del call
        return CallbackResult(read_callback(request), HttpResponse(200))

    def check(self, account: AccountSettings, outgoing: Outgoing) -> list[Problem]:
        """Name everything MSG91 would refuse, drop silently, or deliver with blanks."""
        return list(problems(cast("Msg91Account", account), outgoing))

    def batch_key(self, outgoing: Outgoing) -> Hashable:
        """Template, header and route; the values of variables may differ."""
        content = outgoing.content
        name = content.name if isinstance(content, TemplateRef) else ""
        return name, outgoing.sender, _is_promotional(outgoing)


def _is_promotional(outgoing: Outgoing) -> bool:
    """Whether it needs the promotional route, which belongs to numeric headers."""
    return outgoing.purpose is Purpose.PROMOTIONAL and outgoing.sender.isdigit()


@lru_cache(maxsize=256)
def _door(account: Msg91Account) -> tuple[str, Any]:
    return f"{account.base_url}/flow", json_headers(account)
