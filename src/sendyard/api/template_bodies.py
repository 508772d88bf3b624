"""
What callers send and get about templates.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from sendyard.api.message_bodies import Moment, TemplateRecord, Value
from sendyard.domain.channels import Channel, Purpose
from sendyard.features.templates.document import Document

Code = Annotated[str, Meta(max_length=64, examples=["order-shipped"])]
Body = Annotated[
    str,
    Meta(description="`{name}` stands for a variable, `{name|friend}` gives a default.", examples=["Hi {name|there}"]),
]
TagOf = Annotated[str, Meta(max_length=40, description="Language tag such as ko or zh-Hant.")]

RegisteredForms = Annotated[
    dict[str, Any],
    Meta(
        description="What the text is called at providers that send approved templates only: `forms` by provider slug, "
        "each with `name`, `language`, `variables` (their name to a text of ours), `header`, and `languages` with the "
        "forms in further languages; `registration` holds ids of a regulator.",
        examples=[{"registration": {"entity_id": "1101000000000000001", "template_id": "1107000000000000001"}}],
    ),
]
Whole = Annotated[
    Document,
    Meta(
        description="Bodies by channel and language, with the types of variables; instead of `body`.",
        examples=[{"language": "en", "bodies": {"sms": {"en": {"text": "Hi {name}"}, "ko": {"text": "{name}님"}}}}],
    ),
]


class AddTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """A text with variables, or a whole document of texts."""

    code: Code
    body: Body | None = None
    document: Whole | None = None
    name: str = ""
    registered: RegisteredForms | None = None


class ChangeTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """What it says from now on makes a new version; messages sent before keep theirs. `body` is the main text alone."""

    body: Body | None = None
    document: Whole | None = None
    name: str | None = None
    registered: RegisteredForms | None = None


class CopyTemplate(msgspec.Struct, forbid_unknown_fields=True):
    """What the copy is called."""

    code: Code
    name: str = ""


class Values(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Values to try, and where it would go."""

    variables: dict[str, Value | list[Value]] = {}
    sample: Annotated[int, Meta(ge=0)] | None = None
    contact: Annotated[str, Meta(description="Id of a contact whose values and language to take.")] = ""
    record: TemplateRecord | None = None
    country: Annotated[str, Meta(max_length=2)] = ""
    language: TagOf = ""
    channel: Channel = Channel.SMS
    purpose: Annotated[Purpose | None, Meta(description="The template's own when absent.")] = None
    account: Annotated[str, Meta(description="Id or name; the route decides when empty.")] = ""
    sender: str = ""


class PreviewText(Values, forbid_unknown_fields=True, kw_only=True):
    """A text or document that is not stored yet, with values to try."""

    body: Body | None = None
    document: Whole | None = None


class TemplateAnswer(msgspec.Struct):
    """A template with its newest version; `required` are the variables without a default."""

    id: str
    code: str
    name: str
    version: int
    version_id: str
    body: str
    document: Document
    purpose: Purpose
    category: str
    channels: list[str]
    languages: list[str]
    registered: RegisteredForms
    variables: list[str]
    required: list[str]
    created_at: Moment
    updated_at: Moment
    archived_at: Moment | None


class TemplateList(msgspec.Struct):
    """Templates by their code."""

    data: list[TemplateAnswer]
    next: str | None


class VersionAnswer(msgspec.Struct):
    """One version; it never changes."""

    id: str
    version: int
    body: str
    document: Document
    registered: RegisteredForms
    created_at: Moment


class VersionList(msgspec.Struct):
    """Versions, newest first."""

    data: list[VersionAnswer]
    next: str | None = None


class WordPiece(msgspec.Struct):
    """A piece of the way from one text to another."""

    op: Literal["equal", "removed", "added"]
    text: str


class TextChange(msgspec.Struct):
    """A text that differs; `place` is channel, language and part, as `sms/en/text`."""

    place: str
    change: Literal["added", "removed", "changed"]
    words: list[WordPiece]


class SettingChange(msgspec.Struct):
    """Something else that differs; null stands for what is not there."""

    name: str
    old: Any
    new: Any


class DifferencesAnswer(msgspec.Struct):
    """What differs between two versions; `registered` says whether the registered forms do."""

    code: str
    old: int
    new: int
    texts: list[TextChange]
    variables: list[SettingChange]
    settings: list[SettingChange]
    registered: bool


class DifferencesQuery(msgspec.Struct, forbid_unknown_fields=True):
    """Which versions."""

    old: Annotated[int, Meta(ge=1, le=2**31)]
    new: Annotated[int, Meta(ge=1, le=2**31)]


class ForcingCharacter(msgspec.Struct):
    """A character that makes the text take more room."""

    char: str
    name: str
    position: int
    suggestion: str


class Price(msgspec.Struct):
    """What it would cost at the first account of the route."""

    amount: str
    currency: str
    account: str


class RuleAnswer(msgspec.Struct):
    """What a rule says of the text or its sender; `satisfy` says what to do."""

    rule: str
    level: Literal["block", "defer", "fix", "warn"]
    kind: str
    detail: str
    satisfy: str
    waiver: str
    source: str
    source_url: str
    uncertain: bool
    fixed: str | None
    until: str | None
    span: list[int] | None


class Fault(msgspec.Struct, omit_defaults=True):
    """One reason why the text is not the registered one."""

    kind: str
    detail: str
    span: list[int] | None = None
    expected: str = ""
    found: str = ""


class RegisteredCheck(msgspec.Struct):
    """
    How the text compares with one registered elsewhere: at a provider's account, or at DLT.

    `matches` is null where that text is not known; `words` is the way from it to ours.
    """

    at: str
    account: str
    name: str
    language: str
    state: str | None
    matches: bool | None
    problems: list[Fault]
    words: list[WordPiece]


class PreviewProblem(msgspec.Struct):
    """Why sending would refuse it, with the code that sending gives."""

    code: str
    detail: str


class TemplatePreviewAnswer(msgspec.Struct, rename={"text_class": "class"}):
    """
    What would be sent: `text` exactly as it leaves, `rendered` before the rules put it right.

    `content` has title, files and buttons; `problem` says why the text cannot be sent as it is, and `problems` what
    sending would refuse at the account shown.
    """

    text: str
    rendered: str
    title: str
    content: dict[str, Any]
    kind: str
    language: str
    purpose: Purpose
    variables: list[str]
    values: dict[str, str]
    encoding: str
    units: int
    bytes: int
    parts: int
    part_sizes: list[int]
    text_class: str
    forcing: list[ForcingCharacter]
    replaceable: bool
    problem: str
    price: Price | None
    account: str | None
    route: str
    problems: list[PreviewProblem]
    rules: list[RuleAnswer]
    registered: list[RegisteredCheck]


class TemplatePage(msgspec.Struct, forbid_unknown_fields=True):
    """Which templates to list: after a code; only archived ones with `archived`."""

    after: str = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    archived: bool = False
