"""Bundles: the files that an import elsewhere reads, packed as a tar stream."""

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


class BundleMember(NamedTuple):
    """A file in a tar. Without a `source` it is sparse: it has its size, but no content.

    `modified` is in seconds since the epoch.
    """

    name: str
    source: Path | None
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files that have to arrive together; `path` identifies them for users."""

    path: str
    members: tuple[BundleMember, ...]

    @property
    def size(self) -> int:
        """The number of bytes of content."""
        return sum(member.size for member in self.members if member.source is not None)


def place_in_tar(location: Location) -> str:
    """Return the path of an execution directory in the tar, in the staging layout.

    See `ingest.cases.layout`. A scheduler state comes before the user, as in snapshots.
    """
    below = [location.user or "unknown", location.case or "unknown", location.lid.text]
    if location.state is not None:
        below.insert(0, location.state)
    if location.is_anchored:
        below.insert(0, "performance_archive")
    if location.machine is not None:
        below.insert(0, location.machine)
    return "/".join(below)


def bundle_of(execution: ExecutionDirectory) -> Bundle:
    """Return the files of an execution directory; those that an import does not read are sparse."""
    wanted = set(execution.inventory.files.values())
    directory = place_in_tar(execution.location)
    members = (
        BundleMember(
            f"{directory}/{entry.path}",
            Path(execution.path, entry.path) if entry.path in wanted else None,
            entry.size,
            entry.modified,
        )
        for entry in execution.entries
    )
    return Bundle(execution.path, tuple(members))


def tar_stream(bundles: Iterable[Bundle]) -> Iterator[bytes]:
    """Yield a tar of bundles in pieces of at most 1 MiB.

    Raise OSError when a file has another size than it had when the bundle was made.
    """
    for bundle in bundles:
        for member in bundle.members:
            info = tarfile.TarInfo(member.name)
            info.mtime = member.modified
            if member.source is None:
                yield _sparse_header(info, member.size)
                continue
            info.size = member.size
            yield _header(info)
            yield from _padded(member.source, member.size)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _sparse_header(info: tarfile.TarInfo, size: int) -> bytes:
    """Return the header of a sparse file without any data. Source of the format: GNU tar.

    Its last block is an ordinary header, of type `S`, with these fields set:

        148  checksum, the sum of all bytes with this field as blanks
        386  the first entry of the map: data at offset `size`, of length 0
        483  the size of the file with its holes
    """
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(_header(info))
    last = header[-tarfile.BLOCKSIZE :]  # blocks for a long name may come before it
    last[_SPARSE_MAP] = (_octal(size) + _octal(0)).ljust(96, b"\0")
    last[_REAL_SIZE] = _octal(size)
    last[_CHECKSUM] = b" " * 8
    last[_CHECKSUM] = b"%06o\0 " % sum(last)
    header[-tarfile.BLOCKSIZE :] = last
    return bytes(header)


def _octal(number: int) -> bytes:
    """Return a field of 12 bytes: octal digits, or GNU's binary form for larger numbers."""
    if number < 8**11:
        return b"%011o\0" % number
    return b"\x80" + number.to_bytes(11, "big")


def _padded(path: Path, size: int) -> Iterator[bytes]:
    """Yield the content of a file, and the zeros that fill its last block."""
    left = size
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            raise OSError(f"{path} changed while it was read")
        while left:
            piece = file.read(min(left, _CHUNK))
            if not piece:
                raise OSError(f"{path} became shorter while it was read")
            left -= len(piece)
            yield piece
    yield bytes(-size % tarfile.BLOCKSIZE)
