"""
The words of a message as the rules of its country let them go, with what a provider may fall back to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sendyard.delivery.brief import Brief, brief_of
from sendyard.delivery.directory import Directory
from sendyard.delivery.judging import field_errors, with_text, word
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content
from sendyard.domain.countries.rules import Aspect
from sendyard.domain.errors import FieldError
from sendyard.ledger.entries import Note

Fallback = tuple[tuple[Channel, Content], ...]


@dataclass(frozen=True, slots=True)
class Words:
    """What is really sent, what forbids sending it, and what the rules had to say."""

    content: Content
    fallback: Fallback
    faults: Sequence[FieldError] = ()
    notes: Sequence[Note] = ()


def words_of(
    directory: Directory,
    workspace_id: str,
    *,
    account_id: str,
    sender: str,
    channel: Channel,
    purpose: Purpose,
    country: str,
    content: Content,
    fallback: Fallback,
    variants: Mapping[str, Content],
    registration: Mapping[str, str],
    campaign_id: str,
    explain: bool,
) -> Words:
    """
    Judge the words of a message as one account would carry it; the arguments are those of `brief_of`.

    Forms that a provider keeps (`variants`, a `TemplateRef`) are registered as they are and stay so. Of what a
    provider may fall back to, the words alone are judged: the provider chooses the sender.
    """

    def brief_on(medium: Channel) -> Brief | None:
        return brief_of(
            directory,
            workspace_id,
            account_id=account_id,
            sender=sender,
            channel=medium,
            purpose=purpose,
            country=country,
            content=content,
            variants=variants,
            registration=registration,
            campaign_id=campaign_id,
        )

    brief = brief_on(channel)
    if brief is None and not fallback:
        return Words(content, fallback)
    secret = purpose is Purpose.OTP
    faults: list[FieldError] = []
    notes: Sequence[Note] = ()
    if brief is not None:
        worded = word(brief, content, explain=explain, secret=secret)
        if worded.text != content.body:
            content = with_text(content, worded.text)
        faults = field_errors(worded.blocks)
        notes = worded.notes
    others: list[tuple[Channel, Content]] = []
    for position, (medium, other) in enumerate(fallback):
        besides = brief_on(medium)
        if besides is not None:
            worded = word(besides, other, explain=explain, secret=secret)
            blocks = [one for one in worded.blocks if one.rule.aspect is Aspect.CONTENT]
            faults += field_errors(blocks, f"/fallback/{position}")
            others.append((medium, with_text(other, worded.text)))
        else:
            others.append((medium, other))
    return Words(content, tuple(others), faults, notes)
