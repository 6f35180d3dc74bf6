"""The walk over a tree: its order, what it enters, and what it notes."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.archives.budgets import Budgets
from ingest.archives.walk import DirectoryWalk, Entry, FileStat
from models.ingestions.damage import Damage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path in ("b/two", "b/a/one", "c/three", "a", "skipped/four"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(path.encode())
    (tmp_path / "link").symlink_to(tmp_path / "b")
    (tmp_path / "link_to_file").symlink_to(tmp_path / "a")
    return tmp_path


def select(_directory: str, entries: Sequence[Entry]) -> Iterator[tuple[Entry, str | None]]:
    for entry in entries:
        if entry.is_dir(follow_symlinks=False) and entry.name != "skipped":
            yield entry, None
        elif entry.is_file(follow_symlinks=False):
            yield entry, f"<{entry.name}>"


class Walked:
    """A walk, and the damage that it notes."""

    def __init__(self, budgets: Budgets | None = None, stop_after: int = 99) -> None:
        self.damages: list[Damage] = []
        self.names: list[str] = []
        self._stop_after = stop_after
        self._walk = DirectoryWalk(budgets or Budgets(), select, self._note, self._stop)

    def run(self, root: Path) -> list[str]:
        for entry, _ in self._walk.entries(str(root)):
            self.names.append(os.path.relpath(entry.path, root))
        return self.names

    def files(self, root: Path) -> Iterator[FileStat]:
        return self._walk.files(str(root))

    def _stop(self) -> bool:
        return len(self.names) >= self._stop_after

    def _note(self, path: str, reason: str, detail: str) -> None:
        self.damages.append(Damage(path, reason, detail))


def test_the_walk_goes_by_names_and_never_through_links(root: Path) -> None:
    walked = Walked()
    assert walked.run(root) == ["a", "b/a/one", "b/two", "c/three"]
    assert walked.damages == []


def test_files_have_the_path_of_the_selector_with_size_and_times(root: Path) -> None:
    status = (root / "a").stat()
    first = next(Walked().files(root))
    assert first == ("<a>", 1, status.st_mtime_ns, status.st_ctime_ns)


def test_directories_that_are_too_deep_are_noted_and_the_others_walked(root: Path) -> None:
    walked = Walked(Budgets(depth=1))
    assert walked.run(root) == ["a", "b/two", "c/three"]
    assert [(damage.path, damage.reason) for damage in walked.damages] == [
        (str(root / "b/a"), "too_deep")
    ]
    assert "CASELEDGER_MAX_DEPTH" in walked.damages[0].detail


def test_a_directory_that_cannot_be_listed_costs_itself(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    walked = Walked()
    assert walked.run(root) == ["a", "c/three"]
    assert [(damage.path, damage.reason) for damage in walked.damages] == [
        (str(root / "b"), "unreadable")
    ]


def test_a_file_that_vanishes_costs_itself(root: Path) -> None:
    walked = Walked()
    files = walked.files(root)
    assert [next(files).path, next(files).path] == ["<a>", "<one>"]
    (root / "b/two").unlink()  # its directory has been listed already
    assert [file.path for file in files] == ["<three>"]
    assert [(damage.path, damage.reason) for damage in walked.damages] == [
        (str(root / "b/two"), "unreadable")
    ]


def test_a_walk_that_is_stopped_ends_at_the_next_entry(root: Path) -> None:
    walked = Walked(stop_after=2)
    assert walked.run(root) == ["a", "b/a/one"]
    assert walked.damages == []
