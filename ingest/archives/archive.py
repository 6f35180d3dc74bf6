"""An archive file that is read in one or more passes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import ReaderFactory
from ingest.archives.reader import ArchiveError, ArchiveReader, exceeded

_BUFFER = 2**17


class Archive:
    """An archive file, which must stay the same from the first pass to the last."""

    def __init__(self, path: Path, budgets: Budgets, new_reader: ReaderFactory) -> None:
        self._path = path
        self._budgets = budgets
        self._new_reader = new_reader
        self._state: tuple[int, ...] | None = None

    @contextmanager
    def open(self) -> Iterator[ArchiveReader]:
        """Open the archive for one pass.

        Raise ArchiveError `over_budget` when the file is too large, `changed` when it is not the
        file of the first pass, and `unreadable` for errors of the operating system in the pass.
        """
        try:
            with self._path.open("rb", _BUFFER) as file:
                self._check(os.fstat(file.fileno()))
                yield self._new_reader(file, self._budgets)
        except OSError as error:
            raise ArchiveError("unreadable", str(error), is_trusted=False) from error

    def _check(self, status: os.stat_result) -> None:
        limit = self._budgets.archive_bytes
        if status.st_size > limit:
            exceeded(f"it has more than {limit} bytes", "MAX_ARCHIVE_MIB")
        state = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if self._state not in {None, state}:
            raise ArchiveError("changed", "it changed while it was read", is_trusted=False)
        self._state = state
