"""Opening a path as a source."""

from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import TAR_SUFFIXES, ZIP_SUFFIX, reader_for
from ingest.cases.sources.archive import ArchiveSource
from ingest.cases.sources.base import Source
from ingest.cases.sources.directory import DirectorySource
from models.errors import SourceError


def open_source(path: Path, budgets: Budgets | None = None, name: str | None = None) -> Source:
    """Return the source that a path is; SourceError when it is none.

    An archive may have another `name` than its path, under which its executions are recorded.
    """
    budgets = budgets or Budgets()
    if not path.exists():
        raise SourceError(f"{path}: no such file or directory")
    if path.is_dir():
        return DirectorySource(path, budgets)
    if not path.is_file():
        raise SourceError(f"{path}: not a directory and not a regular file")
    new_walk = reader_for(path)
    if new_walk is None:
        names = f"{', '.join(TAR_SUFFIXES)} or {ZIP_SUFFIX}"
        raise SourceError(f"{path}: not a directory, and its name does not end in {names}")
    return ArchiveSource(path, budgets, new_walk, name)
