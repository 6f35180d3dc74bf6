"""Bills of materials: valid by CycloneDX's own schema, complete, and always the same."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from models.database.client import Database
from tests.support.rest import client_of

API = "/api/v1"


@pytest.fixture(scope="module")
async def shown(demo: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application on what the demonstration shows."""
    async with client_of(demo) as client:
        yield client


def valid(text: str) -> dict[str, Any]:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill: dict[str, Any] = json.loads(text)
    return bill


async def bill_of(shown: httpx2.AsyncClient, path: str) -> dict[str, Any]:
    answer = await shown.get(f"{API}{path}", params={"format": "cyclonedx"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.cyclonedx+json; version=1.6"
    again = await shown.get(f"{API}{path}", params={"format": "cyclonedx"})
    assert again.content == answer.content
    return valid(answer.text)


@pytest.mark.slow
async def test_the_bill_of_a_spec_has_all_below_it(shown: httpx2.AsyncClient) -> None:
    roots = (await shown.get(f"{API}/specs?name=netcdf-c&isRoot=true")).json()["items"]
    own = roots[0]["hash"] if roots else None
    own = own or (await shown.get(f"{API}/specs?name=netcdf-c")).json()["items"][0]["hash"]
    bill = await bill_of(shown, f"/specs/{own}")
    below = (await shown.get(f"{API}/specs/{own}/dependencies")).json()["items"]
    by_ref = {each["bom-ref"]: each for each in bill["components"]}
    assert by_ref.keys() == {each["hash"] for each in below}
    for entry in below:
        component = by_ref[entry["hash"]]
        assert (component["name"], component["version"]) == (entry["name"], entry["version"])
        assert component["purl"].startswith("pkg:spack/")
        assert component["purl"].endswith(f"@{entry['version']}?sha={entry['hash']}")
        assert component["scope"] == ("required" if entry["scope"] == "run" else "excluded")
    assert "excluded" in {each["scope"] for each in bill["components"]}
    main = bill["metadata"]["component"]
    assert main["bom-ref"] == own
    edges = (await shown.get(f"{API}/specs/{own}/dag")).json()["edges"]
    found = {(each["ref"], to) for each in bill["dependencies"] for to in each.get("dependsOn", ())}
    assert found == {(edge["parent"], edge["child"]) for edge in edges}


@pytest.mark.slow
async def test_the_bill_of_an_execution_and_of_a_case(shown: httpx2.AsyncClient) -> None:
    found = (await shown.get(f"{API}/executions?dependsOn=zlib@:1.2.12&limit=1")).json()["items"][0]
    case, own = found["caseId"], found["executionId"]
    software = (await shown.get(f"{API}/cases/{case}/executions/{own}/software")).json()["software"]
    bill = await bill_of(shown, f"/cases/{case}/executions/{own}/software")
    assert bill["metadata"]["component"]["version"] == own
    names = {each["name"] for each in bill["components"]}
    assert {each["name"] for each in software} | {"zlib"} <= names
    (main,) = (each for each in bill["dependencies"] if each["ref"] == f"{case}/{own}")
    assert len(main["dependsOn"]) == len(software)
    whole = await bill_of(shown, f"/cases/{case}/software")
    assert names <= {each["name"] for each in whole["components"]}


@pytest.mark.slow
async def test_what_has_no_software_has_no_bill(shown: httpx2.AsyncClient) -> None:
    cases = (await shown.get(f"{API}/cases?limit=1000")).json()["items"]
    statuses = set()
    for case in cases:
        path = f"{API}/cases/{case['id']}/software"
        stacks = (await shown.get(path)).json()["stacks"]
        is_empty = not any(stack["software"] for stack in stacks)
        answer = await shown.get(path, params={"format": "cyclonedx"})
        assert answer.status_code == (404 if is_empty else 200)
        statuses.add(answer.status_code)
    assert 200 in statuses
    own = (await shown.get(f"{API}/specs?limit=1")).json()["items"][0]["hash"]
    wrong = await shown.get(f"{API}/specs/{own}", params={"format": "spdx"})
    assert wrong.status_code == 422
    assert "cyclonedx" in wrong.text
