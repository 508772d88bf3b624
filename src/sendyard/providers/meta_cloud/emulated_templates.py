"""
Templates at the emulated Meta: list, create, edit, delete (sheet, section 4).
"""

import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from sendyard.providers.emulation import EmulatedRequest
from sendyard.providers.meta_cloud.emulated_errors import RefusedError, as_json
from sendyard.providers.meta_cloud.emulated_intake import document_of
from sendyard.providers.meta_cloud.emulated_state import State, Template
from sendyard.providers.wire import HttpResponse

_NAME = re.compile(r"[a-z0-9_]{1,512}")
_VARIABLE = re.compile(r"\{\{\s*[A-Za-z0-9_]+\s*\}\}")
_CATEGORIES = frozenset({"MARKETING", "UTILITY", "AUTHENTICATION"})
_MOST = 250
_DONE = {"success": True}
_FILES = frozenset({"IMAGE", "VIDEO", "DOCUMENT"})


def list_templates(request: EmulatedRequest, waba_id: str, state: State) -> HttpResponse:
    """A page of the account's templates, filtered by name and status."""
    query = dict(parse_qsl(request.query))
    shelf = state.shelf(waba_id)
    owned = [template for (owner, _, _), template in state.by_name.items() if owner == shelf]
    for template in owned:
        template.review(request.now)
    found = [
        template
        for template in owned
        if query.get("name", template.name) == template.name and query.get("status", template.status) == template.status
    ]
    limit = _number(query.get("limit", ""), 25, most=1000)
    start = _number(query.get("after", ""), 0, most=len(found))
    page = found[start : start + limit]
    paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(start + len(page))}}
    if start + len(page) < len(found):
        paging["next"] = f"https://graph.facebook.com/v25.0/{waba_id}/message_templates?after={start + len(page)}"
    fields = set(query["fields"].split(",")) | {"id"} if "fields" in query else None
    answer: dict[str, Any] = {"data": [_item(template, fields) for template in page], "paging": paging if page else {}}
    if "summary" in query:
        summary = {"total_count": len(found), "message_template_count": len(owned), "message_template_limit": _MOST}
        answer["summary"] = summary | {"are_translations_complete": False}
    return as_json(answer)


def _number(text: str, otherwise: int, *, most: int) -> int:
    return min(int(text), most) if text.isascii() and text.isdecimal() and len(text) < 10 else otherwise


def _item(template: Template, fields: set[str] | None) -> dict[str, Any]:
    item = {
        "id": template.id,
        "name": template.name,
        "language": template.language,
        "status": template.status,
        "category": template.category,
        "parameter_format": "NAMED" if template.is_named else "POSITIONAL",
        "quality_score": {"score": "UNKNOWN", "date": 0},
        "rejected_reason": template.reason,
        "components": template.components,
    }
    return {name: value for name, value in item.items() if fields is None or name in fields}


def create_template(request: EmulatedRequest, waba_id: str, state: State) -> HttpResponse:
    """Take in a template for review."""
    given = document_of(request.body)
    name, language, category = given.get("name"), given.get("language"), given.get("category")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(language, str) or not language:
        raise RefusedError("100", "name and language are required; a name is lower case.")
    if category not in _CATEGORIES:
        raise RefusedError("100", f"category must be one of {', '.join(sorted(_CATEGORIES))}")
    shelf = state.shelf(waba_id)
    if (shelf, name, language) in state.by_name:
        raise RefusedError("100", "There is already content in this language for this template.")
    if sum(owner == shelf for owner, _, _ in state.by_name) >= _MOST:
        raise RefusedError("100:2388019")
    components = _components(given.get("components"), is_code=category == "AUTHENTICATION")
    template = Template(
        state.next_id(),
        name,
        language,
        str(category),
        components,
        is_named=given.get("parameter_format") == "NAMED",
        created=request.now,
    )
    state.keep_template(waba_id, template)
    return as_json({"id": template.id, "status": template.status, "category": template.category})


def _components(given: Any, *, is_code: bool) -> list[dict[str, Any]]:
    components = [part for part in given if isinstance(part, dict)] if isinstance(given, list) else []
    parts = {str(part.get("type", "")).upper(): part for part in components}
    if "BODY" not in parts:
        raise RefusedError("100:2388072", "A template needs a BODY.")
    if not is_code:
        _check_body(parts["BODY"])
    header = parts.get("HEADER", {})
    if len(str(header.get("text", ""))) > 60 or (header.get("format") in _FILES and not header.get("example")):
        raise RefusedError("100:2388047", "The header is too long, or a file without an example.")
    footer = str(parts.get("FOOTER", {}).get("text", ""))
    if len(footer) > 60 or _VARIABLE.search(footer):
        raise RefusedError("100:2388073", "The footer is too long, or has variables.")
    if len(parts.get("BUTTONS", {}).get("buttons") or ()) > 10:
        raise RefusedError("100:2388039", "A template has up to 10 buttons.")
    return components


def _check_body(body: dict[str, Any]) -> None:
    text = body.get("text")
    if not isinstance(text, str) or not 1 <= len(text) <= 1024:
        raise RefusedError("100:2388040", "The body has 1 to 1024 characters.")
    variables = list(_VARIABLE.finditer(text))
    if not variables:
        return
    if variables[0].start() == 0 or variables[-1].end() == len(text):
        raise RefusedError("100:2388299")
    if len(_VARIABLE.sub("", text).split()) < len(variables):
        raise RefusedError("100:2388293")
    if not body.get("example"):
        raise RefusedError("100:2388072", "The body's variables need examples.")


def edit_template(request: EmulatedRequest, template: Template) -> HttpResponse:
    """Replace the components; the template is reviewed again."""
    given = document_of(request.body)
    template.put(_components(given.get("components"), is_code=template.category == "AUTHENTICATION"))
    template.status, template.created = "PENDING", request.now
    return as_json(_DONE)


def delete_template(request: EmulatedRequest, waba_id: str, state: State) -> HttpResponse:
    """Delete all languages of a name, or one template by its id."""
    query = dict(parse_qsl(request.query))
    shelf = state.shelf(waba_id)
    found = [
        template
        for (owner, name, _), template in state.by_name.items()
        if owner == shelf and name == query.get("name") and query.get("hsm_id", template.id) == template.id
    ]
    if not found:
        raise RefusedError("100", "There is no template of this name.")
    for template in found:
        state.drop_template(template)
    return as_json(_DONE)


def judge(template: Template, status: str, reason: str, now: datetime) -> None:
    """Meta decides: approves, rejects, pauses or disables."""
    template.review(now)
    template.status, template.reason = status, reason
