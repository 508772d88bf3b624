"""
Where an account's requests go and what proves them, the same in each of them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, cast

from sendyard.domain.errors import Invalid
from sendyard.providers.aisensy.spec import CAMPAIGN_HOST, PROJECT_HOST, AiSensyAccount
from sendyard.providers.contract import AccountSettings

JSON: Mapping[str, str] = {"content-type": "application/json", "accept": "application/json"}
_PROOF = "x-aisensy-project-api-pwd"


class Door(NamedTuple):
    """Addresses of both APIs and headers of the second; `project` is "" where only the first is configured."""

    send: str
    details: str
    key: str
    project: str
    reading: Mapping[str, str]
    writing: Mapping[str, str]


@lru_cache(maxsize=256)
def door_of(account: AiSensyAccount) -> Door:
    """Where an account's requests go; the emulator of one API serves the other as well."""
    campaign = f"{account.base_url}/campaign/t1/api"
    origin = account.project_base_url or (PROJECT_HOST if account.base_url == CAMPAIGN_HOST else account.base_url)
    project, reading = "", {"accept": "application/json"}
    if account.project_id and account.project_api_password:
        project = f"{origin}/project-apis/v1/project/{account.project_id}"
        reading[_PROOF] = account.project_api_password.get_secret_value()
    key = account.api_key.get_secret_value()
    return Door(f"{campaign}/v2", f"{campaign}/campaign-details", key, project, reading, {**reading, **JSON})


def project_door(account: AccountSettings) -> Door:
    """As `door_of`, for what only the Project API can do. Raises AppError `Invalid` where it is not configured."""
    door = door_of(cast("AiSensyAccount", account))
    if not door.project:
        raise Invalid(
            "project_api_needed",
            "This needs AiSensy's Project API (Pro plan and above), found an account with the Campaign API only: "
            "enter project id and Project API password (AiSensy, Manage, API Key).",
        )
    return door
