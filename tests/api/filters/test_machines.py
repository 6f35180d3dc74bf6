"""Machines are found by any of their names, and unknown ones are refused."""

from typing import Any

import pytest
from httpx2 import AsyncClient

from models.cases.identity import CaseKey
from models.cases.recording import write_case
from models.configuration.rules import DeltaRules
from models.database.client import Database
from tests.support.cases import FIRST, success
from tests.support.rest import client_of, walk

MACHINES = ["chrysalis", "nexus", "pm-cpu", "pm-gpu"]


@pytest.fixture
async def reader(database: Database) -> Any:
    for machine in MACHINES:
        key = CaseKey(machine, "ada", "v3.LR.amip_0101")
        await write_case(database, key, [success(FIRST)], DeltaRules())
    async with client_of(database) as client:
        yield client


@pytest.mark.parametrize("resource", ["cases", "executions"])
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("machine=PM-CPU", ["pm-cpu"]),
        ("machine=perlmutter", ["pm-cpu", "pm-gpu"]),
        ("machine=pm", ["pm-cpu", "pm-gpu"]),
        ("machine=Nexus", ["nexus"]),
        ("machine__in=pm-gpu,Chrysalis", ["chrysalis", "pm-gpu"]),
        ("machine__ne=perlmutter", ["chrysalis", "nexus"]),
        ("machine=frontier", []),
        ("system=Perlmutter", ["pm-cpu", "pm-gpu"]),
    ],
)
async def test_a_machine_is_found_by_any_of_its_names(
    reader: AsyncClient, resource: str, query: str, found: list[str]
) -> None:
    items = await walk(reader, f"/api/v1/{resource}?{query}")
    assert sorted(item["machine"] for item in items) == found


@pytest.mark.parametrize(
    "path",
    [
        "/executions?machine=nexxus",
        "/cases?machine__in=pm-cpu,nexxus",
        "/facets?field=status&machine=nexxus",
    ],
)
async def test_a_machine_that_does_not_exist_is_refused(reader: AsyncClient, path: str) -> None:
    answer = await reader.get(f"/api/v1{path}")
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert "did you mean 'nexus'?" in detail
    assert ", ".join(MACHINES) in detail


async def test_a_filter_in_json_knows_the_names_too(reader: AsyncClient) -> None:
    known, unknown = ({"field": "machine", "value": name} for name in ("Perlmutter", "x"))
    answer = await reader.post("/api/v1/query", json=known)
    assert len(answer.json()["items"]) == 2
    assert (await reader.post("/api/v1/query", json={"not": unknown})).status_code == 422
