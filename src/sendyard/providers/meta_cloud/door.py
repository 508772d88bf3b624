"""
Where an account's requests go and what proves them, the same in each of them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from sendyard.providers.meta_cloud.spec import MetaCloudAccount


class Door(NamedTuple):
    """What is the same in every request of an account."""

    root: str  # with the version, without a slash at the end
    reading: Mapping[str, str]  # headers of a GET
    writing: Mapping[str, str]  # headers of a POST with JSON


@lru_cache(maxsize=256)
def door_of(account: MetaCloudAccount) -> Door:
    """Address with the version, and the bearer token."""
    reading = {"accept": "application/json", "authorization": f"Bearer {account.access_token.get_secret_value()}"}
    return Door(
        f"{account.base_url}/{account.api_version}",
        reading,
        {**reading, "content-type": "application/json"},
    )
