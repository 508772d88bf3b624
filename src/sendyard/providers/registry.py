"""
The providers there are: one line each, imported only when asked for, so that commands start quickly.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from sendyard.domain.channels import Channel
from sendyard.domain.errors import NotFound
from sendyard.providers.contract import Adapter
from sendyard.providers.emulation import Emulator
from sendyard.providers.spec import ProviderSpec

SLUGS: tuple[str, ...] = (
    "aisensy",
    "bizgo",
    "every8d",
    "fast2sms",
    "generic_http",
    "gupshup_sms",
    "gupshup_whatsapp",
    "interakt",
    "kaleyra",
    "line",
    "meta_cloud",
    "mitake",
    "msg91",
    "openphone",
    "sleekflow",
    "twilio",
    "twofactor",
    "wati",
)


def adapter(slug: str) -> Adapter:
    """Our side of one provider. Raises AppError `NotFound` naming the known slugs."""
    found: Adapter = _exposed(slug, "ADAPTER")
    return found


def emulator(slug: str) -> Emulator:
    """The provider's side of one wire. Raises AppError `NotFound` naming the known slugs."""
    found: Emulator = _exposed(slug, "EMULATOR")
    return found


@cache
def adapters() -> Mapping[str, Adapter]:
    """Every adapter by slug, in alphabetical order."""
    return MappingProxyType({slug: adapter(slug) for slug in SLUGS})


@cache
def emulators() -> Mapping[str, Emulator]:
    """Every emulator by slug, in alphabetical order."""
    return MappingProxyType({slug: emulator(slug) for slug in SLUGS})


def adapters_for(country: str, channel: Channel) -> list[Adapter]:
    """
    Adapters that can carry `channel` to `country` (ISO 3166 alpha-2), most specific first.

    One bound to or at home in fewer countries is more specific; then those at home nowhere in particular; one that
    is at home elsewhere comes last.
    """
    code = country.upper()
    fitting = [
        candidate
        for candidate in adapters().values()
        if channel in candidate.spec.channels and (not candidate.spec.countries or code in candidate.spec.countries)
    ]
    return sorted(fitting, key=lambda fit: (*_distance(fit.spec, code), fit.spec.slug))


def _distance(spec: ProviderSpec, country: str) -> tuple[bool, int]:
    known = spec.home or spec.countries
    return country not in known, len(known)


def _exposed(slug: str, name: str) -> Any:
    if slug not in SLUGS:
        known = ", ".join(SLUGS)
        raise NotFound("unknown_provider", f"There is no provider {slug!r}; the known ones are: {known}.")
    return getattr(import_module(f"sendyard.providers.{slug}"), name)
