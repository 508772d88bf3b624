"""
Both sides of AiSensy's wire joined without sockets, and raw calls to the emulator alone.
"""

import json
from dataclasses import replace
from typing import Any

from sendyard.domain.content import Content
from sendyard.providers.aisensy import EMULATOR
from sendyard.providers.contract import Receipt, Refused
from sendyard.providers.emulation import EmulatedRequest
from tests.providers.samples import NOW
from tests.providers.wire_pair import Pair

PROJECT = "/project-apis/v1/project/650000000000000000000001"
PASSWORD = {"x-aisensy-project-api-pwd": "sample-project-password"}


def registered(**console: Any) -> Pair:
    return Pair("aisensy", callbacks=True, console=console)


def said(pair: Pair, content: Content, **fields: Any) -> Receipt:
    """Send one message and give the receipt; `fields` change the account."""
    pair.account = pair.account.model_copy(update=fields)
    (receipt,) = pair.submit([replace(pair.outgoing(), content=content)])
    return receipt


def error_code(receipt: Receipt) -> str:
    assert isinstance(receipt, Refused), receipt
    return receipt.error.code


def ask(
    method: str, path: str, body: object = None, headers: dict[str, str] | None = None, state: Any = None
) -> tuple[int, Any]:
    """One raw call; status and decoded body."""
    path, _, query = path.partition("?")
    data = b"" if body is None else json.dumps(body).encode()
    request = EmulatedRequest(method, path, query, PASSWORD if headers is None else headers, data, NOW)
    response = EMULATOR.handle(request, EMULATOR.new_state() if state is None else state).response
    return response.status, json.loads(response.body)
