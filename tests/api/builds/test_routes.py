"""Builds over REST: listed, searched, read in parts, and reported while they go on."""

import gzip
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import pytest

from api.builds.schemas import BuildComparison, BuildDetail, BuildItem, Matrix
from api.filters.compile import compile_filter
from api.filters.parse import parse_filter
from api.lists.sorting import parse_order
from ingest.builds.recording import record_build
from models.database.client import Database
from models.resources import RESOURCES
from models.spack.version import version_key
from tests.support.abandoned import abandoned_generators
from tests.support.build_observations import of_log, of_tree
from tests.support.build_reports import HASH, OTHER
from tests.support.builds_rest import BUILDS, NEW, client_as
from tests.support.install_trees import FAILED
from tests.support.plans import stages
from tests.support.rest import client_of

FAILED_LATER = FAILED.replace(b"03:04", b"07:08")


@pytest.fixture
async def mine(database: Database) -> AsyncIterator[httpx2.AsyncClient]:
    async with await client_as(database, "me") as client:
        yield client


@pytest.fixture
async def stored(database: Database, mine: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """A client of a database with a build of an install tree and one that failed."""
    await record_build(database, of_tree())
    await record_build(database, of_log(FAILED_LATER))
    return mine


async def get(client: httpx2.AsyncClient, path: str) -> Any:
    answer = await client.get(f"{BUILDS}{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ids(client: httpx2.AsyncClient, query: str) -> list[str]:
    return [item["id"] for item in (await get(client, f"?{query}"))["items"]]


def test_an_item_has_the_fields_of_the_table() -> None:
    shown = {field.alias or name for name, field in BuildItem.model_fields.items()}
    assert {field.root for field in RESOURCES["builds"].fields} == shown


@pytest.mark.slow
async def test_builds_are_listed_and_read(stored: httpx2.AsyncClient) -> None:
    items = (await get(stored, "?count=exact"))["items"]
    assert sorted(item["status"] for item in items) == ["failed", "success"]
    for item in items:
        assert "events" not in item
        BuildItem.model_validate(item)
        answer = await stored.get(f"{BUILDS}/{item['id']}")
        BuildDetail.model_validate(answer.json())
        known = {"If-None-Match": answer.headers["ETag"]}
        again = await stored.get(f"{BUILDS}/{item['id']}", headers=known)
        assert again.status_code == 304
    pages = await get(stored, "?limit=1")
    following = await stored.get(pages["links"]["next"])
    assert [pages["items"][0]["id"], following.json()["items"][0]["id"]] == [i["id"] for i in items]
    assert (await stored.get(f"{BUILDS}?format=csv")).text.count("\r\n") >= 3
    assert (await stored.get(f"{BUILDS}/none")).status_code == 404


@pytest.mark.slow
@pytest.mark.parametrize(
    ("query", "statuses"),
    [
        pytest.param("status=failed", ["failed"], id="status"),
        pytest.param("failedPhase=build", ["failed"], id="failed phase"),
        pytest.param("package=p", ["failed", "success"], id="package"),
        pytest.param("package=p@1.2", ["failed", "success"], id="version"),
        pytest.param("package=p@2:", [], id="other version"),
        pytest.param("package=p%20%25gcc", ["failed", "success"], id="compiler"),
        pytest.param("package=p%20%25clang", [], id="other compiler"),
        pytest.param("eventText=error", ["failed"], id="event text"),
        pytest.param("eventText=zebra", [], id="other event text"),
        pytest.param("file=none", [], id="no such file"),
        pytest.param("errorCount__gte=1", ["failed"], id="errors"),
        pytest.param("q=p", ["failed", "success"], id="words"),
    ],
)
async def test_builds_are_found(
    stored: httpx2.AsyncClient, database: Database, query: str, statuses: list[str]
) -> None:
    compiler = {"name": "gcc", "version": "12.1", "versionKey": version_key("12.1"), "hash": None}
    own = {"_id": HASH, "hash": HASH, "hashes": [HASH], "name": "p", "version": "1.2"}
    known = {"versionKey": version_key("1.2"), "compilers": [compiler], "dependencies": []}
    spec = {**own, **known}
    await database.specs.insert(spec)
    items = (await get(stored, f"?{query}"))["items"]
    assert sorted(item["status"] for item in items) == statuses


@pytest.mark.slow
async def test_a_build_is_found_by_a_file_that_it_installed(stored: httpx2.AsyncClient) -> None:
    (own_id,) = await ids(stored, "status=success")
    files = (await get(stored, f"/{own_id}/manifest"))["items"]
    path = next(entry["path"] for entry in files if entry["type"] == "file")
    assert await ids(stored, f"file={path}") == [own_id]
    assert await ids(stored, f"file={path[:3]}*") == [own_id]


@pytest.mark.slow
async def test_a_page_leaves_nothing_open(stored: httpx2.AsyncClient) -> None:
    with abandoned_generators() as abandoned:
        for status, part in (("failed", "events"), ("success", "manifest")):
            (own_id,) = await ids(stored, f"status={status}")
            page = await get(stored, f"/{own_id}/{part}?limit=1")
            assert page["links"]["next"]
    assert abandoned == []


@pytest.mark.slow
async def test_what_makes_no_sense_is_refused(stored: httpx2.AsyncClient) -> None:
    for query, status in {
        "package=p@@": 422, "package=": 422, "file=/etc": 400, "package=p&package=q": 400,
        "status=succes": 422, "status=failed&status=done": 422, "status__in=failed,done": 422,
        "kind=all": 422, "software=p": 400, "config.env_run.X=1": 400, "eventText=": 422,
        "seconds=x": 422,
    }.items():  # fmt: skip
        assert (await stored.get(f"{BUILDS}?{query}")).status_code == status, query
    body = {"field": "status", "value": "done"}
    assert (await stored.post("/api/v1/query?resource=builds", json=body)).status_code == 422


@pytest.mark.slow
async def test_the_log_of_a_phase_is_a_part_of_the_log(stored: httpx2.AsyncClient) -> None:
    (own_id,) = await ids(stored, "status=failed")
    build = await get(stored, f"/{own_id}")
    whole = await stored.get(f"{BUILDS}/{own_id}/log")
    assert whole.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert whole.content == FAILED_LATER
    for phase in build["phases"]:
        if phase["offset"] is not None:
            part = await stored.get(f"{BUILDS}/{own_id}/log?phase={phase['name']}")
            assert part.text == whole.content[phase["offset"] : phase["end"]].decode()
    named = await stored.get(f"{BUILDS}/{own_id}/log", params={"name": build["logs"][0]["name"]})
    assert named.text == whole.text
    for query in ("phase=none", "name=none"):
        assert (await stored.get(f"{BUILDS}/{own_id}/log?{query}")).status_code == 404


@pytest.mark.slow
async def test_events_and_files_come_in_pages(stored: httpx2.AsyncClient) -> None:
    (failed,) = await ids(stored, "status=failed")
    (installed,) = await ids(stored, "status=success")
    for path in (f"/{failed}/events", f"/{installed}/manifest"):
        whole = (await get(stored, path))["items"]
        page = await get(stored, f"{path}?limit=1")
        found = page["items"]
        while page["links"]["next"]:
            page = (await stored.get(page["links"]["next"])).json()
            found += page["items"]
        assert found == whole
        assert len(found) > 1
    errors = (await get(stored, f"/{failed}/events?severity=error&text=ERROR"))["items"]
    assert errors
    assert {event["severity"] for event in errors} == {"error"}
    assert (await stored.get(f"{BUILDS}/{failed}/manifest")).status_code == 404


async def test_a_build_is_reported_step_by_step(mine: httpx2.AsyncClient) -> None:
    made = await mine.post(BUILDS, json=NEW)
    assert made.status_code == 201, made.text
    url = made.headers["Location"]
    again = await mine.post(BUILDS, json=NEW)
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    assert (await mine.post(BUILDS, json={**NEW, "name": "q"})).status_code == 409
    phase = await mine.put(f"{url}/phases/build", json={"status": "failed", "seconds": 2})
    assert phase.json()["failedPhase"] == "build"
    for body, headers in ((FAILED, {}), (gzip.compress(FAILED), {"Content-Encoding": "gzip"})):
        sent = await mine.put(f"{url}/log", content=body, headers=headers)
        assert sent.status_code == 200, sent.text
        assert sent.json()["errorCount"] > 0
    entry = {"path": "lib/x", "type": "file", "size": 3}
    ended = await mine.patch(url, json={"status": "failed", "manifest": [entry]})
    assert (ended.json()["status"], ended.json()["manifest"]["fileCount"]) == ("failed", 1)
    assert (await mine.get(f"{url}/manifest")).json()["items"] == [entry]
    assert ended.json()["owner"] == "me"


@pytest.mark.slow
async def test_a_large_manifest_is_taken(mine: httpx2.AsyncClient) -> None:
    url = (await mine.post(BUILDS, json=NEW)).headers["Location"]
    files = [{"path": f"lib/{n:06}", "type": "file", "size": n} for n in range(20_000)]
    answer = await mine.patch(url, json={"manifest": files})
    assert answer.json()["manifest"]["fileCount"] == len(files)


@pytest.mark.slow
async def test_a_manifest_is_sent_line_by_line(mine: httpx2.AsyncClient) -> None:
    url = (await mine.post(BUILDS, json=NEW)).headers["Location"]
    files = [{"path": f"lib/{n:06}", "type": "file", "size": n} for n in range(2_500)]
    lines = "\n".join(map(json.dumps, [{"path": ".", "type": "dir"}, *files]))
    for _ in range(2):
        answer = await mine.put(f"{url}/manifest", content=lines)
        assert answer.status_code == 200, answer.text
        told = answer.json()["manifest"]
        assert (told["entryCount"], told["fileCount"]) == (2_501, 2_500)
        assert told["bytes"] == sum(range(2_500))
    kept = (await mine.get(f"{url}/manifest?limit=1000")).json()["items"]
    assert kept == [{"path": ".", "type": "dir"}, *files[:999]]
    listed = await mine.patch(
        url, json={"manifest": [*reversed(files), {"path": ".", "type": "dir"}]}
    )
    assert listed.json()["manifest"] == told


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param('{"path": "b", "type": "file"}\n{"path": "a", "type": "file"}', id="order"),
        pytest.param('{"path": "a", "type": "file"}\n{"path": "a", "type": "dir"}', id="twice"),
        pytest.param('{"path": "/opt/p/a", "type": "file"}', id="prefix"),
        pytest.param('{"path": "a/../../b", "type": "file"}', id="outside"),
        pytest.param('{"path": "a", "type": "socket"}', id="type"),
        pytest.param('{"path": "a", "type": "file", "owner": 1}', id="unknown field"),
        pytest.param('{"path": "a", "type": "file", "size": 1e30}', id="large number"),
        pytest.param("[]", id="no object"),
        pytest.param("{", id="no JSON"),
        pytest.param("x" * 100_000, id="long line"),
    ],
)
async def test_a_wrong_manifest_is_refused(mine: httpx2.AsyncClient, lines: str) -> None:
    url = (await mine.post(BUILDS, json=NEW)).headers["Location"]
    answer = await mine.put(f"{url}/manifest", content=lines)
    assert answer.status_code == 422, answer.text
    assert (await mine.get(url)).json()["manifest"] is None


async def test_who_does_not_own_a_build_stores_nothing(
    mine: httpx2.AsyncClient, database: Database
) -> None:
    url = (await mine.post(BUILDS, json=NEW)).headers["Location"]
    entry = {"path": "a", "type": "file"}
    async with await client_as(database, "you") as yours:
        assert (await yours.put(f"{url}/manifest", json=entry)).status_code == 403
        assert (await yours.patch(url, json={"manifest": [entry]})).status_code == 403
    assert (await mine.put(f"{BUILDS}/none/manifest", json=entry)).status_code == 404
    assert await database.manifests.count({}) == 0


async def test_what_is_reported_is_stored_without_credentials(
    mine: httpx2.AsyncClient, database: Database
) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "F6g7H8"
    host = {"hostname": "h", "kernelVersion": f"5.14 {secret}", "spackVersion": "0.23 (e8f8cf8543)"}
    new = {**NEW, "configureArgs": [f"--token={secret}"], "host": host}
    made = await mine.post(BUILDS, json=new)
    assert made.json()["host"]["spackCommit"] == "e8f8cf8543"
    url = made.headers["Location"]
    test = {"name": f"t {secret}", "outcome": "failed", "message": f"with {secret}"}
    body = {"status": "failed", "message": f"no access for {secret}", "tests": [test]}
    assert (await mine.patch(url, json=body)).status_code == 200
    await mine.put(f"{url}/log", content=f"error: {secret}\n".encode())
    stored = str(await database.builds.find({}))
    assert secret not in stored
    assert secret not in (await mine.get(f"{url}/log")).text


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("POST", "", {**NEW, "status": "fine"}, 422, id="status"),
        pytest.param("POST", "", {**NEW, "specHash": "x"}, 422, id="hash"),
        pytest.param("POST", "", {**NEW, "colour": 1}, 422, id="unknown field"),
        pytest.param("PATCH", "/{id}", {"status": "done"}, 422, id="status of a change"),
        pytest.param("PUT", "/{id}/phases/x", {"status": "done"}, 422, id="status of a phase"),
        pytest.param("PATCH", "/none", {"status": "failed"}, 404, id="no build"),
        pytest.param("PUT", "/none/phases/x", {"status": "failed"}, 404, id="no build of a phase"),
        pytest.param("PUT", "/none/log", {}, 404, id="no build of a log"),
    ],
)
async def test_a_wrong_report_is_refused(
    mine: httpx2.AsyncClient, method: str, path: str, body: dict[str, Any], status: int
) -> None:
    made = await mine.post(BUILDS, json=NEW)
    answer = await mine.request(method, BUILDS + path.format(id=made.json()["id"]), json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.slow
async def test_nobody_else_may_report(mine: httpx2.AsyncClient, database: Database) -> None:
    url = (await mine.post(BUILDS, json=NEW)).headers["Location"]
    async with await client_as(database, "you") as yours, client_of(database) as nobody:
        for client, status in ((yours, 403), (nobody, 401)):
            answers = [
                await client.post(BUILDS, json=NEW),
                await client.patch(url, json={"status": "failed"}),
                await client.put(f"{url}/phases/x", json={"status": "failed"}),
                await client.put(f"{url}/log", content=b"x"),
                await client.put(f"{url}/manifest", content=b"{}"),
            ]
            assert [answer.status_code for answer in answers] == [status] * 5


async def test_a_log_that_is_too_large_is_refused(database: Database) -> None:
    async with await client_as(database, "me", max_log_mib=1) as client:
        url = (await client.post(BUILDS, json=NEW)).headers["Location"]
        assert (await client.put(f"{url}/log", content=b"x" * 2**21)).status_code == 413
        packed = await client.put(f"{url}/log", content=b"x", headers={"Content-Encoding": "br"})
        assert packed.status_code == 415
        assert (await client.get(url)).json()["logs"] == []


async def test_builds_of_a_spec_are_listed(stored: httpx2.AsyncClient, database: Database) -> None:
    expected = [(HASH, 200, 2), (OTHER, 200, 0), (HASH[:7], 404, 0), ("~", 422, 0)]
    await _assert_builds_of_specs(stored, expected)
    spec = {"_id": HASH, "hash": HASH, "hashes": [HASH], "name": "p", "version": "1"}
    await database.specs.insert(spec)
    expected = [(HASH, 200, 2), (HASH[:7], 200, 2), (HASH[:2].upper(), 200, 2)]
    await _assert_builds_of_specs(stored, expected)
    await database.specs.update({"_id": HASH}, {"$set": {"tombstone": {"reason": "wrong"}}})
    await _assert_builds_of_specs(stored, expected)


async def test_the_builds_of_too_many_specs_are_refused(
    stored: httpx2.AsyncClient, database: Database
) -> None:
    for number in range(101):
        own = f"a{number:031}"
        await database.specs.insert({"_id": own, "hash": own, "hashes": [own]})
    await _assert_builds_of_specs(stored, [("a", 422, 0), (f"a{1:031}", 200, 0)])


async def _assert_builds_of_specs(
    client: httpx2.AsyncClient, expected: Sequence[tuple[str, int, int]]
) -> None:
    for given, status, count in expected:
        answer = await client.get(f"/api/v1/specs/{given}/builds")
        assert answer.status_code == status, given
        assert len(answer.json().get("items", ())) == count, given


@pytest.mark.slow
async def test_the_matrix_counts_attempts(stored: httpx2.AsyncClient, database: Database) -> None:
    compilers = [{"name": "gcc", "version": "12.1", "languages": ["c"]}]
    spec = {"_id": HASH, "hash": HASH, "hashes": [HASH], "compilers": compilers, "target": "zen3"}
    await database.specs.insert(spec)
    await stored.post(BUILDS, json={**NEW, "specHash": OTHER, "version": "1.10", "key": "k"})
    matrix = await get(stored, "/matrix?package=p")
    Matrix.model_validate(matrix)
    (item,) = matrix["items"]
    assert (matrix["packages"], matrix["isComplete"]) == (["p"], True)
    assert (item["name"], item["versions"]) == ("p", ["1.2", "1.10"])
    first, second = item["cells"]
    assert (first["compilers"], first["target"]) == (["gcc@12.1"], "zen3")
    assert first["byStatus"] == {"failed": 1, "success": 1}
    assert first["latest"]["status"] == "failed"
    assert (second["compilers"], second["byStatus"]) == ([], {"running": 1})
    assert (await get(stored, "/matrix?package=q"))["items"] == []


@pytest.mark.slow
async def test_the_matrix_of_several_packages_or_of_roots(
    mine: httpx2.AsyncClient, database: Database
) -> None:
    for own, name, is_root in ((HASH, "p", True), (OTHER, "q", False)):
        spec = {"_id": own, "hash": own, "hashes": [own], "compilers": [], "isRoot": is_root}
        await database.specs.insert(spec)
        await mine.post(BUILDS, json={"specHash": own, "name": name, "version": "1", "key": name})
    await mine.post(BUILDS, json={"specHash": "e" * 32, "name": "r", "version": "1"})
    names = {
        "package=p&package=q": ["p", "q"],
        "package=q&package=r&roots=true": [],
        "roots=true": ["p"],
    }
    for query, expected in names.items():
        matrix = await get(mine, f"/matrix?{query}")
        assert [item["name"] for item in matrix["items"]] == expected
    assert (await mine.get(f"{BUILDS}/matrix")).status_code == 400


@pytest.mark.slow
async def test_two_builds_are_compared(mine: httpx2.AsyncClient) -> None:
    made = []
    for second, size, args in ((1, 3, ["--a", "--b"]), (2, 4, ["--a", "--c"])):
        new = {**NEW, "startedLocal": f"2026-01-02T03:04:0{second}.5", "configureArgs": args,
               "host": {"hostname": f"h{second}"}}  # fmt: skip
        url = (await mine.post(BUILDS, json=new)).headers["Location"]
        folders = [{"path": path, "type": "dir"} for path in ("same", f"z{second}")]
        files = [{"path": "lib/x", "type": "file", "size": size}, *folders]
        made.append((await mine.patch(url, json={"manifest": files})).json()["id"])
    compared = await get(mine, f"/compare?left={made[0]}&right={made[1]}")
    BuildComparison.model_validate(compared)
    assert (compared["isSameSpec"], compared["isReproducible"]) == (True, False)
    assert compared["host"] == [{"key": "hostname", "left": "h1", "right": "h2"}]
    assert compared["arguments"] == {"removed": ["--b"], "added": ["--c"]}
    drift = compared["manifest"]
    assert [(file["path"], file["change"], file["differs"]) for file in drift["files"]] == [
        ("lib/x", "changed", ["size"]), ("z1", "removed", []), ("z2", "added", []),
    ]  # fmt: skip
    itself = await get(mine, f"/compare?left={made[0]}&right={made[0]}")
    assert itself["isReproducible"] is True
    assert (await mine.get(f"{BUILDS}/compare?left={made[0]}&right=x")).status_code == 404


@pytest.mark.slow
async def test_what_spack_notes_of_a_build_does_not_count(mine: httpx2.AsyncClient) -> None:
    made = []
    for second in (1, 2):
        new = {**NEW, "startedLocal": f"2026-01-02T03:04:0{second}.5"}
        url = (await mine.post(BUILDS, json=new)).headers["Location"]
        notes = {"path": ".spack/spack-build-out.txt.gz", "type": "file", "size": second}
        files = [{"path": "lib/x", "type": "file", "size": 3}, notes]
        made.append((await mine.patch(url, json={"manifest": files})).json()["id"])
    compared = await get(mine, f"/compare?left={made[0]}&right={made[1]}")
    drift = compared["manifest"]
    assert (drift["isEqual"], drift["changed"], drift["inMetadata"]) == (False, 1, 1)
    assert compared["isReproducible"] is True


async def test_every_filter_and_sort_is_served_by_an_index(
    stored: httpx2.AsyncClient, database: Database
) -> None:
    table = RESOURCES["builds"]
    asked = [(field.name, field.example) for field in table.filterable]
    for parameters, sort in (
        *(([one], None) for one in asked),
        *(([], f"-{field.name}") for field in table.sortable),
    ):
        tree = parse_filter(table, parameters)
        order = parse_order(table, sort, tree)
        query = compile_filter(table, tree)
        plan = await database.builds.explain(query, order.keys, limit=10)
        winning = plan["queryPlanner"]["winningPlan"]
        found = set(stages(winning.get("queryPlan", winning)))
        assert found & {"IXSCAN", "IDHACK"}, (parameters, sort)
        assert not found & {"COLLSCAN", "SORT"}, (parameters, sort)


@pytest.mark.slow
async def test_facets_count_builds(stored: httpx2.AsyncClient) -> None:
    for query, counts in (("", [1, 1]), ("&package=p@1.2", [1, 1]), ("&eventText=zebra", [])):
        answer = await stored.get(f"/api/v1/facets?resource=builds&field=status{query}")
        assert [value["count"] for value in answer.json()["values"]] == counts
    body = {"field": "status", "value": "failed"}
    answer = await stored.post("/api/v1/query?resource=builds", json=body)
    assert [item["status"] for item in answer.json()["items"]] == ["failed"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"extra": {"a\0b": 1}}, id="NUL in a name"),
        pytest.param({"name": "\ud800"}, id="surrogate"),
        pytest.param({"extra": {"a": "\ud800"}}, id="surrogate in a value"),
        pytest.param({"extra": {"\udfff": 1}}, id="surrogate in a name"),
        pytest.param({"variables": {"A\0": "\ud800"}}, id="variable"),
        pytest.param({"tags": ["\0"]}, id="NUL in a tag"),
    ],
)
async def test_what_cannot_be_stored_is_no_fault_of_the_server(
    mine: httpx2.AsyncClient, change: dict[str, Any]
) -> None:
    content = json.dumps({**NEW, **change})
    assert (await mine.post(BUILDS, content=content)).status_code < 500
