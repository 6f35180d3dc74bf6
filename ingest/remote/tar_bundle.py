"""Packing files for an import elsewhere: only what it reads, as a tar stream."""

import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ingest.cases.layout import Location
from ingest.cases.sources.base import ExecutionDirectory

_CHECKSUM = slice(148, 156)
_SPARSE_MAP = slice(386, 482)
_REAL_SIZE = slice(483, 495)
_CHUNK = 2**20


class Member(NamedTuple):
    """A file in a tar; without a `source` it has its size, and a hole for content."""

    name: str
    source: Path | None
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files that are to arrive together; `path` names them to people."""

    path: str
    members: tuple[Member, ...]

    @property
    def size(self) -> int:
        """How many bytes of content it has."""
        return sum(member.size for member in self.members if member.source is not None)


def place_in_tar(location: Location) -> str:
    """Return the path of an execution directory in the layout that every import understands."""
    below = [location.user or "unknown", location.case or "unknown", location.lid.text]
    if location.state is not None:
        below.insert(0, location.state)
    if location.is_anchored:
        below.insert(0, "performance_archive")
    if location.machine is not None:
        below.insert(0, location.machine)
    return "/".join(below)


def bundle_of(found: ExecutionDirectory) -> Bundle:
    """Return the files of an execution directory; those that nobody reads have no source."""
    wanted = set(found.inventory.files.values())
    place = place_in_tar(found.location)
    members = (
        Member(
            f"{place}/{entry.path}",
            Path(found.path, entry.path) if entry.path in wanted else None,
            entry.size,
            entry.modified,
        )
        for entry in found.entries
    )
    return Bundle(found.path, tuple(members))


def tar_stream(parcels: Iterable[Bundle]) -> Iterator[bytes]:
    """Give a tar of files on this machine, in pieces.

    OSError when a file is no longer as it was found.
    """
    for parcel in parcels:
        for member in parcel.members:
            info = tarfile.TarInfo(member.name)
            info.mtime = member.modified
            if member.source is None:
                yield _hole(info, member.size)
                continue
            info.size = member.size
            yield _header(info)
            yield from _padded(member.source, member.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _hole(info: tarfile.TarInfo, size: int) -> bytes:
    """Return the header of a sparse file without any data. Source of the format: GNU tar."""
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(_header(info))
    last = header[-tarfile.BLOCKSIZE :]  # a long name has blocks of its own before it
    last[_SPARSE_MAP] = (_octal(size) + _octal(0)).ljust(96, b"\0")
    last[_REAL_SIZE] = _octal(size)
    last[_CHECKSUM] = b" " * 8
    last[_CHECKSUM] = b"%06o\0 " % sum(last)
    header[-tarfile.BLOCKSIZE :] = last
    return bytes(header)


def _octal(number: int) -> bytes:
    if number < 8**11:
        return b"%011o\0" % number
    return b"\x80" + number.to_bytes(11, "big")


def _padded(path: Path, size: int) -> Iterator[bytes]:
    left = size
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size != size:
            raise OSError(f"{path} changed while it was read")
        while left:
            piece = file.read(min(left, _CHUNK))
            if not piece:
                raise OSError(f"{path} became shorter while it was read")
            left -= len(piece)
            yield piece
    yield bytes(-size % tarfile.BLOCKSIZE)
