"""
Which providers there are, and which of them fit.
"""

import subprocess
import sys

import pytest

from sendyard.domain.channels import Channel
from sendyard.domain.errors import NotFound
from sendyard.providers.registry import SLUGS, adapter, adapters, adapters_for, emulator, emulators


def test_every_provider_has_both_sides() -> None:
    assert list(adapters()) == list(emulators()) == sorted(SLUGS)
    assert all(adapter(slug) is adapters()[slug] and emulator(slug) is emulators()[slug] for slug in SLUGS)


@pytest.mark.parametrize("slug", ["", "nobody", "../twilio", "contract"])
def test_an_unknown_provider_is_answered_with_the_known_ones(slug: str) -> None:
    for find in (adapter, emulator):
        with pytest.raises(NotFound, match="bizgo, mitake, twilio"):
            find(slug)


@pytest.mark.parametrize(
    ("country", "channel", "slugs"),
    [
        ("TW", Channel.SMS, ["mitake", "twilio"]),
        ("kr", Channel.SMS, ["bizgo", "twilio"]),
        ("US", Channel.SMS, ["twilio"]),
        ("KR", Channel.ALIMTALK, ["bizgo"]),
        ("TW", Channel.LINE, []),
    ],
)
def test_the_provider_bound_to_the_country_comes_before_the_worldwide_one(
    country: str, channel: Channel, slugs: list[str]
) -> None:
    assert [fit.spec.slug for fit in adapters_for(country, channel)] == slugs


def test_no_provider_is_imported_before_it_is_asked_for() -> None:
    program = (
        "import sys, sendyard.providers.registry as registry;"
        "print(any(name.startswith(f'sendyard.providers.{slug}') for name in sys.modules for slug in registry.SLUGS))"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )
