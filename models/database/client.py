"""The database: the only module that names the driver.

Motor is in its last year of support. Everything else in Caseledger talks to `Database` and
`Collection`, plain dicts and the errors of `models.errors`, so that another driver means another
version of this file.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import bson
from beanie import init_beanie
from bson import ObjectId
from gridfs.errors import NoFile
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorCursor,
    AsyncIOMotorDatabase,
    AsyncIOMotorGridFSBucket,
)
from pymongo import (
    DeleteMany,
    DeleteOne,
    InsertOne,
    MongoClient,
    ReplaceOne,
    UpdateOne,
    errors,
    monitoring,
)
from pymongo import IndexModel as Index
from pymongo.write_concern import WriteConcern

from models.embedded.server import embedded_server
from models.errors import (
    AggregationError,
    DatabaseError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DocumentTooLargeError,
    DuplicateError,
    WriteConflictError,
)
from models.settings import Settings, mask_password

__all__ = [
    "Collection",
    "Database",
    "Delete",
    "Index",
    "Insert",
    "LogStore",
    "Observer",
    "Put",
    "Sort",
    "Update",
    "Write",
    "encoded_size",
    "make_primary",
    "open_database",
]

Json = dict[str, Any]
Sort = Sequence[tuple[str, int]]

_DURABLE = WriteConcern(w="majority", j=True)
_COMPRESSED = {"wiredTiger": {"configString": "block_compressor=zstd"}}
_COLLECTION_EXISTS = 48
_NOT_YET_INITIALIZED = 94
_TOO_LARGE = {10334, 17419}
_TOO_MUCH_AT_ONCE = {290, 388}  # for the time that a transaction may take; for the cache
_TOO_LARGE_TOGETHER = "transaction is too large"
_TOO_MUCH_MEMORY = {146, 292, 4568, 40099}
_DUPLICATE = {11000, 11001}
_CONFLICT = {112}
_SERVER_FAULTS = {13, 18, 43, 91, 175, 189, 237, 246, 262, 10107, 11600, 11601, 11602, 13435, 13436}
_SELECTION_MILLISECONDS = 5000
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Insert:
    """Store a new document; its `_id` must not be taken."""

    collection: "Collection"
    document: Json


@dataclass(frozen=True, slots=True)
class Update:
    """Change the document that matches, which has to be there."""

    collection: "Collection"
    query: Json
    change: Json


@dataclass(frozen=True, slots=True)
class Put:
    """Store a document, in place of the one with its `_id` if there is one."""

    collection: "Collection"
    document: Json


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the document with this `_id`, if there is one."""

    collection: "Collection"
    id: str


@dataclass(frozen=True, slots=True)
class DeleteAll:
    """Remove the documents that match, however many there are."""

    collection: "Collection"
    query: Json


Write = Insert | Update | Put | Delete | DeleteAll


class Collection:
    """One collection, spoken to in plain dicts; every error is a DatabaseError."""

    def __init__(self, collection: "AsyncIOMotorCollection[Json]") -> None:
        self._collection = collection

    async def write(self, writes: Sequence[Write], session: Any = None) -> bool:
        """Do writes to this collection in one go; tell whether every update found its document.

        DuplicateError when an `_id` is taken.
        """
        with _translated():
            result = await self._collection.bulk_write(
                [_request(write) for write in writes], ordered=False, session=session
            )
        puts = sum(isinstance(write, Put) for write in writes)
        updates = sum(isinstance(write, Update) for write in writes)
        return result.matched_count + result.upserted_count == puts + updates

    async def find_one(self, query: Json, projection: Json | None = None) -> Json | None:
        """Return the first document that matches, or None."""
        with _translated():
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

        `hint` names the index to use; DatabaseTimeoutError when it takes longer than `seconds`.
        """
        cursor = self._cursor(query, projection, sort, limit, hint, seconds)
        with _translated():
            return await cursor.to_list(None)

    async def stream(
        self,
        query: Json,
        projection: Json | None = None,
        *,
        sort: Sort | None = None,
        hint: str | None = None,
        seconds: float | None = None,
        batch: int = _BATCH,
    ) -> AsyncGenerator[Json, None]:
        """Give all documents that match, one by one, from one cursor, which is closed at the end.

        The server reads `batch` of them at a time, and all within `seconds` of its work. A cursor
        that fails raises: what has been given by then is not all there is.
        """
        cursor = self._cursor(query, projection, sort, 0, hint, seconds, batch)
        try:
            with _translated():
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
        batch: int = _BATCH,
    ) -> "AsyncIOMotorCursor[Json]":
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
        """Return the documents that a pipeline gives."""
        with _translated():
            options = _options(hint, seconds)
            return await self._collection.aggregate(list(pipeline), **options).to_list(None)

    async def stream_pipeline(self, pipeline: Sequence[Json]) -> AsyncGenerator[Json, None]:
        """Give what a pipeline gives, one by one; otherwise as `stream`."""
        cursor = self._collection.aggregate(list(pipeline), batchSize=_BATCH)
        try:
            with _translated():
                async for document in cursor:
                    yield document
        finally:
            await cursor.close()

    async def stream_aggregate(
        self, pipeline: Sequence[Json], *, seconds: float
    ) -> AsyncGenerator[Json, None]:
        """Give what a client's pipeline gives, one by one; the cursor is closed at the end.

        AggregationError when the pipeline is to blame, DocumentTooLargeError when it makes or
        gathers too much, DatabaseTimeoutError when the server has worked on it for `seconds`.
        """
        options = _options(None, seconds)
        cursor = self._collection.aggregate(list(pipeline), allowDiskUse=True, **options)
        try:
            with _translated(), _pipeline_blamed():
                async for document in cursor:
                    yield document
        finally:
            await cursor.close()

    async def insert(self, document: Json) -> None:
        """Store a new document; DuplicateError when its `_id` or unique key is taken."""
        with _translated():
            await self._collection.insert_one(document)

    async def update(self, query: Json, change: Json) -> bool:
        """Change the one document that matches; tell whether there was one."""
        with _translated():
            return (await self._collection.update_one(query, change)).matched_count > 0

    async def update_all(self, query: Json, change: Sequence[Json]) -> int:
        """Change all documents that match by the stages of a pipeline; return how many."""
        with _translated():
            return (await self._collection.update_many(query, list(change))).modified_count

    async def delete(self, query: Json) -> int:
        """Remove the documents that match; return how many there were."""
        with _translated():
            return (await self._collection.delete_many(query)).deleted_count

    async def count(self, query: Json, *, seconds: float | None = None) -> int:
        """Return how many documents match."""
        with _translated():
            return await self._collection.count_documents(query, **_options(None, seconds))

    async def estimated_count(self) -> int:
        """Return how many documents there are, as the server's statistics tell it."""
        with _translated():
            return await self._collection.estimated_document_count()

    async def sizes(self) -> Json:
        """Return how many documents there are, and the bytes on disk of these and of the indexes.

        They are right once the server has written all: see `Database.flush`.
        """
        (found,) = await self.aggregate([{"$collStats": {"storageStats": {}}}])
        stats = found["storageStats"]
        names = {"count": "count", "data": "storageSize", "indexes": "totalIndexSize"}
        return {name: stats[told] for name, told in names.items()}

    async def explain(
        self, query: Json, sort: Sort, *, limit: int = 0, hint: str | None = None
    ) -> Json:
        """Return the server's plan for a find, with execution statistics."""
        with _translated():
            plan: Json = await self._cursor(query, None, sort, limit, hint, None).explain()
            return plan


class LogStore:
    """Large contents as streams, each once: two that have the same digest are one.

    What `write` stores is kept as it is; whoever calls compresses it, and computes the digest.
    """

    def __init__(self, database: "AsyncIOMotorDatabase[Json]") -> None:
        self._bucket = AsyncIOMotorGridFSBucket(database, "logs")
        self._files = Collection(database["logs.files"])
        self._chunks = Collection(database["logs.chunks"])

    async def write(
        self, pieces: AsyncIterator[bytes], finish: Callable[[], tuple[str, Json]]
    ) -> str | None:
        """Store what comes in pieces; return a token to `discard` it by, None when it was there.

        `finish` tells, when all pieces have come, the digest and what is known of the content. Of
        two writers at the same time both may store it: that costs its size, and does no harm.
        """
        upload = self._bucket.open_upload_stream("")
        try:
            async for piece in pieces:
                with _translated():
                    await upload.write(piece)
            digest, about = finish()
            if not await self.touch(digest):
                use = _use()
                with _translated():
                    await upload.set("filename", digest)
                    await upload.set("metadata", {**about, **use})
                    await upload.close()
                return str(use["token"])
        except BaseException:
            with suppress(DatabaseError), _translated():
                await upload.abort()
            raise
        with _translated():
            await upload.abort()
        return None

    async def touch(self, digest: str) -> bool:
        """Note that a content is about to be used, so that it stays; False when it is not there."""
        change = {f"metadata.{name}": value for name, value in _use().items()}
        return await self._files.update({"filename": digest}, {"$set": change})

    async def about(self, digest: str) -> Json | None:
        """Return what was told of a content when it was stored, None when it is not there."""
        found = await self._files.find_one({"filename": digest})
        return None if found is None else {**found["metadata"], "storedSize": found["length"]}

    async def read(self, digest: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Give a content from byte `start`, in pieces; nothing when it is not there."""
        with _translated():
            try:
                stored = await self._bucket.open_download_stream_by_name(digest)
            except NoFile:
                return
            try:
                stored.seek(start)
                while piece := await stored.readchunk():
                    yield piece
            finally:
                await asyncio.to_thread(stored.close)

    async def unused(self, since: datetime) -> AsyncGenerator[str, None]:
        """Give the digests that nobody has touched since, in sorted order."""
        query = {"metadata.usedAt": {"$lt": since}}
        async for found in self._files.stream(query, {"filename": 1}, sort=[("filename", 1)]):
            yield found["filename"]

    async def discard(self, digest: str, token: str) -> bool:
        """Remove what a writer has just stored, unless anybody has used it since."""
        return await self._delete({"filename": digest, "metadata.token": token})

    async def delete(self, digest: str, since: datetime) -> bool:
        """Remove a content unless somebody has used it since; tell whether it was removed."""
        return await self._delete({"filename": digest, "metadata.usedAt": {"$lt": since}})

    async def _delete(self, query: Json) -> bool:
        removed = 0
        for file in await self._files.find(query, {"_id": 1}):
            if await self._files.delete({**query, "_id": file["_id"]}):
                removed += await self._chunks.delete({"files_id": file["_id"]})
        return removed > 0

    async def delete_fragments(self, before: datetime) -> int:
        """Remove what writers left that were killed before; return how many contents that were."""
        began = {"n": 0, "files_id": {"$lt": ObjectId.from_datetime(before)}}
        ended = {"from": "logs.files", "localField": "files_id", "foreignField": "_id"}
        lost = await self._chunks.aggregate(
            [
                {"$match": began},
                {"$project": {"files_id": 1}},
                {"$lookup": {**ended, "as": "file"}},
                {"$match": {"file": []}},
            ]
        )
        for chunk in lost:
            await self._chunks.delete({"files_id": chunk["files_id"]})
        return len(lost)


def _use() -> Json:
    return {"usedAt": datetime.now(UTC), "token": str(ObjectId())}


def _options(hint: str | None, seconds: float | None) -> Json:
    options: Json = {} if hint is None else {"hint": hint}
    return options if seconds is None else options | {"maxTimeMS": int(seconds * 1000)}


_Request = InsertOne[Json] | UpdateOne | ReplaceOne[Json] | DeleteOne | DeleteMany


def _request(write: Write) -> _Request:
    match write:
        case Insert(_, document):
            return InsertOne(document)
        case Update(_, query, change):
            return UpdateOne(query, change)
        case Put(_, document):
            return ReplaceOne({"_id": document["_id"]}, document, upsert=True)
        case Delete(_, document_id):
            return DeleteOne({"_id": document_id})
        case DeleteAll(_, query):
            return DeleteMany(query)


def encoded_size(document: Json) -> int:
    """Return how many bytes a document takes in MongoDB."""
    return len(bson.encode(document))


class Database:
    """An open database with the collections of Caseledger."""

    def __init__(self, client: "AsyncIOMotorClient[Json]", name: str, uri: str) -> None:
        self._client = client
        self._database = client.get_database(name, write_concern=_DURABLE)
        self.name = name
        self.uri = uri
        self.cases = Collection(self._database["cases"])
        self.case_overflows = Collection(self._database["caseOverflows"])
        self.executions = Collection(self._database["executions"])
        self.execution_sources = Collection(self._database["executionSources"])
        self.edits = Collection(self._database["edits"])
        self.ingestions = Collection(self._database["ingestions"])
        self.builds = Collection(self._database["builds"])
        self.build_events = Collection(self._database["buildEvents"])
        self.manifests = Collection(self._database["manifests"])
        self.logs = LogStore(self._database)
        self.specs = Collection(self._database["specs"])
        self.spec_files = Collection(self._database["specFiles"])
        self.spec_sources = Collection(self._database["specSources"])
        self.tokens = Collection(self._database["tokens"])

    async def ping(self, seconds: float | None = None) -> None:
        """Return when the server answers; DatabaseUnavailableError when not within `seconds`."""
        try:
            with _translated():
                await asyncio.wait_for(self._client.admin.command("ping"), seconds)
        except TimeoutError:
            raise DatabaseUnavailableError("MongoDB does not answer") from None

    async def write(self, writes: Sequence[Write]) -> bool:
        """Do all writes or none, and tell which.

        None when an update does not find its document, an `_id` that is to be new is taken, or
        another writer changes one of the documents at the same time.
        """
        by_collection: dict[Collection, list[Write]] = {}
        for write in writes:
            by_collection.setdefault(write.collection, []).append(write)
        try:
            if len(writes) == 1:
                return await writes[0].collection.write(writes)
            return await self._write_together(by_collection)
        except (DuplicateError, WriteConflictError):
            return False

    async def _write_together(self, by_collection: Mapping[Collection, Sequence[Write]]) -> bool:
        with _translated():
            async with await self._client.start_session() as session:
                session.start_transaction(write_concern=_DURABLE)
                for collection, writes in by_collection.items():
                    if not await collection.write(writes, session):
                        await session.abort_transaction()
                        return False
                await session.commit_transaction()
        return True

    async def flush(self) -> None:
        """Have the server write all that it holds to disk; an administrator may do that."""
        with _translated():
            await self._client.admin.command("fsync")

    async def create_schema(self) -> None:
        """Create what is missing of collections and indexes; safe to do at the same time.

        DatabaseTimeoutError when the server needs longer for its indexes: it goes on by itself.
        """
        from models.documents import DOCUMENTS

        await self.create_collections()
        try:
            with _translated():
                await init_beanie(database=self._database, document_models=list(DOCUMENTS))
        except DatabaseTimeoutError as error:
            told = "MongoDB is still building indexes, and goes on with that; try again later"
            raise DatabaseTimeoutError(told) from error

    async def create_collections(self) -> None:
        """Create the collections that are missing; a bulk load has their indexes made last."""
        from models.documents import DOCUMENTS

        with _translated():
            present = set(await self._database.list_collection_names())
            for document in DOCUMENTS:
                if document.Settings.name not in present:
                    await self._create_collection(document.Settings.name)

    async def drop(self) -> None:
        """Remove the whole database."""
        with _translated():
            await self._client.drop_database(self.name)

    async def _create_collection(self, name: str) -> None:
        try:
            await self._database.create_collection(name, storageEngine=_COMPRESSED)
        except errors.OperationFailure as error:
            if error.code != _COLLECTION_EXISTS:
                raise
        except errors.CollectionInvalid:
            pass  # another process was faster


class Observer(Protocol):
    """Who wants to know what the driver does; it is called from any thread, and has to be quick."""

    def command_ended(self, command: str, seconds: float, *, failed: bool) -> None:
        """A command has been answered, or has failed."""

    def connection_waited(self, seconds: float, *, failed: bool) -> None:
        """A command has got a connection of the pool, or has not."""

    def connections_changed(self, opened: int, used: int) -> None:
        """By how many the connections that are open, and those in use, have become more."""


class _Commands(monitoring.CommandListener):
    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """Take no notice; the end tells how long it took."""

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        seconds = event.duration_micros / 1e6
        self._observer.command_ended(event.command_name, seconds, failed=False)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        seconds = event.duration_micros / 1e6
        self._observer.command_ended(event.command_name, seconds, failed=True)


class _Connections(monitoring.ConnectionPoolListener):
    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def connection_created(self, _event: monitoring.ConnectionCreatedEvent) -> None:
        self._observer.connections_changed(1, 0)

    def connection_closed(self, _event: monitoring.ConnectionClosedEvent) -> None:
        self._observer.connections_changed(-1, 0)

    def connection_checked_out(self, event: monitoring.ConnectionCheckedOutEvent) -> None:
        self._observer.connection_waited(event.duration or 0.0, failed=False)
        self._observer.connections_changed(0, 1)

    def connection_checked_in(self, _event: monitoring.ConnectionCheckedInEvent) -> None:
        self._observer.connections_changed(0, -1)

    def connection_check_out_failed(self, event: monitoring.ConnectionCheckOutFailedEvent) -> None:
        self._observer.connection_waited(event.duration or 0.0, failed=True)

    def _ignore(self, event: Any) -> None:
        """Take no notice; the driver wants to call something."""

    connection_check_out_started = connection_ready = _ignore
    pool_created = pool_ready = pool_cleared = pool_closed = _ignore


@asynccontextmanager
async def open_database(
    settings: Settings, *, create: bool = True, observer: Observer | None = None
) -> AsyncIterator[Database]:
    """Open the database of the settings, starting the embedded server when that is the one.

    Collections and indexes that are missing are created, unless `create` is false.
    """
    if settings.mongodb_url is not None:
        url = settings.mongodb_url.get_secret_value()
        async with _connected(url, settings, observer, create=create) as database:
            yield database
        return
    server = embedded_server(settings)
    uri = await asyncio.to_thread(server.__enter__)
    try:
        async with _connected(uri, settings, observer, create=create) as database:
            yield database
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


@asynccontextmanager
async def _connected(
    uri: str, settings: Settings, observer: Observer | None, *, create: bool
) -> AsyncIterator[Database]:
    milliseconds = int(settings.database_timeout_seconds * 1000)
    listeners = [] if observer is None else [_Commands(observer), _Connections(observer)]
    with _translated(uri):
        client: AsyncIOMotorClient[Json] = AsyncIOMotorClient(
            uri,
            appname="caseledger",
            tz_aware=True,
            serverSelectionTimeoutMS=min(milliseconds, _SELECTION_MILLISECONDS),
            connectTimeoutMS=min(milliseconds, _SELECTION_MILLISECONDS),
            socketTimeoutMS=milliseconds,
            waitQueueTimeoutMS=milliseconds,
            event_listeners=listeners,
        )
    try:
        database = Database(client, settings.database, uri)
        await database.ping()
        if create:
            await database.create_schema()
        yield database
    finally:
        client.close()


@contextmanager
def _translated(uri: str | None = None) -> Iterator[None]:
    try:
        yield
    except errors.BulkWriteError as error:
        raise _translated_bulk(error) from error
    except errors.DuplicateKeyError as error:
        raise DuplicateError(str(error)) from error
    except (errors.DocumentTooLarge, errors.OperationFailure) as error:
        raise _translated_failure(error) from error
    except (errors.ConfigurationError, errors.InvalidURI, ValueError) as error:
        if uri is None:
            raise
        shown = mask_password(uri)
        raise DatabaseError(f"CASELEDGER_MONGODB_URL {shown}: {error}") from error
    except (errors.NetworkTimeout, errors.WTimeoutError) as error:
        raise DatabaseTimeoutError(f"MongoDB took too long: {error}") from error
    except (errors.ConnectionFailure, errors.WaitQueueTimeoutError) as error:
        reason = str(error).partition(", Timeout:")[0].partition(" (configured timeouts")[0]
        raise DatabaseUnavailableError(f"MongoDB cannot be reached: {reason}") from error
    except errors.PyMongoError as error:
        raise DatabaseError(f"MongoDB: {error}") from error


def _translated_bulk(error: errors.BulkWriteError) -> DatabaseError:
    """Return the error of the first write that failed."""
    failed = (error.details or {}).get("writeErrors") or [{}]
    code = failed[0].get("code")
    if code in _DUPLICATE:
        return DuplicateError(failed[0].get("errmsg", str(error)))
    first = errors.OperationFailure(failed[0].get("errmsg", str(error)), code)
    return _translated_failure(first)


@contextmanager
def _pipeline_blamed() -> Iterator[None]:
    """Tell errors that a pipeline has brought about from those of the server.

    The server has hundreds of codes for the first kind, so that the others are listed.
    """
    try:
        yield
    except bson.errors.InvalidBSON as error:
        raise AggregationError("a date is not in the years 1 to 9999") from error
    except errors.OperationFailure as error:
        if error.timeout or error.code in _SERVER_FAULTS or error.code in _TOO_LARGE:
            raise
        if error.code in _TOO_MUCH_MEMORY:
            raise DocumentTooLargeError("a pipeline gathers more than MongoDB keeps") from error
        message = str((error.details or {}).get("errmsg", "MongoDB cannot run it"))
        raise AggregationError(message.rpartition(" :: caused by :: ")[2]) from error


def _translated_failure(error: Exception) -> DatabaseError:
    code = getattr(error, "code", None)
    is_transient = isinstance(error, errors.PyMongoError) and error.has_error_label(
        "TransientTransactionError"
    )
    if code in _CONFLICT or is_transient:
        return WriteConflictError(f"another writer changed the document: {error}")
    if isinstance(error, errors.DocumentTooLarge) or code in _TOO_LARGE:
        return DocumentTooLargeError("a document exceeds the 16 MiB that MongoDB stores")
    if code in _TOO_MUCH_AT_ONCE or _TOO_LARGE_TOGETHER in str(error):
        return DocumentTooLargeError("it is more than MongoDB takes in one transaction")
    if isinstance(error, errors.ExecutionTimeout) or getattr(error, "timeout", False):
        return DatabaseTimeoutError(f"MongoDB took too long: {error}")
    return DatabaseError(f"MongoDB refused: {error}")


def make_primary(uri: str, member: str, seconds: float) -> bool:
    """Wait until the server at `uri` is the primary of its replica set of one; tell whether it is.

    A new server gets its replica set, and one whose socket has moved since gets the new address.
    """
    deadline = time.monotonic() + seconds
    client: MongoClient[Json] = MongoClient(uri, serverSelectionTimeoutMS=int(seconds * 1000))
    try:
        while time.monotonic() < deadline:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            _configure_replica_set(client, member)
            time.sleep(0.02)
    except errors.PyMongoError:
        return False
    finally:
        client.close()
    return False


def _configure_replica_set(client: "MongoClient[Json]", member: str) -> None:
    members = [{"_id": 0, "host": member}]
    try:
        config: Json = client.admin.command("replSetGetConfig")["config"]
    except errors.OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            new = {"_id": "caseledger", "members": members}
            client.admin.command("replSetInitiate", new)
        return
    if [item["host"] for item in config["members"]] != [member]:
        moved: Mapping[str, Any] = {
            "_id": config["_id"],
            "version": config["version"] + 1,
            "members": members,
        }
        client.admin.command("replSetReconfig", moved, force=True)
