"""A live archive: files and directories that change, vanish or turn into links during an import."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.archives.walk import DirectoryWalk
from ingest.cases import parse
from ingest.importing import ImportOptions, Report, import_paths
from ingest.sample import write_files
from models.database.client import Database
from tests.support.archives import directories, sample_cases, sample_files

Change = Callable[[Path], None]


@pytest.fixture
def execution(tmp_path: Path) -> Path:
    """The directory of a complete execution, below `archive`."""
    case = sample_cases()[0]
    found = next(e for e in case.executions if e.lid == case.canonical)
    root = write_files(tmp_path / "archive", directories(sample_files())[found.path])
    return root / found.path


async def run(database: Database, root: Path) -> Report:
    return await import_paths(database, [root], ImportOptions(jobs=0))


def first_file(execution: Path, name: str) -> Path:
    return next(path for path in execution.rglob("*") if path.name.startswith(name))


def vanish(path: Path) -> None:
    path.unlink()


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def shrink(path: Path) -> None:
    os.truncate(path, 10)


def become_a_link(path: Path) -> None:
    copy = path.with_name("elsewhere")
    path.rename(copy)
    path.symlink_to(copy)


def become_a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def become_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("change", [vanish, grow, shrink, become_a_link])
async def test_what_changes_between_listing_and_reading_is_read_by_the_next_import(
    database: Database, execution: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    root = execution.parents[3]
    path = first_file(execution, "env_run.xml")
    content = path.read_bytes()
    read = parse._read

    def change_first(*arguments: Any) -> bytes:
        if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
            change(path)
        return read(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(parse, "_read", change_first)
        report = await run(database, root)
    assert report.record.counts.created == 0
    assert await database.executions.count({"executionId": execution.name}) == 0
    assert str(execution) in {problem.path for problem in report.record.problems}
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    path.write_bytes(content)
    assert (await run(database, root)).record.counts.created == 1


@pytest.mark.parametrize("change", [become_a_directory, become_a_pipe])
async def test_what_is_no_file_any_more_is_missed_until_it_is_one(
    database: Database, execution: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    root = execution.parents[3]
    path = first_file(execution, "env_run.xml")
    content = path.read_bytes()
    read = parse._read

    def change_first(*arguments: Any) -> bytes:
        if path.is_file():
            change(path)
        return read(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(parse, "_read", change_first)
        report = await run(database, root)
    assert report.record.counts.incomplete == 1
    path.rmdir() if path.is_dir() else path.unlink()
    path.write_bytes(content)
    report = await run(database, root)
    assert (report.record.counts.updated, report.record.counts.incomplete) == (1, 0)


async def test_a_file_that_may_not_be_read_is_read_once_it_may(
    database: Database, execution: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = execution.parents[3]
    open_file = os.open

    def refuse(path: str, *arguments: Any, **options: Any) -> int:
        if "env_run.xml" in os.fspath(path):
            raise PermissionError(13, "Permission denied", path)
        return open_file(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        report = await run(database, root)
    assert report.record.counts.created == 0
    assert (await run(database, root)).record.counts.created == 1


async def test_an_execution_that_vanishes_is_no_rejection(
    database: Database, execution: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = execution.parents[3]
    entries = DirectoryWalk.entries

    def vanish_after(self: Any, *arguments: Any) -> Any:
        yield from entries(self, *arguments)
        shutil.rmtree(execution, ignore_errors=True)

    monkeypatch.setattr(DirectoryWalk, "entries", vanish_after)
    report = await run(database, root)
    assert report.record.counts.created == 0
    assert await database.cases.count({}) == 0


async def test_a_directory_that_becomes_a_link_is_not_followed(
    database: Database, execution: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As somebody would do who may write below a root, to have other files read by the service."""
    root = execution.parents[3]
    outside = tmp_path / "outside"
    user = execution.parents[1]
    read = parse._read

    def swap(*arguments: Any) -> bytes:
        if not user.is_symlink():
            shutil.copytree(user, outside)
            user.rename(tmp_path / "aside")
            user.symlink_to(outside)
        return read(*arguments)

    monkeypatch.setattr(parse, "_read", swap)
    report = await run(database, root)
    assert report.record.counts.created == 0
    assert await database.cases.count({}) == 0


async def test_a_tree_may_be_named_by_a_link(
    database: Database, execution: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(execution.parents[3])
    report = await run(database, tmp_path / "link")
    assert report.record.counts.created == 1
