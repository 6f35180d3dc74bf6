"""`/fields`, `/facets`, `/overview`, `q`, `fields=` and the tables behind them."""

from collections import Counter
from typing import Any

import pytest
from httpx2 import AsyncClient

from api.cases.schemas import CaseItem, ExecutionItem
from api.search.schemas import Facets, FieldsOfResource, Overview
from api.specs.schemas import SpecItem
from models.resources import RESOURCES
from tests.support.archives import sample_cases
from tests.support.rest import get, walk

LIST = "/api/v1/executions"


async def test_fields_are_those_of_the_tables(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/fields")
    for item in answer.json():
        FieldsOfResource.model_validate(item)
        table = RESOURCES[item["resource"]]
        assert [field["name"] for field in item["fields"]] == [f.name for f in table.fields]


@pytest.mark.parametrize(
    ("resource", "schema"),
    [("cases", CaseItem), ("executions", ExecutionItem), ("specs", SpecItem)],
)
def test_an_item_has_the_fields_of_the_table(resource: str, schema: Any) -> None:
    shown = {field.alias or name for name, field in schema.model_fields.items()}
    assert {field.root for field in RESOURCES[resource].fields if field.listed} == shown


@pytest.mark.parametrize("name", ["machine", "status", "changed", "complete", "software.name"])
async def test_facets_count_what_the_list_has(client: AsyncClient, name: str) -> None:
    facets = await get(client, f"/api/v1/facets?field={name}")
    Facets.model_validate(facets)
    items = await walk(client, f"{LIST}?limit=1000")
    counts: Counter[Any] = Counter()
    for item in items:
        if name == "software.name":
            counts.update(one["name"] for one in item["software"])
        else:
            counts.update(item[name] if isinstance(item[name], list) else [item[name]])
    assert {one["value"]: one["count"] for one in facets["values"]} == dict(counts)


async def test_facets_obey_filters(client: AsyncClient) -> None:
    facets = await get(client, "/api/v1/facets?field=machine&status=completed")
    items = await walk(client, f"{LIST}?status=completed&limit=1000")
    assert sum(one["count"] for one in facets["values"]) == len(items)
    of_cases = await get(client, "/api/v1/facets?field=machine&resource=cases")
    assert sum(one["count"] for one in of_cases["values"]) == len(sample_cases())


@pytest.mark.parametrize("field", ["runConfigDeltas", "$machine", "machin"])
async def test_a_facet_of_no_field_is_refused(client: AsyncClient, field: str) -> None:
    answer = await client.get("/api/v1/facets", params={"field": field})
    assert answer.status_code == 400


async def test_the_overview_counts_everything(client: AsyncClient) -> None:
    overview = await get(client, "/api/v1/overview")
    Overview.model_validate(overview)
    items = await walk(client, f"{LIST}?limit=1000")
    assert overview["executions"] == len(items)
    specs = await get(client, "/api/v1/specs?limit=1000")
    assert overview["specs"] == len(specs["items"]) > 0
    assert overview["rootSpecs"] == sum(item["isRoot"] for item in specs["items"]) > 0
    builds = (await get(client, "/api/v1/builds?limit=1000"))["items"]
    assert overview["builds"] == len(builds) > 0
    assert overview["buildsByStatus"] == Counter(item["status"] for item in builds)
    assert overview["cases"] == len({item["caseId"] for item in items})
    assert overview["byMachine"] == Counter(item["machine"] for item in items)
    assert overview["byStatus"] == Counter(item["status"] for item in items)
    assert {one["month"]: one["count"] for one in overview["byMonth"]} == Counter(
        item["lidTime"][:7] for item in items
    )


async def test_each_word_of_a_search_begins_a_word_of_the_names(client: AsyncClient) -> None:
    items = await walk(client, f"{LIST}?limit=1000")
    name = items[0]["caseName"]
    found = await walk(client, f"{LIST}?limit=1000&q={name.upper()}")
    assert {item["caseName"] for item in found} == {name}
    assert len(found) == sum(item["caseName"] == name for item in items)
    assert await walk(client, f"{LIST}?q={name} nosuchword") == []
    cases = await walk(client, f"/api/v1/cases?q={name[:5]}")
    assert name in {case["name"] for case in cases}


async def test_fields_that_are_chosen_are_returned_and_no_others(client: AsyncClient) -> None:
    item = (await get(client, f"{LIST}?limit=1&fields=machine,timing.modelCost,software.name"))[
        "items"
    ][0]
    assert item.keys() == {"machine", "timing", "software"}
    assert item["timing"] is None or item["timing"].keys() == {"modelCost"}
    assert all(one.keys() == {"name"} for one in item["software"])
    case = (await get(client, "/api/v1/cases?limit=1&fields=id,name"))["items"][0]
    assert case.keys() == {"id", "name"}
