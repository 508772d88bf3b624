"""
What each provider can do: the capability matrix, made from what the adapters declare.
"""

from typing import Any

from pydantic import SecretStr

from sendyard.providers.abilities import AccountProbe, BalanceQuery, MediaUpload, ReportPolling, SubmitLookup
from sendyard.providers.contract import Adapter
from sendyard.providers.registry import adapter, adapters

_ABILITIES: tuple[tuple[str, type], ...] = (
    ("balance", BalanceQuery),
    ("lookup", SubmitLookup),
    ("media_upload", MediaUpload),
    ("polling", ReportPolling),
    ("test", AccountProbe),
)


def capabilities() -> list[dict[str, Any]]:
    """Every provider, by its slug."""
    return [_described(found) for found in adapters().values()]


def capabilities_of(slug: str) -> dict[str, Any]:
    """One provider. Raises NotFound naming the known ones."""
    return _described(adapter(slug))


def _described(found: Adapter) -> dict[str, Any]:
    spec = found.spec
    abilities = [name for name, ability in _ABILITIES if isinstance(found, ability)]
    if spec.inbound:
        abilities.append("inbound")
    return {
        "slug": spec.slug,
        "name": spec.name,
        "channels": sorted(channel.value for channel in spec.channels),
        "countries": sorted(spec.countries),
        "abilities": sorted(abilities),
        "batch_limit": spec.batch.limit,
        "callback_auth": spec.callback_auth.value,
        "rate_per_second": spec.rate.per_second,
        "rate_unit": spec.rate.unit.value,
        "open_requests": spec.rate.open_requests,
        "dedup_seconds": spec.reference.dedup_seconds,
        "docs": list(spec.docs),
        "settings": _settings(found),
    }


def _settings(found: Adapter) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": field.title or name,
            "description": field.description or "",
            "required": field.is_required(),
            "secret": _is_secret(field.annotation),
        }
        for name, field in found.Account.model_fields.items()
    ]


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())
