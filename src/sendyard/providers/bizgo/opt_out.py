"""
The free opt-out number (080, 무료수신거부) of a Kakao channel.

BizGO does not tell who called it; Kakao stops those people itself and reports 63020 for them.

Sources: sheet sections 3 and 10.
"""

import re
from typing import Any

import msgspec

from sendyard.domain.errors import Invalid, ProviderError
from sendyard.providers.abilities import OptOutNumber
from sendyard.providers.bizgo.answers import Envelope, read, refusal
from sendyard.providers.bizgo.spec import BizgoAccount
from sendyard.providers.wire import HttpResponse

PATH = "/v1/center/brandmessage/unSubscribeContent"
_NUMBER = re.compile(r"080-?\d{3,4}-?\d{4}", re.ASCII)
_CODE = re.compile(r"\d{0,10}", re.ASCII)
_REGISTERED = msgspec.json.Decoder(Envelope[Any])
_encode = msgspec.json.Encoder().encode


def registration_body(account: BizgoAccount, wanted: OptOutNumber) -> bytes:
    """Build the body. Raises AppError `Invalid`."""
    if not account.sender_key:
        raise Invalid(
            "sender_key_missing",
            "An opt-out number belongs to a Kakao channel: enter its sender key (발신프로필 키) with the account.",
        )
    if not _NUMBER.fullmatch(wanted.number):
        raise Invalid("opt_out_number_malformed", "Expected a free Korean number such as 080-123-4567.")
    if not _CODE.fullmatch(wanted.code):
        raise Invalid("opt_out_code_malformed", "Expected at most ten digits as the opt-out code.")
    content = {"senderKey": account.sender_key, "unsubscribePhoneNumber": wanted.number}
    if wanted.code:
        content["unsubscribeAuthNumber"] = wanted.code
    return _encode({"brandmessage": content})


def read_registration(response: HttpResponse) -> ProviderError | None:
    """Judge the answer, which carries nothing beside its codes. Raises ProtocolError."""
    return refusal(read(_REGISTERED, response), response)
