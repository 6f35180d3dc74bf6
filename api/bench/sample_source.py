"""A sample archive as a source for imports, generated while it is imported."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.cases.inventory import FileEntry
from ingest.cases.layout import locate
from ingest.cases.sources.base import Content, ExecutionDirectory, ExecutionPath, Source
from ingest.sample import SampleArchive, SampleFile
from models.cases.lid import parse_lid

_DEPTH = 5  # machine/performance_archive/user/case/LID


class SampleSource(Source):
    """A source that generates executions when they are needed, and keeps one batch in memory."""

    def __init__(self, archive: SampleArchive) -> None:
        super().__init__(Path("/sample"), Budgets())
        self._archive = archive
        self._files: dict[str, dict[str, bytes]] = {}

    def find(self) -> Iterator[ExecutionDirectory]:
        """Yield the executions in the order of the archive."""
        for directory, files in groupby(self._archive.files(), _directory):
            *parts, name = directory.split("/")
            lid = parse_lid(name)
            assert lid is not None
            path = f"{self.path}/{directory}"
            by_name = {file.path.removeprefix(f"{directory}/"): file for file in files}
            self._files[path] = {name: file.data for name, file in by_name.items()}
            entries = (FileEntry(name, len(f.data), int(f.mtime)) for name, f in by_name.items())
            yield ExecutionDirectory(path, locate(parts, lid), tuple(entries))

    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Yield the executions with their files, which are then discarded."""
        for execution in wanted:
            files = self._files.pop(execution.path)
            names = execution.inventory.files.values()
            yield execution, Content(files={name: files[name][: limit + 1] for name in names})

    def batches(self) -> Iterator[Sequence[ExecutionPath]]:
        """Yield the batches; after each, discard the files that were not read."""
        for batch in super().batches():
            yield batch
            for execution in batch:
                self._files.pop(execution.path, None)


def _directory(file: SampleFile) -> str:
    return "/".join(file.path.split("/")[:_DEPTH])
