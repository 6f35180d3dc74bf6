import asyncio
import logging
import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from httpx2 import AsyncClient

from api.app import create_app
from api.http.errors import MEDIA_TYPE
from api.http.schemas import ProblemDocument
from models.database.client import Database
from models.errors import (
    DatabaseError,
    DatabaseFullError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    RemoteError,
)
from models.settings import Settings

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nowhere", 404, id="no-route"),
        pytest.param("GET", "/api/v1/cases/", 404, id="no-redirection"),
        pytest.param("GET", "/api/v1/cases/x", 404, id="no-document"),
        pytest.param("DELETE", "/api/v1/cases", 405, id="wrong-method"),
        pytest.param("GET", "/api/v1/cases?limt=1", 400, id="unknown-parameter"),
        pytest.param("GET", "/api/v1/cases?limit=1&x[$ne]=1", 400, id="operator"),
        pytest.param("GET", "/api/v1/cases?limit=many", 422, id="wrong-type"),
        pytest.param("GET", "/api/v1/cases?limit=0", 422, id="too-small"),
        pytest.param("GET", "/api/v1/cases?limit=1001", 422, id="too-large"),
        pytest.param("GET", f"/api/v1/cases?limit={2**70}", 422, id="huge"),
        pytest.param("GET", "/api/v1/cases?cursor=abc", 400, id="damaged-cursor"),
        pytest.param("GET", "/api/v1/cases?cursor=%00%ff", 400, id="binary-cursor"),
        pytest.param("GET", "/api/v1/cases?cursor=W3siJG5lIjoxfSwiYSIsImIiXQ==", 400, id="object"),
        pytest.param("GET", f"/api/v1/cases?cursor={'a' * 5000}", 422, id="long-cursor"),
        pytest.param("GET", "/api/v1/cases/x/executions/y?config=part", 422, id="no-choice"),
        pytest.param("GET", f"/api/v1/cases/{'x' * 500}", 422, id="long-id"),
        pytest.param("GET", "/api/v1/cases/%ff%00", 404, id="binary-id"),
    ],
)
async def test_every_error_is_a_problem_document(
    client: AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    problem = ProblemDocument.model_validate_json(answer.content)
    assert problem.status == status
    assert UUID.fullmatch(problem.request_id or "")
    assert answer.headers["x-request-id"] == problem.request_id


async def test_an_unknown_parameter_is_told_the_nearest_name(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/executions?limt=3")
    assert "did you mean 'limit'?" in answer.json()["detail"]
    assert answer.json()["errors"][0]["parameter"] == "limt"


async def test_a_cursor_of_another_list_is_refused(client: AsyncClient) -> None:
    page = (await client.get("/api/v1/executions?limit=1")).json()
    cursor = page["links"]["next"].partition("cursor=")[2]
    assert (await client.get(f"/api/v1/executions?cursor={cursor}")).status_code == 200
    for other in ("/cases?", "/executions?sort=machine&", "/executions?status=failed&"):
        answer = await client.get(f"/api/v1{other}cursor={cursor}")
        assert answer.status_code == 400, other


async def test_a_good_answer_has_a_request_id_too(client: AsyncClient) -> None:
    assert UUID.fullmatch((await client.get("/livez")).headers["x-request-id"])


class _Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error
        self.cases = self

    async def find_one(self, *_: object) -> None:
        raise self.error

    async def check(self, *_: object) -> None:
        raise self.error


@pytest.fixture
async def broken(request: pytest.FixtureRequest) -> AsyncIterator[AsyncClient]:
    app = create_app(Settings())
    app.state.database = _Broken(request.param)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        pytest.param(DatabaseUnavailableError("secret host"), 503, id="unavailable"),
        pytest.param(DatabaseTimeoutError("secret host"), 504, id="timeout"),
        pytest.param(DatabaseFullError("secret host"), 507, id="full"),
        pytest.param(DatabaseError("secret host"), 500, id="refused"),
        pytest.param(RuntimeError("secret host"), 500, id="bug"),
        pytest.param(RemoteError("secret host"), 500, id="unforeseen"),
    ],
    indirect=["broken"],
)
async def test_a_fault_behind_the_service_tells_nothing_of_it(
    broken: AsyncClient, status: int
) -> None:
    answer = await broken.get("/api/v1/cases/x")
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(DatabaseError("secret host"), id="refused"),
        pytest.param(RuntimeError("secret host"), id="bug"),
        pytest.param(RemoteError("secret host"), id="unforeseen"),
    ],
    indirect=True,
)
async def test_the_log_tells_of_a_fault_by_the_request_id(
    broken: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    request_id = (await broken.get("/api/v1/cases/x")).json()["requestId"]
    (told,) = [each for each in caplog.records if getattr(each, "request_id", None) == request_id]
    assert "secret host" in logging.Formatter().format(told)


@pytest.mark.parametrize(
    "broken", [DatabaseUnavailableError("secret host", "there is no primary")], indirect=True
)
async def test_the_reason_of_an_outage_is_told_if_clients_may_see_it(broken: AsyncClient) -> None:
    answer = await broken.get("/readyz")
    assert answer.json()["detail"] == "There is no primary. Try again in a moment."


@pytest.mark.parametrize("broken", [DatabaseUnavailableError("down")], indirect=True)
async def test_livez_answers_without_the_database_and_readyz_does_not(
    broken: AsyncClient,
) -> None:
    assert (await broken.get("/livez")).status_code == 200
    assert (await broken.get("/readyz")).status_code == 503


async def test_readyz_does_not_wait_for_a_database_that_does_not_answer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never_stop(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(type(database._client.admin), "command", never_stop)
    with pytest.raises(DatabaseUnavailableError, match="does not answer"):
        await database.check(0.05)


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/api/v1/livez", "/api/v1/readyz"])
async def test_health_is_told_at_the_root_and_below_the_prefix(
    client: AsyncClient, database: Database, path: str
) -> None:
    assert (await client.get(path)).json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/livez", "/docs", "/api/v1/cases", "/api/v1/executions"])
async def test_what_can_be_got_can_be_asked_for_by_its_head(client: AsyncClient, path: str) -> None:
    assert (await client.head(path)).status_code == 200
