"""Bytes as they lie in the archive: gzipped or plain, of any encoding, perhaps damaged."""

import hashlib
import zlib

from models.errors import ParseError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_HEADER = 10
_GZIP_WINDOW = 31
_PERSONS = (b"plain", b"gzip")
_SMALL, _LARGE = 512, 2**17
_BYTE_ORDER_MARK = "\ufeff"


def expand(data: bytes, limit: int) -> bytes:
    """Return the content of a file that may be gzipped; what it is, its first bytes tell.

    ParseError `empty`, `truncated`, `damaged` or `too_large` (more than `limit` bytes).
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
    """Return a digest by which files of the same content are known, without expanding them.

    The header of gzip data is left out, which holds the name of the file and the time when it was
    packed: the rest is the same for the same content, packed in the same way.
    """
    start = _header_size(data)
    return hashlib.blake2b(
        memoryview(data)[start:], digest_size=16, person=_PERSONS[start > 0]
    ).digest()


def _header_size(data: bytes) -> int:
    """Return how many bytes of gzip data come before what is packed; 0 when that is not told.

    Source of the format: RFC 1952; flags 4, 8 and 16 are an extra field, a name and a comment.
    """
    if not data.startswith(_GZIP_MAGIC) or len(data) < _GZIP_HEADER or data[3] & ~0b0001_1001:
        return 0
    end = _GZIP_HEADER
    for flag in (0b0_1000, 0b1_0000):
        if data[3] & flag:
            end = data.find(b"\0", end) + 1
            if not end:
                return 0
    return end


def expand_head(data: bytes, size: int) -> bytes:
    """Return the first `size` bytes of the content, or what can be had of them."""
    if not data.startswith(_GZIP_MAGIC):
        return data[:size]
    try:
        return zlib.decompressobj(_GZIP_WINDOW).decompress(data, size)
    except zlib.error as error:
        raise ParseError("damaged", f"the gzip data is damaged: {error}") from error


def _members(data: bytes, limit: int) -> list[bytes]:
    """Return the contents of all gzip members, reading little more than `limit` bytes of them."""
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
        raise ParseError("damaged", "something that is not gzip data follows the gzip data")
    return parts


def _member(data: bytes, position: int, room: int) -> tuple[bytes, int]:
    """Return the content of the member that begins at `position`, and where it ends.

    It is read in windows that grow, because zlib copies all that follows the member in a window:
    a file of very many members must not be copied as many times.
    """
    member = zlib.decompressobj(_GZIP_WINDOW)
    window = _SMALL if position else _LARGE
    parts: list[bytes] = []
    while not member.eof and room > 0:
        piece = data[position : position + window]
        if not piece:
            raise ParseError("truncated", "the gzip data ends in the middle")
        part = member.decompress(piece, room)
        parts.append(part)
        room -= len(part)
        position += len(piece)
        window *= 4
    return b"".join(parts), position - len(member.unused_data)


def text_lines(content: bytes) -> list[str]:
    """Return the lines of a text; a byte order mark, CR LF and bytes that are not UTF-8 do not
    matter.
    """
    return content.decode("utf-8", errors="replace").removeprefix(_BYTE_ORDER_MARK).splitlines()
