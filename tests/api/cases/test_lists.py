"""Lists of cases are small however many executions the cases have."""

import csv
import io

import orjson
import pytest
from httpx2 import AsyncClient

from api.cases import lists
from api.lists.projection import select
from models.cases.case_fields import CASES as CASES_TABLE
from tests.support.rest import get, walk

CASES = "/api/v1/cases"
WITH_SUMMARIES = f"{CASES}?fields=id,executionCount,executions"


async def test_a_list_counts_the_executions_and_leaves_them_out(client: AsyncClient) -> None:
    for case in (await get(client, CASES))["items"]:
        assert "executions" not in case
        assert case["executionCount"] == sum(case["statusCounts"].values())


async def test_summaries_that_are_asked_for_are_those_of_the_case(client: AsyncClient) -> None:
    for case in (await get(client, WITH_SUMMARIES))["items"]:
        assert case["executions"] == (await get(client, f"{CASES}/{case['id']}"))["executions"]
        assert len(case["executions"]) == case["executionCount"]


async def test_one_field_of_the_summaries_can_be_asked_for(client: AsyncClient) -> None:
    items = (await get(client, f"{CASES}?fields=executions"))["items"]
    assert all(item.keys() == {"executions"} for item in items)


@pytest.mark.parametrize("most", [1, 7, 20, 10_000])
async def test_a_page_ends_early_where_its_cases_have_many_executions(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    whole = await walk(client, f"{WITH_SUMMARIES}&limit=1000")
    monkeypatch.setattr(lists, "MAX_SUMMARIES", most)
    page = (await get(client, WITH_SUMMARIES))["items"]
    shown = [case["executionCount"] for case in page]
    assert len(shown) == 1 or sum(shown) <= most
    assert await walk(client, WITH_SUMMARIES) == whole


@pytest.mark.parametrize("most", [1, 10_000])
async def test_an_export_has_all_summaries(
    client: AsyncClient, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    whole = await walk(client, WITH_SUMMARIES)
    monkeypatch.setattr(lists, "MAX_SUMMARIES", most)
    lines = (await client.get(f"{WITH_SUMMARIES}&format=ndjson")).text.splitlines()
    assert [orjson.loads(line) for line in lines] == whole
    text = (await client.get(f"{WITH_SUMMARIES}&format=csv")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [orjson.loads(row["executions"]) for row in rows] == [i["executions"] for i in whole]


async def test_a_page_reads_no_embedded_execution() -> None:
    for fields in (None, "id,executions"):
        projection = select(CASES_TABLE, fields).projection(["name"])
        assert "executions" not in projection
