"""Searches by configuration and by what changed find what the rebuilt configurations hold."""

from collections import Counter
from typing import Any

import orjson
import pytest
from httpx2 import AsyncClient

from api.filters import config
from models.configuration.delta import is_same_value
from models.configuration.metadata import METADATA_FIELDS
from models.database.client import Database
from tests.support.rest import get, walk

pytestmark = pytest.mark.usefixtures("ledger")

LIST = "/api/v1/executions"
KEYS = [
    "env_build.COMPILER", "env_build.GRID", "env_run.STOP_N", "env_run.CONTINUE_RUN",
    "env_run.STOP_OPTION", "env_run.ATM_NCPL", "env_mach_pes.NTASKS.ATM", "compiler",
    "env_run.NO_SUCH",
]  # fmt: skip


@pytest.fixture(scope="module")
async def configurations(client: AsyncClient) -> dict[str, dict[str, Any]]:
    """The whole configuration of every execution that has one."""
    found = {}
    for item in await walk(client, LIST):
        path = f"/api/v1/cases/{item['caseId']}/executions/{item['executionId']}?config=full"
        execution = await get(client, path)
        if execution["configuration"] is not None:
            found[f"{item['caseId']}/{item['executionId']}"] = execution["configuration"]
    return found


def name(item: dict[str, Any]) -> str:
    return f"{item['caseId']}/{item['executionId']}"


@pytest.fixture(params=[0, 1000], ids=["looked-up", "by-id"])
def most(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """So many cases are asked for by their ids, however large a part of all these are."""
    monkeypatch.setattr(config, "MAX_CASES", request.param)
    monkeypatch.setattr(config, "COMMON_ONE_IN", 1)
    return int(request.param)


@pytest.mark.usefixtures("most")
@pytest.mark.parametrize("key", KEYS)
async def test_a_value_finds_the_executions_that_have_it(
    client: AsyncClient, configurations: dict[str, dict[str, Any]], key: str
) -> None:
    having = {one: c[key] for one, c in configurations.items() if key in c}
    values = [v for v in having.values() if v is not None]
    for value in {str(v): v for v in values}.values():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        items = await walk(client, f"{LIST}?limit=1000&config.{key}={text}")
        assert {name(i) for i in items} == {o for o, v in having.items() if is_same_value(v, value)}
        others = await walk(client, f"{LIST}?limit=1000&config.{key}__ne={text}")
        assert {name(i) for i in others} == {
            o for o, v in having.items() if not is_same_value(v, value)
        }
    items = await walk(client, f"{LIST}?limit=1000&config.{key}__exists=true")
    assert {name(i) for i in items} == having.keys()
    items = await walk(client, f"{LIST}?limit=1000&config.{key}__exists=false")
    assert not {name(i) for i in items} & having.keys()


@pytest.mark.usefixtures("most")
async def test_a_range_of_a_value_is_one_of_numbers(
    client: AsyncClient, configurations: dict[str, dict[str, Any]]
) -> None:
    items = await walk(client, f"{LIST}?limit=1000&config.env_run.STOP_N__gte=5")
    assert {name(i) for i in items} == {
        one for one, c in configurations.items() if isinstance(c.get("env_run.STOP_N"), int)
        and c["env_run.STOP_N"] >= 5
    }  # fmt: skip


@pytest.mark.usefixtures("most")
async def test_several_values_pages_counts_facets_and_streams_agree(client: AsyncClient) -> None:
    query = "config.env_build.COMPILER=intel&config.env_run.STOP_N__exists=true&status=completed"
    first = await get(client, f"{LIST}?{query}&limit=1000&count=exact")
    assert first["count"] == len(first["items"]) > 7
    assert await walk(client, f"{LIST}?{query}&limit=7") == first["items"]
    sort = "sort=-changeCount,machine"
    backwards = await walk(client, f"{LIST}?{query}&limit=7&{sort}")
    assert sorted(map(name, backwards)) == sorted(map(name, first["items"]))
    lines = (await client.get(f"{LIST}?{query}&format=ndjson")).text.splitlines()
    assert [orjson.loads(line) for line in lines] == first["items"]
    facets = await get(client, f"/api/v1/facets?field=machine&{query}")
    counts = Counter(item["machine"] for item in first["items"])
    assert {one["value"]: one["count"] for one in facets["values"]} == counts


@pytest.mark.usefixtures("most")
async def test_trees_ask_for_configurations_too(
    client: AsyncClient, configurations: dict[str, dict[str, Any]]
) -> None:
    tree = {
        "or": [
            {"not": {"field": "config.env_run.STOP_N", "op": "exists", "value": True}},
            {"field": "config.env_build.COMPILER", "value": "gnu"},
        ]
    }
    answer = await client.post("/api/v1/query?limit=1000", json=tree)
    items = await walk(client, f"{LIST}?limit=1000")
    having = [configurations.get(name(item), {}) for item in items]
    wanted = [
        name(item)
        for item, values in zip(items, having, strict=True)
        if "env_run.STOP_N" not in values or values.get("env_build.COMPILER") == "gnu"
    ]
    assert [name(item) for item in answer.json()["items"]] == wanted


@pytest.mark.usefixtures("most")
async def test_other_conditions_narrow_the_search(client: AsyncClient) -> None:
    every = await walk(client, f"{LIST}?limit=1000&config.env_run.STOP_N__exists=true")
    machine = every[0]["machine"]
    query = f"limit=1000&machine={machine}&config.env_run.STOP_N__exists=true"
    narrowed = await walk(client, f"{LIST}?{query}")
    assert {name(i) for i in narrowed} == {name(i) for i in every if i["machine"] == machine}
    case_id = every[0]["caseId"]
    of_case = await walk(
        client, f"/api/v1/cases/{case_id}/executions?config.env_run.STOP_N__exists=true"
    )
    assert {name(i) for i in of_case} == {name(i) for i in every if i["caseId"] == case_id}


async def test_cases_are_found_by_what_they_hold(client: AsyncClient, ledger: Database) -> None:
    items = await walk(client, "/api/v1/cases?config.env_build.COMPILER=intel")
    expected = await ledger.cases.count({"configuration.env_build.COMPILER": "intel"})
    assert len(items) == expected > 0


async def test_what_changed_is_found_by_key_and_by_value(client: AsyncClient) -> None:
    every = await walk(client, f"{LIST}?limit=1000")
    changed = [(i, key, e) for i in every for key, e in (i["runConfigDeltas"] or {}).items()]
    assert changed
    for _, key, entry in changed:
        if isinstance(entry["current"], list | None):
            continue
        by_key = await walk(client, f"{LIST}?changed={key}")
        assert {name(i) for i in by_key} == {name(i) for i, k, _ in changed if k == key}
        text = str(entry["current"])
        by_value = await get_items(client, f"delta.{key}", text)
        assert {name(i) for i in by_value} == {
            name(i)
            for i, k, e in changed
            if k == key and is_same_value(e["current"], entry["current"])
        }


async def test_a_variable_may_be_asked_for_instead_of_its_metadata_field(
    client: AsyncClient,
) -> None:
    for field, variable in METADATA_FIELDS.items():
        if variable is not None:
            by_field = await walk(client, f"{LIST}?changed={field}")
            by_variable = await walk(client, f"{LIST}?changed={variable}")
            assert {name(i) for i in by_field} <= {name(i) for i in by_variable}


async def get_items(client: AsyncClient, parameter: str, value: str) -> list[dict[str, Any]]:
    answer = await client.get(LIST, params={parameter: value, "limit": 1000})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items
