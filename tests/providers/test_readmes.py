"""
Each folder's README says what is needed, and owns up to what nobody has checked.
"""

import re
from importlib.resources import files

import pytest

from sendyard.providers.registry import SLUGS

_NEED = re.compile(r"^## (?:What you need|Before the first message)[^\n]*\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
_PART = re.compile(r"^## (?:Unverified|Not verified)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_folder_says_what_is_needed_before_the_first_message(slug: str) -> None:
    readme = (files(f"sendyard.providers.{slug}") / "README.md").read_text("utf-8")
    found = _NEED.search(readme)
    assert found, "expected a part that begins with What you need or Before the first message"
    assert len(found[1]) > 200


@pytest.mark.parametrize("slug", SLUGS)
def test_the_unverified_part_says_whether_a_client_of_others_was_tried(slug: str) -> None:
    readme = (files(f"sendyard.providers.{slug}") / "README.md").read_text("utf-8")
    found = _PART.search(readme)
    assert found, "expected a part named Unverified or Not verified"
    assert re.search(r"\bclients?\b|package", found[1]), "expected a word on a public client, or that there is none"
