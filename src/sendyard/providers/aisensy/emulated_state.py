"""
What the emulated AiSensy remembers: projects with their campaigns, templates and contacts, and their messages.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

SAMPLE_CAMPAIGN = "order_note"
"""A live campaign, and its template of the same name, whose only variable is the whole text."""

SAMPLE_NUMBER = "+919000000001"
APPROVAL_TIME = timedelta(seconds=60)
_INDIA = timezone(timedelta(hours=5, minutes=30))
_KEPT_MESSAGES = 200_000
_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_RANKS = {"": 0, "SENT": 1, "FAILED": 2, "DELIVERED": 3, "READ": 4}


@dataclass(slots=True)
class Template:
    """One template of a project."""

    name: str
    text: str
    id: str = ""
    language: str = "en"
    category: str = "UTILITY"
    status: str = "APPROVED"
    header: str = ""  # blank, or image, video, document
    components: list[Any] = field(default_factory=list)
    submitted_at: datetime | None = None

    @property
    def variables(self) -> list[str]:
        """Names of the variables, in order."""
        return list(dict.fromkeys(_VARIABLE.findall(self.text)))

    def status_at(self, now: datetime) -> str:
        """The status at this moment: what was handed in is approved after a while."""
        if self.status == "PENDING" and self.submitted_at and now >= self.submitted_at + APPROVAL_TIME:
            self.status = "APPROVED"
        return self.status

    def filled(self, values: list[str]) -> str:
        """The text with its variables replaced, in their order."""
        by_name = dict(zip(self.variables, values, strict=True))
        return _VARIABLE.sub(lambda found: by_name[found[1]], self.text)


@dataclass(slots=True)
class Campaign:
    """One API campaign of a project."""

    name: str
    template: str
    id: str
    status: str = "LIVE"


@dataclass(slots=True)
class Project:
    """One customer of AiSensy."""

    name: str
    key: str = ""
    password: str = ""
    webhook_secret: str = ""
    callback_url: str = ""
    number: str = SAMPLE_NUMBER
    credit: int | None = None  # messages that may still be sent; None: no limit
    rate: int = 0  # requests a second; 0: no limit
    tells_ids: bool = True  # whether answers and webhooks carry submitted_message_id
    strict_window: bool = False  # session messages need a message of the person within 24 hours
    is_strict: bool = False  # only campaigns and templates named here exist
    templates: dict[str, Template] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)
    contacts: dict[str, dict[str, str]] = field(default_factory=dict)
    heard_from: dict[str, datetime] = field(default_factory=dict)
    figures: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)  # (campaign id, day) → counts
    second: int = 0
    requests: int = 0

    def add_template(self, template: Template) -> None:
        """Make a template known, and a live campaign of the same name."""
        template.id = template.id or f"t{len(self.templates) + 1:05d}"
        self.templates[template.name] = template
        self.add_campaign(template.name, template.name)

    def add_campaign(self, name: str, template: str, status: str = "LIVE") -> Campaign:
        """Make an API campaign known."""
        campaign = Campaign(name, template, f"c{len(self.campaigns) + 1:05d}", status)
        self.campaigns[name] = campaign
        return campaign

    def is_too_fast(self, now: datetime) -> bool:
        """Count one more request of this second."""
        second = int(now.timestamp())
        if second != self.second:
            self.second, self.requests = second, 0
        self.requests += 1
        return 0 < self.rate < self.requests

    def count(self, campaign_id: str, day: str, what: str) -> None:
        """Count one message in the campaign's figures."""
        self.figures.setdefault((campaign_id, day), Counter())[what] += 1


@dataclass(slots=True)
class Message:
    """One message that was taken."""

    project: Project
    id: str
    wamid: str
    submitted_id: str
    digits: str
    kind: str
    day: str
    campaign_id: str = ""
    status: str = ""
    code: str = ""
    times: dict[str, int] = field(default_factory=dict)  # status in lower case → epoch milliseconds

    def move_to(self, status: str, at: datetime) -> bool:
        """Go forward only; tells whether it moved."""
        if _RANKS.get(status, -1) <= _RANKS[self.status]:
            return False
        self.status = status
        self.times[status.lower()] = int(at.timestamp() * 1000)
        return True


@dataclass(slots=True)
class AiSensyState:
    """The whole emulated provider; without registered projects, everybody works in one open project."""

    keys: dict[str, Project] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)  # by name
    messages: dict[str, Message] = field(default_factory=dict)
    open_project: Project = field(default_factory=lambda: sampled(Project("open")))
    counter: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether only registered projects work."""
        return bool(self.projects)

    def keep(self, project: Project, digits: str, kind: str, now: datetime, campaign_id: str = "") -> Message:
        """Note a new message and give it its ids; the oldest ones are forgotten in the end."""
        self.counter += 1
        seconds = int(now.timestamp())
        message = Message(
            project,
            id=f"{seconds:08x}{self.counter:016x}",
            wamid=f"wamid.{seconds:X}{self.counter:012X}",
            submitted_id=f"{seconds:08x}-0000-4000-8000-{self.counter:012x}",
            digits=digits,
            kind=kind,
            day=f"{now.astimezone(_INDIA):%Y-%m-%d}",
            campaign_id=campaign_id,
        )
        if len(self.messages) >= _KEPT_MESSAGES:
            for key in list(islice(self.messages, _KEPT_MESSAGES // 10)):
                del self.messages[key]
        self.messages[message.id] = message
        return message


def sampled(project: Project) -> Project:
    """The project with the sample campaign and its template."""
    project.add_template(Template(SAMPLE_CAMPAIGN, "{{1}}"))
    return project


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
