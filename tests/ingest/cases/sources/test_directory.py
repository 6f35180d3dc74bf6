"""A tree that changes while it is read: what is not seen whole is left to the next import."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.archives.budgets import Budgets
from ingest.cases.observe import observe
from ingest.cases.origin import Origin
from ingest.cases.sources.base import Source
from ingest.cases.sources.open import open_source
from ingest.cases.task import Result, Task
from tests.support.executions import KEY, LID, write_execution
from tests.support.sources import LIMIT, PLACE, inside, reasons

PATH = f"chrysalis/performance_archive/{KEY.user}/{KEY.name}/{LID}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_execution(tmp_path, PATH)


def observed(source: Source, between: Callable[[], object] = lambda: None) -> list[Result]:
    """Import what the source gives, and do something before its files are read."""
    results = []
    for found, content in source.read(list(source.find()), LIMIT):
        between()
        origin = Origin(found.path, found.fingerprint, "i", found.file_count)
        results.append(observe(Task(found.location, found.entries, content, origin, LIMIT)))
    return results


@contextmanager
def refusing(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[None]:
    scandir = os.scandir

    def refuse(path: Path) -> Any:
        if Path(path).name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        yield


def test_a_search_that_is_closed_ends_at_the_next_directory(root: Path) -> None:
    other = root / PATH.replace(KEY.name, f"{KEY.name}2")
    other.mkdir(parents=True)
    source = open_source(root)
    found = source.find()
    assert next(found).path == str(root / PATH)
    source.close()
    assert list(found) == []
    assert source.damages == []


@pytest.mark.parametrize("name", [LID, f"CaseDocs.{LID}"])
def test_an_execution_that_cannot_be_listed_whole_is_left_to_the_next_import(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = open_source(root)
    with refusing(monkeypatch, name):
        assert list(source.find()) == []
    assert reasons(source) == ["unreadable"]
    assert source.damages[0].path == str(root / PATH)
    assert [inside(found, root) for found in open_source(root).find()] == [PATH]


def test_a_file_that_vanishes_while_it_is_listed_leaves_the_execution_out(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    @contextmanager
    def scandir(path: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
        with real(path) as entries:
            listed = list(entries)
            for entry in listed:
                if entry.name.startswith("CaseStatus"):
                    Path(entry.path).unlink()
            yield iter(listed)

    monkeypatch.setattr(os, "scandir", scandir)
    source = open_source(root)
    assert list(source.find()) == []
    assert reasons(source) == ["unreadable"]


def test_a_file_that_vanishes_before_it_is_read_is_no_verdict(root: Path) -> None:
    status = root / PATH / f"CaseStatus.{LID}.gz"
    (result,) = observed(open_source(root), status.unlink)
    assert (result.observation, result.reason) == (None, "unreadable")


def test_a_file_that_grows_while_it_is_read_is_no_verdict(root: Path) -> None:
    def grow() -> None:
        with (root / PATH / f"CaseStatus.{LID}.gz").open("ab") as file:
            file.write(b"more")

    (result,) = observed(open_source(root), grow)
    assert (result.observation, result.reason) == (None, "unreadable")
    assert "changed while it was read" in (result.detail or "")


def test_a_file_that_stays_as_it_is_is_read(root: Path) -> None:
    (result,) = observed(open_source(root))
    assert result.observation is not None
    assert result.observation.execution.complete


def test_a_tree_that_is_too_deep_is_noted_with_its_setting(root: Path) -> None:
    source = open_source(root, Budgets(depth=PLACE.count("/") - 1))
    assert list(source.find()) == []
    assert "CASELEDGER_MAX_DEPTH" in source.damages[0].detail
