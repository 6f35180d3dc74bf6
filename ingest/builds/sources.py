"""Where builds are looked for: directories, single files, and archives of either.

Of an installation only its `.spack` is listed, of a stage only its own files. Links are never
followed, nothing is ever extracted: what is read of an archive lies in memory, and beyond
`_IN_MEMORY` in a temporary file without a name.
"""

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from ingest.archives.budgets import Budgets
from ingest.archives.kinds import ReaderFactory
from ingest.archives.paths import storable_path
from ingest.archives.reader import ArchiveError
from ingest.builds.discover import STAGE_PREFIX, Listed, Unit, find_units, is_of_build
from ingest.builds.formats.build_files import Chunks, Files
from ingest.builds.logs.stream import LOG_BUDGET
from models.cases.lid import parse_lid
from models.ingestions.damage import Damage
from models.spack.prefix import METADATA, is_prefix

_CHUNK = 2**18
_IN_MEMORY = 2**23
_SKIPPED = frozenset({"archived-files", "sbom"})


class Place(ABC):
    """Something that builds may lie in; `damages` tells what of it cannot be read.

    A file may have another `name` than its path, under which it is recorded.
    """

    def __init__(self, path: Path, budgets: Budgets, name: str | None = None) -> None:
        self.path = path
        self.name = name or str(path)
        self.budgets = budgets
        self.damages: list[Damage] = []

    @property
    def is_named_file(self) -> bool:
        """Whether it is a single file, which a person has named and no search has found."""
        return False

    @abstractmethod
    def units(self) -> list[Unit]:
        """Return what there is to read, in the order of the paths."""

    @abstractmethod
    def read(self, wanted: Sequence[Unit]) -> Iterator[tuple[Unit, Files]]:
        """Give units with their files, each to be used before the next is asked for."""

    def shown(self, path: str) -> str:
        """Return a path below this place for people and for the database."""
        return storable_path(f"{self.name}/{path}")

    def note(self, path: str, reason: str, detail: str) -> None:
        """Note what cannot be read."""
        self.damages.append(Damage(storable_path(path), reason, detail))


class DirectoryPlace(Place):
    """A tree of directories, or a single file.

    The paths of its units begin with its own name, which may tell what it is.
    """

    def __init__(self, path: Path, budgets: Budgets, name: str | None = None) -> None:
        super().__init__(path, budgets, name)
        self._is_named = name is not None
        whole = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        self._start = whole.name if whole.name != METADATA else f"{whole.parent.name}/{METADATA}"
        self._root = whole.parents[self._start.count("/")] if whole.name else whole

    @property
    def is_named_file(self) -> bool:
        """Whether it is a single file."""
        return self.path.is_file()

    def units(self) -> list[Unit]:
        """Return what there is to read; what cannot be listed is noted."""
        return self._single() if self.is_named_file else find_units(self._walk(self._start, 0))

    def read(self, wanted: Sequence[Unit]) -> Iterator[tuple[Unit, Files]]:
        """Give the units with files that are opened whenever they are read."""
        for unit in wanted:
            yield unit, {name: partial(_chunks, self.located(at)) for name, at in unit.files}

    def located(self, file: Listed) -> Path:
        """Return where a file of a unit is."""
        return self._root / file.path

    def shown(self, path: str) -> str:
        """Return a path below this place for people and for the database."""
        return storable_path(self.name if self._is_named else str(self._root / path))

    def _single(self) -> list[Unit]:
        name = self.path.name
        status = self.path.stat()
        listed = Listed(name, status.st_size, int(status.st_mtime))
        units = [Unit(unit.kind, name, unit.files) for unit in find_units([listed])]
        if not units and name.endswith((".log", ".log.gz", ".txt", ".txt.gz")):
            units = [Unit("log", name, ((name, listed),))]
        return units

    def _walk(self, folder: str, depth: int) -> Iterator[Listed]:
        if depth > self.budgets.depth:
            self.note(self.shown(folder), "too_deep", "it lies in too many directories")
            return
        try:
            with os.scandir(self._root / folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
            yield from _files(folder, entries)
        except OSError as error:
            self.note(self.shown(folder), "unreadable", str(error))
            return
        for name in self._below(folder, entries):
            yield from self._walk(_joined(folder, name), depth + 1)

    def _below(self, folder: str, entries: Sequence["os.DirEntry[str]"]) -> list[str]:
        """Return the directories in a folder that are worth a look."""
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        if METADATA in names and is_prefix(self._root / folder):
            return [METADATA]
        if folder.rpartition("/")[2].startswith(STAGE_PREFIX):
            return []
        return [name for name in names if name not in _SKIPPED and parse_lid(name) is None]


def _files(folder: str, entries: Sequence["os.DirEntry[str]"]) -> Iterator[Listed]:
    for entry in entries:
        path = _joined(folder, entry.name)
        if is_of_build(path) and entry.is_file(follow_symlinks=False):
            status = entry.stat(follow_symlinks=False)
            yield Listed(path, status.st_size, int(status.st_mtime))


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


class ArchivePlace(Place):
    """An archive file: gone through for the names, and once more as far as anything is wanted."""

    def __init__(
        self, path: Path, budgets: Budgets, new_walk: ReaderFactory, name: str | None = None
    ) -> None:
        super().__init__(path, budgets, name)
        self._new_walk = new_walk

    def units(self) -> list[Unit]:
        """Return what there is to read in the part of the archive that can be read."""
        listed: list[Listed] = []
        try:
            with self.path.open("rb") as file:
                walk = self._new_walk(file, self.budgets)
                for number, member in enumerate(walk.members()):
                    path = _safe(member.name)
                    if path is not None and member.target is None and is_of_build(path):
                        listed.append(Listed(path, member.size, member.modified, number))
        except ArchiveError as error:
            self.note(str(self.path), error.reason, error.detail)
            if not error.is_trusted:
                return []
            listed = listed[:-1]
        except OSError as error:
            self.note(str(self.path), "unreadable", str(error))
            return []
        return find_units(listed)

    def read(self, wanted: Sequence[Unit]) -> Iterator[tuple[Unit, Files]]:
        """Give each unit as soon as the last of its files has been read."""
        waiting: _PendingMembers = {}
        for held in map(_PartialUnit, wanted):
            waiting |= {at.number: (held, name) for name, at in held.unit.files}
        try:
            if waiting:
                yield from self._read(waiting)
        except ArchiveError as error:
            self.note(str(self.path), error.reason, error.detail)
        except OSError as error:
            self.note(str(self.path), "unreadable", str(error))
        finally:
            for held, _ in waiting.values():
                held.stack.close()

    def _read(self, waiting: "_PendingMembers") -> Iterator[tuple[Unit, Files]]:
        """Go through the archive until nothing is waiting any more."""
        with self.path.open("rb") as file:
            walk = self._new_walk(file, self.budgets)
            for number, _ in enumerate(walk.members()):
                if number in waiting:
                    held, name = waiting.pop(number)
                    held.take(name, walk.pieces(LOG_BUDGET))
                    if held.is_whole:
                        with held.stack:
                            yield held.unit, held.files
                if not waiting:
                    return


@dataclass(slots=True, eq=False)
class _PartialUnit:
    """What has been read of a unit so far."""

    unit: Unit
    files: dict[str, Chunks] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def is_whole(self) -> bool:
        return len(self.files) == len(self.unit.files)

    def take(self, name: str, pieces: Iterable[bytes]) -> None:
        spooled = self.stack.enter_context(_spool())
        spooled.writelines(pieces)
        self.files[name] = partial(_spooled, spooled)


_PendingMembers = dict[int, tuple[_PartialUnit, str]]
"""The members that are still to be read, by their numbers: of which unit, and called what there."""


def _spool() -> "tempfile.SpooledTemporaryFile[bytes]":
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)


def _spooled(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(_CHUNK):
        yield chunk


def _safe(name: str) -> str | None:
    """Return the path of a member as it is stored, None for one that leads elsewhere."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    is_safe = not name.startswith("/") and ".." not in parts and "\0" not in name
    if not is_safe or any(parse_lid(part) is not None for part in parts[:-1]):
        return None
    return "/".join(parts)
