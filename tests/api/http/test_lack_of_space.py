"""A temporary directory without space: a 507 that names it, and nothing is left in it."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tests.support.small_disk import fill, small_disk

MIB = 2**20
JSON = {"name": "zlib", "version": "1.3", "specHash": "a" * 32, "status": "running"}


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process become larger: writing more is an EFBIG."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
async def build(writer: httpx2.AsyncClient) -> str:
    answer = await writer.post("/api/v1/builds", json=JSON)
    return f"/api/v1/builds/{answer.json()['id']}"


async def upload(writer: httpx2.AsyncClient, build: str, kind: str) -> httpx2.Response:
    body = b"x" * (10 * MIB)
    match kind:
        case "archive":
            path, headers = "/api/v1/ingestions?name=a.tar", {"Content-Type": "application/x-tar"}
            return await writer.post(path, content=body, headers=headers)
        case "form":
            return await writer.post("/api/v1/ingestions", files={"file": ("a.tar", body)})
        case "spec-form":
            return await writer.post("/api/v1/specs", files={"file": ("spec.json", body)})
        case "manifest":
            lines = b"".join(b'{"path": "%08d", "type": "file"}\n' % n for n in range(400_000))
            headers = {"Content-Type": "application/x-ndjson"}
            return await writer.put(f"{build}/manifest", content=lines, headers=headers)
    return await writer.put(f"{build}/log", content=b"a line\n" * (2 * MIB))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["archive", "form", "spec-form", "log", "manifest"])
async def test_a_body_without_space_is_a_507_that_costs_nothing_else(
    writer: httpx2.AsyncClient, build: str, directory: Path, kind: str
) -> None:
    with largest_file(MIB):
        answer, other = await asyncio.gather(
            upload(writer, build, kind), writer.get("/api/v1/cases")
        )
    assert answer.status_code == 507, answer.text
    problem = answer.json()
    assert problem["type"].endswith("temporary-directory-full")
    assert "TMPDIR" in problem["detail"]
    assert "TMPDIR" in problem["detail"]
    assert other.status_code == 200
    assert not list(directory.iterdir())
    assert (await writer.get(build)).json()["logs"] == []


@pytest.fixture
async def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    with small_disk(tmp_path / "disk", 40) as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        fill(disk, spare=3 * MIB)
        yield disk


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["archive", "form", "log"])
async def test_a_full_disk_is_a_507_too_and_gets_its_space_back(
    writer: httpx2.AsyncClient, build: str, full: Path, kind: str
) -> None:
    assert (await upload(writer, build, kind)).status_code == 507
    assert [file.name for file in full.iterdir()] == ["ballast"]
    (full / "ballast").unlink()
    assert (await upload(writer, build, kind)).status_code < 500
