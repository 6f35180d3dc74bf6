"""The client of MongoDB, and the open database.

Motor is in its last year of support. Everything outside of this folder uses `Database`,
`Collection`, plain dicts and the errors of `models.errors`, so that another driver means another
version of this folder only.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from beanie import Document, init_beanie
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import errors
from pymongo.write_concern import WriteConcern

from models.database.collection import Collection
from models.database.errors import translate_errors
from models.database.log_store import LogStore
from models.database.monitoring import Observer, listeners_for
from models.database.types import Json
from models.database.writes import Write, apply_writes
from models.errors import (
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DuplicateError,
    WriteConflictError,
)

_DURABLE = WriteConcern(w="majority", j=True)
_COMPRESSED = {"wiredTiger": {"configString": "block_compressor=zstd"}}
_COLLECTION_EXISTS = 48
_MAX_SELECTION_SECONDS = 5.0


@asynccontextmanager
async def connect(
    uri: str, name: str, seconds: float, observer: Observer | None = None
) -> AsyncIterator["Database"]:
    """Open the database `name` of the server at `uri`; no operation takes longer than `seconds`.

    Raise DatabaseError when the URI is wrong, DatabaseUnavailableError when nothing answers.
    """
    milliseconds = int(seconds * 1000)
    selection_milliseconds = int(min(seconds, _MAX_SELECTION_SECONDS) * 1000)
    with translate_errors(uri):
        client: AsyncIOMotorClient[Json] = AsyncIOMotorClient(
            uri,
            appname="caseledger",
            tz_aware=True,
            serverSelectionTimeoutMS=selection_milliseconds,
            connectTimeoutMS=selection_milliseconds,
            socketTimeoutMS=milliseconds,
            waitQueueTimeoutMS=milliseconds,
            event_listeners=[] if observer is None else listeners_for(observer),
        )
    try:
        database = Database(client, name, uri)
        await database.ping()
        yield database
    finally:
        client.close()


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
            with translate_errors():
                await asyncio.wait_for(self._client.admin.command("ping"), seconds)
        except TimeoutError:
            raise DatabaseUnavailableError("MongoDB does not answer") from None

    async def write(self, writes: Sequence[Write]) -> bool:
        """Apply all writes atomically, and return True.

        Return False, having written nothing, when an update matches no document, an `_id` to insert
        exists, or another writer changes one of the documents at the same time.
        """
        by_collection: dict[Collection, list[Write]] = {}
        for write in writes:
            by_collection.setdefault(write.collection, []).append(write)
        try:
            if len(writes) == 1:
                return await apply_writes(writes[0].collection, writes)
            return await self._write_together(by_collection)
        except (DuplicateError, WriteConflictError):
            return False

    async def _write_together(self, by_collection: Mapping[Collection, Sequence[Write]]) -> bool:
        with translate_errors():
            async with await self._client.start_session() as session:
                session.start_transaction(write_concern=_DURABLE)
                for collection, writes in by_collection.items():
                    if not await apply_writes(collection, writes, session):
                        await session.abort_transaction()
                        return False
                await session.commit_transaction()
        return True

    async def flush(self) -> None:
        """Have the server write all that it holds to disk; an administrator may do that."""
        with translate_errors():
            await self._client.admin.command("fsync")

    async def create_schema(self, documents: Sequence[type[Document]]) -> None:
        """Create the collections and indexes of `documents` that are missing.

        Several processes may do so at the same time. Raise DatabaseTimeoutError when the server
        takes too long; it continues to build the indexes.
        """
        await self.create_collections(documents)
        try:
            with translate_errors():
                await init_beanie(database=self._database, document_models=list(documents))
        except DatabaseTimeoutError as error:
            message = "MongoDB is still building indexes, and goes on with that; try again later"
            raise DatabaseTimeoutError(message) from error

    async def create_collections(self, documents: Sequence[type[Document]]) -> None:
        """Create the collections that are missing, without indexes: a bulk load is faster so."""
        with translate_errors():
            present = set(await self._database.list_collection_names())
            for name in (_collection_name(document) for document in documents):
                if name not in present:
                    await self._create_collection(name)

    async def drop(self) -> None:
        """Remove the whole database."""
        with translate_errors():
            await self._client.drop_database(self.name)

    async def _create_collection(self, name: str) -> None:
        try:
            await self._database.create_collection(name, storageEngine=_COMPRESSED)
        except errors.OperationFailure as error:
            if error.code != _COLLECTION_EXISTS:
                raise
        except errors.CollectionInvalid:
            pass  # another process was faster


def _collection_name(document: type[Document]) -> str:
    """Return the name of a document's collection; Beanie knows it only once it is initialized."""
    name: str = document.Settings.name
    return name
