"""What an import says about a path in which it has found nothing."""

import os
import shlex
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import TAR_SUFFIXES, ZIP_SUFFIX, is_archive
from ingest.archives.walk import DirectoryWalk, Entry

NOTHING_FOUND = "nothing_found"
"""The reason of the problem that is noted for such a path."""

_MAX_COUNTED = 1000
_SHOWN = 5
_NOTHING = "nothing of E3SM or Spack was found in it"


def describe_nothing(path: Path, budgets: Budgets) -> str:
    """Return what was not found in a path, and the packed archives in it that were passed over.

    Archives in a directory are not opened, because it may hold any number of them.
    """
    if not path.is_dir():
        return _NOTHING
    archives = list(islice(_archives(path, budgets), _MAX_COUNTED + 1))
    if not archives:
        return _NOTHING
    is_more = len(archives) > _MAX_COUNTED
    count = f"more than {_MAX_COUNTED}" if is_more else str(len(archives))
    names = [os.path.relpath(archive, path) for archive in archives[:_SHOWN]]
    shown = ", ".join(names if len(archives) <= _SHOWN else [*names, "…"])
    noun = "packed archive was" if len(archives) == 1 else "packed archives were"
    return (
        f"{_NOTHING}; {count} {noun} passed over ({shown}): name them on the command line,"
        f" {' '.join(_patterns(archives[:_MAX_COUNTED]))}"
    )


def _patterns(archives: Sequence[str]) -> list[str]:
    """Return patterns of a shell for the archives beside the first ones, in quotes as needed."""
    patterns = dict.fromkeys(
        f"{shlex.quote(os.path.dirname(archive))}/*{_suffix(archive)}"  # noqa: PTH120
        for archive in archives
    )
    return list(patterns)[:_SHOWN]


def _suffix(archive: str) -> str:
    suffixes = (*TAR_SUFFIXES, ZIP_SUFFIX)
    suffix = next(suffix for suffix in suffixes if archive.lower().endswith(suffix))
    return archive[-len(suffix) :]


def _archives(path: Path, budgets: Budgets) -> Iterator[str]:
    walk = DirectoryWalk(budgets, _select, lambda *_: None)
    for entry, _ in walk.entries(os.path.abspath(path)):  # noqa: PTH100
        yield entry.path


def _select(_directory: str, entries: Sequence[Entry]) -> Iterator[tuple[Entry, str | None]]:
    """Want the archives, those of a directory before those below it."""
    for entry in entries:
        if entry.is_file(follow_symlinks=False) and is_archive(Path(entry.name)):
            yield entry, entry.path
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield entry, None
