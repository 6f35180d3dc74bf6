"""The passes through one archive file: each meets the same file, within its budget."""

import io
import tarfile
from pathlib import Path

import pytest

from ingest.archives.archive import Archive
from ingest.archives.budgets import Budgets
from ingest.archives.kinds import tar_reader
from ingest.archives.reader import ArchiveError


def written(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


def names(archive: Archive) -> list[str]:
    with archive.open() as reader:
        return [member.name for member in reader.members()]


def reason(archive: Archive) -> tuple[str, bool]:
    with pytest.raises(ArchiveError) as caught:
        names(archive)
    return caught.value.reason, caught.value.is_trusted


def test_each_pass_begins_at_the_beginning(tmp_path: Path) -> None:
    archive = Archive(written(tmp_path / "a.tar", "one", "two"), Budgets(), tar_reader)
    assert names(archive) == names(archive) == ["one", "two"]


def test_an_archive_that_changes_between_passes_is_refused(tmp_path: Path) -> None:
    archive = Archive(written(tmp_path / "a.tar", "one"), Budgets(), tar_reader)
    assert names(archive) == ["one"]
    written(tmp_path / "b.tar", "two").replace(tmp_path / "a.tar")
    assert reason(archive) == ("changed", False)


def test_an_archive_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tar", "one")
    assert reason(Archive(path, Budgets(archive_bytes=100), tar_reader)) == ("over_budget", True)


def test_an_archive_that_cannot_be_opened_is_unreadable(tmp_path: Path) -> None:
    assert reason(Archive(tmp_path / "a.tar", Budgets(), tar_reader)) == ("unreadable", False)
