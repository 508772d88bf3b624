"""
The files of a campaign: alike for everybody, in the message itself or in the header of its template.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.fitting import foreseen, listed, type_as_sent
from sendyard.delivery.forecast import Check, Level
from sendyard.domain.addresses import Address
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Interactive, Media, MediaItem, TemplateRef, title_of
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.campaigns.plan import read_plan
from sendyard.features.campaigns.queries import CampaignRow
from sendyard.features.templates.rendering import Letters
from sendyard.providers.contract import Outgoing

MOST_FILES = 10


def expect_files_fit(channel: str, files: Sequence[MediaItem], letters: Iterable[Letters]) -> None:
    """
    See that messages on a channel can carry these files beside each of these texts.

    Raises:
        Invalid: they cannot; the sentence says what to do instead.
    """
    if not files:
        return
    if len(files) > MOST_FILES:
        raise _refused("too_many", f"Expected at most {MOST_FILES} files, found {len(files)}.")
    if channel == Channel.SMS:
        raise _refused("media_needs_mms", "An sms carries no files; choose the channel mms, or leave them out.")
    for one in letters:
        if channel == Channel.WHATSAPP:
            _expect_header(files, one)
        elif any(body.buttons for by_language in one.document.bodies.values() for body in by_language.values()):
            detail = "The template has buttons, and a message has either files or buttons; leave one of them out."
            raise _refused("media_or_buttons", detail)


def with_files(content: Content, files: Sequence[MediaItem], channel: Channel) -> Content:
    """The content with the campaign's files; of a template only when its header holds a file."""
    if not files:
        return content
    if isinstance(content, TemplateRef):
        return replace(content, media=files) if content.media else content
    if channel is Channel.WHATSAPP or isinstance(content, Interactive):
        return content
    return Media(files, content.body, title_of(content))


def variants_with_files(variants: Mapping[str, Content], files: Sequence[MediaItem]) -> Mapping[str, Content]:
    """The registered forms of a text with the campaign's file in their headers."""
    if not files or not variants:
        return variants
    return {provider: with_files(form, files, Channel.WHATSAPP) for provider, form in variants.items()}


def file_checks(directory: Directory, campaign: CampaignRow) -> list[Check]:
    """Say of each file what every account that may carry the campaign makes of it."""
    files = read_plan(campaign.plan).media
    channel = Channel(campaign.channel)
    accounts = [
        entry
        for entry in directory.accounts(campaign.workspace_id)
        if channel in entry.adapter.spec.channels and campaign.account in ("", entry.id)
    ]
    found = [_check(directory.public_url, item, accounts, channel) for item in files]
    few = [
        entry
        for entry in accounts
        if (limits := entry.adapter.spec.media.get(channel)) is not None and len(files) > limits.items
    ]
    if few and files:
        named = ", ".join(f"{entry.name} takes {entry.adapter.spec.media[channel].items}" for entry in few)
        level = Level.BLOCK if len(few) == len(accounts) else Level.WARN
        detail = f"There are {len(files)} files, and {named} in one message."
        found.append(Check("media", level, len(files), detail, "Leave files out, or choose another account."))
    return found


def _check(public_url: str, item: MediaItem, accounts: Sequence[AccountEntry], channel: Channel) -> Check:
    told, against = [], []
    for entry in accounts:
        problem = _problem(public_url, item, entry, channel)
        if problem:
            against.append(f"{entry.name}: {problem}")
        else:
            limits = entry.adapter.spec.media[channel]
            told.append(f"{entry.name} sends it as {type_as_sent(limits, item.content_type)}")
    size = f", {item.size:,} bytes" if item.size else ""
    detail = f"{item.filename or item.url} ({item.content_type}{size}): {'; '.join([*against, *told]) or 'no account'}."
    if told and not against:
        return Check("media", Level.OK, 0, detail, "")
    level = Level.WARN if told else Level.BLOCK
    return Check("media", level, 1, detail, "Choose a file of another type or size, or an account that takes it.")


def _problem(public_url: str, item: MediaItem, entry: AccountEntry, channel: Channel) -> str:
    limits = entry.adapter.spec.media.get(channel)
    if limits is None:
        return f"{entry.adapter.spec.name} carries no files on {channel}"
    if not item.medium_id:
        # A file elsewhere is fetched by the provider as it is.
        taken = limits.rule_of(item.content_type) is not None
        return "" if taken else f"{entry.adapter.spec.name} takes {listed(limits)}, found {item.content_type}"
    message = Outgoing("", "", channel, Address.known("+10000000000"), "", Media((item,)))
    _, problems = foreseen(public_url, entry, message)
    return problems[0].detail.rstrip(".") if problems else ""


def _expect_header(files: Sequence[MediaItem], letters: Letters) -> None:
    if letters.forms is None or not letters.forms.has_files:
        detail = (
            "A campaign on WhatsApp reaches people who have no conversation open, so its file is the header of an "
            "approved template: use a template that is registered with a file as its header."
        )
        raise _refused("media_needs_template", detail)
    if len(files) > 1:
        raise _refused("too_many", f"The header of a WhatsApp template holds one file, found {len(files)}.")


def _refused(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=[FieldError("/media", code, detail)])
