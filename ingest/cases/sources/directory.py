"""A tree of directories as a source of executions."""

import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.place import Place
from ingest.archives.walk import DirectoryWalk, Entry
from ingest.cases.inventory import FileEntry
from ingest.cases.layout import locate
from ingest.cases.sources.base import (
    Content,
    DirectoryTimes,
    ExecutionDirectory,
    ExecutionPath,
    Source,
    summarize,
)
from models.cases.lid import Lid, parse_lid

_SETTLED = 10 * 10**9
"""Nanoseconds after which the times of a directory reveal every later change, even when they are
coarse and the clock of a file server differs by some seconds."""


class DirectorySource(Source):
    """A tree of directories; its files are read where they are parsed.

    When not all files of an execution can be listed, the whole execution is left out: a file that
    is hidden for a moment must not count as missing. The next import sees the execution again.
    """

    can_prefetch = True

    def __init__(self, path: Path, budgets: Budgets) -> None:
        super().__init__(path, budgets)
        self._place = Place(path)

    def find(self) -> Iterator[ExecutionDirectory]:
        """Yield the execution directories in the order of their paths."""
        yield from filter(None, map(self.list_files, self.locate()))

    def locate(self) -> Iterator[ExecutionPath]:
        """Yield the execution directories without listing any of them."""
        root = Path(os.path.abspath(self.path))  # noqa: PTH100 - resolve() would follow links
        lid = parse_lid(root.name)
        if lid is not None:
            yield _execution_path(str(root), lid)
            return
        walk = DirectoryWalk(self.budgets, _select, self._note, lambda: self.is_closed)
        for entry, lid in walk.entries(str(root)):
            yield _execution_path(entry.path, lid)

    def list_files(self, place: ExecutionPath) -> ExecutionDirectory | None:
        """List the files of an execution directory; note damage and return None when it fails."""
        limit = self.budgets.execution_files
        began = time.time_ns()
        folders: list[DirectoryTimes] = []
        try:
            entries = tuple(islice(_files(place.path, folders), limit + 1))
        except OSError as error:
            self._note(place.path, "unreadable", str(error))
            return None
        if len(entries) > limit:
            detail = f"it has more than {limit} files (CASELEDGER_MAX_EXECUTION_FILES)"
            self._note(place.path, "over_budget", detail)
            return None
        summary = summarize(entries)
        last = max(max(folder.modified, folder.changed) for folder in folders)
        is_settled = max(last, summary.modified * 10**9) < began - _SETTLED
        settled = tuple(folders) if is_settled else ()
        return ExecutionDirectory(place.path, place.location, entries, summary, settled)

    def read(
        self, wanted: Sequence[ExecutionDirectory], _limit: int, /
    ) -> Iterator[tuple[ExecutionDirectory, Content]]:
        """Yield the wanted directories by name: their files are read by the parser."""
        for directory in wanted:
            sizes = {entry.path: entry.size for entry in directory.entries}
            yield directory, Content(self._place.real(directory.path), sizes=sizes)


def is_unchanged_on_disk(directory: ExecutionDirectory) -> bool:
    """Return whether no file was added, removed or renamed since the directory was listed."""
    if not directory.folders:
        return False
    try:
        return all(_times(directory.path, times.name) == times for times in directory.folders)
    except OSError:
        return False


def _select(_directory: str, entries: Sequence[Entry]) -> Iterator[tuple[Entry, Lid | None]]:
    """Want the directories that have a LID as their name, and enter all others."""
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield entry, parse_lid(entry.name)


def _execution_path(path: str, lid: Lid) -> ExecutionPath:
    return ExecutionPath(path, locate(Path(path).parts[1:-1], lid))


def _files(path: str, listed: list[DirectoryTimes]) -> Iterator[FileEntry]:
    """Yield the regular files of an execution directory and of the directories in it, unsorted.

    Add each of these directories to `listed`, with its times from before its files are listed. An
    OSError ends the listing, because an execution is listed whole or not at all.
    """
    folders = [""]
    for folder in folders:
        listed.append(_times(path, folder))
        with os.scandir(f"{path}/{folder}") as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    yield FileEntry(name, status.st_size, int(status.st_mtime))
                elif not folder and entry.is_dir(follow_symlinks=False):
                    folders.append(name)


def _times(path: str, folder: str) -> DirectoryTimes:
    status = os.lstat(f"{path}/{folder}")  # with a slash at its end, the path may be a link
    return DirectoryTimes(folder, status.st_mtime_ns, status.st_ctime_ns)
