"""A manifest as clients send it: one JSON entry a line, sorted by path, without limit of number."""

from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from typing import IO, Any

import orjson
from pydantic import ValidationError

from models.builds.build import BuildManifest
from models.builds.report import ReportedEntry
from models.errors import ParseError

MAX_LINE_BYTES = 2**16


class SentManifest:
    """The entries that were received, kept in a file; they can be iterated repeatedly.

    ParseError `bad_entry`, `wrong_order` or `too_large`, with the number of the entry.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = sha256()
        self._rest = b""
        self._last_path = ""
        self._entries = self._files = self._bytes = 0

    async def take_all(self, pieces: AsyncIterator[bytes]) -> None:
        """Read all entries from pieces that may end anywhere in a line; ignore empty lines."""
        async for piece in pieces:
            *lines, self._rest = (self._rest + piece).split(b"\n")
            for line in lines:
                self._take(line)
            if len(self._rest) > MAX_LINE_BYTES:
                raise self._error("too_large", f"a line has more than {MAX_LINE_BYTES:,} bytes")
        self._take(self._rest)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self._file.seek(0)
        return map(orjson.loads, self._file)

    def describe(self) -> BuildManifest:
        """Return the summary that the document of a build contains."""
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
        if self._entries and entry.path <= self._last_path:
            raise self._error("wrong_order", "its path does not sort after the previous one")
        content = orjson.dumps(entry.model_dump(exclude_none=True), option=orjson.OPT_SORT_KEYS)
        self._digest.update(content)
        self._file.write(content + b"\n")
        self._last_path = entry.path
        self._entries += 1
        if entry.type == "file":
            self._files += 1
            self._bytes += entry.size or 0

    def _error(self, reason: str, detail: str) -> ParseError:
        return ParseError(reason, f"entry {self._entries + 1}: {detail}")
