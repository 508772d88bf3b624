"""
Where a workspace's requests go and what proves them, the same in each of them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from sendyard.providers.openphone.spec import API_DATE, OpenPhoneAccount

_OLD_HOST, _NEW_HOST = "api.openphone.com", "api.quo.com"


class Door(NamedTuple):
    """What is the same in every request of a workspace."""

    v1_url: str
    messages_url: str  # of v1: sending exists only there
    dated_url: str  # of the dated API, which has no prefix
    reading: Mapping[str, str]  # headers of a GET of v1
    writing: Mapping[str, str]  # headers of a POST of v1
    dated: Mapping[str, str]  # headers of a GET of the dated API


@lru_cache(maxsize=256)
def door_of(account: OpenPhoneAccount) -> Door:
    """Addresses and headers; the old host answers v1 only, so that dated calls of its accounts go to the new one."""
    base = account.base_url
    reading = {"accept": "application/json", "authorization": account.api_key.get_secret_value()}
    is_old = urlsplit(base).hostname == _OLD_HOST
    return Door(
        v1_url=f"{base}/v1",
        messages_url=f"{base}/v1/messages",
        dated_url=base.replace(_OLD_HOST, _NEW_HOST, 1) if is_old else base,
        reading=reading,
        writing={**reading, "content-type": "application/json"},
        dated={**reading, "quo-api-version": API_DATE},
    )
