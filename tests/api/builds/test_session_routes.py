"""What a team that runs Spack every night asks in the evening."""

from typing import Any

import httpx2
import pytest

from models.database.client import Database
from tests.support.build_observations import record_spec
from tests.support.builds_rest import BUILDS, client_as

ZLIB, HDF5, NETCDF, CMAKE = ("z" * 32, "h" * 32, "n" * 32, "c" * 32)
NAMES = {ZLIB: "zlib", HDF5: "hdf5", NETCDF: "netcdf-c", CMAKE: "cmake"}
Plan = dict[str, str]

pytestmark = pytest.mark.slow


@pytest.fixture
async def mine(database: Database) -> Any:
    await record_spec(database, ZLIB)
    await record_spec(database, HDF5, ZLIB)
    await record_spec(database, NETCDF, HDF5, ZLIB)
    await record_spec(database, CMAKE)
    async with await client_as(database, "ci") as client:
        yield client


async def run(client: httpx2.AsyncClient, session: str, day: int, plan: Plan) -> dict[str, str]:
    """Report the builds of a session; return their ids by hash. Those not run come first."""
    ids = {}
    for second, (spec, status) in enumerate(
        sorted(plan.items(), key=lambda item: item[1] != "not_run")
    ):
        new = {"specHash": spec, "name": NAMES[spec], "version": "1", "session": session,
               "key": session, "status": "not_run" if status == "not_run" else "running",
               "tags": ["nightly"],
               "startedLocal": f"2026-01-0{day}T03:04:{second:02}Z"}  # fmt: skip
        answer = await client.post(BUILDS, json=new)
        assert answer.status_code == 201, answer.text
        ids[spec] = answer.headers["Location"].rpartition("/")[2]
    for spec, status in plan.items():
        if status != "not_run":
            changed = await client.patch(f"{BUILDS}/{ids[spec]}", json={"status": status})
            assert changed.status_code == 200, changed.text
    return ids


async def read(client: httpx2.AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.get(f"{BUILDS}/sessions{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


BAD = {ZLIB: "failed", HDF5: "not_run", NETCDF: "not_run", CMAKE: "success"}
GOOD = {ZLIB: "success", HDF5: "success", NETCDF: "success", CMAKE: "failed"}


async def test_failed_roots_come_first_and_failures_say_what_they_prevented(
    mine: httpx2.AsyncClient,
) -> None:
    ids = await run(mine, "pipeline 1/a", 1, BAD)
    found = await read(mine, "/pipeline%201%2Fa")
    assert (found["builds"], found["withoutSpec"]) == (4, 0)
    assert found["byStatus"] == {"cancelled": 2, "failed": 1, "success": 1}
    assert [(each["name"], each["status"]) for each in found["roots"]] == [
        ("netcdf-c", "cancelled"), ("cmake", "success")
    ]  # fmt: skip
    (failure,) = found["failures"]
    assert failure["id"] == ids[ZLIB]
    assert [each["name"] for each in failure["prevented"]] == ["hdf5", "netcdf-c"]
    assert (found["tags"], found["owners"], found["comparison"]) == (["nightly"], ["ci"], None)


async def test_a_session_is_compared_with_the_one_before(mine: httpx2.AsyncClient) -> None:
    await run(mine, "other", 1, {CMAKE: "success"})
    await run(mine, "first", 2, BAD)
    await run(mine, "second", 3, GOOD)
    compared = (await read(mine, "/second"))["comparison"]
    assert compared == {
        "session": "first",
        "newlyFailed": ["cmake"],
        "newlyMended": ["hdf5", "netcdf-c", "zlib"],
        "stillFailing": [],
        "added": [],
        "removed": [],
    }
    other = (await read(mine, "/second?previous=other"))["comparison"]
    assert (other["session"], other["newlyFailed"]) == ("other", ["cmake"])
    assert other["added"] == ["hdf5", "netcdf-c", "zlib"]
    assert (await read(mine, "/first"))["comparison"]["session"] == "other"
    for path in ("/none", "/second?previous=none"):
        assert (await mine.get(f"{BUILDS}/sessions{path}")).status_code == 404


async def test_sessions_are_listed_by_their_last_build(mine: httpx2.AsyncClient) -> None:
    for number in (1, 3, 2):
        await run(mine, f"s{number}", number, BAD if number == 1 else {CMAKE: "success"})
    await mine.post(BUILDS, json={"specHash": CMAKE, "name": "cmake"})
    whole = (await read(mine, ""))["items"]
    assert [each["session"] for each in whole] == ["s3", "s2", "s1"]
    assert whole[2]["byStatus"] == {"cancelled": 2, "failed": 1, "success": 1}
    page, paged = await read(mine, "?limit=1"), []
    while True:
        paged += page["items"]
        if page["links"]["next"] is None:
            break
        answer = await mine.get(page["links"]["next"])
        page = answer.json()
    assert paged == whole
