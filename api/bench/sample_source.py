"""A sample archive as a source of its own, made while it is imported."""

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
    """Executions of a sample archive, each made when it is asked for; holds one batch."""

    def __init__(self, archive: SampleArchive) -> None:
        super().__init__(Path("/sample"), Budgets())
        self._archive = archive
        self._held: dict[str, dict[str, bytes]] = {}

    def find(self) -> Iterator[ExecutionDirectory]:
        """Give the executions in the order in which they are made."""
        for directory, files in groupby(self._archive.files(), _directory):
            *parts, name = directory.split("/")
            lid = parse_lid(name)
            assert lid is not None
            path = f"{self.path}/{directory}"
            held = {file.path.removeprefix(f"{directory}/"): file for file in files}
            self._held[path] = {name: file.data for name, file in held.items()}
            entries = (FileEntry(name, len(f.data), int(f.mtime)) for name, f in held.items())
            yield ExecutionDirectory(path, locate(parts, lid), tuple(entries))

    def read(
        self, wanted: Sequence[ExecutionDirectory], limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Give what was made for the batch, and forget it."""
        for found in wanted:
            files = self._held.pop(found.path)
            read = found.inventory.files.values()
            yield found, Content(files={path: files[path][: limit + 1] for path in read})

    def batches(self) -> Iterator[Sequence[ExecutionPath]]:
        """Give the batches, and forget what of each was not read."""
        for batch in super().batches():
            yield batch
            for place in batch:
                self._held.pop(place.path, None)


def _directory(file: SampleFile) -> str:
    return "/".join(file.path.split("/")[:_DEPTH])
