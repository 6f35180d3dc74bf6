"""Sources: what an import is pointed at, and the execution directories in it.

Nothing is ever extracted, links and special files are never followed. A source first tells which
execution directories it holds, case by case, and what their files come to; then it gives the bytes
of those that are wanted. `Budgets` bound what it reads, and `damages` tells what it leaves out.
"""

from pathlib import Path

from ingest.archives.budgets import Budgets, budgets_of
from ingest.archives.kinds import TAR_SUFFIXES, ZIP_SUFFIX, is_archive, is_single_file, way_through
from ingest.archives.paths import path_digest, storable_path
from ingest.cases.sources.archive import ArchiveSource
from ingest.cases.sources.base import (
    Content,
    Folder,
    Found,
    Located,
    Source,
    Summary,
    case_directory,
    grouped,
)
from ingest.cases.sources.directory import DirectorySource, is_as_it_was
from models.errors import SourceError
from models.ingestions.damage import Damage

__all__ = [
    "Budgets",
    "Content",
    "Damage",
    "Folder",
    "Found",
    "Located",
    "Source",
    "Summary",
    "budgets_of",
    "case_directory",
    "grouped",
    "is_archive",
    "is_as_it_was",
    "is_single_file",
    "open_source",
    "path_digest",
    "storable_path",
]


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
    new_walk = way_through(path)
    if new_walk is None:
        names = f"{', '.join(TAR_SUFFIXES)} or {ZIP_SUFFIX}"
        raise SourceError(f"{path}: not a directory, and its name does not end in {names}")
    return ArchiveSource(path, budgets, new_walk, name)
