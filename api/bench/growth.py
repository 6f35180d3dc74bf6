"""The cost of one more execution in a case that already has many."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import median_high
from typing import Any

from api.bench.sample_source import SampleSource
from api.bench.scratch_database import empty_database, temporary_server
from ingest.cases.sources.base import Content, ExecutionDirectory, Source
from ingest.importing import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions
from models.database.client import Database

_OPTIONS = ImportOptions(jobs=0)
"""No worker processes: reading takes equally long at any size; their start would hide growth."""


async def measure_growth(sizes: Sequence[int], added: int) -> dict[str, Any]:
    """Return the milliseconds to import one execution, for each size of its case before that.

    Each figure is the median of `added` imports of one execution.
    """
    total = max(sizes) + 2 * added
    source = SampleSource(SampleArchive(SampleOptions(cases=1, executions=total, failures=False)))
    figures = []
    with temporary_server() as (settings, _):
        async with empty_database(settings) as database:
            executions = _Executions(source)
            recorded = 0
            for size in sorted(sizes):
                await import_paths(database, [executions.take(size - recorded)], _OPTIONS)
                seconds = [await _import_next(database, executions) for _ in range(added)]
                recorded = size + added
                figures.append({"executions": size, "milliseconds": median_high(seconds) * 1000})
    return {"added": added, "sizes": figures}


async def _import_next(database: Database, executions: "_Executions") -> float:
    """Import the next execution, and return the seconds that this takes."""
    began = time.perf_counter()
    await import_paths(database, [executions.take(1)], _OPTIONS)
    return time.perf_counter() - began


class _Executions:
    """The executions of a source, handed out in portions that are sources themselves."""

    def __init__(self, source: SampleSource) -> None:
        self._source = source
        self._remaining = source.find()

    def take(self, count: int) -> Source:
        """Return a source of the next `count` executions, of none if that is negative."""
        return _Portion(self._source, list(islice(self._remaining, max(0, count))))


class _Portion(Source):
    def __init__(self, source: SampleSource, executions: Sequence[ExecutionDirectory]) -> None:
        super().__init__(source.path, source.budgets)
        self._source = source
        self._executions = executions

    def find(self) -> Iterator[ExecutionDirectory]:
        yield from self._executions

    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        yield from self._source.read(wanted, limit)
