"""
The parts of the demo of all providers: one account, one text, some people and two faults for each.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import count, islice
from typing import Any

from sendyard.cli.demo_all_manners import Manners, account_fields, manners
from sendyard.cli.demo_people import people
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.domain.ids import attempt_id
from sendyard.domain.phone import parse_phone
from sendyard.domain.template import compile_template
from sendyard.emulator.magic import is_magic
from sendyard.emulator.scenarios import Callbacks, Effect, Error, Hang, Reset, Rule, Throttle
from sendyard.providers.contract import Adapter, Outgoing
from sendyard.providers.emulation import Emulator
from sendyard.providers.registry import adapters, emulators

TEXT = "Hello {name}, your parcel {parcel} arrives today."
_NAMES = ("Ava", "Liam", "Mia", "Noah", "Zoe", "Ethan", "Ruby", "Owen", "Ivy", "Caleb")
_ANYWHERE = "US"
_OF_LETTERS = "TW"  # where senders of letters are taken; the United States take none
_COUNTRIES = ("IN", "KR", "TW", "US")

_AFTER_ACCEPTANCE: tuple[tuple[str, Effect], ...] = (
    ("error 500 after acceptance", Error(status=500, accepted=True)),
    ("no answer after acceptance", Hang(seconds=1)),
    ("connection reset after acceptance", Reset(accepted=True)),
)
"""Faults that leave it unknown whether the provider has the message."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one provider does in the demo."""

    slug: str
    provider: str  # its name
    channel: Channel
    country: str
    settings: Mapping[str, str]  # without base_url
    sender: str
    recipients: Sequence[str]  # as the provider's mailbox has them
    registered: Mapping[str, Any] | None  # what the text is called there; None: it is sent as it is
    faults: Sequence[Rule]
    reports: bool  # False: that it was accepted is all one ever hears

    @property
    def spreadsheet(self) -> bytes:
        """The file of its campaign."""
        output = io.StringIO()
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(("recipient", "name", "parcel"))
        writer.writerows((to, *_values(place).values()) for place, to in enumerate(self.recipients))
        return output.getvalue().encode()


def parts(recipients: int, seed: str) -> list[Part]:
    """Give every provider its part, with so many people each; equal seeds give equal parts."""
    made = []
    used: Counter[str] = Counter()
    for slug, adapter in adapters().items():
        emulator = emulators()[slug]
        country = _country(adapter, emulator)
        numbers = islice(_numbers(country), used[country], used[country] + recipients)
        used[country] += recipients
        made.append(_part(adapter, emulator, country, list(numbers), seed))
    return made


def faults(slug: str, found: Manners, seed: str) -> list[Rule]:
    """
    Give two faults that this provider's messages must survive, each for one request.

    Where nothing could ever settle what an unanswered request did, the second is one that leaves no doubt.
    """
    draw = blake2b(f"{seed}\x1f{slug}".encode(), digest_size=1).digest()[0]
    if found.settles_doubt:
        name, effect = _AFTER_ACCEPTANCE[draw % len(_AFTER_ACCEPTANCE)]
    elif found.refuses_when_resting:
        name, effect = "not now", Error()
    else:
        name, effect = "reports twice, last first", Callbacks(copies=2, reordered=True)
    return [
        Rule(name="too fast", provider=slug, effect=Throttle(retry_after=1), count=1),
        Rule(name=name, provider=slug, effect=effect, count=1),
    ]


def registered_as(emulator: Emulator, text: str) -> Mapping[str, Any] | None:
    """What a text of ours is called at this provider; None where it goes as it is."""
    content = emulator.sample_content(text)
    if not isinstance(content, TemplateRef):
        return None
    form = {"name": content.name, "language": content.language, "variables": dict(content.variables)}
    return {"forms": {emulator.spec.slug: form}}


def _part(adapter: Adapter, emulator: Emulator, country: str, numbers: Sequence[str], seed: str) -> Part:
    slug = adapter.spec.slug
    addresses = [emulator.sample_address(number) for number in numbers]
    rehearsed = Outgoing(
        message_id="rehearsal",
        reference=attempt_id("01a1fbba-0000-7000-8000-000000000002", 1),
        channel=emulator.sample_channel,
        to=addresses[0],
        sender=emulator.sample_sender,
        content=emulator.sample_content(compile_template(TEXT).render(_values(0))),
        country=country,
    )
    found = manners(adapter, emulator, rehearsed)
    return Part(
        slug=slug,
        provider=adapter.spec.name,
        channel=emulator.sample_channel,
        country=country,
        settings=account_fields(adapter, emulator),
        sender=emulator.sample_sender,
        recipients=[address.value for address in addresses],
        registered=registered_as(emulator, TEXT),
        faults=faults(slug, found, seed),
        reports=found.reports,
    )


def _values(place: int) -> dict[str, str]:
    return {"name": _NAMES[place % len(_NAMES)], "parcel": f"P-{1000 + place}"}


def _country(adapter: Adapter, emulator: Emulator) -> str:
    """Where the provider is at home; for one at home nowhere, where its sender is from."""
    spec = adapter.spec
    if home := min(spec.home or spec.countries, default=""):
        return home
    if emulator.sample_sender.isalpha():
        return _OF_LETTERS
    sender = parse_phone(f"+{emulator.sample_sender.removeprefix('+')}")
    return sender.country if sender.country in _COUNTRIES else _ANYWHERE


def _numbers(country: str) -> Iterator[str]:
    """Invented numbers, never one of the magic endings."""
    if country == "IN":
        found = (f"+9190000{serial:05d}" for serial in count(1))
        return (number for number in found if not is_magic(number))
    return (person.e164 for person in people(_PLENTY) if person.country == country)


_PLENTY = 27_000
