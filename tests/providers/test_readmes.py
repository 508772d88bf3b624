"""
Each folder's README owns up to what nobody has checked.
"""

import re
from importlib.resources import files

import pytest

from sendyard.providers.registry import SLUGS

_PART = re.compile(r"^## (?:Unverified|Not verified)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("slug", SLUGS)
def test_the_unverified_part_says_whether_a_client_of_others_was_tried(slug: str) -> None:
    readme = (files(f"sendyard.providers.{slug}") / "README.md").read_text("utf-8")
    found = _PART.search(readme)
    assert found, "expected a part named Unverified or Not verified"
    assert re.search(r"\bclients?\b|package", found[1]), "expected a word on a public client, or that there is none"
