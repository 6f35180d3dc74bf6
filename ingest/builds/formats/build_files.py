"""The files of one directory that a build left, from wherever they are read."""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from ingest.builds.logs.stream import expanded
from models.errors import ParseError
from models.ingestions.damage import Damage

Chunks = Callable[[], Iterable[bytes]]
Files = Mapping[str, Chunks]
Parsed = TypeVar("Parsed")

FILE_LIMIT = 2**28


class BuildFiles:
    """Reads the files of a directory, gzipped or plain; what cannot be read becomes a problem.

    The names are paths below the directory, parted by `/`. Each call of what a name maps to gives
    the content once more, in chunks.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self.problems: list[Damage] = []

    def names(self) -> Iterable[str]:
        """Return the paths of all files, in sorted order."""
        return sorted(self._files)

    def first_of(self, *names: str) -> str | None:
        """Return the first of the names that is there, as it is or with `.gz` behind it."""
        candidates = (whole for name in names for whole in (name, f"{name}.gz"))
        return next((name for name in candidates if name in self._files), None)

    def chunks(self, name: str) -> Iterable[bytes]:
        """Return the content of a file as it lies there."""
        return self._files[name]()

    def parse(self, parse: Callable[[bytes], Parsed], *names: str) -> Parsed | None:
        """Return what is parsed from the first of the names that is there, or None."""
        name = self.first_of(*names)
        if name is None:
            return None
        try:
            return parse(b"".join(expanded(self.chunks(name), FILE_LIMIT)))
        except ParseError as error:
            self.problems.append(Damage(name, error.reason, error.detail))
        except OSError as error:
            self.problems.append(Damage(name, "unreadable", error.strerror or "no reason"))
        return None

    def attempt(self, read: Callable[[Iterable[bytes]], Parsed], name: str) -> Parsed | None:
        """Return what is read from a file in chunks, or None."""
        try:
            return read(self.chunks(name))
        except ParseError as error:
            self.problems.append(Damage(name, error.reason, error.detail))
        except OSError as error:
            self.problems.append(Damage(name, "unreadable", error.strerror or "no reason"))
        return None
