import json
from typing import Any

import jsonschema_rs
import pytest

from api.app import create_app
from models.settings import Settings
from tests.support.authorization import NEEDED


@pytest.fixture(scope="module")
def openapi() -> dict[str, Any]:
    return create_app(Settings()).openapi()


def test_operation_ids_are_the_names_of_the_handlers(openapi: dict[str, Any]) -> None:
    ids = {
        operation["operationId"]
        for operations in openapi["paths"].values()
        for operation in operations.values()
    }
    assert ids == NEEDED.keys()


def test_every_parameter_is_described(openapi: dict[str, Any]) -> None:
    for operations in openapi["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                assert parameter["description"], parameter


@pytest.mark.slow
def test_examples_of_parameters_and_bodies_are_valid(openapi: dict[str, Any]) -> None:
    operations = [each for path in openapi["paths"].values() for each in path.values()]
    parameters = [each for operation in operations for each in operation.get("parameters", ())]
    bodies = [
        body
        for operation in operations
        for body in operation.get("requestBody", {}).get("content", {}).values()
    ]
    examples = [
        (each["schema"], each["example"]) for each in [*parameters, *bodies] if "example" in each
    ]
    assert examples
    for schema, example in examples:
        whole = {**schema, "components": openapi["components"]}
        jsonschema_rs.Draft202012Validator(whole).validate(example)


def test_every_error_that_is_described_is_a_problem_document(openapi: dict[str, Any]) -> None:
    for operations in openapi["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert list(answer["content"]) == ["application/problem+json"]


def test_every_time_is_described_as_one(openapi: dict[str, Any]) -> None:
    for name, schema in openapi["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            if field == "at" or field.endswith("At"):
                kinds = [each for each in described.get("anyOf", [described]) if "type" in each]
                formats = {each.get("format") for each in kinds if each["type"] != "null"}
                assert formats == {"date-time"}, f"{name}.{field}"


def test_every_reference_leads_somewhere(openapi: dict[str, Any]) -> None:
    text = json.dumps(openapi)
    references = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert references
    assert references <= openapi["components"]["schemas"].keys()


def test_the_words_of_the_design_are_used(openapi: dict[str, Any]) -> None:
    text = json.dumps(openapi["components"]["schemas"])
    assert not [word for word in ("simulationId", "hpcUsername") if word in text]
