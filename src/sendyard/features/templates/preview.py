"""
What would be sent: the words after every rule, their size and price, and whether registered texts are kept to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from sendyard.delivery.brief import Brief, brief_of
from sendyard.delivery.carriage import Carriage, measure_content
from sendyard.delivery.copies import Copies, copy_of, misfits
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.judging import with_text
from sendyard.delivery.preflight import Draft, carry, check_content
from sendyard.delivery.routing import decide
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Media, TemplateRef
from sendyard.domain.countries.dlt_matching import match_template
from sendyard.domain.countries.dlt_template import read_template
from sendyard.domain.countries.registry import decide as ask_rules
from sendyard.domain.countries.rules import Aspect
from sendyard.domain.countries.situation import RegisteredTemplate
from sendyard.domain.errors import FieldError
from sendyard.domain.parts import inspect_text
from sendyard.domain.recipients import anybody
from sendyard.features.templates.differences import compare_words
from sendyard.features.templates.notation import read_text
from sendyard.features.templates.rendering import Letters, Rendered
from sendyard.providers.contract import Problem
from sendyard.providers.spec import Counting, TextRules
from sendyard.storage.identifiers import new_id

_WORDS = frozenset({Aspect.CONTENT, Aspect.SENDER})


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewWish:
    """
    Where a message would go and what would stand in it.

    `values` go before `sample`, the number of a row of sample values from 0 (None takes none). `purpose` None is the
    template's own. `sender` and `account` as in a message.
    """

    values: Mapping[str, str]
    channel: Channel = Channel.SMS
    purpose: Purpose | None = None
    country: str = ""
    language: str = ""
    sample: int | None = None
    account: str = ""
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """A person for whom something is previewed: their values by variable, language and country."""

    values: Mapping[str, str]
    language: str = ""
    country: str = ""


def preview(
    directory: Directory, workspace_id: str, letters: Letters, wish: PreviewWish, now: datetime
) -> dict[str, Any]:
    """
    Show what would be sent; what sending would refuse stands in `problems`, and nothing is raised for it.

    Raises:
        MissingVariable: a variable has neither value nor default.
        UnwritableValue: a value is not of its variable's type.
    """
    values = {**(letters.samples(wish.sample) if wish.sample is not None else {}), **wish.values}
    rendered = letters.render(values, channel=wish.channel, language=wish.language, country=wish.country)
    purpose = wish.purpose or letters.document.purpose
    route = decide(
        directory,
        workspace_id,
        channel=wish.channel,
        country=wish.country,
        purpose=purpose,
        account=wish.account,
        sender=wish.sender,
    )
    draft = Draft(
        to="",
        content=rendered.content,
        channel=wish.channel,
        purpose=purpose,
        sender=wish.sender,
        country=wish.country,
        variants=rendered.variants,
        registration=rendered.registration,
    )
    carried = _carried(directory, workspace_id, draft, route.accounts)
    # As in sending, an account that cannot carry it is passed over for one that can.
    chosen = carried.accounts or route.accounts
    entry = directory.account(chosen[0]) if chosen else None
    brief = brief_of(
        directory,
        workspace_id,
        account_id=entry.id if entry else "",
        sender=wish.sender,
        channel=wish.channel,
        purpose=purpose,
        country=wish.country,
        content=rendered.content,
        variants=rendered.variants,
        registration=rendered.registration,
        campaign_id="",
    )
    text, rules = _ruled(brief, rendered, now)
    registered = [*_copies(directory, workspace_id, rendered, wish), *_registry(directory, workspace_id, rendered)]
    measured = inspect_text(
        text, wish.country, _counted_as(wish.channel, rendered.content), title=rendered.title
    ).to_dict()
    return {
        "text": text,
        "rendered": rendered.text,
        "title": rendered.title,
        "content": _shown(rendered.content),
        "kind": rendered.kind.value,
        "language": rendered.language,
        "purpose": purpose.value,
        "variables": letters.names.variables,
        "values": {name: rendered.values[name] for name in letters.names.variables if name in rendered.values},
        **measured,
        "price": _price(entry, measured["parts"]),
        "account": entry.name if entry else None,
        "route": route.detail,
        "problems": [
            {"code": str(one.code), "detail": one.detail}
            for one in carried.problems or (() if entry else _anywhere(draft, text))
        ],
        "rules": rules,
        "registered": registered,
    }


def _carried(directory: Directory, workspace_id: str, draft: Draft, accounts: Sequence[str]) -> Carriage:
    """Who of a route would carry it, or why nobody; without a route only what is wrong everywhere."""
    faults: list[FieldError] = []
    check_content(draft, faults)
    if faults or not accounts:
        return Carriage(problems=[Problem(fault.code, fault.detail) for fault in faults])
    country = draft.country
    entry = directory.account(accounts[0])
    if entry is not None and not country:
        spec = entry.adapter.spec
        country = min(spec.home or spec.countries, default="")
    to = anybody(draft.channel, country)
    _, carried = carry(directory, workspace_id, draft, to, draft.country, accounts, new_id(), explain=False)
    return carried


def _anywhere(draft: Draft, text: str) -> Sequence[Problem]:
    """What is known to be wrong though nobody knows through which account it goes."""
    counting = Counting.CP949 if draft.country == "KR" else Counting.GSM
    return measure_content(TextRules(counting), draft.channel, with_text(draft.content, text)).problems


def _ruled(brief: Brief | None, rendered: Rendered, now: datetime) -> tuple[str, list[dict[str, Any]]]:
    """The text as the rules let it go, and what they say of it."""
    if brief is None:
        return rendered.text, []
    situation = replace(
        brief.situation,
        at=now,
        text=rendered.text,
        title=rendered.title,
        has_media=isinstance(rendered.content, Media),
    )
    found = ask_rules(situation, _WORDS, waived=brief.waived)
    return found.text, [brief.weighed(one).to_dict() for one in found.verdicts]


def _copies(directory: Directory, workspace_id: str, rendered: Rendered, wish: PreviewWish) -> list[dict[str, Any]]:
    """How each registered form compares with what the accounts of its provider have."""
    return [
        _copy(entry, directory.copies(entry.id), form, rendered, wish.channel)
        for provider, form in rendered.variants.items()
        if isinstance(form, TemplateRef)
        for entry in directory.accounts(workspace_id)
        if entry.provider == provider and wish.channel in entry.adapter.spec.channels
    ]


def _copy(
    entry: AccountEntry, copies: Copies | None, form: TemplateRef, rendered: Rendered, channel: Channel
) -> dict[str, Any]:
    shown = {"at": entry.provider, "account": entry.name, "name": form.name, "language": form.language}
    copy = copy_of(copies, entry.adapter, form) if copies else None
    problems = (
        [{"kind": one.code, "detail": one.detail} for one in misfits(copies, entry.adapter, channel, form)]
        if copies
        else []
    )
    if copy is None:
        return shown | {"state": None, "matches": None, "problems": problems, "words": []}
    matches, words = None, list[dict[str, str]]()
    if copy.body:
        theirs = read_text(copy.body, copy.variables).filled(form.variables)
        matches = theirs == rendered.body
        words = [] if matches else compare_words(theirs, rendered.body)
        if not matches:
            problems.append(
                {
                    "kind": "text_differs",
                    "detail": "The provider's text is another one, and its text is what people get. Compare the words.",
                }
            )
    return shown | {"state": copy.state.value, "matches": matches, "problems": problems, "words": words}


def _registry(directory: Directory, workspace_id: str, rendered: Rendered) -> list[dict[str, Any]]:
    """How the text compares with what a regulator has under its id, where we hold that text."""
    number = rendered.registration.get("template_id", "")
    known = directory.facts(workspace_id).templates.get(number) if number else None
    if known is None or not known.text:
        return []
    return [_at_registry(known, rendered.text)]


def _at_registry(known: RegisteredTemplate, text: str) -> dict[str, Any]:
    match = match_template(read_template(known.text, known.tags), text)
    problems = [
        {"kind": one.kind, "detail": one.detail, "span": [one.start, one.end], "expected": one.expected,
         "found": one.found}
        for one in match.problems
    ]  # fmt: skip
    return {
        "at": "DLT",
        "account": "",
        "name": known.id,
        "language": "",
        "state": known.state.value,
        "matches": match.ok,
        "problems": problems,
        "words": [],
    }


def _price(entry: AccountEntry | None, parts: int) -> dict[str, str] | None:
    if entry is None or entry.price_per_part is None:
        return None
    return {"amount": str(entry.price_per_part * parts), "currency": entry.currency, "account": entry.name}


def _counted_as(channel: Channel, content: Content) -> str:
    return Channel.MMS.value if channel is Channel.SMS and isinstance(content, Media) else channel.value


def _shown(content: Content) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(content)
    return {"type": type(content).__name__.lower(), **found}
