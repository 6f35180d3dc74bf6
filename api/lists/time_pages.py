"""Pages of what stands in the order of a time, with the same cursors as other lists have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query, Request, Response

from api.lists.listing import page_response
from api.lists.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, read_cursor, write_cursor
from models.database.collection import Collection

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="The most items of a page.")]
Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR, description="Where to go on: `links.next` holds it.")
]


def _with_id(document: dict[str, Any]) -> dict[str, Any]:
    return {"id": document.pop("_id"), **document}


@dataclass(frozen=True, slots=True)
class DatedList:
    """Documents of a collection by a time, 1 the earliest or -1 the latest first, then by id."""

    collection: Collection
    time: str
    direction: Literal[1, -1]
    view: Callable[[dict[str, Any]], dict[str, Any]] = _with_id

    async def answer(
        self,
        request: Request,
        query: Mapping[str, Any],
        projection: Mapping[str, Any],
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Response:
        """Return a page of what a query finds."""
        name = orjson.dumps([self.time, query]).decode()
        found = await self.collection.find(
            {**query, **self._after(name, cursor)},
            dict(projection),
            sort=[(self.time, self.direction), ("_id", 1)],
            limit=limit + 1,
        )
        following = None
        if len(found) > limit:
            last = found[limit - 1]
            following = write_cursor(name, [last[self.time], last["_id"]])
        return page_response(request, [self.view(item) for item in found[:limit]], following)

    def _after(self, name: str, cursor: str | None) -> dict[str, Any]:
        if cursor is None:
            return {}
        time, last = read_cursor(name, cursor, 2)
        beyond = "$gte" if self.direction > 0 else "$lte"
        return {self.time: {beyond: time}, "$nor": [{self.time: time, "_id": {"$lte": last}}]}
