"""
What Meta grants a number, as a benchmark meets it: a speed, and people written to first within 24 hours.

Sources: https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput and …/messaging-limits.
"""

from typing import Any

from sendyard.providers.emulation import EmulatedPlan

_PEOPLE = 1000
_WANTED = 120.0
_COUNTRY = "IN"


def _plan(name: str, limit: str, **account: Any) -> EmulatedPlan:
    return EmulatedPlan(name, limit, _COUNTRY, _PEOPLE, _WANTED, account)


PLANS = (
    _plan("standard", "80 messages a second"),
    _plan("upgraded", "1,000 messages a second", messages_per_second=1000),
    _plan("shared-number", "20 messages a second", messages_per_second=20),
    _plan("tier-2k", "80 messages a second, 2,000 people in 24 h", messaging_limit="TIER_2K"),
    _plan("tier-250", "80 messages a second, 250 people in 24 h", messaging_limit="TIER_250"),
)
