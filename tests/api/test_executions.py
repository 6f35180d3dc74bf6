import pytest
from httpx2 import AsyncClient

from api.schemas import ExecutionItem, PageOf
from models.database import Database
from models.lid import parse_lid
from tests.api.test_cases import get, walk
from tests.archives import key_of, sample_cases

pytestmark = pytest.mark.usefixtures("ledger")

EXECUTIONS = "/api/v1/executions"
EVERY = {(key_of(case).case_id, e.lid) for case in sample_cases() for e in case.executions}


async def test_list_answers_as_its_schema_says(client: AsyncClient) -> None:
    answer = await client.get(EXECUTIONS)
    PageOf[ExecutionItem].model_validate_json(answer.content)


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
async def test_pages_have_every_execution_once(client: AsyncClient, limit: int) -> None:
    items = await walk(client, f"{EXECUTIONS}?limit={limit}")
    assert len(items) == len(EVERY)
    assert {(item["caseId"], item["executionId"]) for item in items} == EVERY


async def test_executions_stand_in_order_of_submission_in_their_case(client: AsyncClient) -> None:
    items = await walk(client, f"{EXECUTIONS}?limit=5")
    lids = [parse_lid(i["executionId"]) for i in items if i["caseId"] == items[0]["caseId"]]
    keys = [lid.order_key for lid in lids if lid]
    assert keys == sorted(keys)


async def test_an_execution_carries_the_name_and_group_of_its_case(client: AsyncClient) -> None:
    by_id = {key_of(case).case_id: case for case in sample_cases()}
    for item in await walk(client, EXECUTIONS):
        case = by_id[item["caseId"]]
        assert (item["caseName"], item["caseGroup"]) == (case.name, case.case_group)


async def test_simulations_is_the_older_name(client: AsyncClient) -> None:
    older = await get(client, "/api/v1/simulations")
    newer = await get(client, EXECUTIONS)
    assert older["items"] == newer["items"]


async def test_an_execution_that_arrives_between_two_pages_does_not_shift_them(
    client: AsyncClient, ledger: Database
) -> None:
    first = await get(client, f"{EXECUTIONS}?limit=3")
    query = {"_id": first["items"][0]["caseId"]}
    case = await ledger.cases.find_one(query)
    assert case is not None
    early = case["executions"][0] | {
        "executionId": "1.000101-000000",
        "orderKey": "2000-01-01T00:00:00/000000000000000001/1.000101-000000",
    }
    await ledger.cases.update(query, {"$set": {"executions": [early, *case["executions"]]}})
    rest = await walk(client, first["links"]["next"])
    seen = {(item["caseId"], item["executionId"]) for item in [*first["items"], *rest]}
    assert seen == EVERY


async def test_a_page_is_read_along_an_index(ledger: Database) -> None:
    plan = await ledger.cases.explain({"name": {"$gte": "a"}}, [("name", 1), ("_id", 1)])
    assert "IXSCAN" in str(plan["queryPlanner"]["winningPlan"])
    assert "SORT'" not in str(plan["queryPlanner"]["winningPlan"])
