"""The OpenAPI document is as it was written down, and leaves nothing out."""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.support.openapi_snapshot import SNAPSHOT, current, written
from tests.support.paths import ROOT

DOCUMENT = current()
OPERATIONS = {
    operation["operationId"]: operation
    for item in DOCUMENT["paths"].values()
    for operation in item.values()
}


def test_the_document_is_the_one_that_was_written_down() -> None:
    known = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert known == written(DOCUMENT), "the API has changed; if that is meant: make openapi"


def contents(operation: dict[str, Any]) -> list[dict[str, Any]]:
    found = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [content for one in found for content in one.get("content", {}).values()]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_an_example(name: str) -> None:
    operation = OPERATIONS[name]
    found = [*contents(operation), *operation.get("parameters", ())]
    assert any("example" in one or "examples" in one.get("schema", {}) for one in found)


@pytest.mark.parametrize("path", [p for p, item in DOCUMENT["paths"].items() if "get" in item])
def test_what_a_route_answers_has_an_example(path: str) -> None:
    content = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"]
    assert "example" in content.get("application/json", {"example": None})


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_described(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["description"]
    assert operation["tags"]
    for parameter in operation.get("parameters", ()):
        assert parameter["description"], parameter["name"]
    for answer in operation["responses"].values():
        assert answer["description"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_agree_with_their_schemas(name: str) -> None:
    for content in contents(OPERATIONS[name]):
        if "example" in content and "schema" in content:
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            jsonschema_rs.Draft202012Validator(schema).validate(content["example"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_documents_how_it_refuses(name: str) -> None:
    operation = OPERATIONS[name]
    wanted = {"400", "503"} if operation["security"] else set()
    if operation.get("parameters"):
        wanted.add("422")
    assert wanted <= operation["responses"].keys()


def test_no_place_or_secret_of_a_machine_is_written_down() -> None:
    text = json.dumps(DOCUMENT)
    places = (Path.home(), Path(tempfile.gettempdir()), ROOT)
    assert not [place for place in places if f"{place}/" in text]
    assert not re.findall(r"cl_[0-9a-f]{16}_", text)
