"""Ad-hoc pipelines over REST: what they answer, how they fail, and that they end (R-19, R-20)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, MutableMapping
from typing import Any

import orjson
import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from pymongo import MongoClient
from starlette.requests import ClientDisconnect

from api.app import create_app
from models.database.client import Database
from models.database.collection import Collection
from models.errors import DatabaseUnavailableError
from models.settings import Settings
from tests.support.databases import NewDatabase

CASES, EXECUTIONS = "/api/v1/cases/aggregate", "/api/v1/executions/aggregate"
NDJSON = {"Accept": "application/x-ndjson"}

Json = dict[str, Any]


async def ask(client: AsyncClient, pipeline: Any, path: str = EXECUTIONS) -> Response:
    return await client.post(path, content=orjson.dumps(pipeline))


@contextlib.asynccontextmanager
async def client_with(database: Database, **settings: Any) -> AsyncIterator[AsyncClient]:
    app = create_app(Settings(**settings))
    app.state.database = database
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def test_a_pipeline_is_run(made_client: AsyncClient, documents: list[Json]) -> None:
    pipeline = [{"$sortByCount": "$machine"}, {"$sort": {"count": -1, "_id": 1}}]
    answer = await ask(made_client, pipeline)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert found["isComplete"]
    machines = [document.get("machine") for document in documents]
    assert {item["_id"]: item["count"] for item in found["items"]} == {
        name: machines.count(name) for name in set(machines)
    }
    assert (await ask(made_client, {"pipeline": pipeline})).json() == found


async def test_ndjson_is_streamed_to_who_accepts_it(made_client: AsyncClient) -> None:
    pipeline = orjson.dumps([{"$sort": {"_id": 1}}, {"$project": {"machine": 1}}])
    answer = await made_client.post(EXECUTIONS, content=pipeline, headers=NDJSON)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["x-result-limit"] == "10000"
    items = (await made_client.post(EXECUTIONS, content=pipeline)).json()["items"]
    assert [orjson.loads(line) for line in answer.text.splitlines()] == items
    assert len(items) == 240
    nothing = orjson.dumps([{"$match": {"machine": "none"}}])
    assert (await made_client.post(EXECUTIONS, content=nothing, headers=NDJSON)).text == ""
    empty = (await made_client.post(EXECUTIONS, content=nothing)).json()
    assert empty == {"items": [], "isComplete": True}


async def test_dates_and_numbers_go_in_and_out(client: AsyncClient) -> None:
    since = {"$match": {"createdAt": {"$gt": {"$date": "2020-01-01T00:00:00Z"}}}}
    answer = await ask(
        client,
        [
            since,
            {"$limit": 1},
            {"$project": {"createdAt": 1, "big": {"$literal": {"$numberLong": str(2**62)}},
                          "infinite": {"$exp": 100000}}},
        ],
        CASES,
    )  # fmt: skip
    (item,) = answer.json()["items"]
    assert set(item["createdAt"]) == {"$date"}
    assert item["createdAt"]["$date"].endswith("Z")
    assert item["big"] == 2**62
    assert item["infinite"] == {"$numberDouble": "Infinity"}


async def test_there_is_a_limit_behind_every_pipeline(made: Database) -> None:
    async with client_with(made, aggregate_limit=7) as client:
        for pipeline, number, is_complete in (
            ([{"$project": {"_id": 1}}], 7, False),
            ([{"$project": {"_id": 1}}, {"$limit": 8}], 7, False),
            ([{"$project": {"_id": 1}}, {"$limit": 7}], 7, True),
            ([{"$count": "n"}], 1, True),
        ):
            found = (await ask(client, pipeline)).json()
            assert (len(found["items"]), found["isComplete"]) == (number, is_complete)
            answer = await client.post(EXECUTIONS, content=orjson.dumps(pipeline), headers=NDJSON)
            assert len(answer.text.splitlines()) == number
            assert answer.headers["x-result-limit"] == "7"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "bad-json"),
        (b"{}", 400, "bad-pipeline"),
        (b'{"pipeline":[],"comment":"x"}', 400, "bad-pipeline"),
        (b'{"pipeline":[],"hint":"_id_"}', 400, "bad-pipeline"),
        (b'{"pipeline":[],"let":{}}', 400, "bad-pipeline"),
        (b'"x"', 400, "bad-pipeline"),
        (b'[{"$out":"cases"}]', 400, "bad-pipeline"),
        (b'[{"$match":{"$where":"while(1);"}}]', 400, "bad-pipeline"),
        (b'[{"$set":{"a":{"$divide":[1,0]}}}]', 422, "pipeline-failed"),
        (b'[{"$set":{"a":{"$add":["$machine",1]}}}]', 422, "pipeline-failed"),
        (b'[{"$replaceWith":"$machine"}]', 422, "pipeline-failed"),
        (b'[{"$set":{"a":"$a..b"}}]', 422, "pipeline-failed"),
        (b'[{"$set":{"a":"$a\\u0000b"}}]', 422, "pipeline-failed"),
        (b'[{"$set":{"":1}}]', 422, "pipeline-failed"),
        (b'[{"$match":{"a":{"$type":"nothing"}}}]', 422, "pipeline-failed"),
        (b"[" * 40, 400, "bad-json"),
        (b"[" + b"[]," * 200_000 + b"[]]", 400, "bad-json"),
        (b'[{"$match":{"a":"%s"}}]' % (b"a" * 2**20), 413, "too-large"),
    ],
)
async def test_what_cannot_be_run_is_a_problem(
    made_client: AsyncClient, body: bytes, status: int, kind: str
) -> None:
    answer = await made_client.post(EXECUTIONS, content=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(f":{kind}")


async def test_a_refusal_tells_the_place(made_client: AsyncClient) -> None:
    answer = await ask(made_client, [{"$group": {"_id": 1, "n": {"$accumulator": {}}}}])
    (error,) = answer.json()["errors"]
    assert error["place"] == "pipeline[0].$group.n.$accumulator"
    assert "$sum" in error["detail"]


async def test_a_failure_tells_why_and_no_more(made_client: AsyncClient) -> None:
    answer = await ask(made_client, [{"$set": {"a": {"$divide": [1, 0]}}}])
    assert answer.json()["detail"] == "can't $divide by zero"


@pytest.fixture(scope="session")
async def large(new_database: NewDatabase) -> AsyncIterator[Database]:
    """Executions that are large, or many."""
    async with new_database("test_large") as database:
        text = "x" * 1_000_000
        for i in range(40):
            await database.cases.insert(
                {"_id": str(i), "name": str(i), "text": text, "list": list(range(1000))}
            )
        for i in range(600):
            await database.executions.insert({"_id": str(i), "caseId": "0", "executionId": str(i)})
        yield database


@pytest.mark.slow
async def test_what_is_too_large_is_a_413(large: Database) -> None:
    async with client_with(large) as client:
        for pipeline in (
            [{"$group": {"_id": None, "all": {"$push": "$text"}}}],
            [
                {
                    "$group": {
                        "_id": None,
                        "all": {"$push": {"a": "$text", "b": "$text", "c": "$text"}},
                    }
                }
            ],
        ):
            answer = await ask(client, pipeline, CASES)
            assert answer.status_code == 413, answer.text
        assert (await ask(client, [{"$count": "n"}], CASES)).json()["items"] == [{"n": 40}]


@pytest.mark.slow
async def test_a_large_answer_is_whole(large: Database) -> None:
    async with client_with(large) as client:
        for headers in ({}, NDJSON):
            answer = await client.post(CASES, content=b"[]", headers=headers)
            lines = [orjson.loads(line) for line in answer.text.splitlines()]
            items = lines if headers else lines[0]["items"]
            assert len(items) == 40


MANY = [
    {"$lookup": {"from": "executions", "localField": "caseId", "foreignField": "caseId",
                 "as": "a", "pipeline": [{"$project": {"_id": 1}}]}},
    {"$unwind": "$a"},
]  # fmt: skip
RUNAWAYS = {
    "between documents": (
        EXECUTIONS,
        [*MANY, {"$addFields": {"n": {"$add": [{"$strLenCP": "$a._id"}] * 40}}},
         {"$group": {"_id": "$a._id", "n": {"$sum": "$n"}}}],
    ),
    "in each document": (
        EXECUTIONS,
        [*MANY, {"$project": {"n": {"$sum": {"$map": {"input": {"$range": [0, 500]}, "in": {
            "$strLenCP": {"$toString": "$$this"}}}}}}},
         {"$group": {"_id": 1, "n": {"$sum": "$n"}}}],
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNAWAYS)
async def test_a_runaway_pipeline_ends_and_harms_no_one(large: Database, name: str) -> None:
    path, pipeline = RUNAWAYS[name]

    async def time_of_others() -> float:
        times = []
        for _ in range(5):
            start = time.perf_counter()
            assert (await client.get("/api/v1/executions?limit=1&fields=caseId")).status_code == 200
            times.append(time.perf_counter() - start)
        return max(times)

    async with client_with(large, aggregate_seconds=0.3, aggregate_jobs=1) as client:
        await time_of_others()  # the first one takes longer
        start = time.perf_counter()
        running = asyncio.create_task(ask(client, pipeline, path))
        await asyncio.sleep(0.05)
        assert await time_of_others() < 5
        answer = await running
        assert answer.status_code == 504, answer.text[:500]
        assert time.perf_counter() - start < 10
        assert "$match" in answer.json()["detail"]
        assert (await ask(client, [{"$limit": 1}], path)).status_code == 200  # the place is free
        assert not await _is_at_work(large)


async def _is_at_work(database: Database) -> bool:
    """Return whether MongoDB still works on a pipeline of the database after a second."""
    await asyncio.sleep(1)
    with MongoClient[Json](database.uri) as client:
        own = {"command.aggregate": {"$exists": True}, "command.$db": database.name}
        return any(client.admin.aggregate([{"$currentOp": {}}, {"$match": own}]))


@pytest.mark.slow
async def test_only_so_many_run_at_a_time(made: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    release = asyncio.Event()
    original = Collection.stream_aggregate

    async def stream(self: Collection, *args: Any, **options: Any) -> AsyncGenerator[Json, None]:
        await release.wait()
        async for document in original(self, *args, **options):
            yield document

    monkeypatch.setattr(Collection, "stream_aggregate", stream)
    monkeypatch.setattr("api.aggregation.execution._SLOT_WAIT_SECONDS", 0.05)
    async with client_with(made, aggregate_jobs=1, aggregate_seconds=1) as client:
        first = asyncio.create_task(ask(client, [{"$count": "n"}]))
        await asyncio.sleep(0.1)
        refused = await ask(client, [{"$count": "n"}])
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "5"
        assert (await first).status_code == 504  # and with it the place is free
        release.set()
        assert (await ask(client, [{"$count": "n"}])).status_code == 200


def _watched(begun: list[bool], closed: list[bool]) -> Callable[..., AsyncGenerator[Json, None]]:
    original = Collection.stream_aggregate

    async def stream(self: Collection, *args: Any, **options: Any) -> AsyncGenerator[Json, None]:
        begun.append(True)
        try:
            async for document in original(self, *args, **options):
                yield document
        finally:
            closed.append(True)

    return stream


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before the answer", "in the answer", "at its start"])
async def test_a_client_that_goes_away_closes_the_cursor(
    large: Database, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    begun: list[bool] = []
    closed: list[bool] = []
    monkeypatch.setattr(Collection, "stream_aggregate", _watched(begun, closed))
    before = open_cursors(large)
    sent = 0

    async def receive() -> Json:
        nonlocal sent
        sent += 1
        if sent == 1:
            return {"type": "http.request", "body": b"[]", "more_body": False}
        if when != "before the answer":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        wanted = "http.response.start" if when == "at its start" else "http.response.body"
        if message["type"] == wanted:
            raise OSError("the client is gone")

    app = create_app(Settings())
    app.state.database = large
    scope = {
        "type": "http", "method": "POST", "path": CASES, "raw_path": CASES.encode(),
        "root_path": "", "query_string": b"", "headers": [(b"accept", b"application/x-ndjson")],
        "scheme": "http", "http_version": "1.1", "server": ("test", 80), "client": ("test", 1),
        "asgi": {"version": "3.0", "spec_version": "2.4"},
    }  # fmt: skip
    with contextlib.suppress(ClientDisconnect, OSError):
        await app(scope, receive, send)
    for _ in range(100):  # the server has cursors of others too, which end by themselves
        if len(closed) == len(begun) and open_cursors(large) <= before:
            break
        await asyncio.sleep(0.02)
    assert closed == begun
    assert app.state.aggregations._value == 2
    assert open_cursors(large) <= before


def open_cursors(database: Database) -> int:
    with MongoClient[Json](database.uri) as client:
        return int(client.admin.command("serverStatus")["metrics"]["cursor"]["open"]["total"])


async def test_a_stream_that_fails_later_breaks(
    made: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Collection.stream_aggregate

    async def stream(self: Collection, *args: Any, **options: Any) -> AsyncGenerator[Json, None]:
        number = 0
        async for document in original(self, *args, **options):
            number += 1
            if number == 230:
                raise DatabaseUnavailableError("gone")
            yield document

    monkeypatch.setattr(Collection, "stream_aggregate", stream)
    monkeypatch.setitem(
        __import__("api.aggregation.response").aggregation.response._CHUNK, "ndjson", 9
    )
    app = create_app(Settings())
    app.state.database = made
    transport = ASGITransport(app=app, raise_app_exceptions=True)
    async with AsyncClient(transport=transport, base_url="http://test") as client:
        with pytest.raises(RuntimeError, match="response already started"):
            await client.post(EXECUTIONS, content=b"[]", headers=NDJSON)


async def test_tokens_cannot_be_reached(made: Database) -> None:
    """What is run reads public collections only, as the server sees it."""
    async with client_with(made) as client:
        for join in ("tokens", "system.profile", "logs.chunks"):
            stage = {"$lookup": {"from": join, "localField": "a", "foreignField": "a", "as": "a"}}
            assert (await ask(client, [stage])).status_code == 400
            assert (await ask(client, [{"$facet": {"a": [stage]}}])).status_code == 400
        for path in ("tokens", "ingestions", "system.users"):
            assert (await ask(client, [], f"/api/v1/{path}/aggregate")).status_code in (404, 405)


@pytest.mark.parametrize("milliseconds", [2**63 - 1, -(2**60)])
async def test_a_date_that_json_does_not_have_is_an_error(
    made_client: AsyncClient, milliseconds: int
) -> None:
    pipeline = [{"$project": {"at": {"$toDate": {"$numberLong": str(milliseconds)}}}}]
    answer = await ask(made_client, pipeline)
    assert answer.status_code == 422
    assert "years 1 to 9999" in answer.json()["detail"]


@pytest.mark.slow
async def test_builds_can_be_asked(client: AsyncClient) -> None:
    answer = await ask(client, [{"$sortByCount": "$status"}], "/api/v1/builds/aggregate")
    counted = {item["_id"]: item["count"] for item in answer.json()["items"]}
    facets = (await client.get("/api/v1/facets?resource=builds&field=status")).json()["values"]
    assert counted == {item["value"]: item["count"] for item in facets}
