"""
Who may have a request open, and who goes first.
"""

import asyncio

from sendyard.delivery.gate import Gate
from sendyard.domain.channels import Purpose

OTP, ORDER, OFFER = (p.priority for p in (Purpose.OTP, Purpose.TRANSACTIONAL, Purpose.PROMOTIONAL))


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_are_let_in_than_the_limit() -> None:
    gate = Gate()
    visits = [asyncio.create_task(gate.enter(ORDER, 3)) for _ in range(5)]
    await settled()
    assert gate.inside == 3
    gate.leave()
    await settled()
    assert [visit.done() for visit in visits].count(True) == 4
    gate.leave()
    await asyncio.gather(*visits)
    assert gate.inside == 3


async def test_the_most_urgent_enters_next_and_equals_in_the_order_they_came() -> None:
    gate = Gate()
    await gate.enter(ORDER, 1)
    entered: list[str] = []

    async def visit(name: str, priority: int) -> None:
        await gate.enter(priority, 1)
        entered.append(name)

    visits = [
        asyncio.create_task(visit(name, priority))
        for name, priority in (("offer", OFFER), ("first order", ORDER), ("second order", ORDER), ("code", OTP))
    ]
    await settled()
    for _ in range(4):
        gate.leave()
        await settled()
    await asyncio.gather(*visits)
    assert entered == ["code", "first order", "second order", "offer"]


async def test_offers_leave_a_tenth_of_the_places_to_what_is_urgent() -> None:
    gate = Gate()
    offers = [asyncio.create_task(gate.enter(OFFER, 20)) for _ in range(30)]
    await settled()
    assert gate.inside == 18
    code = asyncio.create_task(gate.enter(OTP, 20))
    await settled()
    assert code.done()
    assert gate.inside == 19
    for offer in offers:
        offer.cancel()


async def test_whoever_gives_up_waiting_takes_no_place() -> None:
    gate = Gate()
    await gate.enter(ORDER, 1)
    impatient = asyncio.create_task(gate.enter(OTP, 1))
    patient = asyncio.create_task(gate.enter(OFFER, 1))
    await settled()
    impatient.cancel()
    await settled()
    gate.leave()
    await asyncio.wait_for(patient, 60)
    assert gate.inside == 1


async def test_a_smaller_limit_counts_from_the_next_visit_on() -> None:
    gate = Gate()
    for _ in range(4):
        await gate.enter(ORDER, 4)
    late = asyncio.create_task(gate.enter(ORDER, 2))
    await settled()
    for _ in range(2):
        gate.leave()
    await settled()
    assert not late.done()
    gate.leave()
    await asyncio.wait_for(late, 60)
    assert gate.inside == 2
