"""What a filter finds in a collection, in an order: a find, or a pipeline where one is needed."""

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

_WINDOW = 4  # times what is wanted: a frequent value is that of every fourth execution or so
_LARGEST_WINDOW = 1000


Refine = Callable[[set[str]], Awaitable[Query]]


@dataclass(frozen=True, slots=True)
class ListQueryPlan:
    """What `query` matches once the `stages` have been through; without any, a plain find.

    `narrow` has to hold as well, and needs none of them: it is asked before. `among` returns the
    query for executions of a few cases, which needs none either.
    """

    collection: Collection
    query: Query
    narrow: Query
    stages: list[Query]
    among: Refine

    @classmethod
    def of(
        cls,
        collection: Collection,
        table: FieldTable,
        tree: Filter,
        matches: ConfigMatches,
        limits: Mapping[str, Any],
    ) -> "ListQueryPlan":
        """Return what a filter finds within limits, which are a query."""
        query = and_query(limits, compile_filter(table, tree, matches))
        narrow = and_query(limits, compile_filter(table, without_config(tree)))

        async def among(case_ids: set[str]) -> Query:
            own = matches if matches.among is None else await matches.among(case_ids)
            return and_query(limits, compile_filter(table, tree, own))

        return cls(collection, query, narrow, matches.stages, among)

    async def some(
        self, run: Query, projection: Query, *, sort: Sort, limit: int, seconds: float
    ) -> list[Query]:
        """Return the first documents, at most `limit`, of a run of the order."""
        if not self.stages:
            return await self.collection.find(
                and_query(self.query, run), projection, sort=sort, limit=limit, seconds=seconds
            )
        found: list[Query] = []
        until = time.monotonic() + seconds
        async with aclosing(self._windows(run, sort, limit, seconds)) as windows:
            async for window in windows:
                own = {"_id": {"$in": window}}
                query = and_query(own, await self.among({case_of(each) for each in window}))
                left = limit - len(found)
                found += await self.collection.find(
                    query, projection, sort=sort, limit=left, hint="_id_", seconds=seconds
                )
                if len(found) == limit:
                    break
                if time.monotonic() > until:
                    raise DatabaseTimeoutError("MongoDB took too long")
        return found

    async def _windows(
        self, run: Query, sort: Sort, limit: int, seconds: float
    ) -> AsyncGenerator[list[str], None]:
        """Give the ids of what may match, in the order, in ever larger portions."""
        size = min(_WINDOW * limit, _LARGEST_WINDOW)
        passing = self.collection.stream(
            and_query(self.narrow, run), {"_id": 1}, sort=sort, seconds=seconds, batch=size
        )
        window: list[str] = []
        async with aclosing(passing):
            async for each in passing:
                window.append(each["_id"])
                if len(window) == size:
                    yield window
                    window, size = [], min(2 * size, _LARGEST_WINDOW)
        if window:
            yield window

    def all(self, projection: Query, *, sort: Sort) -> AsyncGenerator[Query, None]:
        """Give all documents from one cursor."""
        if not self.stages:
            return self.collection.stream(self.query, projection, sort=sort)
        pipeline = [*self.ordered(sort), {"$project": projection}]
        return self.collection.stream_pipeline(pipeline)

    async def count(self, seconds: float) -> int:
        """Return how many there are."""
        if not self.stages:
            return await self.collection.count(self.query, seconds=seconds)
        counted = await self.collection.aggregate(
            [*self.matched(), {"$count": "count"}], seconds=seconds
        )
        return int(counted[0]["count"]) if counted else 0

    def matched(self) -> list[Query]:
        """Return the stages of a pipeline over all that is found."""
        if not self.stages:
            return [{"$match": self.query}] if self.query else []
        return [{"$match": self.narrow}, *self.stages, {"$match": self.query}]

    def ordered(self, sort: Sort, run: Query = EVERYTHING) -> list[Query]:
        """Return the stages of a pipeline over all that is found in a run, in an order."""
        first = self.narrow if self.stages else self.query
        following = [*self.stages, {"$match": self.query}] if self.stages else []
        return [{"$match": and_query(first, run)}, {"$sort": dict(sort)}, *following]
