"""
Meta's messaging limit: which there are, what is learned of them, and for which accounts.
"""

import pytest

from sendyard.providers.meta_cloud import ADAPTER, EMULATOR
from sendyard.providers.meta_cloud.spec import MetaCloudAccount

ACCOUNT = MetaCloudAccount.model_validate(EMULATOR.sample_account)


@pytest.mark.parametrize(
    ("tier", "people"),
    [
        ("", None),
        ("TIER_50", 50),
        ("TIER_250", 250),
        ("TIER_1K", 1000),
        ("TIER_100K", 100_000),
        ("TIER_UNLIMITED", None),
    ],
)
def test_messaging_limit_that_was_entered_says_how_many_may_be_written_to_in_a_day(
    tier: str, people: int | None
) -> None:
    assert ADAPTER.daily_people(ACCOUNT.model_copy(update={"messaging_limit": tier})) == people


def test_every_limit_that_meta_ever_had_is_learned_and_a_new_one_is_told() -> None:
    account = ACCOUNT.model_copy(update={"messaging_limit": "TIER_2K"})
    for facts, wanted in (
        ({"limit": "250"}, {"messaging_limit": "TIER_250"}),
        ({"max_daily_conversations_per_business": "unlimited"}, {"messaging_limit": "TIER_UNLIMITED"}),
        ({"current_limit": "10000"}, {"messaging_limit": "TIER_10K"}),
        ({"current_limit": "2000"}, {}),
        ({"current_limit": "1000"}, {"messaging_limit": "TIER_1K"}),
        ({"limit": "50"}, {"messaging_limit": "TIER_50"}),
        ({"limit": "TIER_NEW"}, {"messaging_limit": "TIER_NEW"}),
        ({"limit": "TIER_NEW", "current_limit": "250"}, {"messaging_limit": "TIER_250"}),
        ({"limit": "25"}, {}),
        ({"quality": "green"}, {}),
    ):
        assert ADAPTER.learned(account, facts) == wanted


def test_numbers_of_one_business_account_learn_together() -> None:
    other = ACCOUNT.model_copy(update={"phone_number_id": "100000000000009", "messages_per_second": 20})
    assert ADAPTER.learns_with(other) == ADAPTER.learns_with(ACCOUNT)
    for change in ({"waba_id": "299999999999999"}, {"base_url": "http://127.0.0.1:9"}):
        assert ADAPTER.learns_with(ACCOUNT.model_copy(update=change)) != ADAPTER.learns_with(ACCOUNT)
