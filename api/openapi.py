"""What the OpenAPI document says about every route: the required scope, the errors, an example."""

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
_PART = {"type": "object", "description": "Only those fields of an item that `fields` selects."}
_SCHEME = "token"
_REFUSALS = problem_responses(401, 403, 429)
_OPEN_ROUTES = frozenset({"livez", "readyz"})


def complete_document(app: FastAPI, document: dict[str, Any], settings: Settings) -> None:
    """Add to the OpenAPI document what is the same for all routes, and the examples."""
    examples = json.loads(EXAMPLES_FILE.read_bytes())
    for item in document["paths"].values():
        for method, operation in item.items():
            _add_errors(method, operation)
            _add_example(operation, examples.get(operation["operationId"]))
            _add_exports(operation)
    for name, schema in document["components"]["schemas"].items():
        if name.startswith(_PAGE):
            _allow_parts(schema)
    _add_access(app, document, settings)


def _allow_parts(page: dict[str, Any]) -> None:
    """Describe that the items of a list may be partial, by the parameter `fields`."""
    items = page["properties"]["items"]
    items["items"] = {"anyOf": [items["items"], _PART]}


def _add_errors(method: str, operation: dict[str, Any]) -> None:
    """Add the errors that an operation has because of its input; each is a problem document."""
    responses = operation["responses"]
    for status in list(responses):  # what the framework says about validation
        if status.startswith("4") and "application/json" in responses[status].get("content", ()):
            del responses[status]
    statuses = [400]
    if operation.get("parameters"):
        statuses.append(422)
    if method != "get":
        statuses.append(507)
    if "requestBody" in operation:
        statuses.append(408)
    if "application/json" in operation.get("requestBody", {}).get("content", ()):
        statuses += [413, 422]
    _add_responses(operation, problem_responses(*statuses))


def _add_example(operation: dict[str, Any], example: Any) -> None:
    """Add a real answer as the example, unless the route has its own."""
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
    if content is not None and example is not None:
        content.setdefault("example", example)


def _add_exports(operation: dict[str, Any]) -> None:
    """Add the other media types in which an operation with `format=ndjson` answers."""
    choices = json.dumps([p for p in operation.get("parameters", ()) if p["name"] == "format"])
    if '"ndjson"' in choices:
        content = operation["responses"]["200"].setdefault("content", {})
        for media_type in ("application/x-ndjson", "text/csv"):
            content[media_type] = {"schema": {"type": "string"}}


def _add_responses(operation: dict[str, Any], added: dict[int | str, dict[str, Any]]) -> None:
    responses = operation["responses"]
    for status, response in added.items():
        responses.setdefault(str(status), response)
    operation["responses"] = dict(sorted(responses.items()))


def _add_access(app: FastAPI, document: dict[str, Any], settings: Settings) -> None:
    """Add the security requirements of each operation; `{}` means that anonymous access works."""
    document["components"]["securitySchemes"] = {
        _SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "A token from `caseledger token create` or `POST /tokens`. The names in"
            " the list of an operation are the scopes that it requires; `admin` implies all.",
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
            _add_responses(operation, _REFUSALS)


def _scopes(app: FastAPI) -> dict[str, Scope]:
    """Return the scope that each operation requires, by operation id."""
    routes = (context.original_route for context in iter_route_contexts(app.routes))
    return {route.name: required_scope(route) for route in routes if isinstance(route, APIRoute)}


def _is_open(scope: Scope, settings: Settings) -> bool:
    return (scope == "read" and settings.anonymous_read) or (
        scope == "metrics" and settings.anonymous_metrics
    )
