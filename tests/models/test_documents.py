"""The schema is created once for each version of it."""

import hashlib
import json

from models.connection import open_database
from models.database.client import Database
from models.documents import DOCUMENTS
from models.settings import Settings
from models.version import SCHEMA_VERSION
from tests.support.databases import NewDatabase

DIGESTS = {1: "a123aa3ee8a4e20a"}
"""Digests of the collections and indexes of each version: another one needs another version."""


def test_another_schema_has_another_version() -> None:
    schema = [
        [document.Settings.name, [index.document for index in document.Settings.indexes]]
        for document in DOCUMENTS
    ]
    text = json.dumps(schema, default=lambda keys: list(keys.items()))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGESTS[SCHEMA_VERSION]


async def test_a_schema_that_was_created_is_not_checked_again(
    new_database: NewDatabase, settings: Settings
) -> None:
    async with new_database("test_schema") as database:
        own = settings.model_copy(update={"database": database.name})
        await _drop_index(database)
        async with open_database(own):
            assert "executionId" not in await _indexes(database)
        await database.schema.update({}, {"$set": {"version": 0}})
        async with open_database(own):
            assert "executionId" in await _indexes(database)


async def test_a_collection_that_was_dropped_comes_back(
    new_database: NewDatabase, settings: Settings
) -> None:
    async with new_database("test_schema") as database:
        own = settings.model_copy(update={"database": database.name})
        await database.driver.drop_collection("cases")
        async with open_database(own):
            assert "executionId" in await _indexes(database)


async def _drop_index(database: Database) -> None:
    await database.driver["cases"].drop_index("executionId")


async def _indexes(database: Database) -> set[str]:
    return set(await database.driver["cases"].index_information())
