"""
From what a caller wrote to drafts that the intake can judge.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import msgspec

from sendyard.api.contents import interactive, media_items, needed_until
from sendyard.api.message_bodies import FallbackUse, SendBatch, SendMessage, TemplateUse, Value, Wishes
from sendyard.api.message_views import milliseconds_of
from sendyard.delivery.preflight import Draft
from sendyard.domain.channels import Channel, Purpose
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.domain.errors import AppError, FieldError, Invalid, NotFound
from sendyard.domain.template import MissingVariable, Template, compile_template
from sendyard.features.links import is_link_variable
from sendyard.features.media import MediaLibrary
from sendyard.features.templates import Records, Rendered, Templates
from sendyard.ledger.content_codec import Letter
from sendyard.storage.identifiers import new_id


class LinkValues(Protocol):
    """Gives the short addresses of a message; `features.links.Addresses.of_message` and `sample` do."""

    async def __call__(
        self, workspace_id: str, variables: Iterable[str], values: Mapping[str, str], message_id: str, /
    ) -> Mapping[str, str]:
        """Give the values of those variables that name links. Raises Invalid."""


class Drafting:
    """Renders templates and puts the parts of a wish together."""

    def __init__(self, templates: Templates, media: MediaLibrary, records: Records, links: LinkValues) -> None:
        """Take the stored templates and files, the records that fill templates, and what makes short addresses."""
        self._templates = templates
        self._media = media
        self._records = records
        self._links = links

    async def draft(self, workspace_id: str, wish: SendMessage, *, test: bool) -> Draft:
        """
        Make the draft of one message.

        Raises:
            Invalid: the content is not exactly one of the four, or a template lacks a value.
        """
        is_plain = wish.template is None and wish.media is None and wish.interactive is None
        if is_plain and wish.text is not None and not wish.fallback:
            return _draft(wish, wish.to, Letter(Text(wish.text, wish.title)), wish.reference, test=test)
        message_id = new_id()
        letter = await self._letter(workspace_id, wish, "", wish.title, wish, message_id)
        letter = letter._replace(fallback=await self._fallback(workspace_id, wish, message_id))
        return _draft(wish, wish.to, letter, wish.reference, test=test, message_id=message_id)

    async def batch(
        self, workspace_id: str, wish: SendBatch, batch_id: str, *, test: bool
    ) -> tuple[list[tuple[int, Draft]], list[tuple[int, AppError]]]:
        """
        Make one draft per recipient; those whose values do not fit come back with their error.

        Raises:
            Invalid: what all have in common is not usable.
        """
        _expect_one(wish, "")
        text = _compiled(wish.text) if wish.text is not None else None
        pressed = wish.interactive
        if pressed is not None:
            text = _compiled(pressed.body, "/interactive/body")
        fallback = await self._fallback(workspace_id, wish, "")
        items = await self._items(workspace_id, wish, wish)
        if wish.template is not None:
            await self._check_exists(workspace_id, wish.template)
        shared = await self._shared(workspace_id, wish.template) if wish.template is not None else {}
        drafts: list[tuple[int, Draft]] = []
        refused: list[tuple[int, AppError]] = []
        for index, recipient in enumerate(wish.recipients):
            values = {**shared, **_values(recipient.variables)}
            message_id = new_id()
            try:
                if wish.template is not None:
                    rendered = await self._rendered(workspace_id, wish, wish.template, values, recipient.to, message_id)
                    letter = _of_template(rendered, wish.title)
                else:
                    if text is not None:
                        values |= await self._links(workspace_id, text.variables, values, message_id)
                    body = text.render(values) if text is not None else ""
                    if pressed is not None:
                        letter = Letter(interactive(pressed, body))
                    else:
                        letter = Letter(Media(items, body, wish.title) if items else Text(body, wish.title))
            except AppError as error:
                refused.append((index, error))
                continue
            reference = recipient.reference or wish.reference
            letter = letter._replace(fallback=fallback)
            draft = _draft(wish, recipient.to, letter, reference, test=test, batch_id=batch_id, message_id=message_id)
            drafts.append((index, draft))
        return drafts, refused

    async def _check_exists(self, workspace_id: str, use: TemplateUse) -> None:
        try:
            await self._templates.get(workspace_id, use.code)
        except NotFound as error:
            raise _placed(error, "/template/code") from None

    async def _shared(self, workspace_id: str, use: TemplateUse) -> dict[str, str]:
        """Values of the request and of the record it names. Raises Invalid."""
        record = use.record
        try:
            held = await self._records.values(workspace_id, record.table, record.key) if record else {}
        except NotFound as error:
            raise _placed(error, "/record") from None
        return {**held, **_values(use.variables)}

    async def _rendered(
        self,
        workspace_id: str,
        wish: Wishes | FallbackUse,
        use: TemplateUse,
        values: Mapping[str, str],
        to: str,
        message_id: str,
    ) -> Rendered:
        country = wish.country.upper() if isinstance(wish, Wishes) else ""
        render = partial(
            self._templates.render,
            workspace_id,
            use.code,
            channel=wish.channel,
            language=use.language or "",
            country="KR" if to.startswith("+82") else country,
        )
        try:
            rendered = await render(values)
        except MissingVariable as error:
            # Only a text that names links costs this second look.
            if not all(map(is_link_variable, error.names)):
                raise
            linked = await self._links(workspace_id, error.names, values, message_id)
            rendered = await render({**values, **linked})
        if isinstance(wish, Wishes) and rendered.purpose is Purpose.PROMOTIONAL is not wish.purpose:
            detail = f"The template {use.code!r} is for promotion; send it with the purpose promotional."
            raise Invalid("purpose_differs", detail, errors=[FieldError("/purpose", "purpose_differs", detail)])
        return rendered

    async def _items(
        self, workspace_id: str, wish: Wishes | FallbackUse, whole: Wishes, place: str = ""
    ) -> tuple[MediaItem, ...]:
        if not wish.media:
            return ()
        return await media_items(self._media, workspace_id, wish.media, place, until=needed_until(whole))

    async def _letter(
        self, workspace_id: str, wish: Wishes | FallbackUse, place: str, title: str, whole: Wishes, message_id: str
    ) -> Letter:
        _expect_one(wish, place)
        if wish.template is not None:
            try:
                values = await self._shared(workspace_id, wish.template)
                to = wish.to if isinstance(wish, SendMessage) else ""
                rendered = await self._rendered(workspace_id, wish, wish.template, values, to, message_id)
            except NotFound as error:
                raise _placed(error, f"{place}/template/code") from None
            except Invalid as error:
                moved = [FieldError(f"{place}/template{e.pointer}", e.code, e.detail) for e in error.errors]
                raise Invalid(error.code, error.detail, errors=moved) from None
            return _of_template(rendered, title)
        if isinstance(wish, Wishes) and wish.interactive is not None:
            return Letter(interactive(wish.interactive, wish.interactive.body))
        if wish.media is not None:
            items = await self._items(workspace_id, wish, whole, place)
            return Letter(Media(items, wish.text or "", title))
        return Letter(Text(wish.text or "", title))

    async def _fallback(self, workspace_id: str, whole: Wishes, message_id: str) -> tuple[tuple[Channel, Content], ...]:
        letters = [
            (wish.channel, await self._letter(workspace_id, wish, f"/fallback/{position}", "", whole, message_id))
            for position, wish in enumerate(whole.fallback)
        ]
        return tuple((channel, letter.content) for channel, letter in letters)


def _draft(
    wish: Wishes,
    to: str,
    letter: Letter,
    reference: str,
    *,
    test: bool,
    batch_id: str | None = None,
    message_id: str = "",
) -> Draft:
    return Draft(
        to=to,
        content=letter.content,
        channel=wish.channel,
        purpose=wish.purpose,
        sender=wish.sender,
        account=wish.account,
        country=wish.country.upper(),
        send_at=None if wish.send_at is None else milliseconds_of(wish.send_at),
        expires_in=wish.expires_in,
        reference=reference,
        metadata=wish.metadata,
        fallback=letter.fallback,
        variants=letter.variants,
        registration={**letter.registration, **wish.registration} if wish.registration else letter.registration,
        batch_id=batch_id,
        test=test,
        message_id=message_id,
    )


def _of_template(rendered: Rendered, title: str) -> Letter:
    content = rendered.content
    if title and isinstance(content, Text | Media):
        content = replace(content, title=title)
    return Letter(content, (), rendered.variants, rendered.registration)


def _expect_one(wish: Wishes | FallbackUse, place: str) -> None:
    pressed = wish.interactive if isinstance(wish, Wishes) else None
    if pressed is not None and (wish.template is not None or wish.text is not None or wish.media is not None):
        detail = "Expected one of text, template, media and interactive, found interactive beside another; its text "
        detail += "is its body."
        raise Invalid("content_twice", detail, errors=[FieldError(f"{place}/interactive", "content_twice", detail)])
    if wish.template is not None and (wish.text is not None or wish.media is not None):
        detail = "Expected one of text, template and media, found a template beside another; leave one out."
        raise Invalid("content_twice", detail, errors=[FieldError(f"{place}/template", "content_twice", detail)])
    if pressed is None and wish.template is None and wish.media is None and wish.text is None:
        detail = "Expected one of text, template, media and interactive, found none."
        raise Invalid("no_content", detail, errors=[FieldError(f"{place}/text", "required", detail)])


def _compiled(text: str, place: str = "/text") -> Template:
    try:
        return compile_template(text)
    except Invalid as error:
        raise _placed(error, place) from None


def _placed(error: AppError, pointer: str) -> Invalid:
    return Invalid(error.code, error.detail, errors=[FieldError(pointer, error.code, error.detail)])


def _values(given: Mapping[str, Value | list[Value]]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else plain_value(value) for name, value in given.items()}


def plain_value(value: Value | list[Value]) -> str:
    """A value as templates take it: a text; a list as JSON."""
    return msgspec.json.encode(value).decode() if isinstance(value, list) else str(value)


def problems_of(error: AppError) -> Sequence[Any]:
    """The faults of one row: those of its fields, or the error itself where it names none."""
    return error.errors or (FieldError("", error.code, error.detail),)
