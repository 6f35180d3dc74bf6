"""What a hook or a CI job reports, as a client that does not mean well, or asks twice, sees it."""

import gzip
from typing import Any

import httpx2
import pytest

from ingest.builds.recording import record_build
from models.database.client import Database
from models.tokens.store import create_token
from tests.support.build_observations import of_junit, record_spec
from tests.support.build_reports import HASH, OTHER
from tests.support.builds_rest import BUILDS, NEW, client_as
from tests.support.install_trees import FAILED
from tests.support.rest import client_of

BESIDE, ABOVE = "c" * 32, "d" * 32


@pytest.fixture
async def mine(database: Database) -> Any:
    async with await client_as(database, "me") as client:
        yield client


async def reported(client: httpx2.AsyncClient) -> str:
    """Report a build with a log, and return its address."""
    url: str = (await client.post(BUILDS, json=NEW)).headers["Location"]
    assert (await client.put(f"{url}/log", content=FAILED)).status_code == 200
    assert (await client.patch(url, json={"status": "failed"})).status_code == 200
    return url


@pytest.mark.slow
async def test_a_log_is_packed_for_those_who_take_it(mine: httpx2.AsyncClient) -> None:
    url = f"{await reported(mine)}/log"
    async with mine.stream("GET", url, headers={"Accept-Encoding": "gzip"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["Vary"]
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert gzip.decompress(raw) == FAILED
    plain = await mine.get(url, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.content == FAILED


@pytest.mark.slow
async def test_the_head_of_a_log_is_that_of_the_log(mine: httpx2.AsyncClient) -> None:
    url = f"{await reported(mine)}/log"
    for path in (url, f"{url}?phase=build"):
        whole, head = await mine.get(path), await mine.head(path)
        assert (head.status_code, head.content) == (200, b"")
        for name in ("ETag", "Content-Type"):
            assert head.headers[name] == whole.headers[name]
        known = {"If-None-Match": whole.headers["ETag"]}
        assert (await mine.get(path, headers=known)).status_code == 304
        assert (await mine.head(path, headers=known)).status_code == 304
    assert (await mine.head(f"{url}?phase=none")).status_code == 404
    assert (await mine.head(f"{BUILDS}/none/log")).status_code == 404


@pytest.mark.slow
async def test_the_phases_of_a_log_make_up_the_log(mine: httpx2.AsyncClient) -> None:
    url = await reported(mine)
    names = [phase["name"] for phase in (await mine.get(url)).json()["phases"]]
    parts = [(await mine.get(f"{url}/log", params={"phase": name})).content for name in names]
    assert names == ["configure", "build"]
    assert FAILED.endswith(b"".join(parts))
    assert all(
        part.startswith(f"==> p: Executing phase: '{n}'".encode())
        for n, part in zip(names, parts, strict=True)
    )


@pytest.mark.slow
async def test_every_report_may_come_again(mine: httpx2.AsyncClient) -> None:
    entry = {"path": "lib/x", "type": "file", "size": 3}
    url = (await mine.post(BUILDS, json=NEW)).headers["Location"]
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", BUILDS, {"json": NEW}),
        ("PUT", f"{url}/phases/build", {"json": {"status": "failed", "seconds": 2}}),
        ("PUT", f"{url}/log", {"content": FAILED}),
        ("PUT", f"{url}/manifest", {"json": entry}),
        ("PATCH", url, {"json": {"status": "failed", "message": "no", "extra": {"a": [1]}}}),
    ]
    for method, path, body in steps:
        first = await mine.request(method, path, **body)
        again = await mine.request(method, path, **body)
        assert (again.status_code, again.json()) == (200, first.json()), (method, path)
    whole = (await mine.get(url)).json()
    for method, path, body in steps[:-1]:
        await mine.request(method, path, **body)
    assert (await mine.get(url)).json() == whole


async def test_a_token_needs_the_scope(database: Database, mine: httpx2.AsyncClient) -> None:
    url = await reported(mine)
    _, token = await create_token(database, "me", ["read", "edit"], "test", None)
    async with client_of(database) as reader:
        reader.headers["Authorization"] = f"Bearer {token}"
        for method, path in (
            ("POST", BUILDS), ("PATCH", url), ("PUT", f"{url}/log"), ("PUT", f"{url}/phases/x"),
            ("PUT", f"{url}/manifest"),
        ):  # fmt: skip
            assert (await reader.request(method, path, json={})).status_code == 403, (method, path)
        reader.headers["Authorization"] = "Bearer nonsense"
        assert (await reader.patch(url, json={})).status_code == 401


async def test_a_refused_report_changes_nothing(
    database: Database, mine: httpx2.AsyncClient
) -> None:
    url = await reported(mine)
    before = await database.builds.find({})
    async with await client_as(database, "you") as yours:
        for body in ({"status": "success"}, {"tags": ["mine"]}, {"extra": {"a": 1}}):
            assert (await yours.patch(url, json=body)).status_code == 403
        assert (await yours.put(f"{url}/log", content=b"error: x\n")).status_code == 403
    for wrong in ({"status": "ok"}, {"seconds": -1}, {"endedLocal": "now"}, {"name": "q"}):
        assert (await mine.patch(url, json=wrong)).status_code == 422
    assert await database.builds.find({}) == before


@pytest.mark.slow
async def test_a_failure_cancels_what_stands_on_it_and_nothing_else(
    database: Database, mine: httpx2.AsyncClient
) -> None:
    await record_spec(database, OTHER, HASH)
    await record_spec(database, ABOVE, HASH, OTHER)
    await record_spec(database, BESIDE)
    plans = {
        "dependent": (OTHER, "s", "not_run"),
        "dependent of a dependent": (ABOVE, "s", "not_run"),
        "beside": (BESIDE, "s", "not_run"),
        "another session": (OTHER, "t", "not_run"),
        "no session": (OTHER, None, "not_run"),
        "runs": (OTHER, "s", "running"),
        "was built": (OTHER, "s", "success"),
        "failed itself": (ABOVE, "s", "failed"),
    }
    own = {}
    for key, (spec, session, status) in plans.items():
        new = {"specHash": spec, "name": "d", "key": key, "session": session, "status": status}
        own[key] = (await mine.post(BUILDS, json=new)).json()["id"]
    before = {build["_id"]: build for build in await database.builds.find({})}
    url = (await mine.post(BUILDS, json={**NEW, "session": "s"})).headers["Location"]
    for _ in range(2):
        await mine.patch(url, json={"status": "failed"})
    for key, own_id in own.items():
        build = (await mine.get(f"{BUILDS}/{own_id}")).json()
        if key.startswith("dependent"):
            cause = {"buildId": url.rpartition("/")[2], "name": "p", "specHash": HASH}
            assert (build["status"], build["cancelledBy"]) == ("cancelled", cause)
            assert build["revision"] == before[own_id]["revision"] + 1
        else:
            assert await database.builds.find_one({"_id": own_id}) == before[own_id], key


@pytest.mark.slow
async def test_a_recorded_spec_gives_name_and_version(
    mine: httpx2.AsyncClient, database: Database
) -> None:
    refused = await mine.post(BUILDS, json={"specHash": HASH})
    assert refused.status_code == 422
    assert "state the name" in refused.json()["detail"]
    spec = {"_id": HASH, "hash": HASH, "hashes": [HASH], "name": "hdf5", "version": "1.14.6",
            "versionKey": "a1.b14.a6-", "tombstone": None}  # fmt: skip
    await database.specs.insert(spec)
    build = (await mine.post(BUILDS, json={"specHash": HASH})).json()
    assert (build["name"], build["version"]) == ("hdf5", "1.14.6")
    found = (await mine.get(f"{BUILDS}?q=1.14")).json()["items"]
    assert [each["id"] for each in found] == [build["id"]]


@pytest.mark.slow
async def test_an_imported_build_becomes_that_of_its_reporter(
    mine: httpx2.AsyncClient, database: Database
) -> None:
    await record_build(database, of_junit())
    before = await database.builds.find({})
    assert (await mine.post(BUILDS, json={**NEW, "name": "a"})).status_code == 409
    assert await database.builds.find({}) == before
    new = {**NEW, "session": "pipeline 7", "tags": ["nightly"]}
    answer = await mine.post(BUILDS, json=new)
    assert answer.status_code == 200, answer.text
    build = answer.json()
    assert (build["owner"], build["status"], build["tags"]) == ("me", "failed", ["nightly"])
    assert (build["session"], build["sources"]) == ("pipeline 7", ["junit", "live"])
    again = await mine.post(BUILDS, json={**new, "tags": ["other"]})
    assert again.json() == build
    async with await client_as(database, "you") as other:
        assert (await other.post(BUILDS, json=new)).status_code == 403
