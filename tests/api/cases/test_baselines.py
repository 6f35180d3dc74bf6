"""Differences to the canonical execution, to that of the lineage, to the one before, or to any."""

from typing import Any

import pytest
from httpx2 import AsyncClient

from api.cases.schemas import Comparison, ExecutionDetail, ExecutionOfCase, Timeline
from models.cases.identity import CaseKey
from models.cases.recording import write_case
from models.configuration.rules import DeltaRules
from models.database.client import Database
from tests.support.cases import BASE, FIRST, LIDS, SECOND, THIRD, failure, success
from tests.support.rest import client_of, get, walk

KEY = CaseKey("chrysalis", "ada", "v3.LR.amip_0101")
CASE = f"/api/v1/cases/{KEY.case_id}"
TEST = BASE | {"env_mach_pes.NTASKS.OCN": 128}
LAYOUT = TEST | {"env_mach_pes.NTASKS.ATM": 640}
PLAIN, TUNED = LAYOUT | {"atm_in.g.tau": 1}, LAYOUT | {"atm_in.g.tau": 2}
STORY = [
    success(FIRST, TEST | {"atm_in.g.tau": 1}, case_hash="test"),
    success(SECOND, PLAIN, case_hash="production"),
    failure(THIRD, None, case_hash="production"),
    success(LIDS[3], TUNED, case_hash="production"),
    success(LIDS[4], TUNED, case_hash="production"),
]
TASKS, TAU = "env_mach_pes.NTASKS.ATM", "atm_in.g.tau"
IDS = [each.execution.execution_id for each in STORY]


@pytest.fixture
async def story(database: Database) -> None:
    await write_case(database, KEY, STORY, DeltaRules())


@pytest.fixture
async def reader(database: Database, story: None) -> Any:
    async with client_of(database) as client:
        yield client


@pytest.mark.parametrize(
    ("baseline", "ids", "changes"),
    [
        ("canonical", [IDS[0]] * 5, [[], [TASKS], None, [TAU, TASKS], [TAU, TASKS]]),
        ("lineage", [IDS[0], *[IDS[1]] * 4], [[], [], None, [TAU], [TAU]]),
        ("previous", [None, IDS[0], None, IDS[1], IDS[3]], [None, [TASKS], None, [TAU], []]),
        (IDS[3], [IDS[3]] * 5, [[TAU, TASKS], [TAU], None, [], []]),
    ],
)
async def test_a_list_and_its_executions_show_differences_to_a_baseline(
    reader: AsyncClient, baseline: str, ids: list[str | None], changes: list[list[str] | None]
) -> None:
    items = await walk(reader, f"{CASE}/executions?baseline={baseline}&limit=2")
    assert [item["baselineExecutionId"] for item in items] == ids
    for item, changed in zip(items, changes, strict=True):
        ExecutionOfCase.model_validate(item)
        is_canonical = baseline == "canonical" and item["isCanonical"]
        assert item["changed"] == (changed or [])
        assert item["changeCount"] == (None if changed is None else len(changed))
        assert sorted(item["runConfigDeltas"] or {}) == (changed or [])
        detail = await get(reader, f"{CASE}/executions/{item['executionId']}?baseline={baseline}")
        ExecutionDetail.model_validate(detail)
        same = ("baselineExecutionId", "changed", "changeCount", "runConfigDeltas")
        assert {name: detail[name] for name in same} == {name: item[name] for name in same}
        assert is_canonical <= (detail["configuration"] is not None)


async def test_an_entry_has_the_value_of_the_baseline(reader: AsyncClient) -> None:
    detail = await get(reader, f"{CASE}/executions/{IDS[1]}?baseline={IDS[3]}")
    entry = detail["runConfigDeltas"][TAU]
    assert entry == {"canonical": 2, "current": 1, "class": "science"}


async def test_where_a_value_began_can_be_asked(reader: AsyncClient) -> None:
    (item,) = await walk(reader, f"/api/v1/executions?changedSincePrevious={TAU}")
    assert (item["executionId"], item["previousExecutionId"]) == (IDS[3], IDS[1])


async def test_lineages_name_their_first_success(reader: AsyncClient) -> None:
    lineages = (await get(reader, CASE))["lineages"]
    assert [each["canonicalExecutionId"] for each in lineages] == [IDS[0], IDS[1]]


@pytest.mark.parametrize(
    ("baseline", "keys"),
    [
        ("canonical", [TAU, TASKS]),
        ("lineage", [TAU]),
        ("previous", [TAU, TASKS]),
        (IDS[1], [TAU, TASKS]),
    ],
)
async def test_a_timeline_has_the_keys_that_differ_from_the_baseline(
    reader: AsyncClient, baseline: str, keys: list[str]
) -> None:
    answer = await get(reader, f"{CASE}/timeline?baseline={baseline}")
    Timeline.model_validate(answer)
    assert [change["key"] for change in answer["changes"]] == keys
    runs = answer["changes"][0]["runs"]
    assert [(run["value"], run["first"], run["count"]) for run in runs] == [
        (1, IDS[0], 2),
        (2, IDS[3], 2),
    ]
    assert answer["changes"][0]["canonical"] == 1


async def test_a_timeline_knows_what_is_absent(reader: AsyncClient) -> None:
    answer = await get(reader, f"{CASE}/timeline?baseline=previous")
    runs = {change["key"]: change["runs"] for change in answer["changes"]}[TASKS]
    assert [(run["value"], run["absent"], run["count"]) for run in runs] == [
        (None, True, 1),
        (640, False, 3),
    ]


@pytest.mark.parametrize("path", ["/executions", f"/executions/{IDS[1]}", "/timeline"])
@pytest.mark.parametrize("baseline", ["newest", "../x", IDS[2]])
async def test_a_baseline_that_cannot_be_compared_with_is_refused(
    reader: AsyncClient, path: str, baseline: str
) -> None:
    answer = await reader.get(CASE + path, params={"baseline": baseline})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "baseline"


@pytest.mark.parametrize(
    "query", [f"changed={TAU}", "changeCount__gte=1", f"delta.{TAU}=2", "sort=-changeCount"]
)
async def test_filters_by_other_differences_are_refused(reader: AsyncClient, query: str) -> None:
    path = f"{CASE}/executions?{query}"
    assert (await reader.get(path)).status_code == 200
    answer = await reader.get(f"{path}&baseline=previous")
    assert answer.status_code == 400
    assert "changedSincePrevious" in answer.json()["detail"]


async def test_a_comparison_begins_with_the_baseline(reader: AsyncClient) -> None:
    left = f"{KEY.case_id}/{IDS[3]}"
    answer = await get(reader, f"/api/v1/compare?left={left}&baseline=lineage")
    Comparison.model_validate(answer)
    assert [each["executionId"] for each in answer["executions"]] == [IDS[1], IDS[3]]
    (group,) = answer["groups"]
    assert group["differences"] == [{"key": TAU, "values": [1, 2], "absent": [False, False]}]
    more = await get(reader, f"/api/v1/compare?left={left}&baseline=previous&right={left}")
    assert len(more["executions"]) == 3


@pytest.mark.parametrize(
    "query", ["", "&baseline=previous", "&baseline=nothing", f"&baseline={IDS[2]}"]
)
async def test_a_comparison_without_a_second_execution_is_refused(
    reader: AsyncClient, query: str
) -> None:
    answer = await reader.get(f"/api/v1/compare?left={KEY.case_id}/{IDS[0]}{query}")
    assert answer.status_code in {404, 422}
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", ["/executions", f"/executions/{IDS[1]}", "/timeline"])
async def test_the_tags_of_baselines_differ(reader: AsyncClient, path: str) -> None:
    tags = set()
    for baseline in ("canonical", "previous"):
        url = f"{CASE}{path}?baseline={baseline}"
        tag = (await reader.get(url)).headers["etag"]
        assert (await reader.get(url, headers={"If-None-Match": tag})).status_code == 304
        tags.add(tag)
    assert len(tags) == 2


async def test_what_an_earlier_version_recorded_can_be_shown(
    reader: AsyncClient, database: Database
) -> None:
    new = {"changedSincePrevious": "", "previousExecutionId": ""}
    await database.executions.update({"executionId": IDS[1]}, {"$unset": new})
    case = await get(reader, CASE)
    assert case["executions"][1]["changedSincePrevious"] is None
    assert (await get(reader, f"{CASE}/executions?baseline=previous"))["items"]
