"""
Languages as tags (`en`, `zh-Hant`, `pt-BR`), and which of those a text has comes closest to the one a person reads.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from sendyard.domain.errors import FieldError, Invalid

ENGLISH = "en"
"""By which values are written where nobody says a language."""

_SCRIPTS = {"TW": "Hant", "HK": "Hant", "MO": "Hant", "CN": "Hans", "SG": "Hans", "MY": "Hans"}


def read_language(tag: str, pointer: str) -> str:
    """
    Bring a tag to its usual spelling: `zh_hant` becomes `zh-Hant`.

    Raises:
        Invalid: it is no tag, or of no language we can write numbers and days in.
    """
    locale = _locale(tag)
    if locale is None:
        detail = f"Expected a language tag such as en, ko, zh-Hant or pt-BR, found {tag!r:.40}."
        raise Invalid("bad_language", detail, errors=[FieldError(pointer, "bad_language", detail)])
    return "-".join(filter(None, (locale.language, locale.script, locale.territory)))


@lru_cache(maxsize=1024)
def closest(wanted: str, there: Sequence[str], default: str) -> str:
    """
    Give the language to use of those there are: the wanted one, else its base (`zh-TW` → `zh-Hant` → `zh`), else the
    default. A tag that is none counts as the default.
    """
    for candidate in _chain(wanted):
        for language in there:
            if candidate in (language, _scripted(language)):
                return language
    return default


@lru_cache(maxsize=256)
def locale_of(language: str) -> Locale:
    """The locale by which values are written; English for a tag that is none."""
    return _locale(language) or Locale(ENGLISH)


def _chain(tag: str) -> Iterable[str]:
    locale = _locale(tag)
    if locale is None:
        return ()
    language, territory = locale.language, locale.territory
    script = locale.script or (_SCRIPTS.get(territory or "") if language == "zh" else None)
    tries = ((language, script, territory), (language, None, territory), (language, script), (language,))
    return ("-".join(filter(None, parts)) for parts in tries)


def _scripted(language: str) -> str:
    """The tag without its region, where the script tells enough: `zh-TW` is `zh-Hant`."""
    parts = language.split("-")
    script = _SCRIPTS.get(parts[-1], "") if parts[0] == "zh" and len(parts) == 2 else ""
    return f"zh-{script}" if script else language


def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError, TypeError):
        return None
