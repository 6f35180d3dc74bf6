"""Pages of lists in the order of a time, with the same cursors as other lists."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from fastapi import Query, Request, Response

from api.lists.listing import page_response
from api.lists.paging import DEFAULT_LIMIT, MAX_CURSOR, MAX_LIMIT, read_cursor, write_cursor
from models.database.collection import Collection

Limit = Annotated[
    int, Query(ge=1, le=MAX_LIMIT, description="The maximum number of items in a page.")
]
Cursor = Annotated[
    str | None,
    Query(
        max_length=MAX_CURSOR,
        description="The position to continue from; `links.next` contains it.",
    ),
]


def _with_id(document: dict[str, Any]) -> dict[str, Any]:
    return {"id": document.pop("_id"), **document}


@dataclass(frozen=True, slots=True)
class DatedList:
    """The documents of a collection by the field `time`, then by id; direction -1: latest first."""

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
        """Return a page of the documents that match a query."""
        list_key = orjson.dumps([self.time, query]).decode()
        documents = await self.collection.find(
            {**query, **self._after(list_key, cursor)},
            dict(projection),
            sort=[(self.time, self.direction), ("_id", 1)],
            limit=limit + 1,
        )
        next_cursor = None
        if len(documents) > limit:
            last = documents[limit - 1]
            next_cursor = write_cursor(list_key, [last[self.time], last["_id"]])
        items = [self.view(document) for document in documents[:limit]]
        return page_response(request, items, next_cursor)

    def _after(self, list_key: str, cursor: str | None) -> dict[str, Any]:
        """Return the query for the documents after a cursor, within one range of the time."""
        if cursor is None:
            return {}
        time, last_id = read_cursor(list_key, cursor, 2)
        beyond = "$gte" if self.direction > 0 else "$lte"
        return {self.time: {beyond: time}, "$nor": [{self.time: time, "_id": {"$lte": last_id}}]}
