"""
From what a caller wrote to drafts that the intake can judge.
"""

import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any

from sendyard.api.message_bodies import FallbackUse, MediaUse, SendBatch, SendMessage, TemplateUse, Value, Wishes
from sendyard.api.message_views import milliseconds_of
from sendyard.delivery.preflight import Draft
from sendyard.domain.channels import Channel
from sendyard.domain.content import Content, Media, MediaItem, Text
from sendyard.domain.errors import AppError, FieldError, Invalid, NotFound
from sendyard.domain.template import Template, compile_template
from sendyard.features.templates import Rendered, Templates
from sendyard.ledger.content_codec import Letter


class Drafting:
    """Renders templates and puts the parts of a wish together."""

    def __init__(self, templates: Templates) -> None:
        """Take the stored templates."""
        self._templates = templates

    async def draft(self, workspace_id: str, wish: SendMessage, *, test: bool) -> Draft:
        """
        Make the draft of one message.

        Raises:
            Invalid: the content is not exactly one of the three, or a template lacks a value.
        """
        if wish.template is None and wish.media is None and wish.text is not None and not wish.fallback:
            letter = Letter(Text(wish.text, wish.title))
        else:
            letter = await self._letter(workspace_id, wish, "", wish.title)
            letter = letter._replace(fallback=await self._fallback(workspace_id, wish.fallback))
        return _draft(wish, wish.to, letter, wish.reference, test=test)

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
        fallback = await self._fallback(workspace_id, wish.fallback)
        items = _media_items(wish.media) if wish.media else ()
        if wish.template is not None:
            await self._check_exists(workspace_id, wish.template)
        drafts: list[tuple[int, Draft]] = []
        refused: list[tuple[int, AppError]] = []
        for index, recipient in enumerate(wish.recipients):
            values = _values({**(wish.template.variables if wish.template else {}), **recipient.variables})
            try:
                if wish.template is not None:
                    rendered = await self._templates.render(workspace_id, wish.template.code, values)
                    letter = _of_template(rendered, wish.title)
                else:
                    body = text.render(values) if text is not None else ""
                    letter = Letter(Media(items, body, wish.title) if items else Text(body, wish.title))
            except AppError as error:
                refused.append((index, error))
                continue
            reference = recipient.reference or wish.reference
            letter = letter._replace(fallback=fallback)
            draft = _draft(wish, recipient.to, letter, reference, test=test, batch_id=batch_id)
            drafts.append((index, draft))
        return drafts, refused

    async def _check_exists(self, workspace_id: str, use: TemplateUse) -> None:
        try:
            await self._templates.get(workspace_id, use.code)
        except NotFound as error:
            raise _placed(error, "/template/code") from None

    async def _letter(self, workspace_id: str, wish: Wishes | FallbackUse, place: str, title: str) -> Letter:
        _expect_one(wish, place)
        if wish.template is not None:
            try:
                rendered = await self._templates.render(
                    workspace_id, wish.template.code, _values(wish.template.variables)
                )
            except NotFound as error:
                raise _placed(error, f"{place}/template/code") from None
            except Invalid as error:
                moved = [FieldError(f"{place}/template{e.pointer}", e.code, e.detail) for e in error.errors]
                raise Invalid(error.code, error.detail, errors=moved) from None
            return _of_template(rendered, title)
        if wish.media is not None:
            return Letter(Media(_media_items(wish.media), wish.text or "", title))
        return Letter(Text(wish.text or "", title))

    async def _fallback(self, workspace_id: str, wishes: Sequence[FallbackUse]) -> tuple[tuple[Channel, Content], ...]:
        return tuple(
            [
                (wish.channel, (await self._letter(workspace_id, wish, f"/fallback/{position}", "")).content)
                for position, wish in enumerate(wishes)
            ]
        )


def _draft(
    wish: Wishes,
    to: str,
    letter: Letter,
    reference: str,
    *,
    test: bool,
    batch_id: str | None = None,
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
    )


def _of_template(rendered: Rendered, title: str) -> Letter:
    return Letter(Text(rendered.text, title), (), rendered.variants, rendered.registration)


def _expect_one(wish: Wishes | FallbackUse, place: str) -> None:
    if wish.template is not None and (wish.text is not None or wish.media is not None):
        detail = "Expected one of text, template and media, found a template beside another; leave one out."
        raise Invalid("content_twice", detail, errors=[FieldError(f"{place}/template", "content_twice", detail)])
    if wish.template is None and wish.media is None and wish.text is None:
        detail = "Expected one of text, template and media, found none."
        raise Invalid("no_content", detail, errors=[FieldError(f"{place}/text", "required", detail)])


def _compiled(text: str) -> Template:
    try:
        return compile_template(text)
    except Invalid as error:
        raise _placed(error, "/text") from None


def _placed(error: AppError, pointer: str) -> Invalid:
    return Invalid(error.code, error.detail, errors=[FieldError(pointer, error.code, error.detail)])


def _values(given: Mapping[str, Value]) -> dict[str, str]:
    return {name: value if isinstance(value, str) else str(value) for name, value in given.items()}


def _media_items(uses: Sequence[MediaUse]) -> tuple[MediaItem, ...]:
    return tuple(
        MediaItem(content_type=use.content_type or _guessed(use.url), url=use.url, filename=use.filename)
        for use in uses
    )


def _guessed(url: str) -> str:
    return mimetypes.guess_type(url)[0] or "application/octet-stream"


def problems_of(error: AppError) -> Sequence[Any]:
    """The faults of one row: those of its fields, or the error itself where it names none."""
    return error.errors or (FieldError("", error.code, error.detail),)
