"""In bodies, true and false are no numbers, numbers no true and false, and texts neither."""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import api.app
from api.http import bodies

WRONG: dict[str, list[Any]] = {
    "integer": [True, False, "5", 1.5],
    "number": [True, False, "5"],
    "boolean": [1, 0, "true"],
}


def _models(model: type[BaseModel], known: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """Return the model and all models of its fields."""
    if model not in known:
        known.add(model)
        pending: list[Any] = [field.annotation for field in model.model_fields.values()]
        while pending:
            annotation = pending.pop()
            pending += get_args(annotation)
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                _models(annotation, known)
    return known


def _types(schema: dict[str, Any]) -> set[str]:
    return {part["type"] for part in schema.get("anyOf", [schema]) if "type" in part}


def _cases() -> Iterator[tuple[type[BaseModel], str, Any]]:
    assert api.app.create_app is not None  # importing it makes all bodies known
    known: set[type[BaseModel]] = set()
    for body in bodies._BODIES:
        _models(body, known)
    for model in sorted(known, key=lambda model: model.__name__):
        properties = model.model_json_schema(by_alias=False)["properties"]
        for name in model.model_fields:
            types = _types(properties.get(name, {})) - {"null"}
            for wrong in WRONG.get(next(iter(types), ""), []) if len(types) == 1 else []:
                yield model, name, wrong


@pytest.mark.parametrize(("model", "name", "value"), [*_cases()])
def test_what_is_no_number_is_refused(model: type[BaseModel], name: str, value: Any) -> None:
    field = model.model_fields[name]
    annotated: Any = Annotated[(field.annotation, None, *field.metadata)]
    read: TypeAdapter[Any] = TypeAdapter(annotated)
    with pytest.raises(ValidationError):
        read.validate_python(value)
