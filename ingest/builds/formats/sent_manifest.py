"""A manifest as it is sent: an entry a line, in the order of the paths, however many there are."""

from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from typing import IO, Any

import orjson
from pydantic import ValidationError

from models.builds.build import BuildManifest
from models.builds.report import ReportedEntry
from models.errors import ParseError

LONGEST_LINE = 2**16


class SentManifest:
    """The entries that have been taken, kept in a file; they can be gone through again and again.

    ParseError when a line is no entry, or does not stand in its place.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = sha256()
        self._held = b""
        self._last = ""
        self._entries = self._files = self._bytes = 0

    async def take_all(self, pieces: AsyncIterator[bytes]) -> None:
        """Take what comes in pieces; lines without anything are passed over."""
        async for piece in pieces:
            *lines, self._held = (self._held + piece).split(b"\n")
            for line in lines:
                self._take(line)
            if len(self._held) > LONGEST_LINE:
                raise self._error("too_large", f"a line has more than {LONGEST_LINE:,} bytes")
        self._take(self._held)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._file.seek(0)
        return map(orjson.loads, self._file)

    def describe(self) -> BuildManifest:
        """Return what a build has of it."""
        return BuildManifest(
            digest=self._digest.hexdigest(),
            entry_count=self._entries,
            file_count=self._files,
            bytes=self._bytes,
        )

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            entry = ReportedEntry.model_validate_json(line)
        except ValidationError as error:
            detail = "; ".join(
                f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()
            )
            raise self._error("bad_entry", detail[:300]) from None
        if self._entries and entry.path <= self._last:
            raise self._error("wrong_order", "its path does not come behind the one before")
        known = entry.model_dump(exclude_none=True)
        written = orjson.dumps(known, option=orjson.OPT_SORT_KEYS)
        self._digest.update(written)
        self._file.write(written + b"\n")
        self._last = entry.path
        self._entries += 1
        if entry.type == "file":
            self._files += 1
            self._bytes += entry.size or 0

    def _error(self, reason: str, detail: str) -> ParseError:
        return ParseError(reason, f"entry {self._entries + 1}: {detail}")
