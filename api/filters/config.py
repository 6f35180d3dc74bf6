"""Conditions on the configuration of any execution.

A value is the execution's own, in `overrides` of its listing, or the one in `configuration` of its
case that it does not override. Which cases have it is found first; a list of executions then asks
for those of these cases.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.filters.conditions import All, ConfigCondition, Filter, Not
from api.filters.conditions import Any as AnyOf

MOST_CASES = 20_000

Query = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ConfigMatches:
    """The ids of the cases whose stored configuration meets each condition.

    A condition without them is asked of the collection of cases itself.
    """

    cases: Mapping[ConfigCondition, list[str]]

    def query(self, condition: ConfigCondition, comparison: Callable[..., Any]) -> Query:
        """Return the query for one condition."""
        wanted = comparison(condition.operator, condition.values)
        if condition.operator == "ne":
            wanted |= {"$exists": True}
        if condition.operator == "exists":
            wanted = {"$exists": True}
        ids = self.cases.get(condition)
        if ids is None:
            return {f"configuration.{condition.key}": wanted}
        return _of_executions(condition, wanted, ids)


def _of_executions(condition: ConfigCondition, wanted: Any, ids: list[str]) -> Query:
    """Return the query on executions, given the cases whose own configuration meets it."""
    own = f"overrides.{condition.key}"
    inherited = {
        "caseId": {"$in": ids},
        own: {"$exists": False},
        "unset": {"$ne": condition.key},
        "recorded.hasConfiguration": True,
    }
    return {"$or": [{own: wanted}, inherited]}


def conditions_in(tree: Filter) -> Iterator[ConfigCondition]:
    """Give the conditions on configuration in a filter."""
    match tree:
        case ConfigCondition():
            yield tree
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from conditions_in(part)
        case Not(part):
            yield from conditions_in(part)
