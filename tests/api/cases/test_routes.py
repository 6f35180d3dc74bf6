import pytest
from httpx2 import AsyncClient

from api.cases.schemas import CaseDetail, CaseItem, ExecutionDetail
from api.http.schemas import PageOf
from models.configuration.keys import flatten
from models.database.client import Database
from tests.support.archives import key_of, sample_cases
from tests.support.rest import get, walk

pytestmark = pytest.mark.usefixtures("ledger")

CASES = "/api/v1/cases"


async def test_list_has_all_cases_by_name(client: AsyncClient) -> None:
    page = await get(client, CASES)
    assert [item["name"] for item in page["items"]] == sorted(c.name for c in sample_cases())
    assert page["links"] == {"self": CASES, "next": None}
    assert page["count"] is None


async def test_list_answers_as_its_schema_says(client: AsyncClient) -> None:
    answer = await client.get(CASES)
    PageOf[CaseItem].model_validate_json(answer.content)


@pytest.mark.parametrize("limit", [1, 3, 7, 8, 9])
async def test_pages_have_every_case_once(client: AsyncClient, limit: int) -> None:
    items = await walk(client, f"{CASES}?limit={limit}")
    assert sorted(item["id"] for item in items) == sorted(
        key_of(case).case_id for case in sample_cases()
    )


async def test_a_case_carries_its_identity_and_its_executions(client: AsyncClient) -> None:
    truth = sample_cases()[0]
    case = await get(client, f"{CASES}/{key_of(truth).case_id}")
    assert (case["machine"], case["user"], case["name"]) == (
        truth.machine, truth.user, truth.name,
    )  # fmt: skip
    assert case["caseGroup"] == truth.case_group
    assert case["canonicalExecutionId"] == truth.canonical
    assert case["executionCount"] == len(truth.executions)
    assert [e["executionId"] for e in case["executions"]] == [e.lid for e in truth.executions]
    assert [e["isCanonical"] for e in case["executions"]] == [
        e.is_canonical for e in truth.executions
    ]


async def test_a_case_answers_as_its_schema_says(client: AsyncClient) -> None:
    for truth in sample_cases():
        answer = await client.get(f"{CASES}/{key_of(truth).case_id}")
        CaseDetail.model_validate_json(answer.content)


async def test_the_change_count_counts_configuration_only(client: AsyncClient) -> None:
    for truth in sample_cases():
        if truth.canonical is None:
            continue
        case = await get(client, f"{CASES}/{key_of(truth).case_id}")
        for execution, expected in zip(case["executions"], truth.executions, strict=True):
            changes = [c for c in expected.changes if c.kind == "configuration"]
            assert execution["changeCount"] == len(changes)
            assert execution["changed"] == sorted(c.key for c in changes)


async def test_configuration_has_the_keys_that_a_mongodb_query_needs(
    client: AsyncClient, ledger: Database
) -> None:
    case_id = key_of(sample_cases()[0]).case_id
    case = await get(client, f"{CASES}/{case_id}")
    stored = await ledger.cases.find_one({"_id": case_id})
    assert stored is not None
    assert case["configuration"] == flatten(stored["configuration"])
    key, value = "env_run.STOP_N", case["configuration"]["env_run.STOP_N"]
    assert await ledger.cases.count({"_id": case_id, f"configuration.{key}": value}) == 1


async def test_a_delta_key_is_a_path_in_mongodb(client: AsyncClient, ledger: Database) -> None:
    items = await walk(client, "/api/v1/executions")
    changed = next(item for item in items if item["runConfigDeltas"])
    key, entry = next(iter(changed["runConfigDeltas"].items()))
    query = {"executions": {"$elemMatch": {
        "executionId": changed["executionId"],
        f"runConfigDeltas.{key}.current": entry["current"],
    }}}  # fmt: skip
    assert await ledger.cases.count(query) == 1


async def test_every_execution_answers_as_its_schema_says(client: AsyncClient) -> None:
    for truth in sample_cases():
        for execution in truth.executions:
            path = f"{CASES}/{key_of(truth).case_id}/executions/{execution.lid}"
            answer = await client.get(path)
            ExecutionDetail.model_validate_json(answer.content)


async def test_the_canonical_execution_has_its_configuration_and_no_deltas(
    client: AsyncClient,
) -> None:
    truth = sample_cases()[0]
    path = f"{CASES}/{key_of(truth).case_id}/executions/{truth.canonical}"
    execution = await get(client, path)
    assert execution["isCanonical"]
    assert execution["runConfigDeltas"] is None
    assert execution["configuration"]["env_build.COMPILER"] == truth.compiler
    assert execution["compset"] == truth.compset
    assert execution["compsetAlias"] == truth.compset_long
    assert execution["gridName"] == truth.grid_alias
    assert execution["gridResolution"] == truth.grid_long


async def test_another_execution_has_its_own_values_and_its_configuration_on_request(
    client: AsyncClient,
) -> None:
    truth, execution = next(
        (case, e)
        for case in sample_cases()
        for e in case.executions
        if case.canonical and any(c.key == "compiler" for c in e.changes)
    )
    change = next(c for c in execution.changes if c.key == "compiler")
    path = f"{CASES}/{key_of(truth).case_id}/executions/{execution.lid}"
    plain, full = await get(client, path), await get(client, f"{path}?config=full")
    assert plain["compiler"] == change.current
    entry = plain["runConfigDeltas"]["compiler"]
    assert (entry["canonical"], entry["current"], entry["class"]) == (
        change.canonical, change.current, "build",
    )  # fmt: skip
    assert "env_mach_specific.modules" in entry["alsoIn"]
    assert plain["configuration"] is None
    assert full["configuration"]["env_build.COMPILER"] == change.current


async def test_an_execution_without_differences_has_null_and_not_an_empty_map(
    client: AsyncClient,
) -> None:
    items = await walk(client, "/api/v1/executions")
    assert {} not in [item["runConfigDeltas"] for item in items]
    assert None in [item["runConfigDeltas"] for item in items if not item["isCanonical"]]


@pytest.mark.parametrize(
    ("path", "what"),
    [
        pytest.param("/api/v1/cases/nothing", "case", id="case"),
        pytest.param("/api/v1/cases/nothing/executions/1.250101-000000", "case", id="execution"),
    ],
)
async def test_what_is_not_there_is_a_problem(client: AsyncClient, path: str, what: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert f"no {what}" in answer.json()["detail"]


async def test_an_execution_of_another_case_is_not_there(client: AsyncClient) -> None:
    first, second = sample_cases()[:2]
    path = f"{CASES}/{key_of(first).case_id}/executions/{second.executions[0].lid}"
    answer = await client.get(path)
    assert answer.status_code == 404
    assert "no execution" in answer.json()["detail"]
