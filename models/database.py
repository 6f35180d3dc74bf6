"""The database: the only module that names the driver.

Motor is in its last year of support. Everything else in Caseledger talks to `Database` and
`Collection`, plain dicts and the errors of `models.errors`, so that another driver means another
version of this file.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import bson
from beanie import init_beanie
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import DeleteOne, InsertOne, MongoClient, ReplaceOne, UpdateOne, errors
from pymongo import IndexModel as Index
from pymongo.write_concern import WriteConcern

from models.embedded.server import embedded_server
from models.errors import (
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
    "Put",
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
_DUPLICATE = {11000, 11001}
_CONFLICT = {112}
_SELECTION_MILLISECONDS = 5000


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


Write = Insert | Update | Put | Delete


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
    ) -> list[Json]:
        """Return the documents that match, in `sort` order, at most `limit` unless that is 0."""
        with _translated():
            cursor = self._collection.find(query, projection, limit=limit, batch_size=limit)
            return await (cursor.sort(list(sort)) if sort else cursor).to_list(None)

    async def aggregate(self, pipeline: Sequence[Json]) -> list[Json]:
        """Return the documents that a pipeline gives."""
        with _translated():
            return await self._collection.aggregate(list(pipeline)).to_list(None)

    async def insert(self, document: Json) -> None:
        """Store a new document; DuplicateError when its `_id` or unique key is taken."""
        with _translated():
            await self._collection.insert_one(document)

    async def update(self, query: Json, change: Json) -> bool:
        """Change the one document that matches; tell whether there was one."""
        with _translated():
            return (await self._collection.update_one(query, change)).matched_count > 0

    async def count(self, query: Json) -> int:
        """Return how many documents match."""
        with _translated():
            return await self._collection.count_documents(query)

    async def explain(self, query: Json, sort: Sort) -> Json:
        """Return the server's plan for a find, with execution statistics."""
        with _translated():
            plan: Json = await self._collection.find(query).sort(list(sort)).explain()
            return plan


def _request(write: Write) -> "InsertOne[Json] | UpdateOne | ReplaceOne[Json] | DeleteOne":
    match write:
        case Insert(_, document):
            return InsertOne(document)
        case Update(_, query, change):
            return UpdateOne(query, change)
        case Put(_, document):
            return ReplaceOne({"_id": document["_id"]}, document, upsert=True)
        case Delete(_, document_id):
            return DeleteOne({"_id": document_id})


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
        self.ingestions = Collection(self._database["ingestions"])

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

    async def create_schema(self) -> None:
        """Create what is missing of collections and indexes; safe to do at the same time."""
        from models.documents import DOCUMENTS

        with _translated():
            present = set(await self._database.list_collection_names())
            for document in DOCUMENTS:
                if document.Settings.name not in present:
                    await self._create_collection(document.Settings.name)
            await init_beanie(database=self._database, document_models=list(DOCUMENTS))

    async def collection_options(self, name: str) -> Json:
        """Return the options a collection was created with."""
        with _translated():
            found = await self._database.list_collections(filter={"name": name})
            return {key: value async for item in found for key, value in item["options"].items()}

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


@asynccontextmanager
async def open_database(settings: Settings, *, create: bool = True) -> AsyncIterator[Database]:
    """Open the database of the settings, starting the embedded server when that is the one.

    Collections and indexes that are missing are created, unless `create` is false.
    """
    if settings.mongodb_url is not None:
        url = settings.mongodb_url.get_secret_value()
        async with _connected(url, settings, create=create) as database:
            yield database
        return
    server = embedded_server(settings)
    uri = await asyncio.to_thread(server.__enter__)
    try:
        async with _connected(uri, settings, create=create) as database:
            yield database
    finally:
        await asyncio.to_thread(server.__exit__, None, None, None)


@asynccontextmanager
async def _connected(uri: str, settings: Settings, *, create: bool) -> AsyncIterator[Database]:
    milliseconds = int(settings.database_timeout_seconds * 1000)
    with _translated(uri):
        client: AsyncIOMotorClient[Json] = AsyncIOMotorClient(
            uri,
            appname="caseledger",
            tz_aware=True,
            serverSelectionTimeoutMS=min(milliseconds, _SELECTION_MILLISECONDS),
            connectTimeoutMS=min(milliseconds, _SELECTION_MILLISECONDS),
            socketTimeoutMS=milliseconds,
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


def _translated_failure(error: Exception) -> DatabaseError:
    code = getattr(error, "code", None)
    is_transient = isinstance(error, errors.PyMongoError) and error.has_error_label(
        "TransientTransactionError"
    )
    if code in _CONFLICT or is_transient:
        return WriteConflictError(f"another writer changed the document: {error}")
    if isinstance(error, errors.DocumentTooLarge) or code in _TOO_LARGE:
        return DocumentTooLargeError("a document exceeds the 16 MiB that MongoDB stores")
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
