"""One walk over a tree of directories, for every search in one.

The caller's selector decides which entries are wanted and which directories are entered. The walk
lists directories in a fixed order, keeps to the budget of depth, and notes what it cannot read.
Links are left out.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from ingest.archives.budgets import Budgets

T = TypeVar("T")

Entry = os.DirEntry[str]

Select = Callable[[str, Sequence[Entry]], Iterable[tuple[Entry, T | None]]]
"""Yields those entries of a directory that the walk visits, in this order.

It gets the path of the directory, and its entries without links, sorted by name. The walk enters a
directory that comes with None, and yields any other entry together with its value.
"""

Note = Callable[[str, str, str], None]
"""Notes damage by path, reason and detail, as `models.ingestions.damage.Damage` has them."""


class FileStat(NamedTuple):
    """A file with its size in bytes and its times in nanoseconds since the epoch."""

    path: str
    size: int
    modified: int
    changed: int


def file_stat(path: str, status: os.stat_result) -> FileStat:
    """Return a file with the size and the times of this status."""
    return FileStat(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def never_stop() -> bool:
    """Return False: the walk goes on to the end."""
    return False


class DirectoryWalk(Generic[T]):
    """A walk that is lazy: a directory is listed when the walk reaches it.

    It ends at the next entry once `stop()` is true, which another thread may cause.
    """

    def __init__(
        self,
        budgets: Budgets,
        select: Select[T],
        note: Note,
        stop: Callable[[], bool] = never_stop,
    ) -> None:
        self._budgets = budgets
        self._select = select
        self._note = note
        self._stop = stop

    def entries(self, directory: str, depth: int = 0) -> Iterator[tuple[Entry, T]]:
        """Yield the wanted entries below a directory, which lies `depth` below where it began."""
        if depth > self._budgets.depth:
            detail = f"more than {self._budgets.depth} directories deep (CASELEDGER_MAX_DEPTH)"
            self._note(directory, "too_deep", detail)
            return
        for entry, value in self._selected(directory):
            if self._stop():
                return
            if value is None:
                yield from self.entries(entry.path, depth + 1)
            else:
                yield entry, value

    def files(self: "DirectoryWalk[str]", directory: str) -> Iterator[FileStat]:
        """Yield the wanted files, each with the path that the selector gave it as its value."""
        for entry, path in self.entries(directory):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError as error:
                self._note(entry.path, "unreadable", str(error))
            else:
                yield file_stat(path, status)

    def _selected(self, directory: str) -> Iterator[tuple[Entry, T | None]]:
        try:
            with os.scandir(directory) as found:
                entries = [entry for entry in found if not entry.is_symlink()]
            entries.sort(key=attrgetter("name"))
            yield from self._select(directory, entries)
        except OSError as error:
            self._note(directory, "unreadable", str(error))
