"""
What becomes of our files at an account, foretold from its spec.
"""

import pytest

from sendyard.delivery.directory import AccountEntry
from sendyard.delivery.fitting import foreseen, unreachable
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, TemplateRef, Text
from sendyard.providers.contract import Outgoing
from tests.yard import PUBLIC_URL, Yard, only_sqlite

PICTURE = MediaItem("image/jpeg", "media:one", filename="바다.jpg", size=9_000_000)
PDF = MediaItem("application/pdf", "media:two", filename="menu.pdf", size=9_000)
ELSEWHERE = MediaItem("image/jpeg", "https://files.example/a.jpg")


def outgoing(content: Content, channel: Channel = Channel.MMS, **rest: Content) -> Outgoing:
    fallback = tuple((Channel.MMS, one) for one in rest.values())
    return Outgoing("m", "m", channel, Address.known("+821000000001"), "", content, fallback=fallback)


async def entry(yard: Yard, provider: str, **options: object) -> AccountEntry:
    found = yard.directory.account(await yard.account(provider, provider, **options))
    assert found is not None
    return found


def codes(public_url: str, account: AccountEntry, message: Outgoing) -> list[str]:
    return [problem.code for problem in foreseen(public_url, account, message)[1]]


@only_sqlite
async def test_a_stand_in_looks_like_what_the_provider_will_get(yard: Yard) -> None:
    korea, america = await entry(yard, "bizgo", sender="15880000"), await entry(yard, "twilio")
    message = outgoing(Media((PICTURE, ELSEWHERE), "look"))
    there, problems = foreseen(PUBLIC_URL, korea, message)
    assert isinstance(there.content, Media)
    ours, theirs = there.content.items
    assert (problems, bool(ours.handle), ours.url, theirs) == ([], True, "", ELSEWHERE)
    here, _ = foreseen(PUBLIC_URL, america, message)
    assert isinstance(here.content, Media)
    url = here.content.items[0].url
    assert url.startswith(f"{PUBLIC_URL}/media/public/one/")
    assert url.isascii()


@only_sqlite
async def test_a_webp_goes_as_another_picture_where_it_is_not_taken(yard: Yard) -> None:
    korea = await entry(yard, "bizgo", sender="15880000")
    webp = MediaItem("image/webp", "media:three", size=1)
    there, problems = foreseen(PUBLIC_URL, korea, outgoing(Media((webp,))))
    assert isinstance(there.content, Media)
    assert (problems, there.content.items[0].content_type) == ([], "image/jpeg")


@only_sqlite
async def test_texts_and_files_from_elsewhere_pass_untouched(yard: Yard) -> None:
    account = await entry(yard, "mitake")
    for content in (Text("hello"), Media((ELSEWHERE,)), TemplateRef("x", media=(ELSEWHERE,))):
        message = outgoing(content)
        assert foreseen("", account, message) == (message, [])


@only_sqlite
async def test_a_fallback_s_files_are_judged_by_its_own_channel(yard: Yard) -> None:
    korea = await entry(yard, "bizgo", sender="15880000")
    message = outgoing(TemplateRef("T"), Channel.ALIMTALK, mms=Media((PICTURE,), "x"))
    there, problems = foreseen("", korea, message)
    assert problems == []
    (_, content) = there.fallback[0]
    assert isinstance(content, Media)
    assert content.items[0].handle
    assert codes("", korea, outgoing(TemplateRef("T"), Channel.ALIMTALK, mms=Media((PDF,), "x"))) == [
        "media_type_not_taken"
    ]


@only_sqlite
async def test_every_reason_against_a_file_is_told(yard: Yard) -> None:
    america, taiwan = await entry(yard, "twilio"), await entry(yard, "mitake")
    film = MediaItem("video/mp4", "media:four", size=600_000)
    assert codes(PUBLIC_URL, america, outgoing(Media((film, PDF)))) == ["media_too_large"]
    assert codes(PUBLIC_URL, taiwan, outgoing(Media((PDF, PICTURE)))) == ["media_not_carried"]
    assert codes("", america, outgoing(Media((PDF, PICTURE)))) == ["media_needs_public_url"]
    assert codes("http://yard.example", america, outgoing(Media((PDF,)))) == ["media_needs_public_url"]


@only_sqlite
async def test_an_emulator_reaches_whatever_address_there_is_but_there_must_be_one(yard: Yard) -> None:
    emulated = await entry(yard, "twilio", settings={"base_url": "http://127.0.0.1:9"})
    message = outgoing(Media((PDF,)))
    assert codes("http://127.0.0.1:8025", emulated, message) == []
    assert codes("", emulated, message) == ["media_needs_public_url"]


@pytest.mark.parametrize(
    ("url", "is_fine"),
    [
        ("https://yard.example", True),
        ("https://8.8.8.8:8443", True),
        ("http://yard.example", False),
        ("https://localhost:8025", False),
        ("https://10.0.0.5", False),
        ("https://[::1]", False),
        ("https://yard.internal", False),
        ("", False),
    ],
)
def test_an_address_that_nobody_outside_reaches_is_recognised(url: str, is_fine: bool) -> None:
    assert (unreachable(url) == "") is is_fine
