"""Sources: what an import is pointed at, and the execution directories in it.

Nothing is ever extracted, links and special files are never followed. A source first tells which
execution directories it holds, case by case, and what their files come to; then it gives the bytes
of those that are wanted. `Budgets` bound what it reads, and `damages` tells what it leaves out.
"""

from pathlib import Path

from ingest.sources.archive import ArchiveSource, tar_walk
from ingest.sources.base import (
    Content,
    Damage,
    Folder,
    Found,
    Located,
    Source,
    Summary,
    case_directory,
    grouped,
    storable_path,
)
from ingest.sources.budgets import Budgets, budgets_of
from ingest.sources.directory import DirectorySource, is_as_it_was
from ingest.sources.zip import ZipWalk
from models.errors import SourceError

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
    "storable_path",
]

_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst")
_ZIP_SUFFIX = ".zip"


def is_archive(path: Path) -> bool:
    """Tell by its name whether a file is an archive."""
    return path.name.lower().endswith((*_TAR_SUFFIXES, _ZIP_SUFFIX))


def is_single_file(path: Path) -> bool:
    """Tell whether a path is a regular file that is no archive."""
    return path.is_file() and not is_archive(path)


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
    own_name = path.name.lower()
    if own_name.endswith(_TAR_SUFFIXES):
        return ArchiveSource(path, budgets, tar_walk, name)
    if own_name.endswith(_ZIP_SUFFIX):
        return ArchiveSource(path, budgets, ZipWalk, name)
    raise SourceError(
        f"{path}: not a directory, and its name does not end in {', '.join(_TAR_SUFFIXES)} or .zip"
    )
