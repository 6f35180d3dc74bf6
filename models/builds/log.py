"""Stored logs: compressed in pieces that can be read independently of each other.

A log is stored under the SHA-256 of its content, so that equal logs are stored once. The content is
cut into pieces of `PIECE_BYTES`, and each piece becomes one Zstandard frame. `ends` are the offsets
at which the frames end:

    content   |    piece 0    |    piece 1    | piece 2 |      PIECE_BYTES each but the last
    stored    | frame 0 | frame 1 | frame 2 |
                        ^ends[0]  ^ends[1]  ^ends[2]
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from backports import zstd

from models.database.log_store import LogStore

PIECE_BYTES = 2**20
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log that is stored, or that was measured as if it were.

    `size` is the expanded size in bytes. `offsets` maps the numbers of the requested lines to the
    bytes at which they begin; a line after the last begins at the end. `token` is that of the write
    that stored the log, and None when it was already there.
    """

    digest: str
    size: int
    lines: int
    offsets: Mapping[int, int]
    token: str | None


class _Packer:
    """Counts, digests and compresses the pieces of a log as they arrive."""

    def __init__(self, line_numbers: Iterable[int]) -> None:
        self._digest = hashlib.sha256()
        self._line_numbers = sorted(set(line_numbers), reverse=True)  # the next one is the last
        self._is_open = False  # a line has begun that has not ended
        self.offsets: dict[int, int] = {}
        self.size = self.lines = 0
        self.ends: list[int] = []

    def counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._count(piece)
            yield piece
        self.lines += self._is_open
        self.offsets |= dict.fromkeys(self._line_numbers, self.size)

    def frames(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        buffer = bytearray()
        for piece in self.counted(pieces):
            buffer += piece
            while len(buffer) >= PIECE_BYTES:
                yield self._packed(bytes(buffer[:PIECE_BYTES]))
                del buffer[:PIECE_BYTES]
        if buffer:
            yield self._packed(bytes(buffer))

    def _count(self, piece: bytes) -> None:
        position = 0
        ends = piece.count(b"\n")
        while self._line_numbers and self._line_numbers[-1] <= self.lines + ends + 1:
            line = self._line_numbers[-1]
            while self.lines + 1 < line:
                position = piece.index(b"\n", position) + 1
                self.lines += 1
                ends -= 1
            self.offsets[self._line_numbers.pop()] = self.size + position
        self.lines += ends
        self.size += len(piece)
        self._is_open = not piece.endswith(b"\n") if piece else self._is_open
        self._digest.update(piece)

    def _packed(self, content: bytes) -> bytes:
        frame = zstd.compress(content, level=_LEVEL)
        self.ends.append((self.ends[-1] if self.ends else 0) + len(frame))
        return frame

    def finish(self) -> tuple[str, dict[str, Any]]:
        about = {"size": self.size, "lines": self.lines, "compression": "zstd", "ends": self.ends}
        return self._digest.hexdigest(), about


async def store_log(
    store: LogStore, pieces: Iterable[bytes], lines: Iterable[int] = ()
) -> StoredLog:
    """Store an expanded log, using an amount of memory that does not depend on its size.

    `lines` are the numbers, from 1, of the lines whose offsets are wanted. Another thread iterates
    over the pieces and compresses them.
    """
    packer = _Packer(lines)
    token = await store.write(_in_thread(packer.frames(pieces)), packer.finish)
    digest, _ = packer.finish()
    return StoredLog(digest, packer.size, packer.lines, packer.offsets, token)


def measure_log(pieces: Iterable[bytes], lines: Iterable[int] = ()) -> StoredLog:
    """Return what `store_log` returns for a log that is already stored; store nothing."""
    packer = _Packer(lines)
    for _ in packer.counted(pieces):
        pass
    digest, _ = packer.finish()
    return StoredLog(digest, packer.size, packer.lines, packer.offsets, None)


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


async def read_log(
    store: LogStore, digest: str, start: int = 0, end: int | None = None
) -> AsyncGenerator[bytes, None]:
    """Yield a log, or its bytes from `start` to `end`; nothing when it is not stored."""
    about = await store.about(digest)
    if about is None:
        return
    ends, last = about["ends"], about["size"] if end is None else min(end, about["size"])
    if start >= last:
        return
    first = start // PIECE_BYTES
    position = first * PIECE_BYTES
    async with (
        aclosing(store.read(digest, ends[first - 1] if first else 0)) as stored,
        aclosing(_frames(stored, ends, first)) as frames,
    ):
        async for frame in frames:
            content = await asyncio.to_thread(zstd.decompress, frame)
            yield content[max(0, start - position) : last - position]
            position += len(content)
            if position >= last:
                break


async def _frames(
    stored: AsyncGenerator[bytes, None], ends: list[int], number: int
) -> AsyncGenerator[bytes, None]:
    """Yield the frames from `number` on, from stored bytes that begin with this frame."""
    buffer = bytearray()
    begin = ends[number - 1] if number else 0
    async for piece in stored:
        buffer += piece
        while number < len(ends) and len(buffer) >= ends[number] - begin:
            yield bytes(buffer[: ends[number] - begin])
            del buffer[: ends[number] - begin]
            begin = ends[number]
            number += 1
