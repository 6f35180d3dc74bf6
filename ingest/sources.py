"""Sources: what an import is pointed at, and the execution directories in it.

Nothing is ever extracted, links and special files are never followed. A source first tells which
execution directories it holds, case by case, with the names and sizes of their files and without
opening any; then it gives the bytes of those that are wanted.
"""

import hashlib
import lzma
import os
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

from ingest.inventory import FileEntry, Inventory, take_inventory
from ingest.layout import Location, locate
from models.errors import SourceError
from models.lid import Lid, parse_lid

_TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_ZIP_SUFFIXES = (".zip",)
_MAX_DEPTH = 32
_BATCH = 256
_LARGEST_BATCH = 1024
_ARCHIVE_ERRORS = (
    OSError, EOFError, ValueError, RuntimeError,  # the last for encrypted members
    zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """One execution directory: where it is, which files it has, and a fingerprint of these.

    `path` names it to people and in the database. The fingerprint is of the names and sizes of
    all files, so that it is the same wherever a copy of the directory lies.
    """

    path: str
    location: Location
    entries: tuple[FileEntry, ...]

    @property
    def inventory(self) -> Inventory:
        """Which of the files are to be read."""
        return take_inventory(self.entries, self.location.lid.text)

    @property
    def fingerprint(self) -> str:
        """A digest of the names and sizes of all files."""
        digest = hashlib.sha256()
        for entry in sorted(self.entries, key=lambda entry: entry.path):
            digest.update(f"{entry.path}\0{entry.size}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of the files to read, or the directory to read them from."""

    directory: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in a source that could not be read at all."""

    path: str
    reason: str
    detail: str


def storable_path(path: str) -> str:
    """Return a path as it can be stored: bytes in it that are not UTF-8 stand as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


class Source(ABC):
    """Something to import."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damages: list[Damage] = []

    @abstractmethod
    def find(self) -> Iterator[Found]:
        """Give the execution directories, those of one case directory one after the other.

        What cannot be read is noted in `damages`; what can be is given all the same.
        """

    def batches(self) -> Iterator[list[Found]]:
        """Give the execution directories in batches, each to be read in one go."""
        yield from grouped(self.find(), _path_of)

    @abstractmethod
    def read(self, wanted: Sequence[Found], limit: int, /) -> Iterator[tuple[Found, Content]]:
        """Give the content of the wanted directories, in an order of the source's own.

        No more than the first `limit + 1` bytes of a file are given. When the source breaks off,
        that is noted in `damages`, and what follows is left out.
        """


def grouped(items: Iterable[T], path_of: Callable[[T], str]) -> Iterator[list[T]]:
    """Group directories into batches, those of one case together as far as that is sensible."""
    batch: list[T] = []
    parent = None
    for item in items:
        above = path_of(item).rpartition("/")[0]
        is_full = len(batch) >= _BATCH and above != parent
        if is_full or len(batch) >= _LARGEST_BATCH:
            yield batch
            batch = []
        batch.append(item)
        parent = above
    if batch:
        yield batch


def _path_of(found: Found) -> str:
    return found.path


def open_source(path: Path) -> Source:
    """Return the source that a path is; SourceError when it is none."""
    if not path.exists():
        raise SourceError(f"{path}: no such file or directory")
    if path.is_dir():
        return DirectorySource(path)
    if not path.is_file():
        raise SourceError(f"{path}: not a directory and not a regular file")
    name = path.name.lower()
    if name.endswith(_TAR_SUFFIXES):
        return TarSource(path)
    if name.endswith(_ZIP_SUFFIXES):
        return ZipSource(path)
    raise SourceError(
        f"{path}: not a directory, and its name does not end in {', '.join(_TAR_SUFFIXES)} or .zip"
    )


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
        if depth > _MAX_DEPTH:
            self._note(directory, "too_deep", f"more than {_MAX_DEPTH} directories deep")
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
                            yield FileEntry(name, entry.stat(follow_symlinks=False).st_size)
            except OSError as error:
                self._note(path / folder, "unreadable", str(error))

    def _note(self, path: Path, reason: str, detail: str) -> None:
        self.damages.append(Damage(str(path), reason, detail))


@dataclass(slots=True)
class _Member:
    """A regular file in an archive: the execution directory that it belongs to, and its path."""

    directory: str
    path: str
    size: int


class ArchiveSource(Source):
    """An archive file. It is gone through once for the names, and again for what is wanted.

    Of several members of one name the last counts, as it does when the archive is unpacked.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._repeats: Counter[tuple[str, str]] = Counter()

    def find(self) -> Iterator[Found]:
        """Give the execution directories in the order of their paths.

        When the archive ends in the middle, the directory that it ends in is left out.
        """
        directories: dict[str, dict[str, FileEntry]] = {}
        self._repeats.clear()
        last = ""
        try:
            for member in self._members():
                last = member.directory
                entries = directories.setdefault(last, {})
                if member.path in entries:
                    self._repeats[last, member.path] += 1
                entries[member.path] = FileEntry(member.path, member.size)
        except _ARCHIVE_ERRORS as error:
            self.damages.append(Damage(str(self.path), "damaged_archive", _sentence(error)))
            if directories.pop(last, None) is not None:
                path = self._shown(last)
                self.damages.append(Damage(path, "truncated", "the archive ends in it"))
        for directory in sorted(directories):
            yield self._found(directory, directories[directory].values())

    def batches(self) -> Iterator[list[Found]]:
        """Give everything at once, for every batch means going through the archive again."""
        found = list(self.find())
        if found:
            yield found

    def read(self, wanted: Sequence[Found], limit: int, /) -> Iterator[tuple[Found, Content]]:
        """Give each directory as soon as the last of its files has been read."""
        try:
            yield from self._read(wanted, limit)
        except _ARCHIVE_ERRORS as error:
            self.damages.append(Damage(str(self.path), "damaged_archive", _sentence(error)))

    def _read(self, wanted: Sequence[Found], limit: int) -> Iterator[tuple[Found, Content]]:
        open_directories = {self._inside(found.path): found for found in wanted}
        needed = {
            directory: Counter(
                {
                    path: 1 + self._repeats[directory, path]
                    for path in found.inventory.files.values()
                }
            )
            for directory, found in open_directories.items()
        }
        for directory in [directory for directory, paths in needed.items() if not paths]:
            yield open_directories.pop(directory), Content()
        files: dict[str, dict[str, bytes]] = {directory: {} for directory in open_directories}
        for member, stream in self._contents(needed):
            files[member.directory][member.path] = stream.read(limit + 1)
            left = needed[member.directory]
            left[member.path] -= 1
            if not left[member.path]:
                del left[member.path]
            if not left:
                content = Content(files=files.pop(member.directory))
                yield open_directories.pop(member.directory), content
            if not open_directories:
                return

    @abstractmethod
    def _members(self) -> Iterator[_Member]:
        """Give the regular files below execution directories."""

    @abstractmethod
    def _contents(self, needed: Mapping[str, Iterable[str]]) -> Iterator[tuple[_Member, IO[bytes]]]:
        """Give the needed files, by directory and path, to be read in passing."""

    def _found(self, directory: str, entries: Iterable[FileEntry]) -> Found:
        *parts, name = directory.split("/")
        lid = parse_lid(name)
        assert lid is not None
        return Found(self._shown(directory), locate(parts, lid), tuple(entries))

    def _shown(self, directory: str) -> str:
        return f"{os.path.abspath(self.path)}!{directory}"  # noqa: PTH100

    def _inside(self, shown: str) -> str:
        return shown.removeprefix(self._shown(""))


class TarSource(ArchiveSource):
    """A tar file, gzipped or not."""

    def _members(self) -> Iterator[_Member]:
        with tarfile.open(self.path, "r:*") as archive:
            for info in archive:
                archive.members = []  # type: ignore[attr-defined]  # or it would keep them all
                member = _member(info.name, info.size) if info.isreg() else None
                if member is not None:
                    yield member
            _check_end(archive)

    def _contents(self, needed: Mapping[str, Iterable[str]]) -> Iterator[tuple[_Member, IO[bytes]]]:
        with tarfile.open(self.path, "r:*") as archive:
            for info in archive:
                archive.members = []  # type: ignore[attr-defined]
                member = _member(info.name, info.size) if info.isreg() else None
                if member is not None and member.path in needed.get(member.directory, ()):
                    stream = archive.extractfile(info)
                    assert stream is not None
                    yield member, stream


def _check_end(archive: tarfile.TarFile) -> None:
    """Raise EOFError unless an empty block ends the archive; tarfile takes any damage for it."""
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("the archive is cut or damaged in the middle")


class ZipSource(ArchiveSource):
    """A zip file."""

    def _members(self) -> Iterator[_Member]:
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                member = None if _is_special(info) else _member(info.filename, info.file_size)
                if member is not None:
                    yield member

    def _contents(self, needed: Mapping[str, Iterable[str]]) -> Iterator[tuple[_Member, IO[bytes]]]:
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                member = None if _is_special(info) else _member(info.filename, info.file_size)
                if member is not None and member.path in needed.get(member.directory, ()):
                    with archive.open(info) as stream:
                        yield member, stream


def _is_special(info: zipfile.ZipInfo) -> bool:
    """Tell whether a zip member is a directory, a link or another special file by its mode."""
    kind = info.external_attr >> 16 & 0o170000
    return info.is_dir() or kind not in {0, 0o100000}


def _member(name: str, size: int) -> _Member | None:
    """Place a member below the topmost execution directory in its path, if there is one."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts or len(parts) > _MAX_DEPTH or "\0" in name:
        return None
    for depth, part in enumerate(parts[:-1]):
        if parse_lid(part) is not None:
            return _Member("/".join(parts[: depth + 1]), "/".join(parts[depth + 1 :]), size)
    return None


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__
