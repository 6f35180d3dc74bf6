"""Kinds of archives, by their names, and the readers for them."""

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
    """Return a way through a tar file, which may be compressed."""
    return TarReader(open_stream(file, budgets), budgets)


def reader_for(path: Path) -> ReaderFactory | None:
    """Return how an archive is gone through, by its name; None for a file that is none."""
    name = path.name.lower()
    if name.endswith(TAR_SUFFIXES):
        return tar_reader
    return ZipReader if name.endswith(ZIP_SUFFIX) else None


def is_archive(path: Path) -> bool:
    """Tell by its name whether a file is an archive."""
    return reader_for(path) is not None


def is_single_file(path: Path) -> bool:
    """Tell whether a path is a regular file that is no archive."""
    return path.is_file() and not is_archive(path)
