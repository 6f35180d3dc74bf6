"""What a list can be asked: each documented filter and each sort, once, and where its middle is."""

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

_RANGES = frozenset({"integer", "real", "date-time", "local time", "simulated date"})
_PATIENCE = 600.0
_TWO_PAGES = 200
_NO_INDEX = frozenset({"COLLSCAN", "SORT"})


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of a list, but for the page; `sort` is one of them."""

    listing: Listing
    filters: tuple[tuple[str, str], ...] = ()
    sort: str | None = None

    @property
    def text(self) -> str:
        """The question as one writes it."""
        sort = [("sort", self.sort)] if self.sort else []
        return f"/{self.listing.table.resource}?" + urlencode([*self.filters, *sort])

    async def plan(self, database: Database) -> "Plan":
        """Return what MongoDB is asked."""
        table = self.listing.table
        tree = parse_filter(table, self.filters)
        order = parse_order(table, self.sort, tree)
        matches = await find_config_matches(database, table, tree, {})
        collection = self.listing.collection(database)
        return Plan(self, ListQueryPlan.of(collection, table, tree, matches, {}), order)


@dataclass(frozen=True, slots=True)
class Plan:
    """The query of a question, and its order."""

    question: Question
    finding: ListQueryPlan
    order: Order

    async def middle(self) -> str | None:
        """Return the cursor of the middle of the list, None when a page or two is all of it."""
        count = await self.finding.count(_PATIENCE)
        if count < _TWO_PAGES:
            return None
        ordered = self.finding.ordered(self.order.keys)
        pipeline = [*ordered, {"$skip": count // 2}, {"$limit": 1}]
        found = await self.finding.collection.aggregate(pipeline)
        listing = self.question.listing
        source = sorted(item for item in self.question.filters if is_filter(listing.table, item[0]))
        return write_cursor(listing.name(self.order, source), self.order.position(found[0]))

    async def is_indexed(self, limit: int) -> bool:
        """Tell whether the first page is a walk of an index that reads no more than it shows."""
        if self.finding.stages:
            return False
        finding = self.finding
        told = await finding.collection.explain(finding.query, self.order.keys, limit=limit)
        winning = told["queryPlanner"]["winningPlan"]
        stages = set(_stages(winning.get("queryPlan", winning)))
        statistics = told["executionStats"]
        is_bounded = statistics["totalDocsExamined"] <= 2 * statistics["nReturned"] + limit
        return not stages & _NO_INDEX and bool(is_bounded)


def _stages(plan: Mapping[str, Any]) -> Iterator[str]:
    yield plan["stage"]
    for child in [*plan.get("inputStages", ()), *filter(None, [plan.get("inputStage")])]:
        yield from _stages(child)


def questions(listing: Listing, samples: Sequence[Mapping[str, Any]]) -> Iterator[Question]:
    """Give the questions about values that the samples have."""
    table = listing.table
    yield Question(listing)
    for field in table.filterable:
        value = _value(field, samples)
        if value is not None:
            yield Question(listing, ((field.name, value),))
            if field.type in _RANGES:
                yield Question(listing, ((f"{field.name}__gte", value),))
    for field in table.sortable:
        yield Question(listing, (), field.name)
        yield Question(listing, (), f"-{field.name}")
    yield from (Question(listing, (item,)) for item in _by_key(table, samples))


def _by_key(table: FieldTable, samples: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Give the filters that name a word or a delta key."""
    if table.words:
        yield "q", str(samples[0][table.words][-1])
    deltas = (flatten_delta(each.get("runConfigDeltas") or {}) for each in samples)
    key, entry = next(((key, entry) for delta in deltas for key, entry in delta.items()), ("", {}))
    if key:
        yield f"delta.{key}", str(entry["current"])
    held = next(
        (flatten(each["configuration"]) for each in samples if each.get("configuration")), {}
    )
    for key in ("env_run.STOP_OPTION", "env_build.COMPILER"):
        yield f"config.{key}", str(held.get(key, "gnu" if "COMPILER" in key else "nyears"))


def _value(field: Field, samples: Sequence[Mapping[str, Any]]) -> str | None:
    for document in samples:
        value = value_at(document, field.stored)
        if field.type == "simulated date":
            value = value_at(document, field.stored.replace("sortKey", "date"))
        if isinstance(value, list):
            value = value[0] if value else None
        if value not in (None, ""):
            return value.isoformat() if hasattr(value, "isoformat") else str(value)
    return None
