"""What every source gives: execution directories, and the bytes of those that are wanted."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ingest.inventory import FileEntry, Inventory, take_inventory
from ingest.layout import Location

MAX_DEPTH = 32
_BATCH = 256
_LARGEST_BATCH = 1024

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """One execution directory: where it is, which files it has, and a fingerprint of these.

    `path` names it to people and in the database. The fingerprint is of the names and sizes of
    all files, so that it is the same wherever a copy of the directory lies.
    """

    path: str
    location: Location
    entries: tuple[FileEntry, ...]

    @property
    def inventory(self) -> Inventory:
        """Which of the files are to be read."""
        return take_inventory(self.entries, self.location.lid.text)

    @property
    def modified(self) -> int:
        """When a file of it was last modified, in seconds since the epoch."""
        return max((entry.modified for entry in self.entries), default=0)

    @property
    def fingerprint(self) -> str:
        """A digest of the names and sizes of all files."""
        digest = hashlib.sha256()
        for entry in sorted(self.entries, key=lambda entry: entry.path):
            digest.update(f"{entry.path}\0{entry.size}\n".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of the files to read, or the directory to read them from."""

    directory: str | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Damage:
    """Something in a source that could not be read at all."""

    path: str
    reason: str
    detail: str


def storable_path(path: str) -> str:
    """Return a path as it can be stored: bytes in it that are not UTF-8 stand as escapes."""
    return path.encode("utf-8", "backslashreplace").decode()


class Source(ABC):
    """Something to import."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damages: list[Damage] = []

    @abstractmethod
    def find(self) -> Iterator[Found]:
        """Give the execution directories, those of one case directory one after the other.

        What cannot be read is noted in `damages`; what can be is given all the same.
        """

    def batches(self) -> Iterator[list[Found]]:
        """Give the execution directories in batches, each to be read in one go."""
        yield from grouped(self.find(), _path_of)

    @abstractmethod
    def read(self, wanted: Sequence[Found], limit: int, /) -> Iterator[tuple[Found, Content]]:
        """Give the content of the wanted directories, in an order of the source's own.

        No more than the first `limit + 1` bytes of a file are given. When the source breaks off,
        that is noted in `damages`, and what follows is left out.
        """


def case_directory(path: str) -> str:
    """Return the directory of the case that an execution directory lies in."""
    return path.rpartition("/")[0]


def grouped(items: Iterable[T], path_of: Callable[[T], str]) -> Iterator[list[T]]:
    """Group directories into batches, those of one case together as far as that is sensible."""
    batch: list[T] = []
    parent = None
    for item in items:
        above = case_directory(path_of(item))
        is_full = len(batch) >= _BATCH and above != parent
        if is_full or len(batch) >= _LARGEST_BATCH:
            yield batch
            batch = []
        batch.append(item)
        parent = above
    if batch:
        yield batch


def _path_of(found: Found) -> str:
    return found.path
