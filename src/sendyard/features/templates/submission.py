"""
Handing a text in at a provider for approval, as one of its registered forms says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from sendyard.delivery.copies import template_of
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.delivery.queries import count_template_change
from sendyard.delivery.redaction import redact
from sendyard.delivery.tokens import Tokens
from sendyard.delivery.transport import Lost, NotSent, Transport
from sendyard.domain.errors import Conflict, FieldError, Invalid, ProviderError
from sendyard.domain.template import compile_template
from sendyard.features.templates import queries
from sendyard.features.templates.catalogue import kept_of
from sendyard.features.templates.document import BodyButton
from sendyard.features.templates.library import Templates
from sendyard.features.templates.queries import Kept
from sendyard.features.templates.registered import Form, form_at, named
from sendyard.features.templates.standing import body_at
from sendyard.providers.abilities import ProviderTemplate, TemplateButton, TemplateCatalog, TemplateSubmission
from sendyard.providers.contract import ProtocolError, TemplateState
from sendyard.storage.engine import Database
from sendyard.storage.identifiers import now_ms
from sendyard.storage.transaction import Transaction

_FORMATS = ("image", "video")
_SLOT = "\0"  # no text of ours holds it


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionWish:
    """
    What a provider wants to know beside text and form.

    `samples` has example values by the names of our variables, and whatever else the provider wants an example of
    by its own name (`header`, `button:0`); the template's own samples stand in for those left out. Category, footer and
    buttons are those of the template's body unless they are given. `with_text` False is for kinds whose text the
    provider writes itself.
    """

    account: str  # id or name
    category: str = ""  # the provider's word
    samples: Mapping[str, str]
    footer: str = ""
    buttons: Sequence[TemplateButton] = ()
    with_text: bool = True
    language: str = ""  # of ours; the template's own when blank


class Submissions:
    """Hands texts in; what the provider answers is kept with its other templates."""

    def __init__(
        self, database: Database, directory: Directory, templates: Templates, transport: Transport, tokens: Tokens
    ) -> None:
        """Take where rows are, the accounts, our texts, and the way to providers with its tokens."""
        self._database = database
        self._directory = directory
        self._templates = templates
        self._transport = transport
        self._tokens = tokens

    async def submit(self, workspace_id: str, code: str, wish: SubmissionWish) -> dict[str, Any]:
        """
        Hand in the newest version of a text; gives the template as the provider has it now, and our version.

        A provider that names templates by ids of its own gives the new one an id; the form gets it, in a new version.
        Handing a draft in again asks for its inspection, where the provider has two steps.

        Raises:
            NotFound: there is no such template or account.
            Invalid: the text has no form there, a value is missing, or the provider's limits are broken.
            Conflict: the provider takes no templates, refused this one, or could not be asked.
        """
        entry = self._directory.require(workspace_id, wish.account)
        adapter = entry.adapter
        if entry.unreadable:
            raise Conflict("unreadable_credentials", entry.pause_reason)
        if not isinstance(adapter, TemplateSubmission):
            detail = f"{adapter.spec.name} takes no templates in; make it in its own console."
            raise Conflict("not_supported", detail)
        ours = await self._templates.get(workspace_id, code)
        letters = await self._templates.letters(workspace_id, code)
        form, registration = form_at(ours["registered"], entry.provider, wish.language)
        if form is None:
            detail = f"The text {code!r} has no form at {entry.provider}; give it one under `registered`."
            raise Invalid("no_form", detail, errors=[FieldError("/account", "no_form", detail)])
        body = body_at(letters.document, adapter, wish.language)
        known = await self._draft(entry, form)
        wanted = ProviderTemplate(
            name=form.name,
            state=TemplateState.DRAFT,
            language=form.language,
            category=wish.category or letters.document.category,
            body=_body(body.text, form, adapter) if wish.with_text else "",
            header=form.header.url if form.header else body.header,
            header_format=_format(form.header.content_type) if form.header else "text" if body.header else "",
            footer=wish.footer or body.footer,
            buttons=tuple(wish.buttons) or tuple(_button(one, form, adapter) for one in body.buttons),
            variables=tuple(form.variables),
            registration=registration,
            provider_ref=known.provider_ref if known else "",
        )
        samples = letters.written({**letters.samples(), **wish.samples}, wish.language or letters.document.language)
        made = await self._handed_in(entry, adapter, wanted, _samples(form, samples))
        document = await self._keep(entry, made)
        version = ours["version"]
        if made.name != form.name:
            version = (await self._renamed(workspace_id, ours, entry.provider, wish.language, made.name))["version"]
        return {"code": code, "version": version, **document}

    async def _draft(self, entry: AccountEntry, form: Form) -> Kept | None:
        """What the provider has already under this name, if it waits there to be handed in once more."""
        adapter = entry.adapter
        any_language = isinstance(adapter, TemplateCatalog) and not adapter.minds_language
        for (name, language), kept in (await self._database.read(lambda tx: queries.kept_copies(tx, entry.id))).items():
            if name == form.name and (any_language or language == form.language) and kept.state == TemplateState.DRAFT:
                return kept
        return None

    async def _handed_in(
        self, entry: AccountEntry, adapter: TemplateSubmission, wanted: ProviderTemplate, samples: Mapping[str, str]
    ) -> ProviderTemplate:
        try:
            request = adapter.build_template(await self._tokens.call(entry), wanted, samples)
            made = adapter.parse_template(wanted, await self._transport.exchange(request, entry.adapter.spec.timeout))
        except (NotSent, Lost, ProtocolError) as error:
            detail = f"{entry.adapter.spec.name} gave no usable answer: {redact(str(error), entry.secrets)}."
            raise Conflict("provider_unreachable", detail) from error
        if isinstance(made, ProviderError):
            detail = f"{entry.adapter.spec.name} refused: {made.detail or made.kind.value} (code {made.code})."
            raise Conflict("provider_refused", detail)
        return made

    async def _keep(self, entry: AccountEntry, made: ProviderTemplate) -> dict[str, Any]:
        kept, now = kept_of(made), now_ms()

        def work(tx: Transaction) -> None:
            queries.keep_copies(tx, entry.workspace_id, entry.id, {(made.name, made.language): kept}, now=now)
            count_template_change(tx, entry.id)

        await self._database.write(work)
        await self._directory.refresh()
        stored = template_of(kept.document, *kept[:5])
        return {
            "account": entry.name,
            "account_id": entry.id,
            "provider": entry.provider,
            **msgspec.to_builtins(stored),
        }

    async def _renamed(
        self, workspace_id: str, ours: dict[str, Any], provider: str, language: str, name: str
    ) -> dict[str, Any]:
        """Let the form have the name the provider gave it."""
        registered = ours["registered"]
        changed = named(registered, provider, language, name)
        return await self._templates.edit(workspace_id, ours["code"], registered=changed)


def _samples(form: Form, given: Mapping[str, str]) -> dict[str, str]:
    """Example values by the provider's names. Raises MissingVariable."""
    return {**given, **{name: compile_template(text).render(given) for name, text in form.variables.items()}}


def _body(body: str, form: Form, adapter: TemplateSubmission) -> str:
    """Our text in the provider's notation. Raises Invalid when the form has nothing for one of our variables."""
    there: dict[str, str] = {}
    for name, text in form.variables.items():
        compiled = compile_template(text)
        if compiled.rewritten(lambda _: _SLOT) == _SLOT:
            there.setdefault(compiled.variables[0], name)
    compiled = compile_template(body)
    missing = [name for name in compiled.variables if name not in there]
    if missing:
        detail = (
            f"The text has {{{missing[0]}}}, but no variable of its form stands for that alone; add one such as "
            f'"1": "{{{missing[0]}}}".'
        )
        raise Invalid("form_lacks_variable", detail, errors=[FieldError("/registered", "form_lacks_variable", detail)])
    return compiled.rewritten(lambda name: adapter.variable(there[name]))


def _button(button: BodyButton, form: Form, adapter: TemplateSubmission) -> TemplateButton:
    value = _body(button.value, form, adapter) if button.value else ""
    kind = "quick_reply" if button.kind == "reply" else button.kind
    return TemplateButton(kind, button.text, url=value if kind == "url" else "", phone=value if kind == "phone" else "")


def _format(content_type: str) -> str:
    kind = content_type.partition("/")[0]
    return kind if kind in _FORMATS else "document"
