"""The fixtures of all tests: one real mongod for each worker, and databases in it.

A database is opened, and its schema created, once for each worker; after a test it is emptied.
A test that drops its database, or writes with Beanie, opens one of its own: `new_database`.
"""

import os
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import hypothesis
import pytest
from pymongo import MongoClient

from api.cli.demo import make_samples
from ingest.builds.recording import record_build
from ingest.importing import ImportOptions, import_paths
from ingest.sample import write_files
from models.connection import open_database
from models.database.client import Database
from models.embedded.server import embedded_server
from models.settings import Settings
from models.specs.store import write_specs
from models.tokens.store import create_token
from tests.support.archives import sample_files
from tests.support.build_observations import of_log, of_tree
from tests.support.databases import NewDatabase
from tests.support.execution_documents import execution_documents
from tests.support.install_trees import FAILED
from tests.support.rest import client_of
from tests.support.samples import DEMO_CASES, MADE_SPECS
from tests.support.spec_documents import documents as documents_in

_DATABASE = "caseledger_tests"
_CLEAN_UP_SECONDS = 2  # after which the server ends transactions of clients that were killed

# Every run tries the same examples; `pytest --hypothesis-profile exploring` tries new ones.
hypothesis.settings.register_profile("exploring", deadline=None)
hypothesis.settings.register_profile("reproducible", deadline=None, derandomize=True)
hypothesis.settings.load_profile("reproducible")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """Keep the settings of the person who runs the tests away from them."""
    saved = {name: os.environ.pop(name) for name in list(os.environ) if _is_setting(name)}
    yield
    os.environ.update(saved)


def _is_setting(name: str) -> bool:
    return name.startswith("CASELEDGER_")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def _server(home: Path) -> Iterator[MongoClient[dict[str, Any]]]:
    """A real mongod, which the tests of a worker share."""
    with embedded_server(Settings(home=home)) as uri, MongoClient[dict[str, Any]](uri) as client:
        client.admin.command(
            {"setParameter": 1, "transactionLifetimeLimitSeconds": _CLEAN_UP_SECONDS}
        )
        yield client


@pytest.fixture
def settings(home: Path, _server: MongoClient[dict[str, Any]]) -> Iterator[Settings]:
    """Settings of an empty database, which a test may fill from another process as well.

    Databases whose names begin with its name are dropped after the test.
    """
    yield Settings(home=home, database=_DATABASE)
    for name in _server.list_database_names():
        if name.startswith(f"{_DATABASE}_"):
            _server.drop_database(name)
    _empty(_server, _DATABASE)


def _empty(server: MongoClient[dict[str, Any]], name: str) -> None:
    for collection in server[name].list_collection_names():
        if collection != "schema":
            server[name][collection].delete_many({})


@pytest.fixture(scope="session")
async def _database(home: Path, _server: MongoClient[dict[str, Any]]) -> AsyncIterator[Database]:
    async with open_database(Settings(home=home, database=_DATABASE)) as database:
        yield database


@pytest.fixture
def database(settings: Settings, _database: Database) -> Database:
    """An empty database."""
    return _database


@pytest.fixture(scope="session")
def new_database(home: Path, _server: MongoClient[dict[str, Any]]) -> NewDatabase:
    """Return what opens a new database of its own, whose name begins so, and drops it."""

    @asynccontextmanager
    async def opened(prefix: str) -> AsyncIterator[Database]:
        settings = Settings(home=home, database=f"{prefix}_{uuid.uuid4().hex[:8]}")
        async with open_database(settings) as database:
            try:
                yield database
            finally:
                await database.drop()

    return opened


@pytest.fixture
async def client(settings: Settings, database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application on an empty database, without a network between them."""
    async with client_of(database, settings) as client:
        yield client


@pytest.fixture
async def writer(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """A client on an empty database that may do everything."""
    _, token = await create_token(database, "ada", ["admin"], "test", None)
    async with client_of(database) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample archive as a directory."""
    return write_files(tmp_path_factory.mktemp("archive"), sample_files())


@pytest.fixture(scope="session")
async def ledger(new_database: NewDatabase, tree: Path) -> AsyncIterator[Database]:
    """A database with the sample archive, specs and builds; tests leave it as they find it."""
    async with new_database("test_ledger") as database:
        await import_paths(database, [tree], ImportOptions())
        await record_build(database, of_tree())
        await record_build(database, of_log(FAILED.replace(b"03:04", b"07:08")))
        await write_specs(
            database, [document for made in MADE_SPECS for document in documents_in(made)]
        )
        yield database


@pytest.fixture(scope="session")
async def demo(
    new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Database]:
    """A database with what `caseledger demo` shows; tests leave it as they find it."""
    samples = make_samples(tmp_path_factory.mktemp("demo"), DEMO_CASES)
    async with new_database("test_demo") as database:
        await import_paths(database, samples, ImportOptions())
        yield database


@pytest.fixture(scope="session")
async def demo_client(demo: Database) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(demo) as client:
        yield client


@pytest.fixture(scope="session")
def documents() -> list[dict[str, Any]]:
    """Executions with every kind of value in their fields: null, missing, empty, hostile."""
    return execution_documents(random.Random(7), 240)


@pytest.fixture(scope="session")
async def made(
    new_database: NewDatabase, documents: list[dict[str, Any]]
) -> AsyncIterator[Database]:
    """A database of made executions; tests leave it as they find it."""
    async with new_database("test_made") as database:
        for document in documents:
            await database.executions.insert(document)
        yield database


@pytest.fixture(scope="session")
async def made_client(made: Database) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(made) as client:
        yield client
