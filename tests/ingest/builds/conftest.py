"""One database for the tests of a module, which finds it empty: creating one takes seconds."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.builds.store import remove_unused
from models.connection import open_database
from models.database.client import Database
from models.settings import Settings


@pytest.fixture(scope="module")
async def module_database(home: Path, _server: str) -> AsyncIterator[Database]:
    settings = Settings(home=home, database=f"test_{uuid.uuid4().hex}")
    async with open_database(settings) as database:
        yield database
        await database.drop()


@pytest.fixture
async def database(module_database: Database) -> Database:
    for collection in (
        module_database.builds,
        module_database.build_events,
        module_database.specs,
        module_database.ingestions,
        module_database.cases,
        module_database.executions,
    ):
        await collection.delete({})
    await remove_unused(module_database, before=datetime.now(UTC) + timedelta(days=2))
    return module_database
