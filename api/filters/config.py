"""Conditions on the configuration of executions, as queries.

The value of a key in an execution is the one in `overrides` of its document, or, when the execution
does not override it, the one in `configuration` of its case. So the cases that match a condition
are found first, and the query on executions contains their ids:

    config.env_run.STOP_N=5   ->   overrides.env_run.STOP_N = 5
                                   or  caseId in [cases with configuration.env_run.STOP_N = 5]
                                       and the execution does not override or unset the key

When too many cases match for a list of ids, the condition is called frequent. A page of executions
then reads windows of executions in the order of the list and looks up the matching cases among
theirs: a value that is so common soon fills a page. A query over all executions, such as a count
or an export, instead joins the case of each execution in the `stages` of a pipeline.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from api.filters.conditions import All, ConfigCondition, Filter, Not
from api.filters.conditions import Any as AnyOf

MAX_CASES = 1000
"""A query contains at most this many ids of cases; fewer when there are few cases at all."""

COMMON_ONE_IN = 8
"""A value of more than one in so many cases is frequent as well: it soon fills a page."""

Query = dict[str, Any]
_CASE = "caseOfIt"  # field that the stages add to the documents of executions


@dataclass(frozen=True, slots=True)
class ConfigMatches:
    """The ids of the cases whose stored configuration matches each condition.

    `frequent` are the conditions that too many cases match. `restricted_to` returns the matches
    among a few cases, given their ids. A condition that is neither in `cases` nor in `frequent` is
    compiled for the collection of cases itself.
    """

    cases: Mapping[ConfigCondition, list[str]] = field(default_factory=dict)
    frequent: frozenset[ConfigCondition] = frozenset()
    restricted_to: "Callable[[Collection[str]], Awaitable[ConfigMatches]] | None" = None

    def query(self, condition: ConfigCondition, comparison: Callable[..., Any]) -> Query:
        """Return the query for one condition; for a frequent one, to be applied after `stages`."""
        wanted = comparison(condition.operator, condition.values)
        if condition.operator == "ne":
            wanted |= {"$exists": True}
        if condition.operator == "exists":
            wanted = {"$exists": True}
        if condition in self.frequent:
            of_case = {f"{_CASE}.configuration.{condition.key}": wanted}
            return _executions_query(condition, wanted, of_case)
        ids = self.cases.get(condition)
        if ids is None:
            return {f"configuration.{condition.key}": wanted}
        return _executions_query(condition, wanted, {"caseId": {"$in": ids}})

    @property
    def stages(self) -> list[Query]:
        """The pipeline stages that add the case, as far as frequent conditions need it."""
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


def _executions_query(condition: ConfigCondition, wanted: Any, of_case: Query) -> Query:
    """Return the query on executions; `of_case` is what their cases have to match."""
    override = f"overrides.{condition.key}"
    inherited = {
        **of_case,
        override: {"$exists": False},
        "unset": {"$ne": condition.key},
        "recorded.hasConfiguration": True,
    }
    return {"$or": [{override: wanted}, inherited]}


def _uppermost(keys: Iterable[str]) -> list[str]:
    """Return the keys that are not below another one: MongoDB refuses to project both."""
    kept: list[str] = []
    for key in sorted(keys):
        if not any(f"{key}.".startswith(f"{other}.") for other in kept):
            kept.append(key)
    return kept


def conditions_in(tree: Filter) -> Iterator[ConfigCondition]:
    """Yield the conditions on the configuration in a filter."""
    match tree:
        case ConfigCondition():
            yield tree
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from conditions_in(part)
        case Not(part):
            yield from conditions_in(part)


def without_config(tree: Filter) -> Filter:
    """Return the parts of a filter that have to match in any case and contain no configuration."""
    parts = tree.parts if isinstance(tree, All) else (tree,)
    return All(tuple(part for part in parts if not any(conditions_in(part))))
