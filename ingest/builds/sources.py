"""Sources of builds: directories, single files, and archives of either.

Of an installation only its `.spack` is listed, of a stage only its own files. Links are never
followed, and nothing is ever extracted: a file from an archive is kept in memory while it is used,
or beyond `_MAX_IN_MEMORY` bytes in a temporary file without a name.
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

from ingest.archives.archive import Archive
from ingest.archives.budgets import Budgets
from ingest.archives.kinds import ReaderFactory
from ingest.archives.paths import storable_path
from ingest.archives.place import Place, open_file_in_place
from ingest.archives.reader import ArchiveError
from ingest.archives.walk import DirectoryWalk, Entry, FileStat, file_stat
from ingest.builds.discover import STAGE_PREFIX, ListedFile, Unit, find_units, is_of_build
from ingest.builds.formats.build_files import Chunks, Files
from ingest.builds.logs.stream import MAX_LOG_BYTES
from models.cases.lid import parse_lid
from models.ingestions.damage import Damage
from models.spack.prefix import METADATA, is_prefix

_CHUNK = 2**18
_MAX_IN_MEMORY = 2**23
_SKIPPED_DIRECTORIES = frozenset({"archived-files", "sbom"})
_LOG_SUFFIXES = (".log", ".log.gz", ".txt", ".txt.gz")


class BuildFileSource(ABC):
    """A path that may contain files of builds; `damages` lists what in it cannot be read.

    A file may have another `name` than its path, under which it is recorded.
    """

    def __init__(self, path: Path, budgets: Budgets, name: str | None = None) -> None:
        self.path = path
        self.name = name or str(path)
        self.budgets = budgets
        self.damages: list[Damage] = []

    @property
    def is_named_file(self) -> bool:
        """Whether it is a single file, which the user named and no search found."""
        return False

    @abstractmethod
    def units(self) -> list[Unit]:
        """Return the units to read, in the order of their paths; note what cannot be listed."""

    @abstractmethod
    def read(self, wanted: Sequence[Unit]) -> Iterator[tuple[Unit, Files]]:
        """Yield units with their files, which are usable until the next unit is requested."""

    def display_path(self, path: str) -> str:
        """Return a path in this source as users see it and as it is stored."""
        return storable_path(f"{self.name}/{path}")

    def note(self, path: str, reason: str, detail: str) -> None:
        """Note what cannot be read."""
        self.damages.append(Damage(storable_path(path), reason, detail))


class DirectoryBuildFileSource(BuildFileSource):
    """A tree of directories, or a single file.

    The paths of its units begin with the last part of its own path, because that name may show what
    it is; with the last two parts when the last is `.spack`.
    """

    def __init__(self, path: Path, budgets: Budgets, name: str | None = None) -> None:
        super().__init__(path, budgets, name)
        self._is_named = name is not None
        self._place = Place(path)
        self._start = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        self._root = self._start.parent
        if self._start.name == METADATA:
            self._root = self._root.parent

    @property
    def is_named_file(self) -> bool:
        """Whether it is a single file."""
        return self.path.is_file()

    def units(self) -> list[Unit]:
        """Return the units to read, in the order of their paths; note what cannot be listed."""
        if self.is_named_file:
            return self._units_of_file()
        walk = DirectoryWalk(self.budgets, self._select, self.note)
        return find_units(map(_listed, walk.files(str(self._start))))

    def read(self, wanted: Sequence[Unit]) -> Iterator[tuple[Unit, Files]]:
        """Yield the units with files that are opened when they are read."""
        for unit in wanted:
            yield unit, {name: partial(self._chunks, file) for name, file in unit.files}

    def _chunks(self, file: ListedFile) -> Iterator[bytes]:
        path = str(self.file_path(file))
        with os.fdopen(open_file_in_place(self._place.real(path)), "rb") as opened:
            yield from iter(partial(opened.read, _CHUNK), b"")

    def file_path(self, file: ListedFile) -> Path:
        """Return the path of a unit's file on disk."""
        return self._root / file.path

    def display_path(self, path: str) -> str:
        """Return a path in this source as users see it and as it is stored."""
        return storable_path(self.name if self._is_named else str(self._root / path))

    def _units_of_file(self) -> list[Unit]:
        name = self.path.name
        file = _listed(file_stat(name, self.path.stat()))
        units = [Unit(unit.kind, name, unit.files) for unit in find_units([file])]
        if not units and name.endswith(_LOG_SUFFIXES):
            units = [Unit("log", name, ((name, file),))]
        return units

    def _select(
        self, directory: str, entries: Sequence[Entry]
    ) -> Iterator[tuple[Entry, str | None]]:
        """Want the files of builds, by their paths below the root; then enter directories."""
        for entry in entries:
            path = entry.path.removeprefix(str(self._root)).lstrip("/")
            if is_of_build(path) and entry.is_file(follow_symlinks=False):
                yield entry, path
        directories = [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
        for entry in _entered(Path(directory), directories):
            yield entry, None


def _entered(directory: Path, entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield the directories in a directory in which files of builds may be."""
    is_installed = any(entry.name == METADATA for entry in entries) and is_prefix(directory)
    if is_installed:
        yield from (entry for entry in entries if entry.name == METADATA)
    elif not directory.name.startswith(STAGE_PREFIX):
        for entry in entries:
            if entry.name not in _SKIPPED_DIRECTORIES and parse_lid(entry.name) is None:
                yield entry


def _listed(file: FileStat) -> ListedFile:
    return ListedFile(file.path, file.size, file.modified // 10**9)


class ArchiveBuildFileSource(BuildFileSource):
    """An archive file: one pass for the names, and one as far as the last wanted file."""

    def __init__(
        self, path: Path, budgets: Budgets, new_reader: ReaderFactory, name: str | None = None
    ) -> None:
        super().__init__(path, budgets, name)
        self._archive = Archive(path, budgets, new_reader)

    def units(self) -> list[Unit]:
        """Return the units in the part of the archive that can be read."""
        files: list[ListedFile] = []
        try:
            with self._archive.open() as reader:
                for number, member in enumerate(reader.members()):
                    path = _safe_path(member.name)
                    if path is not None and member.target is None and is_of_build(path):
                        files.append(ListedFile(path, member.size, member.modified, number))
        except ArchiveError as error:
            self.note(str(self.path), error.reason, error.detail)
            # The archive may end in the last file.
            files = files[:-1] if error.is_trusted else []
        return find_units(files)

    def read(self, wanted: Sequence[Unit]) -> Iterator[tuple[Unit, Files]]:
        """Yield each unit as soon as the last of its files has been read."""
        pending: _PendingMembers = {}
        for partial_unit in map(_PartialUnit, wanted):
            pending |= {file.number: (partial_unit, name) for name, file in partial_unit.unit.files}
        try:
            if pending:
                yield from self._read(pending)
        except ArchiveError as error:
            self.note(str(self.path), error.reason, error.detail)
        finally:
            for partial_unit, _ in pending.values():
                partial_unit.stack.close()

    def _read(self, pending: "_PendingMembers") -> Iterator[tuple[Unit, Files]]:
        """Read the archive until nothing is pending any more."""
        with self._archive.open() as reader:
            for number, _ in enumerate(reader.members()):
                if number in pending:
                    partial_unit, name = pending.pop(number)
                    partial_unit.add(name, reader.pieces(MAX_LOG_BYTES))
                    if partial_unit.is_whole:
                        with partial_unit.stack:
                            yield partial_unit.unit, partial_unit.files
                if not pending:
                    return


@dataclass(slots=True, eq=False)
class _PartialUnit:
    """A unit with those of its files that have been read; `stack` closes them."""

    unit: Unit
    files: dict[str, Chunks] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def is_whole(self) -> bool:
        return len(self.files) == len(self.unit.files)

    def add(self, name: str, pieces: Iterable[bytes]) -> None:
        file = self.stack.enter_context(_temporary_file())
        file.writelines(pieces)
        self.files[name] = partial(_chunks_from_start, file)


_PendingMembers = dict[int, tuple[_PartialUnit, str]]
"""The members still to read, by number: the unit of each, and the name of the file in it."""


def _temporary_file() -> "tempfile.SpooledTemporaryFile[bytes]":
    return tempfile.SpooledTemporaryFile(_MAX_IN_MEMORY)


def _chunks_from_start(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    yield from iter(partial(file.read, _CHUNK), b"")


def _safe_path(name: str) -> str | None:
    """Return the path of a member; None for one that leads elsewhere or is in an execution."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    is_safe = not name.startswith("/") and ".." not in parts and "\0" not in name
    if not is_safe or any(parse_lid(part) is not None for part in parts[:-1]):
        return None
    return "/".join(parts)
