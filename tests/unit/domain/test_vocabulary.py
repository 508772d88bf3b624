"""
The small words of the domain: addresses, purposes, money, identifiers, states, errors.
"""

import uuid
from decimal import Decimal

import pytest

from sendyard.domain.addresses import Address, AddressKind, mask
from sendyard.domain.channels import Purpose
from sendyard.domain.errors import AppError, Conflict, FieldError, Invalid, RateLimited
from sendyard.domain.ids import attempt_id, compose_uuid7, compose_uuid7s, split_attempt_id
from sendyard.domain.money import Money
from sendyard.domain.status import AttemptStatus, CampaignStatus, MessageStatus, advance


def test_phone_address_is_masked_for_logs() -> None:
    address = Address.phone("+886912345678")
    assert address.kind is AddressKind.PHONE
    assert address.masked == "+886***678"


@pytest.mark.parametrize(
    ("value", "shown"), [("", "***"), ("123456", "***"), ("1234567", "12***67"), ("+821012345678", "+821***678")]
)
def test_mask_never_shows_the_whole_value(value: str, shown: str) -> None:
    assert mask(value) == shown


def test_codes_overtake_orders_and_orders_overtake_offers() -> None:
    offers_last = sorted(Purpose, key=lambda purpose: purpose.priority)
    assert offers_last == [Purpose.OTP, Purpose.TRANSACTIONAL, Purpose.PROMOTIONAL]


def test_money_adds_within_a_currency_without_rounding() -> None:
    total = Money(Decimal("0.1"), "USD") + Money(Decimal("0.2"), "USD")
    assert total == Money(Decimal("0.3"), "USD")
    assert str(total) == "0.3 USD"


def test_money_refuses_to_add_across_currencies() -> None:
    with pytest.raises(ValueError, match="cannot add KRW to USD"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "KRW")


def test_identifier_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(compose_uuid7(1_795_000_000_000, (1 << 74) - 1))
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == 1_795_000_000_000
    assert str(made) == compose_uuid7(1_795_000_000_000, (1 << 74) - 1)


def test_identifiers_sort_by_time_then_by_chance() -> None:
    made = [compose_uuid7(ms, chance) for ms in (1, 2, 1 << 40) for chance in (0, 1, 1 << 62, (1 << 74) - 1)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_many_identifiers_made_together_are_those_made_one_by_one() -> None:
    chances = [0, 1, (1 << 48) - 1, 1 << 48, (1 << 48) + 5, 1 << 62, (1 << 74) - 1, 7]
    assert compose_uuid7s(1_795_000_000_000, chances) == [compose_uuid7(1_795_000_000_000, one) for one in chances]


def test_name_of_an_attempt_leads_back_to_its_message() -> None:
    message = compose_uuid7(1_795_000_000_000, 12345)
    named = attempt_id(message, 3)
    assert len(named) <= 36
    assert split_attempt_id(named) == (message, 3)


@pytest.mark.parametrize("text", ["", "a" * 32, "a" * 31 + "-1", "a" * 32 + "-x", "a" * 32 + "-²", "order-17"])
def test_text_of_someone_else_is_no_name_of_an_attempt(text: str) -> None:
    assert split_attempt_id(text) is None


def test_message_states_that_expect_nothing_more_are_final() -> None:
    moving = {status for status in MessageStatus if not status.is_final}
    assert moving == {
        MessageStatus.SCHEDULED,
        MessageStatus.QUEUED,
        MessageStatus.SENDING,
        MessageStatus.SENT,
        MessageStatus.UNKNOWN,
    }


def test_campaign_states_that_hand_over_nothing_more_are_final() -> None:
    assert {status.value for status in CampaignStatus if status.is_final} == {
        "completed",
        "completed_with_failures",
        "cancelled",
        "failed",
    }


@pytest.mark.parametrize(
    ("known", "heard", "becomes"),
    [
        (AttemptStatus.POSTING, AttemptStatus.UNKNOWN, AttemptStatus.UNKNOWN),
        (AttemptStatus.UNKNOWN, AttemptStatus.SENT, AttemptStatus.SENT),
        (AttemptStatus.SENT, AttemptStatus.UNKNOWN, AttemptStatus.SENT),
        (AttemptStatus.FAILED, AttemptStatus.SENT, AttemptStatus.FAILED),
        (AttemptStatus.FAILED, AttemptStatus.DELIVERED, AttemptStatus.DELIVERED),
        (AttemptStatus.DELIVERED, AttemptStatus.FAILED, AttemptStatus.DELIVERED),
        (AttemptStatus.DELIVERED, AttemptStatus.READ, AttemptStatus.READ),
    ],
)
def test_attempt_only_moves_up(known: AttemptStatus, heard: AttemptStatus, becomes: AttemptStatus) -> None:
    assert advance(known, heard) is becomes


def test_error_carries_code_sentence_and_fields() -> None:
    wrong = Invalid("bad_number", "Expected a number.", errors=[FieldError("/to", "letters", "Expected digits.")])
    assert isinstance(wrong, AppError)
    assert (wrong.status, wrong.code, str(wrong)) == (422, "bad_number", "Expected a number.")
    assert wrong.errors == (FieldError("/to", "letters", "Expected digits."),)


def test_errors_that_pass_say_when_to_ask_again() -> None:
    assert Conflict("busy", "Being changed.", retry_after=2.0).retry_after == 2.0
    assert Conflict("done", "Finished already.").retry_after is None
    assert RateLimited("too_fast", "Slow down.", retry_after=1.5).retry_after == 1.5
