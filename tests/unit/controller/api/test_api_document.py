"""The OpenAPI document: committed as it is, valid, complete, and the same for programs and people."""

from html import escape
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from controller.api.decoding import decode_body
from controller.api.openapi import document, document_json, main
from controller.api.route import Open, Route
from controller.api.routes import ROUTES
from tests.unit.controller.api.conftest import House

COMMITTED = Path(__file__).parents[4] / "docs" / "openapi.json"


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_the_committed_document_is_not_stale() -> None:
    assert COMMITTED.read_bytes() == document_json(ROUTES), (
        "run: python -m controller.api.openapi docs/openapi.json"
    )


async def test_it_is_served_as_it_is_committed(house: House) -> None:
    response = await house.browser().get("/api/openapi.json")
    assert response.content_type == "application/json"
    assert await response.read() == document_json(ROUTES)


async def test_the_page_holds_every_route(house: House) -> None:
    text = await (await house.browser().get("/api")).text()
    for route in ROUTES:
        assert f"{route.method} {escape(route.path)}" in text
        assert escape(route.summary) in text


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_every_route_is_described_with_its_security_and_its_problems(route: Route) -> None:
    operation = document(ROUTES)["paths"][route.path][route.method.lower()]
    assert operation["summary"]
    assert operation["tags"]
    if isinstance(route.roles, Open):
        assert operation["security"] == []
    else:
        assert {"bearer": []} in operation["security"]
        assert {"401", "403", "429"} <= set(operation["responses"])
    if route.body is not None:
        assert {"413", "415", "422"} <= set(operation["responses"])
    assert str(route.status) in operation["responses"]


@pytest.mark.parametrize("route", [route for route in ROUTES if route.body_example is not None], ids=named)
def test_examples_are_right(route: Route) -> None:
    """By our own decoding and by the schema in the document."""
    raw = route.body_example if route.body is bytes else msgspec.json.encode(route.body_example)
    if route.body is not bytes:
        decode_body(raw, route.body)
        whole = document(ROUTES)
        content = whole["paths"][route.path][route.method.lower()]["requestBody"]["content"]
        schema = {**content[route.body_media[0]]["schema"], "components": whole["components"]}
        jsonschema.Draft202012Validator(schema).validate(route.body_example)


def test_operation_ids_are_unique_and_references_lead_somewhere() -> None:
    whole = document(ROUTES)
    ids = [operation["operationId"] for path in whole["paths"].values() for operation in path.values()]
    assert len(set(ids)) == len(ids)
    for reference in references(whole):
        found: Any = whole
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [reference for entry in value.values() for reference in references(entry)]
    if isinstance(value, list):
        return [reference for entry in value for reference in references(entry)]
    return []


def test_the_command_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "openapi.json")]) == 0
    assert (tmp_path / "openapi.json").read_bytes() == document_json(ROUTES)
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err
