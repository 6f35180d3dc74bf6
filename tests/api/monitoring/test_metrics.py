"""`/metrics`: counted by templates, in a form that Prometheus reads, without secrets."""

import asyncio
from datetime import UTC, datetime

import pytest
from httpx2 import AsyncClient
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from models.connection import open_database
from models.database.client import Database
from models.database.collection import Collection
from models.errors import DatabaseUnavailableError
from models.ingestions.ingestion import Counts, IngestionRecord, IngestionStatus
from models.settings import Settings
from tests.support.tokens import GARBAGE, bearer, client_of, client_of_app, token

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def samples(client: AsyncClient) -> Samples:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def requests_of(found: Samples) -> dict[tuple[str, str, str], float]:
    return {
        (labels["method"], labels["route"], labels["status"]): value
        for (name, pairs), value in found.items()
        if name == "caseledger_http_requests_total" and (labels := dict(pairs))
    }


async def test_requests_are_counted_by_the_template_of_their_route(database: Database) -> None:
    async with client_of(database, anonymous_metrics=True) as client:
        for name in ("a", "b", "c"):
            await client.get(f"/api/v1/cases/{name}")
        await client.head("/api/v1/cases")
        await client.get("/api/v1/livez")
        await client.get("/livez")
        await client.get("/secret/place")
        await client.get("/docs/assets/swagger-ui.css")
        await client.request("HACK", "/api/v1/cases")
        found = await samples(client)
    counted = requests_of(found)
    assert counted[("GET", "/api/v1/cases/{caseId}", "404")] == 3
    assert counted[("HEAD", "/api/v1/cases", "200")] == 1
    assert counted[("GET", "/api/v1/livez", "200")] == counted[("GET", "/livez", "200")] == 1
    assert counted[("GET", "none", "404")] == 1
    assert counted[("other", "/api/v1/cases", "405")] == 1
    seconds = ("caseledger_http_request_seconds_count", (("method", "GET"), ("route", "/livez")))
    assert found[seconds] == 1


@pytest.mark.slow
async def test_every_template_of_the_document_is_told_by_its_path(database: Database) -> None:
    app = create_app(Settings(anonymous_metrics=True))
    app.state.database = database
    paths = [path for path, item in app.openapi()["paths"].items() if "get" in item]
    async with client_of_app(app) as client:
        for path in paths:
            await client.get(path.replace("{", "").replace("}", ""))
        routes = {route for _, route, _ in requests_of(await samples(client))}
    assert set(paths) <= routes


@pytest.mark.slow
async def test_the_driver_is_observed(settings: Settings) -> None:
    own = {"anonymous_metrics": True, "database": f"{settings.database}_observed"}
    app = create_app(settings.model_copy(update=own))
    async with app.router.lifespan_context(app), client_of_app(app) as client:
        await asyncio.gather(*(client.get("/api/v1/cases/x") for _ in range(5)))
        found = await samples(client)
    finds = (("command", "find"), ("outcome", "succeeded"))
    assert found[("caseledger_mongodb_command_seconds_count", finds)] >= 5
    assert found[("caseledger_mongodb_pool_connections", ())] >= 1
    assert 0 <= found[("caseledger_mongodb_pool_connections_in_use", ())] <= 1
    waits = ("caseledger_mongodb_pool_wait_seconds_count", (("outcome", "succeeded"),))
    assert found[waits] >= 5
    assert found[("caseledger_mongodb_up", ())] == 1


async def test_a_command_that_fails_is_counted_as_such(settings: Settings) -> None:
    app = create_app(settings)
    async with open_database(settings, observer=app.state.metrics) as database:
        with pytest.raises(Exception, match="refused"):
            await database.cases.find({"$nonsense": 1})
        text = (await app.state.metrics.text(database)).decode()
    assert 'command_seconds_count{command="find",outcome="failed"} 1.0' in text


async def _record(database: Database, status: IngestionStatus, **counts: int) -> None:
    record = IngestionRecord(
        source="x", kind="x", status=status, counts=Counts(**counts),
        started_at=datetime.now(UTC), caseledger_version="0",
    )  # fmt: skip
    await database.ingestions.insert({"_id": f"{status}{counts}", **record.stored()})


async def test_imports_of_all_processes_are_counted_along_an_index(database: Database) -> None:
    await _record(database, "completed", discovered=3, created=2, rejected=1)
    await _record(database, "completed", discovered=1, created=1)
    await _record(database, "running", discovered=9)
    async with client_of(database, anonymous_metrics=True) as client:
        found = await samples(client)
    assert found[("caseledger_imports", (("status", "completed"),))] == 2
    assert found[("caseledger_imports", (("status", "running"),))] == 1
    name = "caseledger_imported_executions_total"
    assert found[(name, (("outcome", "created"),))] == 3
    assert found[(name, (("outcome", "rejected"),))] == 1


async def test_metrics_are_told_also_when_the_database_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise DatabaseUnavailableError("down")

    monkeypatch.setattr(Collection, "aggregate", lost)
    async with client_of(database, anonymous_metrics=True) as client:
        found = await samples(client)
    assert found[("caseledger_mongodb_up", ())] == 0


async def test_metrics_need_a_scope_and_hold_no_secrets(database: Database) -> None:
    text = await token(database, "metrics")
    async with client_of(database) as client:
        assert (await client.get("/metrics")).status_code == 401
        await client.get(f"/api/v1/cases?token={text}", headers=bearer(GARBAGE))
        answer = await client.get("/metrics", headers=bearer(text))
    assert answer.status_code == 200
    assert text.split("_", 2)[2] not in answer.text
    assert GARBAGE not in answer.text
