"""What the OpenAPI document says of access: the scheme, the scope of each route, the refusals."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api.responses import problems
from api.security.access import required_scope
from models.settings import Settings
from models.token import Scope

_SCHEME = "token"
_REFUSALS = problems(401, 403, 429)
_OPEN_ROUTES = frozenset({"livez", "readyz"})


def add_access(app: FastAPI, document: dict[str, Any], settings: Settings) -> None:
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
            for status, answer in _REFUSALS.items():
                operation["responses"].setdefault(str(status), answer)
            operation["responses"] = dict(sorted(operation["responses"].items()))


def _scopes(app: FastAPI) -> dict[str, Scope]:
    """Return the scope that each operation needs, by its id."""
    routes = (context.original_route for context in iter_route_contexts(app.routes))
    return {route.name: required_scope(route) for route in routes if isinstance(route, APIRoute)}


def _is_open(scope: Scope, settings: Settings) -> bool:
    return (scope == "read" and settings.anonymous_read) or (
        scope == "metrics" and settings.anonymous_metrics
    )
