"""What one more execution costs when its case has many already."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from api.bench.sample_source import SampleSource
from api.bench.scratch_database import empty_database, temporary_place
from ingest.cases.sources.base import Content, ExecutionDirectory, Source
from ingest.importing import ImportOptions, import_paths
from ingest.sample import SampleArchive, SampleOptions

_OPTIONS = ImportOptions(jobs=0)
"""Reading takes as long as ever: starting a process for it would hide what grows."""


async def measure_growth(sizes: Sequence[int], added: int) -> dict[str, Any]:
    """Return the milliseconds of an import of one execution, for each size of its case before.

    Each is the median of as many imports as there are executions `added`.
    """
    most = max(sizes) + 2 * added
    source = SampleSource(SampleArchive(SampleOptions(cases=1, executions=most, failures=False)))
    found = []
    with temporary_place() as (settings, _):
        async with empty_database(settings) as database:
            executions = _Executions(source)
            there = 0
            for size in sorted(sizes):
                await import_paths(database, [executions.take(size - there)], _OPTIONS)
                singles = []
                for _ in range(added):
                    began = time.perf_counter()
                    await import_paths(database, [executions.take(1)], _OPTIONS)
                    singles.append(time.perf_counter() - began)
                there = size + added
                median = sorted(singles)[added // 2]
                found.append({"executions": size, "milliseconds": median * 1000})
    return {"added": added, "sizes": found}


class _Executions:
    """The executions of a source, handed out in portions that are sources themselves."""

    def __init__(self, source: SampleSource) -> None:
        self._source = source
        self._found = source.find()

    def take(self, number: int) -> Source:
        """Return a source of the next executions."""
        return _Portion(self._source, list(islice(self._found, max(0, number))))


class _Portion(Source):
    def __init__(self, source: SampleSource, found: Sequence[ExecutionDirectory]) -> None:
        super().__init__(source.path, source.budgets)
        self._source = source
        self._some = found

    def find(self) -> Iterator[ExecutionDirectory]:
        yield from self._some

    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        yield from self._source.read(wanted, limit)
