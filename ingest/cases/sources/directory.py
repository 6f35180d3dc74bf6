"""A tree of directories."""

import os
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

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
"""Nanoseconds after which a change shows in the times of a directory, as coarse as they may be, and
although the clock of a file server differs by some seconds."""


class DirectorySource(Source):
    """A tree of directories; its files are read where they are parsed.

    An execution whose files cannot all be listed is left out, however much of it can: a file that
    is hidden for a moment is not one that is missing. The next import sees it again.
    """

    can_prefetch = True

    def find(self) -> Iterator[ExecutionDirectory]:
        """Give the execution directories in the order of their paths."""
        yield from filter(None, map(self.look, self.locate()))

    def locate(self) -> Iterator[ExecutionPath]:
        """Give them without looking into any."""
        root = Path(os.path.abspath(self.path))  # noqa: PTH100 - resolve() would follow links
        lid = parse_lid(root.name)
        if lid is not None:
            yield _located(root, lid, len(root.parts))
            return
        yield from self._walk(root, len(root.parts), 0)

    def look(self, place: ExecutionPath) -> ExecutionDirectory | None:
        """List the files of a directory."""
        most = self.budgets.execution_files
        began = time.time_ns()
        folders: list[DirectoryTimes] = []
        try:
            entries = tuple(islice(_files(place.path, folders), most + 1))
        except OSError as error:
            self._note(place.path, "unreadable", str(error))
            return None
        if len(entries) > most:
            detail = f"it has more than {most} files (CASELEDGER_MAX_EXECUTION_FILES)"
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
        """Name the directories: whoever parses reads them."""
        for found in wanted:
            sizes = {entry.path: entry.size for entry in found.entries}
            yield found, Content(directory=found.path, sizes=sizes)

    def _walk(self, directory: Path, outside: int, depth: int) -> Iterator[ExecutionPath]:
        if depth > self.budgets.depth:
            most = self.budgets.depth
            detail = f"more than {most} directories deep (CASELEDGER_MAX_DEPTH)"
            self._note(str(directory), "too_deep", detail)
            return
        try:
            names = _directories(directory)
        except OSError as error:
            self._note(str(directory), "unreadable", str(error))
            return
        for name in names:
            if self.is_closed:
                return
            path = directory / name
            lid = parse_lid(name)
            if lid is not None:
                yield _located(path, lid, outside)
            else:
                yield from self._walk(path, outside, depth + 1)


def is_unchanged_on_disk(found: ExecutionDirectory) -> bool:
    """Tell whether no file of a directory has come, gone or been renamed since it was listed."""
    if not found.folders:
        return False
    try:
        return all(_folder(found.path, folder.name) == folder for folder in found.folders)
    except OSError:
        return False


def _located(path: Path, lid: Lid, outside: int) -> ExecutionPath:
    return ExecutionPath(str(path), locate(path.parts[1:-1], lid, outside - 1))


def _directories(directory: Path) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))


def _files(path: str, listed: list[DirectoryTimes]) -> Iterator[FileEntry]:
    """Give the regular files of an execution directory and of the directories in it.

    The directories are added to `listed`, each as it was before.
    """
    names = [""]
    for name in names:
        folder = _folder(path, name)
        listed.append(folder)
        with os.scandir(f"{path}/{name}") as entries:
            for entry in entries:
                own = f"{name}/{entry.name}" if name else entry.name
                if entry.is_file(follow_symlinks=False):
                    found = entry.stat(follow_symlinks=False)
                    yield FileEntry(own, found.st_size, int(found.st_mtime))
                elif not name and entry.is_dir(follow_symlinks=False):
                    names.append(own)


def _folder(path: str, name: str) -> DirectoryTimes:
    found = os.lstat(f"{path}/{name}")  # with a slash at its end, the path may be a link
    return DirectoryTimes(name, found.st_mtime_ns, found.st_ctime_ns)
