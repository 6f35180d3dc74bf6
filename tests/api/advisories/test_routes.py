"""Advisories against the sample: what the lists find with the same question is what is affected."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from models.database.client import Database
from models.spack.version import version_key
from tests.support.rest import client_of

PATH = "/api/v1/specs/affected"

ZLIB: dict[str, Any] = {
    "id": "CVE-2022-37434",
    "aliases": ["GHSA-cfmr-vrgj-vqwv"],
    "affected": [
        {
            "package": {"ecosystem": "OSS-Fuzz", "name": "zlib"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.13"}]}],
        },
        {"package": {"ecosystem": "Debian:11", "name": "zlib"}, "versions": ["1:1.2.11-1"]},
    ],
}


@pytest.fixture(scope="module")
async def shown(demo: Database) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application on what the demonstration shows."""
    async with client_of(demo) as client:
        yield client


async def items(shown: httpx2.AsyncClient, path: str) -> list[dict[str, Any]]:
    answer = await shown.get(path, params={"limit": 1000} if "?" not in path else None)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


@pytest.mark.slow
async def test_an_advisory_finds_the_simulations_that_ran_on_it(shown: httpx2.AsyncClient) -> None:
    answer = await shown.post(PATH, json=ZLIB)
    assert answer.status_code == 200, answer.text
    found, undecided = answer.json()["items"]
    assert (found["id"], found["package"], found["problems"]) == ("CVE-2022-37434", "zlib", [])
    assert found["versions"] == sorted(found["versions"], key=version_key)
    assert "1.2.11" in found["versions"]
    assert not {"1.2.13", "1.3.1"} & set(found["versions"])
    assert "Debian:11" in undecided["problems"][0]
    assert undecided["executions"]["count"] == 0
    expected = await items(shown, "/api/v1/executions?dependsOn=zlib@:1.2.12&limit=1000")
    assert found["executions"]["count"] == len(expected) > 0
    assert found["cases"]["count"] == len({each["caseId"] for each in expected})
    assert sum(each["executionCount"] for each in found["cases"]["items"]) == len(expected)
    listed = await items(shown, found["executions"]["link"] + "&limit=1000")
    assert {each["executionId"] for each in listed} == {each["executionId"] for each in expected}
    roots = await items(shown, found["roots"]["link"] + "&limit=1000")
    assert found["roots"]["count"] == len(roots) > 0
    specs = await items(shown, found["specs"]["link"] + "&limit=1000")
    assert found["specs"]["count"] == len(specs) > 0
    assert found["builds"]["count"] > 0


@pytest.mark.slow
async def test_a_table_asks_the_same(shown: httpx2.AsyncClient) -> None:
    table = "package,range,id\nzlib,:1.2.12,CVE-2022-37434\nzlib,9:,none\n"
    answer = await shown.post(PATH, content=table, headers={"Content-Type": "text/csv"})
    zlib, none = answer.json()["items"]
    osv = (await shown.post(PATH, json=ZLIB)).json()["items"][0]
    for kind in ("specs", "roots", "builtWith", "builds", "executions", "cases", "versions"):
        assert zlib[kind] == osv[kind]
    assert none["versions"] == []
    assert none["specs"] == {"count": 0, "items": [], "link": None}
    assert none["executions"]["count"] == none["builds"]["count"] == none["cases"]["count"] == 0


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"3", "application/json", 422),
        (b"{", "application/json", 400),
        (b"a,b\n", "text/csv", 422),
        (b"package,range\nzlib,\xff", "text/csv", 400),
        (b"package,range\n" + b"zlib,1\n" * 101, "text/csv", 422),
        (json.dumps([ZLIB] * 60).encode(), "application/json", 422),
        (b" " * (2**20 + 1), "text/csv", 413),
    ],
)
async def test_other_bodies_are_refused(
    shown: httpx2.AsyncClient, content: bytes, kind: str, status: int
) -> None:
    answer = await shown.post(PATH, content=content, headers={"Content-Type": kind})
    assert answer.status_code == status, answer.text
