"""Build logs as streams of lines: gzipped or plain, of any size, encoding and line length."""

import re
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from more_itertools import sliced

from models.errors import ParseError

MAX_LOG_BYTES = 2**31
MAX_LOG_LINES = 5_000_000
MAX_LINE_LENGTH = 4096

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31
_WINDOW, _PIECE = 2**14, 2**16
_LINE_BYTES = 4 * MAX_LINE_LENGTH
_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])?"
)


class LogLine(NamedTuple):
    """One line: `number` from 1, `offset` and `end` in bytes of the expanded log.

    `text` is the line as a terminal shows it: without colours and the line end, its first
    `MAX_LINE_LENGTH` characters, with U+FFFD for NUL and for bytes that are not UTF-8. When
    carriage returns overwrite the line, `text` is the last version.
    """

    number: int
    offset: int
    end: int
    text: str


def expanded(chunks: Iterable[bytes], limit: int = MAX_LOG_BYTES) -> Iterator[bytes]:
    """Yield the expanded content of a log in pieces; its first bytes show whether it is gzipped.

    Yield everything that can be read, then raise ParseError `truncated`, `damaged`, `too_large`
    (more than `limit` bytes) or `too_many_lines`. Memory does not depend on the size of the log.
    """
    total = lines = 0
    for piece in _pieces(iter(chunks)):
        total += len(piece)
        lines += piece.count(b"\n")
        if lines > MAX_LOG_LINES:
            raise ParseError("too_many_lines", f"the log has more than {MAX_LOG_LINES} lines")
        if total > limit:
            yield piece[: len(piece) - (total - limit)]
            raise ParseError("too_large", f"the log has more than {limit} bytes")
        yield piece


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(_GZIP_MAGIC):
            break
    content = chain([head], chunks)
    return _gunzipped(content) if head.startswith(_GZIP_MAGIC) else content


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the content of all gzip members; zeros after the last one, as on tapes, are ignored."""
    member: zlib._Decompress | None = zlib.decompressobj(_GZIP_WINDOW)
    for window in _windows(chunks):
        data = window
        while data:
            if member is None:
                data = data.lstrip(b"\0")
                if not data:
                    break
                member = zlib.decompressobj(_GZIP_WINDOW)
            try:
                yield member.decompress(data, _PIECE)
            except zlib.error as error:
                raise ParseError("damaged", f"the gzip data is damaged: {error}") from error
            data = member.unused_data if member.eof else member.unconsumed_tail
            member = None if member.eof else member
    if member is not None:
        raise ParseError("truncated", "the gzip data ends in the middle")


def _windows(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield small parts: zlib copies what follows a member, and what is beyond its output limit."""
    for chunk in chunks:
        yield from sliced(chunk, _WINDOW)


def log_lines(pieces: Iterable[bytes]) -> Iterator[LogLine]:
    """Yield the lines of an expanded log; only the beginning of a very long line is in memory."""
    number, offset, length, held = 1, 0, 0, b""
    for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for raw in whole:
            end = offset + length + len(raw) + 1
            if length:
                raw = held + raw[:_LINE_BYTES]
                length, held = 0, b""
            yield LogLine(number, offset, end, visible(raw))
            number, offset = number + 1, end
        if rest:
            length += len(rest)
            held += rest[: max(0, _LINE_BYTES - len(held))]
    if length:
        yield LogLine(number, offset, offset + length, visible(held))


def visible(raw: bytes) -> str:
    """Return the `text` of a `LogLine` for the bytes of a line."""
    if not raw:
        return ""
    text = raw[:_LINE_BYTES].decode("utf-8", errors="replace")
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    text = text.rstrip()
    if "\r" in text:
        text = text.rpartition("\r")[2]
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text[:MAX_LINE_LENGTH]
