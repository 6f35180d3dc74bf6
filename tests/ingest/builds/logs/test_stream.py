"""A log of any size and form becomes lines, in flat memory."""

import gzip
import tracemalloc
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.builds.logs.report import read_log
from ingest.builds.logs.stream import MAX_LINE_LENGTH, LogLine, expanded, log_lines, visible
from models.errors import ParseError
from models.redaction.logs import MAX_LINE_BYTES
from tests.support.executions import mutations, packed

TEXT = b"one\ntwo\n"


def drained(chunks: list[bytes], limit: int = 10**6) -> tuple[bytes, str | None]:
    content = b""
    try:
        for piece in expanded(chunks, limit):
            content += piece
    except ParseError as error:
        return content, error.reason
    return content, None


@pytest.mark.parametrize(
    ("data", "content", "reason"),
    [
        pytest.param(TEXT, TEXT, None, id="plain"),
        pytest.param(b"", b"", None, id="empty"),
        pytest.param(b"\x1f", b"\x1f", None, id="half of the magic number"),
        pytest.param(packed(TEXT), TEXT, None, id="gzipped"),
        pytest.param(packed(b""), b"", None, id="gzipped nothing"),
        pytest.param(packed(TEXT) + packed(b"x"), TEXT + b"x", None, id="two members"),
        pytest.param(packed(TEXT) + b"\0" * 700, TEXT, None, id="padding of a tape"),
        pytest.param(packed(TEXT)[:-4], TEXT, "truncated", id="cut"),
        pytest.param(packed(TEXT) + b"trailing", TEXT, "damaged", id="something follows"),
        pytest.param(b"\x1f\x8bnonsense", b"", "damaged", id="nonsense"),
        pytest.param(b"a" * 11, b"a" * 10, "too_large", id="plain and too large"),
        pytest.param(packed(b"a" * 11), b"a" * 10, "too_large", id="gzipped and too large"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 10**6])
def test_a_log_is_expanded(data: bytes, content: bytes, reason: str | None, size: int) -> None:
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert drained(chunks, 10) == (content, reason)


@pytest.mark.slow
def test_a_bomb_is_read_in_flat_memory() -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(2**20)) for _ in range(100)) + packer.flush()
    tracemalloc.start()
    try:
        assert sum(len(line.text) for line in log_lines(expanded([bomb]))) == MAX_LINE_LENGTH
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


@given(st.lists(st.binary(max_size=40)))
def test_lines_are_those_of_the_whole_whatever_the_chunks(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    lines = list(log_lines(chunks))
    assert lines == list(log_lines([whole]))
    ends = [part + b"\n" for part in whole.split(b"\n")]
    ends[-1] = ends[-1][:-1]
    assert [whole[line.offset : line.end] for line in lines] == [end for end in ends if end]
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        pytest.param(b"\x1b[01;31m\x1b[Kerror\x1b[m\x1b[K: x", "error: x", id="colours"),
        pytest.param(b"\x1b]8;;http://x\x07link\x1b]8;;\x07", "link", id="hyperlink"),
        pytest.param(b"10%\r20%\rdone\r", "done", id="carriage returns"),
        pytest.param(b"a \t \r", "a", id="blanks at the end"),
        pytest.param(b"  a", "  a", id="blanks at the beginning"),
        pytest.param(b"\xff", "\ufffd", id="not UTF-8"),
        pytest.param(b"a\0b", "a\ufffdb", id="NUL"),
        pytest.param("\u2018x\u2019".encode(), "\u2018x\u2019", id="UTF-8"),
        pytest.param(b"\x1b", "", id="escape alone"),
        pytest.param(b"a" * 9999, "a" * MAX_LINE_LENGTH, id="long"),
    ],
)
def test_a_line_is_what_a_reader_sees(raw: bytes, text: str) -> None:
    assert visible(raw) == text


def test_only_line_feeds_end_lines() -> None:
    text = "a\x0bb\x0cc\u2028d\ne".encode()
    assert [line.number for line in log_lines([text])] == [1, 2]


def test_a_line_without_end_counts() -> None:
    assert list(log_lines([b"a\nb"])) == [LogLine(1, 0, 2, "a"), LogLine(2, 2, 3, "b")]


def endless(count: int) -> Iterator[bytes]:
    return (b"x" * 10_000 for _ in range(count))


def test_of_a_very_long_line_only_the_beginning_is_held() -> None:
    tracemalloc.start()
    try:
        (line,) = log_lines(endless(1000))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    assert (len(line.text), line.end) == (MAX_LINE_LENGTH, 10**7)


@given(st.one_of(st.binary(), mutations(gzip.compress(TEXT * 50, mtime=0))))
def test_any_bytes_give_lines_or_a_documented_error(data: bytes) -> None:
    assert drained([data])[1] in {None, "truncated", "damaged", "too_large"}


def test_a_log_of_very_many_lines_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.builds.logs.stream.MAX_LOG_LINES", 4)
    assert drained([b"1\n2\n", b"3\n4\n"]) == (b"1\n2\n3\n4\n", None)
    assert drained([b"1\n2\n", b"3\n4\n", b"\n"]) == (b"1\n2\n3\n4\n", "too_many_lines")
    assert read_log([b"1\n2\n", b"\n\n\n"]).damage == "too_many_lines"


@pytest.mark.parametrize(("extra", "damage"), [(0, None), (1, "long_line")])
def test_a_line_that_is_stored_in_part_is_told(extra: int, damage: str | None) -> None:
    report = read_log([b"first\n", b"x" * MAX_LINE_BYTES, b"y" * extra, b"\nlast\n"])
    assert (report.lines, report.damage) == (3, damage)
    assert report.size == 6 + MAX_LINE_BYTES + extra + 6
