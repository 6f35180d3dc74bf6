"""Which cases have a value in their configuration: asked before a list of executions is read."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.filters import config
from api.filters.compile import compile_filter
from api.filters.conditions import All, Condition, ConfigCondition, Filter
from api.filters.config import ConfigMatches, conditions_in
from models.case_fields import CASES
from models.database import Database
from models.fields import Table

_SECONDS = 10.0
_OF_CASES = {"caseId": "id", "caseName": "name", "machine": "machine", "user": "user"}
_SCOPES = {"caseId": "_id"}


async def find_config_matches(
    database: Database, table: Table, tree: Filter, scope: Mapping[str, Any]
) -> ConfigMatches:
    """Return the cases that meet each condition on configuration, for a list of executions.

    Other conditions on the case narrow the search.
    """
    if table is CASES:
        return ConfigMatches()
    narrow = compile_filter(CASES, All(tuple(_on_cases(tree))))
    scoped = {_SCOPES[path]: value for path, value in scope.items() if path in _SCOPES}
    found: dict[ConfigCondition, list[str]] = {}
    for condition in conditions_in(tree):
        query = {"$and": [compile_filter(CASES, condition), narrow, scoped]}
        cases = await database.cases.find(
            query, {"_id": 1}, limit=config.MOST_CASES + 1, seconds=_SECONDS
        )
        found[condition] = [case["_id"] for case in cases]
    frequent = {one for one, ids in found.items() if len(ids) > config.MOST_CASES}
    return ConfigMatches(found, frozenset(frequent))


def _on_cases(tree: Filter) -> Iterator[Condition]:
    """Give the conditions that a case must meet for any of its executions to be found."""
    for part in tree.parts if isinstance(tree, All) else (tree,):
        if isinstance(part, Condition) and part.field.name in _OF_CASES:
            field = CASES.by_name[_OF_CASES[part.field.name]]
            yield Condition(field, part.operator, part.values)
