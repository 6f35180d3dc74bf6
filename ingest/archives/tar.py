"""Tar files in the formats that are written today: ustar, GNU and PAX.

The headers are parsed here and not by `tarfile`, because `tarfile` reads extended headers whole,
however large, searches them with patterns that take quadratic time, and keeps every member.

A file is a row of blocks of 512 bytes; each member is

    [extended headers, for long names, times, sizes]  header  content, padded to whole blocks

and an empty block ends the archive.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from zlib import adler32

from ingest.archives.budgets import Budgets, MemberBudget
from ingest.archives.reader import ArchiveReader, Member, damaged, exceeded
from ingest.archives.streams import Stream

_BLOCK = 512
_EMPTY = bytes(_BLOCK)
_CHUNK = 2**18
_LINK = b"1"
_WITHOUT_DATA = frozenset({b"1", b"2", b"3", b"4", b"5", b"6"})
_SPARSE = b"S"
_REGULAR = frozenset({b"0", b"\0", b"7", _SPARSE})
_PAX = frozenset({b"x", b"X"})
_PAX_GLOBAL = b"g"
_GNU_LONG_NAMES = {b"L": "path", b"K": "linkpath"}
_PAX_KEYS = frozenset({
    "path", "linkpath", "size", "mtime", "GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.size"
})  # fmt: skip
_MAX_SECONDS = 2**53


@dataclass(slots=True)
class _Header:
    """A header, completed by the extended headers before it.

    `size` is that of the unpacked file, `stored` that of its content in the archive.
    """

    kind: bytes
    name: str
    stored: int
    size: int
    modified: int
    target: str
    is_sparse: bool


class TarReader(ArchiveReader):
    """One pass through a tar file.

    A sparse file is a member with the size that it has when it is unpacked, and cannot be read.
    """

    def __init__(self, stream: Stream, budgets: Budgets) -> None:
        self._stream = stream
        self._budgets = budgets
        self._members = MemberBudget(budgets)
        self._left = 0  # bytes of the member that have not been read or skipped
        self._size = 0
        self._is_sparse = False
        self._global: dict[str, bytes] = {}

    def members(self) -> Iterator[Member]:
        """Yield the regular files and hard links, and check that the archive ends as it should."""
        while (header := self._next_header()) is not None:
            has_data = header.kind not in _WITHOUT_DATA
            self._left = _padded(header.stored) if has_data else 0
            self._size, self._is_sparse = header.stored, header.is_sparse
            self._members.add_member(header.name, self._left, self._stream.packed_bytes)
            if header.kind == _LINK:
                yield Member(header.name, 0, header.modified, header.target)
            elif header.kind in _REGULAR and not header.name.endswith("/"):
                yield Member(header.name, header.size, header.modified)
            self._stream.skip(self._left)
        while self._stream.read(_CHUNK):  # to its end, where the checksums are compared
            pass

    def read(self, size: int) -> bytes | None:
        """Return the first `size` bytes of the last member; None when it is sparse."""
        if self._is_sparse:
            return None
        wanted = min(size, self._size)
        data = self._stream.read(wanted)
        self._left -= len(data)
        if len(data) < wanted:
            damaged("it ends in the middle of a file")
        return data

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the first `size` bytes of the last member in pieces; nothing when it is sparse."""
        left = 0 if self._is_sparse else min(size, self._size)
        while left:
            data = self._stream.read(min(left, _CHUNK))
            self._left -= len(data)
            left -= len(data)
            if not data:
                damaged("it ends in the middle of a file")
            yield data

    def _next_header(self) -> _Header | None:
        """Return the next header that is not an extended one, or None at the end."""
        extended: dict[str, bytes] = {}
        room = self._budgets.header_bytes
        while True:
            block = self._stream.read(_BLOCK)
            if block == _EMPTY and room == self._budgets.header_bytes:
                return None
            kind, size = self._check(block)
            if kind not in _PAX and kind != _PAX_GLOBAL and kind not in _GNU_LONG_NAMES:
                return self._complete(block, kind, {**self._global, **extended}, room)
            room -= _BLOCK + _padded(size)
            self._check_room(room)
            data = self._stream.read(_padded(size))[:size]
            if len(data) < size:
                damaged("it ends in the middle of a header")
            if kind in _GNU_LONG_NAMES:
                extended[_GNU_LONG_NAMES[kind]] = _until_null(data)
            else:
                (self._global if kind == _PAX_GLOBAL else extended).update(_pax_records(data))

    def _check(self, block: bytes) -> tuple[bytes, int]:
        """Return the type and the size of what follows a header."""
        if len(block) < _BLOCK:
            damaged("it is cut or damaged in the middle")
        if not _is_checksum_right(block):
            damaged("a header in it is damaged, or it is no tar file")
        self._members.add_header()
        return block[156:157], _number(block[124:136])

    def _check_room(self, room: int) -> None:
        if room < 0:
            limit = self._budgets.header_bytes
            exceeded(f"a header in it has more than {limit} bytes", "MAX_HEADER_KIB")

    def _complete(
        self, block: bytes, kind: bytes, extended: Mapping[str, bytes], room: int
    ) -> _Header:
        name = _until_null(block[:100])
        if block[257:263] == b"ustar\0" and block[345]:
            name = _until_null(block[345:500]) + b"/" + name
        stored = _decimal(extended["size"]) if "size" in extended else _number(block[124:136])
        header = _Header(
            kind=kind,
            name=os.fsdecode(extended.get("path", name)),
            stored=stored,
            size=stored,
            modified=_modified(block, extended),
            target=os.fsdecode(extended.get("linkpath", _until_null(block[157:257]))),
            is_sparse=kind == _SPARSE,
        )
        if kind == _SPARSE:
            header.size = _number(block[483:495])
            self._skip_sparse_map(block[482], room)
        else:
            _complete_sparse(header, extended)
        return header

    def _skip_sparse_map(self, has_more: int, room: int) -> None:
        """Skip the blocks that continue the map of a sparse file in GNU's old form."""
        while has_more:
            room -= _BLOCK
            self._check_room(room)
            block = self._stream.read(_BLOCK)
            if len(block) < _BLOCK:
                damaged("it ends in the middle of a header")
            has_more = block[504]


def _complete_sparse(header: _Header, extended: Mapping[str, bytes]) -> None:
    """Apply what PAX headers say about a sparse file, in any of GNU's three forms."""
    size = extended.get("GNU.sparse.realsize", extended.get("GNU.sparse.size"))
    if size is not None:
        header.size = _decimal(size)
        header.is_sparse = True
    if "GNU.sparse.name" in extended:
        header.name = os.fsdecode(extended["GNU.sparse.name"])


def _pax_records(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the records of a PAX header that are used: `<length> <key>=<value>` and a line feed."""
    position = 0
    while position < len(data) and data[position]:
        blank = data.find(b" ", position, position + 20)
        length = _decimal(data[position:blank]) if blank > 0 else 0
        record = data[blank + 1 : position + length]
        if blank < 0 or position + length > len(data) or not record.endswith(b"\n"):
            damaged("an extended header in it is damaged")
        key, _, value = record[:-1].partition(b"=")
        if (name := key.decode("utf-8", "replace")) in _PAX_KEYS:
            yield name, value
        position += length


def _is_checksum_right(block: bytes) -> bool:
    """Return whether the sum of a header is right, over its bytes as unsigned or signed numbers."""
    with suppress(ValueError):
        checksum = int(_until_null(block[148:156]).strip() or b"0", 8)
        total = _byte_sum(block) - sum(block[148:156]) + 8 * ord(" ")  # the field counts as blanks
        if checksum == total:
            return True
        return checksum == total - 256 * sum(byte > 127 for byte in block[:148] + block[156:])
    return False


def _byte_sum(block: bytes) -> int:
    """Return the sum of the bytes of a block.

    Adler-32 has the sum plus one, modulo 65521, in its lower half, and is many times faster.
    """
    half = _BLOCK // 2  # whose bytes add up to less than that
    return (adler32(block[:half]) & 0xFFFF) + (adler32(block[half:]) & 0xFFFF) - 2


def _number(field: bytes) -> int:
    """Return a number in a header: octal digits, or binary after a first byte of 0x80."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    number = -1
    with suppress(ValueError):
        number = int(_until_null(field).strip() or b"0", 8)
    if number < 0:
        damaged("a header in it holds no number where one must be")
    return number


def _decimal(text: bytes) -> int:
    if not text.isdigit() or len(text) > 19:
        damaged("an extended header in it is damaged")
    return int(text)


def _modified(block: bytes, extended: Mapping[str, bytes]) -> int:
    """Return when a file was modified, in seconds since the epoch; 0 for an invalid time."""
    with suppress(ValueError):
        if "mtime" in extended:
            seconds = int(extended["mtime"][:30].partition(b".")[0])
        elif block[136] & 0x80:
            seconds = int.from_bytes(block[136:148], "big", signed=True)
            seconds += 1 << 95 if block[136] == 0x80 else 0
        else:
            seconds = int(_until_null(block[136:148]).strip() or b"0", 8)
        return seconds if abs(seconds) < _MAX_SECONDS else 0
    return 0


def _until_null(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
