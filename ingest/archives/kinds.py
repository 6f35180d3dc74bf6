"""Kinds of archives, by their names, and the readers for them."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ingest.archives.budgets import Budgets
from ingest.archives.reader import Walk
from ingest.archives.streams import open_stream
from ingest.archives.tar import TarWalk
from ingest.archives.zip import ZipWalk

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst")
ZIP_SUFFIX = ".zip"
NewWalk = Callable[[BinaryIO, Budgets], Walk]


def tar_walk(file: BinaryIO, budgets: Budgets) -> Walk:
    """Return a way through a tar file, which may be compressed."""
    return TarWalk(open_stream(file, budgets), budgets)


def way_through(path: Path) -> NewWalk | None:
    """Return how an archive is gone through, by its name; None for a file that is none."""
    name = path.name.lower()
    if name.endswith(TAR_SUFFIXES):
        return tar_walk
    return ZipWalk if name.endswith(ZIP_SUFFIX) else None


def is_archive(path: Path) -> bool:
    """Tell by its name whether a file is an archive."""
    return way_through(path) is not None


def is_single_file(path: Path) -> bool:
    """Tell whether a path is a regular file that is no archive."""
    return path.is_file() and not is_archive(path)
