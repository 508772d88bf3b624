"""
WATI's plans as a benchmark meets them.

Template sends in ten seconds by plan: https://docs.wati.io/v2.2/reference/errors. What one send carries depends on the
generation of the API: 500 people here with v3, 100 with v2, one with v1.
"""

from collections.abc import Mapping

from sendyard.providers.emulation import EmulatedPlan
from sendyard.providers.wati.spec import PER_TEN_SECONDS

_PEOPLE = 1000
_WANTED = 120.0
_COUNTRY = "IN"


def _plan(plan: str, version: str, **fields: str) -> EmulatedPlan:
    account: Mapping[str, str | int] = {"plan": plan, "api_version": version, **fields}
    limit = f"{PER_TEN_SECONDS[plan]} sends in 10 s, API {version}"
    return EmulatedPlan(f"{plan}-{version}", limit, _COUNTRY, _PEOPLE, _WANTED, account)


PLANS = (
    *(_plan(plan, "v3") for plan in PER_TEN_SECONDS),
    _plan("growth", "v2", channel_number="911140000001"),
    *(_plan(plan, "v1") for plan in PER_TEN_SECONDS),
)
