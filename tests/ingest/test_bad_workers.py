"""Executions that kill or exhaust the process that reads them, in a whole import."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ingest.cases.sources.base import Content, ExecutionDirectory
from ingest.cases.sources.directory import DirectorySource
from ingest.concurrency.limits import Limits
from ingest.importing import Budgets, ImportOptions, import_paths
from ingest.sample import write_files
from models.database.client import Database
from tests.support.archives import sample_cases, sample_files
from tests.support.hostile_files import Greedy

LIMITS = Limits(memory_bytes=2**30)


class Deadly(dict[str, bytes]):
    """Files that end the process which receives them."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (1,)


class BadSource(DirectorySource):
    """A tree in which some executions have hostile files."""

    def __init__(self, path: Path, hostile: dict[str, dict[str, bytes]]) -> None:
        super().__init__(path, Budgets())
        self._hostile = hostile

    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        for directory, content in super().read(wanted, limit):
            files = self._hostile.get(Path(directory.path).name)
            yield directory, content if files is None else Content(files=files)


@pytest.mark.slow
async def test_what_ends_its_worker_costs_itself_and_is_read_by_the_next_import(
    database: Database, tmp_path: Path
) -> None:
    tree = write_files(tmp_path, sample_files(cases=3))
    complete = [e.lid for case in sample_cases(cases=3) for e in case.executions if e.complete]
    hostile = {complete[0]: Deadly(), complete[4]: Greedy()}
    report = await import_paths(
        database, [BadSource(tree, hostile)], ImportOptions(jobs=2, limits=LIMITS)
    )
    reasons = {Path(problem.path).name: problem.reason for problem in report.record.problems}
    expected = dict(zip(hostile, ("crashed", "out_of_memory"), strict=True))
    assert {lid: reasons.get(lid) for lid in hostile} == expected
    assert report.record.status == "partial"
    assert report.record.counts.rejected == 2
    assert report.record.counts.created == len(complete) - 2
    again = await import_paths(database, [tree], ImportOptions(jobs=0))
    assert (again.record.counts.created, again.record.counts.rejected) == (2, 0)
