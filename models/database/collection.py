"""Collection: reads and writes plain dicts, so that callers do not depend on the driver."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import bson
from pymongo import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor

from models.database.errors import blame_pipeline, translate_errors
from models.database.types import Json, Sort

WriteRequest = InsertOne[Json] | UpdateOne | ReplaceOne[Json] | DeleteOne | DeleteMany

_BATCH_SIZE = 1000


class Collection:
    """One collection, addressed in plain dicts; every error is a DatabaseError."""

    def __init__(self, collection: "AsyncCollection[Json]") -> None:
        self._collection = collection

    async def bulk_write(self, requests: Sequence[WriteRequest], session: Any = None) -> int:
        """Send requests in one unordered batch; return how many documents matched or are new.

        Inserted documents do not count. Raise DuplicateError when an `_id` to insert exists.
        """
        with translate_errors():
            result = await self._collection.bulk_write(requests, ordered=False, session=session)
        return result.matched_count + result.upserted_count

    async def upsert(self, documents: Sequence[Json]) -> None:
        """Store documents, replacing those that have the same `_id`."""
        await self.bulk_write(
            [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents]
        )

    async def find_one(self, query: Json, projection: Json | None = None) -> Json | None:
        """Return the first document that matches, or None."""
        with translate_errors():
            return await self._collection.find_one(query, projection)

    async def find(
        self,
        query: Json,
        projection: Json | None = None,
        *,
        sort: Sort | None = None,
        limit: int = 0,
        hint: str | None = None,
        seconds: float | None = None,
    ) -> list[Json]:
        """Return the documents that match, in `sort` order, at most `limit` unless that is 0.

        `hint` names the index to use. Raise DatabaseTimeoutError when the search takes longer than
        `seconds`.
        """
        cursor = self._cursor(query, projection, sort, limit, hint, seconds)
        with translate_errors():
            return await cursor.to_list(None)

    async def stream(
        self,
        query: Json,
        projection: Json | None = None,
        *,
        sort: Sort | None = None,
        hint: str | None = None,
        seconds: float | None = None,
        batch: int = _BATCH_SIZE,
    ) -> AsyncGenerator[Json, None]:
        """Yield all documents that match from one cursor, which is closed at the end.

        The server sends `batch` documents at a time, and may work on all of them for `seconds`. A
        cursor that fails raises: the documents yielded until then are not all.
        """
        cursor = self._cursor(query, projection, sort, 0, hint, seconds, batch)
        try:
            with translate_errors():
                async for document in cursor:
                    yield document
        finally:
            await cursor.close()

    def _cursor(
        self,
        query: Json,
        projection: Json | None,
        sort: Sort | None,
        limit: int,
        hint: str | None,
        seconds: float | None,
        batch: int = _BATCH_SIZE,
    ) -> "AsyncCursor[Json]":
        size = limit or batch
        cursor = self._collection.find(query, projection, limit=limit, batch_size=size)
        if sort:
            cursor = cursor.sort(list(sort))
        if hint is not None:
            cursor = cursor.hint(hint)
        return cursor if seconds is None else cursor.max_time_ms(int(seconds * 1000))

    async def aggregate(
        self, pipeline: Sequence[Json], *, hint: str | None = None, seconds: float | None = None
    ) -> list[Json]:
        """Return the documents that a pipeline produces; options as for `find`."""
        with translate_errors():
            options = _options(hint, seconds)
            cursor = await self._collection.aggregate(list(pipeline), **options)
            return await cursor.to_list(None)

    async def stream_pipeline(self, pipeline: Sequence[Json]) -> AsyncGenerator[Json, None]:
        """Yield the documents that a pipeline produces; otherwise as `stream`."""
        with translate_errors():
            cursor = await self._collection.aggregate(list(pipeline), batchSize=_BATCH_SIZE)
            async with cursor:
                async for document in cursor:
                    yield document

    async def stream_aggregate(
        self, pipeline: Sequence[Json], *, seconds: float
    ) -> AsyncGenerator[Json, None]:
        """Yield the documents that a client's pipeline produces; the cursor is closed at the end.

        Raise AggregationError when the pipeline is to blame, DocumentTooLargeError when it makes or
        gathers too much, DatabaseTimeoutError when the server has worked on it for `seconds`.
        """
        options = _options(None, seconds)
        with translate_errors(), blame_pipeline():
            cursor = await self._collection.aggregate(list(pipeline), allowDiskUse=True, **options)
            async with cursor:
                async for document in cursor:
                    yield document

    async def insert(self, document: Json) -> None:
        """Store a new document; DuplicateError when its `_id` or unique key is taken."""
        with translate_errors():
            await self._collection.insert_one(document)

    async def update(self, query: Json, change: Json) -> bool:
        """Change the first document that matches; return whether there was one."""
        with translate_errors():
            return (await self._collection.update_one(query, change)).matched_count > 0

    async def update_all(self, query: Json, change: Sequence[Json]) -> int:
        """Change all documents that match by the stages of a pipeline; return how many changed."""
        with translate_errors():
            return (await self._collection.update_many(query, list(change))).modified_count

    async def delete(self, query: Json) -> int:
        """Remove the documents that match; return how many there were."""
        with translate_errors():
            return (await self._collection.delete_many(query)).deleted_count

    async def count(self, query: Json, *, seconds: float | None = None) -> int:
        """Return how many documents match."""
        with translate_errors():
            return await self._collection.count_documents(query, **_options(None, seconds))

    async def estimated_count(self) -> int:
        """Return the number of documents according to the server's statistics."""
        with translate_errors():
            return await self._collection.estimated_document_count()

    async def sizes(self) -> Json:
        """Return `count`, the number of documents, and the bytes on disk of `data` and `indexes`.

        They are exact once the server has written all data: see `Database.flush`.
        """
        (document,) = await self.aggregate([{"$collStats": {"storageStats": {}}}])
        statistics = document["storageStats"]
        names = {"count": "count", "data": "storageSize", "indexes": "totalIndexSize"}
        return {name: statistics[statistic] for name, statistic in names.items()}

    async def explain(
        self, query: Json, sort: Sort, *, limit: int = 0, hint: str | None = None
    ) -> Json:
        """Return the server's plan for a find, with execution statistics."""
        with translate_errors():
            plan: Json = await self._cursor(query, None, sort, limit, hint, None).explain()
            return plan


def _options(hint: str | None, seconds: float | None) -> Json:
    options: Json = {} if hint is None else {"hint": hint}
    return options if seconds is None else options | {"maxTimeMS": int(seconds * 1000)}


def encoded_size(document: Json) -> int:
    """Return the size of a document in MongoDB, in bytes."""
    return len(bson.encode(document))
