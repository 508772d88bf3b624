"""
One version, compiled: values in, a finished message for a channel, language and country out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Choice, Content, Interactive, Media, MediaItem, Text
from sendyard.domain.template import Template, compile_template
from sendyard.features.templates.document import Body, Document, Kind, Names, Variable, document_of, names_of
from sendyard.features.templates.formatting import UnwritableValue, VariableType, Write, writer
from sendyard.features.templates.languages import ENGLISH, closest
from sendyard.features.templates.registered import Forms, forms_of
from sendyard.ledger.entries import NOTHING

_MOST_REMEMBERED = 1024
_Writer = tuple[str, str, Write | None]
"""A variable, its default and what writes its values; None for texts."""


class Rendered(NamedTuple):
    """
    A message made of one version.

    Attributes:
        text: the words, as a handset shows them where there are only words.
        version_id: of which version.
        version: its number.
        variants: the registered forms, by provider.
        registration: ids at a regulator.
        content: text, files and buttons together.
        kind: which body was used, such as lms.
        language: in which language, "" where the template names none.
        values: what stands in the variables, written in that language.
        body: the text alone, as a registered form has it: without header, footer and buttons.
        purpose: what the template is for.
    """

    text: str
    version_id: str
    version: int
    variants: Mapping[str, Content] = NOTHING
    registration: Mapping[str, str] = NOTHING
    content: Text | Media | Interactive = Text("")
    kind: Kind = Kind.SMS
    language: str = ""
    values: Mapping[str, str] = NOTHING
    body: str = ""
    purpose: Purpose = Purpose.TRANSACTIONAL

    @property
    def title(self) -> str:
        """The title of an LMS or MMS."""
        return self.content.title if isinstance(self.content, Text | Media) else ""


@dataclass(frozen=True, slots=True)
class _Written:
    """A body whose texts are compiled."""

    text: Template
    title: Template | None
    header: Template | None
    footer: Template | None
    media: tuple[tuple[str, Template, str], ...]
    buttons: tuple[tuple[str, Template, Template | None], ...]

    def content(self, text: str, values: Mapping[str, str]) -> Text | Media | Interactive:
        """Put everything around the finished text. Raises MissingVariable."""
        title = _filled(self.title, values)
        if not (self.media or self.buttons or self.header or self.footer):
            return Text(text, title)
        header, footer = _filled(self.header, values), _filled(self.footer, values)
        pressed, mentioned = [], []
        for kind, label, value in self.buttons:
            shown, leads_to = label.render(values), _filled(value, values)
            if kind == "reply":
                pressed.append(Choice(leads_to or shown, shown))
            else:
                mentioned.append(f"{shown}: {leads_to}")
        text = "\n".join((text, *mentioned))
        if self.media:
            items = [MediaItem(kind, url.render(values), filename=name) for kind, url, name in self.media]
            return Media(items, "\n".join(filter(None, (text, footer))), title)
        if pressed:
            return Interactive(text, pressed, header, footer)
        return Text("\n".join(filter(None, (header, text, footer))), title)


@dataclass(frozen=True, slots=True)
class Letters:
    """Every body of one version, compiled once and filled in many times."""

    document: Document
    forms: Forms | None
    names: Names
    template: Template  # every text together, to know what values the version needs
    _bodies: Mapping[tuple[Kind, str], _Written]
    _languages: Mapping[Kind, tuple[str, ...]]
    _chosen: dict[tuple[Channel, str, bool], tuple[Kind, str, _Written]] = field(default_factory=dict, compare=False)
    _memo: dict[str, tuple[_Writer, ...]] = field(default_factory=dict, compare=False)

    def render(
        self,
        values: Mapping[str, str],
        *,
        channel: Channel = Channel.SMS,
        language: str = "",
        country: str = "",
        version_id: str = "",
        version: int = 0,
    ) -> Rendered:
        """
        Fill in the body for a channel, in the language that comes closest to the one the recipient reads.

        Raises:
            MissingVariable: a variable has neither value nor default; all of them are named.
            UnwritableValue: a value is not of its variable's type.
        """
        key = (channel, language, country == "KR")
        place = self._chosen.get(key)
        if place is None:
            if len(self._chosen) >= _MOST_REMEMBERED:
                self._chosen.clear()
            place = self._chosen[key] = self._choose(channel, language, country)
        kind, chosen, found = place
        written = self.written(values, chosen) if self.document.variables else values
        body = found.text.render(written)
        content = found.content(body, written)
        forms = self.forms
        return Rendered(
            content.body,
            version_id,
            version,
            forms.render(written, body, chosen) if forms else NOTHING,
            forms.registration if forms else NOTHING,
            content,
            kind,
            chosen,
            written,
            body,
            self.document.purpose,
        )

    def _choose(self, channel: Channel, language: str, country: str) -> "tuple[Kind, str, _Written]":
        kind = self.document.kind_for(channel, country)
        default = self.document.language
        chosen = closest(language, self._languages[kind], default) if language else default
        return kind, chosen, self._bodies[kind, chosen]

    def written(self, values: Mapping[str, str], language: str) -> Mapping[str, str]:
        """
        Values as they stand in a text of a language, with defaults where there are none.

        Raises:
            UnwritableValue: a value is not of its variable's type.
        """
        found = dict(values)
        for name, default, write in self._writers(language):
            given = values.get(name, "")
            if not given.strip():
                if not default:
                    continue  # then the text's own default stands in, if it has one
                given = default
            found[name] = write(given) if write else given
        return found

    def _writers(self, language: str) -> tuple[_Writer, ...]:
        known = self._memo.get(language)
        if known is None:
            known = self._memo[language] = tuple(
                (name, variable.default or "", _writer(name, variable, language or ENGLISH))
                for name, variable in self.document.variables.items()
            )
        return known

    def samples(self, row: int = 0) -> dict[str, str]:
        """A row of sample values; where it has none for a variable, that variable's own sample."""
        own = {name: variable.sample for name, variable in self.document.variables.items() if variable.sample}
        rows = self.document.samples
        return own | (rows[row] if row < len(rows) else {})


@lru_cache(maxsize=256)
def letters_of(body: str, stored: str, registered: str) -> Letters:
    """Compile what a version keeps: its text, its document ("" where it has none) and its registered forms."""
    document = document_of(body, stored)
    optional = frozenset(
        name for name, one in document.variables.items() if one.default is not None or not one.required
    )
    bodies = {
        (kind, language): _compiled(one, optional)
        for kind, by_language in document.bodies.items()
        for language, one in by_language.items()
    }
    languages = {kind: tuple(by_language) for kind, by_language in document.bodies.items()}
    forms = forms_of(registered)
    whole = compile_template("\n".join(text for _, text in document.texts())).with_blank(optional)
    return Letters(
        document, forms.with_blank(optional) if forms else None, names_of(document), whole, bodies, languages
    )


def _compiled(body: Body, optional: frozenset[str]) -> _Written:
    def text(source: str) -> Template:
        return compile_template(source).with_blank(optional)

    def text_or_none(source: str) -> Template | None:
        return text(source) if source else None

    return _Written(
        text(body.text),
        text_or_none(body.title),
        text_or_none(body.header),
        text_or_none(body.footer),
        tuple((one.content_type, text(one.url), one.filename) for one in body.media),
        tuple((one.kind, text(one.text), text_or_none(one.value)) for one in body.buttons),
    )


def _filled(template: Template | None, values: Mapping[str, str]) -> str:
    return template.render(values) if template else ""


def _writer(name: str, variable: Variable, language: str) -> Write | None:
    if variable.type is VariableType.TEXT:
        return None
    # Writing takes some 50 µs, and many recipients share a day, a time or an amount.
    plain = writer(variable.type, language, currency=variable.currency, style=variable.style)
    write = lru_cache(maxsize=_MOST_REMEMBERED)(plain)

    def named(value: str) -> str:
        try:
            return write(value)
        except (ValueError, ArithmeticError, LookupError):
            raise UnwritableValue(name, variable.type, value) from None

    return named
