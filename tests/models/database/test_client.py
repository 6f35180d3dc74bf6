import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from pymongo import MongoClient, errors

from models.connection import open_database
from models.database.client import Database
from models.database.collection import Collection
from models.database.errors import translate_errors
from models.database.schema import bound_documents
from models.documents import DOCUMENTS, Case, create_schema
from models.errors import (
    DatabaseError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    DocumentTooLargeError,
    DuplicateError,
)
from models.settings import Settings
from tests.support.databases import NewDatabase

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
async def own_database(new_database: NewDatabase) -> AsyncIterator[Database]:
    """A database that may be dropped, and the one that Beanie's documents are bound to."""
    async with new_database("test_client") as database:
        yield database


@pytest.mark.parametrize("name", ["cases", "ingestions"])
async def test_collections_are_compressed_with_zstd(database: Database, name: str) -> None:
    with MongoClient[dict[str, Any]](database.uri) as client:
        options = client[database.name][name].options()
    assert "block_compressor=zstd" in options["storageEngine"]["wiredTiger"]["configString"]


@pytest.mark.slow
async def test_the_schema_can_be_created_again_and_at_the_same_time(own_database: Database) -> None:
    await asyncio.gather(*(create_schema(own_database) for _ in range(4)))
    await own_database.drop()
    await asyncio.gather(*(create_schema(own_database) for _ in range(4)))
    assert (await own_database.cases.sizes())["count"] == 0


async def test_indexes_that_take_long_are_said_to(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def time_out(*_: object, **__: object) -> None:
        raise errors.NetworkTimeout("timed out")

    monkeypatch.setattr("models.database.schema.init_beanie", time_out)
    with pytest.raises(DatabaseTimeoutError, match="still building indexes"):
        await create_schema(database)


async def test_a_case_saved_by_beanie_has_the_stored_names(own_database: Database) -> None:
    case = Case(id="x", name="n", machine="m", system="m", user="u", created_at=NOW, updated_at=NOW)
    async with bound_documents(own_database, DOCUMENTS):
        await case.insert()
        found = await Case.get("x")
    stored = await own_database.cases.find_one({"_id": "x"})
    assert stored is not None
    assert stored["executionCount"] == 0
    assert stored["createdAt"] == NOW
    assert found is not None
    assert found.name == "n"


async def test_a_taken_id_is_a_duplicate(database: Database) -> None:
    await database.ingestions.insert({"_id": "x"})
    with pytest.raises(DuplicateError):
        await database.ingestions.insert({"_id": "x"})


async def _insert_large(collection: Collection) -> None:
    await collection.insert({"_id": "x", "text": "x" * (17 * 2**20)})


async def _grow_large(collection: Collection) -> None:
    await collection.insert({"_id": "x", "parts": ["x" * (9 * 2**20)]})
    await collection.update({"_id": "x"}, {"$push": {"parts": "x" * (9 * 2**20)}})


@pytest.mark.parametrize("write", [_insert_large, _grow_large])
async def test_a_document_of_more_than_16_mib_is_refused_by_name(
    database: Database, write: Callable[[Collection], Coroutine[Any, Any, None]]
) -> None:
    with pytest.raises(DocumentTooLargeError, match="16 MiB"):
        await write(database.ingestions)


async def test_a_query_that_mongodb_refuses_is_a_database_error(database: Database) -> None:
    with pytest.raises(DatabaseError, match="refused"):
        await database.cases.find({"$nonsense": 1})


@pytest.mark.slow
async def test_a_server_that_is_not_there_is_unavailable() -> None:
    settings = Settings(
        mongodb_url=SecretStr("mongodb://127.0.0.1:1/"), database_timeout_seconds=0.5
    )
    with pytest.raises(DatabaseUnavailableError, match="cannot be reached"):
        async with open_database(settings):
            pass


async def test_an_address_that_is_none_is_told_without_its_password() -> None:
    settings = Settings(mongodb_url=SecretStr("mongodb://user:pa55word@[nonsense/"))
    with pytest.raises(DatabaseError, match="CASELEDGER_MONGODB_URL") as caught:
        async with open_database(settings):
            pass
    assert "pa55word" not in str(caught.value)


async def test_a_set_address_is_used_instead_of_the_embedded_server(
    settings: Settings, database: Database
) -> None:
    remote = Settings(mongodb_url=SecretStr(database.uri), database=settings.database)
    await database.ingestions.insert({"_id": "x"})
    async with open_database(remote) as other:
        assert await other.ingestions.count({}) == 1


def test_a_transaction_that_is_too_large_is_told_as_such() -> None:
    message = "_insert: transaction is too large and will not fit in the storage engine cache"
    with pytest.raises(DocumentTooLargeError), translate_errors():
        raise errors.BulkWriteError({"writeErrors": [{"code": 388, "errmsg": message}]})


@pytest.mark.parametrize(
    "code", [91, 189, 10107, 11600, 11602, 13435, 13436], ids="server error {}".format
)
def test_a_fault_that_passes_is_unavailability(code: int) -> None:
    with pytest.raises(DatabaseUnavailableError, match="at the moment"), translate_errors():
        raise errors.OperationFailure("interrupted", code)
    with pytest.raises(DatabaseUnavailableError), translate_errors():
        raise errors.BulkWriteError({"writeErrors": [{"code": code, "errmsg": "interrupted"}]})
