"""
The registered forms of a text: what it is called at providers that send nothing but approved templates.

A version may carry a document such as
`{"registration": {"template_id": "1107…"}, "forms": {"SLUG": {"name": "arrival_v2", "language": "en",
"variables": {"1": "{name}", "2": "{date|soon}"}}}}`; values of `variables` are texts of ours, filled in like the
body. A form may have `languages`: the forms of the same text in further languages of ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from sendyard.domain.content import Content, MediaItem, TemplateRef
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.template import Template, compile_template
from sendyard.features.templates.languages import read_language
from sendyard.providers.registry import SLUGS


class Header(msgspec.Struct, forbid_unknown_fields=True):
    """The file of a template's header."""

    url: str
    content_type: str
    filename: str = ""


class Form(msgspec.Struct, forbid_unknown_fields=True):
    """One text as one provider knows it."""

    name: str
    language: str = ""
    variables: dict[str, str] = {}
    header: Header | None = None
    languages: dict[str, "Form"] = {}
    """The forms in further languages of ours, where the provider has one each."""


class Registered(msgspec.Struct, forbid_unknown_fields=True):
    """Everything that is registered about one text; ids of a regulator hold at every provider."""

    forms: dict[str, Form] = {}
    registration: dict[str, str] = {}


NONE = "{}"
_decode = msgspec.json.Decoder(Registered).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class _Compiled:
    name: str
    language: str
    variables: Sequence[tuple[str, Template]]
    media: tuple[MediaItem, ...]
    languages: "Mapping[str, _Compiled]"

    def with_blank(self, names: frozenset[str]) -> "_Compiled":
        """The same form, where variables of these names may stay empty."""
        variables = [(name, text.with_blank(names)) for name, text in self.variables]
        languages = {language: form.with_blank(names) for language, form in self.languages.items()}
        return replace(self, variables=variables, languages=languages)

    def filled(self, values: Mapping[str, str], body: str) -> TemplateRef:
        """Raises MissingVariable."""
        variables = {name: text.render(values) for name, text in self.variables}
        return TemplateRef(self.name, self.language, variables, body, self.media)


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one version, ready to be filled in."""

    registration: Mapping[str, str]
    by_provider: Mapping[str, _Compiled]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the values that they need, beyond those of the text itself."""
        forms = [one for form in self.by_provider.values() for one in (form, *form.languages.values())]
        names = (name for form in forms for _, text in form.variables for name in text.required)
        return tuple(dict.fromkeys(names))

    @property
    def has_files(self) -> bool:
        """Whether any form has a file in its header."""
        forms = [one for form in self.by_provider.values() for one in (form, *form.languages.values())]
        return any(form.media for form in forms)

    def names_at(self, provider: str) -> list[tuple[str, str]]:
        """Name and language of every form at a provider."""
        form = self.by_provider.get(provider)
        every = (form, *form.languages.values()) if form else ()
        return [(one.name, one.language) for one in every]

    def with_blank(self, names: frozenset[str]) -> "Forms":
        """The same forms, where variables of these names may stay empty."""
        return Forms(self.registration, {slug: form.with_blank(names) for slug, form in self.by_provider.items()})

    def render(self, values: Mapping[str, str], body: str, language: str = "") -> dict[str, Content]:
        """
        Fill in every form; `body` is the text as it was rendered, `language` that of ours it is in.

        Raises:
            MissingVariable: a form needs a value that is not given.
        """
        return {
            provider: form.languages.get(language, form).filled(values, body)
            for provider, form in self.by_provider.items()
        }


def check_registered(document: Mapping[str, object] | None) -> str:
    """
    Check what a caller gave and turn it into the text a version keeps.

    Raises:
        Invalid: a field is unknown or of the wrong kind, a provider does not exist, a text does not compile.
    """
    if not document:
        return NONE
    try:
        found = msgspec.convert(dict(document), Registered)
    except msgspec.ValidationError as error:
        raise _refused("", f"Expected forms by provider and registration ids, found: {error}.") from None
    for slug, form in found.forms.items():
        if slug not in SLUGS:
            raise _refused(f"/forms/{slug}", f"There is no provider {slug!r:.40}; known are: {', '.join(SLUGS)}.")
        _check_form(f"/forms/{slug}", form)
        for language, one in form.languages.items():
            place = f"/forms/{slug}/languages/{language}"
            if read_language(language, f"/registered{place}") != language or one.languages:
                raise _refused(place, "Expected a language tag such as zh-Hant and a form without further languages.")
            _check_form(place, one)
    return _encode(found).decode()


@lru_cache(maxsize=256)
def forms_of(stored: str) -> Forms | None:
    """Compile what a version keeps; None for a text that is registered nowhere."""
    if stored == NONE:
        return None
    found = _decode(stored)
    return Forms(
        found.registration,
        {slug: _compiled(form) for slug, form in found.forms.items()},
    )


def _compiled(form: Form) -> _Compiled:
    header = form.header
    return _Compiled(
        form.name,
        form.language,
        [(name, compile_template(text)) for name, text in form.variables.items()],
        (MediaItem(header.content_type, header.url, filename=header.filename),) if header else (),
        {language: _compiled(one) for language, one in form.languages.items()},
    )


def form_at(document: Mapping[str, object], provider: str, language: str = "") -> tuple[Form | None, Mapping[str, str]]:
    """
    The form at one provider, if there is one, and the ids at a regulator; `document` as a version shows it.

    With a `language` of ours, the form in that language, or the only one there is.
    """
    found = msgspec.convert(document, Registered)
    form = found.forms.get(provider)
    return (form.languages.get(language, form) if form else None), found.registration


def named(document: Mapping[str, object], provider: str, language: str, name: str) -> dict[str, object]:
    """The document with another name for the form at a provider, in one language of ours."""
    found = msgspec.convert(document, Registered)
    form = found.forms[provider]
    form.languages.get(language, form).name = name
    changed: dict[str, object] = msgspec.to_builtins(found)
    return changed


def with_form(
    document: Mapping[str, object], provider: str, form: Form, *, language: str = "", registration: Mapping[str, str]
) -> dict[str, object]:
    """The document with a form added or replaced: the main one, or that in a further `language` of ours."""
    found = msgspec.convert(document, Registered)
    main = found.forms.get(provider)
    if language and main is not None:
        main.languages[language] = form
    else:
        form.languages = main.languages if main is not None else {}
        found.forms[provider] = form
    found.registration.update(registration)
    changed: dict[str, object] = msgspec.to_builtins(found)
    return changed


def names_at(provider: str, stored: Iterable[str]) -> list[str]:
    """What texts are called at one provider, by what their versions keep; each name once."""
    forms = (_decode(one).forms.get(provider) for one in stored)
    every = (one for form in forms if form is not None for one in (form, *form.languages.values()))
    return list(dict.fromkeys(form.name for form in every))


def _check_form(place: str, form: Form) -> None:
    if not form.name.strip():
        raise _refused(f"{place}/name", "Expected the template's name at the provider, found none.")
    for name, text in form.variables.items():
        try:
            compile_template(text)
        except Invalid as error:
            raise _refused(f"{place}/variables/{name}", error.detail) from None


def _refused(place: str, detail: str) -> Invalid:
    return Invalid("bad_registered", detail, errors=[FieldError(f"/registered{place}", "bad_registered", detail)])
