"""What is recorded whole is not listed again while its directories stay as they are."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.cases.directory_cache import DirectoryCache
from ingest.cases.sources import directory
from ingest.cases.sources.base import DirectoryTimes, ExecutionDirectory, ExecutionPath
from ingest.cases.sources.directory import DirectorySource, is_unchanged_on_disk
from ingest.cases.sources.open import open_source
from ingest.importing import ImportOptions, import_paths
from models.database.client import Database
from models.ingestions.ingestion import Counts
from tests.support.executions import KEY, LID, location, write_execution

PLACE = f"chrysalis/performance_archive/{KEY.user}/{KEY.name}/{LID}"
DOCS = f"{PLACE}/CaseDocs.{LID}"
FOLDERS = (DirectoryTimes("", 1, 2), DirectoryTimes(f"CaseDocs.{LID}", 3, 4))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_execution(tmp_path, PLACE)


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The directories that were listed; any is old enough to be remembered."""
    monkeypatch.setattr(directory, "_SETTLED", -(10**18))
    paths: list[str] = []
    list_files = DirectorySource.list_files

    def noted(self: DirectorySource, place: ExecutionPath) -> ExecutionDirectory | None:
        paths.append(place.path)
        return list_files(self, place)

    monkeypatch.setattr(DirectorySource, "list_files", noted)
    return paths


async def counts(database: Database, root: Path, **options: Any) -> Counts:
    report = await import_paths(database, [root], ImportOptions(jobs=0, **options))
    return report.record.counts


async def test_the_second_import_lists_nothing(
    database: Database, root: Path, looked: list[str]
) -> None:
    assert await counts(database, root) == Counts(discovered=1, created=1)
    assert len(looked) == 1
    assert await counts(database, root) == Counts(discovered=1, unchanged=1)
    assert len(looked) == 1


def _add(root: Path) -> None:
    (root / DOCS / f"atm_in.{LID}").write_text("&g\n a = 1\n/\n")


def _add_above(root: Path) -> None:
    (root / PLACE / f"cpl.log.{LID}").write_text("")


def _remove(root: Path) -> None:
    (root / PLACE / f"CaseStatus.{LID}.gz").unlink()


def _rename(root: Path) -> None:
    (root / DOCS / f"env_run.xml.{LID}.gz").rename(root / DOCS / "other")


def _replace_folder(root: Path) -> None:
    (root / DOCS).rename(root / "elsewhere")
    (root / DOCS).symlink_to(root / "elsewhere")


@pytest.mark.parametrize("change", [_add, _add_above, _remove, _rename, _replace_folder])
async def test_a_directory_in_which_a_file_comes_or_goes_is_listed(
    database: Database, root: Path, looked: list[str], change: Callable[[Path], None]
) -> None:
    await counts(database, root)
    change(root)
    await counts(database, root)
    assert len(looked) == 2


async def test_a_file_that_comes_later_is_read(
    database: Database, root: Path, looked: list[str]
) -> None:
    await counts(database, root)
    _add(root)
    assert await counts(database, root) == Counts(discovered=1, created=0, updated=1)
    assert await counts(database, root) == Counts(discovered=1, unchanged=1)
    assert len(looked) == 2


async def test_an_execution_that_is_not_whole_is_listed_each_time(
    database: Database, root: Path, looked: list[str]
) -> None:
    status = root / PLACE / f"CaseStatus.{LID}.gz"
    whole = status.read_bytes()
    status.write_bytes(whole[:20])
    assert await counts(database, root) == Counts(discovered=1, incomplete=1)
    status.write_bytes(whole)  # the directory does not show that
    assert await counts(database, root) == Counts(discovered=1, updated=1)
    assert len(looked) == 2


async def test_an_execution_that_was_deleted_is_read_again(
    database: Database, root: Path, looked: list[str]
) -> None:
    await counts(database, root)
    await database.cases.delete({})
    await database.executions.delete({})
    assert await counts(database, root) == Counts(discovered=1, created=1)
    assert len(looked) == 2


async def test_what_was_recorded_before_is_remembered_when_it_is_listed(
    database: Database, root: Path, looked: list[str]
) -> None:
    await counts(database, root)
    await database.execution_sources.delete({})
    for _ in range(2):
        assert await counts(database, root) == Counts(discovered=1, unchanged=1)
    assert len(looked) == 2


async def test_all_is_listed_again_when_that_is_asked_for(
    database: Database, root: Path, looked: list[str]
) -> None:
    await counts(database, root)
    for file in root.rglob("*.gz"):
        os.utime(file, (10**9, 10**9))  # an older copy, put back in place
    assert await counts(database, root) == Counts(discovered=1, unchanged=1)
    assert await counts(database, root, relist=True) == Counts(discovered=1, updated=1)
    assert len(looked) == 2


async def test_a_dry_run_remembers_nothing(
    database: Database, root: Path, looked: list[str]
) -> None:
    await counts(database, root, dry_run=True)
    assert await database.execution_sources.count({}) == 0


async def test_a_directory_that_was_just_changed_is_listed_once_more(
    database: Database, root: Path
) -> None:
    await counts(database, root)
    assert await database.execution_sources.count({}) == 0


def test_a_directory_is_as_it_was_behind_a_link_to_it(root: Path, looked: list[str]) -> None:
    link = root / LID
    link.symlink_to(root / PLACE)
    (found,) = open_source(link).find()
    assert is_unchanged_on_disk(found)
    _add_above(root)
    assert not is_unchanged_on_disk(found)


def test_a_directory_that_is_gone_is_not_as_it_was(root: Path, looked: list[str]) -> None:
    (found,) = open_source(root).find()
    assert is_unchanged_on_disk(found)
    (root / DOCS).rename(root / "elsewhere")
    os.utime(root / PLACE, ns=(found.folders[0].modified, found.folders[0].modified))
    assert not is_unchanged_on_disk(found)


async def test_what_was_listed_comes_back_as_it_was(database: Database) -> None:
    place = ExecutionPath("/a/\udcff", location())
    found = ExecutionDirectory(place.path, place.location, folders=FOLDERS)
    listed = DirectoryCache(database)
    await listed.remember(found)
    await listed.save()
    assert await listed.find([place, ExecutionPath("/b", location())]) == {
        place.path: ExecutionDirectory(place.path, place.location, (), found.files_summary, FOLDERS)
    }


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_directory_with_a_file_that_was_just_written_is_listed_once_more(
    root: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setattr(directory, "_SETTLED", -30 * 10**9)
    for file in root.rglob("*.gz"):
        os.utime(file, (time.time() + seconds,) * 2)
    (found,) = open_source(root).find()
    assert bool(found.folders) == (seconds < 0)


@pytest.mark.parametrize(
    "folders",
    [
        pytest.param((), id="just changed"),
        pytest.param((DirectoryTimes("", 1, 2), DirectoryTimes("\udcff", 3, 4)), id="not UTF-8"),
        pytest.param((DirectoryTimes("", -(2**63) - 1, 2),), id="in the year 1600"),
        pytest.param((DirectoryTimes("", 1, 2**63),), id="in the year 2300"),
        pytest.param(tuple(DirectoryTimes(f"{n}", 1, 2) for n in range(65)), id="very many"),
    ],
)
async def test_what_cannot_be_stored_or_trusted_is_not_remembered(
    database: Database, folders: tuple[DirectoryTimes, ...]
) -> None:
    listed = DirectoryCache(database)
    await listed.remember(ExecutionDirectory("/a", location(), folders=folders))
    await listed.save()
    assert await database.execution_sources.count({}) == 0
