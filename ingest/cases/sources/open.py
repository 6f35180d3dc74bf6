"""Open a path as a source."""

from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import TAR_SUFFIXES, ZIP_SUFFIX, reader_for
from ingest.cases.sources.archive import ArchiveSource
from ingest.cases.sources.base import Source
from ingest.cases.sources.directory import DirectorySource
from models.errors import SourceError


def open_source(path: Path, budgets: Budgets | None = None, name: str | None = None) -> Source:
    """Return the source for a path: a directory or an archive; SourceError for anything else.

    `name` replaces the path of an archive in the paths of the executions that are recorded.
    """
    budgets = budgets or Budgets()
    if not path.exists():
        raise SourceError(f"{path}: no such file or directory")
    if path.is_dir():
        return DirectorySource(path, budgets)
    if not path.is_file():
        raise SourceError(f"{path}: not a directory and not a regular file")
    new_reader = reader_for(path)
    if new_reader is None:
        names = f"{', '.join(TAR_SUFFIXES)} or {ZIP_SUFFIX}"
        raise SourceError(f"{path}: not a directory, and its name does not end in {names}")
    return ArchiveSource(path, budgets, new_reader, name)
