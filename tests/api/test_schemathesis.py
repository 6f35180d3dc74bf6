"""Requests made from the OpenAPI document, right ones and wrong ones: nothing is out of it."""

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

from api.app import create_app
from ingest.importing import ImportOptions, import_paths
from ingest.sample import write_files
from models.connection import open_database
from models.settings import Settings
from models.tokens.store import create_token
from tests.support.archives import sample_files
from tests.support.processes import free_port, request, wait_for

_CONFIG = SchemathesisConfig.from_dict(
    {
        "phases": {"coverage": {"enabled": False}, "stateful": {"enabled": False}},
        "checks": {"positive_data_acceptance": {"enabled": False}},
    }
)


@schemathesis.serializer("application/x-ndjson")
def _ndjson(_context: Any, value: Any) -> bytes:
    lines = value if isinstance(value, list) else [value]
    return b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)


schema = schemathesis.openapi.from_dict(create_app(Settings()).openapi(), config=_CONFIG)


@pytest.fixture(scope="module")
async def own_settings(
    home: Path, _server: object, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Settings, str]]:
    """A database of its own with a small archive in it, and a token that may do everything."""
    own = Settings(home=home, database="test_schemathesis")
    tree = write_files(tmp_path_factory.mktemp("small"), sample_files(cases=2))
    async with open_database(own) as database:
        await import_paths(database, [tree], ImportOptions())
        yield own, (await create_token(database, "tests", ["admin"], "tests", None))[1]
        await database.drop()


@pytest.fixture(scope="module")
def address(own_settings: tuple[Settings, str]) -> Iterator[str]:
    port = free_port()
    config = uvicorn.Config(
        create_app(own_settings[0]), host="127.0.0.1", port=port, log_level="error"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_for(lambda: request(port, "/readyz")[0] == 200)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.mark.slow
@schema.parametrize()
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_the_service_keeps_to_its_document(
    case: Any, address: str, own_settings: tuple[Settings, str]
) -> None:
    headers = {"Authorization": f"Bearer {own_settings[1]}"}
    case.call_and_validate(base_url=address, headers=headers)
