"""JSON bodies of requests: their base class, their common types, their OpenAPI schemas."""

from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from api.http.json_body import MAX_BYTES, read_json
from models.cases.annotations import MAX_EXTRA_BYTES, Text

Body = TypeVar("Body", bound=BaseModel)

_COMPONENTS = "#/components/schemas/"
_BODIES: set[type[BaseModel]] = set()

_VISIBLE = r"[^\x00-\x20\x7f/]"
Name = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=255, pattern=rf"^{_VISIBLE}([^\x00-\x1f\x7f/]*{_VISIBLE})?$"
    ),
]
ExecutionName = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_\[\]-][A-Za-z0-9._\[\]-]*$"
    ),
]


def _check_storable(extra: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(extra)) > MAX_EXTRA_BYTES:
        raise ValueError(f"larger than {MAX_EXTRA_BYTES} bytes")
    if any(not name or name.startswith("$") for name in _names(extra)):
        raise ValueError("a name is empty or begins with a dollar sign")
    return extra


def _names(value: Any) -> list[str]:
    """Return the names of all objects in a JSON value, at any depth."""
    names: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            names += item
            stack += item.values()
        elif isinstance(item, list):
            stack += item
    return names


Extra = Annotated[dict[str, Any], Field(max_length=1000), AfterValidator(_check_storable)]
Value = str | int | float | bool | None
Reason = Annotated[
    Text | None, Field(description="The reason for the change; the history keeps it.")
]


async def read_body(request: Request, model: type[Body], max_bytes: int = MAX_BYTES) -> Body:
    """Return the body as a model; raise a 422 that names the invalid fields."""
    content = await read_json(request, max_bytes)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        errors = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(errors) from None


def body_of(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """Return the part of an OpenAPI operation that describes its body."""
    _BODIES.add(model)
    schema = {"$ref": f"{_COMPONENTS}{model.__name__}"}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def body_schemas() -> dict[str, Any]:
    """Return the schemas of all bodies, by name, for the OpenAPI document."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        (model, "validation") for model in sorted(_BODIES, key=lambda m: m.__name__)
    ]
    _, document = models_json_schema(models, ref_template=f"{_COMPONENTS}{{model}}")
    schemas: dict[str, Any] = document["$defs"]
    return schemas


class Strict(BaseModel):
    """Base of the bodies: field names are camelCase, and unknown ones are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")
