"""Kinds of archives, known by their names, and their readers."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ingest.archives.budgets import Budgets
from ingest.archives.reader import ArchiveReader
from ingest.archives.streams import open_stream
from ingest.archives.tar import TarReader
from ingest.archives.zip import ZipReader

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst")
ZIP_SUFFIX = ".zip"
ReaderFactory = Callable[[BinaryIO, Budgets], ArchiveReader]


def tar_reader(file: BinaryIO, budgets: Budgets) -> ArchiveReader:
    """Return a reader of a tar file, which may be compressed."""
    return TarReader(open_stream(file, budgets), budgets)


def reader_for(path: Path) -> ReaderFactory | None:
    """Return what makes readers of an archive; None for a file without the name of an archive."""
    name = path.name.lower()
    if name.endswith(TAR_SUFFIXES):
        return tar_reader
    return ZipReader if name.endswith(ZIP_SUFFIX) else None


def is_archive(path: Path) -> bool:
    """Return whether a file has the name of an archive."""
    return reader_for(path) is not None


def is_single_file(path: Path) -> bool:
    """Return whether a path is a regular file without the name of an archive."""
    return path.is_file() and not is_archive(path)
