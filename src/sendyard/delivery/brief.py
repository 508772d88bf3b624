"""
What messages of one kind have in common before the rules: who speaks, from which account, what was told about both.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sendyard.delivery.copies import copy_of
from sendyard.delivery.directory import Directory
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, TemplateRef
from sendyard.domain.countries.registry import concerning, decide
from sendyard.domain.countries.rules import Aspect, Level, Need, Verdict
from sendyard.domain.countries.situation import DltIds, Person, RegisteredTemplate, Registration, Situation
from sendyard.ledger.entries import Note
from sendyard.providers.contract import TemplateState

_STRANGER = Person(first_contact=True)
_EPOCH = datetime.fromtimestamp(0, UTC)
_MOST_BRIEFS = 4096  # senders are free text, so the keys have no natural end
_SENDER = frozenset({Aspect.SENDER})
_STATES = {
    TemplateState.APPROVED: Registration.APPROVED,
    TemplateState.DRAFT: Registration.MISSING,
    TemplateState.PENDING: Registration.PENDING,
    TemplateState.UNMAPPED: Registration.UNKNOWN,
}
_ENTITY, _TEMPLATE = "entity_id", "template_id"
"""Keys of `registration` that India's rules read."""

WAIVED = "waived"
"""Level of a note about a rule that found something and was set aside."""


@dataclass(slots=True)
class Brief:
    """
    Everything the rules need to know of a message except its words, its recipient and the moment.

    Attributes:
        situation: the facts, with a stranger as recipient and nothing said; `unexplained` is the same for a hundred
            thousand rows, of which only a few are explained.
        held_by_the_provider: the text is registered there, under the provider's own name for it.
        from_abroad: the provider is not one of the recipient's country.
        waived: rules set aside for these messages.
        needs: what the rules of consent and clock ask of recipients.
        sender_blocks: what is wrong with sender and registrations, whatever is said to whomever.
        spare: copies of `unexplained`, and `spare_explained` of `situation`, for one text after another.
        texts: judged texts, see `judging.word`; `clocks`, `permissions` and `rulings`: judged minutes, consents and
            both together, see `judging.judge`.
    """

    situation: Situation
    waived: frozenset[str]
    needs: frozenset[Need]
    judges_words: bool
    judges_consent: bool
    judges_clock: bool
    held_by_the_provider: bool = False
    from_abroad: bool = False
    unexplained: Situation = field(init=False)
    sender_blocks: Sequence[Verdict] = ()
    sender_notes: Sequence[Note] = ()
    spare: list[Situation] = field(default_factory=list)
    spare_explained: list[Situation] = field(default_factory=list)
    texts: dict[Any, Any] = field(default_factory=dict)
    clocks: dict[Any, Any] = field(default_factory=dict)
    permissions: dict[Any, Any] = field(default_factory=dict)
    rulings: dict[Any, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Judge the sender, once for all such messages."""
        self.unexplained = replace(self.situation, explain=False)
        decision = decide(self.situation, _SENDER, waived=self.waived)
        found = [self.weighed(one) for one in decision.verdicts]
        self.sender_blocks = tuple(one for one in found if one.level is Level.BLOCK)
        self.sender_notes = (
            *(Note(one.rule_id, one.level.value, one.detail) for one in found if one.level is not Level.BLOCK),
            *(Note(rule_id, WAIVED, "") for rule_id in decision.waived),
        )

    @property
    def judges_person(self) -> bool:
        """Whether the rules look at the recipient or the clock."""
        return self.judges_consent or self.judges_clock

    def weighed(self, verdict: Verdict, *, hears: bool = True) -> Verdict:
        """
        Give a verdict its weight: what is known to be wrong stops, what nobody has told us only warns.

        So ids of India are missed only by those who have entered any of them, a text that a provider holds under its
        own name needs no DLT id from us, a foreign number may write to Korea through a provider abroad, and a person's
        silence on WhatsApp counts only where somebody was ever heard.
        """
        excuse = self._excuse(verdict, hears=hears) if verdict.level is Level.BLOCK else ""
        return verdict._replace(level=Level.WARN, detail=f"{verdict.detail} {excuse}") if excuse else verdict

    def _excuse(self, verdict: Verdict, *, hears: bool) -> str:
        """Why what a rule stops may be right after all; "" where it is known to be wrong."""
        match verdict.rule_id:
            case "in.entity" if not self.situation.dlt.entity_id:
                return "Nobody has entered it here; the provider may add it."
            case "in.template_id" | "in.header" if not self._knows_india:
                return "Nothing is known here of your DLT registration, so this is only a warning."
            case "in.template_id" if self.held_by_the_provider:
                return "The provider keeps this text under a name of its own and may know the id."
            case "kr.sender_form" if self.from_abroad:
                return "This provider sends from abroad, where no Korean registration is needed."
            case "wa.window" if verdict.kind == "never" and not hears:
                return "No message from anybody has ever come in here, so this is only a warning."
            case _:
                return ""

    @property
    def _knows_india(self) -> bool:
        template = self.situation.template
        return bool(self.situation.dlt.entity_id or (template and template.id))


def brief_of(
    directory: Directory,
    workspace_id: str,
    *,
    account_id: str,
    sender: str,
    channel: Channel,
    purpose: Purpose,
    country: str,
    content: Content,
    variants: Mapping[str, Content],
    registration: Mapping[str, str],
    campaign_id: str,
) -> Brief | None:
    """
    Give what the rules know of such messages as one account carries them; None when no rule speaks about them.

    The arguments are those of `ledger.entries.NewMessage`; a blank `sender` stands for the account's own.
    """
    if not concerning(country, channel, purpose):
        return None
    memo = directory.memo  # before the facts: those of a later state may stand in it, never those of an earlier one
    facts = directory.facts(workspace_id)
    campaign = campaign_id if campaign_id in facts.waived else ""
    entry = directory.account(account_id)
    form = variants.get(entry.provider, content) if entry is not None and variants else content
    named: tuple[str, ...] = ()
    if isinstance(form, TemplateRef):
        named = (form.name, form.language)
    ids = (registration.get(_ENTITY, ""), registration.get(_TEMPLATE, "")) if registration else ("", "")
    key: Hashable = ("brief", workspace_id, account_id, sender, channel, purpose, country, ids, named, campaign)
    known: Brief | None = memo.get(key)
    if known is not None:
        return known
    value = sender or (entry.sender if entry is not None else "")
    template = _registered(directory, account_id, channel, form, ids[1], facts.templates)
    own = facts.dlt_ids(account_id)
    situation = Situation(
        at=_EPOCH,
        channel=channel,
        purpose=purpose,
        country=country,
        sender=facts.sender(account_id, value),
        person=_STRANGER,
        template=template,
        dlt=DltIds(ids[0], own.telemarketer_ids, own.chain) if ids[0] else own,
        allowed=facts.allowed,
        home_zone=facts.home_zone,
        options=facts.options,
    )
    rules = concerning(country, channel, purpose, template.category if template else "")
    of_person = [rule for rule in rules if rule.aspect in {Aspect.CONSENT, Aspect.TIME}]
    made = Brief(
        situation=situation,
        waived=facts.waived.get("", frozenset()) | facts.waived.get(campaign_id, frozenset()),
        needs=frozenset(need for rule in of_person for need in rule.needs),
        judges_words=any(rule.aspect is Aspect.CONTENT for rule in rules),
        judges_consent=any(rule.aspect is Aspect.CONSENT for rule in rules),
        judges_clock=any(rule.aspect is Aspect.TIME for rule in rules),
        held_by_the_provider=bool(named),
        from_abroad=entry is not None and country not in (entry.adapter.spec.home or entry.adapter.spec.countries),
    )
    if len(memo) >= _MOST_BRIEFS:
        memo.clear()
    memo[key] = made
    return made


def _registered(
    directory: Directory,
    account_id: str,
    channel: Channel,
    form: Content,
    registry_id: str,
    templates: Mapping[str, RegisteredTemplate],
) -> RegisteredTemplate | None:
    if registry_id:
        return templates.get(registry_id) or RegisteredTemplate(registry_id)
    if not isinstance(form, TemplateRef) or channel is Channel.SMS:
        return None
    copies, entry = directory.copies(account_id), directory.account(account_id)
    copy = copy_of(copies, entry.adapter, form) if copies is not None and entry is not None else None
    if copy is None:
        return RegisteredTemplate(form.name)
    state = _STATES.get(copy.state, Registration.REJECTED)
    return RegisteredTemplate(form.name, category=copy.category.lower(), state=state)
