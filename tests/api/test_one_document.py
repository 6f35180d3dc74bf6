"""Many clients write one document at the same time: all they were told is stored is there.

Others are answered as if nothing was the matter.
"""

import asyncio
import io
import itertools
import tarfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2
import pytest
from pymongo import MongoClient

from models.database.client import Database
from tests.support.archives import sample, sample_files
from tests.support.builds_rest import BUILDS, NEW
from tests.support.spec_documents import document, on, package, packed
from tests.support.tokens import bearer, client_of_app

pytestmark = pytest.mark.slow

API = "/api/v1"
CROWD = 26
SOON = 10.0  # seconds in which unrelated requests are answered, also on a machine that is busy
TRANSACTION_SECONDS = 60  # for as long a transaction that cannot go on would hold up others

Work = Callable[[int, int], Awaitable[None]]


@pytest.fixture(autouse=True)
def _long_transactions(_server: MongoClient[dict[str, Any]]) -> Iterator[None]:
    name = "transactionLifetimeLimitSeconds"
    before = _server.admin.command({"getParameter": 1, name: 1})[name]
    _server.admin.command({"setParameter": 1, name: TRANSACTION_SECONDS})
    yield
    _server.admin.command({"setParameter": 1, name: before})


async def crowd(writer: httpx2.AsyncClient, work: Work, rounds: int = 1) -> None:
    """Let as many clients as there are work so many times, while others list."""
    done = asyncio.Event()
    longest = 0.0

    async def list_others() -> None:
        nonlocal longest
        while not done.is_set():
            for path in ("/readyz", f"{API}/machines", f"{API}/executions?limit=1"):
                began = time.monotonic()
                assert (await writer.get(path)).status_code == 200
                longest = max(longest, time.monotonic() - began)
            await asyncio.sleep(0.01)

    async def go_on(number: int) -> None:
        for turn in range(rounds):
            await work(number, turn)

    others = asyncio.create_task(list_others())
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(CROWD):
                group.create_task(go_on(number))
    finally:
        done.set()
        await others
    assert longest < SOON


def log_of(number: int, turn: int) -> bytes:
    lines = b"".join(b"a.c:%d:1: error: %d-%d\n" % (line, number, turn) for line in range(200))
    return b"==> Executing phase: 'build'\n" + lines


async def test_reports_about_one_build(writer: httpx2.AsyncClient) -> None:
    build = f"{BUILDS}/{(await writer.post(BUILDS, json=NEW)).json()['id']}"
    last: dict[int, str] = {}

    async def report(number: int, turn: int) -> None:
        if number < 2:
            answer = await writer.put(f"{build}/log", content=log_of(number, turn))
        elif number < 6:
            state = {"status": "success", "seconds": turn}
            answer = await writer.put(f"{build}/phases/p{number}", json=state)
        else:
            last[number] = f"{number}-{turn}"
            answer = await writer.patch(build, json={"tags": [last[number]]})
        assert answer.status_code == 200, answer.text

    await crowd(writer, report, rounds=2)
    stored = (await writer.get(build)).json()
    assert stored["tags"][0] in last.values()
    assert {f"p{number}" for number in range(2, 6)} <= {p["name"] for p in stored["phases"]}
    log = (await writer.get(f"{build}/log")).content
    assert log in [log_of(number, 1) for number in range(2)]


async def test_edits_of_one_case_and_executions_of_it(writer: httpx2.AsyncClient) -> None:
    identity = {"machine": "chrysalis", "user": "jdoe", "name": "shared"}
    case = f"{API}/cases/{(await writer.post(f'{API}/cases', json=identity)).json()['id']}"
    edited: list[str] = []
    recorded: list[str] = []

    async def edit(number: int, turn: int) -> None:
        text, status = f"{number}-{turn}", 412
        while status == 412:
            match = {"If-Match": (await writer.get(case)).headers["ETag"]}
            change = {"notes": text, "reason": text}
            status = (await writer.patch(case, json=change, headers=match)).status_code
        assert status == 200
        edited.append(text)

    async def record(number: int, turn: int) -> None:
        if number < 4:
            return await edit(number, turn)
        lid = f"{number}{turn}.250107-19{number:02}{turn:02}"
        start = f"2025-01-07T19:{number:02}:{turn:02}"
        new = {"case": identity, "executionId": lid, "status": "completed", "runStartLocal": start,
               "configuration": {"env_run.STOP_N": number}}  # fmt: skip
        answer = await writer.post(f"{API}/executions", json=new)
        assert answer.status_code == 201, answer.text
        recorded.append(lid)
        return None

    await crowd(writer, record)
    history = (await writer.get(f"{case}/history?limit=1000")).json()["items"]
    reasons = Counter(entry["reason"] for entry in history if entry["reason"])
    assert reasons == Counter(edited)
    assert len(edited) == 4
    items = (await writer.get(f"{case}/executions?limit=1000")).json()["items"]
    assert sorted(item["executionId"] for item in items) == sorted(recorded)
    assert (await writer.get(case)).json()["executionCount"] == len(recorded) == CROWD - 4


async def test_uploads_of_specs_that_share_nodes_and_edits_of_one(
    writer: httpx2.AsyncClient, database: Database
) -> None:
    shared = package("zlib")
    own_url = f"{API}/specs/{shared.hash}"
    middle = [package(f"m{number}", on(shared)) for number in range(5)]
    await writer.post(f"{API}/specs", content=packed(document(shared)))
    edits: list[dict[str, Any]] = []

    async def upload(number: int, turn: int) -> None:
        if number < 4:
            return await edit(number, turn)
        below = middle[number % 5]
        root = package(f"r{number}", on(below), on(shared), version=f"{turn}")
        answer = await writer.post(f"{API}/specs", content=packed(document(root)))
        assert answer.status_code == 201, answer.text
        assert (await writer.get(f"{API}/specs/{root.hash}")).status_code == 200
        return None

    async def edit(number: int, turn: int) -> None:
        status = 412
        while status == 412:
            match = {"If-Match": (await writer.get(own_url)).headers["ETag"]}
            extra = {"by": f"{number}-{turn}"}
            answer = await writer.patch(own_url, json={"extra": extra}, headers=match)
            status = answer.status_code
        assert status == 200, answer.text
        edits.append(extra)

    await crowd(writer, upload)
    assert await database.specs.count({}) == 1 + 5 + CROWD - 4
    assert (await writer.get(own_url)).json()["extra"] in edits
    assert len(edits) == 4


async def test_one_token_that_all_use_until_it_is_revoked(writer: httpx2.AsyncClient) -> None:
    new = {"name": "shared", "scopes": ["read"]}
    created = (await writer.post(f"{API}/tokens", json=new)).json()
    is_revoked = False
    numbers = itertools.count()
    app = writer._transport.app  # type: ignore[attr-defined]

    async def use(number: int, turn: int) -> None:
        nonlocal is_revoked
        if number == 0 and turn == 1:
            answer = await writer.delete(f"{API}/tokens/{created['id']}")
            assert answer.status_code == 204
            is_revoked = True
            return
        expected = {401, 429} if is_revoked else {200, 401, 429}
        # from addresses of their own, because failures are counted by them
        async with client_of_app(app, f"10.0.0.{next(numbers)}") as client:
            path = f"{API}/cases?limit=1"
            answer = await client.get(path, headers=bearer(created["token"]))
        assert answer.status_code in expected

    await crowd(writer, use, rounds=3)
    tokens = (await writer.get(f"{API}/tokens")).json()["items"]
    (own,) = [token for token in tokens if token["id"] == created["id"]]
    assert own["revokedAt"] is not None
    assert own["lastUsedAt"] is not None


async def test_tokens_made_at_the_same_time(writer: httpx2.AsyncClient) -> None:
    made: list[str] = []

    async def make(number: int, turn: int) -> None:
        new = {"name": f"{number}-{turn}", "scopes": ["read"]}
        answer = await writer.post(f"{API}/tokens", json=new)
        assert answer.status_code == 201, answer.text
        made.append(answer.json()["id"])

    await crowd(writer, make)
    listed = [token["id"] for token in (await writer.get(f"{API}/tokens")).json()["items"]]
    assert set(made) <= set(listed)
    assert len(listed) == len(set(listed)) == CROWD + 1


async def test_uploads_of_one_archive(writer: httpx2.AsyncClient, database: Database) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for file in sample_files(cases=1, executions=2):
            info = tarfile.TarInfo(file.path)
            info.size, info.mtime = len(file.data), file.mtime
            archive.addfile(info, io.BytesIO(file.data))
    ids: list[str] = []

    async def upload(number: int, _turn: int) -> None:
        if number >= 6:  # these read the records of the others
            await asyncio.sleep(0.05)
            assert (await writer.get(f"{API}/ingestions?limit=50")).status_code == 200
            return
        answer = await writer.post(
            f"{API}/ingestions?wait=30",
            content=buffer.getvalue(),
            headers={"Content-Type": "application/gzip"},
        )
        assert answer.status_code in (200, 202), answer.text
        ids.append(answer.json()["id"])

    await crowd(writer, upload, rounds=1)
    records = [(await writer.get(f"{API}/ingestions/{own_id}")).json() for own_id in ids]
    assert {record["status"] for record in records} == {"completed"}
    new = sum(record["counts"]["created"] + record["counts"]["incomplete"] for record in records)
    assert new == len(sample(1, 2).cases[0].executions) == await database.executions.count({})
