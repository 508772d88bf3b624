"""
The capability matrix: every ability there is, said in one word, and settings as data.
"""

import inspect
from abc import ABCMeta
from typing import cast

import msgspec
import pytest
from pydantic import SecretStr

from sendyard.api.connections import ProviderAnswer
from sendyard.domain.channels import Channel
from sendyard.domain.errors import NotFound
from sendyard.features.connections.capabilities import (
    MEANINGS,
    Ability,
    abilities_of,
    capabilities,
    capabilities_of,
    describe,
)
from sendyard.providers import abilities
from sendyard.providers.contract import AccountSettings, Adapter
from sendyard.providers.registry import SLUGS, adapters
from sendyard.providers.spec import Batch, ProviderSpec, TextRules

OFFERED = [
    cast("ABCMeta", found)
    for _, found in inspect.getmembers(abilities, inspect.isclass)
    if inspect.isabstract(found) and found.__module__ == abilities.__name__
]


class PigeonAccount(AccountSettings):
    base_url: str = "https://pigeon.example"
    loft: str
    key: SecretStr
    old_key: SecretStr | None = None
    blank_key: SecretStr = SecretStr("")
    seeds: int = 3
    tired: bool = False


def adapter_with(*offered: ABCMeta, inbound: bool = False) -> Adapter:
    """An adapter with these abilities, whose functions nobody calls."""
    names = {name for ability in (Adapter, *offered) for name in ability.__abstractmethods__}
    spec = ProviderSpec(
        slug="pigeon",
        name="Pigeons",
        channels=frozenset({Channel.SMS, Channel.MMS}),
        countries=frozenset({"TW", "KR"}),
        batch=Batch(limit=2, shared=("content",)),
        text=TextRules(max_characters=40, forbidden=("~",)),
        inbound=inbound,
        confirm_within=90.0,
    )
    body = {"spec": spec, "Account": PigeonAccount, **dict.fromkeys(names, lambda *_, **__: None)}
    found: Adapter = type("PigeonAdapter", (Adapter, *offered), body)()
    return found


@pytest.mark.parametrize("offered", OFFERED, ids=lambda offered: str(offered.__name__))
def test_every_ability_of_the_contract_has_a_name(offered: ABCMeta) -> None:
    (ability,) = abilities_of(adapter_with(offered))
    assert MEANINGS[ability]


def test_names_differ_and_none_stands_for_nothing() -> None:
    everything = abilities_of(adapter_with(*OFFERED, inbound=True))
    assert everything == list(Ability)
    assert len(everything) == len(OFFERED) + 1
    assert set(MEANINGS) == set(Ability)
    assert abilities_of(adapter_with(inbound=True)) == [Ability.INBOUND]
    assert abilities_of(adapter_with()) == []


def test_abilities_keep_the_names_that_callers_know() -> None:
    assert [ability.value for ability in Ability] == [
        *("balance", "contacts", "inbound", "lookup", "media_upload", "opt_out_list", "opt_out_registration"),
        *("opt_out_telling", "otp"),
        *("otp_resend", "polling", "profiles", "senders", "template_submission", "templates", "test", "token", "usage"),
    ]


def test_limits_are_told_as_the_spec_has_them() -> None:
    found = describe(adapter_with())
    assert (found["channels"], found["countries"]) == (["mms", "sms"], ["KR", "TW"])
    assert (found["batch_limit"], found["batch_shared"]) == (2, ["content"])
    assert (found["address_format"], found["text_counting"]) == ("e164", "gsm")
    assert (found["max_characters"], found["max_bytes"], found["forbidden"]) == (40, 0, ["~"])
    assert found["confirm_within"] == 90.0


def test_settings_tell_what_is_needed_what_is_secret_and_what_counts_otherwise() -> None:
    settings = {setting["name"]: setting for setting in describe(adapter_with())["settings"]}
    assert [name for name, setting in settings.items() if setting["required"]] == ["loft", "key"]
    assert [name for name, setting in settings.items() if setting["secret"]] == ["key", "old_key", "blank_key"]
    defaults = {name: setting["default"] for name, setting in settings.items()}
    assert defaults == {
        "base_url": "https://pigeon.example",
        "loft": None,
        "key": None,
        "old_key": None,
        "blank_key": None,
        "seeds": 3,
        "tired": False,
    }


def test_choices_of_a_setting_are_listed() -> None:
    settings = {(slug, setting["name"]): setting for slug in SLUGS for setting in capabilities_of(slug)["settings"]}
    assert settings["wati", "api_version"]["choices"] == ["v3", "v2", "v1"]
    assert settings["twilio", "account_sid"]["choices"] == []
    assert all(not setting["choices"] or setting["required"] or setting["default"] in setting["choices"]
               for setting in settings.values())  # fmt: skip


def test_every_provider_is_told_and_the_interface_can_say_it() -> None:
    found = capabilities()
    assert [one["slug"] for one in found] == list(adapters())
    for one in found:
        answer = msgspec.convert(one, ProviderAnswer)
        assert msgspec.json.decode(msgspec.json.encode(answer)) == one


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match=SLUGS[0]):
        capabilities_of("pigeon")
