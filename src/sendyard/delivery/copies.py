"""
What providers have of our templates, in memory: messages are compared with it before they are accepted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from sendyard.delivery.queries import Row
from sendyard.domain.channels import Channel
from sendyard.domain.content import TemplateRef
from sendyard.providers.abilities import ProviderTemplate, TemplateCatalog
from sendyard.providers.contract import Adapter, Problem, TemplateState

_decode = msgspec.json.Decoder(ProviderTemplate).decode


@dataclass(frozen=True, slots=True)
class Copies:
    """The templates of one account as they were at a revision, by name; several where each language has its own."""

    revision: int
    by_name: Mapping[str, Sequence[ProviderTemplate]] = field(default_factory=dict)


def copies_of(revision: int, rows: Sequence[Row]) -> Copies:
    """Make the copies of what `queries.template_copies` gives."""
    by_name: dict[str, list[ProviderTemplate]] = {}
    for row in rows:
        template = template_of(*row)
        by_name.setdefault(template.name, []).append(template)
    return Copies(revision, by_name)


def template_of(
    document: str, state: str, raw_state: str, category: str, quality: str, reason: str
) -> ProviderTemplate:
    """Read one stored template; what its columns say is newer than its document."""
    return replace(
        _decode(document),
        state=TemplateState(state),
        raw_state=raw_state,
        category=category,
        quality=quality,
        reason=reason,
    )


def misfits(copies: Copies, adapter: Adapter, channel: Channel, wanted: TemplateRef) -> Sequence[Problem]:
    """Name what keeps a provider from sending a template, by its own copy; nothing where it lists none of its kind."""
    if not isinstance(adapter, TemplateCatalog):
        return ()
    if adapter.template_channels and channel not in adapter.template_channels:
        return ()
    return adapter.fits(copy_of(copies, adapter, wanted), wanted)


def copy_of(copies: Copies, adapter: Adapter, wanted: TemplateRef) -> ProviderTemplate | None:
    """Find the provider's own copy of a template, in the language asked for; None when it has none."""
    minds = isinstance(adapter, TemplateCatalog) and adapter.minds_language
    return _chosen(copies.by_name.get(wanted.name, ()), wanted.language if minds else "")


def _chosen(there: Sequence[ProviderTemplate], language: str) -> ProviderTemplate | None:
    """The copy in a language, or in any when none is asked for; one that may be sent is preferred."""
    wanted = _folded(language)
    fitting = [copy for copy in there if not wanted or _folded(copy.language) == wanted]
    fitting = fitting or [copy for copy in there if not copy.language]
    return next((copy for copy in fitting if copy.state is TemplateState.APPROVED), next(iter(fitting), None))


def _folded(language: str) -> str:
    return language.replace("-", "_").casefold()
