"""What can be done with a path, for those who tried something else."""

from fastapi import Request
from fastapi.routing import iter_route_contexts


def allowed_methods(request: Request) -> str:
    """Return the methods of all routes that the path of a request matches, as `Allow` tells them.

    The framework would tell those of the first one. A path that is a template itself counts alone:
    `/cases/aggregate` is not the id of a case.
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
