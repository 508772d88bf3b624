"""
Account settings on their way in, to the vault, and to a screen.
"""

from typing import Any

import pytest

from sendyard.delivery.credentials import (
    MASK,
    masked,
    merged,
    open_settings,
    parse_settings,
    seal_settings,
    secret_values,
)
from sendyard.domain.errors import FieldError, Invalid
from sendyard.providers.registry import adapter
from sendyard.storage.vault import Vault, generate_key
from tests.yard import SETTINGS, TWILIO


def refused(provider: str, given: dict[str, Any]) -> dict[str, FieldError]:
    with pytest.raises(Invalid) as error:
        parse_settings(adapter(provider), given)
    assert error.value.code == "bad_settings"
    return {found.pointer: found for found in error.value.errors}


@pytest.mark.parametrize("provider", sorted(SETTINGS))
def test_settings_come_back_from_the_vault_as_they_went_in(provider: str) -> None:
    vault = Vault([generate_key()])
    settings = parse_settings(adapter(provider), SETTINGS[provider])
    sealed = seal_settings(vault, "1", settings)
    assert open_settings(vault, "1", sealed, adapter(provider)) == settings
    for secret in secret_values(settings):
        assert secret.encode() not in sealed


def test_settings_sealed_for_one_account_do_not_open_for_another() -> None:
    vault = Vault([generate_key()])
    sealed = seal_settings(vault, "1", parse_settings(adapter("twilio"), TWILIO))
    with pytest.raises(Invalid, match="another account"):
        open_settings(vault, "2", sealed, adapter("twilio"))


def test_settings_that_no_longer_fit_the_provider_are_refused_not_guessed() -> None:
    vault = Vault([generate_key()])
    sealed = seal_settings(vault, "1", parse_settings(adapter("mitake"), SETTINGS["mitake"]))
    with pytest.raises(Invalid) as error:
        open_settings(vault, "1", sealed, adapter("twilio"))
    assert error.value.code == "bad_settings"


def test_each_field_at_fault_is_named_with_what_to_do() -> None:
    found = refused("twilio", {"account_sid": "AC123", "colour": "red"})
    assert found["/settings/account_sid"].code == "bad_value"
    assert found["/settings/account_sid"].detail.startswith("Account SID: ")
    assert found["/settings/auth_token"].code == "missing"
    assert "Twilio Console" in found["/settings/auth_token"].detail
    assert found["/settings/colour"].code == "unknown_field"
    assert "account_sid, auth_token" in found["/settings/colour"].detail


def test_a_fault_of_several_fields_together_points_at_all_of_them() -> None:
    found = refused("twilio", TWILIO | {"api_key_sid": "SK" + "3" * 32})
    assert found["/settings"].code == "bad_value"
    assert "an API key is a pair" in found["/settings"].detail


@pytest.mark.parametrize(
    ("provider", "given"),
    [
        ("bizgo", {"api_key": "Bearer s3cr3t-value"}),
        ("bizgo", {"api_key": "invented", "webhook_secret": " s3cr3t-value"}),
        ("mitake", {**SETTINGS["mitake"], "password": "s3cr3t-value" * 10}),
        ("twilio", TWILIO | {"api_key_secret": ["s3cr3t-value"]}),
    ],
)
def test_no_refusal_repeats_a_secret(provider: str, given: dict[str, Any]) -> None:
    found = refused(provider, given)
    assert found
    assert "s3cr3t-value" not in str(found)


def test_a_pointer_survives_odd_field_names() -> None:
    assert "/settings/a~1b~0c" in refused("twilio", TWILIO | {"a/b~c": 1})


def test_shown_settings_hide_what_is_set_and_show_what_is_not() -> None:
    shown = masked(parse_settings(adapter("bizgo"), SETTINGS["bizgo"]))
    assert shown["api_key"] == MASK
    assert shown["webhook_secret"] == ""
    assert shown["base_url"].startswith("https://")


def test_secrets_to_redact_leave_out_blank_ones() -> None:
    assert secret_values(parse_settings(adapter("bizgo"), SETTINGS["bizgo"])) == ("invented-key",)


def test_changes_lie_over_what_is_there_and_a_mask_changes_nothing() -> None:
    settings = parse_settings(adapter("twilio"), TWILIO)
    changed = merged(settings, {"auth_token": MASK, "smart_encoded": True})
    assert changed["auth_token"] == "invented-token"
    assert changed["smart_encoded"] is True
    assert changed["account_sid"] == TWILIO["account_sid"]
    assert merged(settings, {"auth_token": "new-token"})["auth_token"] == "new-token"
    assert merged(settings, {"colour": MASK})["colour"] == MASK
