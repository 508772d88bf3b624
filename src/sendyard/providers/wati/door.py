"""
Where the calls of one account go: v3 hangs at the host, v1 and v2 at the tenant.

Source: https://support.wati.io/en/articles/11463225-how-to-track-template-message-delivery-and-status-using-wati-webhooks
(a v3 path under the tenant answers 404).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from sendyard.providers.wati.spec import WatiAccount

_TENANT = re.compile(r"/[0-9]+$")


@dataclass(frozen=True, slots=True)
class Door:
    """Addresses and headers of one account."""

    v3: str  # ends with /api/ext/v3
    v2: str
    v1: str
    reading: Mapping[str, str]
    writing: Mapping[str, str]


@lru_cache(maxsize=256)
def door_of(account: WatiAccount) -> Door:
    """Derive them once; the tenant is a last path segment of digits, which old hosts do not have."""
    base = account.base_url
    reading = {"authorization": f"Bearer {account.api_token.get_secret_value()}", "accept": "application/json"}
    return Door(
        v3=f"{_TENANT.sub('', base)}/api/ext/v3",
        v2=f"{base}/api/v2",
        v1=f"{base}/api/v1",
        reading=reading,
        writing={**reading, "content-type": "application/json"},
    )
