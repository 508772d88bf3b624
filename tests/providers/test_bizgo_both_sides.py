"""
BizGO's adapter and its emulated side agree on every channel beyond text messages.
"""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Interactive, Media, MediaItem, TemplateRef, Text
from sendyard.domain.status import ReportStatus
from sendyard.providers.abilities import Found, MediaFile, NotFound, UploadedMedia
from sendyard.providers.bizgo import ADAPTER
from sendyard.providers.contract import Accepted, Outgoing, Receipt, Refused
from sendyard.providers.emulation import Received, Report
from tests.providers.test_bizgo_channels import ALIMTALK, message
from tests.providers.wire_pair import Pair


class Yard(Pair):
    """Both sides, with an account that has a Kakao channel and an RCS brand."""

    def __post_init__(self) -> None:
        super().__post_init__()
        chosen = {"sender_key": "SK", "targeting": "M", "opt_out_number": "080-123-4567", "rcs_brand_key": "BK"}
        self.account = self.account.model_copy(update=chosen)

    def deliver(self, *batch: Outgoing) -> list[Received]:
        """Check and send one batch; gives what arrives."""
        before = len(self.received)
        assert not [problem for one in batch for problem in self.adapter.check(self.account, one)]
        receipts: list[Receipt] = self.submit(batch)
        assert all(isinstance(receipt, Accepted) and receipt.provider_ref for receipt in receipts), receipts
        return self.received[before:]

    def uploaded(self, channel: Channel, filename: str = "a.png") -> str:
        data = b"\x89PNG\r\n\x1a\n invented"
        request = ADAPTER.build_upload(self.call(), MediaFile(channel, filename, "image/png", data))
        uploaded = ADAPTER.parse_upload(self.exchange(request))
        assert isinstance(uploaded, UploadedMedia), uploaded
        return uploaded.handle


@pytest.fixture
def yard() -> Yard:
    return Yard("bizgo")


def test_both_sides_agree_on_alimtalk_with_buttons(yard: Yard) -> None:
    attachment = {"button": [{"type": "WL", "name": "보기", "urlMobile": "https://a.test/#{no}"}]}
    brought = {"alimtalk.attachment": json.dumps(attachment)}
    batch = [
        message(
            TemplateRef("T", variables={"no": f"A-{number}"}, body=f"주문 A-{number} #{{x}}"),
            Channel.ALIMTALK,
            to=Address.phone(f"+82100000000{number}"),
            registration=brought,
        )
        for number in (1, 2)
    ]
    arrived = yard.deliver(*batch)
    assert [received.text for received in arrived] == ["주문 A-1 #{x}", "주문 A-2 #{x}"]
    assert [json.loads(received.extra["attachment"])["button"][0]["urlMobile"] for received in arrived] == [
        "https://a.test/A-1",
        "https://a.test/A-2",
    ]


def test_both_sides_agree_on_brand_messages(yard: Yard) -> None:
    (plain,) = yard.deliver(message("가을 #{x} 😀", Channel.BRANDMESSAGE))
    assert (plain.channel, plain.text, plain.sender) == (Channel.BRANDMESSAGE, "가을 #{x} 😀", "SK")
    handle = yard.uploaded(Channel.BRANDMESSAGE)
    (shown,) = yard.deliver(message(Media((MediaItem("image/png", handle=handle),), "가을"), Channel.BRANDMESSAGE))
    assert shown.media == (handle,)
    pressed = Interactive("가을", [Choice("https://a.test", "보기")], header="특가")
    (buttoned,) = yard.deliver(message(pressed, Channel.BRANDMESSAGE))
    assert (buttoned.extra["header"], "https://a.test" in buttoned.extra["attachment"]) == ("특가", True)
    wide = yard.uploaded(Channel.BRANDMESSAGE, "wide/a.png")
    assert "/wide/" in wide
    again = message(
        "가을",
        Channel.BRANDMESSAGE,
        registration={
            "brandmessage.msgType": "FW",
            "brandmessage.attachment": json.dumps({"image": {"imgUrl": wide}}),
        },
    )
    assert yard.deliver(again)[0].media == (wide,)


def test_both_sides_agree_on_a_brand_messages_template() -> None:
    templates = [{"templateCode": "BM", "text": "#{name}님께"}]
    yard = Yard("bizgo", callbacks=True, console={"brand_templates": templates, "report_mode": "WEBHOOK"})
    (arrived,) = yard.deliver(message(TemplateRef("BM", variables={"name": "가"}), Channel.BRANDMESSAGE))
    assert (arrived.text, arrived.template, dict(arrived.variables)) == ("가님께", "BM", {"name": "가"})


def test_both_sides_agree_on_rcs(yard: Yard) -> None:
    (plain,) = yard.deliver(message("안내 #{x} 😀", Channel.RCS))
    assert (plain.channel, plain.text, plain.template) == (Channel.RCS, "안내 #{x} 😀", "RPSSAXX001")
    choices = [Choice("tel:15880000", "전화"), Choice("https://a.test", "보기")]
    pressed = message(Interactive("오늘만", choices, header="특가"), Channel.RCS, purpose=Purpose.PROMOTIONAL)
    (advert,) = yard.deliver(pressed)
    assert (advert.text, advert.extra["title"]) == ("오늘만", "특가")
    assert (advert.extra["header"], advert.extra["footer"]) == ("1", "080-123-4567")
    handle = yard.uploaded(Channel.RCS)
    (shown,) = yard.deliver(message(Media((MediaItem("image/png", handle=handle),), "안내"), Channel.RCS))
    assert (shown.media, shown.template) == ((handle,), "RPMSMTX001")
    own = TemplateRef("UBR.1", variables={"title": "주문", "description": "#{y} 도착"})
    (filled,) = yard.deliver(message(own, Channel.RCS))
    assert (filled.text, filled.extra["title"]) == ("#{y} 도착", "주문")


def test_both_sides_agree_on_messages_abroad(yard: Yard) -> None:
    numbers = ("+886912000001", "+14155550123", "+886912000002")
    batch = [message(f"您的訂單 {to} 😀", to=Address.phone(to)) for to in numbers]
    arrived = yard.deliver(*batch)
    assert [(received.to, received.channel) for received in arrived] == [(to, Channel.SMS) for to in numbers]
    assert arrived[0].text == "您的訂單 +886912000001 😀"
    (long,) = yard.deliver(message("가" * 80, to=Address.phone(numbers[0])))
    assert long.parts == 2
    yard.emulator.settle(yard.state, long, Report(ReportStatus.DELIVERED, yard.now))
    poll = ADAPTER.parse_poll(yard.call(), (), yard.exchange(ADAPTER.build_poll(yard.call(), "", ())))
    assert [(event.status, event.channel, event.parts) for event in cast("list[Any]", poll.events)] == [
        ("delivered", "sms", 2)
    ]


def test_both_sides_agree_on_a_chain_of_four_channels(yard: Yard) -> None:
    chain = (
        (Channel.RCS, Text("안내 RCS")),
        (Channel.ALIMTALK, ALIMTALK),
        (Channel.SMS, Text("안내 문자")),
    )
    (arrived,) = yard.deliver(message("안내 브랜드", Channel.BRANDMESSAGE, fallback=chain))
    assert arrived.fallback == (
        (Channel.RCS, "안내 RCS"),
        (Channel.ALIMTALK, "안내"),
        (Channel.SMS, "안내 문자"),
    )


def test_both_sides_agree_on_a_reservation() -> None:
    yard = Yard("bizgo")
    at = yard.now + timedelta(hours=1)
    later = message("내일 방문", registration={"send_at": at.isoformat()})
    assert yard.deliver(later) == []
    asked = yard.exchange(ADAPTER.build_lookup(yard.call(), later, yard.now))
    assert ADAPTER.parse_lookup(later, yard.now, asked) == Found("")
    other = replace(later, reference="ref-2")
    assert ADAPTER.parse_lookup(other, yard.now, asked) == NotFound()
    yard.now = at
    ADAPTER.parse_poll(yard.call(), (), yard.exchange(ADAPTER.build_poll(yard.call(), "", ())))
    assert [(received.text, received.reference) for received in yard.received] == [("내일 방문", "ref-1")]


def test_a_reservation_too_soon_is_refused_by_bizgo() -> None:
    yard = Yard("bizgo")
    soon = message("지금", registration={"send_at": (yard.now + timedelta(minutes=5)).isoformat()})
    (receipt,) = yard.submit([soon])
    assert isinstance(receipt, Refused)
    assert receipt.error.code == "A316"
