"""
The accounts of the demo: which accounts there are, and what goes wrong with whom.

Everything that goes wrong is tied to people or to a number of requests, never to a moment, so that two runs with one
seed count alike however fast the machine is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from itertools import islice
from typing import Any

from sendyard.cli.demo_people import COUNTRIES, Person
from sendyard.domain.channels import Channel
from sendyard.domain.errors import ErrorKind
from sendyard.emulator.scenarios import Callbacks, Error, Hang, Latency, Outcome, Refuse, Rule, Throttle
from sendyard.providers.contract import Adapter
from sendyard.providers.emulation import LoadTarget
from sendyard.providers.registry import adapters_for, emulator

_PRICES = {"KR": Decimal("0.0120"), "TW": Decimal("0.0240"), "US": Decimal("0.0083")}  # invented, US dollars a part
_PER_ROUTE = 3
OUTAGE = "outage"
"""Name of the rule that lasts until the demo ends it."""


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """One account of the demo: its name, its credentials, and how scenarios name it."""

    name: str
    country: str
    provider: str
    settings: Mapping[str, str]  # without base_url
    sender: str
    price: Decimal
    one_by_one: bool  # one message in a request

    @property
    def credential(self) -> str:
        """What stands in every request of this account: the first field of its settings names it."""
        return next(iter(self.settings.values()))


def demo_accounts() -> list[DemoAccount]:
    """
    Give three accounts for each country, first choice first.

    Two are at the provider that knows the country best, the third at the one that knows the most countries.
    """
    made: list[DemoAccount] = []
    for country in COUNTRIES:
        # Those whose emulators are made for load: a thousand people should not wait for a small provider's limit.
        fitting = [fit for fit in adapters_for(country, Channel.SMS) if isinstance(emulator(fit.spec.slug), LoadTarget)]
        worldly = [fit for fit in fitting if not fit.spec.home]
        for place, adapter in enumerate((fitting[0], fitting[0], worldly[-1]), 1):
            number = 1 + sum(account.provider == adapter.spec.slug for account in made)
            made.append(_account(adapter, country, f"{country}-{place} {adapter.spec.slug}", number))
    return made


def failing(planned: Sequence[DemoAccount]) -> tuple[DemoAccount, DemoAccount]:
    """
    Choose the account that is down at first, and the one that takes its messages.

    At a provider that takes one message a request each refusal concerns one person, so how many messages
    share a request, which is a matter of speed, changes no count.
    """
    by_country = ([account for account in planned if account.country == country] for country in COUNTRIES)
    return next((first, second) for first, second, *_ in by_country if first.one_by_one and second.one_by_one)


def scenarios(planned: Sequence[DemoAccount], people: Sequence[Person], seed: str) -> list[Rule]:
    """Give the rules for the emulators; where two concern the same request, the earlier one wins."""
    down, stand_in = failing(planned)
    rules = [
        Rule(name=OUTAGE, account=down.credential, effect=Error(), scope="all"),
        Rule(
            name="too fast",
            account=stand_in.credential,
            effect=Throttle(retry_after=1),
            count=max(1, len(people) // 80),
        ),
    ]
    for place, account in enumerate(account for account in planned if not account.one_by_one):
        # Of each country's first account one whole request is accepted, and nobody says so.
        if account.name.startswith(f"{account.country}-1"):
            effect = Hang(seconds=1.5) if place else Error(status=500, accepted=True)
            rules.append(Rule(name=f"silence {account.name}", account=account.credential, effect=effect, count=1))
    rules.append(Rule(name="distance", effect=Latency(seconds=0.01, up_to=0.12)))
    return [*rules, *_of_people(planned, people, seed, down.country)]


def _of_people(planned: Sequence[DemoAccount], people: Sequence[Person], seed: str, down: str) -> Iterator[Rule]:
    hundred = len(people) / 100
    everybody = iter(sorted(people, key=lambda person: _draw(seed, person)))
    # Few, because five silences in a row would be taken for another outage.
    there = iter(
        sorted((person for person in people if person.country == down), key=lambda p: _draw(f"{seed} doubt", p))
    )

    def some(share: float) -> tuple[str, ...]:
        return tuple(person.e164 for person in islice(everybody, max(1, round(share * hundred))))

    def two() -> tuple[str, ...]:
        return tuple(person.e164 for person in islice(there, 2))

    yield Rule(name="no answer", recipients=two(), effect=Hang(seconds=1), per_recipient=1)
    yield Rule(
        name="error after acceptance", recipients=two(), effect=Error(status=500, accepted=True), per_recipient=1
    )
    yield Rule(name="no such number", recipients=some(1.0), effect=Refuse(kind=ErrorKind.INVALID_RECIPIENT))
    yield Rule(name="content", recipients=some(0.3), effect=Refuse(kind=ErrorKind.CONTENT_REJECTED))
    yield Rule(name="opted out", recipients=some(0.2), effect=Refuse(kind=ErrorKind.OPTED_OUT))
    for account in planned:
        if account.name.startswith(f"{account.country}-1") and account.country != down:
            unknown = some(0.5)
            effect = Refuse(kind=ErrorKind.NOT_REGISTERED)
            yield Rule(name=f"sender {account.name}", account=account.credential, recipients=unknown, effect=effect)
    failed = Outcome(status="failed", kind=ErrorKind.UNDELIVERABLE)
    yield Rule(name="handset", recipients=some(1.2), effect=failed)
    yield Rule(name="late", recipients=some(5), effect=Callbacks(delay=1.5))
    yield Rule(name="doubled", recipients=some(6), effect=Callbacks(copies=2))
    yield Rule(name="reordered", recipients=some(6), effect=Callbacks(reordered=True))
    yield Rule(name="doubled and reordered", recipients=some(3), effect=Callbacks(copies=2, reordered=True))
    yield Rule(name="early", recipients=some(3), effect=Callbacks(early=True))


def registration(account: DemoAccount, callback_url: str) -> dict[str, Any]:
    """What the emulator must know of an account, as its owner would enter it in the provider's console."""
    return {"provider": account.provider, **account.settings, "callback_url": callback_url}


def _account(adapter: Adapter, country: str, name: str, number: int) -> DemoAccount:
    spec = adapter.spec
    emulated = emulator(spec.slug)
    # The same invented credentials with another last digit are another account.
    settings = {field: f"{value[:-1]}{number}" for field, value in emulated.sample_account.items()}
    return DemoAccount(
        name, country, spec.slug, settings, emulated.sample_sender, _PRICES[country], one_by_one=spec.batch.limit == 1
    )


def _draw(seed: str, person: Person) -> bytes:
    return blake2b(f"{seed}\x1f{person.e164}".encode(), digest_size=16).digest()
