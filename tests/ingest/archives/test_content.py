"""Bytes from the archive are expanded within limits, whatever they are."""

import gzip
import io
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.archives.content import expand, expand_head, identity, text_lines
from models.errors import ParseError
from tests.support.executions import mutations, packed, reason_of

LIMIT = 1000
TEXT = b"some text\n" * 20
EMPTY_MEMBER = packed(b"")


def reason(data: bytes, limit: int = LIMIT) -> str:
    with pytest.raises(ParseError) as caught:
        expand(data, limit)
    return caught.value.reason


@pytest.mark.parametrize(
    ("data", "content"),
    [
        pytest.param(TEXT, TEXT, id="plain"),
        pytest.param(packed(TEXT), TEXT, id="gzipped"),
        pytest.param(packed(b"a") + packed(b"b"), b"ab", id="two members"),
        pytest.param(packed(b"a") + EMPTY_MEMBER + packed(b"b"), b"ab", id="empty member"),
        pytest.param(packed(b"a") + b"\0" * 700, b"a", id="padding of a tape"),
        pytest.param(packed(b"a" * LIMIT), b"a" * LIMIT, id="just small enough"),
        pytest.param(b"a" * LIMIT, b"a" * LIMIT, id="plain and just small enough"),
        pytest.param(packed(packed(b"a")), packed(b"a"), id="gzipped twice"),
        pytest.param(b"\x1f", b"\x1f", id="half of the magic number"),
        pytest.param(b"BZh91AY", b"BZh91AY", id="another compression"),
    ],
)
def test_content_is_expanded(data: bytes, content: bytes) -> None:
    assert expand(data, LIMIT) == content


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", "empty", id="no bytes"),
        pytest.param(EMPTY_MEMBER, "empty", id="gzipped nothing"),
        pytest.param(EMPTY_MEMBER * 3, "empty", id="gzipped nothing, three times"),
        pytest.param(packed(TEXT)[:-9], "truncated", id="cut in the data"),
        pytest.param(packed(TEXT)[:-1], "truncated", id="cut in the trailer"),
        pytest.param(packed(TEXT)[:5], "truncated", id="cut in the header"),
        pytest.param(b"\x1f\x8b", "truncated", id="only the magic number"),
        pytest.param(packed(b"a") + packed(TEXT)[:-9], "truncated", id="second member cut"),
        pytest.param(b"\x1f\x8bnonsense", "damaged", id="nonsense behind the magic number"),
        pytest.param(packed(TEXT)[:-8] + b"\1" * 8, "damaged", id="wrong checksum"),
        pytest.param(packed(b"a") + b"trailing", "damaged", id="something follows"),
        pytest.param(b"a" * (LIMIT + 1), "too_large", id="plain and too large"),
        pytest.param(packed(b"a" * (LIMIT + 1)), "too_large", id="one byte too large"),
        pytest.param(packed(b"a" * 600) * 2, "too_large", id="too large together"),
        pytest.param(packed(b"a" * LIMIT) + packed(b"a"), "too_large", id="too large at the end"),
    ],
)
def test_what_cannot_be_expanded_has_a_reason(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@pytest.mark.slow
@given(st.integers(0, len(packed(TEXT)) * 8 - 1))
def test_a_flipped_bit_never_changes_the_content_unseen(bit: int) -> None:
    data = bytearray(packed(TEXT))
    data[bit // 8] ^= 1 << bit % 8
    try:
        content = expand(bytes(data), LIMIT)
    except ParseError:
        return
    assert content in (TEXT, bytes(data))  # a header byte without meaning, or no gzip any more


@given(st.integers(1, len(packed(TEXT)) - 1))
def test_a_cut_file_is_never_taken_for_whole(size: int) -> None:
    assert size == 1 or reason(packed(TEXT)[:size]) == "truncated"


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5))
def test_members_are_put_together(parts: list[bytes]) -> None:
    whole = b"".join(parts)
    data = b"".join(packed(part) for part in parts)
    assert reason(data) == "empty" if not whole else expand(data, LIMIT) == whole


@given(st.one_of(st.binary(), st.binary().map(packed).flatmap(mutations)))
def test_only_parse_errors_are_raised(data: bytes) -> None:
    found = reason_of(lambda: expand(data, LIMIT))
    assert found in {None, "empty", "truncated", "damaged", "too_large"}
    assert found or len(expand(data, LIMIT)) <= LIMIT


def peak_of_expanding(bomb: bytes, limit: int) -> int:
    tracemalloc.start()
    try:
        assert reason(bomb, limit) == "too_large"
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_a_bomb_takes_no_more_memory_than_its_limit() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
    limit = 2**20
    assert peak_of_expanding(bomb, limit) < 4 * limit


def test_a_bomb_of_many_members_takes_no_more_memory_than_its_limit() -> None:
    limit = 2**20
    assert peak_of_expanding(packed(bytes(2**16)) * 500, limit) < 4 * limit


def test_very_many_empty_members_are_gone_through_once() -> None:
    assert expand(EMPTY_MEMBER * 200_000 + packed(b"a"), LIMIT) == b"a"


def test_the_head_of_a_long_file_is_had_without_the_rest() -> None:
    data = packed(b"head" + bytes(10**6))
    assert expand_head(data, 4) == b"head"
    assert expand_head(data[: len(data) // 2], 4) == b"head"


def test_the_head_of_a_plain_file_is_its_beginning() -> None:
    assert expand_head(b"head and tail", 4) == b"head"


def test_the_head_of_a_cut_file_is_what_is_there() -> None:
    noise = bytes(range(256)) * 2
    head = expand_head(gzip.compress(noise)[:-20], 10_000)
    assert head
    assert noise.startswith(head)


def test_the_head_of_a_damaged_file_cannot_be_had() -> None:
    with pytest.raises(ParseError, match="damaged"):
        expand_head(b"\x1f\x8bnonsense", 4)


@given(st.one_of(st.binary(), st.binary().map(packed).flatmap(mutations)))
def test_a_head_is_never_longer_than_asked_for(data: bytes) -> None:
    found = reason_of(lambda: expand_head(data, 10))
    assert found in {None, "damaged"}
    assert found or len(expand_head(data, 10)) <= 10


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param(b"a\nb\n", ["a", "b"], id="line feeds"),
        pytest.param(b"a\r\nb\r\n", ["a", "b"], id="CR LF"),
        pytest.param(b"\xef\xbb\xbfa", ["a"], id="byte order mark"),
        pytest.param("\u00e4".encode(), ["\u00e4"], id="UTF-8"),
        pytest.param(b"a\xffb", ["a\ufffdb"], id="not UTF-8"),
        pytest.param(b"", [], id="empty"),
        pytest.param(b"\n\na", ["", "", "a"], id="empty lines first"),
    ],
)
def test_text_becomes_lines(content: bytes, lines: list[str]) -> None:
    assert text_lines(content) == lines


@pytest.mark.parametrize("end", ["\n", "\r", "\x85", "\u2028"])
def test_a_text_of_very_many_lines_is_refused(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.archives.content._MAX_LINES", 10)
    assert len(text_lines((end * 10).encode())) == 10
    with pytest.raises(ParseError) as caught:
        text_lines((end * 11).encode())
    assert caught.value.reason == "too_many_lines"


def named(content: bytes, name: str, mtime: int) -> bytes:
    """Return what `gzip name` would write."""
    target = io.BytesIO()
    with gzip.GzipFile(name, "wb", 9, target, mtime) as file:
        file.write(content)
    return target.getvalue()


def test_the_name_and_the_time_of_packing_do_not_tell_files_apart() -> None:
    one, other = named(TEXT, "env_run.xml.1", 5), named(TEXT, "env_run.xml.22", 6)
    assert one != other
    assert identity(one) == identity(other) == identity(packed(TEXT))


def test_what_is_packed_tells_files_apart() -> None:
    packs = [named(TEXT, "a", 5), named(TEXT + b"x", "a", 5), packed(TEXT)[:-1]]
    files = [*packs, TEXT, b"", *(file[10:] for file in packs), *(file[12:] for file in packs)]
    assert len({identity(file) for file in files}) == len(set(files))
