"""Which cases have a value in their configuration: asked before a list of executions is read."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from api.filters import config
from api.filters.compile import Query, compile_filter
from api.filters.conditions import All, Condition, ConfigCondition, Filter
from api.filters.config import ConfigMatches, conditions_in
from models.cases.case_fields import CASES
from models.configuration.values import file_of
from models.database.client import Database
from models.database.queries import and_query
from models.fields import INDEXED_FILES, FieldTable

_SECONDS = 10.0
_ONE: Query = {"$limit": 1}
_OF_CASES = {"caseId": "id", "caseName": "name", "machine": "machine", "user": "user"}
_SCOPES = {"caseId": "_id"}


async def find_config_matches(
    database: Database, table: FieldTable, tree: Filter, scope: Mapping[str, Any]
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
    conditions = list(conditions_in(tree))
    most = await _most_cases(database) if conditions else 0
    for condition in conditions:
        found = await _cases_that_meet(database, condition, and_query(narrow, scoped), most)
        if found is None:
            frequent.add(condition)
        else:
            cases[condition] = found
    among = partial(_matches_among, database, conditions)
    return ConfigMatches(cases, frozenset(frequent), among)


async def _matches_among(
    database: Database, conditions: Iterable[ConfigCondition], ids: Collection[str]
) -> ConfigMatches:
    """Return which of these cases meet each condition."""
    found: dict[ConfigCondition, list[str]] = {}
    for condition in conditions:
        query = and_query({"_id": {"$in": list(ids)}}, compile_filter(CASES, condition))
        cases = await database.cases.find(query, {"_id": 1}, hint="_id_", seconds=_SECONDS)
        found[condition] = [case["_id"] for case in cases]
    return ConfigMatches(found)


async def _most_cases(database: Database) -> int:
    """Return how many cases are asked for by their ids."""
    return min(config.MOST_CASES, await database.cases.estimated_count() // config.COMMON)


async def _cases_that_meet(
    database: Database, condition: ConfigCondition, within: Query, most: int
) -> list[str] | None:
    """Return the ids of the cases, None when there are more than `most`.

    Whether there are is asked of the index first, where that can tell: cases are large documents.
    """
    query = compile_filter(CASES, condition)
    if not within and file_of(condition.key) in INDEXED_FILES:
        covered = {"_id": 0, f"configuration.{condition.key}": 1}
        beyond: list[Query] = [
            {"$match": query},
            {"$project": covered},
            {"$skip": most},
            _ONE,
        ]
        if await database.cases.aggregate(beyond, seconds=_SECONDS):
            return None
    found = await database.cases.find(
        and_query(query, within), {"_id": 1}, limit=most + 1, seconds=_SECONDS
    )
    return None if len(found) > most else [case["_id"] for case in found]


def _on_cases(tree: Filter) -> Iterator[Condition]:
    """Give the conditions that a case must meet for any of its executions to be found."""
    for part in tree.parts if isinstance(tree, All) else (tree,):
        if isinstance(part, Condition) and part.field.name in _OF_CASES:
            field = CASES.by_name[_OF_CASES[part.field.name]]
            yield Condition(field, part.operator, part.values)
