"""The schema is created once for each version of it."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from models.connection import open_database
from models.database.client import Database
from models.documents import DOCUMENTS
from models.settings import Settings
from models.version import SCHEMA_VERSION
from tests.support.databases import NewDatabase

DIGESTS = {1: "a123aa3ee8a4e20a", 2: "e2fb7b08f09ec8ce", 3: "ad02f45c44da8b63"}
"""Digests of the collections and indexes of each version: another one needs another version.

Version 3 has other closures of specs.
"""


def test_another_schema_has_another_version() -> None:
    schema = [
        [document.Settings.name, [index.document for index in document.Settings.indexes]]
        for document in DOCUMENTS
    ]
    text = json.dumps(schema, default=lambda keys: list(keys.items()))
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == DIGESTS[SCHEMA_VERSION]


@pytest.mark.slow
async def test_an_index_that_was_dropped_comes_back(
    new_database: NewDatabase, settings: Settings
) -> None:
    async with new_database("test_schema") as database:
        own = settings.model_copy(update={"database": database.name})
        assert await database.has_schema(SCHEMA_VERSION)
        await _drop_index(database)
        assert not await database.has_schema(SCHEMA_VERSION)
        async with open_database(own):
            assert "executionId" in await _indexes(database)
        assert await database.has_schema(SCHEMA_VERSION)


@pytest.mark.slow
async def test_another_version_is_created(new_database: NewDatabase) -> None:
    async with new_database("test_schema") as database:
        assert not await database.has_schema(SCHEMA_VERSION + 1)


@pytest.mark.slow
def test_a_command_imports_only_what_it_uses(settings: Settings, database: Database) -> None:
    code = (
        "import asyncio, sys\n"
        "from api.cli.app import app\n"
        "from api.cli.ingestions import show_ingestions\n"
        "from models.settings import load_settings\n"
        "show_ingestions(load_settings(), 20, as_json=False)\n"
        "import api.cli.import_command\n"
        "others = {'beanie', 'lxml', 'fastapi', 'yaml', 'models.cases.merge'}\n"
        "print(sorted(others & set(sys.modules)))"
    )
    names = {"CASELEDGER_HOME": str(settings.home), "CASELEDGER_DATABASE": settings.database}
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
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
