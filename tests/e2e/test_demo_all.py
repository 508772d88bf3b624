"""
The demo of all providers: as a person runs it, and what it is made of.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from sendyard.cli.demo_all import is_good
from sendyard.cli.demo_all_manners import Manners, manners
from sendyard.cli.demo_all_parts import Part, faults, parts
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Text
from sendyard.emulator.magic import is_magic
from sendyard.emulator.scenarios import Callbacks, Error, Hang, Reset, Rule, Throttle
from sendyard.providers.abilities import SubmitLookup
from sendyard.providers.contract import Outgoing, ProtocolError
from sendyard.providers.registry import SLUGS, adapter, adapters, emulator
from tests.e2e.conftest import Command, Process

Start = Callable[..., Process]
EACH = 3
SUMMED = ("recipients", "accepted", "sent", "delivered", "failed", "unknown", "open", "lost", "duplicated")


@pytest.fixture(scope="module")
def planned() -> list[Part]:
    return parts(EACH, "1")


def by_slug(planned: list[Part], slug: str) -> Part:
    return next(part for part in planned if part.slug == slug)


def test_every_provider_survives_two_faults_without_a_message_lost_or_doubled(process: Start) -> None:
    demo = process("demo", "--all", "--exit", "--json", "--recipients", str(EACH), "--seed", "4", "--port", "0")
    document = json.loads(demo.rest())
    assert demo.wait() == 0, demo.err
    assert "Traceback" not in demo.err
    assert [line["provider"] for line in document["providers"]] == list(SLUGS)
    assert (document["lost"], document["duplicated"], document["unknown"], document["open"]) == (0, 0, 0, 0)
    for line in document["providers"]:
        arrived = line["delivered"] if line["reports"] else line["sent"]
        assert (line["provider"], line["accepted"], arrived, line["failed"]) == (line["provider"], EACH, EACH, 0)
        assert [fault["hits"] for fault in line["faults"]] == [1, 1], line
        assert 0 < line["seconds"] <= document["seconds"]
    for name in SUMMED:
        assert document[name] == sum(line[name] for line in document["providers"])


def test_person_sees_a_table_of_all_providers(process: Start) -> None:
    demo = process("demo", "--all", "--exit", "--recipients", "2")
    assert f"{len(SLUGS)} providers, {2 * len(SLUGS)} people" in demo.line()
    heading = demo.line("faults injected")
    assert heading.split()[:7] == ["provider", "accepted", "delivered", "failed", "unknown", "lost", "duplicated"]
    for slug in SLUGS:
        assert "too fast, " in demo.line(slug)
    assert "Lost: 0. Received twice: 0." in demo.line("delivered, ")
    assert demo.wait() == 0


@pytest.mark.parametrize("count", ["1", "501"])
def test_too_few_or_too_many_people_for_each_provider_are_refused(sendyard: Command, count: str) -> None:
    said = sendyard("demo", "--all", "--recipients", count)
    assert said.code == 2
    assert f"Expected 2 to 500, found {count}." in said.err


@pytest.mark.parametrize("trouble", ["lost", "duplicated", "open"])
def test_anything_lost_doubled_or_open_makes_the_demo_fail(trouble: str) -> None:
    fine = {"lost": 0, "duplicated": 0, "open": 0}
    assert is_good(fine)
    assert not is_good({**fine, trouble: 1})


def test_equal_seeds_give_equal_parts_and_another_seed_other_faults(planned: list[Part]) -> None:
    assert parts(EACH, "1") == planned
    assert [part.faults for part in parts(EACH, "2")] != [part.faults for part in planned]


def test_no_person_gets_messages_of_two_providers(planned: list[Part]) -> None:
    everybody = [to for part in planned for to in part.recipients]
    assert len(set(everybody)) == len(everybody) == EACH * len(SLUGS)
    assert not any(is_magic(to) for to in everybody)


def test_every_provider_sends_in_a_country_it_reaches(planned: list[Part]) -> None:
    for part in planned:
        reached = adapters()[part.slug].spec.countries
        assert not reached or part.country in reached


def test_text_is_registered_exactly_where_the_provider_sends_templates(planned: list[Part]) -> None:
    for part in planned:
        plain = isinstance(emulator(part.slug).sample_content("text"), Text)
        assert (part.registered is None) is plain
        if part.registered:
            assert list(part.registered["forms"]) == [part.slug]


def test_whoever_can_be_asked_or_repeats_safely_gets_a_fault_that_leaves_doubt(planned: list[Part]) -> None:
    certain = [
        slug for slug, one in adapters().items() if one.spec.reference.dedup_seconds or isinstance(one, SubmitLookup)
    ]
    assert certain
    for slug in certain:
        assert isinstance(by_slug(planned, slug).faults[1].effect, Error | Hang | Reset)


def test_silence_of_a_provider_is_known(planned: list[Part]) -> None:
    silent = {part.slug for part in planned if not part.reports}
    rule = "messages_arrive_and_their_reports_come_back"
    assert silent == {slug for slug, one in adapters().items() if rule in one.spec.exemptions}


def second(rules: list[Rule]) -> object:
    first, other = rules
    assert isinstance(first.effect, Throttle)
    assert {rule.count for rule in rules} == {1}
    return other.effect


def test_fault_never_leaves_a_doubt_that_nothing_could_settle() -> None:
    sure = Manners(settles_doubt=True, refuses_when_resting=False, reports=True)
    drawn = [second(faults("somebody", sure, str(seed))) for seed in range(30)]
    assert {type(effect) for effect in drawn} == {Error, Hang, Reset}
    assert all(getattr(effect, "accepted", False) for effect in drawn)
    unsure = replace(sure, settles_doubt=False)
    assert second(faults("somebody", unsure, "1")) == Callbacks(copies=2, reordered=True)
    assert second(faults("somebody", replace(unsure, refuses_when_resting=True), "1")) == Error()


def test_sample_message_that_an_emulator_refuses_is_told() -> None:
    nobody = Outgoing("m", "r-1", Channel.SMS, Address.phone("+1"), emulator("twilio").sample_sender, Text("Hello"))
    with pytest.raises(ProtocolError, match="to accept a sample message"):
        manners(adapter("twilio"), emulator("twilio"), nobody)
