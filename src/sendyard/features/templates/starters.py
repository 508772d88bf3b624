"""
Sets of templates to begin with, in several languages: a delivery company, appointments, a shop, charter flights, codes.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import msgspec

from sendyard.domain.errors import Conflict, NotFound
from sendyard.features.templates.library import Templates
from sendyard.features.templates.portable import Carried


class StarterSet(msgspec.Struct, forbid_unknown_fields=True):
    """A set as its file has it; what all its variables have in common is said once."""

    name: str
    about: str
    language: str
    variables: dict[str, dict[str, Any]]
    templates: list[dict[str, Any]]

    def carried(self) -> list[Carried]:
        """Its templates as an import takes them, each with the variables it uses."""
        return [self._one(template) for template in self.templates]

    def _one(self, template: Mapping[str, Any]) -> Carried:
        bodies = {kind: {tag: _body(body) for tag, body in one.items()} for kind, one in template["bodies"].items()}
        said = msgspec.json.encode(bodies).decode()
        used = {name: one for name, one in self.variables.items() if f"{{{name}}}" in said or f"{{{name}|" in said}
        document = {
            "language": self.language,
            "purpose": template.get("purpose", "transactional"),
            "category": template.get("category", ""),
            "variables": used,
            "bodies": bodies,
        }
        return Carried(code=template["code"], name=template["name"], document=document)


_decode = msgspec.json.Decoder(StarterSet).decode


class Starters:
    """Installs sets; what is there already stays as it is."""

    def __init__(self, templates: Templates) -> None:
        """Take the library."""
        self._templates = templates

    async def list(self, workspace_id: str) -> Sequence[dict[str, Any]]:
        """Give every set with its templates and whether each is installed."""
        there = await self._there(workspace_id)
        return [_shown(slug, one, there) for slug, one in starter_sets().items()]

    async def install(self, workspace_id: str, slug: str) -> dict[str, Any]:
        """
        Add the templates of a set whose codes are free; gives `{set, added, kept}`.

        Raises:
            NotFound: there is no such set.
        """
        chosen = starter_sets().get(slug)
        if chosen is None:
            raise NotFound("unknown_set", f"There is no set {slug!r:.60}; there are {', '.join(starter_sets())}.")
        added, kept = [], []
        for one in chosen.carried():
            try:
                await self._templates.add(workspace_id, code=one.code, name=one.name, document=one.document)
            except Conflict:
                kept.append(one.code)
            else:
                added.append(one.code)
        return {"set": slug, "added": added, "kept": kept}

    async def _there(self, workspace_id: str) -> set[str]:
        codes = [one.code for chosen in starter_sets().values() for one in chosen.carried()]
        return await self._templates.codes(workspace_id, codes)


@lru_cache(maxsize=1)
def starter_sets() -> Mapping[str, StarterSet]:
    """Every set by what it is called in commands."""
    files = resources.files("sendyard.features.templates").joinpath("starter_sets").iterdir()
    found = {file.name.removesuffix(".json"): file for file in files if file.name.endswith(".json")}
    return {slug: _decode(found[slug].read_bytes()) for slug in sorted(found)}


def _body(written: str | Mapping[str, Any]) -> Mapping[str, Any]:
    return {"text": written} if isinstance(written, str) else written


def _shown(slug: str, one: StarterSet, there: set[str]) -> dict[str, Any]:
    carried = one.carried()
    languages = {tag for each in carried for bodies in each.document["bodies"].values() for tag in bodies}
    return {
        "set": slug,
        "name": one.name,
        "about": one.about,
        "languages": sorted(languages),
        "templates": [
            {"code": each.code, "name": each.name, "purpose": each.document["purpose"], "installed": each.code in there}
            for each in carried
        ],
    }
