"""Logs are stored in pieces, any part of which can be read."""

import random
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from gridfs.asynchronous import AsyncGridIn, AsyncGridOut
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import AutoReconnect

from models.builds.log import PIECE_BYTES, _Packer, read_log, store_log
from models.database.client import Database
from tests.support.abandoned import abandoned_generators


@pytest.fixture
async def store(database: Database) -> Database:
    return database


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\x01", b"\n")), max_size=8))
def test_lines_are_found_however_the_log_comes(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    lines = whole.split(b"\n")
    if not lines[-1]:
        lines.pop()
    packer = _Packer(range(1, len(lines) + 2))
    list(packer.frames(pieces))
    assert (packer.lines, packer.size) == (len(lines), len(whole))
    assert packer.offsets[len(lines) + 1] == len(whole)
    for number, line in enumerate(lines, 1):
        assert whole[packer.offsets[number] :].startswith(line)


async def test_any_part_can_be_read(store: Database) -> None:
    line = b"%0999d\n"
    pieces = [line % number for number in range(3000)]
    whole = b"".join(pieces)
    stored = await store_log(store.logs, pieces, [2001])
    assert stored.offsets == {2001: 2_000_000}
    parts = (
        (0, None), (0, 1), (PIECE_BYTES, PIECE_BYTES + 1), (PIECE_BYTES - 1, PIECE_BYTES + 1),
        (2_000_000, 2_001_000),
        (2_999_999, None), (5, 5), (9_999_999, None),
    )  # fmt: skip
    for start, end in parts:
        part = [piece async for piece in read_log(store.logs, stored.digest, start, end)]
        assert b"".join(part) == whole[start:end]


async def test_the_same_content_is_stored_once(store: Database) -> None:
    first = await store_log(store.logs, [b"a", b"b"])
    again = await store_log(store.logs, [b"ab"])
    assert (first.digest, again.token) == (again.digest, None)
    assert first.token is not None
    assert await store.logs.discard(first.digest, first.token) is False  # it was used since
    about = await store.logs.about(first.digest)
    assert about is not None
    assert (about["size"], about["lines"], about["compression"]) == (2, 1, "zstd")


async def test_what_is_read_in_part_is_closed(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[str | None] = []
    close = AsyncGridOut.close

    async def noting_close(self: AsyncGridOut) -> None:
        closed.append(self.filename)
        await close(self)

    monkeypatch.setattr(AsyncGridOut, "close", noting_close)
    stored = await store_log(store.logs, [random.randbytes(3 * PIECE_BYTES)])
    with abandoned_generators() as abandoned:
        async with aclosing(read_log(store.logs, stored.digest)) as pieces:
            await anext(pieces)
    assert (closed, abandoned) == ([stored.digest], [])


async def test_what_ends_a_log_is_told_also_when_its_beginning_cannot_be_removed(
    store: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> None:
        raise AutoReconnect("gone")

    def breaking() -> Iterator[bytes]:
        yield b"a"
        raise ValueError("broken off")

    monkeypatch.setattr(AsyncGridIn, "abort", fail)
    with pytest.raises(ValueError, match="broken off"):
        await store_log(store.logs, breaking())


async def test_what_is_not_there_is_empty(store: Database) -> None:
    assert [piece async for piece in read_log(store.logs, "none")] == []
    assert [piece async for piece in store.logs.read("none")] == []


async def test_an_empty_log_is_one(store: Database) -> None:
    stored = await store_log(store.logs, [])
    assert (stored.size, stored.lines) == (0, 0)
    assert [piece async for piece in read_log(store.logs, stored.digest)] == []
