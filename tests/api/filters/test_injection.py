"""What a hostile client sends stays a value (R-18, R-21)."""

import json
import time
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from fastapi import Request
from httpx2 import AsyncClient

from api.http.errors import ProblemError
from api.http.json_body import MAX_DEPTH, read_json

LIST = "/api/v1/executions"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("machine[$ne]=1", 400, id="bracket"),
        pytest.param("machine[]=1", 400, id="list"),
        pytest.param("machine__$where=1", 400, id="operator"),
        pytest.param("machine__regex=.*", 400, id="regex"),
        pytest.param("$where=sleep(1000)", 400, id="where"),
        pytest.param("$expr=1", 400, id="expr"),
        pytest.param("recorded.fingerprint=x", 400, id="field-not-in-the-table"),
        pytest.param("runConfigDeltas=x", 400, id="map"),
        pytest.param("complete__lt=true", 400, id="operator-of-another-type"),
        pytest.param("changeCount=x", 422, id="text-for-integer"),
        pytest.param(f"changeCount={2**63}", 422, id="too-large"),
        pytest.param("changeCount=1&changeCount__gte=", 422, id="empty-integer"),
        pytest.param("timing.modelCost=nan", 422, id="nan"),
        pytest.param("timing.modelCost=1e999", 422, id="infinite"),
        pytest.param("complete=maybe", 422, id="no-boolean"),
        pytest.param("simulationStart=0001-13-01", 422, id="no-date"),
        pytest.param("lidTime=yesterday", 422, id="no-time"),
        pytest.param("lidTime__gte=2025-99", 422, id="no-month"),
        pytest.param("lidTime__lt=2025-02-30", 422, id="no-day"),
        pytest.param("status=bogus", 422, id="no-choice"),
        pytest.param(f"machine={'x' * 257}", 422, id="long"),
        pytest.param("machine=a%00b", 422, id="nul"),
        pytest.param("machine__contains=", 422, id="empty-contains"),
        pytest.param("machine__contains=a&machine__contains=b", 400, id="twice"),
        pytest.param("q=a&q=b", 400, id="q-twice"),
        pytest.param("q=%2B%2B", 422, id="q-without-words"),
        pytest.param("limit=1&limit=2", 400, id="limit-twice"),
        pytest.param("sort=$natural", 400, id="sort"),
        pytest.param("sort=changed", 400, id="sort-by-a-list"),
        pytest.param("sort=machine,-machine", 400, id="sort-twice"),
        pytest.param("sort=a,b,c,d,e", 400, id="sort-many"),
        pytest.param("sort=", 400, id="sort-empty"),
        pytest.param("fields=$machine", 400, id="fields"),
        pytest.param("fields=recorded", 400, id="fields-internal"),
        pytest.param("delta.$where=1", 422, id="delta-operator"),
        pytest.param("delta.a..b=1", 422, id="delta-empty-part"),
        pytest.param("config.=1", 422, id="config-without-key"),
        pytest.param("config.a.$b=1", 422, id="config-operator"),
        pytest.param("delta.a__in.b=1", 200, id="a-key-with-underscores"),
        pytest.param("format=ndjson&cursor=x", 400, id="export-with-cursor"),
        pytest.param("user=%24where", 200, id="a-dollar-is-a-value"),
        pytest.param("compiler=%7B%22%24gt%22%3A%22%22%7D", 200, id="json-is-a-value"),
    ],
)
async def test_parameters_are_refused_or_values(
    made_client: AsyncClient, query: str, status: int
) -> None:
    answer = await made_client.get(f"{LIST}?{query}")
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("node", "status"),
    [
        pytest.param({}, 400, id="empty"),
        pytest.param([], 400, id="list"),
        pytest.param({"and": []}, 400, id="and-of-nothing"),
        pytest.param({"$where": "1"}, 400, id="where"),
        pytest.param({"and": [], "or": []}, 400, id="two"),
        pytest.param({"field": "machine", "value": {"$gt": ""}}, 422, id="object"),
        pytest.param({"field": "machine", "value": [{"$gt": ""}]}, 422, id="object-in-a-list"),
        pytest.param({"field": "machine", "op": "$ne", "value": "a"}, 400, id="operator"),
        pytest.param({"field": "machine", "op": {"$ne": 1}, "value": "a"}, 400, id="op-object"),
        pytest.param({"field": "$where", "value": "a"}, 400, id="field"),
        pytest.param({"field": "machine", "value": 5}, 422, id="number-for-text"),
        pytest.param({"field": "status", "value": ["failed", "bogus"]}, 422, id="no-choice"),
        pytest.param({"field": "machine", "value": True}, 422, id="boolean-for-text"),
        pytest.param({"field": "complete", "value": 1}, 422, id="number-for-boolean"),
        pytest.param({"field": "machine", "op": "lt", "value": None}, 422, id="null-in-a-range"),
        pytest.param({"field": "machine", "op": "lt", "value": ["a"]}, 422, id="list-in-a-range"),
        pytest.param({"field": "machine", "value": []}, 422, id="no-value"),
        pytest.param({"field": "changeCount", "value": 1.5}, 422, id="real-for-integer"),
        pytest.param({"field": "delta.compiler", "value": {}}, 422, id="delta-object"),
        pytest.param({"field": "q", "value": 1}, 422, id="q-number"),
        pytest.param({"field": "timing.modelCost", "value": "1_0"}, 422, id="underscore"),
        pytest.param({"field": "timing.modelCost", "value": " 1"}, 422, id="blank"),
        pytest.param({"field": "timing.modelCost", "value": "-1.5e3"}, 200, id="real"),
        pytest.param({"field": "machine", "value": "a", "x": 1}, 400, id="more"),
        pytest.param({"field": "machine", "value": ["a"] * 10_001}, 422, id="many"),
        pytest.param({"field": "user", "value": ["a"] * 10_000}, 200, id="not-too-many"),
    ],
)
async def test_trees_are_refused_or_values(
    made_client: AsyncClient, node: Any, status: int
) -> None:
    answer = await made_client.post("/api/v1/query", content=orjson.dumps(node))
    assert answer.status_code == status, answer.text


def _deep(levels: int) -> bytes:
    return b'{"not":' * levels + b'{"field":"user","value":"a"}' + b"}" * levels


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(_deep(7), 200, id="8-levels"),
        pytest.param(_deep(8), 400, id="9-levels"),
        pytest.param(_deep(100_000), 400, id="100000-levels"),
        pytest.param(b"", 400, id="nothing"),
        pytest.param(b'{"field":"machine","value":NaN}', 400, id="nan"),
        pytest.param(b'{"field":"changeCount","value":1e999}', 400, id="infinite"),
        pytest.param(b'{"field":"changeCount","value":%s}' % (b"9" * 5000), 400, id="huge"),
        pytest.param(b'{"field":"machine","value":"\\ud800"}', 422, id="surrogate"),
        pytest.param(b'{"field":"machine","value":"a","\\u0000":1}', 422, id="nul-in-a-name"),
        pytest.param(b'{"x":"' + b"a" * 2**16 + b'\\ud800"}', 422, id="surrogate-far-away"),
        pytest.param(b'{"field":"machine","value":"\xff"}', 400, id="not-utf8"),
        pytest.param(b'{"field":"a","field":"machine","value":"a"}', 400, id="duplicate-name"),
        pytest.param(b'{"field":"machine","value":"%s"}' % (b"a" * 2**20), 413, id="large"),
    ],
)
async def test_bodies_that_are_no_plain_json_are_refused(
    made_client: AsyncClient, body: bytes, status: int
) -> None:
    answer = await made_client.post("/api/v1/query", content=body)
    assert answer.status_code == status, answer.text


def _request(body: bytes) -> Request:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    return Request({"type": "http", "headers": []}, receive)


async def test_nesting_has_a_limit_that_is_told() -> None:
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert await read_json(_request(deepest)) == json.loads(deepest)
    for levels in (MAX_DEPTH + 1, 100_000):
        with pytest.raises(ProblemError, match=f"nested more than {MAX_DEPTH} deep"):
            await read_json(_request(b"[" * levels + b"]" * levels))


async def test_a_large_body_is_read_quickly() -> None:
    body = b'{"a":"%s"}' % (b"x" * 2**25)
    began = time.process_time()
    await read_json(_request(body), len(body))
    assert time.process_time() - began < 1


@pytest.mark.parametrize("operator", ["contains", "startswith"])
@pytest.mark.parametrize("text", ["(a+)+$", ".*", "a.b", "^", "\\", "a*b", "$where", "a\nb"])
async def test_metacharacters_are_characters(
    made_client: AsyncClient, documents: list[dict[str, Any]], operator: str, text: str
) -> None:
    answer = await made_client.get(f"{LIST}?limit=1000&gitTag__{operator}={quote(text)}")
    tags = [item["gitTag"] for item in answer.json()["items"]]
    holds = str.__contains__ if operator == "contains" else str.startswith
    assert tags
    assert len(tags) == sum(holds(document["gitTag"], text) for document in documents)


async def test_a_pattern_that_would_take_long_does_not(made_client: AsyncClient) -> None:
    start = time.perf_counter()
    answer = await made_client.get(f"{LIST}?gitTag__contains={quote('(a+)+$' * 40)}")
    assert answer.status_code == 200
    assert time.perf_counter() - start < 10


async def test_a_wrong_name_is_answered_with_the_nearest(made_client: AsyncClient) -> None:
    for query, name in [("machin=x", "machine"), ("statu__in=x", "status"), ("sort=user1", "user")]:
        answer = await made_client.get(f"{LIST}?{query}")
        assert f"did you mean '{name}'?" in answer.json()["detail"]
