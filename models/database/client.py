"""The client of MongoDB, and the open database.

Everything outside of this folder uses `Database`, `Collection`, plain dicts and the errors of
`models.errors`, so that another driver means another version of this folder only.

The client is PyMongo's asynchronous one, which needs no threads: Motor runs every operation in one
of a few threads, and operations that wait for a document could take all of them. Motor serves only
Beanie, which needs it, when the schema is created (`models.database.schema`).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern

from models.database.collection import Collection
from models.database.errors import is_undone, translate_errors
from models.database.health import check_server
from models.database.log_store import LogStore
from models.database.monitoring import Observer, listeners_for
from models.database.turns import Turns
from models.database.types import Json
from models.database.writes import Write, apply_writes
from models.errors import DatabaseUnavailableError, DuplicateError, WriteConflictError

SCHEMA_RECORD = "schema"

_DURABLE = WriteConcern(w="majority", j=True)
_MAX_SELECTION_SECONDS = 5.0


@asynccontextmanager
async def connect(
    uri: str, name: str, seconds: float, observer: Observer | None = None
) -> AsyncIterator["Database"]:
    """Open the database `name` of the server at `uri`; no operation takes longer than `seconds`.

    That includes waiting and retries: the server ends what takes longer. There are as many
    connections as there are operations at the same time, so that none waits for another to end.
    Raise DatabaseError when the URI is wrong, DatabaseUnavailableError when nothing answers or what
    answers cannot be used.
    """
    selection_milliseconds = int(min(seconds, _MAX_SELECTION_SECONDS) * 1000)
    with translate_errors(uri):
        client: AsyncMongoClient[Json] = AsyncMongoClient(
            uri,
            appname="caseledger",
            tz_aware=True,
            serverSelectionTimeoutMS=selection_milliseconds,
            connectTimeoutMS=selection_milliseconds,
            timeoutMS=int(seconds * 1000),
            maxPoolSize=None,
            serverMonitoringMode="poll",  # what streams would time out while the loop is busy
            event_listeners=[] if observer is None else listeners_for(observer),
        )
    try:
        database = Database(client, name, uri, seconds)
        await database.check(min(seconds, _MAX_SELECTION_SECONDS))
        yield database
    finally:
        await client.close()


class Database:
    """An open database with the collections of Caseledger.

    `driver` is the database of the driver, for this folder alone.
    """

    def __init__(
        self, client: "AsyncMongoClient[Json]", name: str, uri: str, seconds: float
    ) -> None:
        self._client = client
        self.driver = client.get_database(name, write_concern=_DURABLE)
        self.name = name
        self.uri = uri
        self.seconds = seconds
        self.turns = Turns()
        self.cases = Collection(self.driver["cases"])
        self.case_overflows = Collection(self.driver["caseOverflows"])
        self.executions = Collection(self.driver["executions"])
        self.execution_sources = Collection(self.driver["executionSources"])
        self.edits = Collection(self.driver["edits"])
        self.ingestions = Collection(self.driver["ingestions"])
        self.builds = Collection(self.driver["builds"])
        self.build_events = Collection(self.driver["buildEvents"])
        self.manifests = Collection(self.driver["manifests"])
        self.logs = LogStore(self.driver)
        self.specs = Collection(self.driver["specs"])
        self.spec_files = Collection(self.driver["specFiles"])
        self.spec_sources = Collection(self.driver["specSources"])
        self.tokens = Collection(self.driver["tokens"])
        self.schema = Collection(self.driver["schema"])

    async def check(self, seconds: float) -> None:
        """Return once the server answers and can be written to.

        Raise DatabaseUnavailableError, with the reason, when that is not so within `seconds`.
        """
        await check_server(self._client, seconds)

    async def write(self, writes: Sequence[Write]) -> bool:
        """Apply all writes atomically, and return True.

        Return False, having written nothing, when an update matches no document, an `_id` to insert
        exists, another writer changes one of the documents at the same time, or the server ends
        while it makes several writes.
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
        except DatabaseUnavailableError as error:
            if is_undone(error):
                return False
            raise

    async def _write_together(self, by_collection: Mapping[Collection, Sequence[Write]]) -> bool:
        with translate_errors():
            async with self._client.start_session() as session:
                await session.start_transaction(write_concern=_DURABLE)
                for collection, writes in by_collection.items():
                    if not await apply_writes(collection, writes, session):
                        await session.abort_transaction()
                        return False
                await session.commit_transaction()
        return True

    async def flush(self) -> None:
        """Make the server write all data to disk; this needs the rights of an administrator."""
        with translate_errors():
            await self._client.admin.command("fsync")

    async def has_schema(self, version: int) -> bool:
        """Return whether all collections and indexes that were created for this version exist."""
        record = await self.schema.find_one({"_id": SCHEMA_RECORD})
        if record is None or record["version"] != version or "indexes" not in record:
            return False
        with translate_errors():
            existing = await asyncio.gather(
                *(self.driver[name].index_information() for name in record["indexes"])
            )
        return all(
            set(names) <= indexes.keys()
            for names, indexes in zip(record["indexes"].values(), existing, strict=True)
        )

    async def drop(self) -> None:
        """Remove the whole database."""
        with translate_errors():
            await self._client.drop_database(self.name)
