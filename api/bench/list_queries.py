"""The requests that a list is measured with, their plans, and the cursors of their middles."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from api.filters.config_search import find_config_matches
from api.filters.parse import is_filter, parse_filter
from api.lists.listing import Listing
from api.lists.paging import write_cursor
from api.lists.projection import value_at
from api.lists.query import ListQueryPlan
from api.lists.sorting import Order, parse_order
from models.configuration.delta import flatten_delta
from models.configuration.keys import flatten
from models.database.client import Database
from models.fields import Field, FieldTable

_RANGE_TYPES = frozenset({"integer", "real", "date-time", "local time", "simulated date"})
_TIMEOUT_SECONDS = 600.0
_MIN_COUNT_WITH_MIDDLE = 200
_STAGES_WITHOUT_INDEX = frozenset({"COLLSCAN", "SORT"})


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A request for a list: its filters and its sort order, but not the page."""

    listing: Listing
    filters: tuple[tuple[str, str], ...] = ()
    sort: str | None = None

    @property
    def text(self) -> str:
        """Path and query string, such as `/cases?machine=pm-cpu`."""
        sort = [("sort", self.sort)] if self.sort else []
        return f"/{self.listing.table.resource}?" + urlencode([*self.filters, *sort])

    async def plan(self, database: Database) -> "Plan":
        """Return the query that the request becomes."""
        table = self.listing.table
        tree = parse_filter(table, self.filters)
        order = parse_order(table, self.sort, tree)
        matches = await find_config_matches(database, table, tree, {})
        collection = self.listing.collection(database)
        return Plan(self, ListQueryPlan.of(collection, table, tree, matches, {}), order)


@dataclass(frozen=True, slots=True)
class Plan:
    """A request together with its MongoDB query and its order."""

    request: ListRequest
    query_plan: ListQueryPlan
    order: Order

    async def middle(self) -> str | None:
        """Return the cursor of the middle of the list, or None for lists of fewer than 200 items.

        Raise DatabaseTimeoutError when counting the list takes longer than ten minutes.
        """
        count = await self.query_plan.count(_TIMEOUT_SECONDS)
        if count < _MIN_COUNT_WITH_MIDDLE:
            return None
        stages = self.query_plan.sorted_pipeline(self.order.keys)
        pipeline = [*stages, {"$skip": count // 2}, {"$limit": 1}]
        (document,) = await self.query_plan.collection.aggregate(pipeline)
        listing = self.request.listing
        source = sorted(item for item in self.request.filters if is_filter(listing.table, item[0]))
        return write_cursor(listing.list_key(self.order, source), self.order.position(document))

    async def is_indexed(self, limit: int) -> bool:
        """Return whether the first page is a bounded walk of an index.

        This means that MongoDB neither scans the collection nor sorts, and examines at most `limit`
        documents more than twice those that it returns.
        """
        if self.query_plan.stages:
            return False
        explanation = await self.query_plan.collection.explain(
            self.query_plan.query, self.order.keys, limit=limit
        )
        winning = explanation["queryPlanner"]["winningPlan"]
        stages = set(_stages(winning.get("queryPlan", winning)))
        statistics = explanation["executionStats"]
        is_bounded = statistics["totalDocsExamined"] <= 2 * statistics["nReturned"] + limit
        return not stages & _STAGES_WITHOUT_INDEX and bool(is_bounded)


def _stages(plan: Mapping[str, Any]) -> Iterator[str]:
    yield plan["stage"]
    for child in [*plan.get("inputStages", ()), *filter(None, [plan.get("inputStage")])]:
        yield from _stages(child)


def list_requests(listing: Listing, samples: Sequence[Mapping[str, Any]]) -> Iterator[ListRequest]:
    """Yield one request for each documented filter and for each sort order of a list.

    The values to filter by are taken from `samples`, which are stored documents of the list.
    """
    table = listing.table
    yield ListRequest(listing)
    for field in table.filterable:
        value = _value(field, samples)
        if value is not None:
            yield ListRequest(listing, ((field.name, value),))
            if field.type in _RANGE_TYPES:
                yield ListRequest(listing, ((f"{field.name}__gte", value),))
    for field in table.sortable:
        yield ListRequest(listing, (), field.name)
        yield ListRequest(listing, (), f"-{field.name}")
    yield from (ListRequest(listing, (item,)) for item in _special_filters(table, samples))


def _special_filters(
    table: FieldTable, samples: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield the filters that are no fields: by word, by delta and by configuration."""
    if table.words:
        yield "q", str(samples[0][table.words][-1])
    deltas = (flatten_delta(document.get("runConfigDeltas") or {}) for document in samples)
    key, entry = next(((key, entry) for delta in deltas for key, entry in delta.items()), ("", {}))
    if key:
        yield f"delta.{key}", str(entry["current"])
    configurations = (document.get("configuration") for document in samples)
    configuration = flatten(next(filter(None, configurations), {}))
    for key, default in (("env_run.STOP_OPTION", "nyears"), ("env_build.COMPILER", "gnu")):
        yield f"config.{key}", str(configuration.get(key, default))


def _value(field: Field, samples: Sequence[Mapping[str, Any]]) -> str | None:
    """Return the first value of a field that is not empty, in the form of a parameter."""
    for document in samples:
        value = value_at(document, field.stored)
        if field.type == "simulated date":
            value = value_at(document, field.stored.replace("sortKey", "date"))
        if isinstance(value, list):
            value = value[0] if value else None
        if value not in (None, ""):
            return value.isoformat() if hasattr(value, "isoformat") else str(value)
    return None
