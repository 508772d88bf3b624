"""
Files and buttons in what callers write, as content that a message can carry.
"""

import mimetypes
from collections.abc import Sequence
from dataclasses import replace

from sendyard.api.message_bodies import InteractiveUse, MediaUse, Wishes
from sendyard.api.message_views import milliseconds_of
from sendyard.delivery.preflight import LONGEST_EXPIRES_IN
from sendyard.domain.content import Choice, Interactive, MediaItem
from sendyard.domain.errors import FieldError, Invalid
from sendyard.features.media import MediaLibrary
from sendyard.storage.identifiers import now_ms


async def media_items(
    library: MediaLibrary, workspace_id: str, uses: Sequence[MediaUse], place: str, *, until: int
) -> tuple[MediaItem, ...]:
    """
    Find the files that are named; ours are kept until then (milliseconds since 1970) and a while longer.

    Raises:
        Invalid: one is named by nothing or twice, or there is no such file; each error with its place.
    """
    faults = [
        FieldError(f"{place}/media/{at}", "media_id_or_url", "Expected either an id or a url, found both or neither.")
        for at, use in enumerate(uses)
        if bool(use.id) == bool(use.url)
    ]
    if faults:
        raise Invalid("media_id_or_url", faults[0].detail, errors=faults)
    ids = [use.id for use in uses if use.id]
    try:
        ours = await library.items(workspace_id, ids, until=until) if ids else {}
    except Invalid as error:
        faults = [FieldError(f"{place}/media", fault.code, fault.detail) for fault in error.errors]
        raise Invalid(error.code, error.detail, errors=faults) from None
    return tuple(
        replace(ours[use.id], filename=use.filename or ours[use.id].filename) if use.id else _elsewhere(use)
        for use in uses
    )


async def campaign_files(
    library: MediaLibrary, workspace_id: str, uses: Sequence[MediaUse], place: str = ""
) -> tuple[MediaItem, ...]:
    """Find the files of a campaign or step, which are kept as long as it is not over. Raises Invalid."""
    return await media_items(library, workspace_id, uses, place, until=now_ms()) if uses else ()


def needed_until(wish: Wishes) -> int:
    """When the last message of a wish may leave, in milliseconds since 1970; times out of range are refused later."""
    starts_at = now_ms() if wish.send_at is None else milliseconds_of(wish.send_at)
    return starts_at + min(wish.expires_in or 86_400, LONGEST_EXPIRES_IN) * 1000


def interactive(use: InteractiveUse, body: str) -> Interactive:
    """A text with things to press; `body` is the one of `use` with its variables filled in."""
    choices = tuple(Choice(one.id or one.title, one.title, one.description) for one in use.choices)
    return Interactive(body, choices, use.header, use.footer, use.list_label)


def _elsewhere(use: MediaUse) -> MediaItem:
    url = use.url or ""
    guessed = mimetypes.guess_type(url)[0] or "application/octet-stream"
    return MediaItem(content_type=use.content_type or guessed, url=url, filename=use.filename)
