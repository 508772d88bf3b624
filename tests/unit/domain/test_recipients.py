"""
Recipients as people give them, by channel.
"""

import pytest

from sendyard.domain.addresses import Address, AddressKind
from sendyard.domain.channels import Channel
from sendyard.domain.recipients import anybody, read_recipient

LINE = "U" + "0123456789abcdef" * 2
BUSINESS_SCOPED = "US.13491208655302741918"


def test_a_number_is_read_by_its_country() -> None:
    found = read_recipient(Channel.SMS, " 0912-345-678 ", "TW")
    assert (found.address, found.country) == (Address.phone("+886912345678"), "TW")


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP, Channel.ALIMTALK])
def test_what_is_no_number_says_why(channel: Channel) -> None:
    found = read_recipient(channel, "nobody", "TW")
    assert found.address is None
    assert found.code
    assert found.detail


def test_line_takes_its_own_ids_only() -> None:
    found = read_recipient(Channel.LINE, f" {LINE} ")
    assert (found.address, found.country) == (Address(AddressKind.LINE_ID, LINE), "")
    for wrong in ("+886912345678", LINE[:-1], LINE.upper(), ""):
        refused = read_recipient(Channel.LINE, wrong)
        assert (refused.address, refused.code) == (None, "not_a_line_id")
        assert "user id" in refused.detail


def test_whatsapp_takes_numbers_and_business_scoped_ids() -> None:
    found = read_recipient(Channel.WHATSAPP, BUSINESS_SCOPED)
    assert (found.address, found.country) == (Address(AddressKind.WHATSAPP_ID, BUSINESS_SCOPED), "US")
    number = read_recipient(Channel.WHATSAPP, "+886912345678")
    assert number.address == Address.phone("+886912345678")
    assert read_recipient(Channel.SMS, BUSINESS_SCOPED).address is None


@pytest.mark.parametrize(
    ("value", "kind"),
    [("+886912345678", AddressKind.PHONE), (LINE, AddressKind.LINE_ID), (BUSINESS_SCOPED, AddressKind.WHATSAPP_ID)],
)
def test_a_stored_value_tells_what_it_is(value: str, kind: AddressKind) -> None:
    assert Address.known(value) == Address(kind, value)


@pytest.mark.parametrize("country", ["KR", "TW", "IN", "US", "JP"])
@pytest.mark.parametrize("channel", [Channel.SMS, Channel.WHATSAPP, Channel.ALIMTALK])
def test_anybody_is_somebody_whom_the_channel_reaches_in_that_country(channel: Channel, country: str) -> None:
    found = read_recipient(channel, anybody(channel, country).value)
    assert (found.address, found.country) == (anybody(channel, country), country)


def test_anybody_is_there_where_no_country_is_known() -> None:
    assert read_recipient(Channel.LINE, anybody(Channel.LINE, "").value).address == anybody(Channel.LINE, "TW")
    assert read_recipient(Channel.SMS, anybody(Channel.SMS, "").value).country == "US"
    assert anybody(Channel.SMS, "XX") == anybody(Channel.SMS, "")
