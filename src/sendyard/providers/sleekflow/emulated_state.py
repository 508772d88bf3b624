"""
What the emulated SleekFlow remembers: companies with their templates and contacts, conversations and their messages.
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

SAMPLE_TEMPLATE = "order_note"
"""An approved template whose only variable is the whole text."""

SAMPLE_NUMBER = "85200000000"
_KEPT_IN_CONVERSATION = 1000
_KEPT_CONVERSATIONS = 200_000
_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_RANKS = {
    word: rank
    for rank, words in enumerate(
        (("Sending",), ("Sent",), ("Failed", "Undelivered", "OutOfCredit"), ("Received",), ("Read",))
    )
    for word in words
}


@dataclass(slots=True)
class Template:
    """One template of a company's number."""

    name: str
    text: str
    language: str = "en"
    category: str = "UTILITY"
    status: str = "APPROVED"
    header: str = ""  # blank, or image, video, document

    @property
    def variables(self) -> list[str]:
        """Names of the variables, in order."""
        return list(dict.fromkeys(_VARIABLE.findall(self.text)))

    def filled(self, values: list[str]) -> str:
        """The text with its variables replaced, in their order."""
        by_name = dict(zip(self.variables, values, strict=True))
        return _VARIABLE.sub(lambda found: by_name[found[1]], self.text)

    def as_row(self, place: int) -> dict[str, Any]:
        """The template as the list shows it."""
        heading = [{"type": "HEADER", "format": self.header.upper()}] if self.header else []
        return {
            "id": f"{place:015d}",
            "name": self.name,
            "language": self.language,
            "category": self.category,
            "status": self.status,
            "components": [*heading, {"type": "BODY", "text": self.text}],
        }


@dataclass(slots=True)
class Message:
    """One message of a conversation."""

    id: int
    unique_id: str
    kind: str
    text: str
    sent_by_us: bool
    at: datetime
    status: str = "Sending"
    reason: str = ""
    tags: list[str] = field(default_factory=list)
    updated: datetime | None = None

    def move_to(self, status: str, at: datetime, reason: str = "") -> None:
        """Go forward only; a word that is in no table always stands."""
        if _RANKS.get(status, len(_RANKS)) > _RANKS.get(self.status, -1):
            self.status, self.reason, self.updated = status, reason, at


@dataclass(slots=True)
class Conversation:
    """What was written with one person on one number."""

    id: str
    digits: str
    messages: deque[Message] = field(default_factory=lambda: deque(maxlen=_KEPT_IN_CONVERSATION))


@dataclass(slots=True)
class Company:
    """One customer of SleekFlow."""

    name: str
    key: str = ""
    number: str = SAMPLE_NUMBER
    channel: str = "whatsappcloudapi"
    callback_url: str = ""
    webhook_secret: str = ""
    webhook_form: str = "nested"  # nested, flat or camel
    echoes: bool = False  # whether a flow tells of outgoing messages too
    in_other_region: bool = False
    tells_conversation: bool = True  # whether the answer to a send names the conversation
    is_strict: bool = False  # only templates named here exist
    credit: int | None = None
    templates: dict[str, Template] = field(default_factory=dict)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)  # by the person's digits

    def conversation_with(self, digits: str) -> Conversation:
        """The conversation with a person, begun where there is none; the oldest one is forgotten in the end."""
        found = self.conversations.get(digits)
        if found is None:
            if len(self.conversations) >= _KEPT_CONVERSATIONS:
                del self.conversations[next(iter(self.conversations))]
            found = self.conversations[digits] = Conversation(conversation_id(digits), digits)
        return found

    def contact(self, digits: str) -> dict[str, str]:
        """The contact with a number, made where there is none."""
        found = self.contacts.get(digits)
        if found is None:
            found = self.contacts[digits] = {
                "id": f"c-{len(self.contacts) + 1}",
                "phoneNumber": digits,
                "conversationId": conversation_id(digits),
            }
        return found


def conversation_id(digits: str) -> str:
    """An id in the form of a UUID that holds the person's number."""
    return f"5b1c0f0a-0000-4000-8{digits[:-12]:0>3}-{digits[-12:]:0>12}"


def digits_of(identifier: str) -> str:
    """The number in a conversation's id."""
    return identifier[20:].replace("-", "").lstrip("0")


@dataclass(slots=True)
class SleekFlowState:
    """The whole emulated provider; without registered companies, everybody works in one open company."""

    companies: dict[str, Company] = field(default_factory=dict)  # by key
    open_company: Company = field(default_factory=lambda: sampled(Company("open")))
    counter: int = 0

    def next_message(self, kind: str, text: str, now: datetime, *, sent_by_us: bool) -> Message:
        """A new message with ids that no other run has."""
        self.counter += 1
        seconds = int(now.timestamp())
        unique = f"wamid.{'OUT' if sent_by_us else 'IN'}{seconds:X}{self.counter:08X}"
        return Message(seconds * 1_000_000 + self.counter, unique, kind, text, sent_by_us, now)


def sampled(company: Company) -> Company:
    """The company with the sample template."""
    company.templates[SAMPLE_TEMPLATE] = Template(SAMPLE_TEMPLATE, "{{1}}")
    return company


def template_from(name: str, given: str | Mapping[str, str]) -> Template:
    """A template as a test registers it: its text, or an object with text, language, category, status and header."""
    about = {"text": given} if isinstance(given, str) else given
    return Template(
        name,
        about.get("text", ""),
        language=about.get("language", "en"),
        category=about.get("category", "UTILITY"),
        status=about.get("status", "APPROVED"),
        header=about.get("header", ""),
    )
