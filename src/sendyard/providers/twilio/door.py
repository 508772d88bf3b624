"""
Where an account's requests go and what proves them, the same in each of them.
"""

from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from sendyard.domain.channels import Channel
from sendyard.providers.twilio.spec import API_VERSION, WHATSAPP_PREFIX, TwilioAccount


class Door(NamedTuple):
    """What is the same in every request of an account."""

    account_url: str  # without the `.json`
    messages_url: str
    reading: Mapping[str, str]  # headers of a GET
    writing: Mapping[str, str]  # headers of a POST


@lru_cache(maxsize=256)
def door_of(account: TwilioAccount) -> Door:
    """Addresses and headers: HTTP Basic with the API key where there is one, else with the Auth Token."""
    user, secret = account.account_sid, account.auth_token
    if account.api_key_secret and account.api_key_sid:
        user, secret = account.api_key_sid, account.api_key_secret
    credentials = b64encode(f"{user}:{secret.get_secret_value()}".encode()).decode()
    account_url = f"{account.base_url}/{API_VERSION}/Accounts/{account.account_sid}"
    reading = {"accept": "application/json", "authorization": f"Basic {credentials}"}
    return Door(
        account_url,
        f"{account_url}/Messages.json",
        reading,
        {**reading, "content-type": "application/x-www-form-urlencoded"},
    )


def wire_address(channel: Channel, value: str) -> str:
    """An address as Twilio wants it on this channel."""
    return WHATSAPP_PREFIX + value if channel is Channel.WHATSAPP else value
