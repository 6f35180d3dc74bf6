"""The content of files: compressed with gzip or plain, in any encoding, possibly damaged."""

import hashlib
import zlib

from models.errors import ParseError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_HEADER_SIZE = 10
_GZIP_WBITS = 31  # zlib expects a gzip header, and a window of any size
_PERSONS = (b"plain", b"gzip")
_FIRST_PIECE, _NEXT_PIECE = 2**17, 512
_BYTE_ORDER_MARK = "\ufeff"
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"  # those of `str.splitlines`
_MAX_LINES = 2_000_000


def expand(data: bytes, limit: int) -> bytes:
    """Return the content of a file that may be compressed, as its first bytes indicate.

    Raise ParseError with the reason `empty`, `truncated`, `damaged` or `too_large` (more than
    `limit` bytes).
    """
    if not data:
        raise ParseError("empty", "the file has no bytes")
    if not data.startswith(_GZIP_MAGIC):
        if len(data) > limit:
            raise ParseError("too_large", f"the file has more than {limit} bytes")
        return data
    content = b"".join(_members(data, limit))
    if len(content) > limit:
        raise ParseError("too_large", f"the file expands to more than {limit} bytes")
    if not content:
        raise ParseError("empty", "the file expands to no bytes")
    return content


def identity(data: bytes) -> bytes:
    """Return a digest that identifies the content of a file, without expanding it.

    The header of gzip data is omitted, because it contains the name of the file and the time of
    compression. The rest is the same for the same content that was compressed in the same way.
    """
    start = _header_size(data)
    return hashlib.blake2b(
        memoryview(data)[start:], digest_size=16, person=_PERSONS[start > 0]
    ).digest()


def _header_size(data: bytes) -> int:
    """Return the size of the header of gzip data; 0 for other data and for unusual headers.

    Source of the format: RFC 1952. Flags 4, 8 and 16 are an extra field, a name and a comment; a
    header with an extra field is unusual.
    """
    if not data.startswith(_GZIP_MAGIC) or len(data) < _GZIP_HEADER_SIZE or data[3] & ~0b0001_1001:
        return 0
    end = _GZIP_HEADER_SIZE
    for flag in (0b0_1000, 0b1_0000):
        if data[3] & flag:
            end = data.find(b"\0", end) + 1
            if not end:
                return 0
    return end


def expand_head(data: bytes, size: int) -> bytes:
    """Return the first `size` bytes of the content, or fewer when the data ends before.

    Raise ParseError with the reason `damaged`.
    """
    if not data.startswith(_GZIP_MAGIC):
        return data[:size]
    try:
        return zlib.decompressobj(_GZIP_WBITS).decompress(data, size)
    except zlib.error as error:
        raise ParseError("damaged", f"the gzip data is damaged: {error}") from error


def _members(data: bytes, limit: int) -> list[bytes]:
    """Return the contents of all gzip members, in total at most `limit` + 1 bytes."""
    parts: list[bytes] = []
    room = limit + 1
    position = 0
    while data.startswith(_GZIP_MAGIC, position) and room > 0:
        try:
            part, position = _member(data, position, room)
        except zlib.error as error:
            raise ParseError("damaged", f"the gzip data is damaged: {error}") from error
        parts.append(part)
        room -= len(part)
    if room > 0 and data[position:].strip(b"\0"):
        raise ParseError("damaged", "data that is not gzip follows the gzip data")
    return parts


def _member(data: bytes, position: int, room: int) -> tuple[bytes, int]:
    """Return the content of the member at `position`, at most `room` bytes, and where it ends.

    The data is decompressed in pieces of growing size, because zlib copies everything that follows
    the member in a piece: a file of very many members must not be copied as many times.
    """
    member = zlib.decompressobj(_GZIP_WBITS)
    piece_size = _NEXT_PIECE if position else _FIRST_PIECE
    parts: list[bytes] = []
    while not member.eof and room > 0:
        piece = data[position : position + piece_size]
        if not piece:
            raise ParseError("truncated", "the gzip data ends in the middle")
        part = member.decompress(piece, room)
        parts.append(part)
        room -= len(part)
        position += len(piece)
        piece_size *= 4
    return b"".join(parts), position - len(member.unused_data)


def text_lines(content: bytes, *, is_start: bool = True) -> list[str]:
    """Return the lines of a text, without the byte order mark at the start of its file.

    Lines may end in CR LF, and bytes that are not UTF-8 are replaced. Raise ParseError
    `too_many_lines` when they would take too much memory.
    """
    text = content.decode("utf-8", errors="replace")
    if is_start:
        text = text.removeprefix(_BYTE_ORDER_MARK)
    if len(text) > _MAX_LINES and sum(map(text.count, _LINE_ENDS)) > _MAX_LINES:
        raise ParseError("too_many_lines", f"the file has more than {_MAX_LINES} lines")
    return text.splitlines()
