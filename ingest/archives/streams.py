"""Archive files as streams of bytes, read once and forwards: plain, gzip or Zstandard.

The first bytes decide which of these a file is. Limits hold for how far a stream expands and for
the number of its compressed parts, because a hostile file can choose both.
"""

import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import BinaryIO, Protocol

from backports import zstd

from ingest.archives.budgets import Budgets
from ingest.archives.reader import ArchiveError, damaged, exceeded

_CHUNK = 2**16
_SMALL_FRAME = 512  # bytes, expanded
_EXPANDED_CHUNK = 2**18
_RATIO_EXEMPT_BYTES = 10 * 2**20  # that many may expand from however few
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_SKIPPABLE = b"\x2a\x4d\x18"  # after a first byte from 0x50 to 0x5f
_MAX_ZSTD_WINDOW = 27  # log2: 128 MiB, the default limit of the zstd program
_WINDOW_TOO_LARGE = "too much memory"  # part of libzstd's message for a larger window


class Stream(ABC):
    """A sequence of bytes that is read forwards."""

    @property
    @abstractmethod
    def packed_bytes(self) -> int:
        """How much of the file has been read."""

    @abstractmethod
    def read(self, size: int) -> bytes:
        """Return the next `size` bytes, fewer only at the end."""

    @abstractmethod
    def skip(self, size: int) -> None:
        """Skip `size` bytes; raise ArchiveError when there are fewer."""


def open_stream(file: BinaryIO, budgets: Budgets) -> Stream:
    """Return the stream of the expanded bytes of a file."""
    size = os.fstat(file.fileno()).st_size
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(_GZIP_MAGIC):
        return _ExpandedStream(file, _GzipFrame, budgets)
    if magic == _ZSTD_MAGIC or (magic[1:] == _ZSTD_SKIPPABLE and 0x50 <= magic[0] <= 0x5F):
        return _ExpandedStream(file, _zstd_frame, budgets)
    if size > budgets.expanded_bytes:
        exceeded(f"it has more than {budgets.expanded_bytes} bytes", "MAX_EXPANDED_MIB")
    return _PlainStream(file, size)


class _PlainStream(Stream):
    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = self._left = size

    @property
    def packed_bytes(self) -> int:
        return self._size - self._left

    def read(self, size: int) -> bytes:
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data

    def skip(self, size: int) -> None:
        if size > self._left:
            damaged("it is cut or damaged in the middle")
        self._left -= size
        self._file.seek(size, os.SEEK_CUR)


class _Frame(Protocol):
    """A decompressor of one gzip member or Zstandard frame."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _GzipFrame:
    """A decompressor of a gzip member; zlib checks the checksum at its end."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


def _zstd_frame() -> _Frame:
    option = zstd.DecompressionParameter.window_log_max
    return zstd.ZstdDecompressor(options={option: _MAX_ZSTD_WINDOW})


class _ExpandedStream(Stream):
    """The expanded content of all frames of a file, one after the other."""

    def __init__(self, file: BinaryIO, new_frame: Callable[[], _Frame], budgets: Budgets) -> None:
        self._file = file
        self._new_frame = new_frame
        self._budgets = budgets
        self._frame: _Frame | None = None
        self._packed = b""  # read from the file, not yet expanded
        self._chunk = b""  # expanded, returned up to `_position`
        self._position = 0
        self._packed_bytes = self._expanded_bytes = self._frames = 0
        self._frame_start = self._small_frames = 0

    @property
    def packed_bytes(self) -> int:
        return self._packed_bytes

    def read(self, size: int) -> bytes:
        end = self._position + size
        data = self._chunk[self._position : end]
        self._position = min(end, len(self._chunk))
        if len(data) == size:
            return data
        parts, left = [data], size - len(data)
        while left and self._fill():
            parts.append(self._chunk[:left])
            self._position = len(parts[-1])
            left -= self._position
        return b"".join(parts)

    def skip(self, size: int) -> None:
        left = size - (len(self._chunk) - self._position)
        while left > 0:
            if not self._fill():
                damaged("it is cut or damaged in the middle")
            left -= len(self._chunk)
        self._position = len(self._chunk) + left

    def _fill(self) -> bool:
        """Expand the next chunk; return False at the end of the file."""
        self._chunk, self._position = b"", 0
        while not self._chunk:
            if self._frame is None and not self._begin_frame():
                return False
            self._expand()
        self._expanded_bytes += len(self._chunk)
        self._check_budgets()
        return True

    def _begin_frame(self) -> bool:
        """Begin the next frame, after zeros that may precede it; return False at the end."""
        while not (packed := self._packed.lstrip(b"\0")):
            self._packed = self._read_packed()
            if not self._packed:
                return False
        self._packed = packed
        self._frame = self._new_frame()
        self._frame_start = self._expanded_bytes
        self._frames += 1
        if self._frames > self._budgets.members:
            exceeded(f"it has more than {self._budgets.members} compressed parts", "MAX_MEMBERS")
        return True

    def _expand(self) -> None:
        assert self._frame is not None
        needs_input = self._frame.needs_input
        data = (self._packed or self._read_packed()) if needs_input else b""
        if needs_input:
            self._packed = b""
        try:
            self._chunk = self._frame.decompress(data, _EXPANDED_CHUNK)
        except (zlib.error, zstd.ZstdError) as error:
            self._refuse(error)
        if self._frame.eof:
            self._packed = self._frame.unused_data
            self._frame = None
            self._count_frame(self._expanded_bytes + len(self._chunk) - self._frame_start)
        elif needs_input and not data and not self._chunk:
            damaged("it ends before its compressed data do")

    def _count_frame(self, size: int) -> None:
        """Count a frame that has ended; raise ArchiveError when most of very many are small."""
        self._small_frames += size < _SMALL_FRAME
        limit = self._budgets.useless_members
        if self._small_frames > limit and 4 * self._small_frames > 3 * self._frames:
            detail = f"more than {limit} of its compressed parts hold next to nothing"
            exceeded(detail, "MAX_USELESS_MEMBERS")

    def _refuse(self, error: Exception) -> None:
        if _WINDOW_TOO_LARGE in str(error):
            detail = f"its Zstandard window is larger than {2 ** (_MAX_ZSTD_WINDOW - 20)} MiB"
            raise ArchiveError("over_budget", detail) from error
        detail = f"nothing in it can be trusted: {error}"
        raise ArchiveError("damaged_archive", detail, is_trusted=False) from error

    def _read_packed(self) -> bytes:
        data = self._file.read(_CHUNK)
        self._packed_bytes += len(data)
        return data

    def _check_budgets(self) -> None:
        limit = self._budgets.expanded_bytes
        if self._expanded_bytes > limit:
            exceeded(f"it expands to more than {limit} bytes", "MAX_EXPANDED_MIB")
        if self._expanded_bytes > max(
            _RATIO_EXEMPT_BYTES, self._budgets.ratio * self._packed_bytes
        ):
            detail = f"it expands to more than {self._budgets.ratio} times its size"
            exceeded(detail, "MAX_EXPANSION_RATIO")
