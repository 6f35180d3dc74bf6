"""Logs as they are stored: compressed in pieces, of which any can be read without those before.

A log is kept under the SHA-256 of its content, so that the same log costs once. Its content is cut
into pieces of `PIECE` bytes, each one a Zstandard frame; `ends` are where the frames end.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from backports import zstd

from models.database.log_store import LogStore

PIECE = 2**20
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log that is stored now. `offsets` are the bytes at which the lines that were asked for
    begin; a line behind the last begins at the end. `token` is None when it was there before.
    """

    digest: str
    size: int
    lines: int
    offsets: Mapping[int, int]
    token: str | None


class _Packer:
    """Cuts, digests and compresses the pieces of a log as they come."""

    def __init__(self, wanted: Iterable[int]) -> None:
        self._digest = hashlib.sha256()
        self._wanted = sorted(set(wanted), reverse=True)
        self._is_open = False  # a line has begun that has not ended
        self.offsets: dict[int, int] = {}
        self.size = self.lines = 0
        self.ends: list[int] = []

    def counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._count(piece)
            yield piece
        self.lines += self._is_open
        self.offsets |= dict.fromkeys(self._wanted, self.size)

    def frames(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        held = bytearray()
        for piece in self.counted(pieces):
            held += piece
            while len(held) >= PIECE:
                yield self._packed(bytes(held[:PIECE]))
                del held[:PIECE]
        if held:
            yield self._packed(bytes(held))

    def _count(self, piece: bytes) -> None:
        position = 0
        ends = piece.count(b"\n")
        while self._wanted and self._wanted[-1] <= self.lines + ends + 1:
            line = self._wanted[-1]
            while self.lines + 1 < line:
                position = piece.index(b"\n", position) + 1
                self.lines += 1
                ends -= 1
            self.offsets[self._wanted.pop()] = self.size + position
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
    """Store an expanded log, in memory that does not depend on its size.

    Of the `lines`, which count from 1, it is told where they begin. The pieces are taken, and
    compressed, in another thread.
    """
    packer = _Packer(lines)
    token = await store.write(_in_thread(packer.frames(pieces)), packer.finish)
    digest, _ = packer.finish()
    return StoredLog(digest, packer.size, packer.lines, packer.offsets, token)


def measured_log(pieces: Iterable[bytes], lines: Iterable[int] = ()) -> StoredLog:
    """Return what `store_log` would of a log that is there, and store nothing."""
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
    """Give a log, or the bytes from `start` to `end` of it; nothing when it is not there."""
    about = await store.about(digest)
    if about is None:
        return
    ends, last = about["ends"], about["size"] if end is None else min(end, about["size"])
    if start >= last:
        return
    first = start // PIECE
    position = first * PIECE
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
    """Give the frames from `number` on, out of what is stored from its beginning."""
    held = bytearray()
    begin = ends[number - 1] if number else 0
    async for piece in stored:
        held += piece
        while number < len(ends) and len(held) >= ends[number] - begin:
            yield bytes(held[: ends[number] - begin])
            del held[: ends[number] - begin]
            begin = ends[number]
            number += 1
