"""
Where a channel's requests go and what proves them, the same in each of them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from sendyard.providers.line.spec import LineAccount

_HOST, _DATA_HOST = "api.line.me", "api-data.line.me"


class Door(NamedTuple):
    """What is the same in every request of a channel."""

    bot_url: str
    push_url: str
    multicast_url: str
    narrowcast_url: str
    reading: Mapping[str, str]  # headers of a GET
    writing: Mapping[str, str]  # headers of a POST, without the retry key


@lru_cache(maxsize=256)
def door_of(account: LineAccount, token: str) -> Door:
    """Addresses and headers; `token` is the one of a sign-in, used only where the account has none of its own."""
    own = account.channel_access_token.get_secret_value() if account.channel_access_token else ""
    reading = {"accept": "application/json", "authorization": f"Bearer {own or token}"}
    bot_url = f"{account.base_url}/v2/bot"
    return Door(
        bot_url,
        f"{bot_url}/message/push",
        f"{bot_url}/message/multicast",
        f"{bot_url}/message/narrowcast",
        reading,
        {**reading, "content-type": "application/json"},
    )


def content_url(account: LineAccount, message_id: str) -> str:
    """Where a file that a person sent can be fetched, with the channel's token; LINE keeps it for a while only."""
    base = account.base_url
    if urlsplit(base).hostname == _HOST:
        base = base.replace(_HOST, _DATA_HOST, 1)
    return f"{base}/v2/bot/message/{message_id}/content"
