"""
The OpenAPI document describes every operation completely.
"""

from pathlib import Path
from typing import Any

import httpx
import pytest

from sendyard.bootstrap import Yard
from sendyard.bootstrap.doors import application
from sendyard.features.people import SCOPES

METHODS = {"get", "post", "put", "patch", "delete"}
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
async def document(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.get("/api/v1/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, entry) for path, methods in document["paths"].items() for method, entry in methods.items()]


async def test_document_is_openapi_3_1_and_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    schemas = document["components"]["schemas"]

    def visit(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                assert value["$ref"].removeprefix("#/components/schemas/") in schemas
            for item in value.values():
                visit(item)
        elif isinstance(value, list):
            for item in value:
                visit(item)

    visit(document)


async def test_every_operation_has_a_name_of_its_own_a_summary_and_its_refusals(document: dict[str, Any]) -> None:
    found = operations(document)
    assert len({entry["operationId"] for _, _, entry in found}) == len(found) > 40
    for path, method, entry in found:
        assert method in METHODS
        assert entry["summary"]
        assert {"401", "403", "422", "503"} <= set(entry["responses"]), (path, method)
        if "requestBody" in entry:
            assert {"400", "413", "415"} <= set(entry["responses"])
        if "{" in path:
            assert {parameter["in"] for parameter in entry["parameters"]} >= {"path"}


async def test_every_create_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for path, method, entry in operations(document):
        creates = {"201", "202"} & set(entry["responses"])
        names = {parameter["name"] for parameter in entry["parameters"]}
        assert bool(creates) == ("Idempotency-Key" in names), (path, method)
        assert not creates or "409" in entry["responses"]


async def test_every_shape_and_most_fields_have_a_meaning(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert schema.get("description") or "enum" in schema, name


def test_every_scope_asked_for_is_one_a_key_can_have(yard: Yard) -> None:
    document = application(yard, "web").document
    asked = {entry["description"].split("`")[1] for _, _, entry in operations(document) if "description" in entry}
    assert asked == set(SCOPES) - {"*"}


def test_page_about_the_interface_names_every_operation(yard: Yard) -> None:
    text = (DOCS / "api.md").read_text()
    for path, method, _ in operations(application(yard, "web").document):
        assert f"`{method.upper()} {path}`" in text, f"docs/api.md lacks {method.upper()} {path}"
