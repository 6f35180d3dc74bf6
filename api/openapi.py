"""What the OpenAPI document says of every route: who may use it, and how it refuses."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api.http.responses import problem_responses
from api.http.schemas import PageOf
from api.security.access import required_scope
from models.settings import Settings
from models.tokens.token import Scope

EXAMPLES_FILE = Path(__file__).with_name("examples.json")

_PAGE = f"{PageOf.__name__}_"
_PART = {"type": "object", "description": "What `fields` asks for of an item, and nothing else."}
_SCHEME = "token"
_REFUSALS = problem_responses(401, 403, 429)
_OPEN_ROUTES = frozenset({"livez", "readyz"})


def complete(app: FastAPI, document: dict[str, Any], settings: Settings) -> None:
    """Add to the document what routes need not say themselves."""
    examples = json.loads(EXAMPLES_FILE.read_bytes())
    for item in document["paths"].values():
        for operation in item.values():
            _add_errors(operation)
            _add_example(operation, examples.get(operation["operationId"]))
    for name, schema in document["components"]["schemas"].items():
        if name.startswith(_PAGE):
            _allow_parts(schema)
    _add_access(app, document, settings)


def _allow_parts(page: dict[str, Any]) -> None:
    """Say of the items of a list that they can be asked for in part, with `fields`."""
    items = page["properties"]["items"]
    items["items"] = {"anyOf": [items["items"], _PART]}


def _add_errors(operation: dict[str, Any]) -> None:
    """Document the errors that follow from what an operation takes; each is a problem document."""
    responses = operation["responses"]
    for status in list(responses):  # what the framework would say of validation
        if status.startswith("4") and "application/json" in responses[status].get("content", ()):
            del responses[status]
    statuses = [400]
    if operation.get("parameters"):
        statuses.append(422)
    if "application/json" in operation.get("requestBody", {}).get("content", ()):
        statuses += [413, 422]
    _document(operation, problem_responses(*statuses))


def _add_example(operation: dict[str, Any], example: Any) -> None:
    """Add a real answer, unless the route gives an example of its own."""
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
    if content is not None and example is not None:
        content.setdefault("example", example)


def _document(operation: dict[str, Any], answers: dict[int | str, dict[str, Any]]) -> None:
    responses = operation["responses"]
    for status, answer in answers.items():
        responses.setdefault(str(status), answer)
    operation["responses"] = dict(sorted(responses.items()))


def _add_access(app: FastAPI, document: dict[str, Any], settings: Settings) -> None:
    """Add to the document what each operation needs; an empty need says that none will do."""
    document["components"]["securitySchemes"] = {
        _SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of `caseledger token create` or `POST /tokens`. The names in"
            " the list of an operation are the scopes that it needs; `admin` implies all.",
        }
    }
    scopes = _scopes(app)
    for item in document["paths"].values():
        for operation in item.values():
            name = operation["operationId"]
            if name in _OPEN_ROUTES:
                operation["security"] = []
                continue
            anonymous: list[dict[str, list[str]]] = [{}] if _is_open(scopes[name], settings) else []
            operation["security"] = [*anonymous, {_SCHEME: [scopes[name]]}]
            _document(operation, _REFUSALS)


def _scopes(app: FastAPI) -> dict[str, Scope]:
    """Return the scope that each operation needs, by its id."""
    routes = (context.original_route for context in iter_route_contexts(app.routes))
    return {route.name: required_scope(route) for route in routes if isinstance(route, APIRoute)}


def _is_open(scope: Scope, settings: Settings) -> bool:
    return (scope == "read" and settings.anonymous_read) or (
        scope == "metrics" and settings.anonymous_metrics
    )
