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
        with pytest.raises(NotFound, match=", ".join(SLUGS)):
            find(slug)


COUNTRIES = [*sorted({country for found in adapters().values() for country in found.spec.countries}), "US", "tw"]


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("channel", Channel)
def test_every_provider_that_fits_is_found_the_nearest_first(country: str, channel: Channel) -> None:
    found = [fit.spec for fit in adapters_for(country, channel)]
    fitting = {
        slug
        for slug, known in adapters().items()
        if channel in known.spec.channels and (not known.spec.countries or country.upper() in known.spec.countries)
    }
    assert {spec.slug for spec in found} == fitting
    assert len(found) == len(fitting)
    homes = [spec.home or spec.countries for spec in found]
    places = ["here" if country.upper() in home else "elsewhere" if home else "nowhere" for home in homes]
    assert places == sorted(places, key=["here", "nowhere", "elsewhere"].index)
    here = [len(home) for home, place in zip(homes, places, strict=True) if place == "here"]
    assert here == sorted(here)
    nowhere = [spec.slug for spec, place in zip(found, places, strict=True) if place == "nowhere"]
    assert nowhere == sorted(nowhere)


def test_a_provider_of_the_country_comes_before_the_worldwide_one_and_a_foreign_one_last() -> None:
    for country, nearest in (("TW", "mitake"), ("kr", "bizgo"), ("IN", "fast2sms")):
        slugs = [fit.spec.slug for fit in adapters_for(country, Channel.SMS)]
        assert slugs.index(nearest) < slugs.index("twilio")
    american = [fit.spec.slug for fit in adapters_for("US", Channel.SMS)]
    assert not {"mitake", "fast2sms"} & set(american)
    assert american.index("twilio") < american.index("bizgo")


def test_no_provider_is_imported_before_it_is_asked_for() -> None:
    program = (
        "import sys, sendyard.providers.registry as registry;"
        "print(any(f'sendyard.providers.{slug}' in sys.modules for slug in registry.SLUGS))"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )
