import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import hypothesis
import pytest
from pymongo import MongoClient

from api.app import create_app
from models.connection import open_database
from models.database.client import Database
from models.embedded.server import embedded_server
from models.settings import Settings

_DATABASE = "caseledger_tests"

# Every run tries the same examples; `pytest --hypothesis-profile exploring` tries new ones.
hypothesis.settings.register_profile("exploring", deadline=None)
hypothesis.settings.register_profile("reproducible", deadline=None, derandomize=True)
hypothesis.settings.load_profile("reproducible")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """The settings of whoever runs the tests do not reach them."""
    saved = {name: os.environ.pop(name) for name in list(os.environ) if _is_ours(name)}
    yield
    os.environ.update(saved)


def _is_ours(name: str) -> bool:
    return name.startswith("CASELEDGER_")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def _server(home: Path) -> Iterator[str]:
    """A real mongod, which the tests of a session share."""
    with embedded_server(Settings(home=home)) as uri:
        with MongoClient[dict[str, object]](uri) as client:  # do not wait long for killed clients
            client.admin.command({"setParameter": 1, "transactionLifetimeLimitSeconds": 2})
        yield uri


@pytest.fixture
def settings(home: Path, _server: str) -> Iterator[Settings]:
    """Settings of a database that is empty: making one for each test would take half of the time.

    Databases whose names begin with its name are gone after the test.
    """
    own = Settings(home=home, database=_DATABASE)
    yield own
    with MongoClient[dict[str, object]](_server) as client:
        for name in client.list_database_names():
            if name.startswith(f"{_DATABASE}_"):
                client.drop_database(name)
        for collection in client[_DATABASE].list_collection_names():
            client[_DATABASE][collection].delete_many({})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with open_database(settings) as database:
        yield database


@pytest.fixture(scope="session")
async def _spec_database(home: Path, _server: str) -> AsyncIterator[Database]:
    async with open_database(Settings(home=home, database="test_specs")) as database:
        yield database
        await database.drop()


@pytest.fixture
def spec_database(_spec_database: Database, _server: str) -> Iterator[Database]:
    """An empty database; its indexes are made once, because they take a second."""
    yield _spec_database
    with MongoClient[dict[str, object]](_server) as client:
        for collection in client[_spec_database.name].list_collection_names():
            client[_spec_database.name][collection].delete_many({})


@pytest.fixture
async def client(settings: Settings, database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application, without a network between them."""
    app = create_app(settings)
    app.state.database = database
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
