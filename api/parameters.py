"""Query parameters: unknown ones are refused, with the nearest name that exists."""

import difflib

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute

from api.errors import bad_parameter


def operation_id(route: APIRoute) -> str:
    """Return the OpenAPI operation id of a route: the name of its handler."""
    return route.name


def refuse_unknown_parameters(request: Request) -> None:
    """Refuse a query parameter that the OpenAPI document does not name for this operation."""
    if not request.query_params:
        return
    known = _query_parameters(request.app)[request.scope["endpoint"].__name__]
    for name in request.query_params:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
            raise bad_parameter(name, f"There is no parameter {name[:100]!r} here{hint}")


def _query_parameters(app: FastAPI) -> dict[str, list[str]]:
    """Return the names of the query parameters by operation id; worked out once."""
    known: dict[str, list[str]] | None = getattr(app.state, "query_parameters", None)
    if known is None:
        known = app.state.query_parameters = {
            operation["operationId"]: [
                parameter["name"]
                for parameter in operation.get("parameters", ())
                if parameter["in"] == "query"
            ]
            for operations in app.openapi()["paths"].values()
            for operation in operations.values()
        }
    return known
