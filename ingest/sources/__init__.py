"""Sources: what an import is pointed at, and the execution directories in it.

Nothing is ever extracted, links and special files are never followed. A source first tells which
execution directories it holds, case by case, with the names and sizes of their files and without
opening any; then it gives the bytes of those that are wanted.
"""

from pathlib import Path

from ingest.sources.archive import TarSource, ZipSource
from ingest.sources.base import (
    Content,
    Damage,
    Found,
    Source,
    case_directory,
    grouped,
    storable_path,
)
from ingest.sources.directory import DirectorySource
from models.errors import SourceError

__all__ = [
    "Content",
    "Damage",
    "Found",
    "Source",
    "case_directory",
    "grouped",
    "open_source",
    "storable_path",
]

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_ZIP_SUFFIXES = (".zip",)


def open_source(path: Path) -> Source:
    """Return the source that a path is; SourceError when it is none."""
    if not path.exists():
        raise SourceError(f"{path}: no such file or directory")
    if path.is_dir():
        return DirectorySource(path)
    if not path.is_file():
        raise SourceError(f"{path}: not a directory and not a regular file")
    name = path.name.lower()
    if name.endswith(_TAR_SUFFIXES):
        return TarSource(path)
    if name.endswith(_ZIP_SUFFIXES):
        return ZipSource(path)
    raise SourceError(
        f"{path}: not a directory, and its name does not end in {', '.join(_TAR_SUFFIXES)} or .zip"
    )
