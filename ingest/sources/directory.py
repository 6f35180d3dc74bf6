"""A tree of directories."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.inventory import FileEntry
from ingest.layout import locate
from ingest.sources.base import MAX_DEPTH, Content, Damage, Found, Source
from models.lid import Lid, parse_lid


class DirectorySource(Source):
    """A tree of directories; its files are read where they are parsed."""

    def find(self) -> Iterator[Found]:
        """Give the execution directories in the order of their paths."""
        root = Path(os.path.abspath(self.path))  # noqa: PTH100 - resolve() would follow links
        lid = parse_lid(root.name)
        if lid is not None:
            yield self._found(root, lid, len(root.parts))
            return
        yield from self._walk(root, len(root.parts), 0)

    def read(self, wanted: Sequence[Found], _limit: int, /) -> Iterator[tuple[Found, Content]]:
        """Name the directories: whoever parses reads them."""
        for found in wanted:
            yield found, Content(directory=found.path)

    def _walk(self, directory: Path, outside: int, depth: int) -> Iterator[Found]:
        if depth > MAX_DEPTH:
            self._note(directory, "too_deep", f"more than {MAX_DEPTH} directories deep")
            return
        for entry in self._directories(directory):
            path = directory / entry
            lid = parse_lid(entry)
            if lid is not None:
                yield self._found(path, lid, outside)
            else:
                yield from self._walk(path, outside, depth + 1)

    def _directories(self, directory: Path) -> list[str]:
        try:
            with os.scandir(directory) as entries:
                return sorted(e.name for e in entries if e.is_dir(follow_symlinks=False))
        except OSError as error:
            self._note(directory, "unreadable", str(error))
            return []

    def _found(self, path: Path, lid: Lid, outside: int) -> Found:
        parts = path.parts[1:-1]
        return Found(str(path), locate(parts, lid, outside - 1), tuple(self._files(path)))

    def _files(self, path: Path) -> Iterator[FileEntry]:
        """Give the regular files of an execution directory and of the directories in it."""
        for folder in ("", *self._directories(path)):
            try:
                with os.scandir(path / folder) as entries:
                    for entry in entries:
                        if entry.is_file(follow_symlinks=False):
                            name = f"{folder}/{entry.name}" if folder else entry.name
                            found = entry.stat(follow_symlinks=False)
                            yield FileEntry(name, found.st_size, int(found.st_mtime))
            except OSError as error:
                self._note(path / folder, "unreadable", str(error))

    def _note(self, path: Path, reason: str, detail: str) -> None:
        self.damages.append(Damage(str(path), reason, detail))
