"""The methods of a path, for the answer to a request with another method."""

from fastapi import Request
from fastapi.routing import iter_route_contexts


def allowed_methods(request: Request) -> str:
    """Return the methods of all routes that match the path of a request, as the header `Allow`.

    The framework itself lists only those of the first route. When the path is equal to the template
    of a route, only that template counts: `/cases/aggregate` is not the id of a case.
    """
    path = request.scope["path"]
    by_template: dict[str, set[str]] = {}
    for context in iter_route_contexts(request.app.routes):
        pattern = getattr(context, "path_regex", None)
        if pattern is not None and pattern.match(path):
            by_template.setdefault(context.path or "", set()).update(context.methods or ())
    methods = by_template.get(path) or set().union(*by_template.values())
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods))
