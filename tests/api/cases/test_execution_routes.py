import pytest
from httpx2 import AsyncClient

from api.cases.schemas import ExecutionItem
from api.http.schemas import PageOf
from models.cases.lid import parse_lid
from models.database.client import Database
from models.database.writes import Delete, Insert
from tests.support.archives import key_of, sample_cases
from tests.support.rest import get, walk

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
    case_id = key_of(sample_cases()[0]).case_id
    items = await walk(client, f"/api/v1/cases/{case_id}/executions?limit=2")
    lids = [parse_lid(item["executionId"]) for item in items]
    keys = [lid.order_key for lid in lids if lid]
    assert keys == sorted(keys)
    assert len(keys) == len(sample_cases()[0].executions)


async def test_the_latest_executions_stand_first(client: AsyncClient) -> None:
    times = [item["lidTime"] for item in await walk(client, f"{EXECUTIONS}?limit=5")]
    assert times == sorted(times, reverse=True)


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
    listed = await ledger.executions.find_one({})
    assert listed is not None
    late = listed | {"_id": "x/1.990101-000000", "lidTime": "2099-01-01T00:00:00"}
    await ledger.write([Insert(ledger.executions, late)])
    rest = await walk(client, first["links"]["next"])
    await ledger.write([Delete(ledger.executions, late["_id"])])
    seen = [(item["caseId"], item["executionId"]) for item in [*first["items"], *rest]]
    assert set(seen) == EVERY
    assert len(seen) == len(EVERY)
