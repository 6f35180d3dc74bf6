"""Zip files.

The central directory is parsed here and not by `zipfile`, because `zipfile` keeps all of it in
memory, however many entries there are.

    [something else]  local header + content, for each file  central directory  [zip64]  end record

The end record says where the central directory is, which says where each local header is. These
offsets count from the first local header: `_shift` is how many bytes precede it.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from struct import Struct
from struct import error as struct_error
from typing import BinaryIO

from ingest.archives.budgets import Budgets, MemberBudget
from ingest.archives.reader import ArchiveReader, Member, damaged, exceeded

_END = Struct("<4s4H2LH")
_END64 = Struct("<4sQ2H2L4Q")
_LOCATOR64 = Struct("<4sLQL")
_ENTRY = Struct("<4s6H3L5H2L")
_LOCAL = Struct("<4s5H3L2H")
_MAX_COMMENT = 2**16
_IN_ZIP64 = 2**32 - 1  # a number that is too large for its field, and is in the extra data
_ZIP64 = 1
_ENCRYPTED, _UTF_8 = 1, 2**11
_STORED, _DEFLATED = 0, 8
_RATIO_EXEMPT_BYTES = 10 * 2**20  # that many may expand from however few
_CHUNK = 2**16


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the central directory; `offset` is where its local header begins in the file."""

    name: str
    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    offset: int
    modified: int
    is_regular: bool


class ZipReader(ArchiveReader):
    """One pass through a zip file, in the order of its central directory.

    The sizes are those in the central directory; no file is expanded beyond its size there.
    """

    def __init__(self, file: BinaryIO, budgets: Budgets) -> None:
        self._file = file
        self._budgets = budgets
        self._archive_size = os.fstat(file.fileno()).st_size
        self._shift = 0
        self._entry: _Entry | None = None

    def members(self) -> Iterator[Member]:
        """Yield the regular files; raise ArchiveError where the central directory is damaged."""
        expanded, members = 0, MemberBudget(self._budgets)
        for entry in self._entries(*self._central_directory()):
            expanded += entry.size
            members.add_header()
            members.add_member(entry.name, entry.size, self._archive_size)
            self._check_budgets(expanded)
            if entry.is_regular:
                self._entry = entry
                yield Member(entry.name, entry.size, entry.modified)

    def read(self, size: int) -> bytes | None:
        """Return the first `size` bytes of the last member; None when it cannot be expanded."""
        assert self._entry is not None
        try:
            return self._content(self._entry, min(size, self._entry.size))
        except (zlib.error, struct_error, ValueError, OverflowError):
            return None

    def _check_budgets(self, expanded: int) -> None:
        if expanded > self._budgets.expanded_bytes:
            limit = self._budgets.expanded_bytes
            exceeded(f"it expands to more than {limit} bytes", "MAX_EXPANDED_MIB")
        if expanded > max(_RATIO_EXEMPT_BYTES, self._budgets.ratio * self._archive_size):
            detail = f"it expands to more than {self._budgets.ratio} times its size"
            exceeded(detail, "MAX_EXPANSION_RATIO")

    def _central_directory(self) -> tuple[int, int]:
        """Return where the central directory begins and ends."""
        start = max(0, self._archive_size - _END.size - _MAX_COMMENT)
        tail = self._pread(self._archive_size - start, start)
        at = tail.rfind(b"PK\5\6", 0, len(tail) - _END.size + 4)
        if at < 0:
            damaged("it has no end of a zip file: it is cut, or none")
        *_, size, offset, _comment = _END.unpack_from(tail, at)
        end = start + at
        locator = self._pread(_LOCATOR64.size, max(0, end - _LOCATOR64.size))
        if locator.startswith(b"PK\6\7") and len(locator) == _LOCATOR64.size:
            end -= _LOCATOR64.size + _END64.size
            record = self._pread(_END64.size, max(0, end))
            if record.startswith(b"PK\6\6") and len(record) == _END64.size:
                *_, size, offset = _END64.unpack(record)
        self._shift = end - size - offset  # more than 0 when something else precedes the archive
        if end - size < 0 or self._shift < 0:
            damaged("its directory does not lie in it")
        return end - size, end

    def _entries(self, position: int, end: int) -> Iterator[_Entry]:
        self._file.seek(position)
        while position < end:
            head = self._file.read(_ENTRY.size)
            if len(head) < _ENTRY.size or not head.startswith(b"PK\1\2"):
                damaged("its directory is damaged")
            name_size, extra_size, comment_size = Struct("<3H").unpack_from(head, 28)
            rest = self._file.read(name_size + extra_size + comment_size)
            position += len(head) + len(rest)
            yield self._parse(head, rest[:name_size], rest[name_size:][:extra_size])

    def _parse(self, head: bytes, name: bytes, extra: bytes) -> _Entry:
        (
            _, _, _, flags, method, time, date, checksum, packed, size,
            _, _, _, _, _, attributes, offset,
        ) = _parse_head(head)  # fmt: skip
        size, packed, offset = _zip64_numbers(extra, size, packed, offset)
        kind = attributes >> 16 & 0o170000
        text = name.decode("utf-8", "surrogateescape") if flags & _UTF_8 else name.decode("cp437")
        return _Entry(
            name=text,
            flags=flags,
            method=method,
            checksum=checksum,
            packed=packed,
            size=size,
            offset=offset + self._shift,
            modified=_seconds(date, time),
            is_regular=kind in {0, 0o100000} and not text.endswith("/"),
        )

    def _content(self, entry: _Entry, size: int) -> bytes | None:
        head = self._pread(_LOCAL.size, entry.offset)
        *_, name_size, extra_size = _LOCAL.unpack(head)
        is_supported = entry.method in {_STORED, _DEFLATED} and not entry.flags & _ENCRYPTED
        if not head.startswith(b"PK\3\4") or not is_supported:
            return None
        start = entry.offset + _LOCAL.size + name_size + extra_size
        if entry.method == _STORED:
            data = self._pread(min(size, entry.packed), start)
        else:
            data = self._inflate(start, entry.packed, size)
        is_whole = size == entry.size
        if len(data) < size or (is_whole and zlib.crc32(data) != entry.checksum):
            return None
        return data

    def _inflate(self, position: int, packed: int, size: int) -> bytes:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        parts: list[bytes] = []
        left, end = size, position + packed
        while left and not inflate.eof:
            data = inflate.unconsumed_tail
            if not data:
                data = self._pread(min(_CHUNK, end - position), position)
                position += len(data)
            part = inflate.decompress(data, left)
            if not data and not part:
                break
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _pread(self, size: int, offset: int) -> bytes:
        return os.pread(self._file.fileno(), size, offset)


def _parse_head(head: bytes) -> tuple[int, ...]:
    numbers: tuple[int, ...] = _ENTRY.unpack(head)
    return numbers


def _zip64_numbers(extra: bytes, *numbers: int) -> Iterator[int]:
    """Yield numbers of an entry, from its zip64 data those that are too large for their fields."""
    position = 0
    while position + 4 <= len(extra):
        kind, size = Struct("<2H").unpack_from(extra, position)
        if kind == _ZIP64:
            break
        position += 4 + size
    position += 4
    for number in numbers:
        field = extra[position : position + 8]
        if number == _IN_ZIP64 and len(field) == 8:
            yield int.from_bytes(field, "little")
            position += 8
        else:
            yield number


def _seconds(date: int, time: int) -> int:
    """Return when a file was modified, in seconds since the epoch; 0 for an invalid time."""
    with suppress(ValueError):
        moment = datetime(
            1980 + (date >> 9), date >> 5 & 15, date & 31,
            time >> 11, time >> 5 & 63, (time & 31) * 2, tzinfo=UTC,
        )  # fmt: skip
        return int(moment.timestamp())
    return 0
