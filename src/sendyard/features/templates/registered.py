"""
The registered forms of a text: what it is called at providers that send nothing but approved templates.

A version may carry a document such as
`{"registration": {"template_id": "1107…"}, "forms": {"SLUG": {"name": "arrival_v2", "language": "en",
"variables": {"1": "{name}", "2": "{date|soon}"}}}}`; values of `variables` are texts of ours, filled in like the
body.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from sendyard.domain.content import Content, MediaItem, TemplateRef
from sendyard.domain.errors import FieldError, Invalid
from sendyard.domain.template import Template, compile_template
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


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one version, ready to be filled in."""

    registration: Mapping[str, str]
    by_provider: Mapping[str, _Compiled]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the values that they need, beyond those of the text itself."""
        names = (name for form in self.by_provider.values() for _, text in form.variables for name in text.required)
        return tuple(dict.fromkeys(names))

    def render(self, values: Mapping[str, str], body: str) -> dict[str, Content]:
        """
        Fill in every form; `body` is the text as it was rendered.

        Raises:
            MissingVariable: a form needs a value that is not given.
        """
        return {
            provider: TemplateRef(
                form.name, form.language, {name: text.render(values) for name, text in form.variables}, body, form.media
            )
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
        if not form.name.strip():
            raise _refused(f"/forms/{slug}/name", "Expected the template's name at the provider, found none.")
        for name, text in form.variables.items():
            try:
                compile_template(text)
            except Invalid as error:
                raise _refused(f"/forms/{slug}/variables/{name}", error.detail) from None
    return _encode(found).decode()


@lru_cache(maxsize=256)
def forms_of(stored: str) -> Forms | None:
    """Compile what a version keeps; None for a text that is registered nowhere."""
    if stored == NONE:
        return None
    found = _decode(stored)
    return Forms(
        found.registration,
        {
            slug: _Compiled(
                form.name,
                form.language,
                [(name, compile_template(text)) for name, text in form.variables.items()],
                (MediaItem(form.header.content_type, form.header.url, filename=form.header.filename),)
                if form.header
                else (),
            )
            for slug, form in found.forms.items()
        },
    )


def form_at(document: Mapping[str, object], provider: str) -> tuple[Form | None, Mapping[str, str]]:
    """The form at one provider, if there is one, and the ids at a regulator; `document` as a version shows it."""
    found = msgspec.convert(document, Registered)
    return found.forms.get(provider), found.registration


def names_at(provider: str, stored: Iterable[str]) -> list[str]:
    """What texts are called at one provider, by what their versions keep; each name once."""
    forms = (_decode(one).forms.get(provider) for one in stored)
    return list(dict.fromkeys(form.name for form in forms if form is not None))


def _refused(place: str, detail: str) -> Invalid:
    return Invalid("bad_registered", detail, errors=[FieldError(f"/registered{place}", "bad_registered", detail)])
