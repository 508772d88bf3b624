"""
What rules said of a list of messages, one line for each rule: how often, to whom for example, and what to do.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sendyard.delivery.brief import WAIVED
from sendyard.domain.addresses import mask
from sendyard.domain.countries.registry import RULES
from sendyard.domain.countries.rules import Aspect, Level, Need, Rule
from sendyard.ledger.entries import Note

MOST_EXAMPLES = 5
_SEVERITY = {WAIVED: 0, Level.WARN.value: 1, Level.FIX.value: 2, Level.DEFER.value: 3, Level.BLOCK.value: 4}
_OF_THE_WORKSPACE = frozenset({"url_allow_list", "number_allow_list", "entity", "telemarketer", "chain"})


@dataclass(frozen=True, slots=True)
class Example:
    """One message in which something was found; `to` is masked."""

    row: int | None
    to: str
    detail: str

    def document(self) -> dict[str, Any]:
        """Give the example as API and command line print it."""
        return {"row": self.row, "to": self.to, "detail": self.detail}


def show(examples: list[Example], detail: str, row: int | None, to: str) -> bool:
    """Take one more message as an example; False when there are enough."""
    if len(examples) < MOST_EXAMPLES:
        examples.append(Example(row, mask(to), detail))
    return len(examples) < MOST_EXAMPLES


@dataclass(slots=True)
class RuleLine:
    """
    One rule that spoke.

    Attributes:
        rule: which.
        level: the strongest that followed: block, defer, fix, warn; or waived, where it was set aside.
        count: how many messages it concerns.
        examples: the first few.
    """

    rule: Rule
    level: str = WAIVED
    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, level: str, messages: int) -> None:
        """Count so many messages."""
        self.count += messages
        if _SEVERITY[level] > _SEVERITY[self.level]:
            self.level = level

    @property
    def forbids_all(self) -> bool:
        """Whether it stops messages for what has nothing to do with any single person: sender or registration."""
        return self.level == Level.BLOCK and self.rule.aspect is Aspect.SENDER

    def document(self) -> dict[str, Any]:
        """Give the line as API and command line print it."""
        rule = self.rule
        return {
            "id": rule.id,
            "level": self.level,
            "count": self.count,
            "what": rule.what,
            "detail": self.examples[0].detail if self.examples else "",
            "satisfy": rule.satisfy,
            "fix": fix_of(rule),
            "waivable_by": rule.waiver.value,
            "uncertain": rule.uncertain,
            "source": str(rule.source),
            "source_url": rule.source.url,
            "examples": [one.document() for one in self.examples],
        }


class Saying(NamedTuple):
    """What one rule said of a message, and with the same words of all that are like it."""

    line: RuleLine
    level: str
    detail: str


class RuleLines:
    """Gathers what rules said, a line for each."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._lines: dict[str, RuleLine] = {}

    def noted(self, notes: Iterable[Note]) -> list[Saying]:
        """Give what was said of a message that goes; of a rule that said several things, the first."""
        first: dict[str, Saying] = {}
        for note in notes:
            if note.rule not in first:
                first[note.rule] = Saying(self._line(note.rule), note.level, note.detail)
        return [*first.values()]

    def forbidden(self, rule_id: str, detail: str) -> list[Saying]:
        """Give what was said of a message that a rule stopped."""
        return [Saying(self._line(rule_id), Level.BLOCK.value, detail)]

    def lines(self) -> list[RuleLine]:
        """Every rule that spoke, the most serious first."""
        return sorted(self._lines.values(), key=lambda line: (-_SEVERITY[line.level], line.rule.id))

    def _line(self, rule_id: str) -> RuleLine:
        line = self._lines.get(rule_id)
        if line is None:
            line = self._lines[rule_id] = RuleLine(RULES[rule_id])
        return line


_COMPLIANCE = "PATCH /api/v1/compliance, or `sendyard compliance set`"
_PLACES: tuple[tuple[Callable[[Rule], bool], str], ...] = (
    (lambda rule: rule.id.endswith(".consent_renewal"), "POST /api/v1/consents/remind, or `sendyard consents remind`"),
    (lambda rule: rule.aspect is Aspect.CONSENT, "POST /api/v1/consents, or `sendyard consents add`"),
    (lambda rule: Need.ZONE in rule.needs, "PATCH /api/v1/contacts/{id}"),
    (lambda rule: rule.id.startswith("wa.template"), "POST /api/v1/templates/sync, or `sendyard templates sync`"),
    (
        lambda rule: rule.id.startswith("in.template"),
        "POST /api/v1/compliance/templates/import, or `sendyard compliance templates import FILE`",
    ),
    (lambda rule: rule.id.partition(".")[2] in _OF_THE_WORKSPACE, _COMPLIANCE),
    (
        lambda rule: rule.aspect is Aspect.SENDER or rule.level is Level.FIX,
        "PUT /api/v1/compliance/senders, or `sendyard compliance sender set`",
    ),
)


def fix_of(rule: Rule) -> str:
    """Where what a rule asks for is entered: the API's path and the command; "" where the text has to be changed."""
    return next((place for fits, place in _PLACES if fits(rule)), "")
