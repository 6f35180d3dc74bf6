"""Pages: every document exactly once, whatever is written meanwhile (R-23)."""

import base64
import random
from typing import Any

import orjson
import pytest
from httpx2 import AsyncClient

from models.cases.execution_fields import EXECUTIONS
from models.database.client import Database
from models.database.writes import Delete, Insert
from tests.support.execution_documents import execution_document
from tests.support.rest import walk

LIST = "/api/v1/executions"
SORTS = [
    "-lidTime", "machine", "-machine", "changeCount", "-changeCount", "-compiler", "compiler",
    "simulationStart", "timing.modelCost", "-timing.modelCost", "complete", "machine,-changeCount",
    "-status,compiler,runStartLocal", "-runEndLocal", "executionId",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("sort", SORTS)
async def test_a_walk_under_concurrent_writes_sees_every_document_once(
    made_client: AsyncClient, made: Database, documents: list[dict[str, Any]], sort: str
) -> None:
    chance = random.Random(sort)
    following: str | None = f"{LIST}?sort={sort}&limit=17"
    seen: list[str] = []
    written: list[str] = []
    while following is not None:
        page = (await made_client.get(following)).json()
        seen += [f"{item['caseId']}/{item['executionId']}" for item in page["items"]]
        following = page["links"]["next"]
        new = execution_document(chance, 10_000 + len(written))
        written.append(new["_id"])
        await made.write([Insert(made.executions, new)])
        if len(written) % 3 == 0:
            await made.write([Delete(made.executions, written[-2])])
    for document_id in written:
        await made.write([Delete(made.executions, document_id)])
    assert len(seen) == len(set(seen))
    assert {document["_id"] for document in documents} <= set(seen)
    assert set(seen) <= {document["_id"] for document in documents} | set(written)


def rank(value: Any) -> tuple[bool, Any]:
    """Null stands before everything else."""
    return value is not None, value


@pytest.mark.parametrize("sort", [sort for sort in SORTS if "," not in sort])
async def test_items_stand_in_order_and_null_is_the_least(
    made_client: AsyncClient, documents: list[dict[str, Any]], sort: str
) -> None:
    field = EXECUTIONS.by_name[sort.removeprefix("-")]

    def key(document: dict[str, Any]) -> Any:
        value: Any = document
        for part in field.stored.split("."):
            value = value.get(part) if value is not None else None
        return rank(value), document["lidTime"], document["_id"]

    expected = sorted(documents, key=key, reverse=sort.startswith("-"))
    items = await walk(made_client, f"{LIST}?sort={sort}&limit=50")
    assert [item["executionId"] for item in items] == [d["executionId"] for d in expected]


async def test_the_next_page_is_in_a_link_header_too(made_client: AsyncClient) -> None:
    answer = await made_client.get(f"{LIST}?limit=5")
    assert answer.headers["link"] == f'<{answer.json()["links"]["next"]}>; rel="next"'


@pytest.mark.parametrize("how", ["value", "digest", "length", "type", "object"])
async def test_a_cursor_that_is_tampered_with_is_refused(
    made_client: AsyncClient, how: str
) -> None:
    page = (await made_client.get(f"{LIST}?limit=5")).json()
    cursor = page["links"]["next"].partition("cursor=")[2]
    content = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    match how:
        case "value":
            content[1] = "2000"
        case "digest":
            content[0] = "0" * 18
        case "length":
            content.pop()
        case "type":
            content[1] = 1
        case _:
            content[1] = {"$gt": ""}
    forged = base64.urlsafe_b64encode(orjson.dumps(content)).decode()
    answer = await made_client.get(LIST, params={"limit": 5, "cursor": forged})
    assert answer.status_code == 400


async def test_a_count_is_given_when_it_is_asked_for(
    made_client: AsyncClient, documents: list[dict[str, Any]]
) -> None:
    exact = await made_client.get(f"{LIST}?limit=1&count=exact&status=failed")
    assert exact.json()["count"] == sum(d["status"] == "failed" for d in documents)
    estimate = await made_client.get(f"{LIST}?limit=1&count=estimate")
    assert estimate.json()["count"] == len(documents)


async def test_a_query_goes_on_at_its_next_link(
    made_client: AsyncClient, documents: list[dict[str, Any]]
) -> None:
    node = orjson.dumps({"field": "status", "value": "failed"})
    following: str | None = "/api/v1/query?limit=10"
    seen: list[str] = []
    while following is not None:
        page = (await made_client.post(following, content=node)).json()
        seen += [item["executionId"] for item in page["items"]]
        following = page["links"]["next"]
    assert sorted(seen) == sorted(d["executionId"] for d in documents if d["status"] == "failed")
