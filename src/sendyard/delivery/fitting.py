"""
What becomes of our files at one account, told before anything is sent.

Pure: a file's type and size are in the message, and what the provider takes is in its spec.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from sendyard.delivery.attachments import NO_PUBLIC_URL, with_files
from sendyard.delivery.directory import AccountEntry
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, MediaItem, Text, files_of
from sendyard.providers.contract import Outgoing, Problem
from sendyard.providers.spec import PICTURES, MediaLimits, MediaWay

MADE_TO_FIT = PICTURES | {"image/webp"}
"""Types that are made smaller or into another picture; everything else is sent as it is or not at all."""

_SIGNATURE = "0" * 54  # as long as a real one


def foreseen(public_url: str, entry: AccountEntry, outgoing: Outgoing) -> tuple[Outgoing, list[Problem]]:
    """Give the message as the adapter will see it, with stand-ins for our files, and what speaks against them."""
    if isinstance(outgoing.content, Text) and not outgoing.fallback:
        return outgoing, []
    contents = ((outgoing.channel, outgoing.content), *outgoing.fallback)
    if not any(item.medium_id for _, content in contents for item in files_of(content)):
        return outgoing, []
    problems = [
        problem
        for channel, content in contents
        for problem in _problems(public_url, entry, channel, [one for one in files_of(content) if one.medium_id])
    ]
    if problems:
        return outgoing, problems
    fallback = tuple((channel, _shown(public_url, entry, channel, content)) for channel, content in outgoing.fallback)
    content = _shown(public_url, entry, outgoing.channel, outgoing.content)
    return replace(outgoing, content=content, fallback=fallback), []


def type_as_sent(limits: MediaLimits, content_type: str) -> str:
    """Give the type a file will have there: its own, for a picture maybe another one; "" when it is not taken."""
    if limits.rule_of(content_type) is not None:
        return content_type
    if content_type in MADE_TO_FIT:
        return next((one for one in ("image/jpeg", "image/png") if limits.rule_of(one) is not None), "")
    return ""


def link_address(public_url: str, file_id: str, expires: int, signature: str, name: str) -> str:
    """Give the address under which a file is fetched; `expires` in seconds since 1970."""
    return f"{public_url}/media/public/{file_id}/{expires:010}/{signature}/{quote(name, safe='')}"


def listed(limits: MediaLimits) -> str:
    """Name the types that are taken, for a person."""
    return ", ".join(sorted(one for rule in limits.rules for one in rule.types))


def unreachable(public_url: str) -> str:
    """Say why nobody outside can fetch a file from here; "" when nothing speaks against it."""
    if not public_url:
        return NO_PUBLIC_URL
    parts = urlsplit(public_url)
    if parts.scheme != "https" or not _is_public(parts.hostname or ""):
        return (
            f"This provider fetches files from this server, which cannot be reached from outside at {public_url}: "
            "set SENDYARD_PUBLIC_URL to its public https address."
        )
    return ""


def _is_public(host: str) -> bool:
    try:
        return ip_address(host).is_global
    except ValueError:
        return host != "localhost" and not host.endswith((".localhost", ".local", ".internal"))


def _problems(public_url: str, entry: AccountEntry, channel: Channel, items: Iterable[MediaItem]) -> Iterator[Problem]:
    limits = entry.adapter.spec.media.get(channel)
    for item in items:
        if limits is None:
            detail = f"{entry.adapter.spec.name} carries no files on {channel}: send plain text, or choose another way."
            yield Problem("media_not_carried", detail)
            return
        rule = limits.rule_of(type_as_sent(limits, item.content_type))
        if rule is None:
            detail = f"{entry.adapter.spec.name} takes {listed(limits)} on {channel}, found {item.content_type}."
            yield Problem("media_type_not_taken", detail)
        elif item.size > rule.max_bytes and item.content_type not in MADE_TO_FIT:
            detail = (
                f"{entry.adapter.spec.name} takes up to {rule.max_bytes:,} bytes of {item.content_type} on {channel}, "
                f"found {item.size:,}: make the file smaller."
            )
            yield Problem("media_too_large", detail)
        if limits.way is MediaWay.LINK:
            why = unreachable(public_url)
            # An emulator on this machine reaches whatever address there is.
            if why and not (public_url and entry.is_emulated):
                yield Problem("media_needs_public_url", why)
                return


def _shown(public_url: str, entry: AccountEntry, channel: Channel, content: Content) -> Content:
    limits = entry.adapter.spec.media.get(channel)
    if limits is None:
        return content  # without files of ours, else it was refused

    def stand_in(item: MediaItem) -> MediaItem:
        content_type = type_as_sent(limits, item.content_type)
        url, handle = "", ""
        if limits.way is MediaWay.UPLOAD:
            handle = limits.handle_example
        elif limits.way is MediaWay.INLINE:
            url = f"data:{content_type};base64,AAAA"
        else:
            url = link_address(public_url, item.medium_id, 0, _SIGNATURE, item.filename)
        return replace(item, content_type=content_type, url=url, handle=handle)

    return with_files(content, stand_in)
