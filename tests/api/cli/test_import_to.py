"""`caseledger import --to`: a login node sends what the server lacks."""

import gzip
import tarfile
from collections import Counter
from io import BytesIO
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from api.app import create_app
from ingest.cases.sources.open import open_source
from ingest.importing import ImportOptions, Shard, import_paths
from ingest.remote.sending import SendReport, send
from ingest.remote.tar_bundle import bundle_of, tar_stream
from models.connection import open_database
from models.database.client import Database
from models.errors import RemoteError, SourceError
from models.ingestions.ingestion import Counts
from models.settings import Settings
from models.tokens.store import create_token
from tests.support.archives import dump
from tests.support.build_trees import write_tree
from tests.support.spec_documents import diamond, document, lockfile, manifest, package
from tests.support.spec_documents import packed as as_json

URL = "http://server"


@pytest.fixture
async def transport(database: Database) -> httpx2.AsyncBaseTransport:
    app = create_app(Settings())
    app.state.database = database
    return httpx2.ASGITransport(app=app)


@pytest.fixture
async def token(database: Database) -> Settings:
    _, text = await create_token(database, "login", ["ingest"], "test", None)
    return Settings(token=SecretStr(text))


@pytest.mark.slow
async def test_what_is_sent_gives_the_documents_of_an_import(
    database: Database,
    settings: Settings,
    transport: httpx2.AsyncBaseTransport,
    token: Settings,
    tree: Path,
) -> None:
    sent = await send(token, [tree], URL, transport=transport)
    assert sent.counts.discovered == await database.executions.count({}) > 0
    assert sent.counts.rejected == 0
    other = settings.model_copy(update={"database": f"{settings.database}_o"})
    async with open_database(other) as directly:
        await import_paths(directly, [tree], ImportOptions())
        assert _without_paths(await dump(database)) == _without_paths(await dump(directly))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("login01", "login02.site.gov", id="login nodes"),
        pytest.param("chr-login-1", "chr-login-12", id="behind a hyphen"),
        pytest.param("001", "2", id="numbers alone"),
    ],
)
async def test_the_nodes_of_a_pool_send_what_none_has_sent(
    transport: httpx2.AsyncBaseTransport,
    token: Settings,
    tree: Path,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    second: str,
) -> None:
    monkeypatch.setattr("ingest.remote.sending.socket.gethostname", lambda: first)
    await send(token, [tree], URL, transport=transport)
    before = await database.ingestions.count({})
    monkeypatch.setattr("ingest.remote.sending.socket.gethostname", lambda: second)
    again = await send(token, [tree], URL, transport=transport)
    assert again.counts.unchanged == again.counts.discovered > 0
    assert await database.ingestions.count({}) == before


def _without_paths(documents: list[dict[str, object]]) -> str:
    for each in documents:
        executions = each.get("executions", [each.get("recorded")])
        assert isinstance(executions, list)
        for execution in executions:
            del execution["sourcePath"], execution["foundAt"]
    return str(documents)


@pytest.mark.slow
async def test_a_second_time_nothing_is_sent(
    transport: httpx2.AsyncBaseTransport, token: Settings, tree: Path
) -> None:
    first = await send(token, [tree], URL, transport=transport)
    second = await send(token, [tree], URL, transport=transport)
    assert second.counts.unchanged == first.counts.discovered


@pytest.mark.slow
async def test_shards_can_be_sent(
    database: Database, transport: httpx2.AsyncBaseTransport, token: Settings, tree: Path
) -> None:
    whole = len(list(open_source(tree).find()))
    for number in (1, 2):
        await send(token, [tree], URL, shard=Shard(number, 2), transport=transport)
    assert await database.executions.count({}) == whole


async def test_a_directory_without_files_is_counted(
    transport: httpx2.AsyncBaseTransport, token: Settings, tmp_path: Path
) -> None:
    (tmp_path / "performance_archive/jdoe/case/1000.250102-030405").mkdir(parents=True)
    sent = await send(token, [tmp_path], URL, transport=transport)
    assert sent.counts == Counts(discovered=1, rejected=1)
    assert [problem["reason"] for problem in sent.problems] == ["empty"]


def _software() -> dict[str, bytes]:
    """Return files of specs: an environment, a build cache, and some that are something else."""
    blob = gzip.compress(as_json(document(package("other"))))
    name = manifest(blob)["data"][0]["checksum"]
    return {
        "env/spack.lock": as_json(lockfile([(diamond(), "app")])),
        "cache/v3/manifests/spec/other/other-1.0-x.spec.manifest.json": as_json(manifest(blob)),
        f"cache/blobs/sha256/{name[:2]}/{name}": blob,
        "leaf.spec.json": as_json(document(package("leaf"))),
        "notes.json": b"[1, 2]",
    }


async def _origins(database: Database) -> Counter[tuple[str, str, str, str | None]]:
    return Counter(
        (spec["_id"], each["origin"], each["file"].rpartition("!")[2].strip("/"),
         each.get("environment"))
        for spec in await database.specs.find({}, {"provenance": 1})
        for each in spec["provenance"]
    )  # fmt: skip


async def _builds(database: Database) -> list[tuple[str, str, str]]:
    found = await database.builds.find({}, {"kind": 1, "status": 1, "specHash": 1})
    return sorted((b["kind"], b["status"], str(b.get("specHash"))) for b in found)


@pytest.mark.slow
async def test_software_that_is_sent_is_recorded_as_by_an_import(
    database: Database,
    settings: Settings,
    transport: httpx2.AsyncBaseTransport,
    token: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.remote.sending._MAX_UPLOAD_BYTES", 5000)
    write_tree(write_tree(tmp_path), _software())
    sent = await send(token, [tmp_path], URL, transport=transport)
    assert (sent.kind, sent.unreadable) == ("spack", 0)
    other = settings.model_copy(update={"database": f"{settings.database}_o"})
    async with open_database(other) as directly:
        report = await import_paths(directly, [tmp_path], ImportOptions(jobs=1))
        assert sent.counts == report.record.counts
        assert [p["reason"] for p in sent.problems] == [p.reason for p in report.record.problems]
        assert await _origins(database) == await _origins(directly)
        assert await _builds(database) == await _builds(directly)


@pytest.mark.slow
async def test_software_that_is_sent_again_is_unchanged(
    transport: httpx2.AsyncBaseTransport, token: Settings, tmp_path: Path
) -> None:
    write_tree(write_tree(tmp_path), _software())
    first = await send(token, [tmp_path], URL, transport=transport)
    second = await send(token, [tmp_path], URL, transport=transport)
    assert first.counts.created > 0
    assert (second.counts.created, second.counts.updated) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["spack.lock", "repos/a.spec.json", "1000.250102-030405/a.json"])
async def test_a_single_file_is_sent(
    database: Database,
    transport: httpx2.AsyncBaseTransport,
    token: Settings,
    tmp_path: Path,
    name: str,
) -> None:
    write_tree(tmp_path, {name: as_json(document(diamond()))})
    sent = await send(token, [tmp_path / name], URL, transport=transport)
    assert sent.counts == Counts(discovered=1, created=1)
    assert await database.specs.count({"_id": diamond().hash}) == 1


@pytest.mark.slow
async def test_a_link_is_sent_as_what_it_leads_to(
    database: Database, transport: httpx2.AsyncBaseTransport, token: Settings, tmp_path: Path
) -> None:
    (tmp_path / "real.spec.json").write_bytes(as_json(document(diamond())))
    link = tmp_path / "site" / "link.spec.json"
    link.parent.mkdir()
    link.symlink_to("../real.spec.json")
    sent = await send(token, [link], URL, transport=transport)
    assert (sent.counts.created, sent.counts.rejected) == (1, 0)


@pytest.mark.slow
async def test_a_file_in_which_the_server_finds_nothing_is_counted(
    transport: httpx2.AsyncBaseTransport, token: Settings, tmp_path: Path
) -> None:
    write_tree(tmp_path, {"package.json": b"{}"})
    sent = await send(token, [tmp_path / "package.json"], URL, transport=transport)
    assert sent.counts == Counts(discovered=1, rejected=1)
    assert [problem["reason"] for problem in sent.problems] == ["unknown"]


@pytest.mark.parametrize("name", ["a.tar", "a.bin"])
async def test_what_cannot_be_sent_is_an_error(
    transport: httpx2.AsyncBaseTransport, token: Settings, tmp_path: Path, name: str
) -> None:
    write_tree(tmp_path, {name: b"\0"})
    with pytest.raises(SourceError, match=name):
        await send(token, [tmp_path / name], URL, transport=transport)


def test_an_import_that_failed_at_the_server_is_told() -> None:
    sent = SendReport()
    counts = Counts().model_dump(by_alias=False)
    sent.add({"status": "interrupted", "kind": "spack", "counts": counts, "problems": []})
    assert sent.unreadable == 1


async def test_without_a_token_it_is_refused_with_the_reason(
    transport: httpx2.AsyncBaseTransport, tree: Path
) -> None:
    with pytest.raises(RemoteError, match="401"):
        await send(Settings(), [tree], URL, transport=transport)


@pytest.mark.slow
async def test_a_server_that_is_not_there_is_named(tree: Path) -> None:
    with pytest.raises(RemoteError, match="127"):
        await send(Settings(), [tree], "http://127.0.0.1:1")


def test_a_packed_directory_is_a_tar_with_holes_for_what_is_not_read(tree: Path) -> None:
    found = next(open_source(tree).find())
    data = b"".join(tar_stream([bundle_of(found)]))
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        members = {
            member.name.rpartition(f"{found.location.lid.text}/")[2]: member for member in archive
        }
        assert sum(member.size for member in members.values()) == sum(
            entry.size for entry in found.entries
        )
        wanted = found.inventory.files["env_run"]
        name = next(member.name for member in members.values() if member.name.endswith(wanted))
        content = archive.extractfile(name)
        assert content is not None
        assert content.read() == Path(found.path, wanted).read_bytes()
    assert len(data) < sum(entry.size for entry in found.entries) + 200_000
