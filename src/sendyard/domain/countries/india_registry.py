"""
India's DLT objects: entity, telemarketers, chain, and the state of a template.
"""

import re
from collections.abc import Iterator

from sendyard.domain.channels import Channel
from sendyard.domain.countries.rules import Aspect, Finding, Level, Look, Rule, Source, Waiver
from sendyard.domain.countries.situation import Registration, Situation

_SMS = frozenset({Channel.SMS})
_DLT = Source("DLT registration of the operators", "", "https://cmercury.com/dlt-registration")
_ID = re.compile(r"\d{19}")


def _pattern(what: str, value: str, digits: str) -> Iterator[Finding]:
    if value[2:4] != digits:
        yield Finding(
            f"Digits 3 and 4 of a {what} are usually {digits}, found {value[2:4]} in {value}. Compare it with the "
            "portal.",
            level=Level.WARN,
            kind="pattern",
        )


def _look_entity(situation: Situation) -> Iterator[Finding]:
    value = situation.dlt.entity_id
    if not _ID.fullmatch(value):
        yield Finding(
            f"Every SMS to India names the principal entity by its 19 digits, found {value!r:.40}. Copy the entity "
            "id from the DLT portal."
        )
    else:
        yield from _pattern("entity id", value, "01")


def _look_telemarketers(situation: Situation) -> Iterator[Finding]:
    for value in situation.dlt.telemarketer_ids:
        if not _ID.fullmatch(value):
            yield Finding(f"Expected a telemarketer id of 19 digits, found {value!r:.40}. Copy it from the portal.")
        else:
            yield from _pattern("telemarketer id", value, "02")


def _look_chain(situation: Situation) -> Iterator[Finding]:
    state = situation.dlt.chain
    if state is Registration.UNKNOWN:
        yield Finding(
            "Nobody has confirmed that the provider is bound to this entity on the DLT portal (the PE–TM chain). "
            "Ask the provider, accept the chain on the portal and confirm it here.",
            level=Level.WARN,
        )
    elif state is not Registration.APPROVED:
        yield Finding(
            f"The chain of entity and telemarketer is {state.value}, so operators refuse every message. Ask the "
            "provider and accept the chain on the DLT portal."
        )


def _look_template_id(situation: Situation) -> Iterator[Finding]:
    value = situation.template.id if situation.template else ""
    if not _ID.fullmatch(value):
        yield Finding(
            "Every SMS to India uses a registered content template of 19 digits, found "
            f"{repr(value)[:40] if value else 'none'}. Copy the id from the DLT portal; the provider's own template "
            "id is another thing."
        )
    else:
        yield from _pattern("content template id", value, "07")


def _look_template_state(situation: Situation) -> Iterator[Finding]:
    if situation.template is None:
        return
    state = situation.template.state
    if state is Registration.UNKNOWN:
        yield Finding(
            f"Nobody has confirmed that template {situation.template.id} is approved. Check the portal.",
            level=Level.WARN,
        )
    elif state is not Registration.APPROVED:
        yield Finding(
            f"Template {situation.template.id} is {state.value} on the DLT portal. Wait for approval, or choose "
            "another."
        )


def _look_template_header(situation: Situation) -> Iterator[Finding]:
    template, value = situation.template, situation.sender.value
    if template is None or template.senders is None or not value or value in template.senders:
        return
    listed = ", ".join(template.senders) or "no header"
    if spelled := [one for one in template.senders if one.casefold() == value.casefold()]:
        yield Finding(
            f"Headers are case-sensitive: the template is linked to {spelled[0]}, found {value}. Send {spelled[0]}.",
            kind="case",
        )
    else:
        yield Finding(
            f"The template is linked to {listed} on the DLT portal, not to {value}. Link it there, or choose a "
            "linked header."
        )


def _look_header_state(situation: Situation) -> Iterator[Finding]:
    state, value = situation.sender.registration, situation.sender.value
    if value and state not in {Registration.APPROVED, Registration.UNKNOWN}:
        yield Finding(f"Header {value} is {state.value} on the DLT portal. Renew it there, or choose another.")


def _rule(name: str, what: str, satisfy: str, look: Look, *, source: Source = _DLT) -> Rule:
    return Rule(
        id=f"in.{name}",
        what=what,
        source=source,
        level=Level.BLOCK,
        aspect=Aspect.SENDER,
        satisfy=satisfy,
        waiver=Waiver.NOBODY,
        look=look,
        channels=_SMS,
    )


REGISTRY_RULES = (
    _rule("entity", "The principal entity id has 19 digits.", "Enter the entity id of the DLT portal.", _look_entity),
    _rule(
        "telemarketer",
        "Telemarketer ids of the chain have 19 digits.",
        "Enter them in the order of the chain.",
        _look_telemarketers,
    ),
    _rule(
        "chain",
        "Entity and telemarketer are bound on the DLT portal.",
        "Accept the chain on the portal and confirm it here.",
        _look_chain,
    ),
    _rule(
        "template_id",
        "The content template is registered and named by its 19 digits.",
        "Enter the template's id of the DLT portal.",
        _look_template_id,
    ),
    _rule(
        "template_state",
        "The template is approved.",
        "Wait for approval, or choose an approved template.",
        _look_template_state,
    ),
    _rule(
        "template_header",
        "The template is linked to the header, in the same spelling.",
        "Link the header on the portal, or choose a linked one.",
        _look_template_header,
    ),
    _rule(
        "header_state",
        "The header is active.",
        "Renew it on the portal, or choose another.",
        _look_header_state,
    ),
)
