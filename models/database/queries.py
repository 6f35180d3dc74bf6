"""Queries combined from others."""

from collections.abc import Mapping
from typing import Any

from models.database.types import Json

EVERYTHING: Json = {}
NOTHING: Json = {"_id": {"$in": []}}


def and_query(*queries: Mapping[str, Any]) -> Json:
    """Return the query that matches what all of `queries` match; without any, everything.

    Queries of different fields are joined into one without `$and`.
    """
    conditions = [dict(query) for query in queries if query]
    if len(conditions) <= 1:
        return conditions[0] if conditions else {}
    names = [name for query in conditions for name in query]
    if len(set(names)) == len(names) and not any(name.startswith("$") for name in names):
        return {name: value for query in conditions for name, value in query.items()}
    return {"$and": conditions}


def or_query(*queries: Mapping[str, Any]) -> Json:
    """Return the query that matches what any of `queries` matches; without any, nothing."""
    if not queries:
        return dict(NOTHING)
    return dict(queries[0]) if len(queries) == 1 else {"$or": [dict(query) for query in queries]}
