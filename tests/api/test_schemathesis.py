"""Requests made from the OpenAPI document, right ones and wrong ones: nothing is out of it."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyStrategyDefinition
from schemathesis.config import SchemathesisConfig

from api.app import create_app
from ingest.importing import ImportOptions, import_paths
from ingest.sample import write_files
from models.connection import open_database
from models.settings import Settings
from models.tokens.store import create_token
from models.tokens.token import Scope
from tests.support.archives import sample_files
from tests.support.processes import free_port, request, wait_for


def _config(*, stateful: bool) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "phases": {"coverage": {"enabled": False}, "stateful": {"enabled": stateful}},
            "checks": {"positive_data_acceptance": {"enabled": False}},
        }
    )


@schemathesis.serializer("application/x-ndjson")
def _ndjson(_context: Any, value: Any) -> bytes:
    lines = value if isinstance(value, list) else [value]
    return b"\n".join(line if isinstance(line, bytes) else orjson.dumps(line) for line in lines)


SCOPES = get_args(Scope)

_DOCUMENT = create_app(Settings()).openapi()
schema = schemathesis.openapi.from_dict(_DOCUMENT, config=_config(stateful=False))


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
async def tokens(own_settings: tuple[Settings, str]) -> dict[str, str]:
    """A token of each scope."""
    async with open_database(own_settings[0]) as database:
        return {
            scope: (await create_token(database, scope, [scope], "tests", None))[1]
            for scope in SCOPES
        }


@pytest.fixture(scope="module")
def address(own_settings: tuple[Settings, str]) -> Iterator[str]:
    port = free_port()
    app = create_app(own_settings[0])
    app.state.throttle.note_failure = lambda *_: None  # all come from one address
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error")
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


@pytest.mark.slow
@pytest.mark.parametrize("scope", SCOPES)
def test_requests_that_follow_from_answers_keep_to_the_document(
    scope: str, address: str, tokens: dict[str, str]
) -> None:
    linked = schemathesis.openapi.from_dict(_DOCUMENT, config=_config(stateful=True))

    class Requests(linked.as_state_machine()):  # type: ignore[misc]
        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {
                "headers": {"Authorization": f"Bearer {tokens[scope]}"},
                "base_url": address,
            }

    own = settings(
        max_examples=6,
        stateful_step_count=8,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    with suppress(FlakyStrategyDefinition):  # what was written before changes what can follow
        Requests.run(settings=own)
