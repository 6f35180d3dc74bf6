"""The files of one directory that a build left, from a disk or from an archive."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ingest.builds.logs.stream import expanded
from models.errors import ParseError
from models.ingestions.damage import Damage

Chunks = Callable[[], Iterable[bytes]]
"""Returns the content of a file in chunks; every call begins again at its start."""
Files = Mapping[str, Chunks]
"""Files by their paths below a directory, with `/` between the parts."""
Parsed = TypeVar("Parsed")

MAX_FILE_BYTES = 2**28


class BuildFiles:
    """Reads the files of a directory, gzipped or plain, and notes those that it cannot read."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.problems: list[Damage] = []

    def names(self) -> Iterable[str]:
        """Return the paths of all files, sorted."""
        return sorted(self._files)

    def first_of(self, *names: str) -> str | None:
        """Return the first of the names that exists, unchanged or with `.gz` appended."""
        candidates = (candidate for name in names for candidate in (name, f"{name}.gz"))
        return next((name for name in candidates if name in self._files), None)

    def chunks(self, name: str) -> Iterable[bytes]:
        """Return the content of a file as it is stored, perhaps gzipped."""
        return self._files[name]()

    def parse(self, parse: Callable[[bytes], Parsed], *names: str) -> Parsed | None:
        """Return what `parse` makes of the first of the names that exists.

        Return None when none of them exists, or when the file cannot be read.
        """
        name = self.first_of(*names)
        if name is None:
            return None
        return self.read(lambda chunks: parse(b"".join(expanded(chunks, MAX_FILE_BYTES))), name)

    def read(self, read: Callable[[Iterable[bytes]], Parsed], name: str) -> Parsed | None:
        """Return what `read` makes of the chunks of a file, or None when it cannot be read."""
        try:
            return read(self.chunks(name))
        except ParseError as error:
            self.problems.append(Damage(name, error.reason, error.detail))
        except OSError as error:
            self.problems.append(Damage(name, "unreadable", error.strerror or "no reason"))
        return None
