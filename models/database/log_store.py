"""Large contents in GridFS."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime

from bson import ObjectId
from gridfs.asynchronous import AsyncGridFSBucket
from gridfs.errors import NoFile
from pymongo.asynchronous.database import AsyncDatabase

from models.database.collection import Collection
from models.database.errors import translate_errors
from models.database.types import Json
from models.errors import DatabaseError


class LogStore:
    """Contents as streams, addressed by their digest and stored once each.

    Contents are stored unchanged: the caller compresses them and computes the digest.
    """

    def __init__(self, database: "AsyncDatabase[Json]") -> None:
        self._bucket = AsyncGridFSBucket(database, "logs")
        self._files = Collection(database["logs.files"])
        self._chunks = Collection(database["logs.chunks"])

    async def write(
        self, pieces: AsyncIterator[bytes], finish: Callable[[], tuple[str, Json]]
    ) -> str | None:
        """Store a content; return a token to `discard` it with, or None when it was stored before.

        `finish` is called after the last piece; it returns the digest and the metadata. Two
        concurrent writers may both store the content: that costs its size and does no harm.
        """
        upload = self._bucket.open_upload_stream("")
        try:
            async for piece in pieces:
                with translate_errors():
                    await upload.write(piece)
            digest, about = finish()
            if not await self.touch(digest):
                use = _usage_stamp()
                with translate_errors():
                    await upload.set("filename", digest)
                    await upload.set("metadata", {**about, **use})
                    await upload.close()
                return str(use["token"])
        except BaseException:
            with suppress(DatabaseError), translate_errors():
                await upload.abort()
            raise
        with translate_errors():
            await upload.abort()
        return None

    async def touch(self, digest: str) -> bool:
        """Protect a content that is about to be used; return False when it is not stored."""
        change = {f"metadata.{name}": value for name, value in _usage_stamp().items()}
        return await self._files.update({"filename": digest}, {"$set": change})

    async def about(self, digest: str) -> Json | None:
        """Return the metadata of a content and its stored size in bytes, or None."""
        file = await self._files.find_one({"filename": digest})
        return None if file is None else {**file["metadata"], "storedSize": file["length"]}

    async def read(self, digest: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield a content from byte `start`, in pieces; nothing when it is not stored."""
        with translate_errors():
            try:
                stored = await self._bucket.open_download_stream_by_name(digest)
            except NoFile:
                return
            try:
                await stored.seek(start)
                while piece := await stored.readchunk():
                    yield piece
            finally:
                await stored.close()

    async def unused(self, since: datetime) -> AsyncGenerator[str, None]:
        """Yield the digests of contents last used before `since`, in sorted order."""
        query = {"metadata.usedAt": {"$lt": since}}
        async for file in self._files.stream(query, {"filename": 1}, sort=[("filename", 1)]):
            yield file["filename"]

    async def discard(self, digest: str, token: str) -> bool:
        """Remove what a writer has just stored, unless it has been used since."""
        return await self._delete({"filename": digest, "metadata.token": token})

    async def delete(self, digest: str, since: datetime) -> bool:
        """Remove a content last used before `since`; return whether it was removed."""
        return await self._delete({"filename": digest, "metadata.usedAt": {"$lt": since}})

    async def _delete(self, query: Json) -> bool:
        removed = 0
        for file in await self._files.find(query, {"_id": 1}):
            if await self._files.delete({**query, "_id": file["_id"]}):
                removed += await self._chunks.delete({"files_id": file["_id"]})
        return removed > 0

    async def delete_fragments(self, before: datetime) -> int:
        """Remove the chunks that killed writers left behind; return the number of contents."""
        # A writer stores the chunks first and the entry in `logs.files` at the end.
        first_chunk = {"n": 0, "files_id": {"$lt": ObjectId.from_datetime(before)}}
        file_entry = {"from": "logs.files", "localField": "files_id", "foreignField": "_id"}
        fragments = await self._chunks.aggregate(
            [
                {"$match": first_chunk},
                {"$project": {"files_id": 1}},
                {"$lookup": {**file_entry, "as": "file"}},
                {"$match": {"file": []}},
            ]
        )
        for chunk in fragments:
            await self._chunks.delete({"files_id": chunk["files_id"]})
        return len(fragments)


def _usage_stamp() -> Json:
    return {"usedAt": datetime.now(UTC), "token": str(ObjectId())}
