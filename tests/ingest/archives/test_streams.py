"""Compressed streams give their content, and tell where they are cut, damaged or too large."""

import gzip
import os
import struct
from collections.abc import Callable, Mapping

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from ingest.archives.budgets import Budgets
from ingest.archives.reader import ArchiveError
from ingest.archives.streams import Stream, open_stream

Pack = Callable[[bytes], bytes]
CHECKED: Mapping[int, int] = {zstd.CompressionParameter.checksum_flag: 1}


def zstd_packed(data: bytes) -> bytes:
    return zstd.compress(data, options=CHECKED)


def plain(data: bytes) -> bytes:
    return data


PACKS = [pytest.param(gzip.compress, id="gzip"), pytest.param(zstd_packed, id="Zstandard")]
ALL = [*PACKS, pytest.param(plain, id="plain")]


def read_all(data: bytes, budgets: Budgets | None = None) -> bytes:
    return use(data, lambda stream: stream.read(10**9), budgets)


def use(data: bytes, action: Callable[[Stream], bytes], budgets: Budgets | None = None) -> bytes:
    with os.fdopen(os.memfd_create("stream"), "r+b") as file:
        file.write(data)
        file.seek(0)
        return action(open_stream(file, budgets or Budgets()))


def error_of(data: bytes, budgets: Budgets | None = None) -> ArchiveError:
    with pytest.raises(ArchiveError) as caught:
        read_all(data, budgets)
    return caught.value


@pytest.mark.parametrize("pack", ALL)
@given(st.binary(min_size=5, max_size=100), st.lists(st.integers(0, 20), max_size=10))
def test_it_is_read_and_skipped_in_steps(pack: Pack, data: bytes, steps: list[int]) -> None:
    def follow(stream: Stream) -> bytes:
        position = 0
        for step in steps:
            assert stream.read(step) == data[position : position + step]
            position = min(position + step, len(data))
            skipped = min(step, len(data) - position)
            stream.skip(skipped)
            position += skipped
        assert stream.read(1000) == data[position:]
        return stream.read(1)

    assert use(pack(data), follow) == b""


@pytest.mark.parametrize("pack", ALL)
def test_skipping_beyond_the_end_is_damage(pack: Pack) -> None:
    def skip(stream: Stream) -> bytes:
        stream.skip(6)
        return b""

    with pytest.raises(ArchiveError, match="cut or damaged"):
        use(pack(b"12345"), skip)


@pytest.mark.parametrize("pack", PACKS)
def test_large_data_are_read_in_pieces(pack: Pack) -> None:
    data = os.urandom(2**20) + bytes(2**20)
    assert read_all(pack(data)) == data


@pytest.mark.parametrize("pack", PACKS)
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=10))
def test_many_frames_are_one_stream(pack: Pack, parts: list[bytes]) -> None:
    assert read_all(b"".join(map(pack, parts))) == b"".join(parts)


def test_frames_that_are_to_be_skipped_are() -> None:
    skipped = struct.pack("<II", 0x184D2A53, 5) + b"index"
    data = skipped + zstd_packed(b"ab") + skipped + zstd_packed(b"cd") + skipped
    assert read_all(data) == b"abcd"


@pytest.mark.parametrize("pack", PACKS)
def test_zeros_behind_the_end_do_not_matter(pack: Pack) -> None:
    assert read_all(pack(b"abc") + bytes(200_000)) == b"abc"


@pytest.mark.parametrize("pack", PACKS)
def test_wherever_it_is_cut_that_is_told(pack: Pack) -> None:
    data = pack(bytes(1000) + b"abc")
    for end in range(5, len(data)):
        error = error_of(data[:end])
        assert (error.reason, error.is_trusted) == ("damaged_archive", True)


@pytest.mark.parametrize("pack", PACKS)
def test_a_wrong_checksum_is_told_as_that(pack: Pack) -> None:
    data = bytearray(pack(os.urandom(1000)))
    data[500] ^= 1
    error = error_of(bytes(data))
    assert (error.reason, error.is_trusted) == ("damaged_archive", False)
    assert error.detail.startswith("nothing in it can be trusted")


@pytest.mark.parametrize("pack", PACKS)
def test_something_else_behind_the_end_is_damage(pack: Pack) -> None:
    assert not error_of(pack(b"abc") + b"something else").is_trusted


def test_a_window_that_is_too_wide_is_refused() -> None:
    window: Mapping[int, int] = {zstd.CompressionParameter.window_log: 28}
    packer = zstd.ZstdCompressor(options=window)
    error = error_of(packer.compress(b"abc") + packer.flush())
    assert (error.reason, "128 MiB" in error.detail) == ("over_budget", True)


@pytest.mark.parametrize("pack", PACKS)
def test_how_far_it_expands_is_bounded(pack: Pack) -> None:
    bomb = pack(bytes(20 * 2**20))
    assert error_of(bomb).detail.endswith("(CASELEDGER_MAX_EXPANSION_RATIO)")
    assert "MAX_EXPANDED_MIB" in error_of(bomb, Budgets(expanded_bytes=2**20)).detail
    assert len(read_all(bomb, Budgets(ratio=10**6))) == 20 * 2**20


def test_a_plain_file_is_bounded_too() -> None:
    assert "MAX_EXPANDED_MIB" in error_of(bytes(100), Budgets(expanded_bytes=99)).detail


@pytest.mark.parametrize("pack", PACKS)
def test_the_number_of_frames_is_bounded(pack: Pack) -> None:
    frames = pack(b"") * 11
    assert read_all(frames, Budgets(members=11)) == b""
    assert "MAX_MEMBERS" in error_of(frames, Budgets(members=10)).detail


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(gzip.compress(b""), id="empty gzip members"),
        pytest.param(gzip.compress(b"x"), id="tiny gzip members"),
        pytest.param(b"\x50\x2a\x4d\x18\0\0\0\0", id="skippable frames"),
    ],
)
def test_compressed_parts_that_hold_next_to_nothing_are_limited(part: bytes) -> None:
    read_all(part * 20, Budgets(useless_members=20))
    error = error_of(part * 21, Budgets(useless_members=20))
    assert (error.reason, error.is_trusted) == ("over_budget", True)
    assert "MAX_USELESS_MEMBERS" in error.detail


def test_small_parts_between_large_ones_are_not() -> None:
    parts = (zstd.compress(bytes(1000)) + b"\x50\x2a\x4d\x18\0\0\0\0") * 20
    assert len(read_all(parts, Budgets(useless_members=10))) == 20_000
