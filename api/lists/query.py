"""The query of a list: what a filter finds in a collection, in an order.

Most filters are one query. A filter by a value of the configuration that very many cases have is
not: the value is in the case, and is joined to each execution by the stages of a pipeline.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from api.filters.compile import Query, compile_filter
from api.filters.conditions import Filter
from api.filters.config import ConfigMatches, without_config
from models.cases.listed_execution import case_of
from models.database.collection import Collection
from models.database.queries import EVERYTHING, and_query
from models.database.types import Sort
from models.errors import DatabaseTimeoutError
from models.fields import FieldTable

_WINDOW_FACTOR = 4  # a frequent value is that of about every fourth execution
_MAX_WINDOW = 1000


CasesQuery = Callable[[set[str]], Awaitable[Query]]
"""Returns the query that the executions of these cases have to match, given their ids."""


@dataclass(frozen=True, slots=True)
class ListQueryPlan:
    """How to find what a filter matches: a plain find, or a pipeline if there are `stages`.

    `query` is applied after the stages. `prefilter` is the part of the filter that does not need
    them, and is applied before them. `restricted_to` returns the whole filter as a query that is
    valid for the executions of a few cases only, and needs no stages.

        without stages:   find(query)
        with stages:      match(prefilter) -> stages -> match(query)
        one page of it:   find(prefilter) -> windows of ids -> find(restricted_to(their cases))
    """

    collection: Collection
    query: Query
    prefilter: Query
    stages: list[Query]
    restricted_to: CasesQuery

    @classmethod
    def of(
        cls,
        collection: Collection,
        table: FieldTable,
        tree: Filter,
        matches: ConfigMatches,
        limits: Mapping[str, Any],
    ) -> "ListQueryPlan":
        """Return the plan for a filter; `limits` is a query that has to match as well."""
        query = and_query(limits, compile_filter(table, tree, matches))
        prefilter = and_query(limits, compile_filter(table, without_config(tree)))

        async def restricted_to(case_ids: set[str]) -> Query:
            refine = matches.restricted_to
            few = matches if refine is None else await refine(case_ids)
            return and_query(limits, compile_filter(table, tree, few))

        return cls(collection, query, prefilter, matches.stages, restricted_to)

    async def page(
        self, run: Query, projection: Query, *, sort: Sort, limit: int, seconds: float
    ) -> list[Query]:
        """Return the first documents that also match `run`, at most `limit`.

        Raise DatabaseTimeoutError when that takes longer than `seconds`.
        """
        if not self.stages:
            return await self.collection.find(
                and_query(self.query, run), projection, sort=sort, limit=limit, seconds=seconds
            )
        documents: list[Query] = []
        deadline = time.monotonic() + seconds
        async with aclosing(self._windows(run, sort, limit, seconds)) as windows:
            async for window in windows:
                case_ids = {case_of(execution_id) for execution_id in window}
                query = and_query({"_id": {"$in": window}}, await self.restricted_to(case_ids))
                left = limit - len(documents)
                documents += await self.collection.find(
                    query, projection, sort=sort, limit=left, hint="_id_", seconds=seconds
                )
                if len(documents) == limit:
                    break
                if time.monotonic() > deadline:
                    raise DatabaseTimeoutError("MongoDB took too long")
        return documents

    async def _windows(
        self, run: Query, sort: Sort, limit: int, seconds: float
    ) -> AsyncGenerator[list[str], None]:
        """Yield the ids of what may match, in the order of the list, in ever larger portions."""
        size = min(_WINDOW_FACTOR * limit, _MAX_WINDOW)
        candidates = self.collection.stream(
            and_query(self.prefilter, run), {"_id": 1}, sort=sort, seconds=seconds, batch=size
        )
        window: list[str] = []
        async with aclosing(candidates):
            async for candidate in candidates:
                window.append(candidate["_id"])
                if len(window) == size:
                    yield window
                    window, size = [], min(2 * size, _MAX_WINDOW)
        if window:
            yield window

    def all(self, projection: Query, *, sort: Sort) -> AsyncGenerator[Query, None]:
        """Yield all documents from one cursor."""
        if not self.stages:
            return self.collection.stream(self.query, projection, sort=sort)
        pipeline = [*self.sorted_pipeline(sort), {"$project": projection}]
        return self.collection.stream_pipeline(pipeline)

    async def count(self, seconds: float) -> int:
        """Return the number of documents; DatabaseTimeoutError when it takes longer."""
        if not self.stages:
            return await self.collection.count(self.query, seconds=seconds)
        counted = await self.collection.aggregate(
            [*self.pipeline(), {"$count": "count"}], seconds=seconds
        )
        return int(counted[0]["count"]) if counted else 0

    def pipeline(self) -> list[Query]:
        """Return the stages of a pipeline over all documents, in no order."""
        if not self.stages:
            return [{"$match": self.query}] if self.query else []
        return [{"$match": self.prefilter}, *self.stages, {"$match": self.query}]

    def sorted_pipeline(self, sort: Sort, run: Query = EVERYTHING) -> list[Query]:
        """Return the stages of a pipeline over the sorted documents that also match `run`."""
        first = self.prefilter if self.stages else self.query
        following = [*self.stages, {"$match": self.query}] if self.stages else []
        return [{"$match": and_query(first, run)}, {"$sort": dict(sort)}, *following]
