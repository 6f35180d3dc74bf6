"""Single documents and what is made of them: tags, timelines, comparisons, overflow."""

from typing import Any

import pytest
from httpx2 import AsyncClient

from api.cases.comparison import compare
from api.cases.schemas import Comparison, Timeline
from models.configuration.delta import is_same_value
from models.configuration.values import Configuration
from models.configuration.variation import VariationTable
from models.database.client import Database
from tests.support.archives import key_of, sample_cases
from tests.support.rest import get, walk

CASES = "/api/v1/cases"


def case_path(number: int = 0) -> str:
    return f"{CASES}/{key_of(sample_cases()[number]).case_id}"


def changed_case() -> str:
    """Return the path of a case with several changes."""
    most = max(sample_cases(), key=lambda case: sum(len(e.changes) for e in case.executions))
    return f"{CASES}/{key_of(most).case_id}"


@pytest.mark.parametrize("tail", ["", "/executions", "/timeline", "/executions/{lid}"])
async def test_what_the_client_has_is_not_sent_again(client: AsyncClient, tail: str) -> None:
    path = case_path() + tail.format(lid=sample_cases()[0].executions[0].lid)
    first = await client.get(path)
    tag = first.headers["etag"]
    again = await client.get(path, headers={"If-None-Match": f'"x", W/{tag}'})
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == tag
    other = await client.get(path, headers={"If-None-Match": '"x"'})
    assert other.status_code == 200


async def test_views_of_one_document_have_tags_of_their_own(client: AsyncClient) -> None:
    path = f"{case_path()}/executions/{sample_cases()[0].executions[0].lid}"
    tags = {(await client.get(path + tail)).headers["etag"] for tail in ("", "?config=full")}
    assert len(tags) == 2


async def test_a_timeline_tells_the_values_in_order(client: AsyncClient) -> None:
    answer = await get(client, changed_case() + "/timeline")
    Timeline.model_validate(answer)
    ids = [item["executionId"] for item in answer["executions"]]
    configurations = {}
    for execution_id in ids:
        execution = await get(client, f"{changed_case()}/executions/{execution_id}?config=full")
        if execution["configuration"] is not None:
            configurations[execution_id] = execution["configuration"]
    assert answer["changes"]
    for change in answer["changes"]:
        told = [run for run in change["runs"] for _ in range(run["count"])]
        assert len(told) == len(configurations)
        for run, configuration in zip(told, configurations.values(), strict=True):
            assert run["absent"] == (change["key"] not in configuration)
            assert is_same_value(run["value"], configuration.get(change["key"]))


async def test_a_comparison_leaves_out_what_is_equal(client: AsyncClient) -> None:
    items = await walk(client, "/api/v1/executions?limit=1000&changeCount__gte=1")
    item = items[0]
    case = await get(client, f"{CASES}/{item['caseId']}")
    left = f"{item['caseId']}/{case['canonicalExecutionId']}"
    right = f"{item['caseId']}/{item['executionId']}"
    answer = await get(client, f"/api/v1/compare?left={left}&right={right}")
    Comparison.model_validate(answer)
    found = {
        difference["key"]: difference
        for group in answer["groups"]
        if not group["isExpected"]
        for difference in group["differences"]
    }
    for key, entry in item["runConfigDeltas"].items():
        assert found[key]["values"] == [entry["canonical"], entry["current"]]
    assert answer["equal"] > 0


async def test_executions_of_any_cases_are_compared(client: AsyncClient) -> None:
    items = await walk(client, "/api/v1/executions?limit=1000&isCanonical=true")
    pairs = [f"{item['caseId']}/{item['executionId']}" for item in items[:4]]
    query = f"left={pairs[0]}&right={pairs[1]}&more={pairs[2]}&more={pairs[3]}"
    answer = await get(client, f"/api/v1/compare?{query}")
    Comparison.model_validate(answer)
    assert [f"{e['caseId']}/{e['executionId']}" for e in answer["executions"]] == pairs
    assert all(len(d["values"]) == 4 for g in answer["groups"] for d in g["differences"])


@pytest.mark.parametrize(
    ("query", "status"),
    [("left=a&right=b", 422), ("left=a/b&right=c/d", 404), ("left=a/b", 422)],
)
async def test_a_comparison_of_nothing_is_refused(
    client: AsyncClient, query: str, status: int
) -> None:
    assert (await client.get(f"/api/v1/compare?{query}")).status_code == status


def test_differences_are_grouped_and_files_that_are_not_recorded_left_out() -> None:
    first = Configuration.of({"compiler": "gnu", "env_run.STOP_N": 5, "atm_in.a.b": 1.0})
    second = Configuration.of({"compiler": "intel", "env_run.STOP_N": 6, "env_run.X": None})
    answer = compare([first, second], VariationTable())
    groups = {(g["file"], g["class"]): g["differences"] for g in answer["groups"]}
    assert groups["metadata", "build"] == [
        {"key": "compiler", "values": ["gnu", "intel"], "absent": [False, False]}
    ]
    assert groups["env_run", "segment"][0]["values"] == [5, 6]
    assert answer["notRecorded"] == ["atm_in"]
    everything = [d for differences in groups.values() for d in differences]
    assert {d["key"]: d["absent"] for d in everything}["env_run.X"] == [True, False]


async def test_an_execution_in_an_overflow_document_is_like_any_other(
    client: AsyncClient, ledger: Database
) -> None:
    case = sample_cases()[0]
    path, last = case_path(), case.executions[-1].lid
    whole = await get(client, path)
    before = await get(client, f"{path}/executions/{last}")
    document: Any = await ledger.cases.find_one({"_id": whole["id"]})
    moved = {"_id": f"{whole['id']}/1", "caseId": whole["id"], "number": 1,
             "executions": [document["executions"][-1]]}  # fmt: skip
    await ledger.case_overflows.insert(moved)
    query = {"_id": whole["id"]}
    await ledger.cases.update(query, {"$set": {"executions": document["executions"][:-1]}})
    try:
        assert await get(client, f"{path}/executions/{last}") == before
        assert await get(client, path) == whole
    finally:
        await ledger.cases.update(query, {"$set": {"executions": document["executions"]}})
        await ledger.case_overflows._collection.delete_many({})
