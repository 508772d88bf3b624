"""
What a version of a template says: bodies by channel and language, and the variables in them.

`{"purpose": "transactional", "language": "en", "variables": {"eta": {"type": "time"}}, "bodies": {"sms": {"en":
{"text": "It arrives at {eta}."}, "ko": {"text": "{eta}에 도착합니다."}}}, "samples": [{"eta": "15:05"}]}`; a version
without a document is a text message in one language that nobody named.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from msgspec import Meta

from sendyard.delivery.preflight import is_storable
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.choices import Stranger, strangers
from sendyard.domain.errors import AppError, FieldError, Invalid
from sendyard.domain.template import compile_template, is_name
from sendyard.features.templates.formatting import Style, UnwritableValue, VariableType, writer
from sendyard.features.templates.languages import read_language

LONGEST_BODY = 10_000  # characters
MOST_SAMPLES = 20


class Kind(StrEnum):
    """What bodies there are: channels, and `lms`, which is what Korea gets on the channel sms where there is one."""

    SMS = Channel.SMS.value
    LMS = "lms"
    MMS = Channel.MMS.value
    WHATSAPP = Channel.WHATSAPP.value
    ALIMTALK = Channel.ALIMTALK.value
    LINE = Channel.LINE.value


FIELDS: Mapping[Kind, frozenset[str]] = {
    Kind.SMS: frozenset({"text"}),
    Kind.LMS: frozenset({"text", "title"}),
    Kind.MMS: frozenset({"text", "title", "media"}),
    Kind.WHATSAPP: frozenset({"text", "header", "media", "footer", "buttons"}),
    Kind.ALIMTALK: frozenset({"text", "title", "buttons"}),
    Kind.LINE: frozenset({"text", "header", "footer", "media", "buttons"}),
}
"""What a body of each kind may have; on LINE header, footer and buttons make a card (a small part of Flex)."""

_BUTTONS = {
    Kind.WHATSAPP: ("reply", "url", "phone", "copy_code"),
    Kind.ALIMTALK: ("reply", "url"),
    Kind.LINE: ("reply",),
}
_FALLBACK: Mapping[Channel, Sequence[Kind]] = {
    Channel.SMS: (Kind.SMS, Kind.LMS),
    Channel.MMS: (Kind.MMS, Kind.LMS, Kind.SMS),
    Channel.WHATSAPP: (Kind.WHATSAPP, Kind.SMS),
    Channel.ALIMTALK: (Kind.ALIMTALK, Kind.LMS, Kind.SMS),
    Channel.BRANDMESSAGE: (Kind.ALIMTALK, Kind.LMS, Kind.SMS),
    Channel.RCS: (Kind.LMS, Kind.SMS),
    Channel.LINE: (Kind.LINE, Kind.SMS),
}
_KOREAN_SMS = (Kind.LMS, Kind.SMS)


class Variable(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """A variable; one that is not described is a text that must be given."""

    type: VariableType = VariableType.TEXT
    label: str = ""
    required: bool = True
    default: str | None = None
    sample: str = ""
    currency: Annotated[str, Meta(pattern="^([A-Z]{3})?$", description="Of amounts that bring none.")] = ""
    style: Style = Style.MEDIUM

    def write(self, name: str, value: str, language: str) -> str:
        """Write a plain value in a language. Raises UnwritableValue."""
        try:
            return writer(self.type, language, currency=self.currency, style=self.style)(value)
        except (ValueError, ArithmeticError, LookupError):
            raise UnwritableValue(name, self.type, value) from None


class Attachment(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """A file that goes with a body; its address may have variables."""

    url: str
    content_type: str
    filename: str = ""


class BodyButton(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """Something to press: `value` is what comes back, the address, the number or the code, by kind."""

    kind: Literal["reply", "url", "phone", "copy_code"]
    text: str
    value: str = ""


class Body(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """What one kind of message says in one language; every text may have variables."""

    text: str
    title: str = ""
    header: str = ""
    footer: str = ""
    media: tuple[Attachment, ...] = ()
    buttons: tuple[BodyButton, ...] = ()

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give every text that may have variables, with its place in the body."""
        yield "text", self.text
        for name in ("title", "header", "footer"):
            if written := getattr(self, name):
                yield name, written
        for number, attachment in enumerate(self.media):
            yield f"media/{number}/url", attachment.url
        for number, button in enumerate(self.buttons):
            yield f"buttons/{number}/text", button.text
            if button.value:
                yield f"buttons/{number}/value", button.value


Bodies = dict[Kind, dict[str, Body]]


class Document(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """Everything a version says; `language` is the one that stands in for languages it does not have."""

    bodies: Bodies
    language: str = ""
    purpose: Purpose = Purpose.TRANSACTIONAL
    category: Annotated[str, Meta(max_length=50)] = ""
    variables: dict[str, Variable] = {}
    samples: tuple[dict[str, str], ...] = ()

    def kind_for(self, channel: Channel, country: str = "") -> Kind:
        """Give the kind of body that a channel carries; where there is none of its own, the plain text."""
        wanted = _KOREAN_SMS if channel is Channel.SMS and country == "KR" else _FALLBACK[channel]
        return next((kind for kind in (*wanted, *Kind) if kind in self.bodies), Kind.SMS)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give every text of every body with its place."""
        for kind in Kind:
            for language, body in self.bodies.get(kind, {}).items():
                for place, text in body.texts():
                    yield f"{kind}/{language}/{place}", text

    @property
    def main(self) -> Body:
        """The body that stands for all: the text message in the default language, else the first there is."""
        kind = self.kind_for(Channel.SMS)
        return self.bodies[kind][self.language]


class Names(NamedTuple):
    """The variables of all bodies together, in order of appearance, and those that need a value."""

    variables: list[str]
    required: list[str]


_decode = msgspec.json.Decoder(Document).decode
_encode = msgspec.json.Encoder().encode


def plain_document(body: str) -> Document:
    """What a version without a document says."""
    return Document({Kind.SMS: {"": Body(body)}})


@lru_cache(maxsize=256)
def document_of(body: str, stored: str) -> Document:
    """Read what a version keeps."""
    return _decode(stored) if stored else plain_document(body)


def stored_form(document: Document) -> str:
    """What a version keeps beside its text: "" where the text says all."""
    return "" if document == plain_document(document.main.text) else _encode(document).decode()


def with_main_text(document: Document, text: str) -> Document:
    """The document with another text in its first place."""
    kind = document.kind_for(Channel.SMS)
    changed = msgspec.structs.replace(document.bodies[kind][document.language], text=text)
    bodies = {**document.bodies, kind: {**document.bodies[kind], document.language: changed}}
    return msgspec.structs.replace(document, bodies=bodies)


def names_of(document: Document) -> Names:
    """The variables of a document's texts."""
    templates = [compile_template(text) for _, text in document.texts()]
    variables = list(dict.fromkeys(name for one in templates for name in one.variables))
    needed = {name for one in templates for name in one.required}
    for name, variable in document.variables.items():
        if variable.default is not None or not variable.required:
            needed.discard(name)
    return Names(variables, [name for name in variables if name in needed])


def read_document(given: Mapping[str, Any]) -> Document:
    """
    Check what a caller gave.

    Raises:
        Invalid: every fault with its place below `/document`.
    """
    try:
        found = msgspec.convert(dict(given), Document)
    except msgspec.ValidationError as error:
        unknown = [_of_stranger(one) for one in strangers(Document, given)]
        raise _refused(unknown or [("", f"Expected bodies by channel and language, found: {error}.")]) from None
    found = _tagged(found)
    faults = [*_of_languages(found), *_of_bodies(found), *_of_variables(found)]
    if faults:
        raise _refused(faults)
    return found


def _tagged(document: Document) -> Document:
    """The document with every language tag in its usual spelling."""
    bodies: Bodies = {
        kind: {read_language(tag, f"/document/bodies/{kind}") if tag else "": body for tag, body in by_language.items()}
        for kind, by_language in document.bodies.items()
    }
    language = read_language(document.language, "/document/language") if document.language else ""
    return msgspec.structs.replace(document, bodies=bodies, language=language)


Faults = Iterator[tuple[str, str]]


def _of_stranger(one: Stranger) -> tuple[str, str]:
    # Where only the sentence is shown, as in an import, it has to say of which part it speaks.
    place = "/".join(one.path)
    return f"/{place}", f"{place}: {one.detail}"


def _of_languages(document: Document) -> Faults:
    if not document.bodies:
        yield "/bodies", "Expected a body for one channel at least, such as sms; found none."
    for kind, by_language in document.bodies.items():
        if document.language not in by_language:
            named = f"the default language {document.language}" if document.language else "no language ('')"
            there = ", ".join(repr(tag) for tag in by_language) or "none"
            yield f"/bodies/{kind}", f"Expected a body in {named}, found {there}. Add it, or change `language`."
        if not document.language and len(by_language) > 1:
            yield "/language", "Expected the default language, because there are several; found none."


def _of_bodies(document: Document) -> Faults:
    for kind, by_language in document.bodies.items():
        for language, body in by_language.items():
            place = f"/bodies/{kind}/{language}"
            given = {name for name in Body.__struct_fields__ if name == "text" or getattr(body, name)}
            for name in sorted(given - FIELDS[kind]):
                yield f"{place}/{name}", f"A body for {kind} has no {name}; it may have {_listed(FIELDS[kind])}."
            for number, button in enumerate(body.buttons):
                yield from _of_button(f"{place}/buttons/{number}", kind, button)
            if kind is Kind.MMS and not body.media:
                yield f"{place}/media", "Expected a picture at least, found none; use lms for a text alone."
            if body.media and body.header:
                yield f"{place}/header", "Expected a header of text or a file, found both; leave one out."
            for part, text in body.texts():
                yield from _of_text(f"{place}/{part}", text)


def _of_button(place: str, kind: Kind, button: BodyButton) -> Faults:
    allowed = _BUTTONS.get(kind, ())
    if allowed and button.kind not in allowed:
        yield f"{place}/kind", f"Expected one of {_listed(allowed)} on {kind}, found {button.kind}."
    if button.kind != "reply" and not button.value:
        yield f"{place}/value", f"Expected what a button of the kind {button.kind} leads to, found nothing."


def _of_text(place: str, text: str) -> Faults:
    if not text.strip() or len(text) > LONGEST_BODY or not is_storable(text):
        yield place, f"Expected 1 to {LONGEST_BODY:,} ordinary characters, found {len(text):,}, or U+0000."
        return
    try:
        compile_template(text)
    except Invalid as error:
        yield place, error.detail


def _of_variables(document: Document) -> Faults:
    if len(document.samples) > MOST_SAMPLES:
        yield "/samples", f"Expected at most {MOST_SAMPLES} rows of samples, found {len(document.samples)}."
    for name, variable in document.variables.items():
        if not is_name(name):
            yield f"/variables/{name}", "Expected a name of letters, digits and underscores, found another."
        for what, value in (("default", variable.default), ("sample", variable.sample)):
            if value:
                yield from _of_value(f"/variables/{name}/{what}", name, variable, value, document.language)
    for number, row in enumerate(document.samples):
        for name, value in row.items():
            if value and (known := document.variables.get(name)):
                yield from _of_value(f"/samples/{number}/{name}", name, known, value, document.language)


def _of_value(place: str, name: str, variable: Variable, value: str, language: str) -> Faults:
    try:
        variable.write(name, value, language)
    except AppError as error:
        yield place, error.detail


def _listed(names: Sequence[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _refused(faults: Sequence[tuple[str, str]]) -> Invalid:
    errors = [FieldError(f"/document{place}", "bad_document", detail) for place, detail in faults]
    return Invalid("bad_document", errors[0].detail, errors=errors)
