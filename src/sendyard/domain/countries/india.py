"""
India: TRAI's commercial communications rules as the operators' DLT platforms enforce them on SMS.

The template's *category* decides hours and do-not-disturb, whatever purpose a message was given here.
"""

import re
from collections.abc import Iterator

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.courtesy import courtesy_rule
from sendyard.domain.countries.hours import clock, daily, first_open
from sendyard.domain.countries.india_registry import REGISTRY_RULES
from sendyard.domain.countries.india_text import TEXT_RULES
from sendyard.domain.countries.rules import ADVERTISING, Aspect, Finding, Level, Need, Pack, Rule, Source, Waiver
from sendyard.domain.countries.situation import ConsentKind, DoNotDisturb, Situation

ZONE = "Asia/Kolkata"
PROMOTIONAL_HOURS = daily("10:00-21:00")

_SMS = frozenset({Channel.SMS})
TCCCPR = "TCCCPR 2018, 2nd amendment"
_GAZETTE = "https://gazettetracker.com/g/CG-DL-E-18022025-261096"
_CIRCULAR = Source("Operators' scrubbing matrix", "", "https://crm.smsgatewayhub.com", "2022-02")


def category(situation: Situation) -> str:
    """Give the category that decides: the template's own, else what the purpose suggests."""
    if situation.template and situation.template.category:
        return situation.template.category
    return "promotional" if situation.purpose is Purpose.PROMOTIONAL else "service_implicit"


def _look_hours(situation: Situation) -> Iterator[Finding]:
    kind = category(situation)
    if kind == "service_explicit":
        if situation.options.india_explicit_any_hour:
            return
    elif kind != "promotional":
        return
    until = first_open(PROMOTIONAL_HOURS, (ZONE,), situation.at)
    if until and until > situation.at:
        yield Finding(
            f"Operators deliver {kind} messages 10:00–21:00 Indian time only; it is {clock(situation.at, ZONE)} "
            f"there. It waits until {clock(until, ZONE)}.",
            until=until,
        )


def _look_consent(situation: Situation) -> Iterator[Finding]:
    registered = situation.consent(ConsentKind.REGISTERED)
    kind = category(situation)
    if kind == "service_explicit" and registered is None:
        yield Finding(
            "A service_explicit message needs consent recorded on the DLT platform, and none is. Record it there "
            "and here, or use a promotional template."
        )
    elif kind == "promotional" and not (registered or situation.consent(ConsentKind.MARKETING, ConsentKind.WRITTEN)):
        yield Finding(
            "No consent to promotion is recorded for this person; operators decide by the person's preferences. "
            "Record consent to be safe.",
            level=Level.WARN,
        )


def _look_do_not_disturb(situation: Situation) -> Iterator[Finding]:
    listed, kind = situation.person.do_not_disturb, category(situation)
    if (
        kind not in {"promotional", "service_explicit"}
        or listed in {DoNotDisturb.UNKNOWN, DoNotDisturb.NONE}
        or situation.consent(ConsentKind.REGISTERED)
    ):
        return
    if listed is DoNotDisturb.PARTIAL and kind == "promotional":
        digit = situation.sender.value[:1]
        if digit in situation.person.wanted_categories:
            return
        yield Finding(
            f"The person lets through promotion of categories {_listed(situation.person.wanted_categories)} only, "
            f"and header {situation.sender.value or '(none)'} is of another. Leave the person out, or get consent "
            "on the DLT platform."
        )
    else:
        yield Finding(
            f"The number is on the do-not-disturb register ({listed.value}), which operators enforce for {kind} "
            "messages. Leave the person out, or get consent on the DLT platform."
        )


def _listed(digits: frozenset[str]) -> str:
    return ", ".join(sorted(digits)) or "none"


_CATEGORIES = frozenset({"transactional", "service_implicit", "service_explicit", "promotional"})


def _look_category(situation: Situation) -> Iterator[Finding]:
    found = situation.template.category if situation.template else ""
    if not found:
        return
    if found not in _CATEGORIES:
        yield Finding(
            f"Expected one of {', '.join(sorted(_CATEGORIES))} as the template's category, found {found!r:.40}. "
            "Enter it as the DLT portal shows it."
        )
    elif situation.purpose is Purpose.PROMOTIONAL and found not in {"promotional", "service_explicit"}:
        yield Finding(
            f"A promotional message cannot use a {found} template. Use one registered as promotional, or as "
            "service_explicit with consent."
        )
    elif situation.purpose is not Purpose.PROMOTIONAL and found == "promotional":
        yield Finding(
            f"The template is registered as promotional, so promotional hours and do-not-disturb apply to this "
            f"{situation.purpose.value} message. Register a service_implicit one.",
            level=Level.WARN,
        )
    elif found == "transactional" and situation.purpose is not Purpose.OTP:
        yield Finding(
            "Category transactional is only for banks' one-time passwords; orders, deliveries and reminders are "
            "service_implicit. Check the template's category.",
            level=Level.WARN,
        )


_PROMOTIONAL_WORDS = re.compile(
    r"\b(?:\d+\s?%\s?off|offers?|sale|discounts?|buy now|shop now|cashback|hurry|limited period|coupons?)\b",
    re.IGNORECASE,
)


def _look_promotional_words(situation: Situation) -> Iterator[Finding]:
    if category(situation) in {"service_implicit", "transactional"} and (
        found := _PROMOTIONAL_WORDS.search(situation.text)
    ):
        yield Finding(
            f"{found[0]!r} reads like promotion inside a {category(situation)} message; operators may blacklist the "
            "template. Remove it, or use a promotional template.",
            span=found.span(),
        )


_HEADER = re.compile(r"^(?:([A-Z]{2})-)?([A-Za-z]{3,8}|\d{6})(?:-([PSTG]))?$")


def _look_header(situation: Situation) -> Iterator[Finding]:
    value = situation.sender.value
    if not value:
        yield Finding(
            "Every SMS to India needs a registered header (sender id), and none is chosen. Choose one registered on "
            "the DLT portal."
        )
        return
    found = _HEADER.match(value)
    if found is None:
        yield Finding(
            f"Expected a header of 6 letters, or 6 digits for promotion, found {value!r:.30}. Enter it exactly as on "
            "the DLT portal, capital and small letters included."
        )
    elif found[1] or found[3]:
        yield Finding(
            f"Operators add prefix and suffix themselves; found {value}. Send {found[2]} alone.", kind="affix"
        )
    elif found[2].isdigit() != (category(situation) == "promotional"):
        wanted = "6 digits" if category(situation) == "promotional" else "letters"
        yield Finding(
            f"A {category(situation)} message needs a header of {wanted}, found {value}. Choose a header of the "
            "right kind.",
            kind="category",
        )
    elif len(found[2]) != 6:
        yield Finding(
            f"Most operators register headers of exactly 6 letters, found {len(found[2])} in {value}. Check it on "
            "the portal.",
            level=Level.WARN,
            kind="length",
        )


RULES = (
    *REGISTRY_RULES,
    Rule(
        id="in.header",
        what="A registered header: letters for service, six digits for promotion, without prefix and suffix.",
        source=Source(TCCCPR, "headers", _GAZETTE, "2025-02-12"),
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy="Choose the header of the template's category, exactly as registered.",
        waiver=Waiver.NOBODY,
        look=_look_header,
        channels=_SMS,
    ),
    Rule(
        id="in.category",
        what="The template's category suits the message.",
        source=Source(TCCCPR, "template categories", _GAZETTE, "2025-02-12"),
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy="Use a template registered in the right category.",
        waiver=Waiver.OWNER,
        look=_look_category,
        channels=_SMS,
    ),
    *TEXT_RULES,
    Rule(
        id="in.promotional_words",
        what="Service messages contain no promotion.",
        source=Source("Industry practice"),
        level=Level.WARN,
        aspect=Aspect.CONTENT,
        satisfy="Remove the words, or use a promotional template.",
        waiver=Waiver.MANAGER,
        look=_look_promotional_words,
        channels=_SMS,
        uncertain=True,
    ),
    Rule(
        id="in.consent",
        what="service_explicit needs consent on the DLT platform.",
        source=Source(TCCCPR, "consent", _GAZETTE, "2025-02-12"),
        level=Level.BLOCK,
        aspect=Aspect.CONSENT,
        satisfy="Record the consent on the DLT platform and here.",
        waiver=Waiver.NOBODY,
        look=_look_consent,
        channels=_SMS,
        needs=frozenset({Need.CONSENTS}),
        categories=ADVERTISING,
    ),
    Rule(
        id="in.do_not_disturb",
        what="Promotion does not reach numbers on the do-not-disturb register without DLT consent.",
        source=_CIRCULAR,
        level=Level.BLOCK,
        aspect=Aspect.CONSENT,
        satisfy="Leave the person out, or obtain consent on the DLT platform.",
        waiver=Waiver.OWNER,
        look=_look_do_not_disturb,
        channels=_SMS,
        needs=frozenset({Need.CONSENTS, Need.DO_NOT_DISTURB}),
        categories=ADVERTISING,
        uncertain=True,
    ),
    Rule(
        id="in.hours",
        what="Promotional and service_explicit messages are delivered 10:00–21:00 Indian time.",
        source=_CIRCULAR,
        level=Level.DEFER,
        aspect=Aspect.TIME,
        satisfy="Let it wait until 10:00.",
        waiver=Waiver.NOBODY,
        look=_look_hours,
        channels=_SMS,
        categories=ADVERTISING,
    ),
    courtesy_rule("in", ZONE),
)

PACK = Pack("in", "India", frozenset({"IN"}), RULES)
