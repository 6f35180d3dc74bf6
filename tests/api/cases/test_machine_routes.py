"""Machines and their sites, as data."""

from collections import Counter
from typing import Any

from httpx2 import AsyncClient

from api.cases.schemas import MachineItem
from api.http.schemas import ItemsOf
from tests.support.rest import get, walk


async def machines(client: AsyncClient) -> dict[str, dict[str, Any]]:
    return {each["machine"]: each for each in (await get(client, "/api/v1/machines"))["items"]}


async def test_a_machine_tells_its_site_its_system_and_the_other_names_of_it(
    client: AsyncClient,
) -> None:
    found = (await machines(client))["pm-cpu"]
    assert (found["site"], found["system"], found["isKnown"]) == ("NERSC", "perlmutter", True)
    assert found["aliases"] == ["perlmutter", "pm", "pm-gpu"]


async def test_machines_count_their_cases_and_executions(client: AsyncClient) -> None:
    found = await machines(client)
    cases = Counter(each["machine"] for each in await walk(client, "/api/v1/cases"))
    executions = Counter(each["machine"] for each in await walk(client, "/api/v1/executions"))
    assert cases == Counter({name: each["caseCount"] for name, each in found.items()})
    assert executions == Counter({name: each["executionCount"] for name, each in found.items()})


async def test_machines_answer_as_their_schema_says(client: AsyncClient) -> None:
    answer = await client.get("/api/v1/machines")
    ItemsOf[MachineItem].model_validate_json(answer.content)
