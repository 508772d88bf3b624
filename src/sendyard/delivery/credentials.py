"""
Account settings between the vault and the adapters: the only code that holds them in clear.
"""

import json
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import SecretStr, ValidationError

from sendyard.domain.errors import FieldError, Invalid
from sendyard.providers.contract import AccountSettings, Adapter
from sendyard.storage.vault import Vault

MASK = "••••"
"""Stands for a secret wherever settings are shown; given back in an edit, it means "as it was"."""

_CODES = {"missing": "missing", "extra_forbidden": "unknown_field"}


def place(account_id: str) -> str:
    """Give the name an account's settings are sealed for."""
    return f"account:{account_id}"


def seal_settings(vault: Vault, account_id: str, settings: AccountSettings) -> bytes:
    """Encrypt settings for one account's row."""
    document = settings.model_dump(mode="json") | _secrets(settings)
    return vault.seal(json.dumps(document).encode(), place(account_id))


def open_settings(vault: Vault, account_id: str, sealed: bytes, adapter: Adapter) -> AccountSettings:
    """
    Decrypt and check the settings of one account.

    Raises:
        Invalid: the ring lacks the key, the value was changed, or the provider now asks for other fields.
    """
    return parse_settings(adapter, json.loads(vault.open(sealed, place(account_id))))


def parse_settings(adapter: Adapter, given: Mapping[str, Any]) -> AccountSettings:
    """
    Check what a person or caller gave for an account of this provider.

    Raises:
        Invalid: `bad_settings`, with one error per field under `/settings`; no value of a secret is repeated.
    """
    try:
        return adapter.Account.model_validate(dict(given))
    except ValidationError as error:
        problems = [_field_error(adapter, given, dict(found)) for found in error.errors(include_url=False)]
    raise Invalid("bad_settings", f"{adapter.spec.name}: {problems[0].detail}", errors=problems)


def secret_values(settings: AccountSettings) -> tuple[str, ...]:
    """Every secret in clear, for redaction; blank ones are left out."""
    return tuple(text for text in _secrets(settings).values() if text)


def masked(settings: AccountSettings) -> dict[str, Any]:
    """Settings as they may be shown: each secret that is set reads `MASK`, one that is not reads ""."""
    return settings.model_dump(mode="json") | {name: MASK if text else "" for name, text in _secrets(settings).items()}


def merged(settings: AccountSettings, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over present settings, in clear; a secret given as `MASK` stays as it was."""
    present = settings.model_dump(mode="json") | _secrets(settings)
    return present | {name: value for name, value in changes.items() if not (value == MASK and name in present)}


def _secrets(settings: AccountSettings) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in settings if isinstance(value, SecretStr)}


def _field_error(adapter: Adapter, given: Mapping[str, Any], found: Mapping[str, Any]) -> FieldError:
    location: Sequence[str | int] = found["loc"]
    name = str(location[0]) if location else ""
    field = adapter.Account.model_fields.get(name)
    code = _CODES.get(found["type"], "bad_value")
    if code == "unknown_field":
        known = ", ".join(adapter.Account.model_fields)
        return FieldError(_pointer(location), code, f"There is no setting {name!r}; the settings are: {known}.")
    title = field.title if field and field.title else name or "The settings"
    where = f" {field.description}" if field and field.description else ""
    if code == "missing":
        return FieldError(_pointer(location), code, f"{title} ({name}) is missing.{where}")
    said = str(found["msg"]).removeprefix("Value error, ")
    if field is not None and _is_secret(field.annotation):
        said = said.replace(str(given.get(name)), MASK)
    return FieldError(_pointer(location), code, f"{title}: {said}.{where}")


def _is_secret(annotation: object) -> bool:
    if get_origin(annotation) in {Union, UnionType}:
        return any(_is_secret(part) for part in get_args(annotation))
    return isinstance(annotation, type) and issubclass(annotation, SecretStr)


def _pointer(location: Sequence[str | int]) -> str:
    return "/".join(["/settings", *(str(part).replace("~", "~0").replace("/", "~1") for part in location)])
