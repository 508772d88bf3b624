"""
What a message says, in the forms an adapter can be asked to submit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from sendyard.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text, rendered completely; a title is used by LMS/MMS only."""

    body: str
    title: str = ""


OURS = "media:"
"""Begins the `url` of a file that we keep: `media:` and its id. The engine puts what a provider takes in its place."""


@dataclass(frozen=True, slots=True)
class MediaItem:
    """One file: a URL the provider may fetch, one of ours, or the handle an upload at the provider returned."""

    content_type: str
    url: str = ""
    handle: str = ""
    filename: str = ""
    size: int = 0  # bytes; known of our own files only

    @property
    def medium_id(self) -> str:
        """The id of a file of ours; "" for any other."""
        return self.url[len(OURS) :] if self.url.startswith(OURS) else ""


@dataclass(frozen=True, slots=True)
class Media:
    """Text with one or more files."""

    items: Sequence[MediaItem]
    body: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class TemplateRef:
    """A template the provider has approved, by its name there; variables in the provider's naming."""

    name: str
    language: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    body: str = ""  # the text as we render it, for providers that want it beside the name
    media: Sequence[MediaItem] = ()  # the file of its header


@dataclass(frozen=True, slots=True)
class Choice:
    """One button or row a person can press; `id` comes back as `Inbound.choice`."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Interactive:
    """Text with things to press: buttons, or with `list_label` a list that opens under that label."""

    body: str
    choices: Sequence[Choice]
    header: str = ""
    footer: str = ""
    list_label: str = ""


Content = Text | Media | TemplateRef | Interactive


def files_of(content: Content) -> Sequence[MediaItem]:
    """Give the files of what can have some; nothing for the rest."""
    if isinstance(content, Media):
        return content.items
    return content.media if isinstance(content, TemplateRef) else ()


def title_of(content: Content) -> str:
    """Give the title of what can have one; "" for the rest."""
    return content.title if isinstance(content, Text | Media) else ""
