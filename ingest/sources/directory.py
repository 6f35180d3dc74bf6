"""A tree of directories."""

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from ingest.inventory import FileEntry
from ingest.layout import locate
from ingest.sources.base import Content, Found, Source, summarize
from models.lid import Lid, parse_lid


class DirectorySource(Source):
    """A tree of directories; its files are read where they are parsed.

    An execution whose files cannot all be listed is left out, however much of it can: a file that
    is hidden for a moment is not one that is missing. The next import sees it again.
    """

    looks_ahead = True

    def find(self) -> Iterator[Found]:
        """Give the execution directories in the order of their paths."""
        root = Path(os.path.abspath(self.path))  # noqa: PTH100 - resolve() would follow links
        lid = parse_lid(root.name)
        if lid is not None:
            yield from self._found(root, lid, len(root.parts))
            return
        yield from self._walk(root, len(root.parts), 0)

    def read(self, wanted: Sequence[Found], _limit: int, /) -> Iterator[tuple[Found, Content]]:
        """Name the directories: whoever parses reads them."""
        for found in wanted:
            sizes = {entry.path: entry.size for entry in found.entries}
            yield found, Content(directory=found.path, sizes=sizes)

    def _walk(self, directory: Path, outside: int, depth: int) -> Iterator[Found]:
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
                yield from self._found(path, lid, outside)
            else:
                yield from self._walk(path, outside, depth + 1)

    def _found(self, path: Path, lid: Lid, outside: int) -> Iterator[Found]:
        most = self.budgets.execution_files
        try:
            entries = tuple(islice(_files(path), most + 1))
        except OSError as error:
            self._note(str(path), "unreadable", str(error))
            return
        if len(entries) > most:
            detail = f"it has more than {most} files (CASELEDGER_MAX_EXECUTION_FILES)"
            self._note(str(path), "over_budget", detail)
            return
        location = locate(path.parts[1:-1], lid, outside - 1)
        yield Found(str(path), location, entries, summarize(entries))


def _directories(directory: Path) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))


def _files(path: Path) -> Iterator[FileEntry]:
    """Give the regular files of an execution directory and of the directories in it."""
    folders = [""]
    for folder in folders:
        with os.scandir(f"{path}/{folder}") as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_file(follow_symlinks=False):
                    found = entry.stat(follow_symlinks=False)
                    yield FileEntry(name, found.st_size, int(found.st_mtime))
                elif not folder and entry.is_dir(follow_symlinks=False):
                    folders.append(name)
