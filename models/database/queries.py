"""Queries put together from others."""

from collections.abc import Mapping
from typing import Any

from models.database.types import Json

EVERYTHING: Json = {}
NOTHING: Json = {"_id": {"$in": []}}


def and_query(*queries: Mapping[str, Any]) -> Json:
    """Return the query that all of `queries` make together; without any, it finds everything."""
    limiting = [dict(query) for query in queries if query]
    if len(limiting) <= 1:
        return limiting[0] if limiting else {}
    names = [name for query in limiting for name in query]
    if len(set(names)) == len(names) and not any(name.startswith("$") for name in names):
        return {name: value for query in limiting for name, value in query.items()}
    return {"$and": limiting}


def or_query(*queries: Mapping[str, Any]) -> Json:
    """Return the query that finds what any of `queries` finds; without any, it finds nothing."""
    if not queries:
        return dict(NOTHING)
    return dict(queries[0]) if len(queries) == 1 else {"$or": [dict(query) for query in queries]}
