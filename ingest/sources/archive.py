"""Archive files: tar, gzipped or not, and zip."""

import lzma
import os
import tarfile
import zipfile
import zlib
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ingest.inventory import FileEntry
from ingest.layout import locate
from ingest.sources.base import MAX_DEPTH, Content, Damage, Found, Source
from models.lid import parse_lid

_ARCHIVE_ERRORS = (
    OSError, EOFError, ValueError, RuntimeError,  # the last for encrypted members
    zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip


_PADDING_BLOCK = 2**20
_MOST_PADDING = 64  # blocks


class ChecksumError(Exception):
    """The checksum of an archive is wrong, so that it is damaged anywhere."""


@dataclass(slots=True)
class _Member:
    """A regular file in an archive: the execution directory that it belongs to, and its path."""

    directory: str
    path: str
    size: int
    modified: int


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
                entries[member.path] = FileEntry(member.path, member.size, member.modified)
        except ChecksumError as error:
            detail = f"nothing in it can be trusted: {error}"
            self.damages.append(Damage(str(self.path), "damaged_archive", detail))
            return
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
        if not open_directories:
            return
        files: dict[str, dict[str, bytes]] = {directory: {} for directory in open_directories}
        for member, data in self._contents(needed, limit + 1):
            if data is not None:
                files[member.directory][member.path] = data
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
    def _contents(
        self, needed: Mapping[str, Iterable[str]], size: int
    ) -> Iterator[tuple[_Member, bytes | None]]:
        """Give the first `size` bytes of the needed files, named by directory and path.

        None for a file that is damaged while those behind it can be read.
        """

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
    """A tar file, gzipped or not.

    A hard link in it is another name of a file that stands before it, and is read as that.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._links: dict[str, list[_Member]] = {}

    def _members(self) -> Iterator[_Member]:
        sizes: dict[str, int] = {}
        self._links.clear()
        with tarfile.open(self.path, "r:*") as archive:
            for info in archive:
                archive.members = []  # type: ignore[attr-defined]  # or it would keep them all
                if info.islnk() and info.linkname in sizes:
                    linked = _member(info.name, sizes[info.linkname], int(info.mtime))
                    if linked is not None:
                        self._links.setdefault(info.linkname, []).append(linked)
                        yield linked
                member = _tar_member(info)
                if member is not None:
                    sizes[info.name] = info.size
                    yield member
            _check_end(archive)

    def _contents(
        self, needed: Mapping[str, Iterable[str]], size: int
    ) -> Iterator[tuple[_Member, bytes | None]]:
        with tarfile.open(self.path, "r:*") as archive:
            for info in archive:
                archive.members = []  # type: ignore[attr-defined]
                member = _tar_member(info)
                names = [member, *self._links.get(info.name, ())] if member is not None else []
                wanted = [name for name in names if name.path in needed.get(name.directory, ())]
                if wanted:
                    stream = archive.extractfile(info)
                    assert stream is not None
                    data = stream.read(size)
                    for name in wanted:
                        yield name, data


def _tar_member(info: tarfile.TarInfo) -> _Member | None:
    return _member(info.name, info.size, int(info.mtime)) if info.isreg() else None


def _check_end(archive: tarfile.TarFile) -> None:
    """Read to the end of the file, where the checksum of a gzipped archive is.

    EOFError unless an empty block ends the archive: tarfile takes any damage for its end.
    ChecksumError when the archive is damaged somewhere that cannot be told.
    """
    assert archive.fileobj is not None
    archive.fileobj.seek(archive.offset)
    if archive.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise EOFError("the archive is cut or damaged in the middle")
    try:
        for _ in range(_MOST_PADDING):
            if not archive.fileobj.read(_PADDING_BLOCK):
                return
    except (OSError, zlib.error, lzma.LZMAError) as error:
        raise ChecksumError(str(error)) from error
    raise ChecksumError("something else follows the archive")


class ZipSource(ArchiveSource):
    """A zip file."""

    def _members(self) -> Iterator[_Member]:
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                member = _zip_member(info)
                if member is not None:
                    yield member

    def _contents(
        self, needed: Mapping[str, Iterable[str]], size: int
    ) -> Iterator[tuple[_Member, bytes | None]]:
        with zipfile.ZipFile(self.path) as archive:
            for info in archive.infolist():
                member = _zip_member(info)
                if member is not None and member.path in needed.get(member.directory, ()):
                    yield member, _read_zipped(archive, info, size)


def _read_zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> bytes | None:
    try:
        with archive.open(info) as stream:
            return stream.read(size)
    except _ARCHIVE_ERRORS:
        return None


def _is_special(info: zipfile.ZipInfo) -> bool:
    """Tell whether a zip member is a directory, a link or another special file by its mode."""
    kind = info.external_attr >> 16 & 0o170000
    return info.is_dir() or kind not in {0, 0o100000}


def _zip_member(info: zipfile.ZipInfo) -> _Member | None:
    if _is_special(info):
        return None
    modified = datetime(*info.date_time, tzinfo=UTC) if _is_date(info.date_time) else None
    stamp = int(modified.timestamp()) if modified else 0
    return _member(info.filename, info.file_size, stamp)


def _is_date(parts: tuple[int, ...]) -> bool:
    try:
        datetime(*parts)  # type: ignore[arg-type]
    except ValueError:
        return False
    return True


def _member(name: str, size: int, modified: int) -> _Member | None:
    """Place a member below the topmost execution directory in its path, if there is one."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if ".." in parts or len(parts) > MAX_DEPTH or "\0" in name:
        return None
    for depth, part in enumerate(parts[:-1]):
        if parse_lid(part) is not None:
            directory, path = "/".join(parts[: depth + 1]), "/".join(parts[depth + 1 :])
            return _Member(directory, path, size, modified)
    return None


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__
