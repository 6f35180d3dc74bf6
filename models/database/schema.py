"""Collections, indexes, and the record that a database has those of a version."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from beanie import Document, init_beanie
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import errors

from models.database.client import SCHEMA_RECORD, Database
from models.database.errors import translate_errors
from models.database.types import Json
from models.errors import DatabaseTimeoutError

_COMPRESSED = {"wiredTiger": {"configString": "block_compressor=zstd"}}
_COLLECTION_EXISTS = 48


async def create_schema(
    database: Database, documents: Sequence[type[Document]], version: int
) -> None:
    """Create the collections and indexes of `documents` that are missing, and record the version.

    Several processes may do so at the same time. Raise DatabaseTimeoutError when the server takes
    too long; it continues to build the indexes.
    """
    await create_collections(database, documents)
    try:
        with translate_errors():
            async with bound_documents(database, documents):
                pass
    except DatabaseTimeoutError as error:
        message = "MongoDB is still building indexes, and continues to do so; try again later"
        raise DatabaseTimeoutError(message) from error
    indexes = {_collection_name(document): _index_names(document) for document in documents}
    await database.schema.upsert([{"_id": SCHEMA_RECORD, "version": version, "indexes": indexes}])


@asynccontextmanager
async def bound_documents(
    database: Database, documents: Sequence[type[Document]]
) -> AsyncIterator[None]:
    """Bind Beanie's documents to the database, so that they can be saved; create their indexes.

    They are bound to one event loop at a time, and unusable afterwards. Beanie needs Motor.
    """
    milliseconds = int(database.seconds * 1000)
    client: AsyncIOMotorClient[Json] = AsyncIOMotorClient(
        database.uri, tz_aware=True, socketTimeoutMS=milliseconds
    )
    try:
        await init_beanie(client.get_database(database.name), document_models=list(documents))
        yield
    finally:
        client.close()


async def create_collections(database: Database, documents: Sequence[type[Document]]) -> None:
    """Create the collections that are missing, without indexes, to make a bulk load faster."""
    with translate_errors():
        existing = set(await database.driver.list_collection_names())
        for name in map(_collection_name, documents):
            if name not in existing:
                await _create_collection(database, name)


async def _create_collection(database: Database, name: str) -> None:
    try:
        await database.driver.create_collection(name, storageEngine=_COMPRESSED)
    except errors.OperationFailure as error:
        if error.code != _COLLECTION_EXISTS:
            raise
    except errors.CollectionInvalid:
        pass  # another process was faster


def _index_names(document: type[Document]) -> list[str]:
    return ["_id_", *(index.document["name"] for index in document.Settings.indexes)]


def _collection_name(document: type[Document]) -> str:
    """Return the name of a document's collection, which Beanie reports only once initialized."""
    name: str = document.Settings.name
    return name
