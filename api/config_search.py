"""Which cases have a value in their configuration: asked before a list of executions is read."""

from collections.abc import Iterator, Mapping
from typing import Any

from api.filters import config
from api.filters.compile import Query, compile_filter
from api.filters.conditions import All, Condition, ConfigCondition, Filter
from api.filters.config import ConfigMatches, conditions_in
from api.finding import both
from models.case_fields import CASES
from models.configuration import file_of
from models.database import Database
from models.fields import INDEXED_FILES, Table

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
    cases: dict[ConfigCondition, list[str]] = {}
    frequent: set[ConfigCondition] = set()
    for condition in conditions_in(tree):
        found = await _cases_that_meet(database, condition, both(narrow, scoped))
        if found is None:
            frequent.add(condition)
        else:
            cases[condition] = found
    return ConfigMatches(cases, frozenset(frequent))


async def _cases_that_meet(
    database: Database, condition: ConfigCondition, within: Query
) -> list[str] | None:
    """Return the ids of the cases, None when there are more than `MOST_CASES`.

    Whether there are is asked of the index first, where that can tell: cases are large documents.
    """
    query, most = compile_filter(CASES, condition), config.MOST_CASES + 1
    if not within and file_of(condition.key) in INDEXED_FILES:
        covered = {f"configuration.{condition.key}": 1, "_id": 0}
        told = await database.cases.find(query, covered, limit=most, seconds=_SECONDS)
        if len(told) == most:
            return None
    found = await database.cases.find(both(query, within), {"_id": 1}, limit=most, seconds=_SECONDS)
    return None if len(found) == most else [case["_id"] for case in found]


def _on_cases(tree: Filter) -> Iterator[Condition]:
    """Give the conditions that a case must meet for any of its executions to be found."""
    for part in tree.parts if isinstance(tree, All) else (tree,):
        if isinstance(part, Condition) and part.field.name in _OF_CASES:
            field = CASES.by_name[_OF_CASES[part.field.name]]
            yield Condition(field, part.operator, part.values)
