"""
Where our registered forms stand at providers: approved or not, in step with our text or stale; and proposing a form
from what a provider has.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from sendyard.delivery.copies import copy_of
from sendyard.delivery.directory import AccountEntry, Directory
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.domain.errors import Conflict, NotFound
from sendyard.domain.template import compile_template
from sendyard.features.templates import queries
from sendyard.features.templates.differences import compare_words
from sendyard.features.templates.document import Body, Document
from sendyard.features.templates.languages import closest
from sendyard.features.templates.library import Templates
from sendyard.features.templates.notation import propose, read_text
from sendyard.features.templates.registered import Form, Registered, with_form
from sendyard.providers.abilities import ProviderTemplate, TemplateCatalog
from sendyard.providers.contract import Adapter
from sendyard.storage.engine import Database

_ORDER = (Channel.WHATSAPP, Channel.ALIMTALK, Channel.RCS, Channel.LINE, Channel.SMS, Channel.MMS)


def channel_at(adapter: object) -> Channel:
    """The channel on which a provider's templates travel."""
    offered: frozenset[Channel] = frozenset()
    if isinstance(adapter, TemplateCatalog):
        offered = adapter.template_channels
    if not offered and isinstance(adapter, Adapter):
        offered = adapter.spec.channels
    return next((channel for channel in _ORDER if channel in offered), Channel.SMS)


def body_at(document: Document, adapter: object, language: str = "") -> Body:
    """The body that a provider's templates stand for, in the language closest to the one wanted."""
    bodies = document.bodies[document.kind_for(channel_at(adapter))]
    return bodies[closest(language, tuple(bodies), document.language) if language else document.language]


class Standings:
    """Compares our texts with what providers have of them."""

    def __init__(self, database: Database, directory: Directory, templates: Templates) -> None:
        """Take where rows are, what providers have, and our texts."""
        self._database = database
        self._directory = directory
        self._templates = templates

    async def of(self, workspace_id: str, code: str) -> Sequence[dict[str, Any]]:
        """
        Say of every registered form, at every account of its provider, in which state it is and what is stale.

        `stale` is a list of `{kind, detail}`; kinds are never_listed, not_there, text_unknown, text_differs (with
        `words`, the way from their text to ours) and variables_differ.

        Raises:
            NotFound: there is no such template.
        """
        ours = await self._templates.get(workspace_id, code)
        document = (await self._templates.letters(workspace_id, code)).document
        synced = await self._database.read(lambda tx: queries.synced(tx, workspace_id))
        registered = msgspec.convert(ours["registered"], Registered)
        return [
            self._one(entry, document, language, form, synced.get(entry.id))
            for provider, main in registered.forms.items()
            for entry in self._directory.accounts(workspace_id)
            if entry.provider == provider
            for language, form in {"": main, **main.languages}.items()
        ]

    async def propose(
        self, workspace_id: str, code: str, *, account: str, name: str, language: str = "", apply: bool = False
    ) -> dict[str, Any]:
        """
        Propose the registered form of a text from a provider's template, by lining both texts up.

        Gives `variables` (its names to texts of ours), `unplaced` (its variables that found nothing), `unused` (ours
        that it has no place for), `exact`, `words` (the way from their text to ours) and `registered`, what the
        template would have; with `apply` that becomes a new version.

        Args:
            workspace_id: whose template and account.
            code: our template.
            account: id or name of the account whose provider has it.
            name: what it is called there.
            language: of ours, when the form is for a further one.
            apply: keep it.

        Raises:
            NotFound: there is no such template, account, or template of the provider.
            Conflict: the text is not known, because it was never listed.
        """
        entry = self._directory.require(workspace_id, account)
        ours = await self._templates.get(workspace_id, code)
        document = (await self._templates.letters(workspace_id, code)).document
        copy = self._copy(entry, name, language or document.language)
        body = body_at(document, entry.adapter, language)
        theirs = read_text(copy.body, copy.variables)
        found = propose(body.text, theirs)
        form = Form(copy.name, copy.language, dict(found.variables))
        further = language if language and language != document.language else ""
        registered = with_form(
            ours["registered"], entry.provider, form, language=further, registration=copy.registration
        )
        version = ours["version"]
        if apply:
            version = (await self._templates.edit(workspace_id, code, registered=registered))["version"]
        return {
            "code": code,
            "account": entry.name,
            "provider": entry.provider,
            "name": copy.name,
            "language": copy.language,
            "state": copy.state.value,
            "variables": dict(found.variables),
            "unplaced": list(found.unplaced),
            "unused": list(found.unused),
            "exact": found.exact,
            "words": compare_words(_in_ours(copy, form), _plain(body.text)),
            "registered": registered,
            "version": version,
            "applied": apply,
        }

    def _copy(self, entry: AccountEntry, name: str, language: str) -> ProviderTemplate:
        copies = self._directory.copies(entry.id)
        there = copies.by_name.get(name, ()) if copies else ()
        if not there:
            detail = f"{entry.name} has no template {name!r:.80} that we know of; `sendyard templates sync` asks."
            raise NotFound("unknown_provider_template", detail)
        tags = tuple(copy.language.replace("_", "-") for copy in there)
        chosen = there[tags.index(closest(language, tags, tags[0]))] if language else there[0]
        if not chosen.body:
            detail = f"The text of {name!r} is not known yet; `sendyard templates sync {entry.name}` asks for it."
            raise Conflict("text_unknown", detail)
        return chosen

    def _one(
        self, entry: AccountEntry, document: Document, language: str, form: Form, synced_at: int | None
    ) -> dict[str, Any]:
        copies = self._directory.copies(entry.id)
        copy = copy_of(copies, entry.adapter, TemplateRef(form.name, form.language)) if copies else None
        shown = {
            "account": entry.name,
            "provider": entry.provider,
            "name": form.name,
            "language": form.language,
            "our_language": language or document.language,
            "synced_at": synced_at,
        }
        if copy is None:
            kind = "not_there" if copies else "never_listed"
            detail = _ABSENT[kind].format(name=entry.name)
            stale = [{"kind": kind, "detail": detail}] if isinstance(entry.adapter, TemplateCatalog) else []
            return {**shown, **_NOTHING, "stale": stale, "words": []}
        body = body_at(document, entry.adapter, language)
        theirs, mine = _in_ours(copy, form), _plain(body.text)
        differs = bool(copy.body) and theirs != mine
        return {
            **shown,
            "state": copy.state.value,
            "category": copy.category,
            "quality": copy.quality,
            "reason": copy.reason,
            "stale": [{"kind": kind, "detail": detail} for kind, detail in _stale(copy, form, differs=differs)],
            "words": compare_words(theirs, mine) if differs else [],
        }


_NOTHING: Mapping[str, Any] = {"state": None, "category": "", "quality": "", "reason": ""}
_ABSENT = {
    "never_listed": "The provider of {name} was never asked which templates it has; sync it.",
    "not_there": "The provider of {name} has no such template; hand it in, or correct the name.",
}


def _stale(copy: ProviderTemplate, form: Form, *, differs: bool) -> Iterator[tuple[str, str]]:
    if not copy.body:
        yield "text_unknown", "Only its state is known, from a callback; sync to get its text."
    if differs:
        yield "text_differs", "Our text and the provider's are not the same; hand ours in, or take theirs over."
    if copy.body and set(copy.variables) != set(form.variables):
        there = ", ".join(copy.variables) or "none"
        ours = ", ".join(form.variables) or "none"
        yield "variables_differ", f"The provider's text has the variables {there}, our form gives {ours}."


def _in_ours(copy: ProviderTemplate, form: Form) -> str:
    """The provider's text with our variables where its own stand."""
    return read_text(copy.body, copy.variables).filled({name: _plain(text) for name, text in form.variables.items()})


def _plain(text: str) -> str:
    """A text of ours whose variables have lost their defaults."""
    return compile_template(text).rewritten(lambda name: "{" + name + "}")
