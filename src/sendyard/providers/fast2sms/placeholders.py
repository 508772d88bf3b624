"""
Variables in texts of the DLT Manager: `{#var#}`, which some answers write in capitals.
"""

import re

_PLACEHOLDER = re.compile(r"\{#var#\}", re.IGNORECASE)


def normalised(text: str) -> str:
    """The text with every variable as DLT writes it: `{#var#}`."""
    return _PLACEHOLDER.sub("{#var#}", text)


def places(text: str) -> tuple[str, ...]:
    """Names of the variables: their places, from 1."""
    return tuple(str(place) for place in range(1, len(_PLACEHOLDER.findall(text)) + 1))
