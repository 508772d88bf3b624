"""
Visits of short addresses: which of them count, when they are written down, and how little is kept of whoever came.
"""

import asyncio
import contextlib

import pytest

from sendyard.features.links import clicks as clicks_module
from sendyard.features.links import queries
from sendyard.features.links.clicks import shorten, visitor
from tests.features.link_desk import CRAWLER, PHONE, LinkDesk
from tests.yard import Yard, only_sqlite


@pytest.fixture
def desk(yard: Yard) -> LinkDesk:
    return LinkDesk(yard)


async def test_people_count_and_machines_are_noted_with_the_reason(desk: LinkDesk) -> None:
    short = (await desk.add())["short_url"]
    await desk.visit(short)
    await desk.visit(short, method="HEAD")
    await desk.visit(short, agent=CRAWLER)
    await desk.visit(short, headers={"sec-purpose": "prefetch"})
    await desk.links.edit(desk.yard.workspace_id, "sale", expires_in=0)
    await desk.visit(short)
    assert await desk.reasons() == ["", "head", "crawler", "prefetch", "ended"]
    found = await desk.get()
    # Nobody in particular is no person of ours.
    assert found["visits"] == {"people": 0, "clicks": 1, "filtered": 4}
    assert found["filtered_reasons"] == {"crawler": 1, "ended": 1, "head": 1, "prefetch": 1}
    workspace_id = desk.yard.workspace_id
    visits = await desk.links.clicks(workspace_id, "sale", limit=2)
    assert [one["filtered"] for one in visits] == ["ended", "prefetch"]
    rest = await desk.links.clicks(workspace_id, "sale", before=visits[-1]["id"], counted=True)
    assert [(one["filtered"], one["device"], one["to"], one["row"]) for one in rest] == [(None, "iphone", None, None)]


async def test_whoever_opens_many_peoples_addresses_within_a_second_is_a_machine(desk: LinkDesk) -> None:
    await desk.add()
    workspace_id = desk.yard.workspace_id
    short = [
        (await desk.addresses.of_message(workspace_id, ["link.sale"], {}, f"m{index}"))["link.sale"]
        for index in range(6)
    ]
    began = desk.now
    for index, address in enumerate(short):
        desk.now = began + 150 * index
        await desk.visit(address, source="9.9.9.9")
    await desk.visit(short[0], source="9.9.9.9", agent=PHONE.replace("iPhone", "iPad"))
    await desk.visit(short[1], source="")
    for index, address in enumerate(short):
        desk.now = began + 60_000 + 2_000 * index
        await desk.visit(address, source="9.9.9.9")
    # Their messages are not there, so that what does not look like a machine is still nobody's click.
    assert await desk.reasons() == ["at_once"] * 6 + ["not_sent"] * 8


async def test_visits_wait_a_second_so_that_their_neighbours_are_known(desk: LinkDesk) -> None:
    short = (await desk.add())["short_url"]
    await desk.visit(short)
    await desk.clicks._round(up_to=desk.now - 1000)
    assert desk.yard.rows("SELECT 1 FROM link_clicks") == []
    desk.now += 1000
    await desk.clicks._round(up_to=desk.now - 1000)
    assert desk.yard.rows("SELECT reason FROM link_clicks") == [("",)]


async def test_what_waits_is_written_when_the_process_stops(desk: LinkDesk) -> None:
    short = (await desk.add())["short_url"]
    running = asyncio.create_task(desk.clicks.run())
    await asyncio.sleep(0)
    await desk.visit(short)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert desk.yard.rows("SELECT reason FROM link_clicks") == [("",)]


@only_sqlite
async def test_visits_are_tried_again_after_the_database_was_away(
    desk: LinkDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = (await desk.add())["short_url"]
    await desk.visit(short)
    with monkeypatch.context() as broken:
        broken.setattr(queries, "insert_clicks", lambda *_: 1 / 0)
        await desk.clicks.flush()
    assert await desk.reasons() == [""]


@only_sqlite
async def test_flood_is_answered_and_not_counted(
    desk: LinkDesk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(clicks_module, "MOST_WAITING", 2)
    short = (await desk.add())["short_url"]
    for _ in range(5):
        await desk.visit(short)
    assert await desk.reasons() == ["", ""]
    assert "3 visits of short links came faster" in caplog.text


async def test_of_a_network_address_only_a_hash_of_its_neighbourhood_is_kept(desk: LinkDesk) -> None:
    short = (await desk.add())["short_url"]
    for source in ("9.9.9.9", "9.9.9.200", "9.9.8.9", ""):
        await desk.visit(short, source=source)
    await desk.reasons()
    places = [place for (place,) in desk.yard.rows("SELECT place FROM link_clicks ORDER BY id")]
    assert places[0] == places[1]
    assert len({*places}) == 3
    assert places[3] == ""
    assert "9.9" not in "".join(places)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("9.9.9.9", "", "9.9.9.9"),
        ("9.9.9.9", "8.8.4.4", "9.9.9.9"),
        ("127.0.0.1", "", ""),
        ("127.0.0.1", "1.1.1.1, 9.9.9.9", "9.9.9.9"),
        ("10.0.0.2", "9.9.9.9, 10.0.0.1", "9.9.9.9"),
        ("10.0.0.2", "unknown, _hidden", ""),
        ("", "9.9.9.9", ""),
        ("2606:4700::1", "", "2606:4700::1"),
    ],
)
def test_visitor_is_whom_our_own_proxy_saw(peer: str, forwarded: str, expected: str) -> None:
    assert visitor(peer, forwarded) == expected


def test_networks_are_shortened() -> None:
    assert shorten("9.9.9.77") == "9.9.9.0/24"
    assert shorten("2606:4700:1:2::3") == "2606:4700:1::/48"
    assert shorten("nowhere") == ""
