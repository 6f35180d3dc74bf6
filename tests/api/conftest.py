import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from api.app import create_app
from api.cli.demo import make_samples
from ingest.builds.recording import store_build
from ingest.importing import ImportOptions, import_paths
from ingest.sample import write_files
from ingest.sample.specs import SpecSampleOptions, made_documents
from models.connection import open_database
from models.database.client import Database
from models.settings import Settings
from models.specs.store import write_specs
from tests.api.documents import execution_documents
from tests.archives import sample_files
from tests.ingest.builds.observations import of_log, of_tree
from tests.ingest.builds.test_install_tree import FAILED
from tests.ingest.spack.builders import documents as documents_in

BUILT, BUILT_LATER = "2026-01-02T03:04:05.5", "2026-01-02T07:08:05.5"
"""When the builds of the ledger began."""

DEMO_CASES = 12
"""As many as `caseledger demo` makes."""

MADE_SPECS = list(made_documents(SpecSampleOptions(20, seed=3)))


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("archive"), sample_files())


@pytest.fixture(scope="session")
async def ledger(home: Path, _server: str, tree: Path) -> AsyncIterator[Database]:
    """A database with the sample archive, specs and builds; tests leave it as they find it."""
    async with open_database(Settings(home=home, database="test_ledger")) as database:
        await import_paths(database, [tree], ImportOptions())
        await store_build(database, of_tree())
        await store_build(database, of_log(FAILED.replace(b"03:04", b"07:08")))
        await write_specs(database, [each for made in MADE_SPECS for each in documents_in(made)])
        yield database
        await database.drop()


@pytest.fixture(scope="session")
async def client(ledger: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application on the sample archive."""
    async with client_of(ledger) as client:
        yield client


@pytest.fixture(scope="session")
async def demo(
    home: Path, _server: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Database]:
    """A database with what `caseledger demo` shows; tests leave it as they find it."""
    samples = make_samples(tmp_path_factory.mktemp("demo"), DEMO_CASES)
    async with open_database(Settings(home=home, database="test_demo")) as database:
        await import_paths(database, samples, ImportOptions())
        yield database
        await database.drop()


@pytest.fixture(scope="session")
async def demo_client(demo: Database) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(demo) as client:
        yield client


def client_of(
    database: Database, settings: Settings | None = None, **options: Any
) -> httpx2.AsyncClient:
    app = create_app(settings or Settings())
    app.state.database = database
    transport = httpx2.ASGITransport(app=app, **{"raise_app_exceptions": False} | options)
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


@pytest.fixture(scope="session")
def documents() -> list[dict[str, Any]]:
    """Executions with every kind of value in their fields: null, missing, empty, hostile."""
    return execution_documents(random.Random(7), 240)


@pytest.fixture(scope="session")
async def made(
    home: Path, _server: str, documents: list[dict[str, Any]]
) -> AsyncIterator[Database]:
    """A database of made executions; tests leave it as they find it."""
    async with open_database(Settings(home=home, database="test_made")) as database:
        for document in documents:
            await database.executions.insert(document)
        yield database
        await database.drop()


@pytest.fixture(scope="session")
async def made_client(made: Database) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(made) as client:
        yield client
