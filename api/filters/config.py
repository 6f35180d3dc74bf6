"""Conditions on the configuration of any execution.

A value is the execution's own, in `overrides` of its listing, or the one in `configuration` of its
case that it does not override. Which cases have it is found first; a list of executions then asks
for those of these cases. Where too many have it, that is asked for some executions after the
other, in the order of the list: so common a value soon fills a page. What goes through all of them
has the case of each looked up on the way.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from api.filters.conditions import All, ConfigCondition, Filter, Not
from api.filters.conditions import Any as AnyOf

MOST_CASES = 1000
"""So many cases are asked for by their ids, if they are not a large part of all cases."""

COMMON = 8
"""A value that one of so many cases has is common: the next executions of a list soon have it."""

Query = dict[str, Any]
_CASE = "caseOfIt"


@dataclass(frozen=True, slots=True)
class ConfigMatches:
    """The ids of the cases whose stored configuration meets each condition.

    `frequent` are the conditions that more cases meet; `among` finds the matches among
    a few cases. A condition that is in neither is asked of the collection of cases itself.
    """

    cases: Mapping[ConfigCondition, list[str]] = field(default_factory=dict)
    frequent: frozenset[ConfigCondition] = frozenset()
    among: "Callable[[Collection[str]], Awaitable[ConfigMatches]] | None" = None

    def query(self, condition: ConfigCondition, comparison: Callable[..., Any]) -> Query:
        """Return the query for one condition; of a frequent one, after the `stages`."""
        wanted = comparison(condition.operator, condition.values)
        if condition.operator == "ne":
            wanted |= {"$exists": True}
        if condition.operator == "exists":
            wanted = {"$exists": True}
        if condition in self.frequent:
            of_case = {f"{_CASE}.configuration.{condition.key}": wanted}
            return _of_executions(condition, wanted, of_case)
        ids = self.cases.get(condition)
        if ids is None:
            return {f"configuration.{condition.key}": wanted}
        return _of_executions(condition, wanted, {"caseId": {"$in": ids}})

    @property
    def stages(self) -> list[Query]:
        """The stages that look up what frequent conditions need of the case of an execution."""
        if not self.frequent:
            return []
        keys = _uppermost(condition.key for condition in self.frequent)
        lookup = {
            "from": "cases",
            "localField": "caseId",
            "foreignField": "_id",
            "pipeline": [{"$project": {f"configuration.{key}": 1 for key in keys}}],
            "as": _CASE,
        }
        return [{"$lookup": lookup}, {"$set": {_CASE: {"$first": f"${_CASE}"}}}]


def _of_executions(condition: ConfigCondition, wanted: Any, of_case: Query) -> Query:
    """Return the query on executions, given what their cases have to meet."""
    own = f"overrides.{condition.key}"
    inherited = {
        **of_case,
        own: {"$exists": False},
        "unset": {"$ne": condition.key},
        "recorded.hasConfiguration": True,
    }
    return {"$or": [{own: wanted}, inherited]}


def _uppermost(keys: Iterable[str]) -> list[str]:
    """Return the keys that are below no other one: MongoDB projects none twice."""
    kept: list[str] = []
    for key in sorted(keys):
        if not any(f"{key}.".startswith(f"{other}.") for other in kept):
            kept.append(key)
    return kept


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


def without_config(tree: Filter) -> Filter:
    """Return what of a filter can be asked without configurations, and has to hold anyway."""
    parts = tree.parts if isinstance(tree, All) else (tree,)
    return All(tuple(part for part in parts if not any(conditions_in(part))))
