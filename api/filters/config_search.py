"""The search for the cases that match the conditions on configuration of a filter."""

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
_CASE_FIELDS = {"caseId": "id", "caseName": "name", "machine": "machine", "user": "user"}
_CASE_PATHS = {"caseId": "_id"}


async def find_config_matches(
    database: Database, table: FieldTable, tree: Filter, scope: Mapping[str, Any]
) -> ConfigMatches:
    """Return the cases that match each condition on configuration, for a list of executions.

    Conditions of the filter and of `scope` that concern the case restrict the search. Return no
    matches for a list of cases, whose queries need none.
    """
    if table is CASES:
        return ConfigMatches()
    on_cases = compile_filter(CASES, All(tuple(_case_conditions(tree))))
    scoped = {_CASE_PATHS[path]: value for path, value in scope.items() if path in _CASE_PATHS}
    cases: dict[ConfigCondition, list[str]] = {}
    frequent: set[ConfigCondition] = set()
    conditions = list(conditions_in(tree))
    limit = await _id_limit(database) if conditions else 0
    for condition in conditions:
        ids = await _matching_cases(database, condition, and_query(on_cases, scoped), limit)
        if ids is None:
            frequent.add(condition)
        else:
            cases[condition] = ids
    restricted_to = partial(_matches_among, database, conditions)
    return ConfigMatches(cases, frozenset(frequent), restricted_to)


async def _matches_among(
    database: Database, conditions: Iterable[ConfigCondition], ids: Collection[str]
) -> ConfigMatches:
    """Return those of these cases that match each condition."""
    matches: dict[ConfigCondition, list[str]] = {}
    for condition in conditions:
        query = and_query({"_id": {"$in": list(ids)}}, compile_filter(CASES, condition))
        cases = await database.cases.find(query, {"_id": 1}, hint="_id_", seconds=_SECONDS)
        matches[condition] = [case["_id"] for case in cases]
    return ConfigMatches(matches)


async def _id_limit(database: Database) -> int:
    """Return the maximum number of matching cases of a condition that is not frequent."""
    return min(config.MAX_CASES, await database.cases.estimated_count() // config.COMMON_ONE_IN)


async def _matching_cases(
    database: Database, condition: ConfigCondition, within: Query, limit: int
) -> list[str] | None:
    """Return the ids of the cases that match, or None when there are more than `limit`.

    Cases are large documents. So where an index covers the condition, it is first used to find out
    whether there are more, without reading any document.
    """
    query = compile_filter(CASES, condition)
    if not within and file_of(condition.key) in INDEXED_FILES:
        covered = {"_id": 0, f"configuration.{condition.key}": 1}
        beyond: list[Query] = [
            {"$match": query},
            {"$project": covered},
            {"$skip": limit},
            _ONE,
        ]
        if await database.cases.aggregate(beyond, seconds=_SECONDS):
            return None
    cases = await database.cases.find(
        and_query(query, within), {"_id": 1}, limit=limit + 1, seconds=_SECONDS
    )
    return None if len(cases) > limit else [case["_id"] for case in cases]


def _case_conditions(tree: Filter) -> Iterator[Condition]:
    """Yield the conditions that a case has to match for any of its executions to match."""
    for part in tree.parts if isinstance(tree, All) else (tree,):
        if isinstance(part, Condition) and part.field.name in _CASE_FIELDS:
            field = CASES.by_name[_CASE_FIELDS[part.field.name]]
            yield Condition(field, part.operator, part.values)
