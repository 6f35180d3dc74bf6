"""The bodies that the API takes; unknown fields are refused."""

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
from models.cases.annotations import (
    MOST_EXTRA_BYTES,
    Text,
)

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


def _storable(extra: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(extra)) > MOST_EXTRA_BYTES:
        raise ValueError(f"larger than {MOST_EXTRA_BYTES} bytes")
    if any(not name or name.startswith("$") for name in _names(extra)):
        raise ValueError("a name is empty, or begins with a dollar sign")
    return extra


def _names(value: Any) -> list[str]:
    found: list[str] = []
    stack = [value]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            found += at
            stack += at.values()
        elif isinstance(at, list):
            stack += at
    return found


Extra = Annotated[dict[str, Any], Field(max_length=1000), AfterValidator(_storable)]
Value = str | int | float | bool | None
Reason = Annotated[Text | None, Field(description="Why it is done; the history keeps it.")]


async def read_body(request: Request, model: type[Body], most_bytes: int = MAX_BYTES) -> Body:
    """Return the body as a model; a 422 names the fields that are wrong."""
    content = await read_json(request, most_bytes)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        errors = [{**item, "loc": ("body", *item["loc"])} for item in error.errors()]
        raise RequestValidationError(errors) from None


def body_of(model: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    """Return what the OpenAPI document says of a body."""
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
    """A body; names are camelCase, and others are refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")
