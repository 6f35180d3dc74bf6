"""Query parameters: what the OpenAPI document says about them, and the refusal of unknown ones."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute

from api.filters.parse import is_filter, is_repeatable
from api.filters.values import operators_of
from api.http.errors import bad_parameter, did_you_mean
from api.lists.listing import Listing
from models.fields import Field, FieldTable, FieldType
from models.resources import RESOURCES

_FILTERS = "x-filters"
_SCHEMAS: Mapping[FieldType, dict[str, Any]] = {
    "integer": {"type": "integer"},
    "real": {"type": "number"},
    "boolean": {"type": "boolean"},
}


@dataclass(frozen=True, slots=True)
class _OperationParameters:
    """The query parameters of an operation, and the tables whose fields it filters by.

    `lists` are those of the names that may be given several times.
    """

    names: tuple[str, ...]
    lists: frozenset[str]
    tables: tuple[FieldTable, ...]

    def accepts(self, name: str) -> bool:
        return name in self.names or any(is_filter(table, name) for table in self.tables)

    def may_repeat(self, name: str) -> bool:
        if name in self.lists:
            return True
        return any(is_filter(table, name) for table in self.tables) and is_repeatable(name)


def operation_id(route: APIRoute) -> str:
    """Return the OpenAPI operation id of a route: the name of its handler."""
    return route.name


def filters_of(*listings: Listing) -> dict[str, Any]:
    """Return the part of an OpenAPI operation that describes the filters of these lists."""
    tables = [listing.table for listing in listings]
    fields: dict[str, Field] = {}
    for table in tables:
        for field in table.filterable:
            fields[field.name] = _with_choices(fields.get(field.name, field), field)
    parameters = [_filter_parameter(field) for field in fields.values()]
    lookups = [lookup.parameter for listing in listings for lookup in listing.lookups.lookups]
    search = [_SEARCH] if any(table.words for table in tables) else []
    by_name = {
        parameter["name"]: parameter for parameter in reversed([*search, *lookups, *parameters])
    }
    return {
        "parameters": [*reversed(by_name.values())],
        _FILTERS: [table.resource for table in tables],
    }


async def refuse_unknown_parameters(request: Request) -> None:
    """Raise a 400 for a parameter that the operation does not have, or that is given too often.

    The error suggests the most similar name that exists.
    """
    if not request.query_params:
        return
    known = _known_parameters(request.app)[request.scope["endpoint"].__name__]
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if not known.accepts(name):
            hint = did_you_mean(name.partition("__")[0], known.names)
            raise bad_parameter(name[:200], f"There is no parameter {name[:100]!r} here{hint}")
        if name in seen and not known.may_repeat(name):
            raise bad_parameter(name[:200], f"{name[:100]!r} can be given only once.")
        seen.add(name)


_SEARCH: dict[str, Any] = {
    "name": "q",
    "in": "query",
    "required": False,
    "description": "Words to search for: each has to be the beginning of a word of the names.",
    "schema": {"type": "string"},
    "example": "historical",
}


def _with_choices(field: Field, other: Field) -> Field:
    """Return a field with its choices and those of the field of this name in another table."""
    both = dict.fromkeys((*field.choices, *other.choices))
    return replace(field, choices=tuple(both) if field.choices and other.choices else ())


def _filter_parameter(field: Field) -> dict[str, Any]:
    operators = ", ".join(f"`{field.name}__{name}`" for name in operators_of(field.type)[1:])
    return {
        "name": field.name,
        "in": "query",
        "required": False,
        "description": f"{field.description} If given several times, any of the values matches."
        f" There are also {operators}.",
        "schema": {"type": "array", "items": _schema(field)},
        "example": [_example(field)],
    }


def _example(field: Field) -> Any:
    """Return the example of a field as a value of its schema."""
    return json.loads(field.example) if field.type in _SCHEMAS else field.example


def _schema(field: Field) -> dict[str, Any]:
    if field.choices:
        return {"type": "string", "enum": list(field.choices)}
    return _SCHEMAS.get(field.type, {"type": "string"})


def _known_parameters(app: FastAPI) -> dict[str, _OperationParameters]:
    """Return the query parameters by operation id; they are computed once."""
    known: dict[str, _OperationParameters] | None = getattr(app.state, "known_parameters", None)
    if known is None:
        known = app.state.known_parameters = {
            operation["operationId"]: _parameters_of(operation)
            for operations in app.openapi()["paths"].values()
            for operation in operations.values()
        }
    return known


def _parameters_of(operation: Mapping[str, Any]) -> _OperationParameters:
    parameters: Iterable[Mapping[str, Any]] = operation.get("parameters", ())
    in_query = [item for item in parameters if item["in"] == "query"]
    tables = tuple(RESOURCES[name] for name in operation.get(_FILTERS, ()))
    return _OperationParameters(
        tuple(item["name"] for item in in_query),
        frozenset(item["name"] for item in in_query if _is_list(item["schema"])),
        tables,
    )


def _is_list(schema: Mapping[str, Any]) -> bool:
    choices = (schema, *schema.get("anyOf", ()))
    return any(choice.get("type") == "array" for choice in choices)
