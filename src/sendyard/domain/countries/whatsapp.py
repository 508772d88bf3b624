"""
WhatsApp as a country of its own: the 24-hour window, template categories, and opt-in.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.countries.rules import ADVERTISING, Aspect, Finding, Level, Need, Pack, Rule, Source, Waiver
from sendyard.domain.countries.situation import ConsentKind, Registration, Situation

WINDOW = timedelta(hours=24)
_SOON = timedelta(minutes=10)

_CHANNELS = frozenset({Channel.WHATSAPP})
_DOCS = "https://developers.facebook.com/documentation/business-messaging/whatsapp"
_WINDOW = Source("WhatsApp customer service window", "", _DOCS)
_TEMPLATES = Source("WhatsApp template categories", "", _DOCS)
_OPT_IN = Source("WhatsApp business messaging policy", "", "https://business.whatsapp.com/policy")
_AMERICA = Source(
    "WhatsApp per-user marketing limits", "", f"{_DOCS}/templates/marketing-templates/per-user-limits", "2025-04-01"
)


def window_closes_at(last_inbound_at: datetime | None) -> datetime | None:
    """Say when free text stops being possible: 24 hours after the person last wrote; None when they never did."""
    return last_inbound_at + WINDOW if last_inbound_at else None


def _look_window(situation: Situation) -> Iterator[Finding]:
    if situation.template:
        return
    closes = window_closes_at(situation.person.last_inbound_at)
    if closes is None:
        yield Finding(
            "Free text may be sent within 24 hours after the person wrote, and they have not. Send an approved "
            "template.",
            kind="never",
        )
    elif closes <= situation.at:
        hours = (situation.at - closes + WINDOW) // timedelta(hours=1)
        yield Finding(
            f"Free text may be sent within 24 hours after the person wrote, which was {hours} hours ago. Send an "
            "approved template.",
            kind="closed",
        )
    elif closes - situation.at <= _SOON:
        minutes = (closes - situation.at) // timedelta(minutes=1)
        yield Finding(
            f"The 24-hour window closes in {minutes} minutes; what waits longer needs a template.",
            level=Level.WARN,
            kind="closing",
        )


def _look_state(situation: Situation) -> Iterator[Finding]:
    template = situation.template
    if template is None or template.state is Registration.APPROVED:
        return
    if template.state is Registration.UNKNOWN:
        yield Finding(
            f"Nobody has confirmed that template {template.id!r:.60} is approved. Synchronise templates.",
            level=Level.WARN,
        )
    else:
        is_stopped = template.state is Registration.REJECTED
        found = "rejected, paused or disabled" if is_stopped else template.state.value
        yield Finding(
            f"Template {template.id!r:.60} is {found} at Meta, so it is not sent. Wait for approval, or choose another."
        )


_CATEGORIES = {
    Purpose.PROMOTIONAL: "marketing",
    Purpose.TRANSACTIONAL: "utility",
    Purpose.OTP: "authentication",
}


def _look_category(situation: Situation) -> Iterator[Finding]:
    found = situation.template.category if situation.template else ""
    expected = _CATEGORIES[situation.purpose]
    if not found or found == expected:
        return
    if situation.purpose is Purpose.PROMOTIONAL:
        yield Finding(
            f"Promotion needs a marketing template, and this one is registered as {found}; Meta moves or stops "
            "templates used so. Choose a marketing template."
        )
    else:
        yield Finding(
            f"Expected a {expected} template for a {situation.purpose.value} message, found {found}; it is billed "
            "and limited as that. Choose another template, or correct the purpose.",
            level=Level.WARN,
        )


def _is_marketing(situation: Situation) -> bool:
    if situation.template and situation.template.category:
        return situation.template.category == "marketing"
    return situation.purpose is Purpose.PROMOTIONAL


def _look_opt_in(situation: Situation) -> Iterator[Finding]:
    if _is_marketing(situation) and not situation.consent(ConsentKind.MARKETING, ConsentKind.WRITTEN):
        yield Finding(
            "Marketing on WhatsApp needs the person's opt-in, and none is recorded. Record when and how they agreed, "
            "or leave them out."
        )


def _look_america(situation: Situation) -> Iterator[Finding]:
    if situation.country == "US" and situation.template and _is_marketing(situation):
        yield Finding(
            "WhatsApp does not deliver marketing templates to numbers of the United States. Use SMS for this person."
        )


RULES = (
    Rule(
        id="wa.window",
        what="Free text only within 24 hours after the person last wrote; outside, approved templates.",
        source=_WINDOW,
        level=Level.BLOCK,
        aspect=Aspect.TIME,
        satisfy="Send an approved template.",
        waiver=Waiver.NOBODY,
        look=_look_window,
        channels=_CHANNELS,
        needs=frozenset({Need.INBOUND}),
    ),
    Rule(
        id="wa.template_state",
        what="The template is approved.",
        source=_TEMPLATES,
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy="Wait for approval, or choose another template.",
        waiver=Waiver.NOBODY,
        look=_look_state,
        channels=_CHANNELS,
    ),
    Rule(
        id="wa.template_category",
        what="The template's category suits the message.",
        source=_TEMPLATES,
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy="Choose a template of the right category.",
        waiver=Waiver.OWNER,
        look=_look_category,
        channels=_CHANNELS,
    ),
    Rule(
        id="wa.marketing_in_america",
        what="No marketing templates to numbers of the United States.",
        source=_AMERICA,
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy="Use SMS.",
        waiver=Waiver.OWNER,
        look=_look_america,
        channels=_CHANNELS,
    ),
    Rule(
        id="wa.opt_in",
        what="Marketing needs the person's opt-in.",
        source=_OPT_IN,
        level=Level.BLOCK,
        aspect=Aspect.CONSENT,
        satisfy="Record when and how the person agreed.",
        waiver=Waiver.NOBODY,
        look=_look_opt_in,
        channels=_CHANNELS,
        needs=frozenset({Need.CONSENTS}),
        categories=ADVERTISING,
        uncertain=True,
    ),
)

PACK = Pack("whatsapp", "WhatsApp", frozenset(), RULES)
