"""Recording, editing and importing over REST."""

import asyncio
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest

from api.app import create_app
from api.http.errors import ProblemError
from api.ingestions.queue import ImportQueue, remove_stale_uploads
from ingest.importing import ImportOptions
from ingest.sample.specs import sample_bytes
from models.database.client import Database
from models.ingestions.audit import Audit
from models.ingestions.ingestion import IngestionRecord
from models.settings import Settings
from models.tokens.store import create_token
from tests.support.archives import sample
from tests.support.rest import client_of

CASE = {"machine": "Chrysalis", "user": "jdoe", "name": "v3.LR.x_0101"}
EXECUTION: dict[str, Any] = {
    "case": CASE,
    "executionId": "729351.250107-193415",
    "status": "completed",
    "runStartLocal": "2025-01-07T19:34:16",
    "configuration": {"env_build.COMPILER": "intel", "env_run.ATM_NCPL": 48},
}


async def make_case(writer: httpx2.AsyncClient, **fields: Any) -> httpx2.Response:
    return await writer.post("/api/v1/cases", json={**CASE, **fields})


async def test_a_case_is_made_and_edited(writer: httpx2.AsyncClient) -> None:
    made = await make_case(writer, tags=["new"], extra={"ticket": 7})
    assert made.status_code == 201
    assert made.json()["machine"] == "chrysalis"
    url = made.headers["Location"]
    body = {"notes": "# Title", "reason": "asked for"}
    edited = await writer.patch(url, json=body, headers={"If-Match": made.headers["ETag"]})
    assert edited.status_code == 200
    read = (await writer.get(url)).json()
    assert read["annotations"]["notes"] == "# Title"
    assert read["annotations"]["extra"] == {"ticket": 7}
    history = (await writer.get(f"{url}/history")).json()["items"]
    assert [(item["event"], item["by"], item["reason"]) for item in history] == [
        ("created", "ada", None),
        ("edited", "ada", "asked for"),
    ]


async def test_a_case_is_made_once(writer: httpx2.AsyncClient) -> None:
    await make_case(writer)
    assert (await make_case(writer)).status_code == 409


async def test_an_edit_needs_the_revision_that_was_read(writer: httpx2.AsyncClient) -> None:
    made = await make_case(writer)
    url, tag = made.headers["Location"], made.headers["ETag"]
    assert (await writer.patch(url, json={"notes": "x"})).status_code == 428
    edits = [
        writer.patch(url, json={"notes": str(number)}, headers={"If-Match": tag})
        for number in range(10)
    ]
    statuses = sorted(response.status_code for response in await asyncio.gather(*edits))
    assert statuses == [200] + [412] * 9


async def test_an_edit_of_whatever_is_there_says_so(writer: httpx2.AsyncClient) -> None:
    url = (await make_case(writer)).headers["Location"]
    for number in range(2):
        body = {"notes": str(number)}
        assert (await writer.patch(url, json=body, headers={"If-Match": "*"})).status_code == 200
    missing = await writer.patch("/api/v1/cases/none", json={}, headers={"If-Match": "*"})
    assert missing.status_code == 404


async def test_a_case_that_is_deleted_before_its_edit_is_answered_is_not_found(
    writer: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(database: Database, case_id: str, *_: object) -> None:
        await database.cases.delete({"_id": case_id})

    url = (await make_case(writer)).headers["Location"]
    monkeypatch.setattr("api.cases.edit_routes.edit_case", lose)
    answer = await writer.patch(url, json={"notes": "x"}, headers={"If-Match": "*"})
    assert answer.status_code == 404


async def test_json_that_is_packed_is_refused(writer: httpx2.AsyncClient) -> None:
    headers = {"Content-Encoding": "gzip"}
    answer = await writer.post("/api/v1/cases", content=b"\x1f\x8b", headers=headers)
    assert answer.status_code == 415
    assert "gzip" in answer.json()["detail"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param({"name": "x"}, "machine", id="missing"),
        pytest.param({**CASE, "colour": 1}, "colour", id="unknown"),
        pytest.param({**CASE, "links": [{"url": "javascript:x"}]}, "links", id="bad link"),
        pytest.param({**CASE, "name": "a/b"}, "name", id="bad name"),
        pytest.param({**CASE, "notes": "x" * 100_001}, "notes", id="too long"),
        pytest.param({**CASE, "extra": {"a": "x" * 70_000}}, "extra", id="large extra"),
        pytest.param({**CASE, "extra": {"a": [{"$where": 1}]}}, "extra", id="operator in extra"),
        pytest.param([], "body", id="a list"),
    ],
)
async def test_a_wrong_body_names_the_field(
    writer: httpx2.AsyncClient, body: object, field: str
) -> None:
    response = await writer.post("/api/v1/cases", json=body)
    assert response.status_code == 422
    assert field in response.text


@pytest.mark.parametrize("path", ["/executions", "/simulations"])
async def test_executions_are_recorded_as_json(writer: httpx2.AsyncClient, path: str) -> None:
    first = await writer.post(f"/api/v1{path}", json=EXECUTION)
    assert first.status_code == 201, first.text
    again = await writer.post(f"/api/v1{path}", json=EXECUTION)
    assert (again.status_code, again.json()) == (200, first.json())
    later = EXECUTION | {
        "executionId": "729352.250108-193415",
        "configuration": {"env_build.COMPILER": "gnu", "env_run.ATM_NCPL": 48},
    }
    second = await writer.post(f"/api/v1{path}", json=later)
    assert second.json()["runConfigDeltas"] == {
        "compiler": {"canonical": "intel", "current": "gnu", "class": "build"}
    }
    conflict = await writer.post(f"/api/v1{path}", json=later | {"status": "failed"})
    assert conflict.status_code == 409


async def test_a_stated_execution_may_name_its_case_by_id(writer: httpx2.AsyncClient) -> None:
    case_id = (await make_case(writer)).json()["id"]
    body = {name: value for name, value in EXECUTION.items() if name != "case"}
    assert (await writer.post("/api/v1/executions", json=body)).status_code == 422
    response = await writer.post("/api/v1/executions", json=body | {"caseId": case_id})
    assert response.json()["caseId"] == case_id
    missing = await writer.post("/api/v1/executions", json=body | {"caseId": "none"})
    assert missing.status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"simulationStart": {"date": "2001-02-30"}}, id="no such day"),
        pytest.param({"executionId": "a/b"}, id="bad id"),
        pytest.param({"runStartLocal": "yesterday"}, id="bad time"),
        pytest.param({"status": "fine"}, id="bad status"),
        pytest.param({"runEndLocal": "2025-13-45T99:99:99"}, id="no such time"),
        pytest.param({"configuration": {"a": {"$where": "1"}}}, id="bad value"),
        pytest.param({"extra": {"a": "x" * 70_000}}, id="large extra"),
        pytest.param({"configuration": {"$where": 1}}, id="key with a dollar sign"),
        pytest.param({"configuration": {"a..b": 1}}, id="key with an empty part"),
        pytest.param({"configuration": {"a.canonical": 1}}, id="key of an entry"),
        pytest.param({"configuration": {"a.b": 1, "a.b.c": 2}}, id="key below a value"),
        pytest.param({"configuration": {".".join("a" * 200): 1}}, id="key too deep"),
    ],
)
async def test_a_wrong_execution_is_refused(
    writer: httpx2.AsyncClient, change: dict[str, Any]
) -> None:
    response = await writer.post("/api/v1/executions", json=EXECUTION | change)
    assert response.status_code == 422


@pytest.mark.slow
async def test_an_execution_is_written_about_pinned_and_deleted(
    writer: httpx2.AsyncClient,
) -> None:
    first = await writer.post("/api/v1/executions", json=EXECUTION)
    lid = "729352.250108-193415"
    await writer.post("/api/v1/executions", json=EXECUTION | {"executionId": lid})
    case_id = first.json()["caseId"]
    url = f"/api/v1/cases/{case_id}"
    tag = (await writer.get(url)).headers["ETag"]
    edited = await writer.patch(
        f"{url}/executions/{lid}", json={"notes": "this one"}, headers={"If-Match": tag}
    )
    assert edited.json()["annotations"]["notes"] == "this one"
    pinned = await writer.put(
        f"{url}/canonical", json={"executionId": lid}, headers={"If-Match": edited.headers["ETag"]}
    )
    assert pinned.json()["canonicalExecutionId"] == lid
    assert (await writer.delete(f"{url}/executions/{lid}")).status_code == 409
    freed = await writer.put(
        f"{url}/canonical", json={"executionId": None}, headers={"If-Match": pinned.headers["ETag"]}
    )
    assert freed.json()["canonicalExecutionId"] == EXECUTION["executionId"]
    assert (await writer.delete(f"{url}/executions/{lid}")).status_code == 204
    assert (await writer.get(f"{url}/executions/{lid}")).status_code == 404
    assert (await writer.delete(url, params={"reason": "mistake"})).status_code == 204
    assert (await writer.get(url)).status_code == 404
    history = (await writer.get(f"{url}/history")).json()["items"]
    assert [item["event"] for item in history][-1] == "deleted"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["raw", "form"])
async def test_an_uploaded_archive_is_imported(
    writer: httpx2.AsyncClient, database: Database, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "archive.tar.gz"
    sample().write_tar(path)
    if kind == "raw":
        response = await writer.post(
            "/api/v1/ingestions?wait=60",
            content=path.read_bytes(),
            headers={"Content-Type": "application/gzip"},
            timeout=100,
        )
    else:
        files = {"file": ("archive.tar.gz", path.read_bytes(), "application/gzip")}
        response = await writer.post("/api/v1/ingestions?wait=60", files=files, timeout=100)
    assert response.status_code == 200, response.text
    item = response.json()
    assert item["status"] == "completed"
    assert item["counts"]["discovered"] == await database.executions.count({}) > 0
    assert item["source"].startswith("upload:")
    read = await writer.get(response.headers["Location"])
    assert read.json()["id"] == item["id"]
    listed = (await writer.get("/api/v1/ingestions")).json()["items"]
    assert [one["id"] for one in listed] == [item["id"]]
    execution = await database.executions.find_one({})
    assert execution is not None
    assert execution["recorded"]["sourcePath"].startswith("upload:")


@pytest.mark.slow
async def test_an_upload_may_go_on_in_the_background(
    writer: httpx2.AsyncClient, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "a.tar"
    sample().write_tar(path)
    response = await writer.post("/api/v1/ingestions?wait=0&name=a.tar", content=path.read_bytes())
    assert response.status_code == 202
    url = response.headers["Location"]
    for _ in range(600):
        if (await writer.get(url)).json()["status"] == "completed":
            break
        await asyncio.sleep(0.1)
    assert await database.executions.count({}) > 0


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        pytest.param(b"", {"Content-Type": "application/gzip"}, 400, id="empty"),
        pytest.param(b"x", {}, 415, id="unknown type"),
        pytest.param(b"x" * (2 * 2**20), {"Content-Type": "application/x-tar"}, 413, id="large"),
    ],
)
async def test_an_upload_that_makes_no_sense_is_refused(
    database: Database, content: bytes, headers: dict[str, str], status: int
) -> None:
    _, token = await create_token(database, "ada", ["ingest"], "test", None)
    headers = {**headers, "Authorization": f"Bearer {token}"}
    async with client_of(database, settings=Settings(max_upload_mib=1)) as client:
        response = await client.post("/api/v1/ingestions", content=content, headers=headers)
    assert response.status_code == status
    assert await database.ingestions.count({}) == 0


class Sending:
    """A large form, of which it counts the pieces that were taken."""

    headers: ClassVar = {"Content-Type": "multipart/form-data; boundary=x"}

    def __init__(self) -> None:
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.tar"\r\n\r\n'
        for _ in range(50):
            self.sent += 1
            yield b"x" * 2**20
        yield b"\r\n--x--\r\n"


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/ingestions", "/specs"])
async def test_a_form_that_is_too_large_is_not_read_to_its_end(
    database: Database, path: str
) -> None:
    _, token = await create_token(database, "ada", ["ingest"], "test", None)
    form = Sending()
    async with client_of(database, settings=Settings(max_upload_mib=3, max_spec_mib=3)) as client:
        headers = {**form.headers, "Authorization": f"Bearer {token}"}
        answer = await client.post(f"/api/v1{path}", content=form, headers=headers)
    assert answer.status_code == 413, answer.text
    assert "CASELEDGER_MAX_" in answer.json()["detail"]
    assert form.sent == 4


@pytest.mark.slow
async def test_a_file_of_a_form_may_be_as_large_as_one_without(database: Database) -> None:
    _, token = await create_token(database, "ada", ["ingest"], "test", None)
    headers = {"Authorization": f"Bearer {token}"}
    async with client_of(database, settings=Settings(max_upload_mib=1)) as client:
        for size, status in ((2**20, 200), (2**20 + 1, 413)):
            files = {"file": ("a.tar", b"x" * size)}
            answer = await client.post("/api/v1/ingestions?wait=60", files=files, headers=headers)
            assert answer.status_code == status, answer.text


async def test_an_import_too_many_is_refused_before_its_upload_is_read(
    writer: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.ingestions.queue._MAX_WAITING", 0)
    form = Sending()
    answer = await writer.post("/api/v1/ingestions", content=form, headers=form.headers)
    assert answer.status_code == 503
    assert answer.json()["type"].endswith(":too-many-imports")
    assert form.sent == 0


def test_a_place_is_kept_from_before_an_import_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.ingestions.queue._MAX_WAITING", 1)
    imports = ImportQueue()
    with imports.reserve(), pytest.raises(ProblemError), imports.reserve():
        pass
    with imports.reserve():
        pass


@pytest.mark.slow
async def test_a_damaged_archive_is_reported(writer: httpx2.AsyncClient) -> None:
    response = await writer.post("/api/v1/ingestions?wait=30&name=x.tar.gz", content=b"\x1f\x8bxx")
    assert response.json()["status"] == "failed"
    assert response.json()["problems"]
    assert "/tmp" not in response.text


@pytest.mark.slow
async def test_an_uploaded_spec_is_recorded_under_the_name_of_its_file(
    writer: httpx2.AsyncClient, database: Database
) -> None:
    content = next(sample_bytes())
    statuses = []
    for _ in range(2):
        url = "/api/v1/ingestions?wait=30&name=mine.spec.json"
        statuses.append((await writer.post(url, content=content)).json()["counts"])
    assert [counts["created"] for counts in statuses] == [1, 0]
    assert statuses[1]["unchanged"] == 1
    files = {told["file"] async for spec in database.specs.stream({"provenance.0": {"$exists": 1}})
             for told in spec["provenance"]}  # fmt: skip
    assert files == {"upload:mine.spec.json"}


@pytest.mark.slow
async def test_only_what_is_below_the_roots_is_imported_from_a_path(
    database: Database, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    sample().write_tree(root / "archive")
    (root / "out").symlink_to("/proc")
    _, token = await create_token(database, "ada", ["ingest"], "test", None)
    headers = {"Authorization": f"Bearer {token}"}
    async with client_of(database, settings=Settings(import_roots=str(root))) as client:

        async def ask(path: str) -> httpx2.Response:
            url = "/api/v1/ingestions/from-path?wait=60"
            return await client.post(url, json={"path": path}, headers=headers, timeout=100)

        for path in ("/etc", f"{root}/../..", f"{root}/out/self", "/proc/self/environ", "file:///etc",
                     f"{root}x", "\0", f"{root}/missing"):  # fmt: skip
            assert (await ask(path)).status_code == 403, path
        allowed = await ask(str(root / "archive"))
    assert allowed.json()["status"] == "completed"


@pytest.mark.slow
async def test_a_path_that_becomes_a_link_after_its_check_is_not_read(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    sample().write_tree(root / "a" / "archive")
    sample().write_tree(outside / "archive")
    begin = Audit.begin

    async def swap(self: Audit) -> None:
        if not (root / "a").is_symlink():
            (root / "a").rename(root / "b")
            (root / "a").symlink_to(outside)
        await begin(self)

    monkeypatch.setattr(Audit, "begin", swap)
    _, token = await create_token(database, "ada", ["ingest"], "test", None)
    headers = {"Authorization": f"Bearer {token}"}
    async with client_of(database, settings=Settings(import_roots=str(root))) as client:
        path = {"path": str(root / "a" / "archive")}
        answer = await client.post(
            "/api/v1/ingestions/from-path?wait=60", json=path, headers=headers, timeout=100
        )
    (problem,) = answer.json()["problems"]
    assert problem["reason"] == "unreadable"
    assert "leads elsewhere" in problem["detail"]
    assert await database.executions.count({}) == 0


@pytest.mark.slow
async def test_machines_are_listed_with_what_is_recorded(writer: httpx2.AsyncClient) -> None:
    await writer.post("/api/v1/executions", json=EXECUTION)
    await make_case(writer, machine="laptop")
    items = {m["machine"]: m for m in (await writer.get("/api/v1/machines")).json()["items"]}
    assert items["chrysalis"]["executionCount"] == 1
    assert items["pm-cpu"] == {
        "machine": "pm-cpu", "system": "perlmutter", "site": "NERSC", "isKnown": True,
        "aliases": ["perlmutter", "pm", "pm-gpu"], "caseCount": 0, "executionCount": 0,
    }  # fmt: skip
    assert items["laptop"]["isKnown"] is False


@pytest.mark.slow
async def test_all_who_record_in_one_case_at_once_are_served(writer: httpx2.AsyncClient) -> None:
    ids = [f"{number}.250107-193415" for number in range(40)]
    answers = await asyncio.gather(
        *(writer.post("/api/v1/executions", json={**EXECUTION, "executionId": i}) for i in ids)
    )
    assert {answer.status_code for answer in answers} == {201}
    (case,) = (await writer.get("/api/v1/cases")).json()["items"]
    assert case["executionCount"] == len(ids)


@pytest.mark.slow
async def test_edits_of_whatever_is_there_do_not_meet(writer: httpx2.AsyncClient) -> None:
    url = (await make_case(writer)).headers["Location"]
    any_state = {"If-Match": "*"}
    edits = [writer.patch(url, json={"notes": str(n)}, headers=any_state) for n in range(20)]
    assert {answer.status_code for answer in await asyncio.gather(*edits)} == {200}


@pytest.mark.slow
async def test_a_case_that_is_written_all_the_time_can_be_deleted(
    writer: httpx2.AsyncClient,
) -> None:
    url = (await make_case(writer)).headers["Location"]
    edits = [
        writer.patch(url, json={"notes": str(n)}, headers={"If-Match": "*"}) for n in range(20)
    ]
    *_, deleted = await asyncio.gather(*edits, writer.delete(url))
    assert deleted.status_code == 204


@pytest.mark.parametrize("name", [" ", "a\nb", " a", "a ", "\x7f"])
async def test_names_can_be_seen(writer: httpx2.AsyncClient, name: str) -> None:
    for field in ("machine", "user", "name"):
        assert (await make_case(writer, **{field: name})).status_code == 422


@pytest.mark.slow
async def test_a_history_of_any_length_is_read_page_by_page(writer: httpx2.AsyncClient) -> None:
    url = (await make_case(writer)).headers["Location"]
    for number in range(6):
        body = {"notes": str(number)}
        assert (await writer.patch(url, json=body, headers={"If-Match": "*"})).status_code == 200
    events: list[str] = []
    page: str | None = f"{url}/history?limit=2"
    while page:
        answer = (await writer.get(page)).json()
        assert len(answer["items"]) <= 2
        events += [item["changes"].get("notes", {}).get("current") for item in answer["items"]]
        page = answer["links"]["next"]
    assert events == [None, "0", "1", "2", "3", "4", "5"]


@pytest.mark.slow
async def test_all_imports_are_listed_page_by_page(
    writer: httpx2.AsyncClient, database: Database
) -> None:
    moments = [datetime(2026, 1, 1, 0, 0, number // 2, tzinfo=UTC) for number in range(7)]
    for number, at in enumerate(moments):
        record = IngestionRecord(
            source="x", kind="performance_archive", started_at=at, caseledger_version="1"
        )
        await database.ingestions.insert({"_id": str(number), **record.stored()})
    found: list[str] = []
    page: str | None = "/api/v1/ingestions?limit=2"
    while page:
        answer = (await writer.get(page)).json()
        found += [item["id"] for item in answer["items"]]
        page = answer["links"]["next"]
    assert found == ["6", "4", "5", "2", "3", "0", "1"]


async def test_an_import_is_waited_for_while_another_one_ends() -> None:
    imports, ends = ImportQueue(), asyncio.Event()

    async def until_it_ends() -> None:
        await ends.wait()

    imports._tasks = {
        "short": asyncio.create_task(asyncio.sleep(0)),
        "long": asyncio.create_task(until_it_ends()),
    }
    waiting = asyncio.create_task(imports.wait("long", 5))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    ends.set()
    await waiting


async def test_a_service_that_stops_lets_the_imports_note_how_they_end(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def import_without_end(
        store: Database, _paths: object, options: ImportOptions, stop: object
    ) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            change = {"$set": {"status": "interrupted"}}
            await store.ingestions.update({"_id": options.ingestion_id}, change)

    monkeypatch.setattr("api.ingestions.queue._STOP_SECONDS", 0.05)
    monkeypatch.setattr("api.ingestions.queue.import_paths", import_without_end)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        own = app.state.database
        ingestion_id = await app.state.imports.start(
            own, tmp_path, ImportOptions(), is_upload=False
        )
    found = await database.ingestions.find_one({"_id": ingestion_id})
    assert found is not None
    assert found["status"] == "interrupted"


@pytest.mark.parametrize(
    "wrong",
    [
        {"executionId": ".."},
        {"executionId": ".hidden"},
        {"configuration": {"compiler": 5}},
        {"configuration": {"compiler": ["intel", "gnu"]}},
    ],
)
async def test_what_cannot_be_called_or_compared_is_refused(
    writer: httpx2.AsyncClient, wrong: dict[str, Any]
) -> None:
    answer = await writer.post("/api/v1/executions", json={**EXECUTION, **wrong})
    assert answer.status_code == 422


def test_uploads_of_services_that_were_killed_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    for pid in (ended.pid, os.getpid(), os.getppid()):
        (tmp_path / f"caseledger-upload-{pid}-x").mkdir()
        (tmp_path / f"caseledger-upload-{pid}-x" / "archive.tar").write_bytes(b"x")
    (tmp_path / "caseledger-upload-else").mkdir()
    remove_stale_uploads()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"caseledger-upload-{os.getppid()}-x", "caseledger-upload-else"}


async def test_a_service_ends_the_records_of_killed_imports(
    settings: Settings, database: Database
) -> None:
    record = IngestionRecord(
        source="x",
        kind="performance_archive",
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        alive_at=datetime(2026, 1, 1, tzinfo=UTC),
        caseledger_version="1",
    )
    await database.ingestions.insert({"_id": "killed", **record.stored()})
    app = create_app(settings)
    async with app.router.lifespan_context(app), asyncio.timeout(30):
        while await database.ingestions.find_one({"_id": "killed", "status": "running"}):
            await asyncio.sleep(0.05)
    found = await database.ingestions.find_one({"_id": "killed"})
    assert found is not None
    assert found["status"] == "interrupted"
