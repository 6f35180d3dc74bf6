"""From executions to the specs that they ran on, and back."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from api.cases.schemas import Comparison, ExecutionDetail
from api.software.schemas import CaseSoftware
from models.cases.execution import Software
from models.database.client import Database
from models.software.links import relink_specs
from models.software.stack import compare_software
from models.spack.version import version_key
from models.specs.deletion import find_references
from models.tokens.store import create_token
from tests.support.cases import FIRST, SECOND
from tests.support.executions import KEY
from tests.support.rest import client_of
from tests.support.software import LOADED, NETCDF, ZLIB, record

CASE = f"/api/v1/cases/{KEY.case_id}"
LINK = "/api/v1/executions/link"
NEWER = Software(name="netcdf-c", version="4.9.2", hash="bcdefgh", source="module")
NEWER_HASH = "bcdefghijklmnopqrstuvwxyz234567a"
CMAKE = "cmake2345672345672345672345672cm"


def closure(name: str, version: str, own: str, scope: str = "run") -> dict[str, Any]:
    return {"name": name, "version": version, "versionKey": version_key(version), "hash": own,
            "types": ["link"], "virtuals": [], "scope": scope, "direct": True,
            "along": ["link"]}  # fmt: skip


async def add_spec(
    database: Database, own: str, name: str, version: str, *below: dict[str, Any], gcc: str = "12"
) -> None:
    compiler = {"name": "gcc", "version": gcc, "versionKey": version_key(gcc), "hash": None}
    await database.specs.insert(
        {"_id": own, "hash": own, "hashes": [own], "name": name, "version": version,
         "versionKey": version_key(version), "compilers": [compiler], "dependencies": list(below),
         "isSpliced": False, "tombstone": None}
    )  # fmt: skip
    await relink_specs(database, [own])


@pytest.fixture
async def linked(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """Two executions on netcdf-c 4.4.1 over zlib 1.2.11, and then on 4.9.2 over zlib 1.3."""
    await record(database, FIRST, LOADED)
    await record(database, SECOND, NEWER)
    cmake = closure("cmake", "3.20", CMAKE, "build")
    await add_spec(database, ZLIB, "zlib", "1.2.11")
    zlib = closure("zlib", "1.2.11", ZLIB) | {"virtuals": ["zlib-api"]}
    await add_spec(database, NETCDF, "netcdf-c", "4.4.1", zlib, cmake)
    newer = closure("zlib", "1.3", "z" * 32)
    await add_spec(database, NEWER_HASH, "netcdf-c", "4.9.2", newer, cmake, gcc="13")
    _, token = await create_token(database, "ada", ["edit", "read"], "test", None)
    async with client_of(database) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


async def found(client: httpx2.AsyncClient, path: str) -> list[str]:
    answer = await client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return sorted(item["executionId"] for item in answer.json()["items"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("software=netcdf-c", [FIRST, SECOND], id="name"),
        pytest.param("software=netcdf-c@4.4:4.5", [FIRST], id="version"),
        pytest.param("software=netcdf-c@4.4:%20%25gcc@13", [SECOND], id="compiler"),
        pytest.param("software=netcdf-c%20%5Ezlib@1.3", [SECOND], id="dependency"),
        pytest.param("software=zlib", [], id="only beneath"),
        pytest.param("software=hdf5", [], id="another"),
        pytest.param("dependsOn=zlib@:1.2.12", [FIRST], id="beneath"),
        pytest.param("dependsOn=netcdf-c@4.4.1", [FIRST], id="directly"),
        pytest.param("dependsOn=cmake", [FIRST, SECOND], id="needed directly to build"),
        pytest.param("dependsOn=cmake&deptype=link,run", [], id="not needed to run"),
        pytest.param("dependsOn=zlib@:1.2.12&deptype=link", [FIRST], id="linked"),
        pytest.param("dependsOn=zlib@:1.2.12&deptype=test", [], id="not tested with"),
        pytest.param("dependsOn=zlib-api", [FIRST], id="on a provider"),
        pytest.param("deployedWith=zlib-api", [FIRST], id="deployed with a provider"),
        pytest.param("builtWith=zlib-api", [FIRST], id="built with a provider"),
        pytest.param("builtWith=cmake", [FIRST, SECOND], id="built with"),
        pytest.param("builtWith=cmake&dependsOn=zlib@1.3", [SECOND], id="both"),
    ],
)
async def test_executions_are_found_by_software(
    linked: httpx2.AsyncClient, query: str, expected: list[str]
) -> None:
    assert await found(linked, f"/executions?{query}") == sorted(expected)
    assert await found(linked, f"/cases/{KEY.case_id}/executions?{query}") == sorted(expected)


@pytest.mark.slow
async def test_a_search_that_makes_no_sense_is_refused(linked: httpx2.AsyncClient) -> None:
    for query in ("software=a@@", "dependsOn=", "software=zlib-api", "dependsOn=zlib-api@1.2"):
        answer = await linked.get(f"/api/v1/executions?{query}")
        assert answer.status_code == 422, query
    for query in ("cases?software=zlib", "executions?deptype=all"):
        assert (await linked.get(f"/api/v1/{query}")).status_code == 400, query


@pytest.mark.slow
async def test_a_spec_knows_its_executions(linked: httpx2.AsyncClient) -> None:
    assert await found(linked, f"/specs/{NETCDF}/executions") == [FIRST]
    for beginning in (NETCDF[:7], NETCDF[:3].upper()):
        assert await found(linked, f"/specs/{beginning}/executions") == [FIRST]
    assert await found(linked, f"/specs/{ZLIB}/executions") == []
    assert await found(linked, f"/specs/{ZLIB}/executions?beneath=true") == [FIRST]
    assert (await linked.get("/api/v1/specs/qqqqqqq/executions")).status_code == 404


async def test_an_execution_shows_its_specs(linked: httpx2.AsyncClient) -> None:
    url = f"{CASE}/executions/{FIRST}"
    answer = await linked.get(url)
    detail = ExecutionDetail.model_validate(answer.json())
    assert [(s.hash, s.role, s.candidates) for s in detail.specs] == [(NETCDF, "loaded", 1)]
    known = {"If-None-Match": answer.headers["ETag"]}
    assert (await linked.get(url, headers=known)).status_code == 304


async def test_the_answer_is_new_when_a_spec_comes(
    linked: httpx2.AsyncClient, database: Database
) -> None:
    url = f"{CASE}/executions/{FIRST}"
    known = {"If-None-Match": (await linked.get(url)).headers["ETag"]}
    await add_spec(database, f"{NETCDF[:7]}{'z' * 25}", "netcdf-c", "4.4.1")
    again = await linked.get(url, headers=known)
    assert [spec["candidates"] for spec in again.json()["specs"]] == [2, 2]


async def test_a_case_shows_when_its_software_changed(linked: httpx2.AsyncClient) -> None:
    answer = (await linked.get(f"{CASE}/software")).json()
    CaseSoftware.model_validate(answer)
    first, second = answer["stacks"]
    assert (first["executions"], second["executions"]) == ([FIRST], [SECOND])
    assert [package["hash"] for package in first["software"]] == [NETCDF]
    (change,) = second["changes"]
    assert (change["name"], change["change"]) == ("netcdf-c", "changed")
    assert [package["version"] for package in change["after"]] == ["4.9.2"]
    assert (await linked.get("/api/v1/cases/none/software")).status_code == 404


@pytest.mark.slow
async def test_a_comparison_shows_software_down_to_the_graph(linked: httpx2.AsyncClient) -> None:
    pairs = {"left": f"{KEY.case_id}/{FIRST}", "right": f"{KEY.case_id}/{SECOND}"}
    answer = await linked.get("/api/v1/compare", params=pairs)
    assert answer.status_code == 200, answer.text
    software = Comparison.model_validate(answer.json()).software
    rows = {
        row.name: [[v.version for v in value] for value in row.values] for row in software.packages
    }
    assert rows == {"netcdf-c": [["4.4.1"], ["4.9.2"]], "zlib": [["1.2.11"], ["1.3"]]}
    assert {row.change for row in software.packages} == {"changed"}


def test_what_is_not_recorded_is_told() -> None:
    told = {"name": "hdf5", "version": "1.14", "hash": "a234567", "source": "module"}
    compared = compare_software([{"software": [told]}, {"software": []}], [])
    assert compared["unresolved"] == ["hdf5@1.14"]
    assert [(row["name"], row["change"]) for row in compared["packages"]] == [("hdf5", "removed")]


@pytest.mark.slow
async def test_software_is_stated_and_withdrawn(linked: httpx2.AsyncClient) -> None:
    this = {"caseId": KEY.case_id, "executionId": FIRST, "specHash": ZLIB, "role": "built_with"}
    made = await linked.post(LINK, json=this)
    assert made.status_code == 201, made.text
    assert [(s["hash"], s["role"]) for s in made.json()["specs"]] == [
        (NETCDF, "loaded"), (ZLIB, "built_with"),
    ]  # fmt: skip
    assert made.json()["softwareLinks"][0]["statedBy"] == "ada"
    assert (await linked.post(LINK, json=this)).status_code == 200
    assert await found(linked, "/executions?builtWith=zlib@1.2.11") == [FIRST]
    assert await found(linked, f"/specs/{ZLIB}/executions") == [FIRST]
    assert (await linked.delete(LINK, params=this)).status_code == 204
    assert (await linked.delete(LINK, params=this)).status_code == 404
    assert await found(linked, f"/specs/{ZLIB}/executions") == []


@pytest.mark.slow
async def test_what_built_an_execution_and_what_it_was_deployed_with_differ(
    linked: httpx2.AsyncClient, database: Database
) -> None:
    older, newer = "p" * 32, "q" * 32
    await add_spec(database, older, "mylib", "1.0")
    await add_spec(database, newer, "mylib", "2.0", closure("zstd", "1.5", "s" * 32))
    for spec, role in ((older, "built_with"), (newer, "deployed_with")):
        this = {"caseId": KEY.case_id, "executionId": FIRST, "specHash": spec, "role": role}
        assert (await linked.post(LINK, json=this)).status_code == 201
    for query, expected in (
        ("builtWith=mylib@1.0&deployedWith=mylib@2.0", [FIRST]),
        ("deployedWith=zstd", [FIRST]),
        ("deployedWith=netcdf-c@4.4.1", [FIRST]),
        ("deployedWith=mylib@1.0", []),
        ("builtWith=mylib@2.0", []),
    ):
        assert await found(linked, f"/executions?{query}") == expected, query


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"role": "near"}, 422, id="role"),
        pytest.param({"specHash": "a"}, 422, id="hash"),
        pytest.param({"executionId": "1.2"}, 404, id="no execution"),
        pytest.param({"caseId": "none"}, 404, id="no case"),
    ],
)
async def test_a_wrong_statement_is_refused(
    linked: httpx2.AsyncClient, change: dict[str, str], status: int
) -> None:
    this = {"caseId": KEY.case_id, "executionId": FIRST, "specHash": ZLIB, "role": "built_with"}
    assert (await linked.post(LINK, json={**this, **change})).status_code == status


async def test_what_executions_are_stated_to_run_on_is_referred_to(
    linked: httpx2.AsyncClient, database: Database
) -> None:
    await add_spec(database, CMAKE, "cmake", "3.20")
    spec = await database.specs.find_one({"_id": CMAKE})
    assert spec is not None
    assert not (await find_references(database, spec)).executions
    link = {"caseId": KEY.case_id, "executionId": FIRST, "specHash": CMAKE, "role": "built_with"}
    assert (await linked.post(LINK, json=link)).status_code == 201
    found = (await find_references(database, spec)).executions
    assert found == (f"{KEY.case_id}/{FIRST}",)
