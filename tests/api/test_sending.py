"""`caseledger import --to`: a login node sends what the server lacks."""

import tarfile
from io import BytesIO
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from api.app import create_app
from api.cli.sending import send
from api.security.tokens import create_token
from ingest.packing import packed
from ingest.pipeline import ImportOptions, Shard, import_paths
from ingest.sources import open_source
from models.database import Database, open_database
from models.errors import RemoteError
from models.ingestion import Counts
from models.settings import Settings
from tests.archives import dump

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


def _without_paths(documents: list[dict[str, object]]) -> str:
    for document in documents:
        executions = document.get("executions", [document.get("recorded")])
        assert isinstance(executions, list)
        for execution in executions:
            del execution["sourcePath"], execution["foundAt"]
    return str(documents)


async def test_a_second_time_nothing_is_sent(
    transport: httpx2.AsyncBaseTransport, token: Settings, tree: Path
) -> None:
    first = await send(token, [tree], URL, transport=transport)
    second = await send(token, [tree], URL, transport=transport)
    assert second.counts.unchanged == first.counts.discovered


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


async def test_without_a_token_it_is_refused_with_the_reason(
    transport: httpx2.AsyncBaseTransport, tree: Path
) -> None:
    with pytest.raises(RemoteError, match="401"):
        await send(Settings(), [tree], URL, transport=transport)


async def test_a_server_that_is_not_there_is_named(tree: Path) -> None:
    with pytest.raises(RemoteError, match="127"):
        await send(Settings(), [tree], "http://127.0.0.1:1")


def test_a_packed_directory_is_a_tar_with_holes_for_what_is_not_read(tree: Path) -> None:
    found = next(open_source(tree).find())
    data = b"".join(packed([found]))
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
