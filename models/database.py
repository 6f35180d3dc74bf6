"""The database: the only module that names the driver.

Motor is in its last year of support. Everything else in Caseledger talks to `Database` and
`Collection`, plain dicts and the errors of `models.errors`, so that another driver means another
version of this file.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from beanie import init_beanie
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection
from pymongo import IndexModel as Index
from pymongo import MongoClient, errors
from pymongo.write_concern import WriteConcern

from models.embedded.server import embedded_server
from models.errors import (
    DatabaseError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DocumentTooLargeError,
    DuplicateError,
)
from models.settings import Settings, mask_password

__all__ = ["Collection", "Database", "Index", "make_primary", "open_database"]

Json = dict[str, Any]
Sort = Sequence[tuple[str, int]]

_DURABLE = WriteConcern(w="majority", j=True)
_COMPRESSED = {"wiredTiger": {"configString": "block_compressor=zstd"}}
_COLLECTION_EXISTS = 48
_NOT_YET_INITIALIZED = 94
_TOO_LARGE = {10334, 17419}
_SELECTION_MILLISECONDS = 5000


class Collection:
    """One collection, spoken to in plain dicts; every error is a DatabaseError."""

    def __init__(self, collection: "AsyncIOMotorCollection[Json]") -> None:
        self._collection = collection

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


class Database:
    """An open database with the collections of Caseledger."""

    def __init__(self, client: "AsyncIOMotorClient[Json]", name: str, uri: str) -> None:
        self._client = client
        self._database = client.get_database(name, write_concern=_DURABLE)
        self.name = name
        self.uri = uri
        self.cases = Collection(self._database["cases"])
        self.ingestions = Collection(self._database["ingestions"])

    async def ping(self, seconds: float | None = None) -> None:
        """Return when the server answers; DatabaseUnavailableError when not within `seconds`."""
        try:
            with _translated():
                await asyncio.wait_for(self._client.admin.command("ping"), seconds)
        except TimeoutError:
            raise DatabaseUnavailableError("MongoDB does not answer") from None

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


def _translated_failure(error: Exception) -> DatabaseError:
    code = getattr(error, "code", None)
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
